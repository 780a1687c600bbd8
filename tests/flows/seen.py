"""Messages, cards, buttons and answers as people see them on the simulated Discord."""

import asyncio
import sys
from collections.abc import Callable
from typing import TypeVar

import discord
import pytest
import simcord
from discord.state import ConnectionState

from bot.database.engine import Tx
from bot.playground.world import World
from bot.sandbox.faults import FaultKind, InjectedFault

T = TypeVar("T")

WAIT_S = 60.0


def keep_service_busy(world: World) -> None:
    """Make the music service reject everything until `world.sandbox.faults` is cleared."""
    world.sandbox.faults.append(InjectedFault(FaultKind.BUSY, times=sys.maxsize))


def _refused(tx: Tx) -> int:
    """Count the songs that the service rejected, without those just claimed."""
    row = tx.execute(
        "SELECT COUNT(*) FROM job WHERE state = 'queued' AND attempt > 0 AND claim_epoch IS NULL"
    ).fetchone()
    return int(row[0])


async def sent_back(world: World) -> None:
    """Wait until a busy service has rejected a song, which is then not retried for at least a second."""
    async with asyncio.timeout(WAIT_S):
        while not await world.parts.database.read(_refused):
            pass


async def until(world: World, predicate: Callable[[], T]) -> T:
    """Return the predicate's value once it is true. It is evaluated after each message of the bot."""
    async with asyncio.timeout(WAIT_S):
        while True:
            world.changed.clear()
            if found := predicate():
                return found
            await world.changed.wait()


async def posted(world: World, count: int = 1) -> list[discord.Message]:
    """Return the bot's messages that are not answers, once there are this many."""

    def found() -> list[discord.Message]:
        there = [message for message in world.channel.history() if message.content.startswith("<@")]
        return there if len(there) >= count else []

    return await until(world, found)


async def card_says(world: World, text: str) -> discord.Message:
    """Return the newest card, once this text is in its line or below it."""

    def found() -> list[discord.Message]:
        shown = [message for message in world.channel.history() if message.content.startswith("🎵")]
        return [message for message in shown if text in card_text(message)]

    return (await until(world, found))[0]


def card_text(message: discord.Message) -> str:
    """Return all text on a card."""
    return "\n".join([message.content, *(str(embed.to_dict()) for embed in message.embeds)])


def menu(message: discord.Message) -> dict[str, str]:
    """Return the choices in the menu under a message as labels and values."""
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    menus = [child for row in rows for child in row.children if isinstance(child, discord.SelectMenu)]
    return {option.label: option.value for one in menus for option in one.options}


async def choose(
    member: simcord.MemberActor, message: discord.Message, label: str
) -> simcord.InteractionResult:
    """Choose the option with this label in the menu under a message."""
    return await member.select(message, [menu(message)[label]])


def buttons(message: discord.Message) -> list[discord.Button]:
    """Return the buttons under a message, in order."""
    rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
    return [child for row in rows for child in row.children if isinstance(child, discord.Button)]


def button(message: discord.Message, name: str) -> discord.Button:
    """Return the button of this message whose custom id begins with the name."""
    (found,) = [one for one in buttons(message) if (one.custom_id or "").startswith(f"{name}:")]
    return found


def speak(monkeypatch: pytest.MonkeyPatch, locale: str, guild_locale: str) -> None:
    """Set the languages of members and the server from now on; SimCord supports only English."""
    of_discord = discord.Interaction.__init__

    def speaking(self: discord.Interaction, *, data: dict[str, object], state: ConnectionState) -> None:
        told = {"locale": locale, "guild_locale": guild_locale}
        spoken = data | {name: told[name] for name in told if name in data}
        of_discord(self, data=spoken, state=state)  # type: ignore[arg-type] # an interaction, changed

    monkeypatch.setattr(discord.Interaction, "__init__", speaking)


def said(result: simcord.InteractionResult) -> str:
    """Return the text of the answer to a member."""
    assert result.response is not None
    embeds = [str(embed.to_dict()) for embed in result.response.embeds]
    return "\n".join(filter(None, [result.response.content, *embeds]))
