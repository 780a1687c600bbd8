"""The running bot's clock, which cannot be stepped, and a check that it started out right."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

log = logging.getLogger(__name__)

TOLERANCE: Final = timedelta(minutes=5)
"""Maximum difference between two clocks that count as equal."""


def steady_clock() -> Callable[[], datetime]:
    """Return a ``now()`` that cannot be stepped: the start time plus the time elapsed since.

    With the wall clock, a step of a day would expire every queued job or delay it by a day.
    """
    began = datetime.now(UTC)
    # Where available, the clock that keeps counting while the machine is suspended.
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    began_s = time.clock_gettime(source)
    return lambda: began + timedelta(seconds=time.clock_gettime(source) - began_s)


class CheckedClock:
    """A steady clock that is compared with the time a service sends in its responses.

    A machine without a battery-backed clock boots in 1970, or at the time it was switched off, and corrects
    its clock some time after the bot has started. A steady clock would stay wrong until the next restart.
    It is not corrected in place, since times in memory would then lie in the future: the bot restarts.
    """

    def __init__(self) -> None:
        self.now = steady_clock()
        self.alert: Callable[[str], None] = lambda _: None
        """Alerts the operator if the machine's clock is wrong."""
        self.set_right = asyncio.Event()
        """Set once the machine's clock has been corrected after this one started out wrong."""
        self._confirmed = asyncio.Event()
        self._off: timedelta | None = None

    async def confirmed(self) -> None:
        """Wait until a service has confirmed the time. Until then, nothing may be deleted for its age."""
        await self._confirmed.wait()

    def problem(self) -> str | None:
        """Return how far the machine's clock is off, or None if it is not known to be."""
        if self._off is None:
            return None
        side = "behind" if self._off > timedelta() else "ahead of"
        return f"this machine's clock is {abs(self._off).total_seconds():,.0f} s {side} Discord's; set it"

    def compare(self, reference: datetime) -> None:
        """Compare both clocks with the time a service has just sent."""
        if abs(reference - self.now()) <= TOLERANCE:
            self._off = None
            self._confirmed.set()
            return
        self._confirmed.clear()
        off = reference - datetime.now(UTC)
        if abs(off) <= TOLERANCE:
            if not self.set_right.is_set():
                log.warning("clock corrected", extra={"by_s": (reference - self.now()).total_seconds()})
            self._off = None
            self.set_right.set()
            return
        new, self._off = self._off is None, off
        if new:
            log.error("clock is wrong", extra={"off_s": off.total_seconds()})
            self.alert(f"Old data is not being deleted, because {self.problem()}.")
