"""Keeps the parts of the bot running: a part that fails is restarted, and the operator is alerted."""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from bot.errors import StartRefused
from bot.pipeline import schedule

log = logging.getLogger(__name__)

HEALTHY_AFTER_S: Final = 300.0
"""Uptime in seconds after which the next failure of a part counts as its first."""
RESTART_FIRST_S: Final = 1.0
RESTART_MAX_S: Final = 60.0
"""Bounds of the wait before a failed part is restarted, in seconds."""


async def supervise(name: str, work: Callable[[], Awaitable[None]], alert: Callable[[str], None]) -> None:
    """Run ``work`` until it returns. Restart it with backoff when it fails, and alert the operator."""
    for failures in itertools.count(1):
        began_s = time.monotonic()
        try:
            await work()
        except StartRefused:
            raise
        except Exception:
            # A bug in one part must not end the others: paid songs still have to be delivered.
            log.exception("supervised part failed", extra={"part": name})
            alert(f"Supervised part failed and will restart: {name}. See the log for the reason.")
        else:
            return
        was_healthy = time.monotonic() - began_s >= HEALTHY_AFTER_S
        await asyncio.sleep(
            schedule.backoff_s(1 if was_healthy else failures, RESTART_FIRST_S, RESTART_MAX_S)
        )
