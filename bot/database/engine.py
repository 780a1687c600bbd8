"""The interface of a database, whichever engine implements it.

Callers pass functions of a transaction rather than holding one. A function cannot await, so no transaction
stays open across a network call, and an engine is free to run it on another thread, to run it again, or to
let several of them share one commit. The SQL in ``store/`` is one text for all engines.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from bot.database.share import Share

T = TypeVar("T")
Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""Values for ``?`` in their order, or for ``:name``."""


GIVE_UP_AFTER_S = 2.0
"""Total wait after which a write is refused, in seconds: a member's answer is due within 3 s."""
RETRY_AFTER_S = 5.0
"""When to try again after a lock that stayed, a full disk or a lost server, in seconds."""
FIRST_PAGE = 2
"""Where a scrub begins: the first page that may contain a member's data. Page 1 has the schema."""


class DatabaseError(Exception):
    """The database cannot do what was asked, now or later: damage, or a mistake of this program."""


class ConstraintViolated(DatabaseError):
    """A constraint or a trigger of the schema forbids what a transaction wrote."""


class Row(Protocol):
    """A row of a result, read by position or by the name of a column."""

    def __getitem__(self, key: int | str, /) -> Any: ...  # noqa: ANN401 - the schema types it
    def __iter__(self) -> Iterator[Any]: ...
    def keys(self) -> list[str]:
        """Return the names of the columns."""
        ...


class Rows(Protocol):
    """The result of a statement."""

    @property
    def rowcount(self) -> int:
        """Number of rows that the statement changed."""
        ...

    def fetchone(self) -> Any:  # noqa: ANN401 - a Row or None; callers know which
        """Return the next row, or None."""
        ...

    def fetchmany(self, size: int = ..., /) -> list[Any]:
        """Return the next ``size`` rows, or fewer."""
        ...

    def fetchall(self) -> list[Any]:
        """Return all rows that are left."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Tx(Protocol):
    """A transaction, as its function receives it: it executes statements, and never commits.

    A constraint that a statement violates ends a transaction on PostgreSQL, so a function must not catch
    the error and go on.
    """

    @property
    def total_changes(self) -> int:
        """Number of rows changed on this connection so far."""
        ...

    def execute(self, sql: str, parameters: Any = ..., /) -> Rows:  # noqa: ANN401 - Parameters
        """Execute one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> object:
        """Execute one statement with each of these parameters."""
        ...


class Database(Protocol):
    """Whole transactions on one database.

    Transaction functions execute statements and return a value. They must not commit, roll back, await,
    or have effects outside the database: an engine may run one again after an attempt that was rolled back.
    """

    @property
    def waiting(self) -> int:
        """Number of writes that wait for their turn."""
        ...

    @property
    def share(self) -> Share:
        """The servers for which this process works."""
        ...

    @property
    def files(self) -> Path | None:
        """The path whose copies lie next to it, or None for a database on a server."""
        ...

    @property
    def scrubs_in_passing(self) -> bool:
        """Whether ``scrub`` is so cheap that it may follow every deletion, rather than once a day."""
        ...

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` in a transaction that writes, and return its result.

        Guarantees:
            Atomic: everything ``fn`` wrote is committed, or nothing is.
            Durable: the commit survives a power cut from the moment this returns.
            Serialized: no other transaction of this process writes between the first statement of ``fn`` and
            its commit. Between processes, only the rows that ``lock_guild`` has locked are.
            Bounded: a caller that cannot get the lock in time is refused rather than left waiting.
            Cancellation of the caller does not interrupt ``fn``: it commits or fails as a whole.

        Raises:
            StoreBusy: the database stayed locked or cannot be written to; nothing was written.
            StoreLost: the database belongs to another process; nothing was written.
            Exception: whatever ``fn`` raised; nothing was written.
        """
        ...

    async def read(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` on a consistent snapshot that includes every earlier write, and return its result.

        It never waits for writers and cannot write. Reads share one thread, so ``fn`` has to be short.

        Raises:
            StoreBusy: the database cannot be read now.
            Exception: whatever ``fn`` raised.
        """
        ...

    async def report(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` like ``read``, on a connection of its own: it may be slow without delaying others.

        Raises:
            StoreBusy: the database cannot be read now.
            Exception: whatever ``fn`` raised.
        """
        ...

    def may_act(self) -> bool:
        """Return whether this process may pay and post now: it knew a moment ago that it has the database."""
        ...

    async def turn_to_identify(self, bucket: int) -> None:
        """Wait until this process may send an IDENTIFY of this bucket at the gateway, and take that turn.

        Raises:
            StoreBusy: as ``write``.
        """
        ...

    async def take_over(self, take: Callable[[Tx], int], is_current: Callable[[Tx, int], bool]) -> int:
        """Make this process the owner of the database, and return the number that ``take`` gives it.

        Once ``is_current`` denies that number, every write fails.

        Raises:
            StoreBusy: as ``write``.
        """
        ...

    async def until_lost(self) -> str:
        """Wait until a write finds that the database is no longer this process's. Return why."""
        ...

    async def scrub(self, first: int, record: Callable[[Tx], object]) -> int | None:
        """Remove deleted data from a part of the files, beginning at ``first``.

        Returns where to continue, or None after the last part. ``record`` writes how far it has come.

        Raises:
            StoreBusy: the database is in use; repeat it later.
        """
        ...

    async def empty_log(self) -> bool:
        """Remove deleted data from the log, as far as possible. Returns False if it has to be repeated.

        Raises:
            StoreBusy: the database is in use; repeat it later.
        """
        ...
