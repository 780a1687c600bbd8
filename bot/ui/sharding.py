"""Which shards a process runs at Discord's gateway, and how processes take turns to start them."""

import math
from collections.abc import Awaitable, Callable

from msgspec import Struct

from bot.database.share import EVERYTHING, Share


async def at_once(bucket: int) -> None:
    """Return immediately: discord.py paces a single process."""


class Sharding(Struct, frozen=True, kw_only=True):
    """The shards of one process; all processes together run every shard."""

    share: Share = EVERYTHING
    count: int | None = None
    """Number of shards across all processes, a multiple of the slots; None for Discord's recommendation."""
    turn: Callable[[int], Awaitable[None]] = at_once
    """Returns once a shard of this bucket may identify."""

    @property
    def is_left_to_discord(self) -> bool:
        """Whether discord.py itself asks Discord for the number of shards, in a single process."""
        return self.count is None and self.turn is at_once

    def shards(self, recommended: int) -> tuple[int, list[int]]:
        """Return the total number of shards, and this process's own.

        Processes that start at different times may be given different recommendations. That is harmless: each
        number is a multiple of the slots, so a server maps to the same slot under each.
        """
        slots = self.share.slots
        count = self.count or slots * math.ceil(recommended / slots)
        return count, self.share.shards(count)
