"""Post one message for one job: recorded before it is sent, and never posted twice."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Literal, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from bot.errors import Transient
from bot.model import ChannelId, Delivery, Job, JobState, MessageId, Track
from bot.music.spool import Spool, link_to
from bot.pipeline.courier import (
    SEND_WITHIN,
    AlreadyPosted,
    ContentRefused,
    Courier,
    MessageKind,
    NoAccess,
    NoHistory,
    nonce,
)
from bot.pipeline.transitions import Transitions

log = logging.getLogger(__name__)

SEND_SETTLED = timedelta(seconds=180)
"""Age after which a send has either landed or never will, so that the channel's history is conclusive."""
RESEND_WAIT_S = 5.0
"""Minimum wait before a send is repeated, in seconds."""
PATIENCE_SHARE = 8
"""Divisor that turns the time a send has been failing into the wait before the next attempt."""
PATIENCE_WAIT_MAX = timedelta(minutes=15)
"""Maximum of that wait, unless Discord requests a longer one."""
PATIENCE_MAX = timedelta(days=3)
"""How long a message may keep failing before it waits for a person; its files are kept."""
UNREADABLE, NO_PLACE = "the channel's history can't be read", "nowhere to post"
"""Reasons in a job's story for not posting a message."""
NO_CHANNEL_YET = ChannelId(0)
"""Placeholder for a direct message's channel until Discord has returned its id."""


class RestoredChange(TypedDict, total=False):
    """Changes to a restored job after a search for its messages."""

    restored: Literal[False]


class OutgoingMessage(Struct, frozen=True, kw_only=True):
    """The states through which one kind of message takes a job."""

    kind: MessageKind
    sending: JobState
    done: JobState
    nowhere: JobState
    """State of the job if there is no place to post."""


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
    """Posts a job's message to its member.

    Guarantee: at most one message of each kind per job. The destination and the start of a send are
    committed before the first request leaves. For 60 s Discord drops a repeated nonce, so a send may
    be repeated; from then on only the channel's history can tell whether it landed, and a new send
    starts only after the history has shown that it did not.

    ``shutdown_guard`` wraps what a shutdown must not cut off.
    """

    def __init__(
        self,
        *,
        transitions: Transitions,
        courier: Courier,
        spool: Spool,
        now: Callable[[], datetime],
        shutdown_guard: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._transitions = transitions
        self._courier = courier
        self._spool = spool
        self._now = now
        self._shutdown_guard = shutdown_guard

    async def begin(self, job: Job, message: OutgoingMessage) -> None:
        """Send for the first time, to the server's song channel or the request's."""
        if job.restored:
            await self._search_then_send(job, message)
        elif (
            job.delivery is not None
            and (message_id := await self._earlier(job, message, job.delivery)) is not None
        ):
            # Somebody requested a new post of a message whose first send had an unknown outcome.
            await self._transitions.to(job, message.done, due_at=None, message_id=message_id)
        else:
            await self._start(job, message, _places(job, message)[0], direct=False)

    async def look_again(self, job: Job, message: OutgoingMessage) -> None:
        """Retry an undelivered message, on behalf of maintenance.

        Look for the message wherever it could be first: nothing is posted twice, and where the history
        can't be read, nothing is posted unless a person requests it. Only channels are tried: the member
        has already refused a direct message.
        """
        files = (self._spool.path(track.file) for track in job.tracks if not track.linked)
        if job.erased or not all(path.is_file() for path in files):
            await self._transitions.to(job, message.nowhere, due_at=None)
            return
        try:
            await self._search_then_send(job, message, directly=False)
        except Transient as error:
            log.info("search postponed", extra=_fields(message, error))
            await self._give_up(job, message, str(error))

    async def _give_up(
        self, job: Job, message: OutgoingMessage, answer: str, **change: Unpack[RestoredChange]
    ) -> None:
        """Record why the song can't be posted, and since when."""
        await self._transitions.to(
            job, message.nowhere, due_at=None, answer=answer, missing_since=self._now(), **change
        )

    async def _search_then_send(self, job: Job, message: OutgoingMessage, *, directly: bool = True) -> None:
        """Send a message that may have been sent already, with no record of it.

        Look for the message wherever it could be first. A restored job is no longer marked as such when
        the send is recorded, so a crash before that repeats the search.
        """
        message_id: MessageId | None = None
        place: Delivery | None = None
        try:
            message_id, place = await self._find_in_channels(job, message)
            if message_id is None and (direct := await self._direct(job)) is not None:
                message_id = await self._find_directly(job, message, direct, must_know=place is None)
                place = place or (direct if directly else None)
        except NoHistory:
            log.warning("restored message unverifiable", extra=_fields(message))
            await self._give_up(job, message, UNREADABLE, restored=False)
            return
        if message_id is not None:
            log.info("restored message found", extra={"kind": str(message.kind)})
            await self._transitions.to(job, message.done, due_at=None, message_id=message_id, restored=False)
        elif place is None:
            log.info("nowhere to post", extra=_fields(message))
            await self._give_up(job, message, NO_PLACE, restored=False)
        else:
            await self._start(job, message, place.channel_id, direct=place.direct)

    async def _find_in_channels(
        self, job: Job, message: OutgoingMessage
    ) -> tuple[MessageId | None, Delivery | None]:
        """Return the message, if any, and the first channel that accepts posts now."""
        first: Delivery | None = None
        for channel_id in _places(job, message):
            if channel_id == job.origin.parent_channel_id and first is not None:
                break  # the thread accepts messages, so none went to its channel
            place = Delivery(channel_id=channel_id, direct=False, started_at=job.created_at)
            try:
                message_id = await self._courier.find(job, message.kind, place, ever=True)
            except NoAccess:
                continue
            first = first or place
            if message_id is not None:
                return message_id, first
        return None, first

    async def _direct(self, job: Job) -> Delivery | None:
        """Return the place for a direct message, or None if the member accepts none."""
        try:
            channel_id = await self._courier.open_direct(job.origin.member_id)
        except NoAccess:
            return None
        return Delivery(channel_id=channel_id, direct=True, started_at=job.created_at)

    async def _find_directly(
        self, job: Job, message: OutgoingMessage, direct: Delivery, *, must_know: bool
    ) -> MessageId | None:
        """Return the message if it was sent directly.

        Raises:
            NoHistory: that can't be known, and ``must_know`` is set because it would be sent there now.
        """
        try:
            return await self._courier.find(job, message.kind, direct, ever=True)
        except (NoAccess, NoHistory):
            if must_know:
                raise NoHistory from None
            return None

    async def _earlier(self, job: Job, message: OutgoingMessage, delivery: Delivery) -> MessageId | None:
        """Return the message that an earlier send left, if it can be found."""
        try:
            return await self._courier.find(job, message.kind, delivery)
        except (NoAccess, NoHistory):
            return None

    async def _start(
        self, job: Job, message: OutgoingMessage, channel_id: ChannelId, *, direct: bool, answer: str = ""
    ) -> None:
        """Commit the destination and the start time, then send."""
        delivery = Delivery(channel_id=channel_id, direct=direct, started_at=self._now())
        with self._shutdown_guard():
            await self._transitions.to(
                job,
                message.sending,
                due_at=delivery.started_at,
                keep_claim=True,
                answer=answer,
                delivery=delivery,
                restored=False,
            )
            # Durable from here on: if the process dies during the send, `go_on` finds the job.
            await self._send(replace(job, state=message.sending, delivery=delivery), message, delivery)

    async def go_on(self, job: Job, message: OutgoingMessage) -> None:
        """Continue a send that was started and whose outcome is unknown."""
        if job.restored:
            await self._search_then_send(job, message)
            return
        delivery = job.delivery
        assert delivery is not None  # noqa: S101 - the schema's CHECK, told to the type checker
        if delivery.channel_id == NO_CHANNEL_YET:
            await self._open_direct(job, message)
            return
        # A negative age means that the clock was set back: then nothing is known about the nonce.
        elapsed = self._now() - delivery.started_at
        if timedelta() <= elapsed < SEND_WITHIN:
            with self._shutdown_guard():
                await self._send(job, message, delivery, repeated=True)
        elif timedelta() <= elapsed < SEND_SETTLED:
            await self._transitions.to(job, message.sending, due_at=delivery.started_at + SEND_SETTLED)
        else:
            await self._look_then_send(job, message, delivery)

    async def _look_then_send(self, job: Job, message: OutgoingMessage, delivery: Delivery) -> None:
        try:
            message_id = await self._courier.find(job, message.kind, delivery)
        except NoAccess as error:
            await self._elsewhere(job, message, delivery, str(error))
        except NoHistory:
            log.warning("message unverifiable", extra=_fields(message))
            await self._give_up(job, message, UNREADABLE)
        else:
            if message_id is not None:
                await self._transitions.to(job, message.done, due_at=None, message_id=message_id)
            else:
                await self._start(job, message, delivery.channel_id, direct=delivery.direct)

    async def _send(
        self, job: Job, message: OutgoingMessage, delivery: Delivery, *, repeated: bool = False
    ) -> None:
        """Send once under the nonce of this delivery and record the outcome.

        The deadline counts from the committed start, so that no request leaves after Discord may have
        forgotten the nonce.
        """
        key = nonce(job, message.kind, delivery)
        time_left = delivery.started_at + SEND_WITHIN - self._now()
        message_id: MessageId | None = None
        try:
            self._transitions.refuse_to_act_late()
            async with asyncio.timeout(max(time_left.total_seconds(), 0.0)):
                if message.kind is MessageKind.SONG:
                    tracks = [self._available(job, track) for track in job.tracks]
                    files = [(track, self._spool.path(track.file)) for track in tracks]
                    message_id = await self._courier.post_song(job, files, delivery, key)
                else:
                    message_id = await self._courier.post_notice(job, delivery, key)
        except NoAccess as error:
            if repeated:
                # This says nothing about earlier sends: the bot may have lost access since. Only the
                # channel's history can tell.
                log.warning("repeated send refused", extra=_fields(message, error))
                due_at = delivery.started_at + SEND_SETTLED
                await self._transitions.to(job, message.sending, due_at=due_at, answer=str(error))
            else:
                content = isinstance(error, ContentRefused)
                await self._elsewhere(job, message, delivery, str(error), content=content)
            return
        except AlreadyPosted:
            log.info("message posted, then deleted", extra={"kind": str(message.kind)})
        except (Transient, TimeoutError) as error:
            log.warning("send outcome unknown", extra=_fields(message, error))
            answer = str(error) or type(error).__name__
            if self._now() - job.state_since > PATIENCE_MAX:
                await self._give_up(job, message, answer)
            else:
                due_at = self._again_at(job, delivery, error)
                await self._transitions.to(job, message.sending, due_at=due_at, answer=answer)
            return
        await self._transitions.to(job, message.done, due_at=None, message_id=message_id)

    def _available(self, job: Job, track: Track) -> Track:
        """Return the track, or a link to it if its file is gone: it is paid for."""
        if track.linked or self._spool.path(track.file).is_file():
            return track
        log.error("stored file missing", extra={"take": track.take})
        return replace(track, file=link_to(track.url, f"{job.id}-{track.take}").file)

    def _again_at(self, job: Job, delivery: Delivery, error: Transient | TimeoutError) -> datetime:
        """Return when to retry a failed send: not before Discord allows a request."""
        asked_s = error.retry_after_s if isinstance(error, Transient) else None
        patience = min((self._now() - job.state_since) / PATIENCE_SHARE, PATIENCE_WAIT_MAX)
        again_at = self._now() + max(timedelta(seconds=max(asked_s or 0.0, RESEND_WAIT_S)), patience)
        if again_at < delivery.started_at + SEND_WITHIN:
            return again_at
        return max(again_at, delivery.started_at + SEND_SETTLED)

    async def _elsewhere(
        self, job: Job, message: OutgoingMessage, delivery: Delivery, answer: str, *, content: bool = False
    ) -> None:
        """Fall back to the next channel, or else to a direct message.

        The fallback is committed before it is tried. ``content`` means that the message itself was refused:
        a thread's channel would refuse it too.
        """
        places = _places(job, message)
        after = places[places.index(delivery.channel_id) + 1 :] if delivery.channel_id in places else ()
        if after and not (content and after[0] == job.origin.parent_channel_id):
            await self._start(job, message, after[0], direct=False, answer=answer)
            return
        if delivery.direct:
            log.warning("nowhere to post", extra=_fields(message))
            await self._give_up(job, message, answer)
            return
        now = self._now()
        await self._transitions.to(
            job,
            message.sending,
            due_at=now,
            answer=answer,
            delivery=Delivery(channel_id=NO_CHANNEL_YET, direct=True, started_at=now),
        )

    async def _open_direct(self, job: Job, message: OutgoingMessage) -> None:
        try:
            channel_id = await self._courier.open_direct(job.origin.member_id)
        except NoAccess as error:
            log.warning("direct messages refused", extra=_fields(message))
            await self._give_up(job, message, str(error))
        else:
            await self._start(job, message, channel_id, direct=True)


def _places(job: Job, message: OutgoingMessage) -> tuple[ChannelId, ...]:
    """Return the channels to try for the message, in order."""
    origin = job.origin
    results = origin.results_channel_id if message.kind is MessageKind.SONG else None
    channels = (results, origin.channel_id, origin.parent_channel_id)
    return tuple(dict.fromkeys(channel for channel in channels if channel is not None))


def _fields(message: OutgoingMessage, error: Exception | None = None) -> dict[str, str]:
    """Return the fields of a log event about a message."""
    fields = {"kind": str(message.kind)}
    if error is not None:
        fields["error"] = str(error) or type(error).__name__
    return fields
