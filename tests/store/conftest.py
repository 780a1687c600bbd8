"""A transaction on a real file, for functions that are one part of a transaction."""

import sqlite3
from collections.abc import Iterator

import pytest

from bot.store import database
from bot.store.database import Tx


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = database._connect(tmp_path_factory.mktemp("store") / "tunesmith.db")
    yield connection
    connection.close()


@pytest.fixture
def tx(migrated: sqlite3.Connection) -> Iterator[Tx]:
    migrated.execute("BEGIN IMMEDIATE")
    yield migrated
    migrated.execute("ROLLBACK")
