"""Discord's answers that reveal something about the channel, and those that do not."""

import contextlib
import json
from collections.abc import AsyncIterator

import pytest
from aiohttp import web

from bot.model import Job, JobState
from bot.ui.discord_errors import is_unreadable_answer
from bot.ui.language import ENGLISH
from tests.doubles.discord import NoAnswerError
from tests.doubles.discord.faults import Fault
from tests.doubles.in_process import answers
from tests.faults.evening import Evening, kinds
from tests.faults.promise import is_a_bug
from tests.faults.test_d_discord import CALLBACK, DONE, MESSAGES, ONE_SONG, STORED, TOLD, made, refused
from tests.unit.pipeline.rig import Rig

WEATHER = {"403/40333": (403, 40333), "403/0": (403, 0), "403/40004": (403, 40004), "404/0": (404, 0)}
CONTENT = {"AutoMod": 200000, "explicit": 20009, "a harmful link": 240000}
BODIES: dict[str, tuple[str, str]] = {
    "blocked": ('{"message": "You are being blocked from accessing our API", "code": 0}', "application/json"),
    "a list": ("[]", "application/json"),
    "a text": ('"slow down"', "application/json"),
    "null": ("null", "application/json"),
    "a number": ("1015", "application/json"),
    "odd fields": ('{"message": 5, "code": "x", "errors": []}', "application/json"),
    "HTML": ("<html>429</html>", "text/html"),
    "HTML as JSON": ("<html>429</html>", "application/json"),
    "nothing": ("", "application/json"),
}


@pytest.fixture
async def evening(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Evening]:
    async with Evening.begun(rig, monkeypatch) as begun:
        yield begun


def tracebacks(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the log lines that report a bug or have a traceback."""
    return [
        record.getMessage() for record in caplog.records if is_a_bug(record) or record.exc_info is not None
    ]


async def passes(evening: Evening, job: Job, fault: Fault, wait_s: float) -> None:
    """Let the fault strike for a while."""
    began_s = evening.hurry.passed_s
    while evening.hurry.passed_s - began_s < wait_s:
        await evening.rig.step(job)
    fault.stop()


@pytest.mark.parametrize("name", WEATHER)
async def test_a_song_waits_while_discords_edge_refuses_everything(
    name: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    status, code = WEATHER[name]
    job = await made(evening)
    fault = evening.discord.fault("*", "*", status, code=code, times=None)

    await passes(evening, job, fault, 12.0)
    await evening.rig.until(job, DONE)

    (post,) = evening.rig.chat.posts
    assert (evening.discord.channel.id, 2) == (post.channel_id, post.files)
    assert [] == tracebacks(caplog)


@pytest.mark.parametrize("name", CONTENT)
async def test_a_song_whose_words_are_refused_is_posted_once_without_them(
    name: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.discord.fault("POST", MESSAGES, 400, code=CONTENT[name])

    await evening.rig.until(job, DONE)

    (post,) = evening.rig.chat.posts
    assert (evening.discord.channel.id, 2) == (post.channel_id, post.files)
    assert ENGLISH("text-refused-here") in post.text
    assert job.request.prompt not in post.text
    assert [] == tracebacks(caplog)


@pytest.mark.parametrize("name", CONTENT)
async def test_a_song_refused_even_without_its_words_goes_to_its_member(
    name: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    here = f"/channels/{evening.discord.channel.id}/messages"
    evening.discord.fault("POST", here, 400, code=CONTENT[name], times=None)

    await evening.rig.until(job, DONE)

    (post,) = evening.rig.chat.posts
    assert evening.discord.dm(evening.discord.user).id == post.channel_id
    assert 2 == len(evening.sends())
    assert [] == tracebacks(caplog)


async def test_a_failure_whose_words_are_refused_is_reported_without_them(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await refused(evening)
    evening.discord.fault("POST", MESSAGES, 400, code=200000)

    await evening.rig.until(job, TOLD)

    (post,) = evening.rig.chat.posts
    assert evening.discord.channel.id == post.channel_id
    assert job.request.prompt not in post.text
    assert [] == tracebacks(caplog)


@pytest.mark.parametrize("code", [20016, 20028])
@pytest.mark.parametrize("wait_s", [12.0, 600.0])
async def test_a_song_waits_for_the_end_of_slow_mode(
    code: int, wait_s: float, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    fault = evening.discord.fault("POST", MESSAGES, 400, code=code, times=None)

    await passes(evening, job, fault, wait_s)
    await evening.rig.until(job, DONE)

    assert ONE_SONG == kinds(evening)
    assert [evening.discord.channel.id] == [post.channel_id for post in evening.rig.chat.posts]
    assert [] == tracebacks(caplog)


@pytest.mark.parametrize("status", [403, 404, 429, 503])
@pytest.mark.parametrize("body", BODIES)
async def test_an_error_body_of_any_form_is_no_bug(
    body: str,
    status: int,
    evening: Evening,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text, content_type = BODIES[body]
    headers = {"Via": "1.1 google", "Content-Type": content_type}
    monkeypatch.setattr(
        Fault, "response", lambda _: web.Response(status=status, body=text.encode(), headers=headers)
    )
    job = await made(evening)
    fault = evening.discord.fault("*", "*", status, times=None)

    await passes(evening, job, fault, 12.0)
    await evening.rig.until(job, DONE)
    await evening.rig.rest(10)

    assert ONE_SONG == kinds(evening)
    assert "Done" in evening.card(job).text()
    assert [] == tracebacks(caplog)


async def test_a_card_is_edited_again_after_a_passing_refusal(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    fault = evening.discord.fault("PATCH", "/channels/*/messages/*", 403, code=40333, times=2)
    job = await made(evening)

    await evening.rig.until(job, DONE)
    await evening.rig.rest(120)

    assert 2 == fault.hits
    assert "Done" in evening.card(job).text()
    assert [] == tracebacks(caplog)


def test_an_error_in_our_code_is_not_mistaken_for_an_answer() -> None:
    with pytest.raises(ValueError, match="Expecting") as caught:
        json.loads("{")

    assert not is_unreadable_answer(caught.value)


async def test_a_lasting_outage_keeps_the_song_and_its_files(
    evening: Evening,
) -> None:
    job = await made(evening)
    evening.discord.fault("POST", MESSAGES, 403, code=40333, times=None)
    began_s = evening.hurry.passed_s

    while evening.hurry.passed_s - began_s < 3_600.0:
        await evening.rig.step(job)

    assert JobState.DELIVERING == await evening.rig.state(job)
    assert len(evening.sends()) < 100
    assert 2 == len(list(evening.rig.spool.folder.iterdir()))


@pytest.mark.parametrize("parent_takes_it", [True, False])
async def test_the_song_of_a_deleted_thread_goes_to_its_channel_or_its_member(
    parent_takes_it: bool, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    channel = evening.discord.add_channel("songs", guild=evening.discord.add_guild())
    thread = evening.discord.add_channel("a thread", thread_of=channel)
    job = await evening.ask(thread, parent_id=channel.id)
    await evening.rig.until(job, STORED)
    thread.deleted, channel.deleted = True, not parent_takes_it

    await evening.rig.until(job, DONE)

    (post,) = evening.rig.chat.posts
    place = channel if parent_takes_it else evening.discord.dm(evening.discord.user)
    assert (place.id, 2) == (post.channel_id, post.files)
    assert [] == tracebacks(caplog)


async def test_a_failure_whose_thread_was_deleted_is_reported_in_its_channel(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    channel = evening.discord.add_channel("songs", guild=evening.discord.add_guild())
    thread = evening.discord.add_channel("a thread", thread_of=channel)
    evening.rig.music.on_post = [answers(400, message="no")]
    job = await evening.ask(thread, parent_id=channel.id)
    thread.deleted = True

    await evening.rig.until(job, TOLD)

    assert [channel.id] == [post.channel_id for post in evening.rig.chat.posts]
    assert [] == tracebacks(caplog)


@pytest.mark.parametrize("code", [10062, 40060])
async def test_a_late_autocompletion_leaves_no_traceback(
    code: int, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    async with evening.connected():
        late = evening.discord.fault("POST", CALLBACK, 404, code=code)
        with contextlib.suppress(NoAnswerError):
            await evening.discord.autocomplete("music get", "song", "rain")
        await evening.until(lambda: "autocompletion not answered" in caplog.text)

    assert 1 == late.hits
    assert [] == tracebacks(caplog)


async def test_a_refused_answer_to_a_command_is_not_a_bug(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    async with evening.connected():
        evening.discord.fault("POST", CALLBACK, 403, code=40333)
        with contextlib.suppress(NoAnswerError):
            await evening.discord.slash("music help")
        await evening.until(lambda: "request to Discord failed" in caplog.text)

    assert [] == tracebacks(caplog)


async def test_a_song_from_a_channel_of_an_unknown_type_is_posted_there(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    async with evening.connected():
        parsers = evening.client._connection.parsers
        parse = parsers["INTERACTION_CREATE"]
        parsers["INTERACTION_CREATE"] = lambda data: parse(data | {"channel": data["channel"] | {"type": 99}})
        await evening.discord.slash("music create", prompt="Rain")
        job = await evening.job()
        await evening.rig.until(job, DONE)

    assert [evening.discord.channel.id] == [post.channel_id for post in evening.rig.chat.posts]
    assert [] == tracebacks(caplog)


async def test_after_days_of_outage_the_song_waits_for_a_person(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.discord.fault("POST", MESSAGES, 403, code=40333, times=None)
    await evening.rig.step(job)

    evening.rig.clock.forward(days=4)
    await evening.rig.until(job, JobState.UNDELIVERED)

    assert 2 == len(list(evening.rig.spool.folder.iterdir()))
    assert [] == tracebacks(caplog)
