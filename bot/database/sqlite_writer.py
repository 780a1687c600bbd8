"""The writing connection to an SQLite file. Transactions that wait at the same time share a commit."""

import asyncio
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Generic, TypeVar

from bot.database.ownership import Gone, Lost, Ownership
from bot.database.sqlite_connections import Connection
from bot.database.sqlite_errors import BusyError, code_of

log = logging.getLogger(__name__)

T = TypeVar("T")

GROUP_MAX = 100
"""Maximum number of transactions that share one commit."""
CHECKPOINT_AFTER = 15
"""Number of commits after which an idle writer copies the write-ahead log into the database file.

SQLite itself does so within every thirtieth commit or so, whose callers then wait for some 10 ms more.
"""
IDLE_S = 0.05
"""Time without a write after which the writer counts as idle, in seconds."""


@dataclass(slots=True, eq=False)  # two entries are never the same, and the queue is searched for one
class Waiting(Generic[T]):
    """One transaction on its way to the writer's thread and back."""

    run: Callable[[sqlite3.Connection], T]
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


class Writer(Connection):
    """The only writing connection. Transactions that wait at the same time share a commit."""

    waiting: deque[Waiting[object]]
    unsettled: dict[Waiting[object], None]
    """All entries whose callers wait, in order, including those that the thread has already begun."""
    ownership: Ownership | None = None
    """None for a connection to the file of a running bot, which owns it."""

    _called = False
    """Whether a call to process ``waiting`` is queued on the thread."""
    _commits = 0
    """Number of commits since the last checkpoint of an idle writer."""
    _awaiting_idleness = False
    _next_deadline: float | None = None
    """When the writer next looks for entries at their deadline, by ``time.perf_counter``."""

    def __init__(self, connector: Callable[[], sqlite3.Connection], rows_read: int) -> None:
        super().__init__(connector, rows_read)
        self.waiting: deque[Waiting[object]] = deque()
        self.unsettled: dict[Waiting[object], None] = {}
        """The entries whose callers wait, in order; unlike ``waiting``, with those the thread has begun."""

    async def settle(self, entry: Waiting[object]) -> None:
        """Wait until ``entry`` is committed or refused.

        An entry that the thread has not begun by its deadline is refused, whatever the thread is busy with.
        """
        loop, connection = asyncio.get_running_loop(), self.inner
        entry.told = loop.create_future()
        self.waiting.append(entry)
        self._call(loop, connection)
        self.unsettled[entry] = None
        self._give_up_at(loop, entry.deadline)
        try:
            await entry.told
        finally:
            del self.unsettled[entry]
        self._checkpoint_when_idle(loop, connection)

    def _call(self, loop: asyncio.AbstractEventLoop, connection: sqlite3.Connection) -> None:
        """Queue a call to process ``waiting``, unless one is queued: it serves all who wait by then."""
        if not self._called:
            self._called = True
            self.begin(partial(self._settle_group, loop, connection))

    def _settle_group(self, loop: asyncio.AbstractEventLoop, connection: sqlite3.Connection) -> None:
        """Commit a group of waiting entries, and notify their callers in one step. Runs on the thread."""
        self._called = False  # before reading the queue: an entry added afterwards calls again
        group = [self.waiting.popleft() for _ in range(min(len(self.waiting), GROUP_MAX))]
        if not group:
            return
        self._commits += 1  # before the callers go on, since they read it
        left: list[Waiting[object]] = []
        try:
            left = _commit(connection, group, self.check)
        finally:  # even after a bug, so that nobody waits forever
            self.waiting.extendleft(reversed(left))
            loop.call_soon_threadsafe(_tell, [entry for entry in group if entry not in left])
        if self.waiting:  # queued behind anything else handed to the thread meanwhile
            self._call(loop, connection)

    def _checkpoint_when_idle(self, loop: asyncio.AbstractEventLoop, connection: sqlite3.Connection) -> None:
        """Begin a checkpoint once the writer is idle, if one is due and the file is ours."""
        if self._commits < CHECKPOINT_AFTER or self._awaiting_idleness or self.ownership is None:
            return
        self._awaiting_idleness = True
        loop.call_later(IDLE_S, self._checkpoint, loop, connection, self._commits)

    def _checkpoint(
        self, loop: asyncio.AbstractEventLoop, connection: sqlite3.Connection, commits: int
    ) -> None:
        self._awaiting_idleness = False
        if self._commits > commits or self.waiting:
            self._checkpoint_when_idle(loop, connection)
        else:
            self._commits = 0
            self.begin(partial(_copy_log, connection))

    def _give_up_at(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """Refuse an entry at its deadline. One timer serves all, since almost no entry reaches it."""
        if self._next_deadline is None or deadline < self._next_deadline:
            self._next_deadline = deadline
            loop.call_later(deadline - time.perf_counter(), self._give_up, loop, deadline)

    def _give_up(self, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        """Refuse the entries whose deadline has passed, unless the thread has begun them."""
        if deadline != self._next_deadline:
            return  # an earlier one has been set since
        self._next_deadline = None
        for entry in list(self.unsettled):
            if entry.deadline > deadline:
                self._give_up_at(loop, entry.deadline)
                continue
            try:
                self.waiting.remove(entry)  # atomic: the entry either goes to the thread or is refused
            except ValueError:
                continue
            entry.error = BusyError("the writer was busy")
            _tell([entry])

    def check(self, connection: sqlite3.Connection) -> None:
        """Raise Gone or Lost if the file on disk is no longer the open one."""
        if self.ownership is not None:
            self.ownership.check(connection)


def _copy_log(connection: sqlite3.Connection) -> None:
    """Copy the write-ahead log into the database file, as far as no reader needs the old pages."""
    try:
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    except sqlite3.Error as error:
        # The log keeps everything. The disk's trouble is reported by the next commit, which tries again.
        log.debug("log not copied", extra={"error": str(error)})


def _tell(settled: list[Waiting[object]]) -> None:
    """Wake the callers of these entries, except cancelled ones, which no longer wait."""
    for entry in settled:
        if entry.told is not None and not entry.told.done():
            entry.told.set_result(None)


def _commit(
    connection: sqlite3.Connection, group: list[Waiting[object]], check: Callable[[sqlite3.Connection], None]
) -> list[Waiting[object]]:
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


def _patient(group: list[Waiting[object]], error: sqlite3.Error) -> list[Waiting[object]]:
    """Return the entries that keep waiting for the lock, and refuse the others with the error."""
    locked, now_s = code_of(error) == sqlite3.SQLITE_BUSY, time.perf_counter()
    for entry in group:
        if not locked or entry.deadline <= now_s:
            entry.error = error
    return [entry for entry in group if entry.error is None]


def _run_inside(connection: sqlite3.Connection, entry: Waiting[object]) -> None:
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
