"""The SQLite engine: ``write(fn)``, ``read(fn)`` and ``report(fn)``, each a transaction in one thread hop."""

import asyncio
import os
import sqlite3
import struct
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Generic, TypeVar, cast

import aiosqlite

from bot import threads
from bot.database import engine, integrity, pages
from bot.database.engine import RETRY_AFTER_S, ConstraintViolated
from bot.database.exclusive_lock import exclusive_lock
from bot.database.idle_connections import IdleConnections
from bot.database.migrating import migrate, refuse_foreign, refuse_other_schema, schema_version
from bot.database.ownership import Damaged, Gone, LogLost, Lost, Overwritten, Ownership
from bot.database.share import EVERYTHING, Share
from bot.errors import StartRefused, StoreBusy, StoreLost

T = TypeVar("T")
Tx = sqlite3.Connection
"""Argument of a transaction function, which executes statements but never awaits or commits."""

GIVE_UP_AFTER_S = engine.GIVE_UP_AFTER_S
BUSY_TIMEOUT_MS = 500
"""Maximum wait of one statement for a lock, in milliseconds."""
READERS_TIMEOUT_MS = 100
"""Maximum wait for readers when truncating the write-ahead log, in milliseconds; writers wait as long."""
STATEMENTS_CACHED = 256
"""Number of prepared statements that a connection caches; more than the bot has."""
ROWS_READ = 64
"""Number of rows that aiosqlite would fetch at a time; no statement goes through it."""
GROUP_MAX = 100
"""Maximum number of transactions that share one commit."""
SCRUB_PAGES = 512
"""Number of pages scrubbed at a time, 2 MiB, while writers wait."""
HEADER_BYTES, PAGE_SIZE_AT, RESERVED_AT = 100, 16, 20
"""Size of a database file's header, and the offsets of the page size and of its reserved part, in bytes.
Source: https://sqlite.org/fileformat2.html#the_database_header, read 2026-11-26."""
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

_TRANSIENT_CODES = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_CANTOPEN,
    }
)
"""Result codes of temporary failures."""
_TRANSIENT_WRITE_CODES = _TRANSIENT_CODES | {sqlite3.SQLITE_READONLY}
"""Result codes of temporary failures on a writing connection."""


class BusyError(sqlite3.OperationalError):
    """The writer's thread was busy until the deadline of a write."""

    sqlite_errorcode = sqlite3.SQLITE_BUSY


@dataclass(slots=True, eq=False)  # two entries are never the same, and the queue is searched for one
class _Waiting(Generic[T]):
    """One transaction on its way to the writer's thread and back."""

    run: Callable[[Tx], T]
    deadline: float
    """Deadline on the clock of ``time.perf_counter``, in seconds."""
    results: list[T] = field(default_factory=list)
    """The result, once committed; a list because a result may be None."""
    error: Exception | None = None
    told: asyncio.Future[None] | None = None
    """Done once the caller has been notified that the entry is settled."""

    @property
    def settled(self) -> bool:
        """Whether the entry has a result or an error."""
        return bool(self.results) or self.error is not None


class _Connection(aiosqlite.Connection):
    """A connection with its own thread. No other class touches aiosqlite's private attributes.

    aiosqlite has no public way to run a whole function on its thread, and a hop per statement costs more than
    most statements do.
    """

    async def run(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` on the connection's thread, after everything queued earlier."""
        result: T = await self._execute(fn, self._conn)  # type: ignore[no-untyped-call]
        return result

    def begin(self, fn: Callable[[], None]) -> None:
        """Run ``fn`` on the connection's thread without waiting for it; callable from any thread."""
        self._tx.put_nowait((None, fn))

    def join(self) -> None:
        """Wait for the thread to end, once the connection is closed or has failed to open."""
        self._thread.join()


class _Writer(_Connection):
    """The only writing connection. Transactions that wait at the same time share a commit."""

    waiting: deque[_Waiting[object]]
    ownership: Ownership | None = None
    """None for a connection to the file of a running bot, which owns it."""

    _called = False
    """Whether a call to process ``waiting`` is queued on the thread."""

    async def settle(self, entry: _Waiting[object]) -> None:
        """Wait until ``entry`` is committed or refused.

        An entry that the thread has not begun by its deadline is refused, whatever the thread is busy with.
        """
        loop, connection = asyncio.get_running_loop(), self._conn
        entry.told = loop.create_future()
        self.waiting.append(entry)
        self._call(loop, connection)
        giving_up = loop.call_later(entry.deadline - time.perf_counter(), self._give_up, entry)
        try:
            await entry.told
        finally:
            giving_up.cancel()

    def _call(self, loop: asyncio.AbstractEventLoop, connection: Tx) -> None:
        """Queue a call to process ``waiting``, unless one is queued: it serves all who wait by then."""
        if not self._called:
            self._called = True
            self.begin(partial(self._settle_group, loop, connection))

    def _settle_group(self, loop: asyncio.AbstractEventLoop, connection: Tx) -> None:
        """Commit a group of waiting entries, and notify their callers in one step. Runs on the thread."""
        self._called = False  # before reading the queue: an entry added afterwards calls again
        group = [self.waiting.popleft() for _ in range(min(len(self.waiting), GROUP_MAX))]
        if not group:
            return
        left: list[_Waiting[object]] = []
        try:
            left = _commit(connection, group, self.check)
        finally:  # even after a bug, so that nobody waits forever
            self.waiting.extendleft(reversed(left))
            loop.call_soon_threadsafe(_tell, [entry for entry in group if entry not in left])
        if self.waiting:  # queued behind anything else handed to the thread meanwhile
            self._call(loop, connection)

    def _give_up(self, entry: _Waiting[object]) -> None:
        """Refuse an entry at its deadline, unless the thread has begun it."""
        try:
            self.waiting.remove(entry)  # atomic: the entry either goes to the thread or is refused
        except ValueError:
            return
        entry.error = BusyError("the writer had no time")
        _tell([entry])

    def check(self, connection: Tx) -> None:
        """Raise Gone or Lost if the file on disk is no longer the open one."""
        if self.ownership is not None:
            self.ownership.check(connection)


def _tell(settled: list[_Waiting[object]]) -> None:
    """Wake the callers of these entries, except canceled ones, which no longer wait."""
    for entry in settled:
        if entry.told is not None and not entry.told.done():
            entry.told.set_result(None)


def _commit(
    connection: Tx, group: list[_Waiting[object]], check: Callable[[Tx], None]
) -> list[_Waiting[object]]:
    """Run the group in one transaction, or entry by entry if that fails as a whole.

    Returns the entries that did not get the write lock and are still waiting for it.
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.Error as error:
        return _patient(group, error)
    try:
        check(connection)
    except (Gone, Lost) as error:
        connection.execute("ROLLBACK")
        for entry in group:
            entry.error = error
        return []
    try:
        for entry in group:
            _run_inside(connection, entry)
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        for entry in group:
            entry.results.clear()
            entry.error = error if len(group) == 1 else None
        if len(group) > 1:
            return [left for entry in group for left in _commit(connection, [entry], check)]
    return []


def _patient(group: list[_Waiting[object]], error: sqlite3.Error) -> list[_Waiting[object]]:
    """Return the entries that keep waiting for the lock, and refuse the others with the error."""
    locked, now_s = _code(error) == sqlite3.SQLITE_BUSY, time.perf_counter()
    for entry in group:
        if not locked or entry.deadline <= now_s:
            entry.error = error
    return [entry for entry in group if entry.error is None]


def _run_inside(connection: Tx, entry: _Waiting[object]) -> None:
    """Run one entry in a savepoint to isolate its failure. Raises if the whole group is lost."""
    connection.execute("SAVEPOINT one")
    try:
        entry.results.append(entry.run(connection))
    except Exception as error:  # handed to the caller of this entry alone
        if not connection.in_transaction:
            # The error ended the transaction of the whole group: disk full, I/O error.
            if isinstance(error, sqlite3.Error):
                raise
            raise sqlite3.OperationalError("a transaction was ended from inside") from error
        connection.execute("ROLLBACK TO one")
        entry.error = error
    connection.execute("RELEASE one")


def _code(error: sqlite3.Error) -> int:
    """Return SQLite's primary result code (https://sqlite.org/rescode.html); 0 for Python's own errors."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


class Database(engine.Database):
    """Transactions on one file. Create it with ``open``, once per file, or with ``attach``."""

    def __init__(
        self,
        path: Path,
        writer: _Writer,
        reader: _Connection,
        wrote: Callable[[float], None] = lambda _took_s: None,
        handle: int | None = None,
    ) -> None:
        self.path = path
        self._writer = writer
        self._reader = reader
        self._reports = threads.Threads("reports", threads.REPORTS)
        self._report_connections = IdleConnections(partial(_connect_reading, path, any_thread=True))
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
            writer = _Writer(lambda: _connect(path), ROWS_READ)
            writer.waiting = deque()
            reading = _Connection(lambda: _connect_reading(path), ROWS_READ)
            async with _opened(writer, path), _opened(reading, path) as reader:
                writer.ownership = Ownership(path, handle)
                database = cls(path, writer, reader, wrote, handle)
                await database.read(schema_version)  # from here on, the reader holds the file open
                try:
                    with closing(database._report_connections), closing(database._reports):
                        async with integrity.checked_meanwhile(
                            partial(_connect_reading, path, any_thread=True),
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
        reading = _Connection(lambda: _connect_attached_reading(path), ROWS_READ)
        writer = _Writer(lambda: _connect_attached(path), ROWS_READ)
        writer.waiting = deque()
        # The last connection to close removes the log, unless it is read-only, so the reader closes last.
        async with _opened(reading, path) as reader, _opened(writer, path):
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
            raise _refusal(self.path, sqlite3.DatabaseError(str(self._lost)))
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

        If the caller is canceled, the transaction still happens as a whole or not at all.

        Raises:
            StoreBusy: the file stayed locked for 2 s, the disk is full, or the file is gone; nothing was
                written.
            StoreLost: the database belongs to another process, or is another file; nothing was written.
            Exception: whatever ``fn`` raised; nothing was written.
        """
        began_s = time.perf_counter()
        entry: _Waiting[T] = _Waiting(fn, began_s + GIVE_UP_AFTER_S)
        with self._until_closed():
            await self._writer.settle(cast("_Waiting[object]", entry))  # the queue holds any results
        self._wrote(time.perf_counter() - began_s)
        if isinstance(entry.error, (Gone, Lost)):
            raise self._refused(entry.error)
        if isinstance(entry.error, sqlite3.Error) and _code(entry.error) in _TRANSIENT_WRITE_CODES:
            raise StoreBusy(
                f"the database can't be written to: {entry.error}", RETRY_AFTER_S
            ) from entry.error
        if isinstance(entry.error, sqlite3.IntegrityError):
            raise ConstraintViolated(str(entry.error)) from entry.error
        if entry.error is not None:
            with self._until_closed():
                raise entry.error
        if not entry.results:
            raise RuntimeError("the writer's thread has met a bug; its debug log has the error")
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
        with self._until_closed(), _read_errors():
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

        with self._until_closed(), _read_errors():
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

    async def scrub(self, first: int, record: Callable[[Tx], object]) -> int | None:
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
            if not _log_emptied(connection):
                raise BusyError("a long read needs the write-ahead log")
            connection.execute("PRAGMA shrink_memory")
            connection.execute("BEGIN IMMEDIATE")
            try:
                self._writer.check(connection)  # again, now that nobody can take over the file
                if self.path.with_name(f"{self.path.name}-wal").stat().st_size:
                    raise BusyError("another process wrote meanwhile")
                following, changed = _blank(handle, first)
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
        return await self._maintain(_log_emptied)

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
            if _code(error) in _TRANSIENT_WRITE_CODES:
                raise StoreBusy(f"the database can't be cleaned: {error}", RETRY_AFTER_S) from error
            raise
        except OSError as error:
            raise StoreBusy(f"the database can't be cleaned: {error.strerror}", RETRY_AFTER_S) from error


def _log_emptied(connection: Tx) -> bool:
    """Checkpoint and truncate the write-ahead log. Returns False if a reader still needs it."""
    connection.execute(f"PRAGMA busy_timeout = {READERS_TIMEOUT_MS}")
    try:
        return bool(connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()["busy"] == 0)
    finally:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _blank(handle: int, first: int) -> tuple[int | None, bool]:
    """Blank unused bytes in a file with an empty log. Returns the next page and whether any changed."""
    header = os.pread(handle, HEADER_BYTES, 0)
    (size,) = struct.unpack_from(">H", header, PAGE_SIZE_AT)
    size = pages.PAGE_BYTES_MAX if size == 1 else size
    usable, last = size - header[RESERVED_AT], os.fstat(handle).st_size // size
    if last >= pages.AMBIGUOUS_FROM:
        raise sqlite3.NotSupportedError("a database of 137 GB and more can't be scrubbed")
    content = os.pread(handle, SCRUB_PAGES * size, (first - 1) * size)
    changed = False
    for number in range(len(content) // size):
        clean = pages.blanked(content[number * size : (number + 1) * size], usable)
        if clean is not None:
            os.pwrite(handle, clean, (first - 1 + number) * size)
            changed = True
    following = first + SCRUB_PAGES
    return (following if following <= last else None), changed


@contextmanager
def _read_errors() -> Iterator[None]:
    """Raise StoreBusy for failures that are temporary for a reader."""
    try:
        yield
    except sqlite3.Error as error:
        if _code(error) in _TRANSIENT_CODES:
            raise StoreBusy(f"the database can't be read: {error}", RETRY_AFTER_S) from error
        raise


def _snapshot(fn: Callable[[Tx], T], connection: Tx) -> T:
    connection.execute("BEGIN")
    try:
        return fn(connection)
    finally:
        if connection.in_transaction:
            connection.execute("ROLLBACK")


ConnectionT = TypeVar("ConnectionT", bound=_Connection)


@asynccontextmanager
async def _opened(connection: ConnectionT, path: Path) -> AsyncIterator[ConnectionT]:
    """Open and close a connection; otherwise aiosqlite's non-daemon thread would outlive a refusal."""
    try:
        try:
            await connection
        except sqlite3.Error as error:
            raise _refusal(path, error) from None
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


def _refusal(path: Path, error: sqlite3.Error) -> StartRefused:
    found = " ".join(str(error).split())
    if _code(error) in _TRANSIENT_WRITE_CODES:
        return StartRefused(
            f"DATABASE_URL: {path} can't be used now ({found}); look at the disk and who else has the file."
        )
    return StartRefused(
        f"DATABASE_URL: {path} is no usable SQLite database ({found}); restore a backup or name another."
    )


def _connect(path: Path) -> sqlite3.Connection:
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
    except BaseException:
        connection.close()
        raise
    return connection


def _look(path: Path) -> None:
    """Refuse another program's database without a trace: a writer would merge its log on closing."""
    try:
        with closing(_connect_reading(path)) as connection:
            refuse_foreign(connection, path)
    except sqlite3.Error:
        return  # damaged, or not readable in this way; the writer will find out


def _check(connection: sqlite3.Connection, path: Path) -> None:
    if connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        raise StartRefused(
            f"DATABASE_URL: {path} lies where SQLite can't keep a write-ahead log; "
            "choose a folder on a local disk."
        )
    if integrity.is_checked_first(connection, path):
        integrity.check(connection)


def _connect_reading(path: Path, *, any_thread: bool = False) -> sqlite3.Connection:
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


def _connect_attached(path: Path) -> sqlite3.Connection:
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


def _connect_attached_reading(path: Path) -> sqlite3.Connection:
    connection = _connect_reading(path)
    try:
        refuse_other_schema(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


@contextmanager
def open_read_only(path: Path) -> Iterator[Tx]:
    """Open a snapshot of a database that a bot may be using.

    Raises:
        StartRefused: the file does not exist, cannot be read, or its schema is not this program's.
    """
    if not path.is_file():
        raise StartRefused(f"DATABASE_URL: {path} is not there yet; start the bot first.")
    try:
        with closing(_connect_attached_reading(path)) as connection:
            connection.execute("BEGIN")
            yield connection
    except sqlite3.Error as error:
        raise _refusal(path, error) from error


@contextmanager
def open_migrated(path: Path) -> Iterator[Tx]:
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
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
