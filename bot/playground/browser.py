"""Run the bot in the browser until Ctrl-C: ``tunesmith playground``."""

import asyncio
import logging
import os
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from zoneinfo import available_timezones

import simcord
from yarl import URL

from bot.model import Backend
from bot.music.backends import plain_contract
from bot.playground import simcord_text
from bot.playground.captions import captions
from bot.playground.page import Page, Viewer
from bot.playground.world import World

log = logging.getLogger(__name__)

DELAY_S: Final = 8.0
"""Time the sandbox takes for a song."""

PACE: Final = 0.3
"""Factor on the bot's polling intervals."""

TICK_S: Final = 0.5
"""Interval between two updates of the page."""

CLOSURE_MAX: Final = timedelta(seconds=20)
"""How long the music service counts as closed after ``[closed]``; elsewhere, at least 15 minutes."""


LOCALTIME: Final = Path("/etc/localtime")
"""A link to the file of this machine's time zone, on Linux and macOS."""


async def serve(
    port: int | None,
    say: Callable[[str], None],
    contract: Backend = Backend.SSEEDANCE,
    *,
    language: str = "en",
    delay_s: float = DELAY_S,
) -> bool:
    """Serve the page until the session is ended there or this task is cancelled. Return True."""
    simcord_text.correct()
    words = captions()[language]
    turn = asyncio.Lock()
    with tempfile.TemporaryDirectory(prefix="tunesmith-playground-") as scratch:
        async with World.open(
            Path(scratch),
            delay_s=delay_s,
            pace=PACE,
            contract=contract,
            lyrics=plain_contract(contract).capabilities.lyrics is not None,
            begins_at=datetime.now(UTC),
            locale=words.locale,
        ) as world:
            you = world.add_member(words.you, manager=True)
            friend = world.add_member("Mia")
            await world.add_member("Tunesmith").send(world.channel, words.welcome)
            async with world.env.preview(
                world.channel,
                viewers=[you, friend],
                layout="channel",
                locale=words.locale,
                timezone=local_zone(),
            ) as preview:
                viewers = (Viewer(words.you, manager=True), Viewer("Mia", manager=False))
                page = Page(URL(preview.url), words, viewers, turn)
                async with page.served(port or 0) as url:
                    say(f"Open {url}")
                    say("Type /music create, or /music custom for the form. Press Ctrl-C to stop.")
                    await _keep_fresh(world, preview, turn)
    return True


def local_zone() -> str:
    """Return the name of this machine's time zone, or UTC if it has no known one."""
    _, _, linked = str(LOCALTIME.resolve()).partition("/zoneinfo/")
    for name in (os.environ.get("TZ", "").removeprefix(":"), linked):
        if name in available_timezones():
            return name
    return "UTC"


async def _keep_fresh(world: World, preview: simcord.Preview, turn: asyncio.Lock) -> None:
    """Update the page and its clock until the page is closed."""
    closed = asyncio.create_task(preview.wait_closed())
    try:
        while not closed.done():
            await asyncio.wait([closed], timeout=TICK_S)
            async with turn:
                if not closed.done():
                    await _tick(world, preview)
    finally:
        closed.cancel()


async def _tick(world: World, preview: simcord.Preview) -> None:
    outdated = world.changed.is_set()
    world.changed.clear()
    await world.shorten_closure(CLOSURE_MAX)
    try:
        await world.keep_time()
        if outdated:
            await preview.refresh()
    except TimeoutError as error:
        # Part of the bot is still busy: the next tick waits for it again.
        log.warning("page not updated yet", extra={"error": str(error)})
        if outdated:
            world.changed.set()
