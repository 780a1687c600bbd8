"""Which servers a process works for: all of them, or the share of its slot in a fleet."""

from typing import Final

from msgspec import Struct

LOCKS: Final = 0x54554E45
"""First number of this program's advisory locks: "TUNE". The second is the slot's."""
SLOTS_MAX: Final = 64
"""Maximum number of slots in a fleet. Each is a process with its sessions, and a few shards."""
WORKER_BITS: Final = 22
"""Low bits of a Discord id that say nothing of when it was made; a server's shard follows from the others.
Source: https://docs.discord.com/developers/events/gateway#sharding, read 2026-11-26."""


class Share(Struct, frozen=True, kw_only=True):
    """One of ``slots`` equal parts of the work.

    A slot has the servers whose ids fall to it, as Discord gives them to shards: with a number of shards
    that is a multiple of the slots, each shard belongs to one slot whole.
    """

    slot: int = 0
    slots: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process alone pays, registers the commands and keeps house for all."""
        return self.slot == 0

    @property
    def is_whole(self) -> bool:
        """Whether nobody else makes something due for this process."""
        return self.slots == 1

    @property
    def columns(self) -> dict[str, int]:
        """Values of ``:slot`` and ``:slots`` in a statement that is about this share."""
        return {"slot": self.slot, "slots": self.slots}

    def owns(self, guild_id: int) -> bool:
        """Return whether a server falls to this slot."""
        return (guild_id >> WORKER_BITS) % self.slots == self.slot

    def shards(self, count: int) -> list[int]:
        """Return which of ``count`` shards are this slot's; ``count`` is a multiple of the slots."""
        return list(range(self.slot, count, self.slots))


EVERYTHING: Final = Share()
"""The share of a process that works alone."""
