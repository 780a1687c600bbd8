"""Writes that nobody waits for at the moment: several of them in one transaction, a little later."""

import asyncio
from collections.abc import Callable

from bot.database.engine import Database, Tx

GATHER_S = 0.02
"""How long the first of these writes waits for others, in seconds."""


class Gathered:
    """Gathers small writes. Each is a transaction function that fails only with the database as a whole.

    A commit of its own for each would stand in the way of the requests that come next.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._batch: list[Callable[[Tx], object]] = []
        self._written: asyncio.Future[None] | None = None

    async def write(self, fn: Callable[[Tx], object]) -> None:
        """Have ``fn`` written with what else comes within ``GATHER_S``. Durable when this returns.

        A canceled caller does not change that it is written.

        Raises:
            StoreBusy: the database can't be written to; nothing of all that was gathered was written.
        """
        self._batch.append(fn)
        if self._written is None:
            self._written = asyncio.ensure_future(self._flush())
        await asyncio.shield(self._written)

    async def _flush(self) -> None:
        await asyncio.sleep(GATHER_S)
        batch, self._batch, self._written = self._batch, [], None

        def write_all(tx: Tx) -> None:
            for fn in batch:
                fn(tx)

        await self._database.write(write_all)
