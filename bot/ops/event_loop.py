"""Watches the event loop: while it is blocked, no member gets an answer."""

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Final

log = logging.getLogger(__name__)

WATCH_EVERY_S: Final = 1.0
STALLED_S: Final = 1.0
"""Minimum lag to log, in seconds. A member must get an answer within 3 s."""


async def watch(lagged: Callable[[float], None]) -> None:
    """Measure the event loop's lag until cancelled; log it if the loop was blocked."""
    while True:
        began_s = time.monotonic()
        await asyncio.sleep(WATCH_EVERY_S)
        lag_s = time.monotonic() - began_s - WATCH_EVERY_S
        lagged(lag_s)
        if lag_s >= STALLED_S:
            log.warning("event loop blocked", extra={"lag_s": round(lag_s, 1)})
