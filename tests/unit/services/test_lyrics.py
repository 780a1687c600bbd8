"""Lyrics are paid for once, despite crashes, locks and repeated requests."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
import pytest

from bot.database.engine import Database, Tx
from bot.errors import StoreBusy
from bot.model import Backend, ChannelId, ClosedCause, DiscordUserId
from bot.music.client import MusicClient
from bot.music.clients import MusicClients
from bot.music.kie import Kie
from bot.pipeline.outcomes import closed_alert
from bot.pipeline.quote_filter import MAY_QUOTE, QUOTES
from bot.refusals import (
    LyricsUnderway,
    NoLyrics,
    ServiceClosed,
    ShuttingDown,
    TextsGone,
    TooManyLyrics,
    WrongChannel,
)
from bot.services.lyrics import Lyricist
from bot.services.lyrics_payments import LyricsPayments
from bot.store import breaker, erasure, ledger, lyrics_calls, members, song_channels, texts
from bot.store.changes import SongChannels
from bot.store.lyrics_calls import CallState
from tests import make
from tests.make import CHANNEL, GUILD, MEMBER, NOW, OTHER

DRAFTS = Kie.capabilities.lyrics
REQUEST = make.custom(model="V6", lyrics="")
RUNNING: dict[str, Any] = {"taskId": "t1", "state": "generating"}
WRITTEN: dict[str, Any] = {
    "taskId": "t1",
    "state": "success",
    "creditsConsumed": 0.4,
    "resultJson": json.dumps({"resultObject": {"lyricsData": [{"text": "[Verse]\nRain", "title": "Rain"}]}}),
}


def answered(code: int, data: object = None, msg: str = "") -> httpx.Response:
    body = json.dumps({"code": code, "msg": msg, "data": data}).encode()
    return httpx.Response(200, stream=httpx.ByteStream(body))


@dataclass
class Service:
    """The music service: the requests it receives, and its answers."""

    posts: int = 0
    accepted: Callable[[], httpx.Response] = lambda: answered(200, {"taskId": "t1"})
    record: Callable[[], httpx.Response] = lambda: answered(200, WRITTEN)
    posted: asyncio.Event = field(default_factory=asyncio.Event)
    polled: asyncio.Event = field(default_factory=asyncio.Event)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while requests are answered."""
    answers_polls: asyncio.Event = field(default_factory=asyncio.Event)
    """Set while status queries are answered."""

    def __post_init__(self) -> None:
        self.answers.set()
        self.answers_polls.set()

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.method == "POST":
            self.posts += 1
            self.posted.set()
            await self.answers.wait()
            return self.accepted()
        self.polled.set()
        await self.answers_polls.wait()
        return self.record()


async def at_once(_: float) -> None:
    await asyncio.sleep(0)


@dataclass
class Stand:
    """A lyricist on a database, replaced by a restart."""

    database: Database
    service: Service
    clock: make.Clock
    alerts: list[str]
    lyricist: Lyricist
    music: MusicClients
    look: Callable[[float], Awaitable[None]] = at_once
    """Waits before looking again at slot 0's progress."""
    payments: LyricsPayments = field(init=False)

    def restart(self) -> None:
        terms = make.terms(backend=Backend.KIE, models=("V6",), lyrics=DRAFTS)
        self.payments = LyricsPayments(
            database=self.database,
            music=self.music,
            terms=terms,
            now=self.clock,
            alert=self.alerts.append,
            sleep=self.look,
        )
        self.lyricist = Lyricist(
            database=self.database,
            music=self.music,
            payments=self.payments,
            terms=terms,
            now=self.clock,
            sleep=at_once,
        )

    async def write(self, *, member_id: int = MEMBER, **changes: object) -> str | None:
        """Have lyrics written for a member, and return them."""
        origin = make.origin(member_id=member_id, **changes)
        written = await self.lyricist.write("rain", REQUEST, origin)
        return None if written is None else written.request.lyrics

    def preparing(self, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
        """Return the requests' states each time the client is prepared, filled in as it happens."""
        states, prepare = [], MusicClient.prepare

        async def watched(client: MusicClient) -> None:
            states.append(await self.states())
            await prepare(client)

        monkeypatch.setattr(MusicClient, "prepare", watched)
        return states

    async def states(self) -> list[str]:
        rows = await self.database.read(
            lambda tx: tx.execute("SELECT state FROM lyrics_call ORDER BY asked_at, id").fetchall()
        )
        return [row["state"] for row in rows]


@asynccontextmanager
async def standing(database: Database) -> AsyncIterator[Stand]:
    service, clock = Service(), make.Clock()
    async with MusicClient.open(
        url="https://kie.test", key="k", contract=Kie(), now=clock, transport=httpx.MockTransport(service)
    ) as client:
        music = MusicClients(backend=Backend.KIE, clients={Backend.KIE: client}, models=("V6",))
        stand = Stand(database, service, clock, [], None, music)  # type: ignore[arg-type] # the next line
        stand.restart()
        yield stand


@pytest.fixture
async def stand(database: Database) -> AsyncIterator[Stand]:
    async with standing(database) as opened:
        yield opened


async def test_lyrics_are_written_recorded_and_kept_in_a_draft(stand: Stand) -> None:
    written = await stand.lyricist.write("rain", REQUEST, make.origin())

    assert written is not None
    draft = await stand.database.read(lambda tx: texts.draft(tx, written.draft, MEMBER, NOW))
    assert (written.request, None) == draft
    assert ("Neon Rain", "[Verse]\nRain") == (written.request.title, written.request.lyrics)
    assert (1, ["done"]) == (stand.service.posts, await stand.states())


async def test_lyrics_are_refused_where_songs_may_not_be_requested(stand: Stand) -> None:
    def elsewhere(tx: Tx) -> None:
        ledger.know_guild(tx, GUILD)
        song_channels.write(tx, GUILD, SongChannels(asked=(ChannelId(CHANNEL + 1),)))

    await stand.database.write(elsewhere)

    with pytest.raises(WrongChannel):
        await stand.write()
    assert 0 == stand.service.posts
    assert [] == await stand.states()


async def test_an_interaction_that_arrives_twice_is_paid_for_once(stand: Stand) -> None:
    answers = [await stand.write(interaction_id=7) for _ in range(2)]

    assert (["[Verse]\nRain", None], 1) == (answers, stand.service.posts)


async def test_the_intent_is_stored_before_the_request_and_survives(stand: Stand) -> None:
    stand.service.answers.clear()
    first = asyncio.create_task(stand.write())
    await stand.service.posted.wait()
    intent = await stand.states()
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    stand.service.answers.set()
    stand.restart()

    with pytest.raises(LyricsUnderway) as refused:
        await stand.write()
    stand.clock.forward(minutes=10)
    await stand.write()

    assert ["submitting"] == intent
    assert NOW + lyrics_calls.OPEN_MAX == refused.value.until
    assert (2, ["unknown", "done"]) == (stand.service.posts, await stand.states())


async def test_what_pays_for_lyrics_is_loaded_before_they_are_recorded(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = stand.preparing(monkeypatch)

    await stand.write()

    assert ([[]], 1) == (states, stand.service.posts)


async def test_a_running_request_is_continued_by_the_next_process(stand: Stand) -> None:
    stand.service.record = lambda: answered(200, RUNNING)
    with pytest.raises(NoLyrics) as late:
        await stand.write()
    stand.service.record = lambda: answered(200, WRITTEN)
    stand.restart()

    assert "[Verse]\nRain" == await stand.write()
    assert ("late", 1, ["done"]) == (late.value.cause, stand.service.posts, await stand.states())


async def test_two_concurrent_presses_wait_for_one_request(stand: Stand) -> None:
    stand.service.answers_polls.clear()
    first = asyncio.create_task(stand.write())
    await stand.service.polled.wait()

    with pytest.raises(LyricsUnderway):
        await stand.write()
    stand.service.answers_polls.set()

    assert ("[Verse]\nRain", 1) == (await first, stand.service.posts)


@pytest.mark.parametrize("failures", [1, 3])
async def test_an_outcome_is_stored_even_if_the_database_is_locked(
    stand: Stand, failures: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, left = stand.database.write, failures

    async def locked(work: Callable[[Tx], Any]) -> object:
        nonlocal left
        if stand.service.posts and left:
            left -= 1
            raise StoreBusy("locked")
        return await write(work)

    monkeypatch.setattr(stand.database, "write", locked)

    assert ("[Verse]\nRain", 0) == (await stand.write(), left)
    assert (1, ["done"]) == (stand.service.posts, await stand.states())


@pytest.mark.parametrize(
    ("code", "cause", "state"),
    [
        (500, "unknown", CallState.UNKNOWN),
        (299, "unknown", CallState.UNKNOWN),
        (429, "busy", CallState.REFUSED),
        (455, "busy", CallState.REFUSED),
        (422, "refused", CallState.REFUSED),
        (531, "refused", CallState.REFUSED),
    ],
)
async def test_an_answer_is_recorded_by_its_meaning(
    stand: Stand, code: int, cause: str, state: CallState
) -> None:
    stand.service.accepted = lambda: answered(code)

    with pytest.raises(NoLyrics) as failed:
        await stand.write()

    assert (cause, [state], 1) == (failed.value.cause, await stand.states(), stand.service.posts)
    assert breaker.OPEN == await stand.database.read(lambda tx: breaker.read(tx, Backend.KIE))


@pytest.mark.parametrize(
    ("code", "cause"),
    [(401, ClosedCause.BAD_KEY), (402, ClosedCause.NO_CREDITS), (433, ClosedCause.NO_CREDITS)],
)
async def test_a_closed_account_closes_the_service_and_alerts_once(
    stand: Stand, code: int, cause: ClosedCause
) -> None:
    stand.service.accepted = lambda: answered(code)

    for _ in range(2):
        with pytest.raises(ServiceClosed) as refused:
            await stand.write()

    assert (cause, NOW + breaker.CLOSED_WAIT) == (refused.value.cause, refused.value.until)
    assert (1, 1, ["refused"]) == (stand.service.posts, len(stand.alerts), await stand.states())


async def test_a_closure_that_quotes_the_topic_does_not_repeat_it(stand: Stand) -> None:
    stand.service.accepted = lambda: answered(402, msg="no credits for rain")

    with pytest.raises(ServiceClosed):
        await stand.write()

    assert [closed_alert(ClosedCause.NO_CREDITS, QUOTES)] == stand.alerts


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_busy_answer_that_quotes_the_topic_does_not_repeat_it(
    stand: Stand, caplog: pytest.LogCaptureFixture, restarted: bool
) -> None:
    caplog.set_level(logging.INFO, logger="bot")
    records = [answered(429, msg="too many questions about rain"), answered(200, WRITTEN)]
    stand.service.record = lambda: records.pop(0)
    if restarted:
        stand.service.answers_polls.clear()
        cut_off = asyncio.create_task(stand.write())
        await stand.service.polled.wait()
        cut_off.cancel()
        await asyncio.wait([cut_off])
        stand.restart()
        stand.service.answers_polls.set()

    await stand.write()

    (line,) = [vars(one) for one in caplog.records if one.message == "lyrics not read"]
    assert (MAY_QUOTE if restarted else QUOTES) == line["error"]


async def test_a_probe_is_left_to_songs(stand: Stand) -> None:
    await stand.database.write(lambda tx: breaker.block(tx, Backend.KIE, ClosedCause.NO_CREDITS, NOW))
    stand.clock.forward(hours=2)

    with pytest.raises(NoLyrics) as refused:
        await stand.write()

    assert ("busy", 0) == (refused.value.cause, stand.service.posts)


async def test_requests_of_all_members_are_bounded_per_ten_seconds(stand: Stand) -> None:
    people = [MEMBER, OTHER, 9_003, 9_004]
    for person in people[:3]:
        await stand.write(member_id=DiscordUserId(person))

    with pytest.raises(NoLyrics):
        await stand.write(member_id=DiscordUserId(people[3]))
    stand.clock.forward(seconds=11)
    await stand.write(member_id=DiscordUserId(people[3]))

    assert 4 == stand.service.posts


async def test_a_deletion_meanwhile_drops_the_lyrics(stand: Stand) -> None:
    stand.service.answers_polls.clear()
    writing = asyncio.create_task(stand.write())
    await stand.service.polled.wait()
    await stand.database.write(lambda tx: erasure.erase(tx, members.known_member(tx, MEMBER), NOW))
    stand.service.answers_polls.set()

    with pytest.raises(TextsGone):
        await writing
    drafts = await stand.database.read(lambda tx: tx.execute("SELECT 1 FROM draft").fetchall())
    assert ([], ["unknown"]) == (drafts, await stand.states())


async def test_a_deletion_does_not_reset_the_hourly_limit(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lyrics_calls, "CALLS_MAX", 1)
    await stand.write()
    await stand.database.write(lambda tx: erasure.erase(tx, members.known_member(tx, MEMBER), NOW))

    with pytest.raises(TooManyLyrics) as refused:
        await stand.write()
    stand.clock.forward(hours=1)
    await stand.write()

    assert NOW + timedelta(hours=1) == refused.value.until


async def test_a_shutdown_waits_for_paid_requests_and_begins_none(stand: Stand) -> None:
    stand.service.answers.clear()
    writing = asyncio.create_task(stand.write())
    await stand.service.posted.wait()
    stand.lyricist.close()
    waiting = asyncio.create_task(stand.payments.all_paid())
    await asyncio.sleep(0)
    before = waiting.done()
    stand.service.answers.set()
    await waiting

    with pytest.raises(ShuttingDown):
        await writing
    with pytest.raises(ShuttingDown):
        await stand.write()
    assert (False, 1, ["running"]) == (before, stand.service.posts, await stand.states())


async def test_a_stalled_process_pays_nothing(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stand.database, "may_act", lambda: False)

    with pytest.raises(NoLyrics):
        await stand.write()

    assert (0, ["refused"]) == (stand.service.posts, await stand.states())


async def test_requests_of_earlier_months_are_dropped_in_batches(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lyrics_calls, "SWEEP_MAX", 1)
    for person in (MEMBER, OTHER):
        await stand.write(member_id=person)
    await stand.database.write(lambda tx: tx.execute("UPDATE lyrics_call SET asked_at = asked_at - 10"))
    later = NOW + lyrics_calls.KEEP

    swept = [await stand.database.write(lambda tx: lyrics_calls.sweep(tx, later)) for _ in range(3)]

    assert [1, 1, 0] == swept
