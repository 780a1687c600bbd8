"""Record the outcomes of paid requests, even while the database is locked, and alert the operator."""

import logging
from collections.abc import Awaitable, Callable
from typing import Final

from bot.errors import StoreBusy, StoreLost
from bot.model import ClosedCause
from bot.pipeline import schedule

log = logging.getLogger(__name__)

TRIES_MAX: Final = 20
"""Maximum number of attempts that wait for the database; those for a task id take about eight minutes."""


async def record_durably(
    write: Callable[[], Awaitable[object]], *, sleep: Callable[[float], Awaitable[object]], wait_max_s: float
) -> None:
    """Repeat the write while the database is locked, with at most ``wait_max_s`` in between.

    Raises:
        StoreLost: this process will never write again.
        StoreBusy: the database is still locked after ``TRIES_MAX`` attempts and one more.
    """
    for failures in range(1, TRIES_MAX + 1):
        try:
            await write()
        except StoreLost:
            raise
        except StoreBusy as error:
            log.warning("outcome not recorded yet", extra={"error": str(error), "failures": failures})
            await sleep(schedule.backoff_s(failures, 0.5, wait_max_s))
        else:
            return
    await write()


def closed_alert(cause: ClosedCause, detail: str) -> str:
    """Return the alert that the music service has begun to refuse all requests."""
    return f"The music service accepts no requests ({cause}): {detail or 'no reason given'}"
