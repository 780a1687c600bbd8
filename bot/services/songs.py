"""Look up finished songs and post copies of them. No job changes its state."""

import asyncio
import logging
import weakref
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bot.characters import storable
from bot.database.engine import Database, Tx
from bot.errors import Transient, Unauthorized
from bot.model import (
    OPEN_STATES,
    SONG_STATES,
    ChannelId,
    DiscordUserId,
    GuildId,
    InteractionId,
    Job,
    JobId,
    MessageId,
    Track,
)
from bot.music import tags, wire
from bot.music.clients import MusicClients
from bot.music.downloads import AudioSource
from bot.music.spool import AUDIO_MAX_BYTES, NoAudio, Spool, SpoolUnwritable, Stored
from bot.pipeline.card_facts import facts_of
from bot.pipeline.courier import AlreadyPosted, CardFacts, Courier, NoAccess, nonce_of
from bot.pipeline.turns import SendTurns
from bot.refusals import NoDirectMessages, NoPlaceToPost, NoSuchSong, NotDoneYet, SongGone, TooManyCopies
from bot.store import history, jobs, ledger, tracks
from bot.store.history import LOOK_MAX, Choices, Match, SongPage

log = logging.getLogger(__name__)

FETCH_S: Final = 60.0
"""Deadline for fetching all files of a song, in seconds; the copy has what is available by then."""
FETCHES_AT_ONCE: Final = 3
"""Maximum number of concurrent fetches: a file from a message is held in memory whole."""
CHUNK_BYTES: Final = 256 * 1024
"""Chunk size for storing a file from a message."""
COPIES_MAX: Final = 2
"""Maximum number of copies in flight per member."""
SEARCHED_MAX: Final = 10_000
"""Maximum number of a member's songs in a server that one search reads, over several looks."""
LOOKS_MAX: Final = SEARCHED_MAX // LOOK_MAX
TURN_WAIT_S: Final = 60.0
"""Maximum time a copy waits for its turn in a channel, in seconds."""


class Copy(Struct, frozen=True, kw_only=True):
    """A posted copy of a song."""

    channel_id: ChannelId
    message_id: MessageId | None
    """None: the copy was already posted for the same request, and has since been deleted."""
    missing: int
    """Number of the song's takes that are gone."""


class SongArchive:
    """Members' actions on finished songs."""

    def __init__(
        self,
        *,
        database: Database,
        spool: Spool,
        audio: AudioSource,
        music: MusicClients,
        courier: Courier,
        defaults: ledger.Defaults,
        now: Callable[[], datetime],
        turns: SendTurns | None = None,
    ) -> None:
        self._database = database
        self._spool = spool
        self._audio = audio
        self._music = music
        self._courier = courier
        self._defaults = defaults
        self._now = now
        self._turns = turns or SendTurns()
        self._copies: Counter[DiscordUserId] = Counter()
        """Number of copies in flight by requesting member."""
        self._locks: weakref.WeakValueDictionary[int, asyncio.Lock] = weakref.WeakValueDictionary()
        self._hands = asyncio.Semaphore(FETCHES_AT_ONCE)

    async def open_jobs(self, guild_id: GuildId, member_id: DiscordUserId) -> list[tuple[Job, CardFacts]]:
        """Return the member's open songs in this server with card facts, oldest first."""
        now = self._now()

        def read(tx: Tx) -> list[tuple[Job, CardFacts]]:
            songs = history.open_jobs(tx, guild_id, member_id)
            return facts_of(tx, songs, self._defaults, now)

        return await self._database.read(read)

    async def songs(
        self, guild_id: GuildId, member_id: DiscordUserId, *, size: int, word: str = "", **edge: JobId
    ) -> SongPage:
        """Return the last page that ``pages`` yields."""
        return [page async for page in self.pages(guild_id, member_id, size=size, word=word, **edge)][-1]

    async def pages(
        self, guild_id: GuildId, member_id: DiscordUserId, *, size: int, word: str = "", **edge: JobId
    ) -> AsyncIterator[SongPage]:
        """Yield a page of the member's songs in this server.

        The arguments are those of ``store.history.songs``. A search yields its results so far after each
        look; the last page is the result. It reads at most ``SEARCHED_MAX`` songs, and its page records
        where the next search continues.
        """

        def first(tx: Tx) -> SongPage:
            return history.songs(tx, guild_id, member_id, size=size, word=word, **edge)

        def further(tx: Tx) -> SongPage:
            return history.continued(tx, guild_id, member_id, page, size=size, word=word)

        word = storable(word)
        # The first look is short. The others read hundreds of songs each, so they run where no read waits for
        # them, and leave the newest songs in the cache of the connection for short reads.
        page = await self._database.read(first)
        yield page
        for _ in range(1, LOOKS_MAX):
            if page.read_to is None:
                return
            page = await self._database.report(further)
            yield page

    async def choices(self, guild_id: GuildId, member_id: DiscordUserId, typed: str, limit: int) -> Choices:
        """Return the member's songs in this server that match ``typed``, newest first."""

        def read(tx: Tx) -> Choices:
            return history.choices(tx, guild_id, member_id, storable(typed), limit)

        return await self._database.read(read)

    async def find(
        self,
        guild_id: GuildId,
        member_id: DiscordUserId,
        typed: str,
        before_more: Callable[[], Awaitable[object]],
    ) -> Job:
        """Return the member's song in this server that matches ``typed``.

        ``typed`` is the id of a choice, a title, or any words of one. ``before_more`` is awaited before each
        look but the first: a long search may outlast the time for an answer.

        Raises:
            NoSuchSong: the member has no such song here.
        """

        def look(tx: Tx) -> Match:
            return history.find(tx, guild_id, member_id, storable(typed), match)

        match: Match | None = None
        for _ in range(LOOKS_MAX):
            if match is not None:
                await before_more()
            run = self._database.read if match is None else self._database.report  # as in ``pages``
            match = await run(look)
            if match.read_to is None:
                break
        if match is None or match.job is None:
            raise NoSuchSong
        return match.job

    async def post(
        self, job: Job, channel_id: ChannelId, interaction_id: InteractionId, locale: str = ""
    ) -> Copy:
        """Post the song in a channel in the language ``locale``, once per interaction.

        Raises:
            NotDoneYet, NoSuchSong, SongGone: there is nothing to post.
            NoPlaceToPost: the bot can't post in the channel.
            TooManyCopies: the member has too many copies in flight.
            Transient: a later attempt may succeed; whether the song was posted may be unknown.
        """
        try:
            nonce = nonce_of(f"get:{interaction_id}")
            with self._one_more_copy(job.origin.member_id):
                return await self._post(job, channel_id, nonce, locale, direct=False)
        except NoAccess as error:
            raise NoPlaceToPost from error

    async def send_to(self, job: Job, member_id: DiscordUserId, locale: str = "") -> Copy:
        """Send the song to a member in the language ``locale``, once for all presses.

        Raises:
            NotDoneYet, NoSuchSong, SongGone: there is nothing to send.
            NoDirectMessages: the member accepts none.
            TooManyCopies: the member has too many copies in flight.
            Transient: a later attempt may succeed; whether the song was sent may be unknown.
        """
        try:
            with self._one_more_copy(member_id):
                channel_id = await self._courier.open_direct(member_id)
                nonce = nonce_of(f"{job.id}:copy:{channel_id}")
                return await self._post(job, channel_id, nonce, locale, direct=True)
        except NoAccess as error:
            raise NoDirectMessages from error

    @contextmanager
    def _one_more_copy(self, member_id: DiscordUserId) -> Iterator[None]:
        """Count a copy as in flight for the member within the block."""
        if self._copies[member_id] >= COPIES_MAX:
            raise TooManyCopies(COPIES_MAX)
        self._copies[member_id] += 1
        try:
            yield
        finally:
            self._copies[member_id] -= 1
            if not self._copies[member_id]:
                del self._copies[member_id]

    @asynccontextmanager
    async def _turn(self, channel_id: ChannelId, guild_id: GuildId) -> AsyncIterator[None]:
        """Wait for a turn in the channel, for at most ``TURN_WAIT_S``."""
        async with AsyncExitStack() as stack:
            try:
                async with asyncio.timeout(TURN_WAIT_S):
                    await stack.enter_async_context(self._turns.take(channel_id, guild_id))
            except TimeoutError:
                raise Transient("the channel is busy") from None
            yield

    async def _post(self, job: Job, channel_id: ChannelId, nonce: str, locale: str, *, direct: bool) -> Copy:
        files = await self.files(job)
        message_id: MessageId | None = None
        try:
            async with self._turn(channel_id, job.origin.guild_id):
                message_id = await self._courier.post_copy(
                    job, files, channel_id, nonce, locale=locale, direct=direct
                )
        except AlreadyPosted:
            log.info("copy posted, then deleted", extra={"job_id": job.id})
        return Copy(channel_id=channel_id, message_id=message_id, missing=len(job.tracks) - len(files))

    async def files(self, job: Job) -> list[tuple[Track, Path]]:
        """Return the song's available takes, fetched into the spool where missing.

        They come from the song's message or the music service.

        Raises:
            NotDoneYet: the song is still in progress.
            NoSuchSong: the job produced no song.
            SongGone: nothing of it is left anywhere.
            Transient: no take is available now; a later attempt may succeed.
        """
        if job.state not in SONG_STATES:
            raise NotDoneYet if job.state in OPEN_STATES and job.reason is None else NoSuchSong
        available: dict[int, Track] = {}
        try:
            async with asyncio.timeout(FETCH_S), self._alone(job.id):
                trouble = await self._gather(job.id, available)
        except TimeoutError:
            trouble = Transient(f"not fetched in {FETCH_S:.0f} s")
        if trouble is not None:
            log.warning(
                "files missing",
                extra={"job_id": job.id, "available": len(available), "error": str(trouble)},
            )
        if not available:
            raise SongGone if trouble is None else trouble
        return [(track, self._spool.path(track.file)) for _, track in sorted(available.items())]

    @asynccontextmanager
    async def _alone(self, job_id: JobId) -> AsyncIterator[None]:
        """Exclude other fetches of this job's files within the block."""
        lock = self._locks.setdefault(job_id, asyncio.Lock())
        async with lock:
            yield

    async def _gather(self, job_id: JobId, available: dict[int, Track]) -> Transient | None:
        """Fill ``available`` with the available takes.

        Returns the transient error if some are missing.
        """
        # Read again: an earlier request may have fetched the files while this one waited for the lock.
        job = await self._database.read(lambda tx: jobs.get(tx, job_id))
        assert job is not None  # noqa: S101 - rows of jobs are never deleted
        available |= {track.take: track for track in job.tracks if self._is_there(track)}
        trouble: Transient | None = None
        for way in (self._from_message, self._from_music_service, self._from_fresh_addresses):
            missing = [track for track in job.tracks if track.take not in available]
            if not missing:
                return None
            try:
                async with self._hands:
                    await way(job, missing, available)
            except SpoolUnwritable as error:
                return error
            except Transient as error:
                log.info("source of files unavailable", extra={"job_id": job.id, "error": str(error)})
                trouble = error
        return trouble if len(available) < len(job.tracks) else None

    def _is_there(self, track: Track) -> bool:
        """Return whether the take needs no file, or has a complete one in the spool."""
        path = self._spool.path(track.file)
        return track.linked or (path.is_file() and path.stat().st_size == track.size_bytes)

    async def _from_message(self, job: Job, missing: list[Track], available: dict[int, Track]) -> None:
        """Fetch the files from the message that delivered the song."""
        for track in missing:
            try:
                audio = await self._courier.fetch(job, track.take, max_bytes=AUDIO_MAX_BYTES)
            except NoAccess as error:
                log.info("message not available", extra={"job_id": job.id, "error": str(error)})
                return
            if audio is not None:
                audio = tags.without_words(audio)
                await self._keep(job, track, available, partial(self._spool.store, chunks=_chunks(audio)))

    async def _from_music_service(self, job: Job, missing: list[Track], available: dict[int, Track]) -> None:
        """Download the files from the addresses recorded in the job."""
        for track in missing:
            await self._download(job, track, available)

    async def _from_fresh_addresses(
        self, job: Job, missing: list[Track], available: dict[int, Track]
    ) -> None:
        """Download the files whose address at the music service has changed."""
        assert job.task_id is not None  # noqa: S101 - guaranteed by a CHECK of the schema
        music = self._music.of(job)
        if music is None:
            return  # the key of the service that made the song is no longer set
        try:
            checked = await music.check(job.task_id)
        except Unauthorized as error:
            raise Transient(str(error)) from error
        urls = checked.urls if isinstance(checked, wire.Done) else ()
        for track in missing:
            # The service lists the addresses in the order of the takes.
            fresh = urls[track.take - 1] if track.take <= len(urls) else track.url
            if fresh != track.url:
                await self._download(job, replace(track, url=fresh), available)

    async def _download(self, job: Job, track: Track, available: dict[int, Track]) -> None:
        async def fetch(name: str) -> Stored:
            return await self._audio.fetch(track.url, self._spool, name)

        await self._keep(job, track, available, fetch)

    async def _keep(
        self, job: Job, track: Track, available: dict[int, Track], store: Callable[[str], Awaitable[Stored]]
    ) -> None:
        """Store a take in the spool and record its new file, unless it is not audio."""
        try:
            stored = await store(f"{job.id}-{track.take}")
        except NoAudio as error:
            log.info("take not available", extra={"job_id": job.id, "take": track.take, "error": str(error)})
            return
        again = replace(track, file=stored.file, size_bytes=stored.size_bytes, sha256=stored.sha256)
        if await self._database.write(lambda tx: tracks.found_again(tx, job.id, again)):
            available[track.take] = again
        else:
            # The member requested erasure, and this file did not exist yet when theirs were deleted.
            await self._spool.threads.run(self._spool.path(stored.file).unlink, missing_ok=True)


async def _chunks(audio: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(audio), CHUNK_BYTES):
        yield audio[at : at + CHUNK_BYTES]
