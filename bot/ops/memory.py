"""Keep the process small and its garbage collections short."""

import ctypes
import gc
from contextlib import suppress
from typing import Final

COLLECT_AFTER: Final = 5_000
"""New objects after which the youngest generation is collected; Python's own number is 700 or 2,000."""


def settle() -> None:
    """Return what the imports left over, and never look for garbage in what they have made.

    A full collection would visit some 300,000 objects of modules and classes, time and again.
    """
    gc.freeze()
    gc.enable()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])
    # glibc alone keeps freed memory for itself; other systems have no such function.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
