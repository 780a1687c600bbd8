"""Fetch song files again that another machine stored and this one lacks."""

import logging
from functools import partial
from typing import Final

from msgspec.structs import replace

from bot.database.engine import Database
from bot.errors import Transient, Unauthorized
from bot.model import Job, Track
from bot.music import wire
from bot.music.clients import MusicClients
from bot.music.downloads import AudioSource
from bot.music.spool import NoAudio, Spool
from bot.store import tracks

log = logging.getLogger(__name__)

FETCH_TRIES_MAX: Final = 5
"""Number of failed steps after which a song is posted with links to the music service instead."""


class MissingFiles:
    """Downloads files of finished songs that are missing from this machine's spool."""

    def __init__(self, *, database: Database, music: MusicClients, audio: AudioSource, spool: Spool) -> None:
        self._database = database
        self._music = music
        self._audio = audio
        self._spool = spool

    async def fetch(self, job: Job) -> Job:
        """Return the job with its files on this machine.

        Files that stay unavailable for too long are left out: they are posted as links.

        Raises:
            Transient: a file is not available now.
        """
        if all(track.linked or self._spool.path(track.file).is_file() for track in job.tracks):
            return job
        tracks = [await self._here(job, track) for track in job.tracks]
        return replace(job, tracks=tuple(tracks))

    async def _here(self, job: Job, track: Track) -> Track:
        if track.linked or self._spool.path(track.file).is_file():
            return track
        log.warning("stored file not on this machine", extra={"take": track.take})
        try:
            return await self._download(job, track)
        except NoAudio:
            fresh = await self._fresh_url(job, track)
        try:
            if fresh != track.url:
                return await self._download(job, replace(track, url=fresh))
        except NoAudio as error:
            log.info("take not available", extra={"take": track.take, "error": str(error)})
        if job.tries < FETCH_TRIES_MAX:
            raise Transient(f"take {track.take} can't be fetched again now")
        return track

    async def _download(self, job: Job, track: Track) -> Track:
        stored = await self._audio.fetch(track.url, self._spool, f"{job.id}-{track.take}")
        again = replace(track, file=stored.file, size_bytes=stored.size_bytes, sha256=stored.sha256)
        if not await self._database.write(partial(tracks.found_again, job_id=job.id, track=again)):
            # The member requested erasure, and this file did not exist yet when theirs were deleted.
            await self._spool.threads.run(self._spool.path(stored.file).unlink, missing_ok=True)
        return again

    async def _fresh_url(self, job: Job, track: Track) -> str:
        """Return the take's current address at the music service, or the known one."""
        music = self._music.of(job)
        if music is None or job.task_id is None:
            return track.url
        try:
            checked = await music.check(job.task_id)
        except (Transient, Unauthorized) as error:
            log.info("no fresh URL", extra={"error": str(error)})
            return track.url
        urls = checked.urls if isinstance(checked, wire.Done) else ()
        # The service lists the addresses in the order of the takes.
        return urls[track.take - 1] if track.take <= len(urls) else track.url
