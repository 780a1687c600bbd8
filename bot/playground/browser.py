"""The bot in the browser, until Ctrl-C: ``tunesmith playground``."""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import simcord
from simcord import SetupError

from bot.playground.world import World

DELAY_S: Final = 8.0
PACE: Final = 0.3
TICK_S: Final = 0.5
WELCOME: Final = (
    "Welcome! Type `/music create` and a prompt, or `/music custom` for the form; `/quota set` changes "
    "the purse. With [fail], [moderated], [closed], [busy], [slow] or [one take] in a prompt you see what "
    "happens then."
)


async def serve(port: int | None, say: Callable[[str], None]) -> bool:
    """Serve the page until the session is ended there, or this is cancelled. Returns True."""
    with tempfile.TemporaryDirectory(prefix="tunesmith-playground-") as scratch:
        async with World.open(Path(scratch), delay_s=DELAY_S, pace=PACE) as world:
            you = world.add_member("You", manager=True)
            friend = world.add_member("Mia")
            await friend.send(world.channel, WELCOME)
            async with world.env.preview(
                world.channel, viewers=[you, friend], layout="channel", port=port
            ) as preview:
                say(f"Open {preview.url}")
                say("Type /music create, or /music custom for the form. Ctrl-C ends it.")
                await _keep_fresh(world, preview)
    return True


async def _keep_fresh(world: World, preview: simcord.Preview) -> None:
    """Show on the page what the bot posts and keep its clock running, until the page is closed."""
    closed = asyncio.create_task(preview.wait_closed())
    try:
        while not closed.done():
            await asyncio.wait([closed], timeout=TICK_S)
            shown = world.changed.is_set()
            world.changed.clear()
            try:
                await world.keep_time()
                if shown:
                    await preview.refresh()
            except SetupError:
                # Somebody is clicking at this moment: the next tick shows it.
                if shown:
                    world.changed.set()
    finally:
        closed.cancel()
