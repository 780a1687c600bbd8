"""Reconcile the ledger, and drop old files, texts and drafts, in hourly rounds."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

from bot.database import snapshots
from bot.database.engine import Database, Tx
from bot.errors import Transient
from bot.model import GuildId
from bot.music.spool import Spool, covers_of
from bot.pipeline.erasure import Erasure
from bot.store import (
    claims,
    erasure,
    lyrics_calls,
    members,
    refused_interactions,
    server_erasure,
    texts,
    tracks,
)
from bot.store.reconcile import reconcile
from bot.store.scrub import Deleted

log = logging.getLogger(__name__)

ROUND_TURNS: Final = 4
"""Number of ``SCRUB_EVERY_S`` intervals between two rounds: an hour."""
RECONCILE_EVERY: Final = timedelta(days=1)
"""Interval between reconciliations of the ledger."""
STRAY_AFTER: Final = timedelta(days=1)
"""Age at which a file without a job is removed: a younger one may not be recorded yet."""
FRESH: Final = timedelta(hours=1)
"""Age below which a file is kept, however old its song: somebody has just requested it."""
DRAFTS_BATCH_MAX = 200
"""Maximum number of drafts deleted per transaction, while members' writes wait."""
LOOKS_MAX: Final = 200
"""Maximum number of undelivered songs retried per round."""
TEXTS_BATCH_MAX: Final = 200
"""Maximum number of songs whose texts are deleted per transaction, while members' writes wait."""
LOOK_EVERY: Final = timedelta(days=1)
"""Interval between checks of which servers the bot is in."""
EXPIRED_EVERY: Final = timedelta(days=1)
"""Interval between scrubs of the database for expired data alone."""
SCRUB_EVERY_S: Final = 15 * 60.0
"""Minimum interval between two scrubs of the database, however many members delete data, in seconds."""
QUIET_WAIT_S: Final = 1.0
"""Interval at which a scrub checks for a quiet moment, in seconds."""
QUIET_WAITS_MAX: Final = 5 * 60
"""Number of such checks after which the scrub runs anyway."""


async def at_once() -> None:
    """Trust the clock."""


async def unknown() -> frozenset[GuildId] | None:
    """Return None: the servers can't be determined."""
    return None


class Maintenance:
    """Runs hourly rounds. ``alert`` reports findings to the operator; nothing is repaired silently.

    ``present_servers`` returns all servers that the bot is in, or None if that is not certain.
    ``clock_confirmed`` returns once the time is known to be right.
    """

    def __init__(
        self,
        *,
        database: Database,
        spool: Spool,
        erasure: Erasure,
        spool_days: int,
        texts_days: int,
        now: Callable[[], datetime],
        alert: Callable[[str], None],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock_confirmed: Callable[[], Awaitable[None]] = at_once,
        present_servers: Callable[[], Awaitable[frozenset[GuildId] | None]] = unknown,
    ) -> None:
        self._database = database
        self._spool = spool
        self._erasure = erasure
        self._keep = timedelta(days=spool_days)
        self._keep_texts = timedelta(days=texts_days)
        self._now = now
        self._alert = alert
        self._sleep = sleep
        self._clock_confirmed = clock_confirmed
        self._present_servers = present_servers
        self._looked_at: datetime | None = None
        self._reconciled_at: datetime | None = None
        self._scrubbed_at: datetime | None = None

    async def run(self) -> None:
        """Run a round now and every hour, and scrub in between, until cancelled."""
        for turn in itertools.count():
            # With a wrong clock, everything might look old enough to be deleted.
            await self._clock_confirmed()
            try:
                if turn % ROUND_TURNS == 0:
                    await self.round()
                await self.scrub()
            except Transient as error:
                log.warning("maintenance postponed", extra={"error": str(error)})
            await self._sleep(SCRUB_EVERY_S)

    async def round(self) -> None:
        """Reconcile the ledger once a day, and delete expired files and texts.

        In a fleet, each process handles its own files, and one of them the rest.
        """
        now = self._now()
        await self._drop_files(now)
        if not self._database.share.leads:
            return
        if self._reconciled_at is None or now - self._reconciled_at >= RECONCILE_EVERY:
            await self._reconcile()
            self._reconciled_at = now
        await self._database.write(lambda tx: claims.look_again(tx, now, self._keep, LOOKS_MAX))
        await self._drop_snapshots(now)
        await self._drop_texts(now)
        await self._drop_refusals(now)
        if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
            await self._forget_left_servers(now)

    async def _forget_left_servers(self, now: datetime) -> None:
        """Begin to erase the data of servers that the bot has not been in for a week.

        Without the guilds intent no event reports a removal, so the bot's list of servers is compared.
        """
        present = await self._present_servers()
        if present is None:
            return  # the next round asks again

        last: int | None = 0
        while last is not None:
            note = partial(server_erasure.note_absent, present=present, now=now, after=last)
            last = await self._database.write(note)
        count = 0
        while begun := await self._database.write(lambda tx: server_erasure.forget_absent(tx, now)):
            count += begun
        self._looked_at = now
        if count:
            log.info("servers forgotten", extra={"count": count})
            self._alert(
                f"Servers that the bot left a week ago: {count}. Their data is being erased; the books stay."
            )

    async def scrub(self) -> None:
        """Scrub the database at a quiet moment: daily, and after erasures if cheap."""
        if not self._database.share.leads:
            return
        now = self._now()
        pending = await self._erasure.pending()
        late = self._scrubbed_at is None or now - self._scrubbed_at >= EXPIRED_EVERY
        at_once = Deleted.ERASED in pending and self._database.scrubs_in_passing
        if not pending or not (late or at_once):
            return
        for _ in range(QUIET_WAITS_MAX):
            if not await self._is_busy():
                break
            await self._sleep(QUIET_WAIT_S)
        if await self._erasure.scrub():
            self._scrubbed_at = now

    async def _is_busy(self) -> bool:
        """Return whether writes are waiting or a job is due right now."""
        now = self._now()
        return self._database.waiting > 0 or await self._database.read(lambda tx: claims.is_due(tx, now))

    async def _drop_snapshots(self, now: datetime) -> None:
        """Remove database snapshots from before an upgrade or a restore a week ago."""
        for copy in await self._spool.threads.run(snapshots.outlived, self._database.files, now.timestamp()):
            await self._spool.threads.run(copy.unlink, missing_ok=True)
            log.info("old snapshot removed", extra={"file": copy.name})

    async def _reconcile(self) -> None:
        result = await self._database.report(reconcile)
        if result.findings:
            self._alert(
                f"The ledger does not add up ({len(result.findings)} findings; {result.findings[0]}). "
                "Run `tunesmith doctor --ledger`; nothing was changed."
            )
        else:
            log.info("ledger reconciled", extra={"entries": result.entries, "jobs": result.jobs})

    async def _drop_files(self, now: datetime) -> None:
        written_at = await self._spool.threads.run(_files_of, self._spool)
        stored, over = await self._database.read(lambda tx: tracks.files(tx, written_at, now - self._keep))
        stray = {name for name, at in written_at.items() if name not in stored and at < now - STRAY_AFTER}
        fresh = {name for name, at in written_at.items() if abs(now - at) < FRESH}
        old = over - fresh
        covers = covers_of(written_at.keys(), stored - old)
        gone = (old | covers_of(written_at.keys(), old) | stray) - covers
        await self._spool.threads.run(_remove, self._spool, gone)
        if gone:
            log.info("old files removed", extra={"count": len(gone)})

    async def _drop_refusals(self, now: datetime) -> None:
        await self._drop_all(lambda tx: refused_interactions.sweep(tx, now), refused_interactions.SWEEP_MAX)
        await self._drop_all(lambda tx: lyrics_calls.sweep(tx, now), lyrics_calls.SWEEP_MAX)

    async def _drop_all(self, sweep: Callable[[Tx], int], batch_max: int) -> None:
        while await self._database.write(sweep) >= batch_max:
            pass  # members' writes go in between

    async def _drop_texts(self, now: datetime) -> None:
        before, dropped = now - self._keep_texts, 0
        while job_ids := await self._database.report(lambda tx: texts.outlived(tx, before, TEXTS_BATCH_MAX)):
            dropped += await self._database.write(partial(erasure.drop_outlived, job_ids=job_ids))

        while await self._database.write(lambda tx: texts.drop_drafts(tx, now, DRAFTS_BATCH_MAX)):
            pass  # members' writes go in between

        await self._database.write(lambda tx: members.drop_forgotten(tx, now))
        if dropped:
            log.info("old texts dropped", extra={"songs": dropped})


def _files_of(spool: Spool) -> dict[str, datetime]:
    """Return the files of the spool and when each was written."""
    written_at = {}
    for path in spool.folder.iterdir() if spool.folder.is_dir() else ():
        try:
            if path.is_file():
                written_at[path.name] = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except FileNotFoundError:
            continue  # a finished download was renamed meanwhile
    return written_at


def _remove(spool: Spool, names: Iterable[str]) -> None:
    for name in names:
        spool.path(name).unlink(missing_ok=True)
