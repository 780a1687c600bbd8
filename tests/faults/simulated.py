"""The bot on the simulated Discord: its messages, and events delivered twice."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import discord

from bot.playground.world import World
from bot.store.reconcile import reconcile
from tests.flows import conftest as flows

world = flows.world
"""The fixture, which modules use by importing the name."""

Event: TypeAlias = tuple[str, dict[str, Any]]


@dataclass(frozen=True)
class Sent:
    """Something the bot sent: an answer, a message or an edit."""

    method: str
    path: str
    body: dict[str, Any]

    @property
    def text(self) -> str:
        """All text in it that people read, as sent."""
        return "\n".join(_texts({key: self.body.get(key) for key in ("content", "embeds", "components")}))


def _texts(value: object) -> Iterator[str]:
    match value:
        case str():
            yield value
        case dict():
            for key, inner in value.items():
                if key not in ("custom_id", "type", "url"):
                    yield from _texts(inner)
        case list():
            for inner in value:
                yield from _texts(inner)


def sent(world: World) -> list[Sent]:
    """Return everything that the bot has sent so far, except forms."""
    found = []
    for request in world.env.http_requests:
        body = request.json or {}
        if request.path.endswith("/callback") and body["type"] == discord.InteractionResponseType.modal.value:
            continue
        if request.path.endswith("/callback"):
            found.append(Sent(request.method, request.path, body["data"]))
        elif "/messages" in request.path and request.method in ("POST", "PATCH"):
            found.append(Sent(request.method, request.path, body))
    return found


def last_interaction(world: World) -> Event:
    """Return the interaction that the last action sent to the bot."""
    events = [entry for entry in world.env.backend.transcript if entry[1] == "INTERACTION_CREATE"]
    _, name, payload = events[-1]
    return name, payload


async def delivered_again(world: World, event: Event | None = None, times: int = 1) -> None:
    """Deliver an interaction again unchanged, by default the last one."""
    name, payload = event or last_interaction(world)
    for _ in range(times):
        world.env.backend.emit(name, payload)
    await world.env.settle()


async def assert_books_balance(world: World) -> None:
    assert () == (await world.parts.database.read(reconcile)).findings
