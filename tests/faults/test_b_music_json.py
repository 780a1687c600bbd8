"""Faults of the music API's JSON: no answer loses a job or causes a second charge."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import quote

import httpx
import pytest

from bot.model import FailReason, JobState
from bot.refusals import TextTooLong
from bot.ui import cards
from bot.ui.language import ENGLISH
from tests import make
from tests.doubles.in_process import AUDIO, answers
from tests.faults.promise import assert_survived
from tests.unit.pipeline.rig import Rig

pytestmark = pytest.mark.documented

DONE, TOLD, RUNNING = JobState.DELIVERED, JobState.EXPLAINED, JobState.RUNNING
PROCESSING = answers(200, data={"status": "processing"})


def body(content: str | bytes, status: int = 200) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, content=content)


# -- ids


@pytest.mark.parametrize(
    "task_id",
    [
        "2f6c1c1e-0d0f-4c57-9c3f-2a8f0f3f9a11",
        4711,
        -1,
        10**150,
        "x" * 200,
        "../../admin",
        "..%2F..%2Fadmin",
        "a/b?c=d&e#f",
        "a b",
        "Ä🎵",
        '"; DROP TABLE job; --',
        "{}%s\\",
    ],
    ids=lambda given: str(given)[:20],
)
async def test_an_id_of_printable_characters_is_kept_and_quoted_in_the_path(
    task_id: str | int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def accepted(request: httpx.Request) -> httpx.Response:
        task = rig.music.take(request)
        rig.music.tasks = {str(task_id): task}
        return httpx.Response(200, json={"data": {"id": task_id, "status": "pending"}})

    rig.music.on_post = [accepted]
    job = await rig.ask()

    await rig.until(job, DONE)

    assert str(task_id) == (await rig.get(job)).task_id
    assert ["/v1/tasks/" + quote(str(task_id), safe="")] == rig.music.polled
    await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.parametrize(
    "given",
    [
        "{}",
        '{"id": null}',
        '{"id": ""}',
        '{"id": "  "}',
        '{"id": "."}',
        '{"id": ".."}',
        '{"id": true}',
        '{"id": 1.5}',
        '{"id": NaN}',
        '{"id": 1e999}',
        '{"id": {"id": "a-1"}}',
        '{"id": ["a-1"]}',
        '{"data": [{"id": "a-1"}, {"id": "a-2"}]}',
        '["a-1"]',
        '"a-1"',
        "4711",
        "null",
        '{"id": "a\\nb"}',
        '{"id": "a\\u0000b"}',
        '{"id": "a\\u202eb"}',
        '{"id": "\\ud800"}',
        '{"id": "' + "x" * 201 + '"}',
        '{"id": "' + "x" * 10_000 + '"}',
        '{"id": ' + "9" * 300 + "}",
        '{"id": ' + "9" * 10_000 + "}",
        "[" * 100_000,
        '{"id": "a-1"',
    ],
    ids=lambda given: given[:24],
)
async def test_an_answer_without_a_plausible_id_leaves_the_outcome_open(
    given: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    def accepted(request: httpx.Request) -> httpx.Response:
        rig.music.take(request)
        return httpx.Response(200, content=given)

    rig.music.on_post = [accepted]
    job = await rig.ask()

    await rig.until(job, TOLD)

    assert (FailReason.OUTCOME_UNKNOWN, None) == ((await rig.get(job)).reason, (await rig.get(job)).task_id)
    assert [] == rig.music.polled
    await assert_survived(rig, caplog, job, says="outcome unknown")


# -- statuses


@pytest.mark.parametrize(
    "status",
    [
        '"PENDING"',
        '"Processing"',
        '"TEXT_SUCCESS"',
        '"remixing"',
        '"x\\u202e\\u0000\\ud800"',
        "null",
        "5",
        "[]",
        '["success"]',
        '{"a": 1}',
        "true",
        '""',
        '"' + "long" * 10_000 + '"',
    ],
    ids=lambda given: given[:20],
)
async def test_an_unknown_status_counts_as_running_and_is_reported_once(
    status: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = [await rig.ask() for _ in range(2)]
    for job in jobs:
        await rig.until(job, RUNNING)
    rig.music.on_poll = [body(f'{{"data": {{"status": {status}}}}}') for _ in range(6)]

    async with rig.process() as runner:
        while rig.music.on_poll:
            rig.clock.forward(seconds=10)
            await runner.round()
    assert {RUNNING} == {await rig.state(job) for job in jobs}
    for job in jobs:
        await rig.until(job, DONE)

    known = json.loads(status) if status[1:-1].lower() in ("pending", "processing", "text_success") else None
    assert (0 if known else 1) == caplog.text.count("unknown status")
    assert 300 > max(len(record.getMessage()) for record in caplog.records)
    await assert_survived(rig, caplog, *jobs, says="delivered")


@pytest.mark.parametrize("status", ["SUCCESS", " Completed ", "Succeeded"])
async def test_a_known_status_is_recognised_in_any_case(
    status: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [answers(200, data={"status": status, "audioUrls": rig.task.urls})]

    await rig.step(job)

    assert JobState.READY is await rig.state(job)
    await rig.until(job, DONE)
    await assert_survived(rig, caplog, job, says="delivered")


# -- number of takes


@pytest.mark.parametrize(
    "urls",
    [None, [], "", {}, 0, [None], [""], ["None"], [f"{AUDIO}/None.mp3"], [["a.mp3"]], {"0": AUDIO}],
    ids=str,
)
async def test_a_success_without_audio_is_queried_six_more_times_then_fails(
    urls: object, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [answers(200, data={"status": "success", "audioUrls": urls}) for _ in range(7)]

    await rig.until(job, TOLD)

    assert FailReason.UPSTREAM_FAILED is (await rig.get(job)).reason
    assert 1 + 6 == rig.music.polls
    assert timedelta(minutes=3) <= rig.clock.now - make.NOW <= timedelta(minutes=4)
    await assert_survived(rig, caplog, job, says=r"failed \(upstream_failed\)")


async def test_audio_that_appears_late_after_success_is_posted(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [answers(200, data={"status": "success", "audioUrls": []}) for _ in range(6)]

    await rig.until(job, DONE)

    assert [2] == [post.files for post in rig.chat.posts]
    await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.parametrize(
    ("takes", "polls", "posted"), [(1, 2, 1), (2, 1, 2), (4, 1, 4), (5, 1, 4), (50, 1, 4)]
)
async def test_one_take_is_posted_after_another_query_and_at_most_four_are(
    takes: int, polls: int, posted: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.takes = takes
    job = await rig.ask()

    await rig.until(job, DONE)

    assert [posted] == [post.files for post in rig.chat.posts]
    assert rig.task.urls[:4] == [track.url for track in (await rig.get(job)).tracks]
    assert (polls, posted) == (rig.music.polls, rig.music.downloads)
    await assert_survived(rig, caplog, job, says="delivered")


async def test_a_second_take_found_by_the_second_query_is_posted_too(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [answers(200, data={"status": "success", "audioUrls": rig.task.urls[:1]})]

    await rig.until(job, DONE)

    assert [2] == [post.files for post in rig.chat.posts]
    await assert_survived(rig, caplog, job, says="delivered")


async def test_repeated_addresses_are_one_take(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.task.urls = [rig.task.urls[0]] * 50

    await rig.until(job, DONE)

    assert [1] == [post.files for post in rig.chat.posts]
    await assert_survived(rig, caplog, job, says="delivered")


# -- failed and cancelled


@pytest.mark.parametrize(
    "error", ["null", '""', '"  "', "5", '{"a": 1}', '["a"]', '"<html>oops</html>"', '"\\ud800"']
)
async def test_a_failure_without_a_reason_reaches_the_member(
    error: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    said = f'{{"data": {{"status": "failed", "audioUrls": [], "errorMessage": {error}}}}}'
    rig.music.on_poll = [body(said)]

    await rig.until(job, TOLD)

    told = await rig.get(job)
    assert (FailReason.UPSTREAM_FAILED, "") == (told.reason, told.detail)
    assert "The music service could not make this song. Your 10 credits are back." == (
        cards.notice(ENGLISH, told).description
    )
    await assert_survived(rig, caplog, job, says=r"failed \(upstream_failed\)")


@pytest.mark.parametrize("status", ["failed", "FAIL", "timeout", "generate_audio_failed", "expired"])
async def test_a_failure_with_audio_is_delivered(
    status: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    failed = answers(
        200, data={"status": status, "audioUrls": rig.task.urls, "errorMessage": "one take failed"}
    )
    rig.music.on_poll = [failed]

    await rig.until(job, DONE)

    assert [2] == [post.files for post in rig.chat.posts]
    await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.parametrize(
    ("status", "error", "reason"),
    [
        ("canceled", None, FailReason.CANCELED),
        ("Cancelled", "by the provider", FailReason.CANCELED),
        ("sensitive_word_error", None, FailReason.MODERATED),
        ("failed", "blocked by our policy", FailReason.MODERATED),
        ("create_task_failed", "no inspiration", FailReason.UPSTREAM_FAILED),
    ],
)
async def test_the_member_is_informed_of_a_task_that_ends_without_a_song(
    status: str, error: str | None, reason: FailReason, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [answers(200, data={"status": status, "errorMessage": error})]

    await rig.until(job, TOLD)

    assert reason is (await rig.get(job)).reason
    await assert_survived(rig, caplog, job, says=rf"failed \({reason}\)")


# -- hostile words

FAMILY = "👨‍👩‍👧‍👦"
HOSTILE = {
    "pings": "@everyone @here <@9001> <@&7001> <#8001>",
    "markdown": "**a** __b__ ~~c~~ ||d|| `e` ```f``` > g # h [i](https://x.example)",
    "right to left": "safe\u202egnp.exe\u2066",
    "long": "la" * 2_500,
    "NUL and lone surrogate": "a\x00b\ud800c",
    "zero width": "a\u200bb\u2060c\ufeff",
    "emoji": (FAMILY + "🏳️‍🌈👍🏽") * 20,
    "Zalgo": "e" + "\u0301" * 500,
    "lines": "a\n# b\n> c\r\n- d",
}
FORCE = re.compile(
    r"(?<!\\)[*_~|`\[]|(?<!\\)<[@#]|@everyone|@here|[\u202a-\u202e\u2066-\u2069\x00-\x09\x0b-\x1f]"
)
"""Texts with mentions, formatting or text direction marks."""


def assert_harmless(shown: str | None) -> None:
    assert shown
    assert [] == FORCE.findall(shown)
    assert shown == shown.encode("utf-8", "surrogatepass").decode("utf-8", "ignore")


@pytest.mark.parametrize("words", HOSTILE)
async def test_hostile_words_of_a_task_are_defused_and_cut_by_code_point(
    words: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    said = json.dumps({"data": {"status": "failed", "errorMessage": HOSTILE[words], "title": HOSTILE[words]}})
    rig.music.on_poll = [body(said)]

    await rig.until(job, TOLD)

    told = await rig.get(job)
    shown = cards.notice(ENGLISH, told).description
    assert_harmless(shown)
    assert len(told.detail) <= 300
    assert FAMILY in (shown or "") or "emoji" != words
    await assert_survived(rig, caplog, job, says=r"failed \(upstream_failed\)")


@pytest.mark.parametrize("words", HOSTILE)
async def test_hostile_words_in_a_title_are_defused_and_cut_by_code_point(
    words: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask(make.custom(title=HOSTILE[words][:80]))
    await rig.until(job, RUNNING)
    said = {"status": "success", "audioUrls": rig.task.urls, "title": HOSTILE[words].replace("\ud800", "")}
    rig.music.on_poll = [answers(200, data=said)]

    await rig.until(job, DONE)

    done = await rig.get(job)
    for embed in (cards.song(ENGLISH, done), cards.notice(ENGLISH, done)):
        assert_harmless(embed.title)
        assert len(embed.title or "") <= 256
        assert FAMILY in (embed.title or "") or "emoji" != words
    await assert_survived(rig, caplog, job, says="delivered")


async def test_a_title_that_is_too_long_is_refused_with_its_length_for_free(rig: Rig) -> None:
    with pytest.raises(TextTooLong) as refused:
        await rig.ask(make.custom(title="x" * 5_000))

    assert ("title", 5_000, 80) == (refused.value.field, refused.value.length, refused.value.limit)
    assert {} == await rig.books()


# -- addresses of audio

REFUSED_URLS = [
    "http://audio.example.com/a.mp3",
    "file:///etc/passwd",
    "data:audio/mpeg;base64,SUQz",
    "javascript:alert(1)",
    "ftp://audio.example.com/a.mp3",
    "/a.mp3",
    "a.mp3",
    "//audio.example.com/a.mp3",
    "https:///a.mp3",
    "https://member:hunter2@audio.example.com/a.mp3",
    "https://hunter2@audio.example.com/a.mp3",
    "https://audio.example.com:99999/a.mp3",
    "https://[::1/a.mp3",
    "https://audio.example.com/a\nb.mp3",
    "https://audio.example.com/\u202ea.mp3",
    "https://audio.example.com/None.mp3",
    "https://audio.example.com/api/forbidden",
    "HTTP://AUDIO.EXAMPLE.COM/a.mp3",
]


@pytest.mark.parametrize("url", REFUSED_URLS)
async def test_an_address_that_is_not_plain_https_is_never_requested(
    url: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    good = rig.task.urls[0]
    rig.task.urls = [url, good]

    await rig.until(job, DONE)

    assert [good] == [track.url for track in (await rig.get(job)).tracks]
    assert 1 == rig.music.downloads
    await assert_survived(rig, caplog, job, says="delivered", secrets=("hunter2",))


async def test_a_task_with_only_unusable_addresses_counts_as_without_audio(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.task.urls = REFUSED_URLS

    await rig.until(job, TOLD)

    assert 0 == rig.music.downloads
    assert FailReason.UPSTREAM_FAILED is (await rig.get(job)).reason
    await assert_survived(rig, caplog, job, says=r"failed \(upstream_failed\)", secrets=("hunter2",))


@pytest.mark.parametrize(
    "url",
    [
        "https://a..b.example/a.mp3",
        "https://ex ample/a.mp3",
        f"https://{'a' * 64}.example/a.mp3",
        "https://xn--a.example/a.mp3",
        "https://audio.example.com/" + "x" * 70_000,
        "https://audio.example.com/%zz\\..\\",
        "https://\u2603.example/a.mp3",
    ],
    ids=lambda url: url[:30],
)
async def test_an_unusable_address_is_replaced_by_a_fresh_one(
    url: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    async def nowhere(_: str, __: int) -> list[str]:
        return []

    job = await rig.ask()
    await rig.until(job, RUNNING)
    fresh, rig.task.urls = rig.task.urls, [url, url + "2"]
    over, rig.audio_over = rig.audio_over, lambda: {"look_up": nowhere}
    await rig.until(job, JobState.READY)
    await rig.step(job)
    assert JobState.READY is await rig.state(job)

    rig.task.urls, rig.audio_over = fresh, over
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says=r"take not available \(1\)")


# -- fields of other types

ODD_ANSWERS: dict[str, str | bytes] = {
    "a list": "[]",
    "a list of answers": '[{"data": {"status": "failed"}}]',
    "a text": '"success"',
    "a number": "5",
    "null": "null",
    "nothing": "",
    "data is a list": '{"data": [{"status": "failed"}]}',
    "data is a text": '{"data": "failed"}',
    "data is null": '{"data": null}',
    "data is empty": '{"data": {}}',
    "code is a list": '{"code": [500], "data": {"status": "processing"}}',
    "code is huge": '{"code": ' + "9" * 400 + "}",
    "code is infinite": '{"code": 1e999}',
    "error is a list": '{"error": [1], "data": {}}',
    "message is an object": '{"data": {"status": "processing", "message": {"a": []}}}',
    "other media": '{"data": {"status": "processing", "imageUrls": 5, "videoUrls": {"a": 1}, "x": [[[]]]}}',
    "a status of its own": '{"status": 7, "data": {"status": null, "audioUrls": 7}}',
    "nested too deep": '{"data": ' * 10_000,
    "not UTF-8": b'{"data": {"status": "\xff\xfe"}}',
    "UTF-16": '{"data": {"status": "processing"}}'.encode("utf-16"),
    "a BOM": b'\xef\xbb\xbf{"data": {"status": "processing"}}',
    "a key twice": '{"data": {"status": "failed", "status": "processing"}}',
    "NaN": "NaN",
    "too large": b'{"data": "' + b"x" * (2 << 20) + b'"}',
}


@pytest.mark.parametrize("odd", ODD_ANSWERS)
async def test_a_status_answer_of_another_shape_leaves_the_song_running(
    odd: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.music.on_poll = [body(ODD_ANSWERS[odd]) for _ in range(3)]

    while rig.music.on_poll:
        await rig.step(job)
        assert RUNNING is await rig.state(job)
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says="delivered")


NO_ACCEPTANCE = [
    "a list of answers",
    "a text",
    "nothing",
    "data is a list",
    "code is infinite",
    "error is a list",
    "nested too deep",
    "not UTF-8",
    "UTF-16",
    "NaN",
    "too large",
]


@pytest.mark.parametrize("odd", NO_ACCEPTANCE)
async def test_a_submit_answer_of_another_shape_leaves_the_outcome_open(
    odd: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [body(ODD_ANSWERS[odd])]
    job = await rig.ask()

    await rig.until(job, TOLD)

    assert FailReason.OUTCOME_UNKNOWN is (await rig.get(job)).reason
    await assert_survived(rig, caplog, job, says="outcome unknown")


async def test_unknown_fields_are_ignored(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    def accepted(request: httpx.Request) -> httpx.Response:
        task = rig.music.take(request)
        extra = {"object": 5, "audioUrls": {}, "status": [], "data": {"id": task.id, "x": [None] * 100}}
        return httpx.Response(200, json=extra | {"y": {"id": "another"}})

    rig.music.on_post = [accepted]
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rich = {"status": "success", "audioUrls": rig.task.urls, "imageUrls": "x", "duration": {}, "title": [1]}
    rig.music.on_poll = [answers(200, data=rich, object=[], usage={"credits": 0})]

    await rig.until(job, DONE)

    assert 1 == rig.music.polls
    await assert_survived(rig, caplog, job, says="delivered")
