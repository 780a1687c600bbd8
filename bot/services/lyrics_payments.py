"""Pay for lyrics in the one process that pays, and record each request's outcome.

In a fleet, slot 0 alone pays, as for songs: the limits of the music service's account are kept in one place.
Another slot records its request as wanted. Slot 0 claims it in one transaction before sending it, so even if
either is killed, the request is paid for at most once and nothing paid for is lost: the task is in the row.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Final, Literal, TypeAlias, assert_never, cast

from bot.database.engine import Database, Tx
from bot.errors import Refusal, StoreBusy, Transient
from bot.model import CallId, ClosedCause, FailReason, TaskId
from bot.music import wire
from bot.music.clients import MusicClients
from bot.music.contract import LyricsDrafts
from bot.pipeline.outcomes import closed_alert, record_durably
from bot.pipeline.quote_filter import without_quotes
from bot.pipeline.transitions import FROZEN
from bot.refusals import NoLyrics, ServiceClosed, ShuttingDown, TextsGone
from bot.services.terms import Terms
from bot.store import breaker, lyrics_calls
from bot.store.lyrics_calls import CallState

log = logging.getLogger(__name__)

RefusedAs: TypeAlias = Literal["busy", "refused", "moderated"]

STOP_WITHIN_S: Final = 30.0
"""Maximum time a shutdown waits for paid requests, in seconds."""
WRITE_AGAIN_MAX_S: Final = 10.0
"""Maximum wait between attempts to record the outcome of a lyrics request, in seconds."""
LOOK_S: Final = 1.0
"""Interval between checks for wanted requests, and for their outcomes, in seconds."""
WANTED_LOOKS_MAX: Final = 40
"""Number of checks after which a request is no longer wanted. Slot 0 is vacant during a takeover."""
LOOKS_MAX: Final = 120
"""Number of checks after which a request sent by slot 0 is no longer waited for."""


class LyricsPayments:
    """Sends paid requests for lyrics, or has slot 0 send them."""

    def __init__(
        self,
        *,
        database: Database,
        music: MusicClients,
        terms: Terms,
        now: Callable[[], datetime],
        alert: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._music = music
        self._terms = terms
        self._now = now
        self._alert = alert
        self._sleep = sleep
        self._closing = False
        self._paying = 0
        """Number of requests whose outcome is not recorded yet."""
        self._all_paid = asyncio.Event()
        self._all_paid.set()

    def close(self) -> None:
        """Send no more requests, because the process is about to stop."""
        self._closing = True

    async def all_paid(self) -> None:
        """Wait until all outcomes are recorded, for at most ``STOP_WITHIN_S``."""
        try:
            async with asyncio.timeout(STOP_WITHIN_S):
                await self._all_paid.wait()
        except TimeoutError:
            log.warning("lyrics requests pending at shutdown", extra={"count": self._paying})

    async def prepare(self) -> None:
        """Load what sends paid requests, unless another process does.

        Done before a request is recorded: a kill while it is recorded and unsent makes its outcome unknown.
        """
        if self._database.share.leads:
            await self._music.chosen.prepare()

    async def task_of(self, call_id: CallId, drafts: LyricsDrafts, about: str) -> TaskId:
        """Have the request just recorded paid for. Returns the task's id.

        Raises:
            Refusal: the service did not accept it, or its outcome is unknown.
        """
        if not self._database.share.leads:
            return await self._from_leader(call_id)
        with self._guarded():
            return await self._conclude(call_id, about, await self._pay(drafts, about))

    async def run(self) -> None:
        """Pay for other slots' requests until cancelled.

        Returns at once if there can be none.
        """
        share, drafts = self._database.share, self._terms.lyrics
        if share.is_whole or not share.leads or drafts is None:
            return
        while True:
            try:
                await self.round(drafts)
            except Transient as error:
                log.warning("wanted lyrics not readable", extra={"error": str(error)})
            await self._sleep(LOOK_S)

    async def round(self, drafts: LyricsDrafts) -> None:
        """Pay for all requests wanted now."""
        if self._closing:
            return
        call_ids = await self._database.read(lambda tx: lyrics_calls.wanted(tx, self._terms.backend))
        await asyncio.gather(*(self._pay_for_other(call_id, drafts) for call_id in call_ids))

    async def _pay_for_other(self, call_id: CallId, drafts: LyricsDrafts) -> None:
        await self.prepare()
        now = self._now()
        with self._guarded():
            about = await self._database.write(lambda tx: self._take(tx, call_id, now))
            if about is None:
                return
            try:
                await self._conclude(call_id, about, await self._pay(drafts, about))
            except Refusal as refusal:  # meant for the member, whose slot reads it from the row
                log.info("wanted lyrics refused", extra={"error": str(refusal)})

    def _take(self, tx: Tx, call_id: CallId, now: datetime) -> str | None:
        if breaker.blocked_until(breaker.read(tx, self._terms.backend), now) is not None:
            lyrics_calls.move(tx, call_id, CallState.WANTED, CallState.REFUSED)
            return None
        return lyrics_calls.take(tx, call_id, now)

    async def _from_leader(self, call_id: CallId) -> TaskId:
        """Wait until slot 0 has paid for the request. Returns the task's id."""
        for looks in range(1, LOOKS_MAX + 1):
            await self._sleep(LOOK_S)
            if self._closing:
                raise ShuttingDown
            try:
                call = await self._database.read(lambda tx: lyrics_calls.call(tx, call_id))
            except StoreBusy as error:
                log.info("lyrics request not readable", extra={"error": str(error)})
                continue
            match call:
                case None:
                    raise TextsGone
                case lyrics_calls.LyricsCall(state=CallState.WANTED):
                    if looks >= WANTED_LOOKS_MAX and await self.moved(
                        call_id, CallState.WANTED, CallState.REFUSED
                    ):
                        raise NoLyrics("busy")
                case lyrics_calls.LyricsCall(state=CallState.SUBMITTING):
                    continue
                case lyrics_calls.LyricsCall(state=CallState.RUNNING, task_id=str(task_id)):
                    return task_id
                case _:
                    raise await self._refused(call)
        raise NoLyrics("late")

    async def _refused(self, call: lyrics_calls.LyricsCall) -> Refusal:
        """Return the refusal that slot 0 recorded."""
        if call.state is not CallState.REFUSED:
            return NoLyrics("unknown")
        if call.refusal is not None:
            return NoLyrics(cast("RefusedAs", call.refusal))
        now = self._now()
        state = await self._database.read(lambda tx: breaker.read(tx, self._terms.backend))
        until = breaker.blocked_until(state, now)
        if state.closed is not None and until is not None:
            return ServiceClosed(state.closed, until)
        return NoLyrics("busy")

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        """Make a shutdown wait for the block."""
        self._paying += 1
        self._all_paid.clear()
        try:
            yield
        finally:
            self._paying -= 1
            if not self._paying:
                self._all_paid.set()

    async def _pay(self, drafts: LyricsDrafts, about: str) -> wire.Submitted:
        """Send the paid request, unless this process was suspended."""
        if not self._database.may_act():
            return wire.Busy(FROZEN)
        return await self._music.chosen.submit_lyrics(drafts, about)

    async def _conclude(self, call_id: CallId, about: str, answer: wire.Submitted) -> TaskId:
        """Record the outcome of the paid request. Returns the task's id."""
        match answer:
            case wire.Accepted(task_id=task_id):
                if not await self.moved(call_id, CallState.SUBMITTING, CallState.RUNNING, task_id=task_id):
                    raise TextsGone  # the member's data was deleted meanwhile
                return task_id
            case wire.Rejected(closed=ClosedCause() as closed, suspect=False, detail=detail):
                until = await self._closed(call_id, closed, without_quotes(detail, (about,)))
                raise ServiceClosed(closed, until)
            case wire.Rejected(reason=reason):
                cause: RefusedAs = "moderated" if reason is FailReason.MODERATED else "refused"
                await self.moved(call_id, CallState.SUBMITTING, CallState.REFUSED, refusal=cause)
                raise NoLyrics(cause)
            case wire.Busy():
                await self.moved(call_id, CallState.SUBMITTING, CallState.REFUSED)
                raise NoLyrics("busy")
            case wire.Unknown():
                log.warning("lyrics request outcome unknown")
                await self.moved(call_id, CallState.SUBMITTING, CallState.UNKNOWN)
                raise NoLyrics("unknown")
            case _:
                assert_never(answer)

    async def _closed(self, call_id: CallId, cause: ClosedCause, detail: str) -> datetime:
        """Record that the service refuses this account, songs included.

        Returns when requests may resume.
        """
        now, backend = self._now(), self._terms.backend
        news, until = False, now

        def close(tx: Tx) -> None:
            nonlocal news, until
            lyrics_calls.move(tx, call_id, CallState.SUBMITTING, CallState.REFUSED)
            news = breaker.block(tx, backend, cause, now)
            until = breaker.blocked_until(breaker.read(tx, backend), now) or now

        await self._write_durably(close)
        if news:
            self._alert(closed_alert(cause, detail))
        return until

    async def moved(
        self,
        call_id: CallId,
        before: CallState,
        after: CallState,
        *,
        task_id: TaskId | None = None,
        refusal: str | None = None,
    ) -> bool:
        """Move a request to another state.

        Returns False if it is no longer in ``before``.
        """
        moved = False

        def move(tx: Tx) -> None:
            nonlocal moved
            moved = lyrics_calls.move(tx, call_id, before, after, task_id=task_id, refusal=refusal)

        await self._write_durably(move)
        return moved

    async def _write_durably(self, write: Callable[[Tx], None]) -> None:
        await record_durably(
            lambda: self._database.write(write), sleep=self._sleep, wait_max_s=WRITE_AGAIN_MAX_S
        )
