"""``tunesmith run``, apart from the other commands: its imports occupy memory day and night."""

import asyncio
import logging
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from importlib import import_module
from typing import Final

from bot import settings
from bot.database.file_system import check_file_system
from bot.errors import StartRefused
from bot.ops import logs, memory, version

log = logging.getLogger(__name__)

WITHOUT_AIOHTTP: Final = (
    *("bot.pipeline.maintenance", "bot.services.credits", "bot.services.intake", "bot.services.privacy"),
    *("bot.services.ratings", "bot.services.server_rules", "bot.store.history"),
)
"""Modules to import before those that have to wait for aiohttp, which ``__main__`` imports on a thread."""


def run() -> int:
    """Run the bot until it stops. Return the exit status: 1 if the start was refused."""
    # Regardless of the inherited umask, only the owner may read the database and the songs.
    os.umask(0o077)
    effective = settings.examine()
    try:
        loaded = effective.usable()
    except StartRefused as refused:
        return _refused(refused)
    logs.configure(loaded.log_level, form=loaded.log_format, secrets=loaded.secrets, threaded=True)
    logs.log_uncaught_errors()
    for warning in effective.warnings:
        log.warning("secrets readable by others", extra={"finding": warning})
    try:
        with ThreadPoolExecutor(2, thread_name_prefix="tunesmith-start") as threads:
            # Imports take most of the startup time; meanwhile, both of these mostly wait for child processes.
            check = threads.submit(_check_folder, loaded)
            threads.submit(version.running)
            for name in WITHOUT_AIOHTTP:
                import_module(name)
            from bot import lifecycle  # noqa: PLC0415

            check.result()
        memory.settle()
        asyncio.run(lifecycle.run(loaded))
    except StartRefused as refused:
        if loaded.log_format == "console":
            return _refused(refused)
        log.critical("start refused", extra={"error": str(refused)})
        return 1
    return 0


def _check_folder(loaded: settings.Settings) -> None:
    """Create the database's folder, and refuse one in which SQLite would lose data."""
    if not loaded.on_postgresql:
        with suppress(OSError):  # a folder that can't be created is refused later, with the file's name
            loaded.database_path.parent.mkdir(parents=True, exist_ok=True)
        check_file_system(loaded.database_path)


def _refused(error: StartRefused) -> int:
    sys.stderr.write(f"{error}\n")
    return 1
