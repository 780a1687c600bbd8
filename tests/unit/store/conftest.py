"""A transaction on a real file, for functions that are one part of a transaction."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from bot.database import sqlite as module
from bot.database.sqlite import Database, Tx


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = module._connect(tmp_path_factory.mktemp("store") / "tunesmith.db")
    yield connection
    connection.close()


@pytest.fixture
def tx(migrated: sqlite3.Connection) -> Iterator[Tx]:
    migrated.execute("BEGIN IMMEDIATE")
    yield migrated
    migrated.execute("ROLLBACK")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database that flushes its commits to disk, as in production."""
    async with Database.open(tmp_path / "tunesmith.db") as opened:
        yield opened
