"""``tunesmith run``, apart from the other commands: the bot occupies what its imports do, day and night."""

import asyncio
import logging
import os
import sys
from typing import NoReturn

from bot import app, settings
from bot.errors import StartRefused
from bot.ops import logs, memory

log = logging.getLogger(__name__)


def run() -> None:
    """Run the bot until it is stopped. A refused start ends the process with status 1."""
    # Whatever the umask was: the database and the songs are for their owner only.
    os.umask(0o077)
    found = settings.examine()
    try:
        loaded = found.usable()
    except StartRefused as refused:
        _exit_with(str(refused))
    logs.configure(loaded.log_level, form=loaded.log_format, secrets=loaded.secrets)
    logs.log_uncaught_errors()
    for warning in found.warnings:
        log.warning("secrets readable by others", extra={"finding": warning})
    memory.settle()
    try:
        asyncio.run(app.run(loaded))
    except StartRefused as refused:
        if loaded.log_format == "console":
            _exit_with(str(refused))
        log.critical("start refused", extra={"error": str(refused)})
        sys.exit(1)


def _exit_with(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(1)
