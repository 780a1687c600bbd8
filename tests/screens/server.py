"""Serve the playground for the browser: ``python -m tests.screens.server LANGUAGE``."""

import asyncio
import sys
from functools import partial

from bot.ops import logs
from bot.playground.browser import serve

DELAY_S = 1.5
"""Time for the sandbox to make a song, in seconds."""

if __name__ == "__main__":
    logs.configure("WARNING")
    asyncio.run(serve(None, partial(print, flush=True), language=sys.argv[1], delay_s=DELAY_S))
