"""``python -m bot`` is the same as ``tunesmith``."""

import sys
from typing import Final

WINDOWS: Final = (
    "Tunesmith runs on Linux and macOS, not on Windows itself; "
    "use WSL: https://learn.microsoft.com/windows/wsl/install"
)


def main() -> None:
    """Run the ``tunesmith`` command line, or say where it can be run."""
    if sys.platform == "win32":
        sys.exit(WINDOWS)
    from bot.cli import main as run  # noqa: PLC0415 - its imports need what Windows lacks

    run()


if __name__ == "__main__":
    main()
