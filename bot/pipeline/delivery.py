"""One message for one job: written down before it is sent, and never posted twice."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bot.errors import Transient
from bot.model import Delivery, Job, JobState
from bot.music.audio import Spool
from bot.pipeline.courier import AlreadyPosted, Courier, MessageKind, NoAccess, NoHistory, nonce
from bot.pipeline.transitions import Transitions
from bot.store import times

log = logging.getLogger(__name__)

SEND_WITHIN = timedelta(seconds=60)
"""From the moment that was written down: in this time a send may be repeated under its nonce."""
SEND_SETTLED = timedelta(seconds=180)
"""After this time a send has landed or never will: the channel's history tells."""
RESEND_WAIT_S = 5.0
NO_CHANNEL_YET = 0
"""Written down in place of a direct message's channel until Discord has told it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingMessage:
    """The way of one kind of message, from its first send to its end."""

    kind: MessageKind
    sending: JobState
    done: JobState
    nowhere: JobState
    """Where the job goes if there is no place to post to."""


SONG = OutgoingMessage(
    kind=MessageKind.SONG,
    sending=JobState.DELIVERING,
    done=JobState.DELIVERED,
    nowhere=JobState.UNDELIVERED,
)
NOTICE = OutgoingMessage(
    kind=MessageKind.NOTICE,
    sending=JobState.FAILED,
    done=JobState.EXPLAINED,
    nowhere=JobState.EXPLAINED,
)


class Deliverer:
    """Brings a job's message to its member. ``finishing`` wraps what must not be cut off at a shutdown."""

    def __init__(
        self,
        *,
        moves: Transitions,
        courier: Courier,
        spool: Spool,
        now: Callable[[], datetime],
        shutdown_guard: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._transitions = moves
        self._courier = courier
        self._spool = spool
        self._now = now
        self._shutdown_guard = shutdown_guard

    async def begin(self, job: Job, post: OutgoingMessage) -> None:
        """The first send, to where the member asked."""
        if job.restored:
            await self._begin_restored(job, post)
        elif job.delivery is not None and (found := await self._found(job, post, job.delivery)) is not None:
            # A person asked for a message whose first send could not be seen to the end.
            await self._transitions.to(job, post.done, due_at=None, message_id=found)
        else:
            await self._start(job, post, job.origin.channel_id, direct=False)

    async def _begin_restored(self, job: Job, post: OutgoingMessage) -> None:
        """The first send that this database knows of; an earlier one may have been forgotten with it.

        So the message is looked for wherever it could be. The mark goes when the send is written down.
        """
        channel = Delivery(channel_id=job.origin.channel_id, direct=False, started_at=job.created_at)
        found: int | None = None
        place: Delivery | None = channel
        try:
            try:
                found = await self._courier.find(job, post.kind, channel, ever=True)
            except NoAccess:
                place = None
            if found is None and (direct := await self._direct(job)) is not None:
                found = await self._found_directly(job, post, direct, must_know=place is None)
                place = place or direct
        except NoHistory:
            log.warning("job %d: restored, and whether its %s was posted can't be known", job.id, post.kind)
            await self._transitions.to(job, post.nowhere, due_at=None, restored_at=None)
            return
        if found is not None:
            log.info("job %d: restored, and its %s is there already", job.id, post.kind)
            await self._transitions.to(job, post.done, due_at=None, message_id=found, restored_at=None)
        elif place is None:
            log.warning("job %d: nowhere to post its %s", job.id, post.kind)
            await self._transitions.to(job, post.nowhere, due_at=None, restored_at=None)
        else:
            await self._start(job, post, place.channel_id, direct=place.direct)

    async def _direct(self, job: Job) -> Delivery | None:
        """Where a direct message to the member goes, if they take any."""
        try:
            channel_id = await self._courier.open_direct(job.origin.member_id)
        except NoAccess:
            return None
        return Delivery(channel_id=channel_id, direct=True, started_at=job.created_at)

    async def _found_directly(
        self, job: Job, post: OutgoingMessage, direct: Delivery, *, must_know: bool
    ) -> int | None:
        """Whether it went to the member instead. Raises NoHistory where it would have to go there now."""
        try:
            return await self._courier.find(job, post.kind, direct, ever=True)
        except (NoAccess, NoHistory):
            if must_know:
                raise NoHistory from None
            return None

    async def _found(self, job: Job, post: OutgoingMessage, where: Delivery) -> int | None:
        try:
            return await self._courier.find(job, post.kind, where)
        except (NoAccess, NoHistory):
            return None

    async def _start(self, job: Job, post: OutgoingMessage, channel_id: int, *, direct: bool) -> None:
        """Write down where the message goes and when that began, and send it."""
        where = Delivery(channel_id=channel_id, direct=direct, started_at=self._now())
        with self._shutdown_guard():
            await self._transitions.to(
                job,
                post.sending,
                due_at=where.started_at,
                keep_claim=True,
                delivery_channel_id=where.channel_id,
                delivery_direct=where.direct,
                delivery_started_at=times.milliseconds(where.started_at),
                restored_at=None,
            )
            await self._send(replace(job, state=post.sending, delivery=where), post, where)

    async def go_on(self, job: Job, post: OutgoingMessage) -> None:
        """The next thing to do for a send that was begun, and of which nothing more is known."""
        if job.restored:
            await self._begin_restored(job, post)
            return
        where = job.delivery
        assert where is not None  # noqa: S101 - the schema's CHECK, told to the type checker
        if where.channel_id == NO_CHANNEL_YET:
            await self._open_direct(job, post)
            return
        elapsed = self._now() - where.started_at
        if timedelta() <= elapsed < SEND_WITHIN:
            with self._shutdown_guard():
                await self._send(job, post, where, repeated=True)
        elif timedelta() <= elapsed < SEND_SETTLED:
            await self._transitions.to(job, post.sending, due_at=where.started_at + SEND_SETTLED)
        else:
            await self._look_then_send(job, post, where)

    async def _look_then_send(self, job: Job, post: OutgoingMessage, where: Delivery) -> None:
        try:
            found = await self._courier.find(job, post.kind, where)
        except NoAccess:
            await self._elsewhere(job, post, where)
        except NoHistory:
            log.warning("job %d: whether its %s was posted can't be known", job.id, post.kind)
            await self._transitions.to(job, post.nowhere, due_at=None)
        else:
            if found is not None:
                await self._transitions.to(job, post.done, due_at=None, message_id=found)
            else:
                await self._start(job, post, where.channel_id, direct=where.direct)

    async def _send(
        self, job: Job, post: OutgoingMessage, where: Delivery, *, repeated: bool = False
    ) -> None:
        """One send under its nonce; what it came to is written down."""
        key = nonce(job, post.kind, where)
        left = where.started_at + SEND_WITHIN - self._now()
        message_id: int | None = None
        try:
            async with asyncio.timeout(max(left.total_seconds(), 0.0)):
                if post.kind is MessageKind.SONG:
                    files = [(track, self._spool.path(track.file)) for track in job.tracks]
                    message_id = await self._courier.post_song(job, files, where, key)
                else:
                    message_id = await self._courier.post_notice(job, where, key)
        except NoAccess as error:
            if repeated:
                # That says nothing of the sends before this one: the channel's history does.
                log.warning("job %d: its %s may have been posted before: %s", job.id, post.kind, error)
                await self._transitions.to(job, post.sending, due_at=where.started_at + SEND_SETTLED)
            else:
                await self._elsewhere(job, post, where)
            return
        except AlreadyPosted:
            log.info("job %d: its %s was posted and then deleted", job.id, post.kind)
        except (Transient, TimeoutError) as error:
            log.warning(
                "job %d: its %s may not have been posted: %s", job.id, post.kind, str(error) or "timeout"
            )
            await self._transitions.to(job, post.sending, due_at=self._again_at(where, error))
            return
        await self._transitions.to(job, post.done, due_at=None, message_id=message_id)

    def _again_at(self, where: Delivery, error: Transient | TimeoutError) -> datetime:
        """When to look at a send again that failed: not before Discord wants to be asked."""
        asked_s = error.retry_after_s if isinstance(error, Transient) else None
        again_at = self._now() + timedelta(seconds=max(asked_s or 0.0, RESEND_WAIT_S))
        if again_at < where.started_at + SEND_WITHIN:
            return again_at
        return max(again_at, where.started_at + SEND_SETTLED)

    async def _elsewhere(self, job: Job, post: OutgoingMessage, where: Delivery) -> None:
        """Where the channel takes no message, a direct one may be; written down before it is tried."""
        if where.direct:
            log.warning("job %d: nowhere to post its %s", job.id, post.kind)
            await self._transitions.to(job, post.nowhere, due_at=None)
            return
        now = self._now()
        await self._transitions.to(
            job,
            post.sending,
            due_at=now,
            delivery_channel_id=NO_CHANNEL_YET,
            delivery_direct=True,
            delivery_started_at=times.milliseconds(now),
        )

    async def _open_direct(self, job: Job, post: OutgoingMessage) -> None:
        try:
            channel_id = await self._courier.open_direct(job.origin.member_id)
        except NoAccess:
            log.warning("job %d: the member takes no direct messages", job.id)
            await self._transitions.to(job, post.nowhere, due_at=None)
        else:
            await self._start(job, post, channel_id, direct=True)
