import json
import time
from pathlib import Path
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.model import FailReason, TaskId
from bot.music import audio_addresses, wire
from bot.music.kie import Kie
from tests import make
from tests.fuzz.answers import examine

ORIGIN = "https://music.example:443"
ONE, TWO = "https://files.example/1.mp3", "https://files.example/2.mp3"
STREAM = "https://files.example/live"

Json: TypeAlias = dict[str, object]


def submitted(answer: object, status: int = 200) -> wire.Submitted:
    return wire.read_submitted(status, json.dumps(answer).encode(), (), None)


def checked(answer: object, status: int = 200) -> wire.Checked | wire.Busy:
    return wire.read_checked(status, json.dumps(answer).encode(), ORIGIN)


# -- JSON in other notations and wrappings

PLAIN = '{"taskId": "t-12345678", "title": "Caf\u00e9"}'
WRAPPED = {
    "a byte order mark": b"\xef\xbb\xbf" + PLAIN.encode(),
    "UTF-16": PLAIN.encode("utf-16"),
    "UTF-32 without a mark": PLAIN.encode("utf-32-be"),
    "Latin-1": PLAIN.encode("latin-1"),
    "Windows-1252": PLAIN.replace("\u00e9", "\u0153").encode("cp1252"),
    "strings in strings": json.dumps(json.dumps(json.dumps({"taskId": "t-12345678"}))).encode(),
    "space and NULs": b" \r\n" + PLAIN.encode() + b"\n\x00\x00",
    "a guard": b")]}',\n" + PLAIN.encode(),
    "another guard": b"while(1);" + PLAIN.encode(),
    "a call": b"callback(" + PLAIN.encode() + b");",
    "an event": b"event: task\ndata: " + PLAIN.encode() + b"\n\n",
    "two answers": PLAIN.encode() + b'\n{"done": true}',
    "numbers that JSON lacks": b'{"a": NaN, "b": -Infinity, "c": 1e999, "taskId": "t-12345678"}',
    "a field twice": b'{"taskId": "t-12345678", "taskId": null}',
    "a field twice, first empty": b'{"taskId": "", "taskId": "t-12345678"}',
}


@pytest.mark.parametrize("body", WRAPPED.values(), ids=WRAPPED.keys())
def test_an_answer_is_read_whatever_its_wrapping(body: bytes) -> None:
    assert wire.Accepted(TaskId("t-12345678")) == wire.read_submitted(200, body, (), None)
    assert wire.Accepted(TaskId("t-12345678")) == Kie().read_submitted(200, body, (), None)


@pytest.mark.parametrize(
    "body",
    [
        b'{"taskId": "t-1',
        b"OK t-12345678",
        b'<html>{"taskId": "t-1"}',
        b'x {"taskId": "t-1"}',
        b"t(1)",
        b"null",
    ],
)
def test_an_answer_that_is_not_json_names_no_task(body: bytes) -> None:
    assert isinstance(wire.read_submitted(200, body, (), None), wire.Unknown)


# -- the task's id


@pytest.mark.parametrize(
    "answer",
    [
        {"data": "t-1"},
        {"code": "success", "message": "", "data": "t-1"},
        {"code": 200, "msg": "success", "data": ["t-1"]},
        {"data": [{"id": "t-1"}]},
        {"data": [{"task_id": "t-1", "status": "pending"}]},
        {"task": {"id": "t-1"}},
        {"task": "t-1"},
        {"task": [{"taskId": "t-1"}]},
        {"id": "request", "task": {"id": "t-1"}},
        {"data": {"task": {"id": "t-1"}}},
        {"data": {"id": "request", "task": {"id": "t-1"}}},
        {"data": {"task": {"task_id": "t-1"}, "position": 4}},
        {"id": "request", "taskId": "t-1"},
        {"Task_ID": "t-1"},
        {"TaskId": "t-1"},
        {"task-id": "t-1"},
        {"taskId": None, "task_id": "t-1"},
        {"data": '{"taskId": "t-1"}'},
        {"data": {"result": {"job": {"taskId": "t-1"}}}},
        {"response": {"data": {"task_id": "t-1"}}},
        {"result": {"generation_id": "t-1"}},
        {"payload": {"jobId": "t-1"}},
        {"status": "ok", "tasks": [{"id": "t-1"}]},
        {"data": {"task": "t-1"}},
        {"data": {"taskIds": ["t-1"]}},
        {"data": {"uuid": "t-1"}},
        {"data": {"id": " t-1 "}},
        [{"id": "t-1"}],
        json.dumps({"data": {"id": "t-1"}}),
    ],
    ids=str,
)
def test_an_answer_that_clearly_names_a_task_is_accepted(answer: object) -> None:
    assert wire.Accepted(TaskId("t-1")) == submitted(answer)


@pytest.mark.parametrize("number", [1, 7, 1234567890123456789])
@pytest.mark.parametrize("nested", [False, True])
def test_a_task_id_may_be_a_number(number: int, nested: bool) -> None:
    assert wire.Accepted(TaskId(str(number))) == submitted({"data": [number] if nested else number})


@pytest.mark.parametrize(
    "answer",
    [
        {"data": "success"},
        {"data": "OK"},
        {"data": "Your request was received"},
        {"data": ""},
        {"data": True},
        {"data": 1.5},
        {"data": [1, 2]},
        {"data": ["a-1", "a-2"]},
        {"code": 500, "data": "t-1"},
        {"success": False, "data": "t-1"},
        {"error": {"id": "t-1", "message": "odd"}},
        {"request": {"id": "t-1"}},
        {"user": {"id": "t-1"}},
        {"items": [{"id": "a-1"}, {"id": "a-2"}]},
        {"a": {"taskId": "a-1"}, "b": {"taskId": "a-2"}},
        "t-1",
        7,
        [1],
        [["t-1"]],
    ],
    ids=str,
)
def test_an_answer_without_a_clear_task_leaves_the_outcome_open(answer: object) -> None:
    assert isinstance(submitted(answer), wire.Unknown)


# -- the audio

SHAPES: list[object] = [
    {"data": {"status": "success", "audioUrls": [{"audioUrl": ONE}, {"audioUrl": TWO}]}},
    {"data": {"status": "success", "audioUrls": [{"url": ONE}, {"url": TWO}]}},
    {"data": {"status": "success", "audioUrls": [{"src": ONE}, TWO]}},
    {"data": {"status": "success", "audio_urls": [ONE, TWO]}},
    {"data": {"status": "success", "audios": [{"audio_url": ONE}, {"audio_url": TWO}]}},
    {"data": {"status": "success", "songs": [{"audio": {"url": ONE}}, {"audio": {"url": TWO}}]}},
    {"data": {"status": "success", "tracks": json.dumps([ONE, TWO])}},
    {"data": {"status": "success", "output": [ONE, TWO]}},
    {"data": {"status": "success", "results": [{"url": ONE}, {"url": TWO}]}},
    {"data": {"status": "success", "result": {"songs": [{"url": ONE}, {"url": TWO}]}}},
    {
        "data": {
            "status": "SUCCESS",
            "response": {"taskId": "t", "sunoData": [{"audioUrl": ONE}, {"audioUrl": TWO}]},
        }
    },
    {"data": {"state": "success", "resultJson": json.dumps({"audioUrls": [ONE, TWO]})}},
    {
        "data": {
            "state": "success",
            "result_json": json.dumps({"data": [{"audio_url": ONE}, {"audio_url": TWO}]}),
        }
    },
    {"data": [{"audioUrl": ONE, "status": "complete"}, {"audioUrl": TWO, "status": "complete"}]},
    {"data": [{"audioUrl": ONE}, {"audioUrl": TWO}], "status": "finished"},
    {"data": [{"audioUrl": ONE}, {"audioUrl": TWO}]},
    [{"audio_url": ONE, "state": "done"}, {"audio_url": TWO, "state": "done"}],
    {"data": {"status": "finished", "audioUrls": [ONE, TWO]}},
    {"data": {"status": "ok", "audioUrls": [ONE, TWO]}},
    {"data": {"state": "done", "audioUrls": [ONE, TWO]}},
    {"data": {"finished": True, "audioUrls": [ONE, TWO]}},
    {"task": {"state": "Done", "audio_urls": [ONE, TWO]}},
    {"status": "ok", "audioUrls": [ONE, TWO]},
    {"data": {"task": {"status": "succeeded", "audioUrls": [ONE, TWO]}}},
    {"data": {"status": "success", "audioUrls": [], "songs": [{"url": ONE}, {"url": TWO}]}},
    {"data": {"status": "success", "audioUrls": None, "response": {"data": {"tracks": [ONE, TWO]}}}},
    # Names that nobody has used yet: the last resort.
    {"data": {"status": "success", "audioUrls": [], "assets": {"first": ONE, "second": {"href": TWO}}}},
    {"data": {"status": "success", "note": f"Your songs: {ONE} and {TWO}"}},
    {"status": "success", "files": {"a": {"link": ONE}, "b": {"link": TWO}}},
]


@pytest.mark.parametrize("answer", SHAPES, ids=lambda answer: str(answer)[:60])
def test_an_answer_that_clearly_names_the_audio_is_done(answer: object) -> None:
    assert wire.Done((ONE, TWO)) == checked(answer)


@pytest.mark.parametrize(
    "take",
    [
        {"audioUrl": ONE, "streamAudioUrl": STREAM},
        {"streamAudioUrl": STREAM, "audioUrl": ONE},
        {"stream_audio_url": STREAM, "url": ONE},
        {"streamAudioUrl": STREAM, "audioUrl": "", "sourceAudioUrl": ONE},
        {"audioUrl": "http://files.example/insecure.mp3", "sourceAudioUrl": ONE},
        {"audioUrl": "https://files.example/None.mp3", "source_audio_url": ONE},
        {"url": "https://files.example/cover.jpg", "src": ONE},
        {
            "audioUrl": ONE,
            "imageUrl": "https://files.example/cover.jpg",
            "videoUrl": "https://files.example/v.mp4",
        },
        {"audioUrl": "https://stream.files.example/1.mp3", "src": ONE},
        {"audioUrl": "https://files.example/stream/1.mp3", "src": ONE},
    ],
    ids=str,
)
def test_the_most_reliable_address_of_a_take_is_used(take: Json) -> None:
    assert wire.Done((ONE,)) == checked({"data": {"status": "success", "songs": [take]}})
    assert wire.Done((ONE,)) == checked({"data": {"status": "success", **take}})


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "success", "songs": [{"streamAudioUrl": STREAM}, {"streamAudioUrl": STREAM}]},
        {"status": "success", "streamAudioUrl": STREAM, "audioUrls": []},
    ],
)
def test_a_stream_is_used_if_there_is_nothing_else(answer: Json) -> None:
    assert wire.Done((STREAM,)) == checked({"data": answer})


def test_a_title_beginning_with_stream_is_not_a_stream() -> None:
    urls = ["https://files.example/streams-of-light.mp3", ONE]

    assert wire.Done(tuple(urls)) == checked({"data": {"status": "success", "audioUrls": urls}})


@pytest.mark.parametrize(
    "answer",
    [
        {"status": "success", "prompt": f"sing {ONE}"},
        {"status": "success", "input": {"lyrics": ONE}},
        {"status": "success", "callBackUrl": ONE},
        {"status": "success", "imageUrls": ["https://files.example/1.jpg"]},
        {"status": "success", "note": "http://files.example/1.mp3"},
        {"status": "success", "results": ["https://files.example/lyrics.txt"]},
    ],
    ids=str,
)
def test_an_address_of_something_else_is_not_used(answer: Json) -> None:
    assert wire.Done(()) == checked({"data": answer})


@pytest.mark.parametrize("status", ["pending", "FIRST_SUCCESS", "in-progress", "In Progress", "inProgress"])
@pytest.mark.parametrize("name", ["status", "state", "task_status"])
def test_a_running_task_is_running_whatever_it_contains(status: str, name: str) -> None:
    assert wire.Running() == checked({"data": {name: status, "songs": [{"url": ONE}]}})
    assert wire.Running() == checked({"data": [{name: "success", "url": ONE}, {name: status, "url": TWO}]})


@pytest.mark.parametrize(
    "answer", [{"state": "failed"}, {"task": {"status": "Failed"}}, {"result": {"state": "error"}}]
)
def test_a_failure_is_read_under_any_clear_name(answer: Json) -> None:
    assert wire.Rejected(FailReason.UPSTREAM_FAILED) == checked(answer)


@pytest.mark.parametrize("word", ["failed", "canceled"])
def test_a_failure_of_an_odd_shape_does_not_end_a_paid_task(word: str) -> None:
    for answer in ([{"status": word}], {"data": [{"status": word}]}, {"data": json.dumps({"status": word})}):
        assert wire.Running(word) == checked(answer)
    assert wire.Done((ONE,)) == checked({"data": [{"status": "failed", "audio_url": ONE}]})


@pytest.mark.parametrize(
    "said",
    [
        {"error_message": "too loud"},
        {"failReason": "too loud"},
        {"fail_reason": "too loud"},
        {"errors": [{"message": "too loud"}]},
        {"detail": [{"msg": "too loud", "loc": ["body"]}]},
        {"error": {"detail": "too loud"}},
    ],
    ids=str,
)
def test_the_reason_of_a_failure_is_read_in_any_shape(said: Json) -> None:
    assert wire.Rejected(FailReason.UPSTREAM_FAILED, "too loud") == checked(
        {"data": {"status": "failed", **said}}
    )
    assert wire.Rejected(FailReason.REFUSED, "too loud") == submitted(said, 422)


def test_a_long_number_elsewhere_does_not_hide_the_task() -> None:
    digits = "9" * 5_000

    assert wire.Accepted(TaskId("t-1")) == wire.read_submitted(
        200, f'{{"id":"t-1","n":{digits}}}'.encode(), (), None
    )


ADDRESSES = {
    "in one text": f"{ONE},{TWO}",
    "in lines": f"{ONE}\n{TWO}",
    "numbered": {"1": ONE, "2": TWO},
    "in lists": [[ONE], [TWO]],
    "as links": [{"link": ONE}, {"href": TWO}],
    "by format": [{"mp3Url": ONE}, {"mp3_url": TWO}],
    "as files": [{"file": ONE}, {"fileUrl": TWO}],
    "with escaped slashes": [ONE.replace("/", "\\/"), TWO],
    "among empty ones": ["", None, {}, {"audioUrl": ""}, ONE, TWO],
}


@pytest.mark.parametrize("field", ["audioUrls", "songs", "resultUrls", "result_urls", "urls"])
@pytest.mark.parametrize("written", ADDRESSES.values(), ids=ADDRESSES.keys())
def test_addresses_are_read_in_every_notation(field: str, written: object) -> None:
    answer = {"data": {"status": "success", field: written}}

    assert wire.Done((ONE, TWO)) == checked(answer)


@pytest.mark.parametrize(
    "text", [f"Ready: {ONE}, {TWO}.", f"[1]({ONE}) [2]({TWO})", f"{ONE};{TWO}!", f"**{ONE}**\n**{TWO}**"]
)
def test_addresses_in_a_sentence_end_at_the_right_place(text: str) -> None:
    assert wire.Done((ONE, TWO)) == checked({"data": {"status": "success", "note": text}})


@pytest.mark.parametrize("word", ["ALL_SUCCESS", "TASK_STATUS_SUCCEED", "status_success", "task success"])
def test_a_success_is_recognised_by_its_prefixes(word: str) -> None:
    assert wire.Done((ONE,)) == checked({"data": {"status": word, "audioUrls": [ONE]}})


# -- any answer with one id and n addresses

NESTS = st.sampled_from(["data", "result", "response", "sunoData", "resultJson", "result_json", "task"])
LISTS = st.sampled_from(["audioUrls", "audio_urls", "audios", "songs", "tracks", "output", "results"])
NAMES = st.sampled_from(["url", "audioUrl", "audio_url", "src"])
SUCCESSES = st.sampled_from(["success", "SUCCESS", "completed", "finished", "ok", "done", "Done"])
NOISE = st.dictionaries(
    st.sampled_from(["object", "model", "createdAt", "progress", "title", "message", "extra", "prompt"]),
    st.none() | st.booleans() | st.integers() | st.text(max_size=10) | st.lists(st.integers(), max_size=2),
    max_size=4,
)


@st.composite
def finished_answers(draw: st.DrawFn) -> tuple[str, tuple[str, ...], object]:
    """Draw an answer with one id and some addresses, in a random shape."""
    task_id = draw(st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=5, max_size=40))
    count = draw(st.integers(1, 6))
    suffix = draw(st.sampled_from(["", ".mp3", ".wav", ".m4a?sig=x%2Fy"]))
    urls = tuple(f"https://files.example/{number}{suffix}" for number in range(count))
    name = draw(NAMES | st.none())
    takes: object = [url if name is None else {**draw(NOISE), name: url} for url in urls]
    if draw(st.booleans()):
        takes = json.dumps(takes)
    nested: Json = {**draw(NOISE), draw(LISTS): takes}
    for nest in draw(st.lists(NESTS, max_size=3)):
        inner: object = json.dumps(nested) if draw(st.booleans()) else nested
        nested = {nest: [inner] if draw(st.booleans()) and isinstance(inner, dict) else inner}
    fields: Json = {
        draw(st.sampled_from(["id", "taskId", "task_id"])): task_id,
        draw(st.sampled_from(["status", "state"])): draw(SUCCESSES),
    }
    nested = {**draw(NOISE), **nested, **fields}
    return (
        task_id,
        urls,
        draw(
            st.sampled_from(
                [nested, {"data": nested}, {"data": [nested]}, {"task": nested}, {"data": {"task": nested}}]
            )
        ),
    )


@settings(deadline=None, max_examples=make.examples(500))
@given(finished_answers())
def test_any_answer_with_one_id_and_addresses_is_read_as_such(
    finished: tuple[str, tuple[str, ...], object],
) -> None:
    task_id, urls, answer = finished

    assert (wire.Accepted(TaskId(task_id)), wire.Done(urls)) == (submitted(answer), checked(answer))


@pytest.mark.parametrize("first", range(0, 2_000, 100))
def test_random_answers_are_read_without_an_error_or_a_loss(first: int) -> None:
    assert [] == [problem for seed in range(first, first + 100) for problem in examine(seed)]


# -- bounds


def nested(depth: int, inside: object, name: str = "data") -> object:
    for _ in range(depth):
        inside = {name: inside}
    return inside


HUGE: dict[str, object] = {
    "addresses": {
        "status": "success",
        "audioUrls": [f"https://files.example/{n}.mp3" for n in range(25_000)],
    },
    "bad addresses": {"status": "success", "audioUrls": [f"http://files.example/{n}" for n in range(25_000)]},
    "objects": {"status": "success", "songs": [{"x": [{}]}] * 60_000},
    "statuses": {"data": [{"state": "odd"}] * 40_000},
    "fields": {f"field_{n}": n for n in range(50_000)},
    "odd addresses": {"status": "success", **{f"f{n}": f"https://[{n}" for n in range(30_000)}},
    "JSON in strings": {"status": "success", "songs": [json.dumps([[[]]] * 20)] * 8_000},
    "one long text": {"status": "success", "note": "https://a.mp3 " * 60_000},
    "depth": nested(800, {"status": "success"}),
    "ids": {"items": [{"id": n} for n in range(60_000)]},
    "nested lists": {"status": "success", "songs": [[[["x"] * 20] * 20] * 20] * 12},
}


@pytest.mark.parametrize("answer", HUGE.values(), ids=list(HUGE))
def test_a_huge_answer_is_read_quickly(answer: object) -> None:
    body = json.dumps(answer).encode()[: 1024 * 1024]
    began_s = time.process_time()

    wire.read_submitted(200, body, (), None)
    wire.read_checked(200, body, ORIGIN)

    assert time.process_time() - began_s < 2.0  # a quadratic reader needs minutes


def test_the_number_of_addresses_is_bounded() -> None:
    urls = [f"https://files.example/{number}.mp3" for number in range(25_000)]
    found = checked({"data": {"status": "success", "audioUrls": urls}})

    assert wire.Done(tuple(urls[: audio_addresses.URLS_MAX])) == found


@pytest.mark.parametrize("name", ["data", "result", "songs", "response"])
def test_values_nested_deeper_than_the_bound_are_ignored(name: str) -> None:
    near, far = (nested(depth, {"audioUrls": [ONE]}, name) for depth in (3, 100))

    assert wire.Done((ONE,)) == checked({"status": "success", "x": near} | {"result": near})
    assert not isinstance(checked({"status": "success", "result": far}), wire.Rejected)


def test_the_vendors_names_for_fields_stay_in_this_package() -> None:
    sources = [path for path in Path("bot").rglob("*.py") if path.parts[1] not in ("music", "sandbox")]
    users = [str(path) for path in sources if "audioUrls" in path.read_text("utf-8")]

    assert [] == users
