"""A server's credits as its members and managers see and change them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from bot.errors import OutOfRange, TextMissing
from bot.model import Balance, Entry, Period, storable
from bot.store import ledger
from bot.store.database import Database, Tx

T = TypeVar("T")

REASON_MAX = 200


class Purse:
    """Reads and changes what a server may spend. A change counts once: its interaction may come twice."""

    def __init__(self, database: Database, defaults: ledger.Defaults, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._defaults = defaults
        self._now = now

    async def balance(self, guild_id: int) -> Balance:
        """What the server may spend now."""
        now = self._now()
        return await self._database.read(lambda tx: ledger.balance(tx, guild_id, self._defaults, now))

    async def set_allowance(
        self, guild_id: int, allowance: int, period: Period | None, entry: Entry
    ) -> tuple[Balance, Balance] | None:
        """Change the allowance, and the period if one is given.

        Returns the balance before and after, or None if this interaction has changed something already.

        Raises:
            OutOfRange: not a number that an allowance can be.
        """
        now = self._now()
        return await self._once(
            entry,
            lambda tx: ledger.set_allowance(tx, guild_id, allowance, period, self._defaults, entry, now),
        )

    async def grant(self, guild_id: int, amount: int, entry: Entry) -> tuple[int, int] | None:
        """Add bonus credits, or take some away.

        Returns the bonus before and after, or None if this interaction has changed something already.

        Raises:
            OutOfRange: more than is left, or more than a server can hold.
            TextMissing: a grant without a reason.
        """
        entry = replace(entry, reason=storable(entry.reason)[:REASON_MAX])
        if not entry.reason:
            raise TextMissing("reason")
        if amount == 0:
            raise OutOfRange(1, ledger.CREDITS_MAX)
        now = self._now()
        return await self._once(entry, lambda tx: ledger.grant(tx, guild_id, amount, entry, now))

    async def _once(self, entry: Entry, change: Callable[[Tx], T]) -> T | None:
        return await self._database.write(lambda tx: None if ledger.changed(tx, entry) else change(tx))
