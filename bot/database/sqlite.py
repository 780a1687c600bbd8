"""The SQLite engine: ``write(fn)``, ``read(fn)`` and ``report(fn)``, each a transaction in one thread hop."""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TypeVar, cast

from bot import threads
from bot.database import engine, integrity
from bot.database.engine import RETRY_AFTER_S, ConstraintViolated
from bot.database.exclusive_lock import exclusive_lock
from bot.database.idle_connections import IdleConnections
from bot.database.migrating import schema_version
from bot.database.ownership import Damaged, Gone, LogLost, Lost, Overwritten, Ownership
from bot.database.share import EVERYTHING, Share
from bot.database.sqlite_connections import (
    ROWS_READ,
    Connection,
    connect,
    connect_attached,
    connect_attached_reading,
    connect_reading,
    opened,
)
from bot.database.sqlite_errors import TRANSIENT_WRITE_CODES, BusyError, code_of, read_errors, refusal
from bot.database.sqlite_scrub import blank_pages, empty_log
from bot.database.sqlite_writer import Waiting, Writer
from bot.errors import StoreBusy, StoreLost

T = TypeVar("T")
Tx = sqlite3.Connection
"""Argument of a transaction function, which executes statements but never awaits or commits."""

GIVE_UP_AFTER_S = engine.GIVE_UP_AFTER_S


class Database(engine.Database):
    """Transactions on one file. Create it with ``open``, once per file, or with ``attach``."""

    def __init__(
        self,
        path: Path,
        writer: Writer,
        reader: Connection,
        wrote: Callable[[float], None] = lambda _took_s: None,
        handle: int | None = None,
    ) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._reports = threads.Threads("reports", threads.REPORTS)
        self._report_connections = IdleConnections(partial(connect_reading, path, any_thread=True))
        self._wrote = wrote
        self._handle = handle
        """The open file for ``scrub``; None for a database that another process owns."""
        self._lost: Lost | None = None
        self._was_lost = asyncio.Event()
        self._closed = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls, path: Path, *, wrote: Callable[[float], None] = lambda _took_s: None
    ) -> AsyncIterator["Database"]:
        """Open the database at ``path``, creating or upgrading it if necessary.

        ``wrote`` receives the duration of each write in seconds, including its wait for others.

        Raises:
            StartRefused: another instance has the file, the file is damaged or newer than this program, or
                its file system cannot keep SQLite's guarantees.
        """
        with exclusive_lock(path) as handle:
            writer = Writer(lambda: connect(path), ROWS_READ)
            reading = Connection(lambda: connect_reading(path), ROWS_READ)
            async with opened(writer, path), opened(reading, path) as reader:
                writer.ownership = Ownership(path, handle)
                database = cls(path, writer, reader, wrote, handle)
                await database.read(schema_version)  # from here on, the reader holds the file open
                try:
                    with closing(database._report_connections), closing(database._reports):
                        async with integrity.checked_meanwhile(
                            partial(connect_reading, path, any_thread=True),
                            os.fstat(handle).st_size,
                            database._reports,
                            database._damaged,
                        ):
                            yield database
                finally:
                    database._closed = True
                    await database._let_go()

    @classmethod
    @asynccontextmanager
    async def attach(cls, path: Path) -> AsyncIterator["Database"]:
        """Open the database of a running bot for a moment, leaving its write-ahead log to the bot.

        Raises:
            StartRefused: the file cannot be opened, or its schema is not this program's.
        """
        reading = Connection(lambda: connect_attached_reading(path), ROWS_READ)
        writer = Writer(lambda: connect_attached(path), ROWS_READ)
        # The last connection to close removes the log, unless it is read-only, so the reader closes last.
        async with opened(reading, path) as reader, opened(writer, path):
            database = cls(path, writer, reader)
            with closing(database._report_connections), closing(database._reports):
                yield database

    async def take_over(self, take: Callable[[Tx], int], is_current: Callable[[Tx, int], bool]) -> int:
        """Make this process the owner of the database, and return the number given to it by ``take``.

        Once ``is_current`` rejects that number, or the file is another one, every write fails.

        Raises:
            StoreBusy: as ``write``.
        """
        number = await self.write(take)
        ownership = self._writer.ownership
        if ownership is not None:
            await self._writer.run(lambda tx: ownership.mark(tx, lambda inside: is_current(inside, number)))
        return number

    def may_act(self) -> bool:
        """Return True: locks keep every other process out of the file."""
        return True

    async def until_lost(self) -> str:
        """Wait until a write finds that this process no longer owns the database. Return why.

        Raises:
            StartRefused: the integrity check has found a large file damaged.
        """
        await self._was_lost.wait()
        if isinstance(self._lost, Damaged):
            raise refusal(self.path, sqlite3.DatabaseError(str(self._lost)))
        return str(self._lost)

    async def _let_go(self) -> None:
        """Leave a lost database unchanged: the last connection to close would write the log into it.

        SQLite itself notices when a file was moved, but not when it was overwritten or its log replaced.
        """
        if self._lost is None or isinstance(self._lost, LogLost):
            return
        # The reader is still open, so the writer is not the last to close; and the reader cannot write.
        await self._writer.close()
        if isinstance(self._lost, Overwritten) and self._writer.ownership is not None:
            self._writer.ownership.drop_log()

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` in an atomic transaction, which is durable when this returns.

        If the caller is cancelled, the transaction still happens as a whole or not at all.

        Raises:
            StoreBusy: the file stayed locked for 2 s, the disk is full, or the file is gone; nothing was
                written.
            StoreLost: the database belongs to another process, or is another file; nothing was written.
            Exception: whatever ``fn`` raised; nothing was written.
        """
        began_s = time.perf_counter()
        entry: Waiting[T] = Waiting(fn, began_s + GIVE_UP_AFTER_S)
        with self._until_closed():
            await self._writer.settle(cast("Waiting[object]", entry))  # the queue holds any results
        self._wrote(time.perf_counter() - began_s)
        if isinstance(entry.error, (Gone, Lost)):
            raise self._refused(entry.error)
        if isinstance(entry.error, sqlite3.Error) and code_of(entry.error) in TRANSIENT_WRITE_CODES:
            raise StoreBusy(
                f"the database can't be written to: {entry.error}", RETRY_AFTER_S
            ) from entry.error
        if isinstance(entry.error, sqlite3.IntegrityError):
            raise ConstraintViolated(str(entry.error)) from entry.error
        if entry.error is not None:
            with self._until_closed():
                raise entry.error
        if not entry.results:
            raise RuntimeError("the writer's thread hit a bug; the debug log has the error")
        return entry.results[0]

    def _damaged(self, error: sqlite3.Error) -> None:
        self._lost = self._lost or Damaged(str(error))
        self._was_lost.set()

    def _refused(self, error: Gone | Lost) -> StoreBusy:
        """Return the error for a file that no longer exists or is no longer ours."""
        if isinstance(error, Gone):
            return StoreBusy(f"the database can't be written to: {error}", RETRY_AFTER_S)
        self._lost = self._lost or error
        self._was_lost.set()
        return StoreLost(f"the database can't be written to: {error}", RETRY_AFTER_S)

    async def read(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` on a snapshot, without waiting for writers. It cannot write.

        Raises:
            StoreBusy: the file cannot be read at the moment.
            Exception: whatever ``fn`` raised.
        """
        with self._until_closed(), read_errors():
            return await self._reader.run(partial(_snapshot, fn))

    async def report(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` on a snapshot in another thread, so that a slow one delays nobody else.

        Raises:
            StoreBusy: the file cannot be read at the moment.
            Exception: whatever ``fn`` raised.
        """

        def read() -> T:
            with self._report_connections.borrowed() as connection:
                return _snapshot(fn, connection)

        with self._until_closed(), read_errors():
            return await self._reports.run(read)

    @contextmanager
    def _until_closed(self) -> Iterator[None]:
        """Refuse calls after the database was closed: members may send requests until the process ends."""
        try:
            yield
        except (ValueError, RuntimeError, sqlite3.ProgrammingError) as error:  # by where it was caught
            if not self._closed:
                raise
            raise StoreBusy("the database is closed", RETRY_AFTER_S) from error

    @property
    def files(self) -> Path:
        """The path of the database, with its copies next to it."""
        return self.path

    @property
    def share(self) -> Share:
        """Return everything: nobody else can work on a file."""
        return EVERYTHING

    async def turn_to_identify(self, bucket: int) -> None:
        """Return at once: discord.py paces a single process by itself."""

    @property
    def scrubs_in_passing(self) -> bool:
        """Return True: scrubbing a few pages at a time delays writers by milliseconds."""
        return True

    @property
    def waiting(self) -> int:
        """Number of writes waiting for the writer's thread."""
        return len(self._writer.waiting)

    async def scrub(
        self,
        first: int,
        record: Callable[[Tx], object],
        tables: Sequence[str] = (),  # noqa: ARG002 - pages of any table are scrubbed
    ) -> int | None:
        """Blank unused bytes in up to ``SCRUB_PAGES`` pages, beginning at page ``first``.

        Returns the page to continue with, or None after the last. Once the last page is done and the log has
        been emptied, the files contain nothing that was deleted before the first page was scrubbed. Writers
        wait for a few milliseconds. ``record`` has to write something: a commit makes other processes
        discard their cached pages.

        Raises:
            StoreBusy: a long read or another writer needs the log, or the disk fails; repeat it later.
        """
        handle = self._handle
        if handle is None:
            raise TypeError("only the process that opened a database scrubs it")

        def scrub(connection: Tx) -> tuple[int | None, bool]:
            # Neither the log nor the connection's cache may contain an older version of a page, since it
            # would overwrite the blanked one. So the log is emptied and the cache released, and both stay
            # empty while the transaction keeps others from writing.
            if not empty_log(connection):
                raise BusyError("a long read needs the write-ahead log")
            connection.execute("PRAGMA shrink_memory")
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._writer.check(connection)  # again, now that nobody can take over the file
                if self.path.with_name(f"{self.path.name}-wal").stat().st_size:
                    raise BusyError("another process wrote in the meantime")
                following, changed = blank_pages(handle, first)
                record(connection)
                connection.execute("COMMIT")
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            return following, changed

        following, changed = await self._maintain(scrub)
        if changed:
            await self._reports.run(os.fsync, handle)
        return following

    async def empty_log(self) -> bool:
        """Checkpoint the write-ahead log and truncate it.

        Returns False if a reader still needs it; try again later. Writers wait for at most 0.1 s.

        Raises:
            StoreBusy: the disk is full.
        """
        return await self._maintain(empty_log)

    async def _maintain(self, work: Callable[[Tx], T]) -> T:
        """Run ``work`` outside a transaction, on the writer's connection.

        Before SQLite 3.51.3, a second connection that checkpoints could damage the file.
        Source: https://sqlite.org/wal.html#walresetbug, read 2026-11-25.
        """

        def checked(connection: Tx) -> T:
            self._writer.check(connection)
            return work(connection)

        try:
            return await self._writer.run(checked)
        except (Gone, Lost) as error:
            raise self._refused(error) from error
        except sqlite3.Error as error:
            if code_of(error) in TRANSIENT_WRITE_CODES:
                raise StoreBusy(f"the database can't be cleaned: {error}", RETRY_AFTER_S) from error
            raise
        except OSError as error:
            raise StoreBusy(f"the database can't be cleaned: {error.strerror}", RETRY_AFTER_S) from error


def _snapshot(fn: Callable[[Tx], T], connection: Tx) -> T:
    connection.execute("BEGIN")
    try:
        return fn(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
