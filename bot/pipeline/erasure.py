"""Complete deletions: erase members, remove files, and clean the database."""

import asyncio
import logging
import math
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from bot.database import snapshots
from bot.database.sqlite import Database, Tx
from bot.errors import Transient
from bot.model import MemberNumber
from bot.music.spool import Spool
from bot.pipeline import schedule
from bot.store import erasure as rows
from bot.store import scrub
from bot.store.scrub import Deleted

log = logging.getLogger(__name__)

BATCH_MAX: Final = 500
"""Number of jobs whose files are removed between two writes."""
LATE_S: Final = (5.0, 300.0)
"""Minimum and maximum backoff in seconds while a reader blocks the cleanup or the disk is full."""


class Erasure:
    """Completes the deletions that ``store.erasure`` recorded. A restart finds them there and continues."""

    def __init__(self, database: Database, spool: Spool, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._spool = spool
        self._now = now
        self._one_at_a_time = asyncio.Lock()
        self._failures = 0
        self._not_before: datetime | None = None
        self._rewritten_for: dict[Deleted, str] = {}
        """Marks for which the file has been rewritten and only its log is left to be truncated."""

    async def due(self) -> bool:
        """Return whether there is something to do now."""
        now = self._now()
        if self._not_before is not None and now < self._not_before:
            return False

        def due(tx: Tx) -> bool:
            return bool(Deleted.ERASED in scrub.marks(tx) or rows.files_of(tx, 1) or rows.due(tx, now))

        return await self._database.read(due)

    async def work(self) -> bool:
        """Do everything that is due. Returns False if some of it has to be repeated later."""
        async with self._one_at_a_time:
            # Set before the work: an unexpected error, too, must not lead to another attempt at once.
            self._failures += 1
            wait_s = schedule.backoff_s(self._failures, *LATE_S)
            self._not_before = self._now() + timedelta(seconds=wait_s)
            try:
                await self._finish()
                removed = await self._remove_files()
                await self._clean(Deleted.ERASED)
                clean = Deleted.ERASED not in await self._database.read(scrub.marks)
            except Transient as error:
                log.warning("cleanup postponed", extra={"error": str(error)})
                return False
            if removed and clean:
                self._failures, self._not_before = 0, None
            return removed and clean

    async def clean(self) -> bool:
        """Scrub deleted and expired data from the database files. Returns whether that was done.

        Raises:
            StoreBusy: the database is in use; try again later.
        """
        async with self._one_at_a_time:
            return await self._clean(*Deleted)

    async def _finish(self) -> None:
        now = self._now()
        for member in await self._database.read(lambda tx: rows.due(tx, now)):
            await self._database.write(partial(_erase_if_due, member=MemberNumber(member), now=now))
            log.info("member data erased")

    async def _remove_files(self) -> bool:
        while job_ids := await self._database.read(lambda tx: rows.files_of(tx, BATCH_MAX)):
            try:
                await self._spool.threads.run(_remove, self._spool, job_ids)
            except OSError as error:
                log.warning(
                    "files of erased songs not removed yet; check SPOOL_DIR", extra={"error": error.strerror}
                )
                return False

            def removed(tx: Tx, job_ids: Collection[int] = job_ids) -> None:
                rows.files_removed(tx, job_ids)

            await self._database.write(removed)
        return True

    async def _clean(self, *wanted: Deleted) -> bool:
        """Return False if there is nothing to scrub or it is not possible now."""
        marks = await self._database.read(scrub.marks)
        if not any(of in marks for of in wanted):
            return False
        if marks != self._rewritten_for:
            await self._database.rewrite()
            self._rewritten_for = marks
        if not await self._database.empty_log():
            log.info("write-ahead log not emptied yet", extra={"cause": "a long read"})
            return False
        # A copy from before a migration contains it too; a safety net is worth less than a deletion.
        for copy in await self._spool.threads.run(snapshots.outlived, self._database.path, math.inf):
            await self._spool.threads.run(copy.unlink, missing_ok=True)
        await self._database.write(lambda tx: scrub.cleaned(tx, marks))
        log.info("database cleaned")
        return True


def _remove(spool: Spool, job_ids: Collection[int]) -> None:
    """Remove all files of these jobs, partial ones too, durably."""
    found = spool.of_jobs(job_ids)
    for path in found:
        path.unlink(missing_ok=True)
    if found:
        spool.sync()


def _erase_if_due(tx: Tx, member: MemberNumber, now: datetime) -> None:
    if member in rows.due(tx, now):
        rows.erase(tx, member, now)
