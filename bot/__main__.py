"""``python -m bot`` is the same as ``tunesmith``."""

import gc
import sys
from importlib import import_module
from threading import Thread
from typing import Final

from bot.lazy import left_out

WINDOWS: Final = (
    "Tunesmith runs on Linux and macOS, not on Windows itself; "
    "use WSL: https://learn.microsoft.com/windows/wsl/install"
)
UNUSED: Final = ("rich", "click", "greenlet")
"""Packages that others import merely because they are installed."""


def main() -> None:
    """Run the ``tunesmith`` command line, or name the platforms that can."""
    if sys.platform == "win32":
        sys.exit(WINDOWS)
    # Imported here: both need modules that Windows lacks, and the running bot needs no other command.
    if sys.argv[1:] == ["run"]:
        # What is imported stays: looking for garbage in it repeatedly would take a fifth of the time.
        gc.disable()
        # It reads the system's certificates twice, in a tenth of the time until the bot is ready; OpenSSL
        # does so without the interpreter lock. Whoever needs the module before it is done waits for it.
        Thread(target=import_module, args=("aiohttp",), name="tunesmith-aiohttp").start()
        with left_out(*UNUSED):
            from bot.start import run  # noqa: PLC0415
        sys.exit(run())
    from bot.cli import main as run_command  # noqa: PLC0415

    run_command()


if __name__ == "__main__":
    main()
