"""Faults of Discord: whatever it answers and whenever it is down, every message is posted once."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path

import pytest

from bot.database.sqlite import Tx
from bot.errors import StoreBusy
from bot.model import FailReason, GuildId, Job, JobState
from bot.pipeline.courier import MessageKind
from bot.services import intake
from bot.store import jobs, times
from bot.store.reconcile import reconcile
from bot.ui import discord_courier as courier
from tests.doubles.discord import Answer, Channel, FakeDiscord, Message, NoAnswerError
from tests.doubles.discord.wire import (
    ATTACH_FILES,
    EMBED_LINKS,
    MANAGE_GUILD,
    MEMBER_PERMISSIONS,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    SEND_MESSAGES_IN_THREADS,
    VIEW_CHANNEL,
)
from tests.doubles.in_process import SONG, answers
from tests.faults.evening import A_DAY_S, Evening, kinds
from tests.faults.promise import assert_survived, is_a_bug
from tests.flows.process import World
from tests.unit.pipeline.rig import Rig

STORED, DONE, TOLD, NOWHERE = JobState.STORED, JobState.DELIVERED, JobState.EXPLAINED, JobState.UNDELIVERED
CALLBACK = "/interactions/*/callback"
MESSAGES = "/channels/*/messages"
ORIGINAL = "/webhooks/*/messages/@original"
ONE_SONG = [MessageKind.SONG]


@pytest.fixture
async def evening(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Evening]:
    async with Evening.begun(rig, monkeypatch) as begun:
        yield begun


@pytest.fixture
async def connected(evening: Evening) -> AsyncIterator[Evening]:
    """An evening with a gateway connection, so that people can act."""
    async with evening.connected():
        yield evening


async def made(evening: Evening, channel: Channel | None = None) -> Job:
    """Return a song that only remains to be posted."""
    job = await evening.ask(channel)
    await evening.rig.until(job, STORED)
    return job


async def refused(evening: Evening, channel: Channel | None = None) -> Job:
    """Return a request that will fail at once and need a notice."""
    evening.rig.music.on_post = [answers(400, message="no")]
    return await evening.ask(channel)


async def assert_nothing_happened(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    """Assert no held or spent credits, no request to the music service and no sign of a bug."""
    reconciliation = await rig.database.read(reconcile)
    assert ((), 0, 0) == (reconciliation.findings, reconciliation.held, (await rig.balance()).used)
    assert [] == [record.getMessage() for record in caplog.records if is_a_bug(record)]


# -- the answer to an interaction


async def test_a_request_answered_too_late_is_withdrawn_unless_started(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    connected.discord.answer_deadline_s = -1.0

    with pytest.raises(NoAnswerError, match="10062"):
        await connected.discord.slash("music create", prompt="Too late")
    await connected.until(lambda: "withdrawn" in caplog.text)

    job = await connected.job()
    assert (TOLD, FailReason.WITHDRAWN) == (job.state, job.reason)
    assert (0, []) == (connected.rig.music.posts, kinds(connected))
    await assert_nothing_happened(connected.rig, caplog)


async def test_a_request_answered_too_late_is_delivered_if_it_was_started(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    held_up = connected.discord.fault("POST", CALLBACK, "hang before")
    asking = asyncio.create_task(
        connected.discord.slash("music create", prompt="Too late", timeout_s=A_DAY_S)
    )
    await connected.discord.until(lambda: held_up.hits, A_DAY_S)
    job = await connected.job()
    await connected.rig.until(job, JobState.RUNNING)

    connected.discord.answer_deadline_s = -1.0
    held_up.stop()
    with pytest.raises(NoAnswerError, match="10062"):
        await asking
    await connected.rig.until(job, DONE)

    assert connected.discord.channel.id == connected.rig.chat.posts[0].channel_id
    await assert_survived(connected.rig, caplog, job, says="delivered")


@pytest.mark.parametrize(
    ("status", "code", "withdraws"), [(404, 10062, "withdraw"), (400, 40060, "answered_elsewhere")]
)
async def test_a_request_that_cannot_be_withdrawn_is_not_reported_as_refused(
    status: int,
    code: int,
    withdraws: str,
    connected: Evening,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def is_busy(*_: object) -> bool:
        raise StoreBusy("the database can't be written to", 5.0)

    monkeypatch.setattr(intake.Intake, withdraws, is_busy)
    connected.discord.fault("POST", CALLBACK, status, code=code, stored=False)
    asking = asyncio.create_task(connected.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S))
    await connected.until(lambda: "withdrawal not recorded" in caplog.text)

    job = await connected.job()
    await connected.rig.until(job, DONE)
    await asyncio.wait([asking], timeout=0)

    assert [] == connected.discord.ephemeral_messages
    assert 1 == sum(call.path.endswith("/callback") for call in connected.discord.requests)
    await assert_survived(connected.rig, caplog, job, says="delivered")
    asking.cancel()
    await asyncio.wait([asking])


# Kind, code, and whether the answer takes effect.
UNSURE_ANSWERS: dict[str, tuple[int | str, int | None, bool]] = {
    "40060": (400, 40060, True),
    "another 404": (404, 10015, True),
    "500": (500, None, False),
    "500 but stored": (500, None, True),
    "502": (502, None, True),
    "503": (503, None, False),
    "504 but stored": (504, None, True),
    "429 without Via": (429, None, False),
    "reset before": ("reset before", None, False),
    "reset after": ("reset after", None, True),
    "close before": ("close before", None, False),
    "close after": ("close after", None, True),
    "hang before": ("hang before", None, False),
    "hang after": ("hang", None, True),
}


@pytest.mark.parametrize("fault", UNSURE_ANSWERS)
async def test_an_answer_that_may_have_arrived_counts_as_one(
    fault: str, connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    kind, code, stored = UNSURE_ANSWERS[fault]
    connected.discord.fault("POST", CALLBACK, kind, times=None, code=code, stored=stored, via=False)
    asking = asyncio.create_task(connected.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S))
    await connected.until(lambda: "queued" in caplog.text)

    job = await connected.job()
    await connected.rig.until(job, DONE)
    await connected.until(lambda: "response outcome unknown" in caplog.text or code == 10015)
    await connected.rig.rest(30)

    cards = [one for one in connected.discord.messages if one.via == "answer"]
    assert [True] * stored == ["Done" in card.text() for card in cards]
    await assert_survived(connected.rig, caplog, job, says="delivered")
    asking.cancel()
    await asyncio.wait([asking])


async def test_an_answer_by_another_process_withdraws_the_request_and_alerts(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    connected.discord.fault("POST", CALLBACK, 400, times=None, code=40060, stored=False)
    asking = asyncio.create_task(connected.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S))
    await connected.until(lambda: "answered by another process" in caplog.text)

    job = await connected.job()
    await connected.rig.rest(30)

    assert (JobState.EXPLAINED, FailReason.WITHDRAWN) == (job.state, job.reason)
    assert 0 == connected.rig.music.posts
    assert [intake.ANOTHER_PROCESS] == connected.rig.alerts
    assert () == (await connected.rig.database.read(reconcile)).findings
    asking.cancel()
    await asyncio.wait([asking])


async def test_an_unreadable_answer_counts_as_ours(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    connected.discord.fault("POST", CALLBACK, 400, times=None, code=40060, stored=True)
    connected.discord.fault("GET", ORIGINAL, 503, times=None)
    asking = asyncio.create_task(connected.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S))
    await connected.until(lambda: "queued" in caplog.text)

    job = await connected.job()
    await connected.rig.until(job, DONE)

    assert [] == connected.rig.alerts
    await assert_survived(connected.rig, caplog, job, says="delivered")
    asking.cancel()
    await asyncio.wait([asking])


# -- the same interaction twice


@pytest.fixture
def twice(connected: Evening, monkeypatch: pytest.MonkeyPatch) -> Evening:
    """Make Discord deliver every action twice."""
    once = connected.discord.dispatch

    async def dispatch(payload: dict[str, object], event: str = "INTERACTION_CREATE") -> int:
        await once(payload, event)
        return await once(payload, event)

    monkeypatch.setattr(connected.discord, "dispatch", dispatch)
    return connected


async def both_are_handled(evening: Evening) -> None:
    """Wait until the second delivery is handled: the client answers a later event."""
    await evening.discord.slash("music credits", timeout_s=A_DAY_S)


async def test_a_command_that_is_delivered_twice_is_one_job_and_one_answer(
    twice: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await twice.discord.slash("music create", prompt="Rain")
    await twice.until(lambda: "interaction received twice" in caplog.text)

    (job,) = await twice.jobs()
    await twice.rig.until(job, DONE)

    assert [] == answer.interaction.refusals
    await assert_survived(twice.rig, caplog, job, says="delivered")


async def test_a_command_that_is_delivered_again_after_its_song_is_one_job(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await connected.discord.slash("music create", prompt="Rain")
    job = await connected.job()
    await connected.rig.until(job, DONE)

    await connected.discord.dispatch(answer.interaction.payload)
    await connected.until(lambda: "interaction received twice" in caplog.text)

    assert [job.id] == [one.id for one in await connected.jobs()]
    assert [] == answer.interaction.refusals
    await assert_survived(connected.rig, caplog, job, says="delivered")


async def test_a_form_that_is_delivered_twice_is_one_job_and_one_answer(
    connected: Evening, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    form = await connected.discord.slash("music custom")
    request.getfixturevalue("twice")
    words = {"title": "Neon Rain", "style": "synthwave", "lyrics": "City lights"}

    answer = await connected.discord.submit(form, words)
    await connected.until(lambda: "interaction received twice" in caplog.text)
    (job,) = await connected.jobs()
    await connected.rig.until(job, DONE)

    assert [] == answer.interaction.refusals
    await assert_survived(connected.rig, caplog, job, says="delivered")


@pytest.mark.parametrize("command", ["music credits", "music custom", "quota view"])
async def test_a_read_only_command_may_be_delivered_twice(
    command: str, twice: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    twice.discord.user.permissions |= MANAGE_GUILD

    answer = await twice.discord.slash(command)
    await twice.discord.until(lambda: answer.interaction.refusals, A_DAY_S, "a second answer")

    assert "bug in" not in caplog.text
    assert "interaction failed" not in caplog.text
    await assert_nothing_happened(twice.rig, caplog)


async def test_a_grant_that_is_delivered_twice_is_one_grant(
    twice: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    twice.discord.user.permissions |= MANAGE_GUILD

    await twice.discord.slash("quota grant", credits=50, reason="a good evening")
    await both_are_handled(twice)

    assert 50 == (await twice.rig.credits.balance(GuildId(twice.discord.guild.id))).bonus
    await assert_nothing_happened(twice.rig, caplog)


# -- the interaction's token


async def test_a_song_that_outlives_its_interaction_token_needs_no_token(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    connected.rig.music.done_at_once = False
    answer = await connected.discord.slash("music create", prompt="A long one")
    job = await connected.job()
    await connected.rig.until(job, JobState.RUNNING)

    connected.rig.clock.forward(minutes=20)
    connected.rig.finish()
    await connected.rig.until(job, DONE)
    await connected.rig.rest(10)

    assert "Done" in answer.text()
    assert 1 == len([call for call in connected.discord.requests if answer.interaction.token in call.path])
    await assert_survived(connected.rig, caplog, job, says="delivered")


# -- one message


STORMS: dict[str, tuple[int | str, bool]] = {
    "500": (500, False),
    "500 but stored": (500, True),
    "502 but stored": (502, True),
    "503": (503, False),
    "503 but stored": (503, True),
    "504": (504, False),
    "520": (520, False),
    "524 but stored": (524, True),
    "reset before": ("reset before", False),
    "reset after": ("reset after", False),
    "close before": ("close before", False),
    "close after": ("close after", False),
    "hang before": ("hang before", False),
    "hang after it was stored": ("hang", False),
}


@pytest.mark.parametrize("times", [1, 7])
@pytest.mark.parametrize("storm", STORMS)
async def test_a_song_that_is_sent_through_a_storm_is_posted_once(
    storm: str, times: int, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    kind, stored = STORMS[storm]
    job = await made(evening)
    fault = evening.discord.fault("POST", MESSAGES, kind, times=times, stored=stored)

    await evening.rig.until(job, DONE)

    assert fault.hits
    assert {1} == {len({call.json["nonce"] for call in evening.sends()})}
    assert {2} == {len(call.files) for call in evening.sends()}
    await assert_survived(evening.rig, caplog, job, says="delivered")


@pytest.mark.parametrize("storm", ["500", "503 but stored", "reset after", "hang after it was stored"])
async def test_a_failure_reported_during_a_storm_arrives_once(
    storm: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    kind, stored = STORMS[storm]
    job = await refused(evening)
    evening.discord.fault("POST", MESSAGES, kind, times=3, stored=stored)

    await evening.rig.until(job, TOLD)

    await assert_survived(evening.rig, caplog, job, says="explained")


@pytest.mark.parametrize("kind", [500, 503, "reset after", "close before", "hang"])
async def test_a_storm_affecting_every_call_to_discord_ends_in_one_message(
    kind: int | str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.discord.fault("*", "*", kind, times=40, stored=True)

    await evening.rig.until(job, DONE)
    await evening.rig.rest(30)

    assert "Done" in evening.card(job).text()
    await assert_survived(evening.rig, caplog, job, says="delivered")


@pytest.mark.parametrize("kind", ["hang", "reset after", 503])
async def test_a_stored_message_is_found_in_the_history_without_its_nonce(
    kind: int | str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.discord.fault("POST", MESSAGES, kind, stored=True)
    # Later messages in the channel do not hide it.
    for number in range(120):
        evening.discord.say(f"chatter {number}")

    await evening.rig.step(job)
    evening.rig.clock.forward(seconds=100)
    evening.discord.nonce_window_s = 0.0
    for number in range(120):
        evening.discord.say(f"more chatter {number}")
    await evening.rig.until(job, DONE)

    assert evening.rig.chat.posts[0].id == (await evening.rig.get(job)).message_id
    await assert_survived(evening.rig, caplog, job, says="delivered")


async def test_a_message_that_was_stored_and_then_deleted_is_not_posted_again(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.discord.fault("POST", MESSAGES, "reset after")
    await evening.rig.step(job)

    evening.discord.delete(evening.discord.posted()[0])
    await evening.rig.until(job, DONE)

    assert 404 == evening.sends()[-1].status
    await assert_survived(evening.rig, caplog, job, says="posted, then deleted")


async def test_a_restored_song_is_found_however_much_later_it_was_posted(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.rig.clock.forward(hours=5)
    for number in range(150):
        evening.discord.say(f"chatter {number}")
    await evening.rig.until(job, DONE)
    posted = evening.rig.chat.posts[0].id
    evening.discord.nonce_window_s = 0.0
    await put_back(evening, job)

    await evening.rig.until(job, DONE)

    assert posted == (await evening.rig.get(job)).message_id
    await assert_survived(evening.rig, caplog, job, says="restored message found")


async def put_back(evening: Evening, job: Job) -> None:
    """Restore the row as it was before the song was posted."""
    now = evening.rig.clock()

    def put(tx: Tx) -> None:
        tx.execute("UPDATE job SET state = 'stored', message_id = NULL, delivery_channel_id = NULL")
        tx.execute("UPDATE job SET due_at = ?", (times.milliseconds(now),))
        jobs.mark_restored(tx, job.id, now)

    await evening.rig.database.write(put)


async def test_a_restored_song_behind_too_many_messages_waits_for_a_person(
    evening: Evening, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(courier, "EVER_MAX", 120)
    job = await made(evening)
    await put_back(evening, job)
    for number in range(121):
        evening.discord.say(f"chatter {number}")

    await evening.rig.until(job, NOWHERE)

    assert [] == evening.sends()
    await assert_survived(evening.rig, caplog, job, says="unverifiable")


HISTORIES: dict[str, Callable[[Evening], object]] = {
    "403/50001": lambda evening: evening.discord.fault("GET", MESSAGES, 403, times=None, code=50001),
    "403/50013": lambda evening: evening.discord.fault("GET", MESSAGES, 403, times=None, code=50013),
    # Without the permission, Discord answers with an empty list.
    "an empty one": lambda evening: setattr(
        evening.discord.channel, "bot_permissions", MEMBER_PERMISSIONS & ~READ_MESSAGE_HISTORY
    ),
}


@pytest.mark.parametrize("kind", ["hang", "hang before"])
@pytest.mark.parametrize("history", HISTORIES)
async def test_a_possibly_posted_song_is_not_resent_without_a_history(
    history: str, kind: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.discord.nonce_window_s = 120.0  # "the past few minutes", says Discord
    evening.discord.fault("POST", MESSAGES, kind)
    await evening.rig.step(job)
    HISTORIES[history](evening)

    await evening.rig.until(job, DONE, NOWHERE)

    assert ONE_SONG * (kind == "hang") == kinds(evening)
    assert (NOWHERE, 1) == (await evening.rig.state(job), len(evening.sends()))
    assert 2 == len(list(evening.rig.spool.folder.iterdir()))
    assert () == (await evening.rig.database.read(reconcile)).findings
    assert [] == [record.getMessage() for record in caplog.records if is_a_bug(record)]


# -- rate limits


LIMITS: dict[str, dict[str, bool | str | int]] = {
    "of the route": {},
    "shared": {"scope": "shared"},
    "global": {"is_global": True},
    "of the channel": {"code": 20028},
}
WAITS_S = [0.05, 59.0, 61.0, 600.0]


@pytest.mark.parametrize("wait_s", WAITS_S)
@pytest.mark.parametrize("limit", LIMITS)
async def test_a_song_waits_for_the_end_of_a_rate_limit(
    limit: str, wait_s: float, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    began_s = evening.hurry.passed_s
    evening.discord.fault("POST", MESSAGES, 429, retry_after_s=wait_s, **LIMITS[limit])  # type: ignore[arg-type]

    await evening.rig.until(job, DONE)

    assert 2 == len(evening.sends())
    assert wait_s <= round(evening.hurry.passed_s - began_s, 6) <= max(wait_s + 1.0, 181.0)
    await assert_survived(evening.rig, caplog, job, says="delivered")


@pytest.mark.parametrize("limit", LIMITS)
async def test_a_song_waits_if_the_limit_grows_with_each_request(
    limit: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    for wait_s in (0.5, 25.0, 50.0, 59.0, 90.0, 300.0):
        evening.discord.fault("POST", MESSAGES, 429, retry_after_s=wait_s, **LIMITS[limit])  # type: ignore[arg-type]

    await evening.rig.until(job, DONE)

    await assert_survived(evening.rig, caplog, job, says="delivered")


async def test_a_temporarily_banned_address_stops_sending_requests(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    banned = evening.discord.fault("*", "*", 429, times=None, via=False)
    began_s = evening.hurry.passed_s

    while evening.hurry.passed_s - began_s < 600.0:
        await evening.rig.step()
    asked = banned.hits
    banned.stop()
    await evening.rig.until(job, DONE)

    assert 1 < asked <= 2 * 600 / 60 + 2  # the song's messages and its card
    await assert_survived(evening.rig, caplog, job, says="delivered")


# The bot's other requests to Discord: an action that causes each, and the request.
ASKED: dict[str, tuple[str, str]] = {
    "the card": ("PATCH", "/channels/*/messages/*"),
    "the history": ("GET", MESSAGES),
    "a direct message": ("POST", "/users/@me/channels"),
}


@pytest.mark.parametrize("wait_s", [15.0, 30.0, 61.0, 600.0])
@pytest.mark.parametrize("what", ASKED)
async def test_a_global_limit_elsewhere_silences_the_bot_only_for_its_time(
    what: str, wait_s: float, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    limited = evening.discord.fault(*ASKED[what], 429, retry_after_s=wait_s, is_global=True)
    first = await made(evening)
    if what == "the history":
        evening.discord.fault("POST", MESSAGES, "hang")
    elif what == "a direct message":
        evening.discord.fault("POST", MESSAGES, 403, code=50013)

    await evening.rig.until(first, DONE)
    await evening.rig.rest(30)
    second = await evening.ask()
    await evening.rig.until(second, DONE)
    await evening.rig.rest(30)

    assert 1 == limited.hits
    assert ["Done", "Done"] == ["Done" * ("Done" in evening.card(job).text()) for job in (first, second)]
    await assert_survived(evening.rig, caplog, first, second, says="delivered")


async def test_a_global_limit_on_one_song_leaves_no_other_song_behind(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    others = [evening.discord.add_channel(name) for name in ("one", "two", "three")]
    evening.discord.fault("POST", MESSAGES, 429, times=3, retry_after_s=45.0, is_global=True)
    jobs = [await evening.ask(channel) for channel in others]

    for job in jobs:
        await evening.rig.until(job, DONE)

    await assert_survived(evening.rig, caplog, *jobs, says="delivered")


@pytest.mark.parametrize("wait_s", [0.05, 2.0, 30.0])
async def test_an_answer_to_a_member_waits_for_the_end_of_a_rate_limit(
    wait_s: float, connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    connected.discord.fault("POST", CALLBACK, 429, retry_after_s=wait_s)

    answer = await connected.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S)
    job = await connected.job()
    await connected.rig.until(job, DONE)

    assert answer.message is not None
    await assert_survived(connected.rig, caplog, job, says="delivered")


# -- places that accept no message


def without(permission: int) -> Callable[[Channel], None]:
    def take_away(channel: Channel) -> None:
        channel.bot_permissions &= ~permission

    return take_away


def deleted(channel: Channel) -> None:
    channel.deleted = True


def left(channel: Channel) -> None:
    assert channel.guild is not None
    channel.guild.bot_is_member = False


def locked(channel: Channel) -> None:
    channel.locked = True


def locked_and_archived(channel: Channel) -> None:
    channel.locked = channel.archived = True


PLACES: dict[str, Callable[[Channel], None]] = {
    "a channel that was deleted": deleted,
    "a server that the bot has left": left,
    "a channel that the bot may not see": without(VIEW_CHANNEL),
    "a channel where it may not write": without(SEND_MESSAGES),
    "a channel where it may not attach files": without(ATTACH_FILES),
    "a channel where it may not embed": without(EMBED_LINKS),
    "a thread where it may not write": without(SEND_MESSAGES_IN_THREADS),
    "a thread that is locked": locked,
    "a thread that is locked and archived": locked_and_archived,
    "a thread that was deleted": deleted,
}


def place(evening: Evening, name: str) -> Channel:
    """Return a channel or thread for such a story, in its state at the member's request."""
    channel = evening.discord.add_channel("songs", guild=evening.discord.add_guild())
    return evening.discord.add_channel("a thread", thread_of=channel) if "thread" in name else channel


@pytest.mark.parametrize("name", PLACES)
async def test_a_song_goes_to_its_member_if_the_channel_no_longer_accepts_it(
    name: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    channel = place(evening, name)
    job = await made(evening, channel)
    PLACES[name](channel)

    await evening.rig.until(job, DONE)

    (post,) = evening.rig.chat.posts
    assert (evening.discord.dm(evening.discord.user).id, 2) == (post.channel_id, post.files)
    assert 1 == len(evening.sends(channel))
    await assert_survived(evening.rig, caplog, job, says="delivered")


@pytest.mark.parametrize("name", PLACES)
async def test_a_song_accepted_by_neither_channel_nor_member_is_kept(
    name: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    channel = place(evening, name)
    job = await made(evening, channel)
    evening.discord.user.accepts_dms = False
    PLACES[name](channel)

    await evening.rig.until(job, NOWHERE)
    await evening.rig.rest(30)

    direct = evening.discord.dm(evening.discord.user)
    assert (1, 1) == (len(evening.sends(channel)), len(evening.sends(direct)))
    assert 2 == len(list(evening.rig.spool.folder.iterdir()))
    await assert_survived(evening.rig, caplog, job, says="nowhere to post")


@pytest.mark.parametrize("name", [name for name in PLACES if "channel" in name])
async def test_a_failure_goes_to_its_member_if_the_channel_is_closed(
    name: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    channel = place(evening, name)
    job = await refused(evening, channel)
    PLACES[name](channel)

    await evening.rig.until(job, TOLD)

    # A notice has no files.
    there = channel if "attach" in name else evening.discord.dm(evening.discord.user)
    assert [there.id] == [post.channel_id for post in evening.rig.chat.posts]
    await assert_survived(evening.rig, caplog, job, says="explained")


async def test_an_archived_thread_is_reopened_by_its_song(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    thread = place(evening, "a thread")
    job = await made(evening, thread)
    thread.archived = True

    await evening.rig.until(job, DONE)

    assert [thread.id] == [post.channel_id for post in evening.rig.chat.posts]
    await assert_survived(evening.rig, caplog, job, says="delivered")


# Refusals to open a direct message, or to send there.
CLOSED_DOORS: dict[str, tuple[str, int, int]] = {
    "takes none": ("/channels/{direct}/messages", 403, 50007),
    "shares no server any more": ("/channels/{direct}/messages", 403, 50278),
    "can not be written to": ("/users/@me/channels", 400, 50033),
    "takes none from the beginning": ("/users/@me/channels", 400, 50007),
    "has no account any more": ("/users/@me/channels", 404, 10013),
    "may not be written to": ("/users/@me/channels", 403, 50007),
}


@pytest.mark.parametrize("door", CLOSED_DOORS)
async def test_a_song_is_kept_when_neither_server_nor_member_can_be_reached(
    door: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    path, status, code = CLOSED_DOORS[door]
    evening.rig.music.done_at_once = False
    channel = place(evening, "a channel")
    job = await evening.ask(channel)
    await evening.rig.until(job, JobState.RUNNING)
    left(channel)
    direct = evening.discord.dm(evening.discord.user).id
    evening.discord.fault("POST", path.format(direct=direct), status, code=code, times=None)

    evening.rig.finish()
    await evening.rig.until(job, NOWHERE)
    asked = len(evening.discord.requests)
    await evening.rig.rest(30)
    evening.rig.clock.forward(hours=1)
    await evening.rig.round()

    assert len(evening.discord.requests) <= asked + 1  # its card, in vain
    assert 2 == len(list(evening.rig.spool.folder.iterdir()))
    await assert_survived(evening.rig, caplog, job, says="(nowhere to post|direct messages refused)")


@pytest.mark.parametrize("door", CLOSED_DOORS)
async def test_a_failure_that_cannot_be_reported_counts_as_reported(
    door: str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    path, status, code = CLOSED_DOORS[door]
    channel = place(evening, "a channel")
    job = await refused(evening, channel)
    left(channel)
    direct = evening.discord.dm(evening.discord.user).id
    evening.discord.fault("POST", path.format(direct=direct), status, code=code, times=None)

    await evening.rig.until(job, TOLD)

    assert [] == kinds(evening)
    assert () == (await evening.rig.database.read(reconcile)).findings
    assert [] == [record.getMessage() for record in caplog.records if is_a_bug(record)]


async def test_a_refused_repetition_causes_no_second_message_elsewhere(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.discord.fault("POST", MESSAGES, "reset after")
    await evening.rig.step(job)

    evening.discord.channel.bot_permissions &= ~SEND_MESSAGES
    await evening.rig.until(job, DONE)

    await assert_survived(evening.rig, caplog, job, says="repeated send refused")


async def undelivered(connected: Evening) -> tuple[Answer, Job]:
    """Return the answer to a request whose song could be posted nowhere."""
    answer = await connected.discord.slash("music create", prompt="Rain")
    job = await connected.job()
    await connected.rig.until(job, STORED)
    connected.discord.user.accepts_dms = False
    connected.discord.channel.bot_permissions &= ~SEND_MESSAGES
    await connected.rig.until(job, NOWHERE)
    await connected.rig.rest(10)
    return answer, job


async def test_an_undelivered_song_is_posted_once_on_request(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    answer, job = await undelivered(connected)

    refused = await connected.discord.click(answer, "Post again")
    connected.discord.channel.bot_permissions = MEMBER_PERMISSIONS
    pressed = [await connected.discord.click(answer, "Post again") for _ in range(2)]
    await connected.rig.until(job, DONE)
    late = await connected.discord.click(answer, "Post again", unchecked=True)
    await connected.rig.rest(10)

    assert "**Send Messages**" in refused.content
    assert ["I'm posting it now."] * 2 == [one.content for one in pressed]
    assert (True, "It has already been posted.") == (late.ephemeral, late.content)
    assert "Done" in answer.text()
    await assert_survived(connected.rig, caplog, job, says="delivered")


@pytest.mark.parametrize("kind", ["hang", "hang before"])
async def test_a_possibly_posted_song_is_searched_for_on_request(
    kind: str, connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await connected.discord.slash("music create", prompt="Rain")
    job = await connected.job()
    await connected.rig.until(job, STORED)
    connected.discord.fault("POST", MESSAGES, kind)
    unreadable = connected.discord.fault("GET", MESSAGES, 403, times=None, code=50001)
    await connected.rig.until(job, NOWHERE)
    await connected.rig.rest(10)

    unreadable.stop()
    await connected.discord.click(answer, "Post again")
    await connected.rig.until(job, DONE)

    await assert_survived(connected.rig, caplog, job, says="delivered")


# -- files that are too large


@pytest.mark.parametrize(("status", "code"), [(413, 40005), (413, 0), (400, 40005)])
async def test_a_song_too_large_for_the_channel_becomes_links_and_is_kept(
    status: int, code: int, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.discord.fault("POST", MESSAGES, status, code=code)

    await evening.rig.until(job, DONE)

    (message,) = evening.discord.posted()
    assert ([2, 0], []) == ([len(call.files) for call in evening.sends()], message.attachments)
    assert evening.rig.task.urls == [item["url"] for item in message.buttons() if item.get("url")]
    assert 2 == len(list(evening.rig.spool.folder.iterdir()))
    await assert_survived(evening.rig, caplog, job, says="delivered")


async def test_only_the_file_that_is_too_large_becomes_a_link(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    evening.rig.music.audio = {"/task-1-1.mp3": SONG + bytes(10 << 20)}
    job = await made(evening)

    await evening.rig.until(job, DONE)

    (message,) = evening.discord.posted()
    assert [2, 1] == [len(call.files) for call in evening.sends()]
    assert (["Take 1"], 1) == ([item["label"] for item in message.buttons() if item.get("url")], 1)
    await assert_survived(evening.rig, caplog, job, says="delivered")


async def test_files_that_are_too_large_together_are_not_sent(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    evening.discord.attachment_limit_bytes = 100 << 20
    evening.rig.music.audio = {f"/task-1-{take}.mp3": SONG + bytes([take]) * (13 << 20) for take in (1, 2)}
    job = await made(evening)

    await evening.rig.until(job, DONE)

    assert [1] == [len(call.files) for call in evening.sends()]
    await assert_survived(evening.rig, caplog, job, says="delivered")


@pytest.mark.parametrize("to_come", [made, refused])
async def test_a_channel_that_calls_everything_too_large_is_given_up(
    to_come: Callable[[Evening], object], evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await (made if to_come is made else refused)(evening)
    evening.discord.fault("POST", MESSAGES, 413, times=None)

    async with asyncio.timeout(A_DAY_S):
        await evening.rig.until(job, NOWHERE, TOLD)

    asked = [call for call in evening.discord.requests if call.status == 413]
    assert len(asked) <= 6  # three times in the channel, three times in person
    assert [] == kinds(evening)
    assert [] == [record.getMessage() for record in caplog.records if is_a_bug(record)]


# -- the gateway


@pytest.mark.parametrize("code", [None, 1000, 1001, 4000, 4007, 4009])
async def test_a_broken_gateway_connection_is_restored(
    code: int | None, connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    connections = connected.discord.gateway.connections

    await connected.discord.drop_gateway(code)
    await connected.discord.until(lambda: connected.discord.gateway.connections > connections, A_DAY_S)
    await connected.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S)
    job = await connected.job()
    await connected.rig.until(job, DONE)

    await assert_survived(connected.rig, caplog, job, says="delivered")


@pytest.mark.parametrize("code", [4010, 4011, 4012, 4013, 4014])
async def test_a_gateway_connection_closed_for_good_is_replaced(
    code: int, connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    identifies = len(connected.discord.gateway.identifies)

    await connected.discord.drop_gateway(code)
    await connected.discord.until(lambda: len(connected.discord.gateway.identifies) > identifies, A_DAY_S)
    await connected.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S)
    job = await connected.job()
    await connected.rig.until(job, DONE)

    assert [] != connected.rig.alerts
    await assert_survived(connected.rig, caplog, job, says="delivered")


@pytest.mark.parametrize("resumable", [True, False])
async def test_an_invalidated_session_is_replaced(
    resumable: bool, connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    gateway = connected.discord.gateway
    before = len(gateway.identifies) + len(gateway.resumes)

    await connected.discord.invalidate_session(resumable=resumable)
    await connected.discord.until(lambda: len(gateway.identifies) + len(gateway.resumes) > before, A_DAY_S)
    await connected.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S)
    job = await connected.job()
    await connected.rig.until(job, DONE)

    await assert_survived(connected.rig, caplog, job, says="delivered")


async def test_requests_during_a_resume_are_answered_after_it(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    await connected.discord.drop_gateway()
    await connected.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S)
    job = await connected.job()
    await connected.rig.until(job, DONE)

    assert 1 == len(connected.discord.gateway.resumes)
    await assert_survived(connected.rig, caplog, job, says="delivered")


async def test_songs_are_posted_and_retried_while_the_gateway_is_down(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    await connected.discord.slash("music create", prompt="Rain")
    job = await connected.job()
    await connected.rig.until(job, JobState.RUNNING)
    connections = connected.discord.gateway.connections

    connected.discord.refuse_gateway()
    await connected.discord.drop_gateway()
    await connected.rig.until(job, DONE)
    assert [] == connected.discord.gateway.listening(connected.discord.guild.id)
    await asyncio.sleep(3_600.0)
    tries = connected.discord.gateway.connections - connections
    connected.discord.refuse_gateway(refuse=False)
    await connected.discord.until_connected(A_DAY_S)

    assert 3 < tries < 300
    await connected.discord.slash("music credits", timeout_s=A_DAY_S)
    await assert_survived(connected.rig, caplog, job, says="delivered")


# Requests that may fail before the first connection.
FIRST_STEPS = {
    "who am I": "/users/@me",
    "which gateway": "/gateway/bot",
    "everything": "*",
}


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        *itertools.product(FIRST_STEPS, [500, 503]),
        ("everything", "reset before"),
        ("everything", "hang before"),
    ],
)
async def test_a_failing_first_connection_is_retried_with_backoff(
    step: str, kind: int | str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    evening.discord.fault("GET", FIRST_STEPS[step], kind, times=12)

    async with evening.connected():
        await evening.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S)
        job = await evening.job()
        await evening.rig.until(job, DONE)

    assert "Unclosed" not in caplog.text
    await assert_survived(evening.rig, caplog, job, says="delivered")


async def test_a_discord_that_refuses_the_first_connection_is_retried(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    await evening.discord.go_down()

    async def comes_back() -> None:
        await asyncio.sleep(1_800.0)
        await evening.discord.come_back()

    coming = asyncio.create_task(comes_back())
    async with evening.connected():
        await evening.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S)
        job = await evening.job()
        await evening.rig.until(job, DONE)
    await coming

    # A wait is a minute at most.
    assert 1_800.0 <= evening.hurry.passed_s < 1_800.0 + 120.0
    await assert_survived(evening.rig, caplog, job, says="delivered")


# -- buttons


async def told(evening: Evening) -> tuple[Job, Message]:
    """Return a failed job and its notice."""
    evening.rig.music.on_post = [answers(400, message="no")]
    await evening.discord.slash("music create", prompt="Rain", timeout_s=A_DAY_S)
    job = await evening.job()
    await evening.rig.until(job, TOLD)
    return job, evening.discord.posted()[-1]


async def test_try_again_pressed_twice_makes_one_request(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    first, notice = await told(connected)

    card = await connected.discord.click(notice, "Try again")
    refused = await connected.discord.click(notice, "Try again")
    _, second = await connected.jobs()
    await connected.rig.until(second, DONE)

    assert (False, True) == (card.ephemeral, refused.ephemeral)
    assert "Nothing was charged" in refused.content
    await assert_survived(connected.rig, caplog, first, second, says="(explained|delivered)")


async def test_try_again_pressed_many_times_at_once_makes_one_request(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    first, notice = await told(connected)

    pressed = await asyncio.gather(
        *(connected.discord.click(notice, "Try again", timeout_s=A_DAY_S) for _ in range(10))
    )
    _, second = await connected.jobs()
    await connected.rig.until(second, DONE)

    assert [False] + [True] * 9 == sorted(answer.ephemeral for answer in pressed)
    await assert_survived(connected.rig, caplog, first, second, says="(explained|delivered)")


async def test_another_member_retries_a_failure_for_themselves_also_once(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    first, notice = await told(connected)
    noah = connected.discord.add_person("noah")

    for user in (noah, connected.discord.user, noah):
        await connected.discord.click(notice, "Try again", user=user)
    _, *tries = await connected.jobs()
    for job in tries:
        await connected.rig.until(job, DONE)

    assert [noah.id, connected.discord.user.id] == [job.origin.member_id for job in tries]
    await assert_survived(connected.rig, caplog, first, *tries, says="(explained|delivered)")


async def test_try_again_that_is_delivered_twice_makes_one_request(
    connected: Evening, request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture
) -> None:
    first, notice = await told(connected)
    request.getfixturevalue("twice")

    await connected.discord.click(notice, "Try again")
    await connected.until(lambda: "interaction received twice" in caplog.text)
    _, second = await connected.jobs()
    await connected.rig.until(second, DONE)

    await assert_survived(connected.rig, caplog, first, second, says="(explained|delivered)")


async def test_a_repeated_failure_can_be_retried_from_its_own_notice(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    jobs = []
    job, notice = await told(connected)
    for _ in range(3):
        jobs.append(job)
        connected.rig.music.on_post = [answers(400, message="no")]
        await connected.discord.click(notice, "Try again")
        job = await connected.job()
        await connected.rig.until(job, TOLD)
        notice = connected.discord.posted()[-1]

    assert 4 == len({post.id for post in connected.rig.chat.posts})
    await assert_survived(connected.rig, caplog, *jobs, job, says="explained")


async def test_try_again_works_on_an_old_message_of_an_earlier_process(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    async with evening.connected():
        first, notice = await told(evening)
    evening.rig.clock.forward(days=60)

    async with evening.connected():
        await evening.discord.click(notice, "Try again", timeout_s=A_DAY_S)
        _, second = await evening.jobs()
        await evening.rig.until(second, DONE)

    assert first.request == second.request
    await assert_survived(evening.rig, caplog, first, second, says="(explained|delivered)")


@pytest.mark.parametrize("name", ["retry", "post", "lyrics", "edit"])
async def test_a_button_of_a_forgotten_song_reports_it(
    name: str, connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    message = connected.old_message(f"{name}:4711")

    pressed = await connected.discord.click(message, "Press me")

    assert (True, "no longer kept" in pressed.content) == (pressed.ephemeral, True)
    await assert_nothing_happened(connected.rig, caplog)


async def test_try_again_does_nothing_in_a_message_carried_to_another_server(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    first, _ = await told(connected)
    elsewhere = connected.discord.add_channel("songs", guild=connected.discord.add_guild())
    message = connected.old_message(f"retry:{first.id}", elsewhere)

    pressed = await connected.discord.click(message, "Press me", timeout_s=A_DAY_S)

    assert pressed.ephemeral
    await assert_survived(connected.rig, caplog, first, says="explained")


async def test_post_again_by_another_member_reaches_the_songs_own_channel(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    answer, job = await undelivered(connected)
    connected.discord.channel.bot_permissions = MEMBER_PERMISSIONS

    await connected.discord.click(answer, "Post again", user=connected.discord.add_person("noah"))
    await connected.rig.until(job, DONE)

    (message,) = connected.discord.posted()
    assert {connected.discord.user.id} == message.pings
    await assert_survived(connected.rig, caplog, job, says="delivered")


async def test_anybody_can_view_the_texts_of_a_song_repeatedly(
    connected: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    await connected.discord.slash("music create", prompt="Rain on neon")
    job = await connected.job()
    await connected.rig.until(job, DONE)
    (song,) = connected.discord.posted()
    noah = connected.discord.add_person("noah")

    menu = f"lyrics:{job.id}"
    shown = [
        await connected.discord.click(song, menu, values=["words"], user=user) for user in (None, noah, noah)
    ]

    assert [(True, "```\nRain on neon\n```")] * 3 == [(one.ephemeral, one.content) for one in shown]
    await assert_survived(connected.rig, caplog, job, says="delivered")


# -- cards


@pytest.mark.parametrize("when", [JobState.QUEUED, JobState.RUNNING, STORED])
async def test_a_deleted_card_stops_nothing(
    when: JobState, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await evening.ask()
    await evening.rig.until(job, when)
    evening.discord.delete(evening.card(await evening.rig.get(job)))

    await evening.rig.until(job, DONE)
    await evening.rig.rest(30)

    assert {evening.discord.user.id} == evening.discord.posted()[0].pings
    edits = [call for call in evening.discord.requests if call.method == "PATCH"]
    assert len(edits) <= len(JobState)
    await assert_survived(evening.rig, caplog, job, says="card not editable")


@pytest.mark.parametrize(
    ("status", "code"), [(403, 50001), (403, 50005), (404, 10008), (400, 30046), (400, 50083), (503, None)]
)
async def test_a_card_that_cannot_be_edited_stops_nothing(
    status: int, code: int | None, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await evening.ask()
    stuck = evening.discord.fault("PATCH", "/channels/*/messages/*", status, code=code, times=None)

    await evening.rig.until(job, DONE)
    await evening.rig.rest(30)

    assert 1 <= stuck.hits <= 40
    await assert_survived(evening.rig, caplog, job, says="delivered")


# -- hours without Discord


@pytest.mark.parametrize("away", ["refuses connections", 503, "hang before"])
async def test_songs_made_during_an_outage_of_discord_arrive_once_in_order(
    away: int | str, evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    second = evening.discord.add_channel("elsewhere")
    jobs = []
    for channel in (None, second, None, None):
        jobs.append(await evening.ask(channel))
        evening.rig.clock.forward(seconds=1)
    fault = None
    if away == "refuses connections":
        await evening.discord.go_down()
    else:
        fault = evening.discord.fault("*", "*", away, times=None)

    began = evening.rig.clock.now
    async with evening.rig.process() as runner:
        while evening.rig.clock.now - began < timedelta(minutes=4):
            await evening.rig.rest(1, runner)
        while evening.rig.clock.now - began < timedelta(hours=6):
            await runner.round()
            evening.rig.clock.forward(minutes=20)
    assert (8, []) == (len(list(evening.rig.spool.folder.iterdir())), kinds(evening))
    if fault is None:
        await evening.discord.come_back()
    else:
        fault.stop()
    for job in jobs:
        await evening.rig.until(job, DONE)

    assert evening.rig.clock.now - began < timedelta(hours=6, minutes=30)
    for channel in (evening.discord.channel, second):
        came = [post.job_id for post in evening.rig.chat.posts if post.channel_id == channel.id]
        assert [job.id for job in jobs if job.origin.channel_id == channel.id] == came
    await assert_survived(evening.rig, caplog, *jobs, says="delivered")


# -- the token


async def test_a_token_refused_for_a_while_only_delays_the_song(
    evening: Evening, caplog: pytest.LogCaptureFixture
) -> None:
    job = await made(evening)
    evening.discord.revoked = True
    began_s = evening.hurry.passed_s

    while evening.hurry.passed_s - began_s < 1_800.0:
        await evening.rig.step()
    refused = [call for call in evening.discord.requests if call.status == 401]
    evening.discord.revoked = False
    await evening.rig.until(job, DONE)

    # 10,000 such answers in ten minutes would get the address banned.
    assert 1 < len(refused) <= 2 * 30 + 2
    await assert_survived(evening.rig, caplog, job, says="delivered")


async def test_a_revoked_token_ends_the_run_and_a_new_token_continues_it(
    tmp_path: Path,
) -> None:
    async with World.open(tmp_path, delay_s=3_600.0) as world:
        channel, ada = world.room()
        async with world.bot() as bot:
            await world.discord.slash("music create", prompt="Kept", user=ada, channel=channel)
            await world.discord.until(lambda: world.music.polls, 10.0, "a status query")
            await world.discord.revoke_token()
            status = await bot.ended()
        world.discord.revoked = False
        world.discord.token = "another.good.token"
        world.music.finish()
        async with world.bot() as second:
            song = await world.next_post(channel)
            assert 0 == await second.terminate()

    assert 1 == status
    assert "DISCORD_TOKEN is no longer accepted by Discord; copy the bot's token again." == bot.lines[-1]
    assert ({ada.id}, 1) == (song.pings, len(world.bodies("Kept")))
    assert "Traceback" not in bot.log
    assert [] == [
        secret for secret in (FakeDiscord().token, world.discord.token) if secret in bot.log + second.log
    ]
