"""The interface of a database, whichever engine implements it.

Callers pass functions of a transaction rather than holding one. A function cannot await, so no transaction
stays open across a network call, and an engine is free to run it on another thread, to run it again, or to
let several of them share one commit.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

T = TypeVar("T")
TxT_co = TypeVar("TxT_co", covariant=True)
"""The engine's transaction: what a transaction function executes its statements on."""


class Engine(Protocol[TxT_co]):
    """Whole transactions on one database.

    Transaction functions execute statements and return a value. They must not commit, roll back, await,
    or have effects outside the database: an engine may run one again after an attempt that was rolled back.
    """

    async def write(self, fn: Callable[[TxT_co], T]) -> T:
        """Run ``fn`` in a transaction that writes, and return its result.

        Guarantees:
            Atomic: everything ``fn`` wrote is committed, or nothing is.
            Durable: the commit survives a power cut from the moment this returns.
            Serialized: no other transaction writes between the first statement of ``fn`` and its commit.
            Bounded: a caller that cannot get the lock in time is refused rather than left waiting.
            Cancellation of the caller does not interrupt ``fn``: it commits or fails as a whole.

        Raises:
            StoreBusy: the database stayed locked or cannot be written to; nothing was written.
            Exception: whatever ``fn`` raised; nothing was written.
        """
        ...

    async def read(self, fn: Callable[[TxT_co], T]) -> T:
        """Run ``fn`` on a consistent snapshot that includes every earlier write, and return its result.

        It never waits for writers and cannot write. Reads share one thread, so ``fn`` has to be short.

        Raises:
            StoreBusy: the database cannot be read now.
            Exception: whatever ``fn`` raised.
        """
        ...

    async def report(self, fn: Callable[[TxT_co], T]) -> T:
        """Run ``fn`` like ``read``, on a connection of its own: it may be slow without delaying others.

        Raises:
            StoreBusy: the database cannot be read now.
            Exception: whatever ``fn`` raised.
        """
        ...
