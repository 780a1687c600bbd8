"""Send the paid request at most once, and record its outcome."""

import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from msgspec.structs import replace

from bot.database.engine import Database, Tx
from bot.model import Backend, ClosedCause, FailReason, GuildId, Job, JobState, SongRequest, TaskId
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.clients import MusicClients
from bot.music.contract import Contract
from bot.pipeline import schedule
from bot.pipeline.outcomes import closed_alert, record_durably
from bot.pipeline.quote_filter import unquoted
from bot.pipeline.transitions import FROZEN, Superseded, Transitions
from bot.store import breaker, claims, jobs, texts

log = logging.getLogger(__name__)

QUEUE_MAX = timedelta(minutes=60)
"""Maximum age of a queued job; then it expires."""
OFFLINE_MAX = timedelta(minutes=10)
"""How long a queued job survives failed connections to the music service."""
ROOM_AGAIN = timedelta(seconds=15)
"""Wait before retrying a request whose song could not have been stored."""
BUSY_MIN_S, BUSY_MAX_S = 1.0, 600.0
"""Bounds of a wait requested by the service, in seconds."""
SUBMITS_RESERVED, SUBMITS_SHARE = 5, 5
"""The last places in a window are reserved for servers that have sent fewer requests in it than their share.
Otherwise one member whose requests fail at once, and so never count as open, would fill every window."""
WRITE_AGAIN_MAX_S = 30.0
"""Maximum wait between attempts to record the outcome of a song request, in seconds."""


class Submitter:
    """Takes a job from ``queued`` through ``submitting``.

    Guarantee: the paid POST is sent at most once per job. ``submitting`` is durable before the request
    leaves, and no path leads from there back to a second request unless the answer proves that nothing
    was sent or accepted.
    """

    def __init__(
        self,
        *,
        database: Database,
        music: MusicClients,
        transitions: Transitions,
        pacer: schedule.Pacer,
        now: Callable[[], datetime],
        shutdown_guard: Callable[[], AbstractContextManager[None]],
        alert: Callable[[str], None],
        sleep: Callable[[float], Awaitable[object]],
        storage_problem: Callable[[], Awaitable[str | None]],
    ) -> None:
        self._database = database
        self._music = music
        self._transitions = transitions
        self._pacer = pacer
        self._now = now
        self._shutdown_guard = shutdown_guard
        self._alert = alert
        self._sleep = sleep
        self._storage_problem = storage_problem

    def places(self, tx: Tx, now: datetime, claimed: int) -> claims.Places:
        """Return the room in the service's window, besides what is already ``claimed``.

        ``submit`` checks again; this keeps the runner from claiming jobs that would only be put back.
        """
        contract = self._music.chosen.contract
        sent = claims.submitted_by_guild(tx, contract.backend, now - contract.submits_window)
        count = sum(own for own, _ in sent.values())
        scarce = count >= contract.submits_max - SUBMITS_RESERVED
        first = min((first for _, first in sent.values()), default=None)
        return claims.Places(
            free=max(contract.submits_max - count - claimed, 0),
            used_up=frozenset(guild for guild, (own, _) in sent.items() if scarce and own >= SUBMITS_SHARE),
            again_at=None if first is None else first + contract.submits_window,
            expired=now - QUEUE_MAX,
        )

    async def submit(self, job: Job) -> None:
        """Send a queued job's request if it is its turn, else postpone or expire it."""
        now, music, request = self._now(), self._music.chosen, self._music.on_sale(job.request)
        if not await self._may_be_sent(job, request, now):
            return
        # Before the request is recorded: a kill while it is recorded and unsent makes its outcome unknown.
        await music.prepare()
        # The guard spans from before the commit until the outcome is written, so that a shutdown never
        # leaves a job in `submitting` whose answer has arrived.
        with self._shutdown_guard():
            entered = await self._database.write(lambda tx: self._enter(tx, job, request, now))
            if isinstance(entered, datetime):
                due_at = min(entered, job.created_at + QUEUE_MAX)
                await self._transitions.to(job, JobState.QUEUED, due_at=due_at)
                return
            answer = await self._request(music, request)
            await record_durably(
                partial(self.conclude, entered, job, answer), sleep=self._sleep, wait_max_s=WRITE_AGAIN_MAX_S
            )

    async def _may_be_sent(self, job: Job, request: SongRequest, now: datetime) -> bool:
        """Return whether nothing speaks against the request; else fail or requeue the job."""
        if now - job.created_at >= QUEUE_MAX:
            await self._transitions.fail(job, FailReason.EXPIRED)
            return False
        if options := self._music.chosen.contract.capabilities.not_taken(request):
            # Requested before the operator chose this service. No option is dropped, and nothing is paid.
            fields = {"options": options, "backend": self._music.backend}
            log.warning("request needs another service", extra=fields)
            await self._transitions.fail(job, FailReason.REFUSED)
            return False
        problem = await self._storage_problem()
        if problem is not None:
            log.warning("request held back", extra={"problem": problem})
            due_at = min(now + ROOM_AGAIN, job.created_at + QUEUE_MAX)
            await self._transitions.to(job, JobState.QUEUED, due_at=due_at, answer=problem)
            return False
        return True

    def _enter(self, tx: Tx, job: Job, request: SongRequest, now: datetime) -> Job | datetime:
        """Move the job to ``submitting`` and return it, or return when to try again.

        Raises:
            Superseded: the request was withdrawn meanwhile.
        """
        backend = self._music.backend
        wait_until = _submit_window(tx, self._music.chosen.contract, job.origin.guild_id, now)
        if wait_until is None:
            wait_until = breaker.admit(tx, backend, now)
        if wait_until is not None:
            return wait_until
        moved = jobs.move(
            tx,
            job,
            JobState.SUBMITTING,
            now=now,
            due_at=now,
            keep_claim=True,
            submitted_at=now,
            backend=backend,
        )
        if not moved:  # raising also rolls back what the breaker recorded
            raise Superseded
        if request.model != job.request.model:
            texts.change_model(tx, job.id, request.model)
        return replace(job, state=JobState.SUBMITTING, backend=backend, request=request)

    async def _request(self, music: MusicClient, request: SongRequest) -> wire.Submitted:
        """Send the paid request, unless this process was suspended.

        In that case another process may have the job by now.
        """
        if not self._database.may_act():
            return wire.Busy(FROZEN)
        return await music.submit(request)

    async def conclude(self, job: Job, queued: Job, answer: wire.Submitted) -> None:
        """Record the answer's consequences for the job."""
        match answer:
            case wire.Accepted(task_id=task_id):
                await self._accepted(job, task_id)
            case wire.Rejected(closed=ClosedCause() as cause, suspect=True, detail=detail) as rejected:
                if await self._music.chosen.confirms(rejected):
                    await self._closed(job, cause, detail)
                else:
                    await self._suspect(job, cause, detail)
            case wire.Rejected(closed=ClosedCause() as cause, detail=detail):
                await self._closed(job, cause, detail)
            case wire.Rejected(reason=reason, detail=detail):
                reset = partial(breaker.reset, backend=_backend(job))
                await self._transitions.fail(job, reason, detail, also=reset)
            case wire.Busy() as busy:
                await self._busy(job, queued, busy)
            case wire.Unknown(detail=detail):
                await self.unknown(job, detail, heard=True)
            case _:
                assert_never(answer)

    async def _accepted(self, job: Job, task_id: TaskId) -> None:
        now = self._now()

        def accept(tx: Tx) -> bool:
            if jobs.task_taken(tx, _backend(job), task_id):
                return False  # nothing was learned about the service: the breaker counts it
            breaker.reset(tx, _backend(job))
            due_at = now + self._pacer.paced(schedule.poll_wait_s(0))
            if not jobs.move(tx, job, JobState.RUNNING, now=now, due_at=due_at, task_id=task_id):
                raise Superseded
            return True

        if not await self._database.write(accept):
            await self.unknown(job, "the service answered with another request's task", heard=True)
            return
        self._transitions.announce(job, JobState.RUNNING)

    async def _closed(self, job: Job, cause: ClosedCause, detail: str) -> None:
        now = self._now()
        news = False

        def block(tx: Tx) -> None:
            nonlocal news
            news = breaker.block(tx, _backend(job), cause, now)

        await self._transitions.fail(job, FailReason.CLOSED, detail, also=block, closed=cause)
        if news:
            self._alert(closed_alert(cause, unquoted(job, detail)))

    async def _suspect(self, job: Job, cause: ClosedCause, detail: str) -> None:
        """Fail this job alone: our free question was answered differently.

        The service counts as closed only once two members' requests with different texts got this answer.
        """
        now = self._now()
        news = False

        def record(tx: Tx) -> None:
            nonlocal news
            if cause is ClosedCause.NOT_OPEN:
                news = breaker.not_open(tx, _backend(job), job, now)
            else:
                breaker.reset(tx, _backend(job))

        await self._transitions.fail(job, FailReason.REFUSED, detail, also=record)
        if news:
            self._alert(closed_alert(cause, unquoted(job, detail)))

    async def _busy(self, job: Job, queued: Job, busy: wire.Busy) -> None:
        """Requeue the job: nothing was sent, or the request was clearly not accepted."""
        now = self._now()
        offline_since = (job.missing_since or now) if busy.offline else None
        if offline_since is not None and now - offline_since >= OFFLINE_MAX:
            await self._transitions.fail(job, FailReason.EXPIRED, busy.detail)
            return
        wait = self._pacer.varied(schedule.backoff_s(queued.tries + 1, 2.0, 60.0))
        if busy.retry_after_s is not None:
            longer_s = self._pacer.lengthened_s(busy.retry_after_s)
            wait = timedelta(seconds=schedule.clamp_s(longer_s, BUSY_MIN_S, BUSY_MAX_S))
        log.info(
            "request not accepted",
            extra={"detail": unquoted(job, busy.detail), "retry_in_s": wait.total_seconds()},
        )
        await self._transitions.to(
            job,
            JobState.QUEUED,
            due_at=min(now + wait, job.created_at + QUEUE_MAX),
            tries=queued.tries + 1,
            missing_since=offline_since,
            answer=busy.detail or "busy",
        )

    async def unknown(self, job: Job, detail: str, *, heard: bool) -> None:
        """Fail the job because its request may have been accepted.

        It is never sent again. ``heard`` means that this process received the answer; only then does the
        breaker count it.
        """
        now = self._now()
        opened = False

        def count(tx: Tx) -> None:
            nonlocal opened
            opened = heard and breaker.unknown(tx, _backend(job), job, now)

        log.warning("paid request outcome unknown", extra={"detail": unquoted(job, detail), "heard": heard})
        await self._transitions.fail(job, FailReason.OUTCOME_UNKNOWN, detail, also=count)
        if opened:
            self._alert(
                "Several members' requests in a row had an unknown outcome; submissions wait for a probe."
            )


def _backend(job: Job) -> Backend:
    """Return the service of a job whose request has been sent."""
    assert job.backend is not None  # noqa: S101 - the schema's trigger, told to the type checker
    return job.backend


def _submit_window(tx: Tx, contract: Contract, guild_id: GuildId, now: datetime) -> datetime | None:
    """Return None if this server may send one more request now, else when."""
    since = now - contract.submits_window
    count, first = claims.submitted_since(tx, contract.backend, since)
    if count >= contract.submits_max - SUBMITS_RESERVED:
        own, own_first = claims.submitted_since(tx, contract.backend, since, guild_id)
        if own >= SUBMITS_SHARE and own_first is not None:
            return own_first + contract.submits_window
    if count < contract.submits_max or first is None:
        return None
    return first + contract.submits_window
