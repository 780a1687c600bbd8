"""``python -m bot`` is the same as ``tunesmith``."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

WINDOWS: Final = (
    "Tunesmith runs on Linux and macOS, not on Windows itself; "
    "use WSL: https://learn.microsoft.com/windows/wsl/install"
)
UNUSED: Final = ("rich", "click", "greenlet")
"""Packages for terminal programs, which httpx and structlog import merely because they are installed."""


def main() -> None:
    """Run the ``tunesmith`` command line, or name the platforms that can."""
    if sys.platform == "win32":
        sys.exit(WINDOWS)
    # Imported here: both need modules that Windows lacks, and the running bot needs no other command.
    if sys.argv[1:] == ["run"]:
        # What is imported stays: looking for garbage in it repeatedly would take a fifth of the time.
        gc.disable()
        with _left_out(*UNUSED):
            from bot.start import run  # noqa: PLC0415
        sys.exit(run())
    from bot.cli import main as run_command  # noqa: PLC0415

    run_command()


@contextmanager
def _left_out(*packages: str) -> Iterator[None]:
    """Run imports in the block as if these packages were not installed.

    Source: https://docs.python.org/3/reference/import.html#the-module-cache, read 2026-11-26.
    """
    absent = [name for name in packages if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type] # None stands for a failed import
    try:
        yield
    finally:
        for name in absent:
            del sys.modules[name]


if __name__ == "__main__":
    main()
