"""The servers that a process serves: all of them, or its slot's share in a fleet."""

from typing import Final

from msgspec import Struct

from bot.model import GuildId

LOCKS: Final = 0x54554E45
"""First number of this program's advisory locks: "TUNE". The second is the slot's."""
SLOTS_MAX: Final = 64
"""Maximum number of slots in a fleet. Each is a process with its own sessions and a few shards."""
WORKER_BITS: Final = 22
"""Number of low bits of a Discord id below its timestamp; a server's shard follows from the other bits.
Source: https://docs.discord.com/developers/events/gateway#sharding, read 2026-11-26."""


class Share(Struct, frozen=True, kw_only=True):
    """One of ``slots`` equal parts of the work.

    Server ids map to slots as Discord maps them to shards: if the number of shards is a multiple of the
    number of slots, each shard belongs entirely to one slot.
    """

    slot: int = 0
    slots: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process pays, registers the commands and does maintenance for all slots."""
        return self.slot == 0

    @property
    def is_whole(self) -> bool:
        """Whether no other process can make anything due for this one."""
        return self.slots == 1

    @property
    def columns(self) -> dict[str, int]:
        """Values of ``:slot`` and ``:slots`` in a statement limited to this share."""
        return {"slot": self.slot, "slots": self.slots}

    def owns(self, guild_id: GuildId) -> bool:
        """Return whether a server belongs to this slot."""
        return (guild_id >> WORKER_BITS) % self.slots == self.slot

    def shards(self, count: int) -> list[int]:
        """Return this slot's shards out of ``count``, a multiple of the number of slots."""
        return list(range(self.slot, count, self.slots))


EVERYTHING: Final = Share()
"""Share of a process that runs alone."""
