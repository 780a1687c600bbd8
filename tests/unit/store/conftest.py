"""A transaction on a real database, for functions that are one part of a transaction."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import cast

import pytest

from bot.database import postgresql, sqlite, sqlite_connections
from bot.database.engine import Rows
from bot.database.postgresql_tx import Tx as PostgresqlTx
from bot.database.postgresql_tx import connect
from bot.database.sqlite import Database, Tx
from tests.postgresql import Server


class Forgiving(PostgresqlTx):
    """A transaction that continues after an error, as on SQLite."""

    def execute(self, sql: str, parameters: object = (), /) -> Rows:
        if sql.startswith(("SAVEPOINT", "ROLLBACK", "RELEASE")):
            return super().execute(sql, parameters)
        self.connection.execute("SAVEPOINT statement")
        try:
            rows = super().execute(sql, parameters)
        except Exception:
            self.connection.execute("ROLLBACK TO statement")
            raise
        self.connection.execute("RELEASE statement")
        return rows


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    connection = sqlite_connections.connect(tmp_path_factory.mktemp("store") / "tunesmith.db")
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def migrated_on_server(postgresql_server: Server) -> Iterator[PostgresqlTx]:
    tx = connect(postgresql_server.create(), name="tests", options={})
    yield tx
    tx.close()


@pytest.fixture
def tx(request: pytest.FixtureRequest) -> Iterator[Tx]:
    if request.config.getoption("--engine") == "postgresql":
        connection = request.getfixturevalue("migrated_on_server").connection
        connection.execute("BEGIN")
        yield cast("Tx", Forgiving(connection))  # the tests' name for a transaction
        connection.execute("ROLLBACK")
        return
    migrated = request.getfixturevalue("migrated")
    migrated.execute("BEGIN IMMEDIATE")
    yield migrated
    migrated.execute("ROLLBACK")


@pytest.fixture
async def database(server_url: str | None, tmp_path: Path) -> AsyncIterator[Database]:
    """A database that flushes its commits to disk, as in production."""
    if server_url is not None:
        async with postgresql.Database.open(server_url) as opened:
            yield cast("Database", opened)
        return
    async with sqlite.Database.open(tmp_path / "tunesmith.db") as opened_file:
        yield opened_file
