"""Commit results that arrive at almost the same time in one transaction."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.database.engine import Database, DatabaseError, Tx
from bot.errors import Transient

RESULTS_MAX: Final = 100
"""Maximum number of results in one transaction."""


@dataclass(slots=True, eq=False)  # two results are never the same
class _Result:
    write: Callable[[Tx], bool]
    written: bool | None = None
    """The value returned by ``write``, once it is committed."""
    error: Exception | None = None


class GroupedWrites:
    """Writes results in groups: while one group is being committed, the next one gathers.

    A result must be safe to write twice: if the schema rejects one, its group is written again one by one,
    so that each caller gets its own error.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._turn = asyncio.Lock()
        self._waiting: list[_Result] = []

    async def write(self, write: Callable[[Tx], bool]) -> bool:
        """Run ``write`` in a transaction with others; return its result once committed.

        Raises:
            Exception: as ``Database.write``.
        """
        own = _Result(write)
        self._waiting.append(own)
        async with self._turn:
            while own.written is None and own.error is None:
                # The result is no longer waiting if a task took it into its group and was then cancelled.
                group, self._waiting = self._waiting[:RESULTS_MAX] or [own], self._waiting[RESULTS_MAX:]
                await self._commit(group)
        if own.error is not None:
            raise own.error
        assert own.written is not None  # noqa: S101 - the loop's condition, told to the type checker
        return own.written

    async def _commit(self, group: list[_Result]) -> None:
        try:
            written = await self._database.write(lambda tx: [result.write(tx) for result in group])
        except Transient as error:
            for result in group:
                result.error = error
        except DatabaseError as error:
            if len(group) == 1:
                group[0].error = error
            for result in group if len(group) > 1 else ():
                await self._commit([result])
        else:
            for result, its in zip(group, written, strict=True):
                result.written = its
