"""Lyrics in a fleet: slot 0 pays once for another slot's request, whichever process is killed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest

from bot.database.engine import Database
from bot.database.share import Share
from bot.model import ClosedCause, DiscordUserId
from bot.refusals import NoLyrics, ServiceClosed
from bot.services.lyrics_payments import LOOKS_MAX
from bot.store import erasure, members
from tests.make import MEMBER, NOW
from tests.unit.services.test_lyrics import DRAFTS, Stand, answered, standing

LEADER, OTHER = Share(slot=0, slots=2), Share(slot=1, slots=2)


class InSlot:
    """A database as seen by the process of another slot."""

    def __init__(self, database: Database, share: Share) -> None:
        self.share = share
        self._database = database

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a database has
        return getattr(self._database, name)


class Fleet:
    """The slot of the members, and slot 0; each can be replaced, as after a kill."""

    def __init__(self, asking: Stand, leading: Stand) -> None:
        self.asking = asking
        self.leading = leading
        self.service = asking.service
        self.looks = asyncio.Semaphore(0)
        """Permits for the requesting slot to look."""
        self.waits = asyncio.Event()
        leading.music = asking.music
        asking.look = self._look
        for stand in (asking, leading):
            stand.restart()

    async def _look(self, _: float) -> None:
        self.waits.set()
        await self.looks.acquire()

    async def pay(self) -> None:
        assert DRAFTS is not None
        await self.leading.payments.round(DRAFTS)

    async def paid_until(self, asked: "asyncio.Task[str | None]") -> None:
        """Let slot 0 look until the requesting slot has its answer."""
        while not asked.done():
            await self.pay()
            self.looks.release()

    async def wanted(self) -> "asyncio.Task[str | None]":
        """Request lyrics, and wait until the request is recorded."""
        asked = asyncio.create_task(self.asking.write())
        await first_of(asked, self.waits)
        return asked


async def first_of(task: "asyncio.Task[Any]", event: asyncio.Event) -> None:
    """Wait for the event, or for the end of the task that should set it."""
    waiting = asyncio.create_task(event.wait())
    await asyncio.wait((task, waiting), return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()


@pytest.fixture
async def fleet(database: Database) -> AsyncIterator[Fleet]:
    slots = [cast("Database", InSlot(database, share)) for share in (OTHER, LEADER)]
    async with standing(slots[0]) as asking, standing(slots[1]) as leading:
        yield Fleet(asking, leading)


async def about(database: Database) -> list[str | None]:
    rows = await database.read(lambda tx: tx.execute("SELECT about FROM lyrics_call").fetchall())
    return [row["about"] for row in rows]


async def test_lyrics_requested_by_another_slot_are_paid_for_by_slot_0(fleet: Fleet) -> None:
    asked = await fleet.wanted()
    before = (fleet.service.posts, await fleet.asking.states(), await about(fleet.asking.database))
    await fleet.paid_until(asked)

    assert (0, ["wanted"], ["rain"]) == before
    assert "[Verse]\nRain" == await asked
    assert (1, ["done"], [None]) == (
        fleet.service.posts,
        await fleet.asking.states(),
        await about(fleet.asking.database),
    )


async def test_slot_0_loads_what_pays_before_it_claims_a_request(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = fleet.leading.preparing(monkeypatch)
    asked = await fleet.wanted()
    await fleet.paid_until(asked)

    assert ([["wanted"]], "[Verse]\nRain") == (states, await asked)


@pytest.mark.parametrize(
    ("code", "error", "cause"),
    [(400, NoLyrics, "refused"), (429, NoLyrics, "busy"), (402, ServiceClosed, ClosedCause.NO_CREDITS)],
)
async def test_the_requesting_slot_reports_why_slot_0_was_refused(
    fleet: Fleet, code: int, error: type[Exception], cause: str
) -> None:
    fleet.service.accepted = lambda: answered(code)
    asked = await fleet.wanted()
    await fleet.paid_until(asked)

    with pytest.raises(error) as refused:
        await asked
    assert cause == refused.value.cause  # type: ignore[attr-defined]
    assert ["refused"] == await fleet.asking.states()


async def test_nothing_is_paid_after_the_member_was_refused(fleet: Fleet) -> None:
    """Slot 0 is vacant for too long."""
    for _ in range(LOOKS_MAX):
        fleet.looks.release()
    with pytest.raises(NoLyrics, match="busy"):
        await fleet.asking.write()
    await fleet.pay()

    assert (0, ["refused"], [None]) == (
        fleet.service.posts,
        await fleet.asking.states(),
        await about(fleet.asking.database),
    )


async def test_a_kill_of_slot_0_leads_to_at_most_one_payment(fleet: Fleet) -> None:
    fleet.service.answers.clear()
    asked = await fleet.wanted()
    paying = asyncio.create_task(fleet.pay())
    await first_of(paying, fleet.service.posted)
    paying.cancel()
    await asyncio.wait([paying])
    fleet.leading.restart()
    fleet.service.answers.set()
    await fleet.paid_until(asked)

    with pytest.raises(NoLyrics, match="late"):
        await asked
    assert (1, ["submitting"]) == (fleet.service.posts, await fleet.asking.states())


async def test_lyrics_are_not_lost_with_the_slot_that_requested_them(fleet: Fleet) -> None:
    asked = await fleet.wanted()
    asked.cancel()
    await asyncio.wait([asked])
    fleet.asking.restart()
    await fleet.pay()
    again = await fleet.asking.write(interaction_id=8)

    assert "[Verse]\nRain" == again
    assert (1, ["done"]) == (fleet.service.posts, await fleet.asking.states())


async def test_a_deletion_withdraws_requested_lyrics(fleet: Fleet) -> None:
    asked = await fleet.wanted()
    await fleet.asking.database.write(
        lambda tx: erasure.erase(tx, members.member_number(tx, DiscordUserId(MEMBER)), NOW)
    )
    await fleet.paid_until(asked)

    with pytest.raises(NoLyrics):
        await asked
    assert (0, [None]) == (fleet.service.posts, await about(fleet.asking.database))


async def test_a_process_alone_does_not_look_for_others_requests(database: Database) -> None:
    async with standing(database) as alone:
        await alone.payments.run()

    assert 0 == alone.service.posts
