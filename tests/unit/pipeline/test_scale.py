"""Many songs at once: the writes of a round, and the number of concurrent polls."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import pytest

from bot.database.engine import ConstraintViolated, Database, Tx
from bot.errors import StoreBusy
from bot.model import JobState
from bot.pipeline.grouped_writes import RESULTS_MAX, GroupedWrites
from bot.pipeline.poll_window import POLLS_MAX, POLLS_MIN, PollWindow
from tests.unit.pipeline.rig import Rig

T = TypeVar("T")


class Counted:
    """A database that counts its transactions, and fails some of them."""

    def __init__(self, database: Database, error: Exception | None = None) -> None:
        self._database = database
        self._error = error
        self.writes = 0

    async def write(self, fn: Callable[[Tx], T]) -> T:
        self.writes += 1
        await asyncio.sleep(0)
        if self._error is not None:
            raise self._error
        return await self._database.write(fn)


def is_even(_: Tx, *, n: int) -> bool:
    return n % 2 == 0


def grouped(database: Counted) -> GroupedWrites:
    return GroupedWrites(database)  # type: ignore[arg-type]


async def test_a_round_with_nothing_due_writes_nothing(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    await rig.ask()
    rig.music.done_at_once = False
    await rig.round()
    writes = []
    write = rig.database.write

    async def recorded(fn: Callable[[Tx], T]) -> T:
        writes.append(fn)
        return await write(fn)

    async with rig.process() as runner:
        await runner.round()  # resumes, and updates the card
        monkeypatch.setattr(rig.database, "write", recorded)
        await runner.round()

    assert [] == writes


async def test_polls_that_end_together_share_a_transaction(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    rig.music.done_at_once = False
    for job in [await rig.ask() for _ in range(3)]:
        await rig.until(job, JobState.RUNNING)
    rig.clock.forward(seconds=30)
    groups = []
    commit = GroupedWrites._commit

    async def recorded(self: GroupedWrites, group: list[object]) -> None:
        groups.append(len(group))
        await commit(self, group)  # type: ignore[arg-type]

    monkeypatch.setattr(GroupedWrites, "_commit", recorded)
    await rig.round()

    assert 3 == sum(groups)
    assert 3 > len(groups)


async def test_results_accumulate_while_others_are_committed(rig: Rig) -> None:
    counted = Counted(rig.database)
    writes = grouped(counted)

    results = await asyncio.gather(*(writes.write(partial(is_even, n=n)) for n in range(RESULTS_MAX)))

    assert [n % 2 == 0 for n in range(RESULTS_MAX)] == results
    assert 2 >= counted.writes


async def test_a_result_forbidden_by_the_schema_affects_no_other(rig: Rig) -> None:
    def forbidden(tx: Tx) -> bool:
        tx.execute("INSERT INTO guild (id) SELECT id FROM guild")
        return True

    def allowed(tx: Tx) -> bool:
        return tx.execute("UPDATE fact SET value = value").rowcount >= 0

    await rig.ask()
    writes = grouped(Counted(rig.database))

    results = await asyncio.gather(
        *(writes.write(write) for write in (allowed, forbidden, allowed)), return_exceptions=True
    )

    assert [bool, ConstraintViolated, bool] == [type(result) for result in results]


async def test_a_busy_database_is_reported_to_the_whole_group_at_once(rig: Rig) -> None:
    counted = Counted(rig.database, StoreBusy("locked", 5.0))
    writes = grouped(counted)

    results = await asyncio.gather(*(writes.write(lambda _: True) for _ in range(9)), return_exceptions=True)

    assert [StoreBusy] * 9 == [type(result) for result in results]
    assert 2 >= counted.writes


async def test_a_canceled_result_delays_no_other(rig: Rig) -> None:
    writes = grouped(Counted(rig.database))
    tasks = [asyncio.create_task(writes.write(lambda _: True)) for _ in range(4)]
    await asyncio.sleep(0)

    tasks[0].cancel()
    tasks[2].cancel()
    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [True, True] == [results[1], results[3]]


def test_polls_multiply_while_they_are_answered_and_more_are_due() -> None:
    window = PollWindow()
    window.is_short = True

    sizes = [window.size]
    for _ in range(2 * POLLS_MAX):
        window.answered()
        sizes.append(window.size)

    assert (POLLS_MIN, POLLS_MIN + 1, POLLS_MAX) == (sizes[0], sizes[1], sizes[-1])


def test_polls_do_not_multiply_while_nothing_waits() -> None:
    window = PollWindow()

    for _ in range(99):
        window.answered()

    assert POLLS_MIN == window.size


def test_failures_of_the_service_halve_the_polls_at_intervals() -> None:
    window = PollWindow()
    window.is_short = True
    for _ in range(64):
        window.answered()
    size = window.size

    for _ in range(20):
        window.failed()  # all polls in flight

    assert size // 2 == window.size
