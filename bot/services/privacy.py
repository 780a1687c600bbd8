"""Show, export and delete a member's personal data."""

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

from bot.database import snapshots
from bot.database.engine import Database, Tx
from bot.model import DiscordUserId, GuildId
from bot.music.spool import Spool
from bot.pipeline.erasure import Erasure
from bot.services import export_files
from bot.services.export_files import Export
from bot.store import erasure, members, personal_data
from bot.store.members import NOBODY

log = logging.getLogger(__name__)


class PrivacyView(Struct, frozen=True, kw_only=True):
    """A member's personal data, and how long it is stored."""

    records: personal_data.Summary
    files: int
    """Number of their songs' files in the spool."""
    own_limit: int | None
    """The limit that a manager set for them in this server."""
    texts_days: int
    """Number of days after which a finished song's texts are deleted."""
    files_days: int
    """Number of days after which its files are removed."""
    snapshots: int
    """Number of database snapshots from before an upgrade or a restore, which the bot removes by itself."""


class Deletion(Struct, frozen=True, kw_only=True):
    """The progress of a deletion."""

    own_songs: int
    """Number of the member's unfinished songs that it waits for."""
    songs_of_others: int
    """Number of others' queued songs that it waits for, because they use the member's texts."""
    clean: bool
    """Whether the database files have been scrubbed too; maintenance does that within the hour."""

    on_server: bool = False
    """Whether the database is on a server, where its files are cleaned within a day but its log is not."""

    replaced_until: datetime | None = None
    """Until when a file replaced by a restore is kept, which may contain the member's data too."""

    @property
    def waits_for(self) -> int:
        """Number of songs that must finish first; the deletion is complete when it is 0."""
        return self.own_songs + self.songs_of_others


class PrivacyService:
    """Shows, exports and deletes personal data. ``woken`` is called when there is work for the runner."""

    def __init__(
        self,
        *,
        database: Database,
        spool: Spool,
        erasure: Erasure,
        spool_days: int,
        texts_days: int,
        now: Callable[[], datetime],
        woken: Callable[[], None],
    ) -> None:
        self._database = database
        self._spool = spool
        self._erasure = erasure
        self._spool_days = spool_days
        self._texts_days = texts_days
        self._now = now
        self._woken = woken

    async def view(self, member_id: DiscordUserId, guild_id: GuildId | None = None) -> PrivacyView:
        """Return the member's stored data, and their own limit in one server."""

        def summary(tx: Tx) -> tuple[personal_data.Summary, list[str], int | None]:
            totals = personal_data.summary(tx, member_id)
            own_limit = None if guild_id is None else totals.limits.get(guild_id)
            return totals, personal_data.files(tx, member_id), own_limit

        records, files, own_limit = await self._database.report(summary)
        return PrivacyView(
            records=records,
            files=await self._spool.threads.run(self._spool.count, files),
            own_limit=own_limit,
            texts_days=self._texts_days,
            files_days=self._spool_days,
            snapshots=await self._spool.threads.run(self._count_snapshots),
        )

    def _count_snapshots(self) -> int:
        path = self._database.files
        return len(snapshots.before_upgrades(path)) + len(snapshots.replaced(path))

    async def export(self, member_id: DiscordUserId, path: Path) -> Export:
        """Write the member's data as JSON, to ``path`` or to parts next to it."""
        head = {
            "written_at": self._now().isoformat(),
            "words_are_kept_for_days": self._texts_days,
            "files_are_kept_for_days": self._spool_days,
        }

        def export(tx: Tx) -> Export:
            about, sections = personal_data.about(tx, member_id), personal_data.sections(tx, member_id)
            return export_files.write_json(path, head | about, sections)

        return await self._database.report(export)

    async def delete(self, member_id: DiscordUserId) -> Deletion:
        """Delete the member's data, and report the progress when called again.

        Finished songs are deleted at once, the rest with the last unfinished one. For somebody without data
        the deletion is complete at once.

        Raises:
            StoreBusy: the database is locked; nothing was deleted.
        """
        now = self._now()

        def delete(tx: Tx) -> erasure.Waits | None:
            member = members.known_member(tx, member_id)
            return None if member == NOBODY else erasure.erase(tx, member, now)

        waits = await self._database.write(delete)
        if waits is not None:
            log.info("member erased", extra={"waiting_songs": waits.songs})
        self._woken()
        # Checked for an unknown person too: data they have just deleted may still be in the files.
        clean = not await self._erasure.pending()
        until_s = await self._spool.threads.run(snapshots.keeps_until_s, self._database.files)
        return Deletion(
            own_songs=0 if waits is None else waits.own,
            songs_of_others=0 if waits is None else waits.of_others,
            clean=clean,
            on_server=not self._database.scrubs_in_passing,
            replaced_until=None if until_s is None else datetime.fromtimestamp(until_s, UTC),
        )
