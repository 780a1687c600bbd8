"""Have the music service write lyrics, and keep them in a draft for the form.

A draft costs the operator a little and members nothing, so it is bounded like a song: by the member and the
hour, and by the total of all servers. The paid request is written down before it is sent, and never repeated
by itself.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime, timedelta
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from bot.characters import head
from bot.database.engine import Database, Tx
from bot.database.locking import lock_day, lock_guild, lock_member
from bot.errors import (
    Leaving,
    LimitReached,
    LyricsUnderway,
    NoLyrics,
    NotEnoughCredits,
    NotServed,
    Paused,
    ServiceClosed,
    ShuttingDown,
    StoreBusy,
    StoreLost,
    TextMissing,
    TextTooLong,
    TooManyLyrics,
    TotalReached,
    Transient,
    Unauthorized,
    UnknownControl,
    WordRefused,
    WordsGone,
)
from bot.mentions import named
from bot.model import ClosedCause, FailReason, JobId, MemberNumber, Origin, SongRequest, storable
from bot.music import wire
from bot.music.backends import limits_of
from bot.music.client import MusicClient
from bot.music.clients import MusicClients
from bot.music.contract import LyricsDrafts
from bot.pipeline import schedule
from bot.pipeline.submitting import WRITE_TRIES
from bot.services.intake import Terms
from bot.store import (
    breaker,
    jobs,
    lyrics_calls,
    members,
    quotas,
    refused_words,
    servers,
    song_channels,
    texts,
)
from bot.store.lyrics_calls import CallState
from bot.store.times import day_number

log = logging.getLogger(__name__)

BURST_MAX: Final = 3
"""Maximum requests of all members in ``BURST_WITHIN``; with those for songs, the service takes 20 in 10 s."""
BURST_WITHIN: Final = timedelta(seconds=10)
WRITERS_MAX: Final = 20
"""Maximum lyrics that are waited for at the same time."""
POLL_S: Final = 3.0
"""Seconds between two status queries."""
POLLS_MAX: Final = 40
"""Maximum status queries in a row; after them the member is asked to come back."""
WAIT_MAX_S: Final = 180.0
"""Maximum seconds that a member waits for an answer; Discord takes it for 15 minutes."""
STOP_WITHIN_S: Final = 30.0
"""Maximum seconds for which a shutdown waits for paid requests."""
WRITE_AGAIN_MAX_S: Final = 10.0
"""Maximum seconds between two attempts to write down what became of a paid request."""


class WrittenLyrics(Struct, frozen=True, kw_only=True):
    """A draft with lyrics in it."""

    draft: int
    """Its number."""
    request: SongRequest


class Lyricist:
    """Writes lyrics through the music service, where it can and the operator allows it."""

    def __init__(
        self,
        *,
        database: Database,
        music: MusicClients,
        terms: Terms,
        now: Callable[[], datetime],
        pace: float = 1.0,
        alert: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._music = music
        self._terms = terms
        self._now = now
        self._pace = pace
        self._alert = alert
        self._sleep = sleep
        self._closing = False
        self._waiting: set[int] = set()
        """Interactions whose lyrics are waited for."""
        self._calls: set[int] = set()
        """Their requests."""
        self._paying = 0
        """Requests of which it is not written down yet what became of them."""
        self._all_paid = asyncio.Event()
        self._all_paid.set()

    def close(self) -> None:
        """Begin no more requests, because the process is about to stop; running ones are continued later."""
        self._closing = True

    async def all_paid(self) -> None:
        """Wait until what became of each request that was sent is written down, for a while."""
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._all_paid.wait()
        except TimeoutError:
            log.warning("requests for lyrics pending at shutdown", extra={"count": self._paying})

    async def write(
        self, about: str, request: SongRequest, origin: Origin, remix_of: JobId | None = None
    ) -> WrittenLyrics | None:
        """Have lyrics written about something, and keep them in a draft of the request.

        A member's earlier request that has not been answered yet is asked about again and not paid for twice.
        Returns None if this interaction has been taken before.

        Raises:
            Refusal: there are no lyrics, or not yet; the request is not kept.
            StoreBusy: the database is locked.
        """
        drafts = self._drafts()
        about = storable(named(about))
        if not about:
            raise TextMissing("prompt")
        if len(about) > drafts.about_max:
            raise TextTooLong("prompt", len(about), drafts.about_max)
        async with self._one_more(origin.interaction_id):
            call = await self._database.write(lambda tx: self._begin(tx, about, request, origin))
            if call is None:
                return None
            with self._waited_for(call):
                music = self._music.chosen
                task_id = call.task_id
                if task_id is None:
                    with self._guarded():
                        answer = await self._pay(music, drafts, about)
                        task_id = await self._conclude(call.id, answer)
                written = await self._wait(music, drafts, call.id, task_id)
                return await self._keep(call.id, written, request, origin, remix_of)

    def about(self, request: SongRequest) -> str:
        """Return what the lyrics of a request are to be about: its title and its style, as far as they go."""
        text = ". ".join(filter(None, [request.title.strip(), request.style.strip()]))
        return head(" ".join(text.split()), self._drafts().about_max)

    def _drafts(self) -> LyricsDrafts:
        drafts = self._terms.lyrics
        if drafts is None:
            raise UnknownControl
        return drafts

    @asynccontextmanager
    async def _one_more(self, interaction_id: int) -> AsyncIterator[None]:
        """Count these lyrics as waited for while inside."""
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
        """Let no other press of the member's wait for the same lyrics while inside."""
        if call.id in self._calls:
            raise LyricsUnderway(call.asked_at + lyrics_calls.OPEN_MAX)
        self._calls.add(call.id)
        try:
            yield
        finally:
            self._calls.discard(call.id)

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Make a shutdown wait for what is inside."""
        self._paying += 1
        self._all_paid.clear()
        try:
            yield
        finally:
            self._paying -= 1
            if not self._paying:
                self._all_paid.set()

    def _begin(
        self, tx: Tx, about: str, request: SongRequest, origin: Origin
    ) -> lyrics_calls.LyricsCall | None:
        """Write down a request before it is sent, or return the member's earlier one that is running."""
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
        call_id = jobs.new_id()
        lyrics_calls.add(tx, call_id, origin.interaction_id, member, backend, now)
        return lyrics_calls.LyricsCall(id=call_id, state=CallState.SUBMITTING, asked_at=now)

    def _admit(self, tx: Tx, origin: Origin, member: MemberNumber, now: datetime) -> None:
        """Raise the Refusal that stands against another paid request, if one does."""
        reason = quotas.paused(tx, origin.guild_id)
        if reason is not None:
            raise Paused(reason)
        state = breaker.read(tx, self._terms.backend)
        until = breaker.blocked_until(state, now)
        if state.closed is not None and until is not None:
            raise ServiceClosed(state.closed, until)
        if state.retry_at is not None:  # one request is let through as a probe, and that is a song's
            raise NoLyrics("busy")
        asked = lyrics_calls.recent(tx, member, now)
        if len(asked) >= lyrics_calls.CALLS_MAX:
            raise TooManyLyrics(lyrics_calls.CALLS_MAX, asked[0] + lyrics_calls.WITHIN)
        total_max = self._terms.total_credits_max
        used = servers.credits_this_month(tx, now)
        if total_max is not None and used + lyrics_calls.CREDITS_EACH > total_max:
            raise TotalReached(servers.next_month(now))
        # Whoever could not have a song made of them needs no lyrics.
        price = self._terms.price_credits
        limit = quotas.limit_of(tx, origin.guild_id, member, origin.role_ids)
        standing = quotas.standing(tx, origin.guild_id, member, limit, self._terms.defaults, now)
        if standing.left < price:
            if limit is not None and standing.limit_is_tightest:
                raise LimitReached(price, limit, standing)
            raise NotEnoughCredits(price, standing.balance)
        if lyrics_calls.count(tx, now - BURST_WITHIN, now) >= BURST_MAX:
            raise NoLyrics("busy")

    async def _pay(self, music: MusicClient, drafts: LyricsDrafts, about: str) -> wire.Submitted:
        """Send the paid request, unless this process stood still."""
        if not self._database.may_act():
            return wire.Busy("not sent: the process stood still")
        return await music.submit_lyrics(drafts, about)

    async def _conclude(self, call_id: int, answer: wire.Submitted) -> str:
        """Write down what the answer to the paid request means. Returns the task's id."""
        match answer:
            case wire.Accepted(task_id=task_id):
                if not await self._moved(call_id, CallState.SUBMITTING, CallState.RUNNING, task_id=task_id):
                    raise WordsGone  # the member's data was deleted meanwhile
                return task_id
            case wire.Rejected(closed=ClosedCause() as cause, suspect=False, detail=detail):
                until = await self._closed(call_id, cause, detail)
                raise ServiceClosed(cause, until)
            case wire.Rejected(reason=reason):
                await self._moved(call_id, CallState.SUBMITTING, CallState.REFUSED)
                raise NoLyrics("moderated" if reason is FailReason.MODERATED else "refused")
            case wire.Busy():
                await self._moved(call_id, CallState.SUBMITTING, CallState.REFUSED)
                raise NoLyrics("busy")
            case wire.Unknown():
                log.warning("request for lyrics has an unknown outcome")
                await self._moved(call_id, CallState.SUBMITTING, CallState.UNKNOWN)
                raise NoLyrics("unknown")
            case _:
                assert_never(answer)

    async def _closed(self, call_id: int, cause: ClosedCause, detail: str) -> datetime:
        """Write down that the service takes nothing from this account, songs included. Return until when."""
        now, backend = self._now(), self._terms.backend
        news, until = False, now

        def close(tx: Tx) -> None:
            nonlocal news, until
            lyrics_calls.move(tx, call_id, CallState.SUBMITTING, CallState.REFUSED)
            news = breaker.block(tx, backend, cause, now)
            until = breaker.blocked_until(breaker.read(tx, backend), now) or now

        await self._write_for_sure(close)
        if news:
            self._alert(f"The music service takes no requests ({cause}): {detail or 'no reason given'}")
        return until

    async def _wait(
        self, music: MusicClient, drafts: LyricsDrafts, call_id: int, task_id: str
    ) -> wire.Written:
        """Ask about a task until its lyrics are there."""
        try:
            async with asyncio.timeout(WAIT_MAX_S):
                for _ in range(POLLS_MAX):
                    await self._sleep(POLL_S * self._pace)
                    if self._closing:
                        raise ShuttingDown
                    try:
                        checked = await music.check_lyrics(drafts, task_id)
                    except (Transient, Unauthorized) as error:
                        log.info("lyrics not read", extra={"error": str(error)})
                        continue
                    match checked:
                        case wire.Written():
                            return checked
                        case wire.Rejected(reason=reason, closed=None):
                            await self._moved(call_id, CallState.RUNNING, CallState.FAILED)
                            raise NoLyrics("moderated" if reason is FailReason.MODERATED else "failed")
                        case _:
                            continue
        except TimeoutError:
            log.info("lyrics late", extra={"after_s": WAIT_MAX_S})
        raise NoLyrics("late")

    async def _keep(
        self,
        call_id: int,
        written: wire.Written,
        request: SongRequest,
        origin: Origin,
        remix_of: JobId | None,
    ) -> WrittenLyrics:
        """Keep the lyrics in a draft, and write down that they are done."""
        limits, now, key = limits_of(request.model), self._now(), jobs.new_id()
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
            raise WordsGone  # the member's data was deleted meanwhile, or another press has them
        log.info("lyrics written", extra={"characters": len(lyrics)})
        return WrittenLyrics(draft=key, request=filled)

    async def _moved(
        self, call_id: int, before: CallState, after: CallState, *, task_id: str | None = None
    ) -> bool:
        """Write down what became of a request."""
        moved = False

        def move(tx: Tx) -> None:
            nonlocal moved
            moved = lyrics_calls.move(tx, call_id, before, after, task_id=task_id)

        await self._write_for_sure(move)
        return moved

    async def _write_for_sure(self, write: Callable[[Tx], None]) -> None:
        """Write down the outcome of the paid request, with retries while the database is locked."""
        for failures in range(1, WRITE_TRIES + 1):
            try:
                await self._database.write(write)
            except StoreLost:
                raise  # this process will never write again
            except StoreBusy as error:
                log.warning("outcome not written yet", extra={"error": str(error), "failures": failures})
                await self._sleep(schedule.backoff_s(failures, 0.5, WRITE_AGAIN_MAX_S))
            else:
                return
        await self._database.write(write)
