"""Which shards a process runs at Discord's gateway, and how processes take turns to start them."""

import math
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import Struct

from bot.database.share import EVERYTHING, Share


async def at_once(bucket: int) -> None:
    """Wait for nobody: discord.py keeps the pace of one process."""


class Sharding(Struct, frozen=True, kw_only=True):
    """The shards of one process. Those of all processes together are one whole."""

    share: Share = EVERYTHING
    count: int | None = None
    """Number of shards of all processes, a multiple of the slots; None for as many as Discord recommends."""
    turn: Callable[[int], Awaitable[None]] = at_once
    """Returns once a shard of this bucket may identify itself."""

    def shards(self, recommended: int) -> tuple[int, list[int]]:
        """Return the number of all shards, and those of this process.

        Processes that start at different times may have been recommended different numbers. That does no
        harm: each number is a multiple of the slots, so a server falls to the same slot with each of them.
        """
        slots = self.share.slots
        count = self.count or slots * math.ceil(recommended / slots)
        return count, self.share.shards(count)


ALL_SHARDS: Final = Sharding()
"""For a process that works alone: discord.py asks Discord by itself."""
