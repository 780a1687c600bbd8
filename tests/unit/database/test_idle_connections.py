import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.database import idle_connections
from bot.database.facts import fact, remember
from bot.database.idle_connections import IdleConnections
from bot.database.sqlite import Database


class Opened:
    """Opens connections and records them."""

    def __init__(self) -> None:
        self.all: list[sqlite3.Connection] = []

    def __call__(self) -> sqlite3.Connection:
        self.all.append(sqlite3.connect(":memory:", check_same_thread=False))
        return self.all[-1]

    @property
    def closed(self) -> list[bool]:
        return [_is_closed(connection) for connection in self.all]


def _is_closed(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("SELECT 1")
    except sqlite3.ProgrammingError:
        return True
    return False


@pytest.fixture
def opened() -> Iterator[Opened]:
    opened = Opened()
    yield opened
    for connection in opened.all:
        connection.close()


def test_the_next_report_reuses_the_last_ones_connection(opened: Opened) -> None:
    idle = IdleConnections(opened)

    for _ in range(3):
        with idle.borrowed() as connection:
            assert opened.all[0] is connection

    assert [False] == opened.closed


def test_two_reports_at_the_same_time_never_share_a_connection(opened: Opened) -> None:
    idle = IdleConnections(opened)

    with idle.borrowed() as one, idle.borrowed() as other:
        assert one is not other


def test_at_most_the_maximum_of_idle_connections_stays_open(opened: Opened) -> None:
    idle = IdleConnections(opened)

    with contextlib.ExitStack() as stack:
        for _ in range(idle_connections.IDLE_MAX + 2):
            stack.enter_context(idle.borrowed())

    assert [True] * 2 == sorted(opened.closed)[-2:]
    assert idle_connections.IDLE_MAX == opened.closed.count(False)


def test_a_failed_reports_connection_is_not_reused(opened: Opened) -> None:
    idle = IdleConnections(opened)

    with pytest.raises(sqlite3.OperationalError), idle.borrowed() as connection:
        connection.execute("SELECT * FROM missing")
    with idle.borrowed():
        pass

    assert [True, False] == opened.closed


def test_a_report_that_outlives_the_database_closes_its_connection(opened: Opened) -> None:
    idle = IdleConnections(opened)

    with idle.borrowed():
        idle.close()
        assert [False] == opened.closed

    assert [True] == opened.closed


def test_idle_connections_are_closed_with_the_database(opened: Opened) -> None:
    idle = IdleConnections(opened)
    with idle.borrowed(), idle.borrowed():
        pass

    idle.close()

    assert [True, True] == opened.closed


async def test_an_idle_connection_sees_new_rows_and_holds_no_log(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "tunesmith.db") as database:
        before = await database.report(lambda tx: fact(tx, "name"))
        await database.write(lambda tx: remember(tx, "name", "here"))

        assert await database.empty_log()
        assert (None, "here") == (before, await database.report(lambda tx: fact(tx, "name")))
