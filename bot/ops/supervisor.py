"""Keeps the parts of the bot running: a part that fails is restarted, and the operator is alerted."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Final

from bot.errors import StartRefused, Transient
from bot.pipeline import schedule

log = logging.getLogger(__name__)

HEALTHY_AFTER_S: Final = 300.0
"""Uptime in seconds after which the next failure of a part counts as its first."""
RESTART_FIRST_S: Final = 1.0
RESTART_MAX_S: Final = 60.0
"""Bounds of the wait before a failed part is restarted, in seconds."""
LASTING_FAILURES: Final = 5
"""Number of transient failures in a row after which the operator is alerted, once."""


async def supervise(name: str, work: Callable[[], Awaitable[None]], alert: Callable[[str], None]) -> None:
    """Run ``work`` until it returns. If it fails, restart it with backoff and alert the operator."""
    failures = 1
    while True:
        began_s = time.monotonic()
        try:
            await work()
        except StartRefused:
            raise
        except Transient as error:
            trouble = str(error)
            if failures == LASTING_FAILURES:
                alert(f"{error}; the bot keeps trying.")
        except Exception:
            # A bug in one part must not end the others: paid songs still have to be delivered.
            log.exception("supervised part failed", extra={"part": name})
            alert(f"Supervised part failed and will restart: {name}. See the log for the reason.")
            trouble = ""
        else:
            return
        if time.monotonic() - began_s >= HEALTHY_AFTER_S:
            failures = 1
        wait_s = schedule.backoff_s(failures, RESTART_FIRST_S, RESTART_MAX_S)
        if trouble:
            log.warning(
                "supervised part retrying",
                extra={"part": name, "error": trouble, "retry_in_s": round(wait_s, 1), "failures": failures},
            )
        await asyncio.sleep(wait_s)
        failures += 1
