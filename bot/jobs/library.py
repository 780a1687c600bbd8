"""Songs that were made before: found again, and brought once more from wherever their audio still is."""

import asyncio
import logging
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from bot.errors import CantPost, NoDirectMessages, SongGone, SongUnknown, Transient, Unauthorized
from bot.jobs.courier import AlreadyPosted, CardFacts, Courier, NoAccess, NoHistory, nonce_of
from bot.jobs.outlook import facts_of
from bot.model import Job, Track
from bot.music import wire
from bot.music.audio import AudioSource, NoAudio, Spool, Stored
from bot.music.client import MusicClient
from bot.store import history, jobs, ledger
from bot.store.database import Database, Tx
from bot.store.history import OwnSong, SongPage

log = logging.getLogger(__name__)

PAGE: Final = 10
"""Songs on one page."""
FETCH_S: Final = 60.0
SEND_S: Final = 60.0

Read = Callable[[], Awaitable[bytes]]


class Library:
    """A member's own songs. Nothing here moves a job or a credit."""

    def __init__(
        self,
        *,
        database: Database,
        spool: Spool,
        audio: AudioSource,
        music: MusicClient,
        courier: Courier,
        defaults: ledger.Defaults,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._spool = spool
        self._audio = audio
        self._music = music
        self._courier = courier
        self._defaults = defaults
        self._now = now
        self._fetching: weakref.WeakValueDictionary[int, asyncio.Lock] = weakref.WeakValueDictionary()
        """A song's files are fetched for one at a time."""

    # -- reading

    async def in_the_making(self, guild_id: int, member_id: int) -> list[tuple[Job, CardFacts]]:
        """The member's songs that are not done, each with what its card shows; oldest first."""
        now = self._now()

        def found(tx: Tx) -> list[tuple[Job, CardFacts]]:
            there = history.in_the_making(tx, guild_id, member_id)
            return [(job, facts_of(tx, job, self._defaults, now)) for job in there]

        return await self._database.read(found)

    async def page(
        self,
        guild_id: int,
        member_id: int,
        *,
        word: str = "",
        before_id: int | None = None,
        after_id: int | None = None,
    ) -> SongPage:
        """The member's songs in this server, newest first; see ``history.songs``."""
        return await self._database.report(
            lambda tx: history.songs(
                tx, guild_id, member_id, size=PAGE, word=word, before_id=before_id, after_id=after_id
            )
        )

    async def choices(self, guild_id: int, member_id: int, typed: str, limit: int) -> list[OwnSong]:
        """The member's songs whose title or prompt has what was typed."""
        return await self._database.report(lambda tx: history.choices(tx, guild_id, member_id, typed, limit))

    async def find(self, guild_id: int, member_id: int, typed: str) -> Job:
        """The member's song that was chosen or typed.

        Raises:
            SongUnknown: there is none in this server.
        """
        found = await self._database.report(lambda tx: history.find(tx, guild_id, member_id, typed))
        if found is None:
            raise SongUnknown
        return found

    # -- bringing

    async def post(self, job: Job, channel_id: int, interaction_id: int, locale: str) -> int:
        """Post the song to a channel of its server again. Returns the message's id.

        Raises:
            SongGone: its audio is nowhere any more.
            CantPost: the channel takes no message.
            Transient: not now.
        """
        nonce = nonce_of(f"copy:{interaction_id}")
        try:
            return await self._post(job, channel_id, nonce, locale, direct=False)
        except (NoAccess, AlreadyPosted) as error:
            raise CantPost from error

    async def send_to(self, job: Job, member_id: int, locale: str) -> tuple[int, int]:
        """Send the song to somebody directly. Returns the channel's and the message's id.

        Raises:
            SongGone: its audio is nowhere any more.
            NoDirectMessages: they take none.
            Transient: not now.
        """
        try:
            channel_id = await self._courier.open_direct(member_id)
            # Of the song and the place, so that a second press sends nothing more for some minutes.
            nonce = nonce_of(f"copy:{job.id}:{channel_id}")
            return channel_id, await self._post(job, channel_id, nonce, locale, direct=True)
        except (NoAccess, AlreadyPosted) as error:
            raise NoDirectMessages from error

    async def _post(self, job: Job, channel_id: int, nonce: str, locale: str, *, direct: bool) -> int:
        files = await self.files(job)
        try:
            async with asyncio.timeout(SEND_S):
                return await self._courier.post_copy(
                    job, files, channel_id, nonce, locale=locale, direct=direct
                )
        except TimeoutError as error:
            raise Transient("a copy could not be posted in time") from error

    async def files(self, job: Job) -> list[tuple[Track, Path]]:
        """The song's takes that can be had, each in the spool.

        They are taken from there, else from the message that brought them, else from the music service.

        Raises:
            SongGone: none can be had.
            Transient: none can be had now.
        """
        lock = self._fetching.setdefault(job.id, asyncio.Lock())
        async with lock:
            fetch = _Fetch(job, self._spool, self._audio, self._music, self._courier)
            try:
                async with asyncio.timeout(FETCH_S):
                    async for track in fetch.missing_ones():
                        await self._database.write(partial(jobs.add_track, job_id=job.id, track=track))
            except TimeoutError:
                log.warning("job %d: its audio could not be fetched again in time", job.id)
                fetch.unsure = True
        if not fetch.there and fetch.unsure:
            raise Transient("the audio can't be fetched at the moment")
        if not fetch.there:
            raise SongGone
        return [(track, self._spool.path(track.file)) for _, track in sorted(fetch.there.items())]


class _Fetch:
    """Fetches what the spool lacks of one song. ``there`` has what it has, by take."""

    def __init__(
        self, job: Job, spool: Spool, audio: AudioSource, music: MusicClient, courier: Courier
    ) -> None:
        self._job = job
        self._spool = spool
        self._audio = audio
        self._music = music
        self._courier = courier
        self.there = {track.take: track for track in job.tracks if _is_whole(spool, track)}
        self.unsure = False
        """Whether a place could not be asked: then nothing is known to be gone."""

    async def missing_ones(self) -> AsyncIterator[Track]:
        """Each take that could be fetched, as it lies in the spool now."""
        missing = [track for track in self._job.tracks if track.take not in self.there]
        if not missing:
            return
        attached = await self._attached()
        fresh: tuple[str, ...] | None = None
        for track in missing:
            stored = await self._from_message(track, attached.get(track.take))
            if stored is None:
                stored = await self._from_service(track, track.url)
            if stored is None:
                fresh = await self._fresh_urls() if fresh is None else fresh
                stored = await self._from_service(track, *fresh[track.take - 1 : track.take])
            if stored is not None:
                self.there[track.take] = Track(
                    take=track.take,
                    file=stored.file,
                    size_bytes=stored.size_bytes,
                    sha256=stored.sha256,
                    url=track.url,
                )
                yield self.there[track.take]

    async def _attached(self) -> dict[int, Read]:
        try:
            return await self._courier.attached(self._job)
        except (NoAccess, NoHistory) as error:
            log.info("job %d: its message can't be looked at: %s", self._job.id, error)
        except Transient as error:
            log.info("job %d: its message can't be looked at now: %s", self._job.id, error)
            self.unsure = True
        return {}

    async def _from_message(self, track: Track, read: Read | None) -> Stored | None:
        if read is None:
            return None
        try:
            content = await read()
            return await self._spool.store(f"{self._job.id}-{track.take}", _at_once(content))
        except (NoAccess, NoHistory, NoAudio) as error:
            log.info("job %d: take %d is not with its message: %s", self._job.id, track.take, error)
        except Transient as error:
            log.info("job %d: take %d can't be had now: %s", self._job.id, track.take, error)
            self.unsure = True
        return None

    async def _from_service(self, track: Track, *urls: str) -> Stored | None:
        for url in filter(None, urls):
            try:
                return await self._audio.fetch(url, self._spool, f"{self._job.id}-{track.take}")
            except NoAudio as error:
                log.info("job %d: take %d can't be had: %s", self._job.id, track.take, error)
            except Transient as error:
                log.warning("job %d: take %d can't be kept: %s", self._job.id, track.take, error)
                self.unsure = True
        return None

    async def _fresh_urls(self) -> tuple[str, ...]:
        """Where the music service has the takes now, in their order."""
        if self._job.task_id is None:
            return ()
        try:
            checked = await self._music.check(self._job.task_id)
        except (Transient, Unauthorized) as error:
            log.info("job %d: no fresh addresses: %s", self._job.id, error)
            self.unsure = True
            return ()
        return checked.urls if isinstance(checked, wire.Done) else ()


def _is_whole(spool: Spool, track: Track) -> bool:
    path = spool.path(track.file)
    return path.is_file() and path.stat().st_size == track.size_bytes


async def _at_once(content: bytes) -> AsyncIterator[bytes]:
    yield content
