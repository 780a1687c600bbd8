"""``python -m bot``: the same as ``tunesmith``."""

from bot.cli import main

main()
