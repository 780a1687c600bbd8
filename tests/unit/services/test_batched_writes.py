"""Small writes that share a transaction."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from bot.database.engine import Tx
from bot.database.facts import fact, remember
from bot.database.sqlite import Database
from bot.errors import StoreBusy
from bot.services import batched_writes
from bot.services.batched_writes import BatchedWrites

T = TypeVar("T")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.open(tmp_path / "tunesmith.db") as opened:
        yield opened


def put(name: str) -> Callable[[Tx], None]:
    return lambda tx: remember(tx, name, "here")


async def there(database: Database, names: str) -> list[str]:
    """Return which of these names are stored."""
    return await database.read(lambda tx: [name for name in names if fact(tx, name) == "here"])


async def test_concurrent_writes_share_a_transaction(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    writes, write = [], database.write

    async def counted(fn: Callable[[Tx], T]) -> T:
        writes.append(fn)
        return await write(fn)

    monkeypatch.setattr(database, "write", counted)
    answers = BatchedWrites(database)
    await asyncio.gather(*(answers.write(put(name)) for name in "abc"))
    await answers.write(put("d"))

    assert 2 == len(writes)
    assert [*"abcd"] == await there(database, "abcd")


async def test_a_canceled_callers_write_is_still_made(database: Database) -> None:
    answers = BatchedWrites(database)
    first, second = (asyncio.create_task(answers.write(put(name))) for name in "ab")
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.wait([first, second])

    assert first.cancelled()
    assert second.exception() is None
    assert [*"ab"] == await there(database, "ab")


async def test_a_batch_whose_task_was_cancelled_is_written_with_the_next(database: Database) -> None:
    answers, before = BatchedWrites(database), asyncio.all_tasks()
    first = asyncio.create_task(answers.write(put("a")))
    await asyncio.sleep(0)
    (flush,) = asyncio.all_tasks() - before - {first}
    flush.cancel()
    await asyncio.wait([flush, first])
    await answers.write(put("b"))

    assert [*"ab"] == await there(database, "ab")


async def test_a_failed_transaction_is_reported_to_every_caller(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def busy(_: object) -> None:
        raise StoreBusy("the disk is full", 5.0)

    monkeypatch.setattr(batched_writes, "GATHER_S", 0.0)
    monkeypatch.setattr(database, "write", busy)
    answers = BatchedWrites(database)
    outcomes = await asyncio.gather(*(answers.write(put(name)) for name in "ab"), return_exceptions=True)

    assert [StoreBusy] * 2 == [type(outcome) for outcome in outcomes]


@pytest.mark.parametrize(("busy", "looks"), [(2, 3), (1_000, 4)])
async def test_writes_wait_while_others_are_more_urgent_but_not_for_long(
    busy: int, looks: int, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batched_writes, "GATHER_S", 0.0)
    monkeypatch.setattr(batched_writes, "GATHERS_MAX", 4)
    looked: list[float] = []

    def is_quiet(for_s: float) -> bool:
        looked.append(for_s)
        return len(looked) > busy

    await BatchedWrites(database, is_quiet).write(put("a"))

    assert [0.0] * looks == looked
    assert ["a"] == await there(database, "a")
