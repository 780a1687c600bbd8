"""Download the takes of a finished task, and settle the credits of the stored song."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from bot.database.engine import Database, Tx
from bot.errors import Transient
from bot.model import TAKES_MAX, FailReason, Job, JobState, Track
from bot.music import wire
from bot.music.clients import MusicClients
from bot.music.downloads import AudioSource
from bot.music.spool import NoAudio, Spool, SpoolUnwritable, link_to
from bot.pipeline import schedule
from bot.pipeline.polling import Poller
from bot.pipeline.quote_filter import unquoted
from bot.pipeline.transitions import Superseded, Transitions
from bot.store import budget_alerts, jobs, ledger
from bot.store.locking import lock_guild
from bot.store.tracks import add_track, drop_equal_tracks

log = logging.getLogger(__name__)

SECOND_TAKE_MAX = timedelta(minutes=10)
"""How long to keep retrying a missing take once another has been downloaded."""
AUDIO_MAX = timedelta(hours=6)
"""How long to keep retrying when no take can be downloaded."""
AUDIO_WAIT_S = (5.0, 60.0)
"""First and longest wait between two attempts to download, in seconds."""


class Fetcher:
    """Takes a job from ``ready`` to ``stored``."""

    def __init__(
        self,
        *,
        database: Database,
        music: MusicClients,
        audio: AudioSource,
        spool: Spool,
        poller: Poller,
        transitions: Transitions,
        pacer: schedule.Pacer,
        defaults: ledger.Defaults,
        now: Callable[[], datetime],
        alert: Callable[[str], None],
    ) -> None:
        self._database = database
        self._music = music
        self._audio = audio
        self._spool = spool
        self._poller = poller
        self._transitions = transitions
        self._pacer = pacer
        self._defaults = defaults
        self._now = now
        self._alert = alert

    async def fetch(self, job: Job) -> None:
        """Download the takes that are not here yet, and record the song once that is done.

        Raises:
            SpoolUnwritable: they can't be stored now.
        """
        now = self._now()
        urls = job.urls
        tracks = list(job.tracks)
        problem = ""
        for take, url in enumerate(urls[:TAKES_MAX], start=1):
            if any(track.take == take for track in tracks):
                continue
            try:
                stored = await self._audio.fetch(url, self._spool, f"{job.id}-{take}")
            except SpoolUnwritable as error:
                self._alert(f"Songs can't be stored and are waiting: {error}")
                raise
            except NoAudio as error:
                problem = str(error)
                log.info("take not available", extra={"take": take, "error": problem})
                if not error.final:
                    continue
                stored = link_to(url, f"{job.id}-{take}")
            track = Track(
                take=take, file=stored.file, size_bytes=stored.size_bytes, sha256=stored.sha256, url=url
            )
            if not await self._database.write(partial(add_track, job=job, track=track)):
                raise Superseded
            tracks.append(track)
        waited = now - (job.missing_since or now)
        if len(tracks) == len(urls[:TAKES_MAX]) or (tracks and waited >= SECOND_TAKE_MAX):
            await self._stored(job)
        elif waited >= AUDIO_MAX and self._music.of(job) is None:
            await self._poller.park_without_key(job)  # fresh addresses may be available once the key is back
        elif waited >= AUDIO_MAX:
            await self._transitions.fail(job, FailReason.AUDIO_GONE, problem)
        else:
            await self._ask_for_fresh_urls(job, problem)

    async def _ask_for_fresh_urls(self, job: Job, problem: str) -> None:
        """Request fresh URLs of the missing takes; those of downloaded takes stay."""
        urls, takes = list(job.urls), job.takes
        music = self._music.of(job)
        try:
            checked = None if music is None else await self._poller.check(job, music)
        except Transient as error:
            log.info("no fresh URLs", extra={"error": unquoted(job, str(error))})
        else:
            if isinstance(checked, wire.Done):
                takes = takes + tuple(take for take in checked.details if take not in takes)
                stored = {track.take for track in job.tracks}
                fresh = [
                    url for url in checked.urls[:TAKES_MAX] if url not in {urls[take - 1] for take in stored}
                ]
                for take in range(1, len(urls) + 1):
                    if take not in stored and fresh:
                        urls[take - 1] = fresh.pop(0)
        wait_s = schedule.backoff_s(job.tries + 1, *AUDIO_WAIT_S)
        await self._transitions.to(
            job,
            JobState.READY,
            due_at=self._now() + self._pacer.paced(wait_s),
            tries=job.tries + 1,
            missing_since=job.missing_since or self._now(),
            urls=tuple(urls),
            takes=tuple(take for take in takes if take.url in urls),
            answer=problem,
        )

    async def _stored(self, job: Job) -> None:
        """Settle the credits in the transaction that records the song.

        So members pay only for existing audio.
        """
        now = self._now()

        def store(tx: Tx) -> None:
            lock_guild(tx, job.origin.guild_id)
            if not jobs.move(tx, job, JobState.STORED, now=now, due_at=now):
                raise Superseded
            drop_equal_tracks(tx, job.id)
            ledger.settle(tx, job.id, now)
            budget_alerts.mark(tx, job.origin.guild_id, self._defaults, now)

        await self._database.write(store)
        self._transitions.announce(job, JobState.STORED)
