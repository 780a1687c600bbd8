"""Keep the process small and its garbage collections short."""

import ctypes
import gc
from contextlib import suppress
from typing import Final

COLLECT_AFTER: Final = 5_000
"""New objects that trigger a collection of the youngest generation; Python's default is 700 or 2,000."""


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
