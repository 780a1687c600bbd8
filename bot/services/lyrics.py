"""Have the music service write lyrics, and keep them in a draft for the form.

A draft costs the operator a little and members nothing, so it is bounded like a song: per member and hour,
and by the total of all servers. The paid request is recorded before it is sent, and never repeated
automatically.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from bot.characters import head, storable
from bot.database.engine import Database, Tx
from bot.errors import Transient, Unauthorized
from bot.mentions import named
from bot.model import (
    CallId,
    DraftId,
    FailReason,
    InteractionId,
    JobId,
    MemberNumber,
    Origin,
    SongRequest,
    TaskId,
)
from bot.music import wire
from bot.music.backends import limits_of
from bot.music.client import MusicClient
from bot.music.clients import MusicClients
from bot.music.contract import LyricsDrafts
from bot.pipeline.quote_filter import MAY_QUOTE, without_quotes
from bot.refusals import (
    Leaving,
    LimitReached,
    LyricsUnderway,
    NoLyrics,
    NotEnoughCredits,
    NotServed,
    ShuttingDown,
    TextMissing,
    TextsGone,
    TextTooLong,
    TooManyLyrics,
    UnknownControl,
    WordRefused,
)
from bot.services import admission
from bot.services.lyrics_payments import LyricsPayments
from bot.services.terms import Terms
from bot.store import (
    jobs,
    lyrics_calls,
    members,
    quotas,
    refused_words,
    servers,
    song_channels,
    texts,
)
from bot.store.locking import lock_day, lock_guild, lock_member
from bot.store.lyrics_calls import CallState
from bot.store.times import day_number

log = logging.getLogger(__name__)

BURST_MAX: Final = 3
"""Maximum requests of all members in ``BURST_WITHIN``; including songs, the service accepts 20 in 10 s."""
BURST_WITHIN: Final = timedelta(seconds=10)
WRITERS_MAX: Final = 20
"""Maximum number of interactions waiting for lyrics at the same time."""
POLL_S: Final = 3.0
"""Interval between status queries, in seconds."""
POLLS_MAX: Final = 40
"""Maximum number of consecutive status queries; then the member is asked to come back."""
WAIT_MAX_S: Final = 180.0
"""Maximum time a member waits for an answer, in seconds; Discord accepts it for 15 minutes."""


class WrittenLyrics(Struct, frozen=True, kw_only=True):
    """A draft filled with lyrics."""

    draft: DraftId
    """The draft's number."""
    request: SongRequest


class Lyricist:
    """Has the music service write lyrics, if it can and the operator allows it."""

    def __init__(
        self,
        *,
        database: Database,
        music: MusicClients,
        payments: LyricsPayments,
        terms: Terms,
        now: Callable[[], datetime],
        pace: float = 1.0,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._music = music
        self._payments = payments
        self._terms = terms
        self._now = now
        self._pace = pace
        self._sleep = sleep
        self._closing = False
        self._waiting: set[int] = set()
        """Interactions that are waiting for lyrics."""
        self._calls: set[int] = set()
        """Requests that they are waiting for."""

    def close(self) -> None:
        """Begin no more requests, because the process is about to stop.

        Running ones are resumed later.
        """
        self._closing = True

    async def write(
        self, about: str, request: SongRequest, origin: Origin, remix_of: JobId | None = None
    ) -> WrittenLyrics | None:
        """Have lyrics written about a topic, and keep them in a draft of the request.

        If the member's earlier request is still unanswered, it is polled again and not paid for twice.
        Returns None if this interaction was already accepted.

        Raises:
            Refusal: no lyrics are available, or not yet; the request is not kept.
            StoreBusy: the database is locked.
        """
        drafts = self._drafts()
        about = storable(named(about))
        if not about:
            raise TextMissing("prompt")
        if len(about) > drafts.about_max:
            raise TextTooLong("prompt", len(about), drafts.about_max)
        async with self._one_more(origin.interaction_id):
            await self._payments.prepare()
            call = await self._database.write(lambda tx: self._begin(tx, about, request, origin))
            if call is None:
                return None
            with self._waited_for(call):
                music = self._music.chosen
                task_id = call.task_id
                if task_id is None:
                    task_id = await self._payments.task_of(call.id, drafts, about)
                # What an earlier press was about is not known any more.
                sent = about if call.task_id is None else None
                written = await self._wait(music, drafts, call.id, task_id, sent)
                return await self._keep(call.id, written, request, origin, remix_of)

    def about(self, request: SongRequest) -> str:
        """Return the topic for a request's lyrics: its title and style, cut to length."""
        text = ". ".join(filter(None, [request.title.strip(), request.style.strip()]))
        return head(" ".join(text.split()), self._drafts().about_max)

    def _drafts(self) -> LyricsDrafts:
        drafts = self._terms.lyrics
        if drafts is None:
            raise UnknownControl
        return drafts

    @asynccontextmanager
    async def _one_more(self, interaction_id: InteractionId) -> AsyncIterator[None]:
        """Count the interaction as waiting for lyrics within the block."""
        if self._closing:
            raise ShuttingDown
        if len(self._waiting) >= WRITERS_MAX:
            raise NoLyrics("busy")
        self._waiting.add(interaction_id)
        try:
            yield
        finally:
            self._waiting.discard(interaction_id)

    @contextmanager
    def _waited_for(self, call: lyrics_calls.LyricsCall) -> Iterator[None]:
        """Keep other presses from waiting for the same lyrics within the block."""
        if call.id in self._calls:
            raise LyricsUnderway(call.asked_at + lyrics_calls.OPEN_MAX)
        self._calls.add(call.id)
        try:
            yield
        finally:
            self._calls.discard(call.id)

    def _begin(
        self, tx: Tx, about: str, request: SongRequest, origin: Origin
    ) -> lyrics_calls.LyricsCall | None:
        """Record a request before it is sent, or return the member's running one."""
        now, backend = self._now(), self._terms.backend
        lock_guild(tx, origin.guild_id)
        if lyrics_calls.taken(tx, origin.interaction_id):
            return None
        song_channels.admitted(tx, origin)
        word = refused_words.found(tx, origin.guild_id, replace(request, prompt=about))
        if word is not None:
            raise WordRefused(word)
        if not servers.is_served(tx, origin.guild_id, self._terms.server_policy):
            raise NotServed
        member = members.member_number(tx, origin.member_id)
        lock_member(tx, member)
        if members.leaving_since(tx, member) is not None:
            raise Leaving
        earlier = lyrics_calls.unfinished(tx, member, backend, now)
        if earlier is not None:
            if earlier.task_id is None:
                raise LyricsUnderway(earlier.asked_at + lyrics_calls.OPEN_MAX)
            return earlier
        lyrics_calls.give_up(tx, member, now)
        lock_day(tx, day_number(now))
        self._admit(tx, origin, member, now)
        call_id = CallId(jobs.new_id())
        # The slot that pays reads the topic from the row.
        handed = None if self._database.share.leads else about
        lyrics_calls.add(tx, call_id, origin.interaction_id, member, backend, now, about=handed)
        state = CallState.SUBMITTING if handed is None else CallState.WANTED
        return lyrics_calls.LyricsCall(id=call_id, state=state, asked_at=now)

    def _admit(self, tx: Tx, origin: Origin, member: MemberNumber, now: datetime) -> None:
        """Raise a Refusal if the member may not have another paid request now."""
        state = admission.require_open_service(tx, self._terms, origin.guild_id, now)
        if state.retry_at is not None:  # the one request let through as a probe is a song's
            raise NoLyrics("busy")
        recent = lyrics_calls.recent(tx, member, now)
        if len(recent) >= lyrics_calls.CALLS_MAX:
            raise TooManyLyrics(lyrics_calls.CALLS_MAX, recent[0] + lyrics_calls.WITHIN)
        admission.require_total(tx, self._terms, lyrics_calls.CREDITS_EACH, now)
        # Lyrics are no use to a member who could not have a song made from them.
        price = self._terms.price_credits
        limit = quotas.limit_of(tx, origin.guild_id, member, origin.role_ids)
        standing = quotas.standing(tx, origin.guild_id, member, limit, self._terms.defaults, now)
        if standing.left < price:
            if limit is not None and standing.limit_is_tightest:
                raise LimitReached(price, limit, standing)
            raise NotEnoughCredits(price, standing.balance)
        if lyrics_calls.count(tx, now - BURST_WITHIN, now) >= BURST_MAX:
            raise NoLyrics("busy")

    async def _wait(
        self, music: MusicClient, drafts: LyricsDrafts, call_id: CallId, task_id: TaskId, sent: str | None
    ) -> wire.Written:
        """Poll a task until its lyrics are ready. ``sent`` is the topic sent with its request, if known."""
        try:
            async with asyncio.timeout(WAIT_MAX_S):
                for _ in range(POLLS_MAX):
                    await self._sleep(POLL_S * self._pace)
                    if self._closing:
                        raise ShuttingDown
                    try:
                        checked = await music.check_lyrics(drafts, task_id)
                    except (Transient, Unauthorized) as error:
                        reason = MAY_QUOTE if sent is None else without_quotes(str(error), (sent,))
                        log.info("lyrics not read", extra={"error": reason})
                        continue
                    match checked:
                        case wire.Written():
                            return checked
                        case wire.Rejected(reason=reason, closed=None):
                            await self._payments.moved(call_id, CallState.RUNNING, CallState.FAILED)
                            raise NoLyrics("moderated" if reason is FailReason.MODERATED else "failed")
                        case _:
                            continue
        except TimeoutError:
            log.info("lyrics late", extra={"after_s": WAIT_MAX_S})
        raise NoLyrics("late")

    async def _keep(
        self,
        call_id: CallId,
        written: wire.Written,
        request: SongRequest,
        origin: Origin,
        remix_of: JobId | None,
    ) -> WrittenLyrics:
        """Keep the lyrics in a draft, and record that they are done."""
        limits, now, key = limits_of(request.model), self._now(), DraftId(jobs.new_id())
        lyrics = head(storable(written.lyrics), limits.lyrics)
        title = request.title or head(storable(written.title), limits.title)
        filled = replace(
            request, custom=True, prompt="", title=title, lyrics=lyrics, instrumental=False
        ).cleaned()

        def keep(tx: Tx) -> bool:
            done = lyrics_calls.move(
                tx, call_id, CallState.RUNNING, CallState.DONE, upstream_credits=written.cost_credits
            )
            if done:
                texts.keep_draft(tx, key, origin.member_id, filled, remix_of, now)
            return done

        if not await self._database.write(keep):
            raise TextsGone  # the member's data was deleted meanwhile, or another press got the lyrics
        log.info("lyrics written", extra={"characters": len(lyrics)})
        return WrittenLyrics(draft=key, request=filled)
