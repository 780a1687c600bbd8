"""When the write-ahead log is copied into the database file, which takes a while."""

import asyncio
import shutil
import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from bot.database import sqlite_writer
from bot.database.facts import remember
from bot.database.sqlite import Database
from bot.database.sqlite_writer import CHECKPOINT_AFTER


def copied(path: Path) -> int:
    """Return how many facts the file has without its log."""
    alone = path.with_name("alone.db")
    shutil.copy(path, alone)
    with closing(sqlite3.connect(f"{alone.as_uri()}?immutable=1", uri=True)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_schema").fetchone():
            return 0
        (count,) = connection.execute("SELECT COUNT(*) FROM fact WHERE name LIKE 'n%'").fetchone()
        return int(count)


async def put(database: Database, numbers: range) -> None:
    """Commit a fact for each number."""
    for number in numbers:
        await database.write(partial(remember, name=f"n{number}", value="here"))


class Checkpoints:
    """Replaces the copying of the log, to wait for it and to let it fail."""

    def __init__(self) -> None:
        self.done = asyncio.Event()
        self.denied = False
        self._loop = asyncio.get_running_loop()
        self._copy_log = sqlite_writer._copy_log

    def __call__(self, connection: sqlite3.Connection) -> None:
        """Copy the log on the writer's thread."""
        if self.denied:
            connection.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
        self._copy_log(connection)
        connection.set_authorizer(None)
        self._loop.call_soon_threadsafe(self.done.set)


@pytest.fixture
async def checkpoints(monkeypatch: pytest.MonkeyPatch) -> Checkpoints:
    made = Checkpoints()
    monkeypatch.setattr(sqlite_writer, "_copy_log", made)
    monkeypatch.setattr(sqlite_writer, "IDLE_S", 0.001)
    return made


async def test_an_idle_writer_copies_its_log(tmp_path: Path, checkpoints: Checkpoints) -> None:
    path = tmp_path / "tunesmith.db"
    async with Database.open(path) as database:
        await put(database, range(CHECKPOINT_AFTER))
        await checkpoints.done.wait()

        assert CHECKPOINT_AFTER == copied(path)


async def test_a_disk_that_fails_during_a_checkpoint_loses_nothing(
    tmp_path: Path, checkpoints: Checkpoints
) -> None:
    checkpoints.denied = True
    path = tmp_path / "tunesmith.db"
    async with Database.open(path) as database:
        await put(database, range(CHECKPOINT_AFTER + 1))
        await checkpoints.done.wait()
        await put(database, range(CHECKPOINT_AFTER + 1, 20))

    assert 20 == copied(path)
