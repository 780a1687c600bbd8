"""Complete deletions: erase members, remove files, and scrub the database."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Final, TypeVar

from bot.database import snapshots
from bot.database.engine import FIRST_PAGE, Database, Tx
from bot.errors import StoreBusy, Transient
from bot.model import GuildId, JobId, MemberNumber
from bot.music.spool import Spool
from bot.pipeline import schedule
from bot.store import erasure as rows
from bot.store import scrub, server_erasure
from bot.store.scrub import Deleted

log = logging.getLogger(__name__)

T = TypeVar("T")

BATCH_MAX: Final = 500
"""Maximum number of jobs whose files are removed between two writes."""
LATE_S: Final = (5.0, 300.0)
"""Minimum and maximum backoff while files cannot be removed or the disk is full, in seconds."""
SCRUB_PAUSE_S: Final = 0.02
"""Pause between two parts of a scrub, for other writes, in seconds."""
SCRUB_RETRY_S: Final = 1.0
"""Wait after a part that a long read or another process kept from being scrubbed, in seconds."""
SCRUB_RETRIES_MAX: Final = 60
"""Maximum number of such waits for one part; if it still fails, the next scrub starts over."""


class Erasure:
    """Completes the deletions that ``store.erasure`` recorded. A restart finds them there and continues."""

    def __init__(
        self,
        database: Database,
        spool: Spool,
        *,
        now: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._spool = spool
        self._now = now
        self._sleep = sleep
        self._one_at_a_time = asyncio.Lock()
        self._one_scrub_at_a_time = asyncio.Lock()
        self._failures = 0
        self._not_before: datetime | None = None

    def due(self, tx: Tx) -> bool:
        """Return whether any work is due now."""
        now = self._now()
        if self._not_before is not None and now < self._not_before:
            return False
        if rows.files_of(tx, 1, self._database.share):
            return True
        return self._database.share.leads and bool(rows.due(tx, now) or server_erasure.due(tx))

    async def work(self) -> bool:
        """Do all work due here. Returns False if some of it must be repeated later."""
        async with self._one_at_a_time:
            # Set before the work, so that even an unexpected error does not lead to an immediate retry.
            self._failures += 1
            wait_s = schedule.backoff_s(self._failures, *LATE_S)
            self._not_before = self._now() + timedelta(seconds=wait_s)
            try:
                if self._database.share.leads:
                    await self._finish()
                removed = await self._remove_files()
            except Transient as error:
                log.warning("cleanup postponed", extra={"error": str(error)})
                return False
            if removed:
                self._failures, self._not_before = 0, None
            return removed

    async def pending(self) -> frozenset[Deleted]:
        """Return the kinds of deleted data that may still be in the database files."""
        return frozenset(await self._database.read(scrub.pending))

    async def scrub(self) -> bool:
        """Scrub everything deleted so far from the database files.

        Returns False if there is nothing.

        Raises:
            StoreBusy: the database is in use; try again later.
        """
        async with self._one_scrub_at_a_time:
            marks = await self._database.read(scrub.pending)
            if not marks:
                return False
            began_at = self._now()
            await self._scrub_pages()
            await self._retried(self._empty_log)
            # A snapshot from before a migration contains it too; a deletion outweighs that safety net. A
            # file replaced by a restore may be the only one with the latest songs: it is kept for a week,
            # and the member sees how long.
            for copy in await self._spool.threads.run(snapshots.before_upgrades, self._database.files):
                await self._spool.threads.run(copy.unlink, missing_ok=True)
            await self._database.write(lambda tx: scrub.clear(tx, marks))
            log.info("database scrubbed", extra={"took_s": (self._now() - began_at).total_seconds()})
            return True

    async def _finish(self) -> None:
        now = self._now()
        for member in await self._database.read(lambda tx: rows.due(tx, now)):
            await self._database.write(partial(_erase_if_due, member=member, now=now))
            log.info("member data erased")
        for guild in await self._database.read(server_erasure.due):
            await erase_server(self._database, guild, now)
            log.info("server data erased", extra={"guild_id": guild})

    def _files_to_remove(self, tx: Tx) -> list[JobId]:
        return rows.files_of(tx, BATCH_MAX, self._database.share)

    async def _remove_files(self) -> bool:
        while job_ids := await self._database.read(self._files_to_remove):
            try:
                await self._spool.threads.run(_remove, self._spool, job_ids)
            except OSError as error:
                log.warning(
                    "files of erased songs not removed yet",
                    extra={"error": error.strerror, "advice": "check SPOOL_DIR"},
                )
                return False

            def removed(tx: Tx, job_ids: Collection[JobId] = job_ids) -> None:
                rows.files_removed(tx, job_ids)

            await self._database.write(removed)
        return True

    async def _scrub_pages(self) -> None:
        page: int | None = FIRST_PAGE
        while page is not None:
            reach = partial(scrub.reach, page=page)
            part = partial(self._database.scrub, page, reach, scrub.REWRITTEN)
            page = await self._retried(part)
            await self._sleep(SCRUB_PAUSE_S)

    async def _empty_log(self) -> None:
        if not await self._database.empty_log():
            raise StoreBusy("a long read needs the write-ahead log", SCRUB_RETRY_S)

    async def _retried(self, part: Callable[[], Awaitable[T]]) -> T:
        for _ in range(SCRUB_RETRIES_MAX):
            try:
                return await part()
            except StoreBusy as error:
                log.info("scrub postponed", extra={"cause": str(error)})
                await self._sleep(SCRUB_RETRY_S)
        return await part()


async def erase_server(database: Database, guild_id: GuildId, now: datetime) -> None:
    """Erase a leaving server's finished data, a batch at a time."""
    while await database.write(partial(server_erasure.erase_batch, guild_id=guild_id, now=now)):
        continue


def _remove(spool: Spool, job_ids: Collection[JobId]) -> None:
    """Remove all files of these jobs durably, including partial ones."""
    paths = spool.of_jobs(job_ids)
    for path in paths:
        path.unlink(missing_ok=True)
    if paths:
        spool.sync()


def _erase_if_due(tx: Tx, member: MemberNumber, now: datetime) -> None:
    if member in rows.due(tx, now):
        rows.erase(tx, member, now)
