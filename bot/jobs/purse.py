"""A server's credits as its members and managers see and change them."""

from collections.abc import Callable
from datetime import datetime

from bot.errors import OutOfRange, TextMissing
from bot.model import Balance, Period, storable
from bot.store import ledger
from bot.store.database import Database

REASON_MAX = 200


class Purse:
    """Reads and changes what a server may spend."""

    def __init__(self, database: Database, defaults: ledger.Defaults, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._defaults = defaults
        self._now = now

    async def balance(self, guild_id: int) -> Balance:
        """What the server may spend now."""
        now = self._now()
        return await self._database.read(lambda tx: ledger.balance(tx, guild_id, self._defaults, now))

    async def set_allowance(
        self, guild_id: int, allowance: int, period: Period | None, actor_id: int
    ) -> tuple[Balance, Balance]:
        """Change the allowance, and the period if one is given. Returns the balance before and after.

        Raises:
            OutOfRange: not a number that an allowance can be.
        """
        now, entry = self._now(), ledger.Entry(actor_id=actor_id)
        return await self._database.write(
            lambda tx: ledger.set_allowance(tx, guild_id, allowance, period, self._defaults, entry, now)
        )

    async def grant(self, guild_id: int, amount: int, reason: str, actor_id: int) -> tuple[int, int]:
        """Add bonus credits, or take some away. Returns the bonus before and after.

        Raises:
            OutOfRange: more than is left, or more than a server can hold.
            TextMissing: a grant without a reason.
        """
        reason = storable(reason)[:REASON_MAX]
        if not reason:
            raise TextMissing("reason")
        if amount == 0:
            raise OutOfRange(1, ledger.CREDITS_MAX)
        now, entry = self._now(), ledger.Entry(actor_id=actor_id, reason=reason)
        return await self._database.write(lambda tx: ledger.grant(tx, guild_id, amount, entry, now))
