"""Look for damage in a database file: before its use, or in parallel if that would delay the start."""

import asyncio
import logging
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Final

from bot.database.migrating import migrations, schema_version
from bot.threads import Threads

log = logging.getLogger(__name__)

CHECKED_FIRST_MAX_BYTES: Final = 16 * 1024 * 1024
"""Maximum size of a file that is checked before its use, in bytes. The check reads about 70 MiB/s."""

INTERRUPT_EVERY_S: Final = 0.05


def is_checked_first(connection: sqlite3.Connection, path: Path) -> bool:
    """Return whether the file is small, or about to be upgraded: a damaged file must not be upgraded."""
    return path.stat().st_size <= CHECKED_FIRST_MAX_BYTES or schema_version(connection) < len(migrations())


def check(connection: sqlite3.Connection) -> None:
    """Read the whole file.

    Raises:
        sqlite3.Error: the file is damaged.
    """
    finding = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if finding != "ok":
        raise sqlite3.DatabaseError(finding)


@asynccontextmanager
async def checked_meanwhile(
    connect: Callable[[], sqlite3.Connection],
    size_bytes: int,
    threads: Threads,
    damaged: Callable[[sqlite3.Error], None],
) -> AsyncIterator[None]:
    """Check a file that was too large to be checked first, while inside the context.

    ``damaged`` receives the error.
    """
    if size_bytes <= CHECKED_FIRST_MAX_BYTES:
        yield
        return
    with closing(connect()) as connection:
        task = asyncio.create_task(_report(connection, threads, damaged), name="integrity check")
        try:
            yield
        finally:
            while not task.done():  # an interrupt before the check begins has no effect
                connection.interrupt()
                await asyncio.wait({task}, timeout=INTERRUPT_EVERY_S)


async def _report(
    connection: sqlite3.Connection, threads: Threads, damaged: Callable[[sqlite3.Error], None]
) -> None:
    try:
        await threads.run(check, connection)
    except sqlite3.OperationalError as error:
        log.info("integrity check ended early", extra={"error": str(error)})
    except sqlite3.DatabaseError as error:
        damaged(error)
    else:
        log.info("integrity checked")
