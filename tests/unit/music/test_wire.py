import json
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model import ClosedCause, FailReason, SongRequest, TaskId
from bot.music import wire
from tests import make
from tests.doubles.music.documented import CUSTOM, INSTRUMENTAL, NORMAL

ANSWERS = Path(__file__).parent / "answers"
ORIGIN = "https://music.example:443"
LOCAL = "http://127.0.0.1:8085"
SONG = "https://files.example/song.mp3"
OTHER_SONG = "https://files.example/other.mp3"

Json: TypeAlias = dict[str, object]


def answer(name: str) -> bytes:
    return (ANSWERS / name).read_bytes()


def body(**fields: object) -> bytes:
    return json.dumps(fields).encode()


def task(status: object = "success", urls: object = (SONG, OTHER_SONG), **fields: object) -> bytes:
    return body(object="task", data={"id": "task_id", "status": status, "audioUrls": urls, **fields})


def submitted(status: int, answered: bytes, *sent: str, retry_after_s: float | None = None) -> wire.Submitted:
    return wire.read_submitted(status, answered, sent, retry_after_s)


def checked(answered: bytes, status: int = 200, origin: str = ORIGIN) -> wire.Checked | wire.Busy:
    return wire.read_checked(status, answered, origin)


def kind(outcome: object) -> object:
    """Return the class of an outcome, without its message."""
    match outcome:
        case wire.Rejected(reason=FailReason.CLOSED, closed=cause):
            return cause
        case wire.Rejected(reason=reason):
            return reason
        case _:
            return type(outcome)


# -- the body of the POST


@pytest.mark.parametrize(
    ("request_", "documented"),
    [
        pytest.param(make.prompt("Warm cinematic synth pop with soft drums"), NORMAL, id="normal"),
        pytest.param(make.custom(), CUSTOM, id="custom"),
        pytest.param(
            make.custom(title="Open Sky", style="cinematic ambient", lyrics="", instrumental=True),
            INSTRUMENTAL,
            id="instrumental",
        ),
    ],
)
def test_the_body_of_the_post_is_the_documented_one(request_: SongRequest, documented: str) -> None:
    sent = wire.generation(request_, "kie", {})

    assert list(json.loads(documented).items()) == list(sent.items())


@pytest.mark.parametrize(
    ("options", "sent"), [({}, None), ({"styleWeight": 0.6}, {"styleWeight": 0.6}), ({"a": {}}, {"a": {}})]
)
def test_options_are_only_sent_if_any_are_set(options: Json, sent: Json | None) -> None:
    assert sent == wire.generation(make.prompt(), "kie", options).get("options")


@pytest.mark.parametrize(
    ("options", "avoid", "sent"),
    [
        ({"negativeTags": "screaming, slurs"}, "banjo", "screaming, slurs, banjo"),
        ({"negativeTags": "screaming"}, "", "screaming"),
        ({"negativeTags": ""}, "banjo", "banjo"),
        ({"styleWeight": 0.6}, "banjo", "banjo"),
    ],
)
def test_exclusions_of_member_and_operator_are_combined(options: Json, avoid: str, sent: str) -> None:
    body = wire.generation(make.prompt(avoid=avoid), "kie", options)

    assert options | {"negativeTags": sent} == body["options"]


def test_an_instrumental_song_is_sent_without_the_lyrics_typed() -> None:
    sent = wire.generation(make.custom(instrumental=True, lyrics="la la la"), "kie", {})

    assert "lyrics" not in sent


def test_each_mode_is_sent_without_the_fields_of_the_other() -> None:
    custom = wire.generation(make.custom(prompt="left over"), "kie", {})
    normal = wire.generation(make.prompt("rain", title="left over", style="x", lyrics="y"), "kie", {})

    assert "prompt" not in custom
    assert {"provider", "model", "prompt", "instrumental"} == set(normal)


# -- the answer to the POST: an id


@pytest.mark.parametrize(
    ("answered", "task_id"),
    [
        (answer("accepted.json"), "task_id"),
        (answer("accepted-upstream.json"), "5c79be8e"),
        (body(id="a-1"), "a-1"),
        (body(taskId="a-1"), "a-1"),
        (body(task_id="a-1"), "a-1"),
        (body(id=1234567890123456789), "1234567890123456789"),
        (body(data={"taskId": 7}), "7"),
        (body(id="of the request", data={"taskId": "of the task"}), "of the task"),
        (body(id="outer", data={"id": None}), "outer"),
        (body(id="outer", data={"id": ""}), "outer"),
        (body(id="outer", data=["list"]), "outer"),
        (body(id={}, taskId="a-1"), "a-1"),
        (body(id="é" * 200), "é" * 200),
        (body(id="../../v1?x=1#y%2F"), "../../v1?x=1#y%2F"),
        (body(id="a-1", extra=[[{}]], status=[], data="text"), "a-1"),
        (body(code=402, msg="insufficient credits", data={"taskId": "a-1"}), "a-1"),
        (body(success=False, error="odd", id="a-1"), "a-1"),
        (body(error={"message": "coming soon"}, id="a-1"), "a-1"),
    ],
)
def test_an_answer_with_an_id_is_accepted(answered: bytes, task_id: str) -> None:
    assert [wire.Accepted(TaskId(task_id))] * 4 == [
        submitted(status, answered) for status in (200, 201, 202, 299)
    ]


@pytest.mark.parametrize(
    "odd",
    [
        None,
        "",
        " ",
        ".",
        "..",
        "line\nbreak",
        "tab\t",
        "nul\x00",
        "\ud800",
        "\u202egnp",
        "x" * 201,
        "x" * 10_000,
        int("9" * 4_000),
        1.5,
        True,
        [],
        ["a-1"],
        {},
        {"id": "a-1"},
    ],
    ids=lambda odd: repr(odd)[:20],
)
def test_an_unusable_id_leaves_the_outcome_open(odd: object) -> None:
    for name in ("id", "taskId", "task_id"):
        assert wire.Unknown is kind(submitted(200, body(**{name: odd})))
        assert wire.Unknown is kind(submitted(200, body(data={name: odd})))


def test_a_number_of_ten_thousand_digits_leaves_the_outcome_open() -> None:
    assert wire.Unknown is kind(submitted(200, b'{"id":' + b"9" * 10_000 + b"}"))


@pytest.mark.parametrize("status", [300, 400, 500])
def test_an_id_only_counts_with_a_success_status(status: int) -> None:
    assert wire.Accepted is not kind(submitted(status, answer("accepted.json")))


# -- the answer to the POST: everything else

TRUNCATED = b'{"id":"task_1","credits":10,"note":"insufficient policy, not open","da'
NOT_OPEN, NO_CREDITS, BAD_KEY = ClosedCause.NOT_OPEN, ClosedCause.NO_CREDITS, ClosedCause.BAD_KEY
MODERATED, REFUSED = FailReason.MODERATED, FailReason.REFUSED


@pytest.mark.parametrize(
    ("status", "answered", "outcome"),
    [
        # The endpoint is not open.
        (404, answer("site-not-found.html"), NOT_OPEN),
        (404, b"", NOT_OPEN),
        (404, body(error="no such route"), NOT_OPEN),
        (405, b"", NOT_OPEN),
        (501, b"", NOT_OPEN),
        (400, answer("coming-soon.json"), NOT_OPEN),
        (403, answer("coming-soon.json"), NOT_OPEN),
        (503, answer("coming-soon.json"), NOT_OPEN),
        (403, b"COMING SOON", NOT_OPEN),
        (400, body(message="Music is not open."), NOT_OPEN),
        (400, body(message="Music is not yet open."), NOT_OPEN),
        (403, body(message="for preview only"), NOT_OPEN),
        (503, body(message="This model is not available"), NOT_OPEN),
        (503, body(message="This model is not currently available"), NOT_OPEN),
        (200, body(code=404, msg="no such route"), NOT_OPEN),
        (200, body(code=503, msg="coming soon"), NOT_OPEN),
        (200, body(code=-1, message="Coming soon!"), NOT_OPEN),
        (200, body(success=False, message="coming soon"), NOT_OPEN),
        (200, answer("coming-soon.json"), NOT_OPEN),
        # The account is empty.
        (402, b"", NO_CREDITS),
        (402, answer("site-page.html"), NO_CREDITS),
        (402, answer("coming-soon.json"), NO_CREDITS),
        (402, answer("no-credits.json"), NO_CREDITS),
        (200, answer("no-credits.json"), NO_CREDITS),
        (200, answer("no-credits-inside-200.json"), NO_CREDITS),
        (200, body(code="402", msg="payment required"), NO_CREDITS),
        (400, body(detail="Insufficient funds"), NO_CREDITS),
        (403, body(message="NOT ENOUGH CREDITS"), NO_CREDITS),
        (422, body(errorMessage="your balance is too low"), NO_CREDITS),
        (429, body(msg="credit limit reached"), NO_CREDITS),
        (430, body(msg="insufficient"), NO_CREDITS),
        (455, body(msg="no credits left"), NO_CREDITS),
        (500, answer("no-credits.json"), NO_CREDITS),
        (503, answer("no-credits.json"), NO_CREDITS),
        (400, b"insufficient credits", NO_CREDITS),
        (500, b'"insufficient credits"', NO_CREDITS),
        # The key is not accepted.
        (401, b"", BAD_KEY),
        (401, answer("invalid-key.json"), BAD_KEY),
        (401, answer("site-page.html"), BAD_KEY),
        (403, b"", BAD_KEY),
        (403, answer("invalid-key.json"), BAD_KEY),
        (403, answer("site-page.html"), BAD_KEY),
        (400, body(msg="no auth"), BAD_KEY),
        (200, answer("invalid-key.json"), BAD_KEY),
        (200, body(code=401, msg="You do not have access"), BAD_KEY),
        # The words are not accepted.
        (400, answer("moderated.json"), MODERATED),
        (200, answer("moderated.json"), MODERATED),
        (403, body(message="against our content policy"), MODERATED),
        (422, body(error={"message": "The prompt contains an artist name"}), MODERATED),
        (400, body(detail="SENSITIVE words"), MODERATED),
        (451, body(detail="copyright"), MODERATED),
        (200, body(code=-1, message="sensitive words"), MODERATED),
        (200, body(success=False, message="sensitive words"), MODERATED),
        (400, b"The style names an artist: copyright", MODERATED),
        # The fields are not accepted.
        (400, answer("bad-input.json"), REFUSED),
        (413, b"", REFUSED),
        (422, body(message="title is required"), REFUSED),
        (400, answer("bad-gateway.html"), REFUSED),
        (200, body(code=422, msg="title is required"), REFUSED),
        (200, body(code="400", msg="title is required"), REFUSED),
        # Certainly not accepted.
        (429, b"", wire.Busy),
        (429, answer("bad-gateway.html"), wire.Busy),
        (430, body(msg="too many"), wire.Busy),
        (455, body(msg="maintenance"), wire.Busy),
        (200, body(code=429, msg="too many"), wire.Busy),
        (200, body(code=455), wire.Busy),
        (503, answer("busy.json"), wire.Busy),
        (503, body(message="We are BUSY"), wire.Busy),
        (503, body(message="rate limit"), wire.Busy),
        (503, body(message="down for maintenance"), wire.Busy),
        (200, body(code=503, msg="busy"), wire.Busy),
        # Open: the request may have been accepted.
        (200, b"", wire.Unknown),
        (200, b"null", wire.Unknown),
        (200, b"[]", wire.Unknown),
        (200, b"\xff\xfe\x00", wire.Unknown),
        (200, b"[" * 100_000, wire.Unknown),
        (200, answer("site-page.html"), wire.Unknown),
        (200, answer("site-not-found.html"), wire.Unknown),
        (200, answer("accepted.json")[:40], wire.Unknown),
        (200, TRUNCATED, wire.Unknown),
        (200, b"[" + TRUNCATED, wire.Unknown),
        (200, body(status="pending"), wire.Unknown),
        (200, body(code=0, msg="ok"), wire.Unknown),
        (200, body(code=-1, message="something"), wire.Unknown),
        (200, body(success=False), wire.Unknown),
        (200, body(code=500, msg="oops"), wire.Unknown),
        (200, body(code="²", msg="oops"), wire.Unknown),
        (200, body(code="--1", msg="oops"), wire.Unknown),
        (200, body(code="9" * 5_000), wire.Unknown),
        (200, body(code=[429], success="no", error={}), wire.Unknown),
        (200, body(status="pending", message="read our policy"), wire.Unknown),
        (200, body(status="pending", message="in preview"), wire.Unknown),
        (201, b"", wire.Unknown),
        (101, b"", wire.Unknown),
        (301, b"", wire.Unknown),
        (302, answer("site-page.html"), wire.Unknown),
        (307, body(message="read our policy"), wire.Unknown),
        (308, b"read our policy", wire.Unknown),
        (408, b"", wire.Unknown),
        (409, body(message="conflict"), wire.Unknown),
        (500, b"", wire.Unknown),
        (500, body(message="coming soon"), wire.Unknown),
        (500, body(message="busy"), wire.Unknown),
        (500, body(message="moderation failed"), wire.Unknown),
        (500, TRUNCATED, wire.Unknown),
        (502, answer("bad-gateway.html"), wire.Unknown),
        (502, body(message="overloaded"), wire.Unknown),
        (503, b"", wire.Unknown),
        (503, b"busy", wire.Unknown),
        (503, b"coming soon", wire.Unknown),
        (503, answer("site-page.html"), wire.Unknown),
        (503, body(message="Service Unavailable"), wire.Unknown),
        (503, TRUNCATED, wire.Unknown),
        (504, answer("bad-gateway.html"), wire.Unknown),
        *((status, answer("bad-gateway.html"), wire.Unknown) for status in range(520, 525)),
        *((status, b"error code: 52x", wire.Unknown) for status in range(520, 525)),
        (599, b"", wire.Unknown),
        (999, b"", wire.Unknown),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else str(value),
)
def test_an_answer_to_the_post_is_classified(status: int, answered: bytes, outcome: object) -> None:
    assert outcome == kind(submitted(status, answered))


@pytest.mark.parametrize("answered", [b"", b"wait", answer("bad-gateway.html"), body(message="wait")])
def test_a_503_with_a_retry_time_is_busy(answered: bytes) -> None:
    outcome = submitted(503, answered, retry_after_s=7.0)

    assert isinstance(outcome, wire.Busy)
    assert 7.0 == outcome.retry_after_s


@pytest.mark.parametrize("status", [500, 502, 504, 522])
def test_a_wait_does_not_make_another_server_error_clear(status: int) -> None:
    assert wire.Unknown is kind(submitted(status, b"", retry_after_s=7.0))


def test_a_busy_answer_keeps_its_requested_wait() -> None:
    assert wire.Busy("slow down", -3.0) == submitted(429, body(message="slow down"), retry_after_s=-3.0)


# -- the vendor's message


@pytest.mark.parametrize(
    "said",
    [
        {"error": {"message": "too long"}},
        {"error": {"message": "too long"}, "message": "other"},
        {"error": "too long", "message": "other"},
        {"error": ["list"], "errorMessage": "too long"},
        {"error": {"message": None}, "message": "too long"},
        {"errorMessage": "too long", "message": "other"},
        {"message": "too long", "msg": "other"},
        {"msg": "too long", "detail": "other"},
        {"detail": "too long"},
        {"detail": "too long", "message": None, "msg": 5, "error": ""},
        {"data": {"errorMessage": "too long"}, "code": 400},
        {"data": {"error": {"message": "too long"}}},
        {"message": " too\n\n long\x00\u202e\ud800 "},
    ],
    ids=str,
)
def test_the_reason_is_read_as_one_line(said: Json) -> None:
    assert wire.Rejected(REFUSED, "too long") == submitted(400, json.dumps(said).encode())


def test_a_long_reason_is_cut_and_markup_is_not_a_reason() -> None:
    assert wire.Rejected(REFUSED, "é" * 300) == submitted(400, body(message="é" * 5_000))
    assert wire.Rejected(REFUSED, "") == submitted(400, body(message="<html>oops</html>"))
    assert wire.Rejected(REFUSED, "") == submitted(400, answer("bad-gateway.html"))


# -- echoes of the member's texts


@pytest.mark.parametrize(
    ("prompt", "said", "outcome"),
    [
        ("A ballad about insufficient credits", "Invalid: A ballad about insufficient credits", REFUSED),
        ("insufficient credits", 'Invalid prompt: "insufficient credits"', REFUSED),
        ("insufficient credits", 'Invalid prompt: "INSUFFICIENT Credits"', REFUSED),
        ("Insufficient credits, my old friend", 'Invalid: "Insufficient credits, my…"', REFUSED),
        ("Insufficient credits, my old friend", "Invalid: INSUFFICIENT CREDITS, MY O", REFUSED),
        ("my old friend has insufficient credits", "Invalid: …friend has insufficient credits", REFUSED),
        ("credits\n\n roll", "Invalid: credits roll", REFUSED),
        ("credits\n\nroll\tslowly by", "Invalid: 'credits roll slowly'", REFUSED),
        ("balance", 'Invalid prompt: "balance"', REFUSED),
        ("coming soon", "Invalid prompt: coming soon", REFUSED),
        ("Invalid key of life", "Invalid prompt: invalid key of life", REFUSED),
        ("music policy of the sensitive", "Invalid: music policy of the sensitive", REFUSED),
        # A prompt does not remove the vendor's own words.
        ("A ballad about credits", "A ballad about credits: insufficient credits", NO_CREDITS),
        ("x" * 490, "Refused: " + "x" * 490 + ": insufficient credits", NO_CREDITS),
        ("i", "insufficient credits", NO_CREDITS),
        ("e", "insufficient credits", NO_CREDITS),
        ("", "insufficient credits", NO_CREDITS),
        ("İİİİ insufficient", "İİİİİİİİ insufficient credits", NO_CREDITS),
        ("in", "flagged by moderation", MODERATED),
        ("its", "no credits left", NO_CREDITS),
        ("cred", "no credits left", NO_CREDITS),
    ],
)
def test_the_members_own_text_is_not_classified(prompt: str, said: str, outcome: object) -> None:
    assert outcome == kind(submitted(400, body(message=said), prompt))
    assert outcome == kind(submitted(400, said.encode(), prompt))


def test_an_echo_of_any_field_is_not_classified() -> None:
    said = body(message="style: balance of power ballads; lyrics: I gave you credits and you left me")
    sent = ("", "Neon Rain", "balance of power ballads", "I gave you credits\nand you left me\nalone")

    assert REFUSED == kind(submitted(400, said, *sent))


@pytest.mark.parametrize("prompt", ["busy", "a busy street in the rain", "under maintenance tonight"])
def test_an_echo_never_makes_an_unclear_answer_safe_to_repeat(prompt: str) -> None:
    assert wire.Unknown is kind(submitted(503, body(message=f"can't sing: {prompt}"), prompt))


def test_an_echo_does_not_hide_an_unambiguous_status() -> None:
    assert NO_CREDITS == kind(submitted(402, body(message="insufficient credits"), "insufficient credits"))


# -- the answer to a status query


@pytest.mark.parametrize(
    "word",
    [
        "pending",
        "processing",
        "queued",
        "queuing",
        "waiting",
        "submitted",
        "running",
        "generating",
        "in_progress",
        "streaming",
        "text_success",
        "first_success",
        "PENDING",
        " Processing ",
        "TEXT_SUCCESS",
    ],
)
def test_an_unfinished_task_is_running_whatever_urls_it_has(word: str) -> None:
    assert wire.Running() == checked(task(word))
    assert wire.Running() == checked(task(word, urls=[]))


def test_the_documented_answers_are_read() -> None:
    songs = ("https://files.example/2026/first.mp3", "https://files.example/2026/second.mp3?signature=a%2Fb")

    assert wire.Running() == checked(answer("task-pending.json"))
    assert wire.Done(songs) == checked(answer("task-success.json"))
    assert wire.Rejected(FailReason.UPSTREAM_FAILED, "Internal generation error, please retry") == checked(
        answer("task-failed.json")
    )


@pytest.mark.parametrize("word", ["success", "succeeded", "complete", "completed", "SUCCESS", "Completed"])
@pytest.mark.parametrize("count", [0, 1, 2, 50])
def test_a_finished_task_is_done_with_all_its_urls(word: str, count: int) -> None:
    urls = tuple(f"https://files.example/{number}.mp3" for number in range(count))

    assert wire.Done(urls) == checked(task(word, list(urls)))


@pytest.mark.parametrize(
    "word",
    [
        "failed",
        "fail",
        "error",
        "timeout",
        "expired",
        "FAILED",
        "create_task_failed",
        "GENERATE_AUDIO_FAILED",
    ],
)
def test_a_failed_task_is_failed_unless_it_has_songs(word: str) -> None:
    assert wire.Rejected(FailReason.UPSTREAM_FAILED, "oops") == checked(
        task(word, urls=[], errorMessage="oops")
    )
    assert wire.Rejected(FailReason.UPSTREAM_FAILED) == checked(task(word, urls=None, errorMessage=None))
    assert wire.Rejected(FailReason.UPSTREAM_FAILED) == checked(task(word, urls=["http://files.example/a"]))
    assert wire.Done((SONG,)) == checked(task(word, urls=[SONG], errorMessage="oops"))


@pytest.mark.parametrize(
    "answered",
    [
        task("sensitive_word_error", urls=[]),
        task("SENSITIVE_WORD_ERROR", urls=[], errorMessage="no"),
        task("failed", urls=[], errorMessage="The lyrics were flagged by moderation"),
    ],
)
def test_a_task_that_failed_because_of_its_words_is_moderated(answered: bytes) -> None:
    assert MODERATED == kind(checked(answered))


def test_the_success_of_the_query_is_not_the_reason_of_a_failure() -> None:
    assert wire.Rejected(FailReason.UPSTREAM_FAILED, "") == checked(answer("task-failed-upstream.json"))


@pytest.mark.parametrize("word", ["canceled", "cancelled", "CANCELED"])
def test_a_canceled_task_is_canceled(word: str) -> None:
    assert wire.Rejected(FailReason.CANCELED, "by hand") == checked(
        task(word, urls=[SONG], errorMessage="by hand")
    )


@pytest.mark.parametrize(
    ("answered", "word"),
    [
        (task("brewing"), "brewing"),
        (task("BREWING"), "brewing"),
        (task(None), "(none)"),
        (task(""), "(none)"),
        (task(5), "(none)"),
        (task(["success"]), "(none)"),
        (task({"success": True}), "(none)"),
        (body(object="task", data={}), "(none)"),
        (body(object="task", data=None), "(none)"),
        (b"{}", "(none)"),
        (body(status="success", data={"status": None, "audioUrls": []}), "(none)"),
    ],
)
def test_an_unknown_status_is_running_and_reported(answered: bytes, word: str) -> None:
    assert wire.Running(word) == checked(answered)


@pytest.mark.parametrize(
    "answered",
    [
        body(status="success", audioUrls=[SONG]),
        body(status="success", data=None, audioUrls=[SONG]),
        body(status="success", data=[], audioUrls=[SONG]),
        body(status="success", data={"audioUrls": [SONG]}),
        body(audioUrls=[SONG], data={"status": "success"}),
        body(status="processing", data={"status": "success", "audioUrls": [SONG]}),
        body(code=200, msg="success", data={"status": "SUCCESS", "audioUrls": [SONG], "x": {"y": []}}),
        body(code="200", data={"status": "success", "audioUrls": SONG}),
        body(code=500, data={"status": "success", "audioUrls": [SONG]}),
    ],
)
def test_the_task_is_found_in_data_or_at_the_top(answered: bytes) -> None:
    assert wire.Done((SONG,)) == checked(answered)


@pytest.mark.parametrize(
    "urls",
    [None, "", "text", 5, True, {}, {"0": "song.mp3"}, [None, 5, True, ["x"], {"url": 5}, ""], [[]]],
    ids=str,
)
def test_urls_of_the_wrong_type_are_ignored(urls: object) -> None:
    assert wire.Done(()) == checked(task("success", urls))


def test_equal_urls_count_once_and_keep_their_order() -> None:
    assert wire.Done((OTHER_SONG, SONG)) == checked(
        task(urls=[OTHER_SONG, None, SONG, f" {OTHER_SONG} ", "http://files.example/", SONG])
    )


@pytest.mark.parametrize(
    ("status", "answered"),
    [
        (404, b""),
        (404, body(error="Task not found")),
        (404, answer("site-not-found.html")),
        (200, body(code=404, msg="no")),
        (200, body(code="404")),
        (200, answer("record-info-is-null.json")),
        (422, answer("record-info-is-null.json")),
        (422, body(message="RECORDINFO IS NULL")),
        (400, body(error={"message": "Task Not Found"})),
        (400, b"task not found"),
        (200, body(success=False, message="task not found")),
    ],
)
def test_a_task_unknown_to_the_service_is_not_found(status: int, answered: bytes) -> None:
    assert wire.NotFound() == checked(answered, status)


@pytest.mark.parametrize(
    ("status", "answered"),
    [
        (200, b""),
        (200, b"null"),
        (200, b"[]"),
        (200, b'"success"'),
        (200, b"[" * 100_000),
        (200, answer("site-page.html")),
        (200, answer("task-success.json")[:100]),
        (200, b'{"error":"task not found'),
        (200, body(code=500, msg="oops")),
        (200, body(code="²")[:-1]),
        (200, body(success=False)),
        (200, body(error={"message": "\ud800"})),
        (302, task()),
        (400, b""),
        (402, answer("no-credits.json")),
        (422, body(message="odd")),
        (429, b""),
        (500, b""),
        (500, body(message="worker not found")),
        (502, b"upstream host not found"),
        (502, answer("bad-gateway.html")),
        (503, body(message="backend not found")),
        (504, answer("bad-gateway.html")),
        (520, b""),
        (500, task("failed", urls=[])),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else str(value),
)
def test_an_answer_without_the_task_leads_to_another_query(status: int, answered: bytes) -> None:
    assert wire.Busy is kind(checked(answered, status))


@pytest.mark.parametrize(
    ("status", "answered"),
    [
        (401, b""),
        (403, b""),
        (401, answer("invalid-key.json")),
        (403, answer("site-page.html")),
        (200, body(code=401, msg="no auth")),
        (200, body(code="403", msg="no")),
    ],
)
def test_a_forbidden_status_query_is_about_the_key(status: int, answered: bytes) -> None:
    assert BAD_KEY == kind(checked(answered, status))


@pytest.mark.parametrize("code", ["²", "--1", "9" * 5_000, 1.5, [], {}, True, None, 0, 200, "200"])
def test_an_odd_code_next_to_a_task_is_ignored(code: object) -> None:
    assert wire.Done((SONG,)) == checked(body(code=code, data={"status": "success", "audioUrls": [SONG]}))


# -- addresses


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        ("https://files.example/song.mp3", True),
        ("HTTPS://Files.Example/song.mp3", True),
        ("https://files.example:8443/song.mp3?x=1#y", True),
        ("https://[2606:4700::1111]/song.mp3", True),
        ("https://files.example", True),
        ("https://files.example/None.mp3/song.mp3", True),
        ("http://files.example/song.mp3", False),
        ("http://files.example:443/song.mp3", False),
        ("file:///etc/passwd", False),
        ("file://files.example/etc/passwd", False),
        ("ftp://files.example/song.mp3", False),
        ("data:audio/mpeg;base64,SUQz", False),
        ("javascript:alert(1)", False),
        ("javascript://files.example/%0aalert(1)", False),
        ("/song.mp3", False),
        ("song.mp3", False),
        ("//files.example/song.mp3", False),
        ("https:", False),
        ("https://", False),
        ("https:///song.mp3", False),
        ("https:files.example", False),
        ("https://:443/song.mp3", False),
        ("https://user:secret@files.example/song.mp3", False),
        ("https://user@files.example/song.mp3", False),
        ("https://@files.example/song.mp3", False),
        ("https://files.example:99999/song.mp3", False),
        ("https://files.example:x/song.mp3", False),
        ("https://[::1/song.mp3", False),
        ("https://files.example/so\nng.mp3", False),
        ("https://files.example/so\u202eng.mp3", False),
        ("https://files.example/\ud800.mp3", False),
        ("https://files.example/None.mp3", False),
        ("https://files.example/x/None.mp3?signature=1", False),
        ("https://files.example/api/forbidden", False),
        ("https://files.example/api/forbidden?x=1", False),
        ("", False),
    ],
)
def test_audio_is_fetched_over_https_from_a_plain_address_only(url: str, usable: bool) -> None:
    assert usable is wire.is_usable(url, ORIGIN)
    assert (url,) * usable == getattr(checked(task(urls=[url])), "urls", None)


@pytest.mark.parametrize(
    ("url", "usable"),
    [
        (f"{LOCAL}/files/song.mp3", True),
        ("https://127.0.0.1:8085/song.mp3", True),
        ("http://127.0.0.1:8086/song.mp3", False),
        ("http://127.0.0.1/song.mp3", False),
        ("http://localhost:8085/song.mp3", False),
        ("http://user@127.0.0.1:8085/song.mp3", False),
        (f"{LOCAL}/None.mp3", False),
        (f"{LOCAL}/api/forbidden", False),
    ],
)
def test_the_services_own_origin_needs_no_https(url: str, usable: bool) -> None:
    assert usable is wire.is_usable(url, LOCAL)


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://sseedance.com", "https://sseedance.com:443"),
        ("https://SSEEDANCE.com/v1/", "https://sseedance.com:443"),
        ("http://127.0.0.1:8085/base", "http://127.0.0.1:8085"),
        ("http://localhost", "http://localhost:80"),
    ],
)
def test_an_origin_has_its_port_written_out(url: str, origin: str) -> None:
    assert origin == wire.origin_of(url)


# -- random answers

NAMES = [
    *("id", "taskId", "task_id", "data", "status", "audioUrls", "errorMessage"),
    *("error", "message", "msg", "detail", "code", "success", "object"),
]
TEXTS = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["success", "failed", "pending", "²", "-5", "404", SONG, "insufficient credits", "<html>", "not found"]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=3), inner, max_size=5)
    ),
    max_leaves=12,
)
BODIES = st.binary(max_size=200) | VALUES.map(json.dumps).map(str.encode)
STATUSES = st.integers(100, 999) | st.sampled_from([200, 400, 402, 403, 404, 429, 500, 503])


@settings(deadline=None, max_examples=make.examples(300))
@given(status=STATUSES, answered=BODIES, sent=st.lists(TEXTS, max_size=4), wait_s=st.none() | st.floats())
def test_any_answer_to_the_post_is_one_of_the_outcomes(
    status: int, answered: bytes, sent: list[str], wait_s: float | None
) -> None:
    outcome = wire.read_submitted(status, answered, sent, wait_s)

    assert isinstance(outcome, wire.Accepted | wire.Rejected | wire.Busy | wire.Unknown)
    if isinstance(outcome, wire.Accepted):
        assert 200 <= status < 300
        assert outcome.task_id.isprintable()
        assert 0 < len(outcome.task_id) <= 200
    else:
        assert outcome.detail.isprintable()
        assert len(outcome.detail) <= 320


@settings(deadline=None, max_examples=make.examples(300))
@given(status=STATUSES, answered=BODIES)
def test_any_answer_to_a_status_query_is_one_of_the_outcomes(status: int, answered: bytes) -> None:
    outcome = wire.read_checked(status, answered, ORIGIN)

    assert isinstance(outcome, wire.Running | wire.Done | wire.Rejected | wire.NotFound | wire.Busy)
    if isinstance(outcome, wire.Done):
        assert all(wire.is_usable(url, ORIGIN) for url in outcome.urls)
