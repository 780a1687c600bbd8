"""The interface of a database, independent of its engine.

Callers pass functions of a transaction instead of holding one. A function cannot await, so no transaction
stays open across a network call, and an engine is free to run it on another thread, run it again, or let
several share one commit. All engines run the same SQL from ``store/``.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeAlias, TypeVar

from bot.database.share import Share

T = TypeVar("T")
Parameters: TypeAlias = Sequence[Any] | Mapping[str, Any]
"""Values for ``?`` in order, or for ``:name``."""


GIVE_UP_AFTER_S = 2.0
"""Maximum total wait of a write, in seconds: a member must be answered within 3 s."""
RETRY_AFTER_S = 5.0
"""Wait before retrying after a persistent lock, a full disk or a lost server, in seconds."""
FIRST_PAGE = 2
"""First page to scrub, the first that may contain a member's data. Page 1 has the schema."""


class DatabaseError(Exception):
    """A permanent failure of a database operation: damage, or a bug in this program."""


class ConstraintViolated(DatabaseError):
    """A constraint or trigger of the schema rejected what a transaction wrote."""


class Row(Protocol):
    """A row of a result, read by position or by column name."""

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
        """Return all remaining rows."""
        ...

    def __iter__(self) -> Iterator[Any]: ...


class Tx(Protocol):
    """A transaction as seen by its function, which executes statements and never commits.

    On PostgreSQL, violating a constraint ends the transaction, so a function must not catch that error and
    continue.
    """

    @property
    def total_changes(self) -> int:
        """Number of rows changed on this connection so far."""
        ...

    def execute(self, sql: str, parameters: Any = ..., /) -> Rows:  # noqa: ANN401 - Parameters
        """Execute one statement."""
        ...

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> object:
        """Execute one statement once for each set of parameters."""
        ...


class Database(Protocol):
    """Whole transactions on one database.

    Transaction functions execute statements and return a value. They must not commit, roll back, await,
    or have effects outside the database: an engine may run one again after an attempt that was rolled back.
    """

    @property
    def waiting(self) -> int:
        """Number of writes waiting for their turn."""
        ...

    @property
    def share(self) -> Share:
        """The share of the servers that this process serves."""
        ...

    @property
    def files(self) -> Path | None:
        """The path of the database, with its copies next to it, or None for a database on a server."""
        ...

    @property
    def scrubs_in_passing(self) -> bool:
        """Whether ``scrub`` is cheap enough to follow every deletion rather than run once a day."""
        ...

    async def write(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` in a write transaction, and return its result.

        Guarantees:
            Atomic: everything ``fn`` wrote is committed, or nothing is.
            Durable: the commit survives a power cut from the moment this returns.
            Serialised: no other transaction of this process writes between the first statement of ``fn`` and
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
        """Run ``fn`` like ``read``, but on its own connection, so it may be slow without delaying others.

        Raises:
            StoreBusy: the database cannot be read now.
            Exception: whatever ``fn`` raised.
        """
        ...

    def may_act(self) -> bool:
        """Return whether this process may pay and post now: its ownership was confirmed a moment ago."""
        ...

    async def turn_to_identify(self, bucket: int) -> None:
        """Wait until this process may send an IDENTIFY of this bucket to the gateway, and take that turn.

        Raises:
            StoreBusy: as ``write``.
        """
        ...

    async def take_over(self, take: Callable[[Tx], int], is_current: Callable[[Tx, int], bool]) -> int:
        """Make this process the owner of the database, and return the number given to it by ``take``.

        Once ``is_current`` rejects that number, every write fails.

        Raises:
            StoreBusy: as ``write``.
        """
        ...

    async def until_lost(self) -> str:
        """Wait until a write finds that this process no longer owns the database. Return why."""
        ...

    async def scrub(self, first: int, record: Callable[[Tx], object], tables: Sequence[str]) -> int | None:
        """Remove deleted data from a part of the files, beginning at ``first``.

        Returns where to continue, or None after the last part. ``record`` stores the progress. An engine that
        can't scrub a part of a file rewrites ``tables``.

        Raises:
            StoreBusy: the database is in use; repeat it later.
        """
        ...

    async def empty_log(self) -> bool:
        """Remove deleted data from the log, as far as possible. Returns False if this must be repeated.

        Raises:
            StoreBusy: the database is in use; repeat it later.
        """
        ...
