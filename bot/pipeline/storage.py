"""Check whether a song can be stored: before it is promised, and again before it is paid for."""

import asyncio
import logging
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

log = logging.getLogger(__name__)

FREE_MIN_BYTES: Final = 16 * 1024**2
"""Free space below which no song is promised, in bytes: room for one with two ordinary takes."""
BLOCK_BYTES: Final = 4096
"""Size of the test file, in bytes."""
FRESH_S: Final = 1.0
"""How long a result is valid, in seconds, however many songs are requested."""
ANSWER_WITHIN_S: Final = 0.05
"""How long to wait for a disk, in seconds. If a busy one takes longer, the last result counts."""
HANGS_AFTER_S: Final = 15.0
"""Age at which a test without a result means that the disk hangs, in seconds."""


class Storage:
    """Tests the database and spool folders. Get it from ``Storage.open``.

    ``alert`` notifies the operator when a problem begins.
    """

    def __init__(
        self, database: Path | None, spool: Path, alert: Callable[[str], None], executor: ThreadPoolExecutor
    ) -> None:
        self._find = partial(find_problem, database, spool)
        self._alert = alert
        self._executor = executor
        self._test: asyncio.Future[str | None] | None = None
        self._began_s = 0.0
        self._tested_s: float | None = None
        self._problem: str | None = None

    @classmethod
    @asynccontextmanager
    async def open(
        cls, database: Path | None, spool: Path, alert: Callable[[str], None]
    ) -> AsyncIterator["Storage"]:
        """Test on a thread of its own, so that a hanging disk holds up nothing else."""
        executor = ThreadPoolExecutor(1, thread_name_prefix="storage")
        try:
            yield cls(database, spool, alert, executor)
        finally:
            executor.shutdown(wait=False, cancel_futures=True)

    async def problem(self) -> str | None:
        """Return why no song can be stored now, with the setting to check, or None."""
        if self._tested_s is None or time.monotonic() - self._tested_s >= FRESH_S:
            self._note(await self._tested())
            self._tested_s = time.monotonic()
        return self._problem

    async def _tested(self) -> str | None:
        if self._test is None or self._test.done():
            self._began_s = time.monotonic()
            self._test = asyncio.get_running_loop().run_in_executor(self._executor, self._find)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                # A hanging test continues, and no second one is started meanwhile.
                return await asyncio.shield(self._test)
        except TimeoutError:
            if time.monotonic() - self._began_s < HANGS_AFTER_S:
                return self._problem
            return "DATABASE_URL or SPOOL_DIR: the disk does not respond"

    def _note(self, problem: str | None) -> None:
        if problem is not None and self._problem is None:
            log.error("songs can't be stored", extra={"problem": problem})
            self._alert(f"New songs are refused, because none can be stored: {problem}.")
        elif problem is None and self._problem is not None:
            log.info("songs can be stored again")
        self._problem = problem


async def no_problem() -> str | None:
    """Assume that songs can be stored."""
    return None


def find_problem(database: Path | None, spool: Path) -> str | None:
    """Write a nameless file to each folder, and check its free space.

    ``database`` is None if it is on a server, which looks after its own disk.
    """
    folders = [("SPOOL_DIR", spool)]
    if database is not None:
        folders.insert(0, ("DATABASE_URL", database.parent))
    for setting, folder in folders:
        try:
            if folder is spool:
                folder.mkdir(parents=True, exist_ok=True)  # as a download would
            with tempfile.TemporaryFile(dir=folder) as file:
                file.write(bytes(BLOCK_BYTES))
            free_bytes = shutil.disk_usage(folder).free
        except OSError as error:
            return f"{setting}: {folder} can't be written to ({error.strerror}); check its disk"
        if free_bytes < FREE_MIN_BYTES:
            return f"{setting}: {folder} has {free_bytes // 1024**2} MiB left; free some space"
    return None
