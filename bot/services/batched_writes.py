"""Batch small, non-urgent writes into one slightly delayed transaction."""

import asyncio
from collections.abc import Callable

from bot.database.engine import Database, Tx

GATHER_S = 0.02
"""How long the first write of a batch waits for others, in seconds."""
GATHERS_MAX = 10
"""Maximum number of such waits while more urgent writes arrive."""


class BatchedWrites:
    """Batches small writes. Each is a transaction function that fails only if the whole database does.

    Committing each of them separately would delay the requests that follow.

    ``is_quiet`` returns whether there has been nothing more urgent to write for a number of seconds.
    """

    def __init__(self, database: Database, is_quiet: Callable[[float], bool] = lambda _: True) -> None:
        self._database = database
        self._is_quiet = is_quiet
        self._batch: list[Callable[[Tx], object]] = []
        self._written: asyncio.Future[None] | None = None

    async def write(self, fn: Callable[[Tx], object]) -> None:
        """Write ``fn`` together with whatever else arrives until things are quiet for ``GATHER_S``.

        It is durable when this returns, and written even if the caller is cancelled.

        Raises:
            StoreBusy: the database can't be written to; nothing of the batch was written.
        """
        self._batch.append(fn)
        if self._written is None or self._written.done():  # done: cancelled before it took the batch
            self._written = asyncio.ensure_future(self._flush())
        await asyncio.shield(self._written)

    async def _flush(self) -> None:
        for _ in range(GATHERS_MAX):
            await asyncio.sleep(GATHER_S)
            if self._is_quiet(GATHER_S):
                break
        batch, self._batch, self._written = self._batch, [], None

        def write_all(tx: Tx) -> None:
            for fn in batch:
                fn(tx)

        await self._database.write(write_all)
