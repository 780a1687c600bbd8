"""Errors of SQLite: which ones are temporary, and how to report them."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.database.engine import RETRY_AFTER_S
from bot.errors import StartRefused, StoreBusy

TRANSIENT_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    }
)
"""Result codes of temporary failures."""
TRANSIENT_WRITE_CODES = TRANSIENT_CODES | {sqlite3.SQLITE_READONLY}
"""Result codes of temporary failures on a writing connection."""


class BusyError(sqlite3.OperationalError):
    """The writer's thread was busy until the deadline of a write."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


def code_of(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code (https://sqlite.org/rescode.html); 0 for Python's own errors."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


@contextmanager
def read_errors() -> Iterator[None]:
    """Raise StoreBusy for failures that are temporary for a reader."""
    try:
        yield
    except sqlite3.Error as error:
        if code_of(error) in TRANSIENT_CODES:
            raise StoreBusy(f"the database can't be read: {error}", RETRY_AFTER_S) from error
        raise


def refusal(path: Path, error: sqlite3.Error) -> StartRefused:
    """Return the refusal to start on a file that SQLite can't open."""
    message = " ".join(str(error).split())
    if code_of(error) in TRANSIENT_WRITE_CODES:
        return StartRefused(
            f"DATABASE_URL: {path} can't be used now ({message}); check the disk, and whether another "
            "program has the file open."
        )
    return StartRefused(
        f"DATABASE_URL: {path} is not a usable SQLite database ({message}); restore a backup or name another "
        "file."
    )


def no_database(path: Path) -> StartRefused:
    """Return the refusal for an operator whose bot has not created its database yet."""
    return StartRefused(f"DATABASE_URL: {path} does not exist yet; start the bot first.")
