"""Connections to an SQLite file: to write and to read, of its owner or next to a running bot."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import TypeVar

import aiosqlite

from bot.database import integrity
from bot.database.migrating import migrate, refuse_foreign, refuse_other_schema
from bot.database.sqlite_errors import no_database, refusal
from bot.errors import StartRefused

T = TypeVar("T")

ConnectionT = TypeVar("ConnectionT", bound="Connection")

BUSY_TIMEOUT_MS = 500
"""Maximum wait of one statement for a lock, in milliseconds."""
STATEMENTS_CACHED = 256
"""Number of prepared statements that a connection caches; more than the bot has."""
ROWS_READ = 64
"""Number of rows that aiosqlite would fetch at a time; no statement goes through it."""
OLDEST_SQLITE = (3, 37, 0)
"""Minimum SQLite version, for STRICT tables.
Source: https://sqlite.org/stricttables.html, read 2026-11-22."""

PRAGMAS = (
    "PRAGMA journal_mode = WAL",
    # NORMAL may lose the last commits in a power cut, and a lost `submitting` means a second charge.
    "PRAGMA synchronous = FULL",
    f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}",
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    # Without this, REPLACE bypasses the trigger that makes the ledger append-only.
    "PRAGMA recursive_triggers = ON",
    # Overwrites deleted rows; copies left in pages are blanked by ``scrub``.
    "PRAGMA secure_delete = ON",
)


class Connection(aiosqlite.Connection):
    """A connection with its own thread. No other class touches aiosqlite's private attributes.

    aiosqlite has no public way to run a whole function on its thread, and a hop per statement costs more than
    most statements do.
    """

    @property
    def inner(self) -> sqlite3.Connection:
        """The connection to use on the thread. Raises ValueError unless it is open."""
        if self._connection is None:
            raise ValueError("no active connection")
        return self._connection

    async def run(self, fn: Callable[[sqlite3.Connection], T]) -> T:
        """Run ``fn`` on the connection's thread, after everything queued earlier."""
        result: T = await self._execute(fn, self.inner)  # type: ignore[no-untyped-call]
        return result

    def begin(self, fn: Callable[[], None]) -> None:
        """Run ``fn`` on the connection's thread without waiting for it; callable from any thread."""
        self._tx.put_nowait((None, fn))

    def join(self) -> None:
        """Wait for the thread to end, once the connection is closed or has failed to open."""
        self._thread.join()


@asynccontextmanager
async def opened(connection: ConnectionT, path: Path) -> AsyncIterator[ConnectionT]:
    """Open and close a connection; otherwise aiosqlite's non-daemon thread would outlive a refusal."""
    try:
        try:
            await connection
        except sqlite3.Error as error:
            raise refusal(path, error) from None
        except OSError as error:
            raise StartRefused(
                f"DATABASE_URL: {path} can't be copied before its upgrade ({error.strerror}); make room."
            ) from None
        try:
            yield connection
        finally:
            await connection.close()
    finally:
        connection.join()


def connect(path: Path) -> sqlite3.Connection:
    """Open a writing connection and migrate the schema. Runs on the connection's thread."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise StartRefused(f"SQLite {sqlite3.sqlite_version} is too old; install Python with 3.37 or newer.")
    _look(path)
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=STATEMENTS_CACHED)
    try:
        connection.row_factory = sqlite3.Row
        refuse_foreign(connection, path)  # before the first statement that changes the file
        for pragma in PRAGMAS:
            connection.execute(pragma)
        _check(connection, path)
        migrate(connection, path)
        # Savepoints keep copies of changed pages. From 64 KiB on, these were temporary files, which held
        # members' texts and took a quarter of a request's time. Migrations change too many pages to do this
        # earlier.
        connection.execute("PRAGMA temp_store = MEMORY")
    except BaseException:  # re-raised; the file must not stay open
        connection.close()
        raise
    return connection


def _look(path: Path) -> None:
    """Refuse another program's database without a trace: a writer would merge its log on closing."""
    try:
        with closing(connect_reading(path)) as connection:
            refuse_foreign(connection, path)
    except sqlite3.Error:
        return  # damaged, or not readable in this way; the writer will find out


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        raise StartRefused(
            f"DATABASE_URL: {path} is where SQLite can't keep a write-ahead log; "
            "choose a folder on a local disk."
        )
    if integrity.is_checked_first(connection, path):
        integrity.check(connection)


def connect_reading(path: Path, *, any_thread: bool = False) -> sqlite3.Connection:
    """Open a read-only connection."""
    connection = sqlite3.connect(
        f"{path.resolve().as_uri()}?mode=ro",
        uri=True,
        isolation_level=None,
        check_same_thread=not any_thread,
        cached_statements=STATEMENTS_CACHED,
    )
    connection.row_factory = sqlite3.Row
    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
    connection.execute("PRAGMA query_only = ON")
    return connection


def connect_attached(path: Path) -> sqlite3.Connection:
    """Open a writing connection to the file of a running bot. It never checkpoints.

    Before SQLite 3.51.3, two connections that checkpoint can damage the file.
    Source: https://sqlite.org/wal.html#walresetbug, read 2026-11-25.
    """
    connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=rw", uri=True, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA wal_autocheckpoint = 0")
    for pragma in PRAGMAS[1:]:  # the running bot has already set the journal mode
        connection.execute(pragma)
    return connection


def connect_attached_reading(path: Path) -> sqlite3.Connection:
    """Open a read-only connection to a file whose schema is this program's."""
    connection = connect_reading(path)
    try:
        refuse_other_schema(connection, path)
    except BaseException:  # re-raised; the file must not stay open
        connection.close()
        raise
    return connection


@contextmanager
def open_read_only(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a snapshot of a database that a bot may be using.

    Raises:
        StartRefused: the file does not exist, cannot be read, or its schema is not this program's.
    """
    if not path.is_file():
        raise no_database(path)
    try:
        with closing(connect_attached_reading(path)) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise refusal(path, error) from error


@contextmanager
def open_migrated(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a transaction on a file that nobody else uses, upgraded to this program's schema.

    Raises:
        StartRefused: the file was written by a newer version of this program.
    """
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        for pragma in PRAGMAS[1:]:  # not WAL, whose log would be a second file
            connection.execute(pragma)
        migrate(connection, path, keep=False)
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:  # re-raised; nothing of the transaction may stay
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
