"""A file whose rows have been moved to a server, so that no bot ever starts on it again.

Two commits have to agree, the server's and the file's. The file first records the destination of its rows.
From then on no bot starts on it, until the command has run again and asked the server whether it committed.
"""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from msgspec import Struct

from bot.database.facts import fact, forget, remember
from bot.errors import NotDone, StartRefused

BEGUN_FACT: Final = "move begun"
"""Name of the fact with the token and destination of a move that the server may have committed."""
MOVED_FACT: Final = "moved to"
FACTS: Final = (BEGUN_FACT, MOVED_FACT)
"""Facts about the file itself, which are not moved."""
CLOSED_BY: Final = 1_000_000
"""Added to a moved file's schema version: versions that don't know the fact refuse a newer schema."""
TOKEN_BYTES: Final = 16


class Move(Struct, frozen=True, kw_only=True):
    """A move that began and may have completed."""

    token: str
    place: str
    """Server and database, without user and password."""


def destination(connection: sqlite3.Connection) -> str | None:
    """Return the destination of the file's rows if they have been moved, else None."""
    return _fact(connection, MOVED_FACT)


def begun(connection: sqlite3.Connection) -> Move | None:
    """Return the move that the file records as begun, or None."""
    value = _fact(connection, BEGUN_FACT)
    if value is None:
        return None
    token, _, place = value.partition(" ")
    return Move(token=token, place=place)


def refuse_moved(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file whose rows are, or may be, on a server.

    Raises:
        StartRefused: the rows were moved, or may have been; the message names the destination.
    """
    place, move = destination(connection), begun(connection)
    if place is not None:
        raise StartRefused(
            f"DATABASE_URL: {path} was moved to {place} and is closed for good; set DATABASE_URL to that."
        )
    if move is not None:
        raise StartRefused(
            f"DATABASE_URL: the move of {path} to {move.place} was interrupted before it was complete; run "
            "`tunesmith move` again to complete it."
        )


def _fact(connection: sqlite3.Connection, name: str) -> str | None:
    table = connection.execute(
        "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?", ("fact",)
    ).fetchone()
    if table is None:
        return None
    try:
        return fact(connection, name)
    except sqlite3.OperationalError:  # another program's table of that name
        return None


class SourceFile:
    """A file of this program, in a transaction that keeps out even readers."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.tx = connection

    def tables(self) -> list[str]:
        """Return the tables, each after those it refers to."""
        rows = self.tx.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name"
        )
        refers = {
            row[0]: {key["table"] for key in self.tx.execute(f"PRAGMA foreign_key_list({row[0]})")} - {row[0]}
            for row in rows.fetchall()
        }
        ordered: list[str] = []
        while len(ordered) < len(refers):
            ordered += sorted(
                table for table, others in refers.items() if table not in ordered and others <= {*ordered}
            )
        return ordered

    def columns(self, table: str) -> list[str]:
        """Return the names of a table's columns."""
        return [row["name"] for row in self.tx.execute(f"PRAGMA table_info({table})")]

    def count(self, table: str) -> int:
        """Return the number of rows to move."""
        where, values = _of_database(table)
        return int(self.tx.execute(f"SELECT COUNT(*) FROM {table}{where}", values).fetchone()[0])

    def rows(self, table: str) -> Iterator[tuple[object, ...]]:
        """Yield the rows to move, with values in the order of ``columns``."""
        where, values = _of_database(table)
        names = ", ".join(self.columns(table))
        for row in self.tx.execute(f"SELECT {names} FROM {table}{where}", values):
            yield tuple(row)

    def last_id(self, table: str) -> int:
        """Return the highest known id that a table has ever had; 0 if it has no ids."""
        if "id" not in self.columns(table):
            return 0
        (last,) = self.tx.execute(f"SELECT COALESCE(MAX(id), 0) FROM {table}").fetchone()
        counted = self.tx.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,)).fetchone()
        return int(max(last, 0 if counted is None else counted[0]))

    def begin(self, place: str) -> Move:
        """Record durably that the rows may be at ``place`` from now on, and keep all others out."""
        move = Move(token=secrets.token_hex(TOKEN_BYTES), place=place)
        remember(self.tx, BEGUN_FACT, f"{move.token} {place}")
        self.tx.execute("COMMIT")
        self.tx.execute("BEGIN EXCLUSIVE")
        return move

    def give_up(self) -> None:
        """Record that the move did not happen."""
        forget(self.tx, BEGUN_FACT)
        self.tx.execute("COMMIT")
        self.tx.execute("BEGIN EXCLUSIVE")

    def close_for_good(self, place: str) -> None:
        """Record durably that the rows are at ``place``."""
        remember(self.tx, MOVED_FACT, place)
        (version,) = self.tx.execute("PRAGMA user_version").fetchone()
        self.tx.execute(f"PRAGMA user_version = {CLOSED_BY + version % CLOSED_BY}")
        self.tx.execute("COMMIT")


def _of_database(table: str) -> tuple[str, tuple[str, ...]]:
    """Return the SQL condition and values that exclude rows about the file itself."""
    if table != "fact":
        return "", ()
    return f" WHERE name NOT IN ({', '.join('?' for _ in FACTS)})", FACTS


@contextmanager
def source(path: Path) -> Iterator[SourceFile]:
    """Open a file that nobody else has open, and keep all others out. The caller holds its lock.

    Raises:
        NotDone: another program has the file open.
        sqlite3.Error: the file can't be read.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        try:
            # Leaving WAL mode requires exclusive access, and merges the log.
            connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("PRAGMA synchronous = FULL")
            # From the first transaction on, the lock is held until the connection is closed.
            connection.execute("PRAGMA locking_mode = EXCLUSIVE")
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raise NotDone(
                f"{path} is open in another program; close that first. Nothing was changed."
            ) from error
        try:
            yield SourceFile(connection)
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
