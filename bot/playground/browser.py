"""Run the bot in the browser until Ctrl-C: ``tunesmith playground``."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import simcord
from simcord import SetupError

from bot.model import Backend
from bot.playground.world import World

DELAY_S: Final = 8.0
"""Time that the sandbox takes for a song."""

PACE: Final = 0.3
"""Factor on the bot's intervals between two polls."""

TICK_S: Final = 0.5
"""Interval between two updates of the page."""

WELCOME: Final = (
    "Welcome! Type `/music create` and a prompt, or `/music custom` for the form; `/quota set` changes "
    "the allowance. Add [fail], [moderated], [closed], [busy], [slow] or [one take] to a prompt to see how "
    "the bot handles it."
)


async def serve(port: int | None, say: Callable[[str], None], contract: Backend = Backend.SSEEDANCE) -> bool:
    """Serve the page until the session is ended there or this task is cancelled. Return True."""
    with tempfile.TemporaryDirectory(prefix="tunesmith-playground-") as scratch:
        async with World.open(Path(scratch), delay_s=DELAY_S, pace=PACE, contract=contract) as world:
            you = world.add_member("You", manager=True)
            friend = world.add_member("Mia")
            await friend.send(world.channel, WELCOME)
            async with world.env.preview(
                world.channel, viewers=[you, friend], layout="channel", port=port
            ) as preview:
                say(f"Open {preview.url}")
                say("Type /music create, or /music custom for the form. Press Ctrl-C to stop.")
                await _keep_fresh(world, preview)
    return True


async def _keep_fresh(world: World, preview: simcord.Preview) -> None:
    """Update the page and its clock until the page is closed."""
    closed = asyncio.create_task(preview.wait_closed())
    try:
        while not closed.done():
            await asyncio.wait([closed], timeout=TICK_S)
            outdated = world.changed.is_set()
            world.changed.clear()
            try:
                await world.keep_time()
                if outdated:
                    await preview.refresh()
            except SetupError:
                # Refused while a click is handled: try again on the next tick.
                if outdated:
                    world.changed.set()
    finally:
        closed.cancel()
