"""Interactions that no Discord client would send, on the simulated Discord."""

import copy
from typing import Any, Final

import discord

from bot.playground.world import World

EVENT: Final = "INTERACTION_CREATE"
CALLBACK: Final = "/callback"
HUGE: Final = 2**63


class Forger:
    """Sends interactions that no client would, and reads the answers."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._ids = iter(range(2_000_000_000_000_000_000, HUGE))

    def event(self, type_: discord.InteractionType) -> dict[str, Any]:
        """Return the newest interaction of this type."""
        events = [payload for _, name, payload in self.world.env.backend.transcript if name == EVENT]
        return next(event for event in reversed(events) if event["type"] == type_.value)

    async def send(self, event: dict[str, Any], **data: Any) -> dict[str, Any]:  # noqa: ANN401 - Discord's JSON
        """Send the interaction with other data. Return its only answer."""
        forged = copy.deepcopy(event) | {"id": str(next(self._ids))}
        forged["data"] |= data
        before = len(self.world.env.http_requests)
        self.world.env.backend.emit(EVENT, forged)
        await self.world.env.settle()
        answers = [
            request.json or {}
            for request in self.world.env.http_requests[before:]
            if request.path.endswith(CALLBACK)
        ]
        assert 1 == len(answers), data
        return answers[0]


def is_private_sentence(answer: dict[str, Any]) -> bool:
    """Return whether an answer is one sentence visible only to the member."""
    data = answer.get("data") or {}
    return bool(data.get("content")) and bool(data.get("flags", 0) & discord.MessageFlags.ephemeral.flag)


async def rows(world: World) -> dict[str, int]:
    """Return the row counts of the tables to which a press can add rows."""
    tables = ("job", "ledger", "member", "member_limit", "role_limit")
    return await world.parts.database.read(
        lambda tx: {table: tx.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables}  # noqa: S608 - constants
    )
