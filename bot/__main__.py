"""``python -m bot`` is the same as ``tunesmith``."""

from bot.cli import main

main()
