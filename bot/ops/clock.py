"""The clock of the running bot, which cannot be stepped."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta


def steady_clock() -> Callable[[], datetime]:
    """Return a ``now()`` that cannot be stepped: the time of the start plus the time elapsed since.

    With the wall clock, setting it by a day would expire every queued job or delay it for a day.
    """
    began = datetime.now(UTC)
    # Where the system has it, the clock that keeps counting while the machine is suspended.
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    began_s = time.clock_gettime(source)
    return lambda: began + timedelta(seconds=time.clock_gettime(source) - began_s)
