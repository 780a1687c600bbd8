"""The clock of the running bot, which cannot be stepped, and whether it was right to begin with."""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

log = logging.getLogger(__name__)

TOLERANCE: Final = timedelta(minutes=5)
"""How far two clocks may differ and still count as equal."""


def steady_clock() -> Callable[[], datetime]:
    """Return a ``now()`` that cannot be stepped: the time of the start plus the time elapsed since.

    With the wall clock, setting it by a day would expire every queued job or delay it for a day.
    """
    began = datetime.now(UTC)
    # Where the system has it, the clock that keeps counting while the machine is suspended.
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    began_s = time.clock_gettime(source)
    return lambda: began + timedelta(seconds=time.clock_gettime(source) - began_s)


class CheckedClock:
    """A steady clock that is compared with the time that a service sends along with its answers.

    A machine without a battery for its clock starts in 1970 or wherever it was switched off, and sets its
    clock right some time after the bot has started. A steady clock would stay wrong for as long as it runs.
    It is not corrected in place, since times in memory would then lie in the future: the bot starts anew.
    """

    def __init__(self) -> None:
        self.now = steady_clock()
        self.alert: Callable[[str], None] = lambda _: None
        """Reports a wrong clock of the machine to the operator."""
        self.set_right = asyncio.Event()
        """Set once the machine's clock was set right after this one had started wrong."""
        self._confirmed = asyncio.Event()
        self._off: timedelta | None = None

    async def confirmed(self) -> None:
        """Wait until a service has confirmed the time: nothing may be deleted for its age before."""
        await self._confirmed.wait()

    def problem(self) -> str | None:
        """Return how far the machine's clock is off, or None as far as is known."""
        if self._off is None:
            return None
        side = "behind" if self._off > timedelta() else "ahead of"
        return f"this machine's clock is {abs(self._off).total_seconds():,.0f} s {side} Discord's; set it"

    def compare(self, reference: datetime) -> None:
        """Compare both clocks with the time that a service has sent just now."""
        if abs(reference - self.now()) <= TOLERANCE:
            self._off = None
            self._confirmed.set()
            return
        self._confirmed.clear()
        off = reference - datetime.now(UTC)
        if abs(off) <= TOLERANCE:
            if not self.set_right.is_set():
                log.warning("clock was set right", extra={"by_s": (reference - self.now()).total_seconds()})
            self._off = None
            self.set_right.set()
            return
        new, self._off = self._off is None, off
        if new:
            log.error("clock is wrong", extra={"off_s": off.total_seconds()})
            self.alert(f"Nothing old is deleted, because {self.problem()}.")
