"""``tunesmith run``, apart from the other commands: the bot occupies what its imports do, day and night."""

import asyncio
import logging
import os
import sys

from bot import lifecycle, settings
from bot.errors import StartRefused
from bot.ops import logs, memory

log = logging.getLogger(__name__)


def run() -> int:
    """Run the bot until it is stopped. Return the exit status: 1 if the start was refused."""
    # Whatever the umask was: the database and the songs are for their owner only.
    os.umask(0o077)
    found = settings.examine()
    try:
        loaded = found.usable()
    except StartRefused as refused:
        return _refused(refused)
    logs.configure(loaded.log_level, form=loaded.log_format, secrets=loaded.secrets, threaded=True)
    logs.log_uncaught_errors()
    for warning in found.warnings:
        log.warning("secrets readable by others", extra={"finding": warning})
    memory.settle()
    try:
        asyncio.run(lifecycle.run(loaded))
    except StartRefused as refused:
        if loaded.log_format == "console":
            return _refused(refused)
        log.critical("start refused", extra={"error": str(refused)})
        return 1
    return 0


def _refused(error: StartRefused) -> int:
    sys.stderr.write(f"{error}\n")
    return 1
