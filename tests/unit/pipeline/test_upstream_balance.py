"""The balance at the music service: when it is read, what is stored, and when the operator is alerted."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from bot.errors import Transient
from bot.model import Backend, JobState
from bot.music.client import MusicClient
from bot.music.kie import Kie
from bot.music.sseedance import Sseedance
from bot.pipeline import upstream_balance as module
from bot.pipeline.upstream_balance import AFTER_SONG_S, UpstreamBalance
from bot.store import upstream
from bot.store.upstream import BalanceReading
from tests import make
from tests.doubles.music.kie import KieFront
from tests.unit.pipeline.rig import MUSIC_URL, Rig
from tests.unit.store.test_upstream import terms

SONG = 12.0
PATIENCE_S = 10.0


class Account:
    """The operator's account at kie, and the bot's monitoring of it."""

    def __init__(self, rig: Rig, client: MusicClient, front: KieFront) -> None:
        self.rig = rig
        self.client = client
        self.front = front
        self.terms = terms()

    def watch(self, sleep: Callable[[float], Awaitable[object]] = asyncio.sleep) -> UpstreamBalance:
        """Return the monitor of a new process."""
        return UpstreamBalance(
            database=self.rig.database,
            music=self.client,
            terms=self.terms,
            now=self.rig.clock,
            alert=self.rig.alerts.append,
            sleep=sleep,
        )

    async def alerts_at(self, songs: float, watch: UpstreamBalance | None = None) -> int:
        """Return the number of alerts from reading a balance that pays for ``songs``."""
        before, self.front.balance = len(self.rig.alerts), songs * SONG
        await (watch or self.watch()).read(self.terms)
        return len(self.rig.alerts) - before

    async def reading(self) -> BalanceReading | None:
        return await self.rig.database.read(lambda tx: upstream.last_reading(tx, Backend.KIE))


@pytest.fixture
async def account(rig: Rig) -> AsyncIterator[Account]:
    front = KieFront(rig.music.transport)
    async with MusicClient.open(
        url=MUSIC_URL, key="a-key", contract=Kie(), now=rig.clock, transport=front
    ) as client:
        yield Account(rig, client, front)


# -- alerts


async def test_a_low_balance_alerts_once_and_again_after_a_recovery(account: Account) -> None:
    watch = account.watch()

    counts = [await account.alerts_at(songs, watch) for songs in (20, 19.99, 15, 0, 20, 19)]

    assert [0, 1, 0, 0, 0, 1] == counts
    assert (
        "The balance at kie (239.88 credits) pays for only 19 songs; top it up, or requests will soon be "
        "refused." == (account.rig.alerts[0])
    )


async def test_a_balance_below_the_sold_credits_alerts_once_per_crossing(account: Account) -> None:
    await account.rig.credits.set_allowance(make.GUILD, 500, None, make.entry())

    counts = [await account.alerts_at(songs) for songs in (50, 49, 48, 50, 49)]

    assert [0, 1, 0, 0, 1] == counts
    assert (
        "The balance at kie (588 credits) pays for only 49 songs, but members can still request 50 songs; "
        "top it up, or lower TOTAL_CREDITS_MAX." == account.rig.alerts[0]
    )


async def test_granted_credits_can_oversell_a_balance(account: Account) -> None:
    await account.rig.credits.set_allowance(make.GUILD, 500, None, make.entry())
    before = await account.alerts_at(50)
    await account.rig.credits.grant(make.GUILD, 10, make.entry("one more"))

    assert (0, 1) == (before, await account.alerts_at(50))


async def test_each_warning_has_its_own_alert(account: Account) -> None:
    await account.rig.credits.set_allowance(make.GUILD, 500, None, make.entry())

    assert [2, 0] == [await account.alerts_at(3), await account.alerts_at(2)]


# -- unreadable balances


@pytest.mark.parametrize("broken", ["no number", "no answer"])
async def test_an_unreadable_balance_leaves_the_last_one(
    broken: str, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    await account.alerts_at(100)
    kept = await account.reading()
    account.rig.clock.forward(minutes=5)
    account.front.balance = None
    if broken == "no answer":
        monkeypatch.setattr(account.front, "handle_async_request", refuse)

    with pytest.raises(Transient):
        await account.watch().read(account.terms)

    assert BalanceReading(credits=1_200.0, at=make.NOW) == kept == await account.reading()
    assert [] == account.rig.alerts


async def refuse(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


# -- when it is read


class Pauses:
    """A sleep that ends when the test decides."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[float] = asyncio.Queue()
        self.ended = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.ended.clear()
        self.begun.put_nowait(seconds)
        await self.ended.wait()

    async def next(self) -> float:
        async with asyncio.timeout(PATIENCE_S):
            return await self.begun.get()


async def test_a_balance_is_read_once_however_many_songs_are_submitted(account: Account) -> None:
    pauses = Pauses()
    watch = account.watch(pauses.sleep)
    running = asyncio.create_task(watch.run())
    await pauses.next()
    for _ in range(100):
        watch.moved(JobState.RUNNING)
    during = account.front.balance_queries
    pauses.ended.set()

    paused_s = await pauses.next()
    running.cancel()

    assert (1, 2, AFTER_SONG_S) == (during, account.front.balance_queries, paused_s)


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.READY, JobState.FAILED])
async def test_a_submitted_song_is_followed_by_a_read(account: Account, state: JobState) -> None:
    pauses = Pauses()
    watch = account.watch(pauses.sleep)
    running = asyncio.create_task(watch.run())
    await pauses.next()
    pauses.ended.set()
    watch.moved(JobState.STORED)
    await asyncio.sleep(0)
    before = account.front.balance_queries
    watch.moved(state)

    await pauses.next()
    running.cancel()

    assert (1, 2) == (before, account.front.balance_queries)


async def test_without_songs_the_balance_is_read_regularly_despite_failures(
    account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "EVERY_S", AFTER_SONG_S + 0.001)
    pauses = Pauses()
    account.front.balance = None
    running = asyncio.create_task(account.watch(pauses.sleep).run())
    await pauses.next()
    account.front.balance = 55.5
    pauses.ended.set()

    await pauses.next()
    running.cancel()

    assert BalanceReading(credits=55.5, at=make.NOW) == await account.reading()


async def test_a_service_without_a_balance_is_never_queried(rig: Rig) -> None:
    async with MusicClient.open(
        url=MUSIC_URL, key="a-key", contract=Sseedance(), now=rig.clock, transport=httpx.MockTransport(refuse)
    ) as client:
        watch = UpstreamBalance(
            database=rig.database, music=client, terms=None, now=rig.clock, alert=rig.alerts.append
        )
        async with asyncio.timeout(PATIENCE_S):
            await watch.run()

    assert [] == rig.alerts
