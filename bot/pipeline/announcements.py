"""Announce finished songs in the channel that a server's managers chose, each at most once."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from msgspec.structs import replace

from bot.database.engine import Database, Tx
from bot.errors import StoreBusy, Transient
from bot.pipeline.courier import AGAIN_S, SEND_WITHIN, AlreadyPosted, Courier, NoAccess
from bot.store import announcements, jobs
from bot.store.announcements import Announcement

log = logging.getLogger(__name__)

ANNOUNCEMENTS_BATCH_MAX: Final = 10
"""Maximum number of announcements that one batch sends, one after another."""


class Announcements:
    """Sends the announcements recorded by ``store.announcements``."""

    def __init__(self, database: Database, courier: Courier, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._courier = courier
        self._now = now

    def due(self, tx: Tx) -> list[Announcement]:
        """Return the announcements to send now."""
        return announcements.due(tx, self._now(), ANNOUNCEMENTS_BATCH_MAX)

    async def send(self, due: list[Announcement]) -> None:
        """Send the announcements, one after another."""
        for announcement in due:
            try:
                await self._send(announcement)
            except StoreBusy as error:
                log.info("announcement postponed", extra={"error": str(error)})

    async def _send(self, announcement: Announcement) -> None:
        now = self._now()
        started_at = announcement.started_at or now
        job = await self._database.read(lambda tx: jobs.get(tx, announcement.job_id))
        is_late = not timedelta() <= now - started_at < SEND_WITHIN
        if job is None or job.erased or job.message_id is None or is_late:
            log.info("announcement dropped", extra={"late": is_late})
            await self._put_off(announcement, None)
            return
        announcement = replace(announcement, started_at=started_at)
        await self._put_off(announcement, now + timedelta(seconds=AGAIN_S))
        try:
            await self._courier.announce(job, announcement.channel_id)
        except (NoAccess, AlreadyPosted) as error:
            log.warning("announcement not posted", extra={"error": str(error)})
        except Transient as error:
            log.info("announcement postponed", extra={"error": str(error)})
            return
        await self._put_off(announcement, None)

    async def _put_off(self, announcement: Announcement, due_at: datetime | None) -> None:
        await self._database.write(
            lambda tx: announcements.put_off(tx, announcement, due_at, announcement.started_at)
        )
