"""Keep the process small and its garbage collections short."""

import asyncio
import ctypes
import gc
from collections.abc import Callable
from contextlib import suppress
from typing import Final

COLLECT_AFTER: Final = 20_000
"""Number of new objects that always triggers a collection; Python's default is 700 or 2,000."""
COLLECT_WHEN_QUIET: Final = 1_000
"""Number of new objects that are worth a collection at a quiet moment."""
QUIET_S: Final = 0.05
"""Time without a request that counts as a quiet moment, in seconds."""
LOOK_EVERY_S: Final = 0.25
"""Interval between looks for a quiet moment, in seconds."""


def settle() -> None:
    """Free memory left over from imports, and exempt their objects from collection.

    Otherwise every full collection would visit some 300,000 objects of modules and classes.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    # Only glibc holds on to freed memory; other systems have no such function.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


async def collect_when_quiet(is_quiet: Callable[[float], bool]) -> None:
    """Collect garbage while no member waits for an answer, until cancelled.

    ``is_quiet`` returns whether it has been quiet for a number of seconds. During a burst of requests,
    collections would take a twentieth of the time.
    """
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        young, _, middle = gc.get_count()
        if young >= COLLECT_WHEN_QUIET and is_quiet(QUIET_S):
            gc.collect(2 if middle > gc.get_threshold()[2] else 1)
