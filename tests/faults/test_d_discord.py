"""Discord answers late, twice, not at all, or no: each song is still paid for once and posted once."""

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot import app
from bot.jobs.courier import MessageKind
from bot.model import FailReason, JobState
from bot.ui import courier
from tests.faults.town import FINAL, Town, bugs, hurry
from tests.flows.process import World, mp3
from tests.standin import Channel, Fault, NoAnswerError, Person
from tests.standin.wire import (
    ATTACH_FILES,
    EMBED_LINKS,
    READ_MESSAGE_HISTORY,
    SEND_MESSAGES,
    SEND_MESSAGES_IN_THREADS,
    VIEW_CHANNEL,
    Json,
)

SONG, NOTICE = MessageKind.SONG, MessageKind.NOTICE
FAILS = "Goes wrong [fail]"
HOUR_S = 3_600.0


@pytest.fixture
async def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Town]:
    async with Town.open(tmp_path, monkeypatch) as opened:
        yield opened


# -- an interaction that is answered too late


@pytest.mark.parametrize("way", ["command", "form"])
async def test_an_answer_that_comes_too_late_withdraws_a_queued_request(
    town: Town, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    form = await town.form()
    town.discord.answer_deadline_s = -1.0

    with pytest.raises(NoAnswerError, match="10062"):
        await (
            town.ask()
            if way == "command"
            else town.discord.submit(form, {"title": "Late", "style": "folk", "lyrics": "la"})
        )
    (job,) = await town.rest()

    assert (JobState.EXPLAINED, FailReason.WITHDRAWN) == (job.state, job.reason)
    assert 100 == (await town.balance()).available
    assert [] == town.discord.posted()
    await town.assert_survived(caplog, charged=0)


async def test_an_answer_that_comes_too_late_for_a_song_that_was_begun_leaves_it_to_the_channel(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    late = town.discord.fault("POST", "/interactions/*/callback", "hang before")
    payload = town.discord.command("music create", town.mira, town.channel, prompt="Warm synth pop")
    handling = town.discord.begin(payload)
    await town.discord.until(lambda: late.hits)
    town.clock.forward(seconds=5)
    await town.parts.runner.round()
    town.discord.answer_deadline_s = -1.0
    late.stop()
    await asyncio.wait(handling)
    (job,) = await town.until(JobState.DELIVERED)
    await town.rest()

    with pytest.raises(NoAnswerError, match="10062"):
        town.discord.outcome(payload)
    assert [{town.mira.id}] == [message.pings for message in town.about(job)]
    assert [town.channel] == [message.channel for message in town.about(job)]
    await town.assert_survived(caplog, charged=1)


# -- the same interaction twice


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("way", ["command", "form", "button"])
async def test_an_interaction_that_is_delivered_twice_is_one_job(
    town: Town, caplog: pytest.LogCaptureFixture, way: str, *, at_once: bool
) -> None:
    failed = 0
    if way == "command":
        payload = town.discord.command("music create", town.mira, town.channel, prompt="Only once")
    elif way == "form":
        words = {"title": "Only once", "style": "folk", "lyrics": "la"}
        payload = town.discord.submit_payload(await town.form(), words)
    else:
        await town.ask(FAILS)
        (job,) = await town.until(JobState.EXPLAINED)
        failed = 1
        payload = town.discord.click_payload(town.about(job, NOTICE)[0], "Try again")

    await _deliver_twice(town, payload, at_once=at_once)
    found = await town.until(JobState.DELIVERED, JobState.EXPLAINED)
    await town.rest()

    assert failed + 1 == len(found)
    assert [] == town.discord.interactions[int(payload["id"])].refusals
    await town.assert_survived(caplog, charged=failed + 1)


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_grant_whose_interaction_is_delivered_twice_is_given_once(
    town: Town, caplog: pytest.LogCaptureFixture, *, at_once: bool
) -> None:
    keeper = town.manager()
    payload = town.discord.command("quota grant", keeper, town.channel, credits=15, reason="an evening")

    await _deliver_twice(town, payload, at_once=at_once)

    assert 15 == (await town.balance()).bonus
    await town.assert_survived(caplog, charged=0)


async def _deliver_twice(town: Town, payload: Json, *, at_once: bool) -> None:
    first = town.discord.begin(payload)
    if not at_once:
        await asyncio.wait(first)
        await town.round()
    await asyncio.wait(first | town.discord.begin(payload))


# -- interaction tokens


@pytest.mark.parametrize(("prompt", "end"), [("A slow one", "Done"), ("Slowly [fail]", "No song this time")])
async def test_nothing_depends_on_a_token_that_is_older_than_a_quarter_of_an_hour(
    town: Town, caplog: pytest.LogCaptureFixture, prompt: str, end: str
) -> None:
    town.music.delay_s = 20 * 60.0
    card = await town.ask(prompt)
    asked_at = town.clock()
    (job,) = await town.rest()

    assert town.clock() - asked_at > timedelta(seconds=town.discord.token_lifetime_s)
    assert job.state in (JobState.DELIVERED, JobState.EXPLAINED)
    assert end in card.text()
    assert [] == [call.path for call in town.discord.requests if call.path.startswith("/webhooks/")]
    await town.assert_survived(caplog, charged=1)


# -- storms

STORMS = {
    **{
        f"{status} {'stored' if stored else 'lost'} x{times}": Fault("POST", "", status, times, stored=stored)
        for status, times in ((500, 3), (500, 12), (502, 3), (503, 3), (503, 12), (504, 3))
        for stored in (False, True)
    },
    **{
        f"{kind} x{times}": Fault("POST", "", kind, times)
        for kind, times in (
            ("reset before", 1),
            ("reset after", 1),
            ("reset after", 20),
            ("close before", 20),
            ("close after", 1),
            ("hang", 1),
            ("hang", 3),
            ("hang before", 2),
        )
    },
}
"""How many requests to post meet what."""


@pytest.mark.parametrize(
    ("prompt", "kind", "storm"),
    [("Warm synth pop", SONG, storm) for storm in STORMS]
    + [(FAILS, NOTICE, storm) for storm in ("500 stored x12", "503 lost x3", "reset after x1", "hang x1")],
)
async def test_a_storm_over_a_send_leaves_one_message(
    town: Town, caplog: pytest.LogCaptureFixture, prompt: str, kind: MessageKind, storm: str
) -> None:
    await town.ask(prompt)
    wanted = STORMS[storm]
    fault = town.discord.fault(
        "POST", f"/channels/{town.channel.id}/messages", wanted.kind, wanted.times, stored=wanted.stored
    )

    (job,) = await town.rest()

    assert fault.hits > 0
    assert {SONG: JobState.DELIVERED, NOTICE: JobState.EXPLAINED}[kind] is job.state
    assert [town.channel] == [message.channel for message in town.about(job, kind)]
    assert job.message_id == town.about(job, kind)[0].id
    await town.assert_survived(caplog, charged=1)


@pytest.mark.parametrize("kind", [500, 503, "reset after", "hang"])
async def test_a_storm_over_the_look_into_the_history_leaves_one_message(
    town: Town, caplog: pytest.LogCaptureFixture, kind: int | str
) -> None:
    await town.ask()
    town.discord.fault("POST", f"/channels/{town.channel.id}/messages", "hang")
    fault = town.discord.fault("GET", f"/channels/{town.channel.id}/messages", kind, 6)

    (job,) = await town.rest()

    assert fault.hits > 0
    assert JobState.DELIVERED is job.state
    assert 1 == len(town.about(job))
    await town.assert_survived(caplog, charged=1)


@pytest.mark.parametrize("stored", [True, False])
@pytest.mark.parametrize("kind", [500, 503, "reset after", "reset before"])
async def test_a_storm_over_the_answer_leaves_one_card_and_one_song(
    town: Town, caplog: pytest.LogCaptureFixture, kind: int | str, *, stored: bool
) -> None:
    town.discord.fault("POST", "/interactions/*/callback", kind, stored=stored)
    with suppress(NoAnswerError):
        await town.ask()

    (job,) = await town.rest()

    assert JobState.DELIVERED is job.state
    assert 1 == len(town.about(job))
    assert len([one for one in town.discord.messages if one.via == "answer"]) <= 1
    assert [] == [one for one in town.discord.messages if one.via == "answer" and "Done" not in one.text()]
    await town.assert_survived(caplog, charged=1)


@pytest.mark.parametrize("since", ["before the request", "after the song was sent"])
async def test_a_lost_answer_is_not_posted_again_where_the_history_can_not_be_read(
    town: Town, caplog: pytest.LogCaptureFixture, since: str
) -> None:
    """Without Read Message History Discord answers with no messages at all, and not with an error."""
    lost = town.discord.fault("POST", f"/channels/{town.channel.id}/messages", "hang")
    if since == "before the request":
        town.channel.bot_permissions &= ~READ_MESSAGE_HISTORY
    await town.ask()
    while not lost.hits:
        await town.step()
    town.channel.bot_permissions &= ~READ_MESSAGE_HISTORY

    (job,) = await town.rest()

    assert [town.channel] == [message.channel for message in town.about(job)]
    assert JobState.UNDELIVERED is job.state
    assert f"job {job.id}: whether its song was posted can't be known" in caplog.text
    await town.assert_survived(caplog, charged=1)


# -- rate limits


@pytest.mark.parametrize("retry_after_s", [5.0, 55.0, 120.0])
@pytest.mark.parametrize("scope", ["user", "shared", "global"])
async def test_a_rate_limit_is_waited_out(
    town: Town, caplog: pytest.LogCaptureFixture, retry_after_s: float, scope: str
) -> None:
    await town.ask()
    town.discord.fault(
        "POST",
        f"/channels/{town.channel.id}/messages",
        429,
        retry_after_s=retry_after_s,
        scope=scope,
        is_global=scope == "global",
    )

    (job,) = await town.rest()

    limited_at, again_at, *_ = town.sends()
    over_at = limited_at + timedelta(seconds=retry_after_s)
    assert again_at >= over_at
    if scope == "global":
        # What goes out at the same moment may have been on its way.
        assert [] == [(at, call.path) for at, call in town.discord.came if limited_at < at < over_at]
    assert JobState.DELIVERED is job.state
    assert 1 == len(town.about(job))
    await town.assert_survived(caplog, charged=1)


@pytest.mark.parametrize("seconds", [5, 30])
async def test_a_global_rate_limit_that_a_card_runs_into_does_not_silence_the_bot_for_good(
    town: Town, caplog: pytest.LogCaptureFixture, seconds: int
) -> None:
    town.stuck_s = 0.2
    await town.ask()
    limit = town.discord.fault(
        "PATCH", f"/channels/{town.channel.id}/messages/*", 429, retry_after_s=seconds, is_global=True
    )

    (job,) = await town.until(*FINAL, within=timedelta(minutes=10))

    assert 1 == limit.hits
    assert JobState.DELIVERED is job.state
    await town.assert_survived(caplog, charged=1)


async def test_the_firewall_in_front_of_discord_is_waited_out(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    await town.ask()
    fault = town.discord.fault("POST", f"/channels/{town.channel.id}/messages", 429, 3, via=False)

    (job,) = await town.rest()

    times = town.sends()
    assert 3 == fault.hits
    assert min(later - earlier for earlier, later in zip(times, times[1:], strict=False)) >= timedelta(
        seconds=5
    )
    assert JobState.DELIVERED is job.state
    assert 1 == len(town.about(job))
    await town.assert_survived(caplog, charged=1)


# -- the token


async def test_a_revoked_token_ends_the_run_with_one_sentence_and_keeps_all_state(tmp_path: Path) -> None:
    async with World.open(tmp_path, delay_s=HOUR_S) as world:
        channel, ada = world.room()
        async with world.bot() as bot:
            await world.discord.slash("music create", prompt="Later", user=ada, channel=channel)
            await world.discord.until(lambda: world.music.polls, 10.0, "a status query")
            await world.discord.revoke_token()
            status = await bot.ended()
        world.music.finish()
        world.discord.token, world.discord.revoked = "a.new.token", False
        async with world.bot() as after:
            song = await world.next_post(channel)
            ended = await after.terminate()

    assert 1 == status
    assert "DISCORD_TOKEN is no longer accepted by Discord; copy the bot's token again." == bot.lines[-1]
    assert "Traceback" not in bot.log
    assert "stand-in.bot.token" not in bot.log
    assert 0 == ended
    assert {ada.id} == song.pings
    assert 1 == world.music.tasks_created
    assert 1 == len(world.discord.posted(channel))
    assert f"job {song.buttons()[0]['custom_id'].partition(':')[2]}: running" in bot.log


# -- nowhere to post


def _without(permission: int) -> Callable[[Town, Channel], None]:
    def take_away(_: Town, channel: Channel) -> None:
        channel.bot_permissions &= ~permission

    return take_away


def _delete(_: Town, channel: Channel) -> None:
    channel.deleted = True


def _leave(_: Town, channel: Channel) -> None:
    assert channel.guild is not None
    channel.guild.bot_is_member = False


def _archive(_: Town, channel: Channel) -> None:
    channel.archived = channel.locked = True


def _lock(_: Town, channel: Channel) -> None:
    channel.locked = True


CLOSED: dict[str, tuple[bool, Callable[[Town, Channel], None]]] = {
    "channel deleted": (False, _delete),
    "server left": (False, _leave),
    "channel not seen": (False, _without(VIEW_CHANNEL)),
    "sending forbidden": (False, _without(SEND_MESSAGES)),
    "files forbidden": (False, _without(ATTACH_FILES)),
    "embeds forbidden": (False, _without(EMBED_LINKS)),
    "thread deleted": (True, _delete),
    "thread archived": (True, _archive),
    "thread locked": (True, _lock),
    "sending forbidden in threads": (True, _without(SEND_MESSAGES_IN_THREADS)),
}
"""How a channel is closed meanwhile, and whether it is a thread."""


def _place(town: Town, *, thread: bool) -> Channel:
    return town.discord.add_channel("a thread", thread_of=town.channel) if thread else town.channel


@pytest.mark.parametrize(
    ("prompt", "kind", "closed"),
    [("Warm synth pop", SONG, closed) for closed in CLOSED]
    + [(FAILS, NOTICE, closed) for closed in ("channel deleted", "sending forbidden", "thread archived")],
)
async def test_where_the_channel_is_closed_the_member_is_written_to(
    town: Town, caplog: pytest.LogCaptureFixture, prompt: str, kind: MessageKind, closed: str
) -> None:
    thread, close = CLOSED[closed]
    place = _place(town, thread=thread)
    await town.ask(prompt, channel=place)
    close(town, place)

    (job,) = await town.rest()

    direct = town.discord.dm(town.mira)
    assert [direct] == [message.channel for message in town.about(job, kind)]
    assert [{town.mira.id}] == [message.pings for message in town.about(job, kind)]
    assert ([mp3(1), mp3(2)] if kind is SONG else []) == [
        one.data for one in town.about(job, kind)[0].attachments
    ]
    assert {SONG: JobState.DELIVERED, NOTICE: JobState.EXPLAINED}[kind] is job.state
    await town.assert_survived(caplog, charged=1)


@pytest.mark.parametrize("closed", CLOSED)
async def test_a_song_with_nowhere_to_go_is_kept_and_paid_for_once(
    town: Town, caplog: pytest.LogCaptureFixture, closed: str
) -> None:
    town.mira.accepts_dms = False
    thread, close = CLOSED[closed]
    place = _place(town, thread=thread)
    await town.ask(channel=place)
    close(town, place)

    (job,) = await town.rest()

    assert JobState.UNDELIVERED is job.state
    assert [] == town.discord.posted()
    assert [mp3(1), mp3(2)] == [(town.settings.spool_dir / one.file).read_bytes() for one in job.tracks]
    assert 90 == (await town.balance()).available
    assert f"job {job.id}: nowhere to post its song" in caplog.text
    await town.assert_survived(caplog, charged=1)


async def test_a_failure_with_nobody_to_tell_is_over_and_its_credits_are_back(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.mira.accepts_dms = False
    await town.ask(FAILS)
    _delete(town, town.channel)

    (job,) = await town.rest()

    assert JobState.EXPLAINED is job.state
    assert [] == town.discord.posted()
    assert 100 == (await town.balance()).available
    assert f"job {job.id}: nowhere to post its notice" in caplog.text
    await town.assert_survived(caplog, charged=1)


async def test_an_undelivered_song_is_posted_when_a_person_asks_for_it(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    town.mira.accepts_dms = False
    await town.ask()
    _delete(town, town.channel)
    await town.rest()
    elsewhere = town.discord.add_channel("elsewhere")

    (choice,) = await town.discord.autocomplete("music get", "song", user=town.mira, channel=elsewhere)
    await town.discord.slash("music get", song=choice["value"], channel=elsewhere)
    await town.rest()

    assert [[mp3(1), mp3(2)]] == [
        [one.data for one in message.attachments]
        for message in town.discord.messages
        if message.channel is elsewhere and message.attachments
    ]
    await town.assert_survived(caplog, charged=1)


# -- too large


@dataclass(frozen=True)
class TooLarge:
    """What a server takes, and what comes of a song whose takes have some 5,400 and 5,800 bytes."""

    per_file_bytes: int = 10_000
    per_request_bytes: int = 100_000
    safe_bytes: int = 10_000
    """What the bot believes that every server takes."""
    request_max_bytes: int = 100_000
    """What the bot believes that one request may have."""
    refused: int = 0
    """Answers of 413 whatever is sent."""
    attached: tuple[str, ...] = ()
    linked: tuple[str, ...] = ("Take 1", "Take 2")


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(TooLarge(per_file_bytes=5_000, safe_bytes=5_000), id="both takes"),
        pytest.param(
            TooLarge(per_file_bytes=5_500, safe_bytes=5_500, attached=("a-1.mp3",), linked=("Take 2",)),
            id="one take",
        ),
        pytest.param(
            TooLarge(request_max_bytes=6_000, per_request_bytes=6_000, attached=("a-1.mp3",), linked=("Take 2",)),
            id="both together",
        ),
        pytest.param(TooLarge(per_file_bytes=5_500, safe_bytes=10_000), id="a server that takes less"),
        pytest.param(TooLarge(refused=1, safe_bytes=5_000), id="refused once"),
        pytest.param(TooLarge(refused=2, safe_bytes=5_500), id="refused twice"),
    ],
)
async def test_a_song_that_is_too_large_becomes_a_link_for_each_file_that_is(
    town: Town, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, case: TooLarge
) -> None:
    monkeypatch.setattr(courier, "FILE_SAFE_BYTES", case.safe_bytes)
    monkeypatch.setattr(courier, "REQUEST_MAX_BYTES", case.request_max_bytes)
    town.discord.attachment_limit_bytes = case.per_file_bytes
    town.discord.request_limit_bytes = case.per_request_bytes
    town.discord.fault("POST", f"/channels/{town.channel.id}/messages", 413, case.refused)
    await town.ask("a")

    (job,) = await town.rest()

    (song,) = town.about(job)
    assert JobState.DELIVERED is job.state
    assert list(case.attached) == [one.filename for one in song.attachments]
    assert list(case.linked) == [button["label"] for button in song.buttons() if button.get("url")]
    assert [] == [path for path in job.tracks if not (town.settings.spool_dir / path.file).exists()]
    await town.assert_survived(caplog, charged=1)


async def test_a_channel_that_finds_everything_too_large_is_not_asked_for_ever(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    fault = town.discord.fault("POST", f"/channels/{town.channel.id}/messages", 413, 60)
    await town.ask()

    await town.until(JobState.DELIVERING, JobState.UNDELIVERED, JobState.DELIVERED)

    assert fault.hits <= 5
    fault.stop()
    await town.assert_survived(caplog, charged=1)


# -- the gateway


@asynccontextmanager
async def connecting(town: Town, alerts: list[str]) -> AsyncIterator[None]:
    """The bot's connection to the gateway, looked after as in a run."""
    work = partial(app._connect, town.parts.client, town.discord.token)
    task = asyncio.create_task(app._supervised("the connection to Discord", work, alerts.append))
    try:
        yield
    finally:
        await town.parts.client.close()
        await asyncio.wait({task})


async def _drop(town: Town) -> None:
    await town.discord.drop_gateway()


async def _drop_for_good(town: Town) -> None:
    town.discord.gateway.resumable = False
    await town.discord.drop_gateway()


async def _invalidate(town: Town) -> None:
    await town.discord.invalidate_session()


async def _reconnect(town: Town) -> None:
    await town.discord.gateway.ask_to_reconnect()


async def _refuse(town: Town) -> None:
    town.discord.refuse_gateway()
    await town.discord.drop_gateway()


async def _close_with_4000(town: Town) -> None:
    await town.discord.drop_gateway(4000)


async def _unreadable(town: Town) -> None:
    await town.discord.gateway.send("INTERACTION_CREATE", {"id": "1"}, town.discord.guild.id)


@pytest.mark.parametrize(
    "trouble", [_drop, _drop_for_good, _invalidate, _reconnect, _refuse, _close_with_4000, _unreadable]
)
async def test_without_the_gateway_songs_arrive_and_the_connection_comes_back(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    trouble: Callable[[Town], Awaitable[None]],
) -> None:
    async with Town.open(tmp_path, monkeypatch, delay_s=20.0) as town:
        hurry(monkeypatch, town.clock, "bot.app", "discord.shard", pause_s=0.01)
        await town.ask()
        await town.stop()
        await town.assemble()
        alerts: list[str] = []
        async with connecting(town, alerts):
            gateway = town.discord.gateway
            await town.discord.until(lambda: gateway.listening(town.discord.guild.id))
            sessions = len(gateway.identifies) + len(gateway.resumes)
            await trouble(town)
            (job,) = await town.until(JobState.DELIVERED)
            town.discord.refuse_gateway(refuse=False)
            await town.discord.until(
                lambda: (
                    len(gateway.identifies) + len(gateway.resumes) > sessions
                    and gateway.listening(town.discord.guild.id)
                ),
                HOUR_S,
            )
            town.discord.by_gateway = True
            answer = await town.discord.slash("music credits")
            await town.rest()

            assert "90 credits" in answer.text()
            assert 1 == len(town.about(job))
            await town.assert_survived(caplog, charged=1)


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("GET", "/gateway/bot", 503),
        ("GET", "/users/@me", 503),
        ("GET", "/users/@me", 500),
        ("GET", "/users/@me", "reset before"),
        ("PUT", "/applications/*/commands", 503),
        ("gateway", "", ""),
    ],
)
async def test_a_first_connection_that_fails_is_tried_again_and_songs_arrive(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    method: str,
    path: str,
    kind: int | str,
) -> None:
    async with Town.open(tmp_path, monkeypatch, delay_s=20.0) as town:
        hurry(monkeypatch, town.clock, "bot.app", "discord.shard", pause_s=0.01)
        await town.ask()
        await town.stop()
        await town.assemble()
        if method == "gateway":
            town.discord.refuse_gateway()
        else:
            town.discord.fault(method, path, kind, 8)
        gateway = town.discord.gateway
        alerts: list[str] = []
        async with connecting(town, alerts):
            if method == "gateway":
                await town.discord.until(lambda: gateway.connections >= 2, HOUR_S)
                (job,) = await town.until(JobState.DELIVERED)
                town.discord.refuse_gateway(refuse=False)
            await town.discord.until(lambda: gateway.listening(town.discord.guild.id), HOUR_S)
            (job,) = await town.until(JobState.DELIVERED)
            town.discord.by_gateway = True
            answer = await town.discord.slash("music credits")
            await town.rest()

            assert "90 credits" in answer.text()
            assert 1 == len(town.about(job))
            await town.assert_survived(caplog, charged=1)
    # An HTTP session that was left open is told by a warning when it is collected, and so belongs here.
    gc.collect()


# -- buttons


async def _failed(town: Town) -> Any:  # noqa: ANN401
    await town.ask(FAILS)
    (job,) = await town.until(JobState.EXPLAINED)
    return town.about(job, NOTICE)[0]


@pytest.mark.parametrize("restarted", [False, True])
async def test_try_again_that_is_pressed_twice_makes_one_request(
    town: Town, caplog: pytest.LogCaptureFixture, *, restarted: bool
) -> None:
    notice = await _failed(town)
    if restarted:
        await town.restart()

    first, second = (town.discord.click_payload(notice, "Try again") for _ in range(2))
    await asyncio.wait(town.discord.begin(first) | town.discord.begin(second))
    await town.rest()

    assert 2 == len(await town.jobs())
    await town.assert_survived(caplog, charged=2)


@pytest.mark.parametrize("restarted", [False, True])
async def test_the_words_of_a_song_are_shown_to_whoever_presses_as_often_as_they_do(
    town: Town, caplog: pytest.LogCaptureFixture, *, restarted: bool
) -> None:
    bea = town.discord.add_person("bea")
    await town.ask("Warm synth pop")
    (job,) = await town.rest()
    if restarted:
        await town.restart()

    answers = [
        await town.discord.click(town.about(job)[0], "Prompt", user=user) for user in (town.mira, bea, bea)
    ]

    assert [(True, "```\nWarm synth pop\n```")] * 3 == [(one.ephemeral, one.content) for one in answers]
    await town.assert_survived(caplog, charged=1)


@pytest.mark.parametrize("restarted", [False, True])
async def test_try_again_by_another_member_is_a_request_of_that_member(
    town: Town, caplog: pytest.LogCaptureFixture, *, restarted: bool
) -> None:
    bea = town.discord.add_person("bea")
    notice = await _failed(town)
    if restarted:
        await town.restart()

    await town.discord.click(notice, "Try again", user=bea)
    first, second = await town.rest()

    assert [town.mira.id, bea.id] == [first.reply_to.member_id, second.reply_to.member_id]
    assert [{bea.id}] == [message.pings for message in town.about(second, NOTICE)]
    await town.assert_survived(caplog, charged=2)


async def test_a_draft_of_another_member_is_not_opened(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    bea = town.discord.add_person("bea")
    refused = await town.discord.submit(await town.form(), {"title": "Hers", "style": "folk"})

    answer = await town.discord.click(refused, "Edit and try again", user=bea)

    assert answer.modal is None
    assert "The words of that song are no longer kept. Nothing was charged." == answer.content
    await town.assert_survived(caplog, charged=0)


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("label", ["Try again", "Prompt"])
@pytest.mark.parametrize("old", ["words gone", "song unknown", "the largest number"])
async def test_a_button_on_an_old_message_says_that_it_is_too_late(
    town: Town, caplog: pytest.LogCaptureFixture, label: str, old: str, *, restarted: bool
) -> None:
    await town.ask(FAILS if label == "Try again" else "Warm synth pop")
    (job,) = await town.rest()
    (message,) = town.about(job, NOTICE if label == "Try again" else SONG)
    if old == "words gone":
        await town.parts.database.write(lambda tx: tx.execute("DELETE FROM words").rowcount)
    else:
        mark = "retry" if label == "Try again" else "lyrics"
        message.components[0]["components"][0]["custom_id"] = f"{mark}:{'7' if old == 'song unknown' else '9' * 18}"
    if restarted:
        await town.restart()

    answer = await town.discord.click(message, label)

    assert answer.ephemeral
    assert "The words of that song are no longer kept. Nothing was charged." == answer.content
    assert [job.id] == [one.id for one in await town.jobs()]
    assert [] == bugs(caplog)


@pytest.mark.parametrize("label", ["Try again", "Prompt"])
async def test_a_button_in_another_server_does_nothing(
    town: Town, caplog: pytest.LogCaptureFixture, label: str
) -> None:
    await town.ask(FAILS if label == "Try again" else "Warm synth pop")
    (job,) = await town.rest()
    (message,) = town.about(job, NOTICE if label == "Try again" else SONG)
    message.channel = town.discord.add_channel("abroad", guild=town.discord.add_guild())

    answer = await town.discord.click(message, label)

    assert answer.ephemeral
    assert "This works in servers only." == answer.content
    assert [job.id] == [one.id for one in await town.jobs()]
    await town.assert_survived(caplog, charged=1)


async def test_a_card_that_was_deleted_stops_nothing(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    card = await town.ask()
    assert card.message is not None
    town.discord.delete(card.message)

    (job,) = await town.rest()

    assert JobState.DELIVERED is job.state
    assert 1 == len(town.about(job))
    await town.assert_survived(caplog, charged=1)


# -- kicked, gone


@pytest.mark.parametrize("gone", ["kicked", "member gone", "both"])
async def test_a_job_ends_when_the_bot_was_kicked_or_the_member_is_gone(
    town: Town, caplog: pytest.LogCaptureFixture, gone: str
) -> None:
    town.music.delay_s = 60.0
    ada: Person = town.discord.add_person("ada", accepts_dms=False)
    await town.ask(user=ada)
    await town.until(JobState.RUNNING)
    if gone in ("kicked", "both"):
        _leave(town, town.channel)
    if gone in ("member gone", "both"):
        del town.discord.people[ada.id]

    (job,) = await town.rest()

    assert (JobState.DELIVERED if gone == "member gone" else JobState.UNDELIVERED) is job.state
    assert (1 if gone == "member gone" else 0) == len(town.about(job))
    assert 90 == (await town.balance()).available
    await town.assert_survived(caplog, charged=1)


# -- a day without Discord


@pytest.mark.parametrize("restarted", [False, True])
async def test_after_six_hours_without_discord_the_songs_come_once_and_in_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, restarted: bool
) -> None:
    async with Town.open(tmp_path, monkeypatch, delay_s=60.0, open_jobs_per_member=10) as town:
        for number in range(1, 7):
            await town.ask(f"Number {number}")
            await town.round()
            town.clock.forward(seconds=11)
        await town.discord.go_down()
        if restarted:
            await town.stop()
            await town.assemble()
            with suppress(aiohttp.ClientError):
                await town.parts.client.login(town.discord.token)
        end = town.clock() + timedelta(hours=6)
        while town.clock() < end:
            town.clock.forward(minutes=20)
            await town.round()
        waiting = await town.jobs()
        in_spool = [len(list(town.settings.spool_dir.glob(f"{job.id}-*.mp3"))) for job in waiting]
        await town.discord.come_back()
        if restarted:
            await town.restart()
        found = await town.rest()

        assert [2] * 6 == in_spool
        assert {JobState.DELIVERING, JobState.STORED} >= {job.state for job in waiting}
        assert [JobState.DELIVERED] * 6 == [job.state for job in found]
        assert [f"Number {number}" for number in range(1, 7)] == [
            message.embeds[0]["title"].removeprefix("🎶 ") for message in town.discord.posted()
        ]
        await town.assert_survived(caplog, charged=6)
