"""Move a claimed job to another state: in one transaction, and only by the claim that holds it."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Final, Unpack

from bot.database.engine import Database, Tx
from bot.errors import Transient
from bot.model import ClosedCause, FailReason, Job, JobId, JobState
from bot.pipeline.grouped_writes import GroupedWrites
from bot.pipeline.quote_filter import unquoted
from bot.store import announcements, jobs, ledger
from bot.store.job_events import StageTimes, stage_times
from bot.store.locking import lock_guild

log = logging.getLogger(__name__)

FROZEN: Final = "not sent: the process had been frozen"
"""Why a process that may have lost the database neither pays nor posts."""
ENDS: Final = frozenset({JobState.DELIVERED, JobState.UNDELIVERED})
"""Final states of a song; a failed one ends with its reason."""


class Superseded(Exception):
    """Another claim has moved the job on, so the result of this one no longer counts."""


class Transitions:
    """Commits jobs' changes of state. Each method raises Superseded if its claim was overtaken.

    ``moved`` is called for every job that reaches another state, after the commit.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        moved: Callable[[JobId, JobState], None] = lambda _job_id, _state: None,
    ) -> None:
        self._database = database
        self._now = now
        self._moved = moved
        self._polls = GroupedWrites(database)

    async def still_running(self, job: Job, due_at: datetime, **change: Unpack[jobs.JobChange]) -> None:
        """Leave a running job in its state until its next poll.

        The commit is shared with other jobs.
        """
        now = self._now()

        def move(tx: Tx) -> bool:
            return jobs.move(tx, job, JobState.RUNNING, now=now, due_at=due_at, **change)

        if not await self._polls.write(move):
            raise Superseded

    def refuse_to_act_late(self) -> None:
        """Raise Transient if another process may have the database and the job by now."""
        if not self._database.may_act():
            raise Transient(FROZEN)

    async def to(
        self,
        job: Job,
        to: JobState,
        *,
        due_at: datetime | None,
        keep_claim: bool = False,
        answer: str = "",
        **change: Unpack[jobs.JobChange],
    ) -> None:
        """Move the job to a state with these changes; see ``store.jobs.move``."""
        now = self._now()

        def move(tx: Tx) -> StageTimes | None:
            if not jobs.move(
                tx, job, to, now=now, due_at=due_at, keep_claim=keep_claim, answer=answer, **change
            ):
                raise Superseded
            if to is JobState.DELIVERED and not job.restored:  # a restored song may have been announced
                announcements.mark(tx, job.id, now)
            return stage_times(tx, job.id) if to in ENDS and to is not job.state else None

        times = await self._database.write(move)
        if to is not job.state:
            self.announce(job, to)
        if times is not None:
            log_outcome(job, str(to), times)

    def announce(self, job: Job, to: JobState) -> None:
        """Log and count a move that has been committed."""
        log.debug("job moved", extra={"state": str(to)})
        self._moved(job.id, to)

    async def fail(
        self,
        job: Job,
        reason: FailReason,
        detail: str = "",
        *,
        also: Callable[[Tx], object] = lambda _: None,
        closed: ClosedCause | None = None,
    ) -> None:
        """Fail the job: release its credits and let the member know why.

        ``also`` runs in the same transaction.
        """
        now = self._now()

        def write(tx: Tx) -> StageTimes:
            fail(tx, job, reason, detail, now=now, closed=closed)
            also(tx)
            return stage_times(tx, job.id)

        times = await self._database.write(write)
        log.debug("job failed", extra={"reason": str(reason), "detail": unquoted(job, detail)})
        log_outcome(job, str(reason), times)
        self._moved(job.id, JobState.FAILED)


def log_outcome(job: Job, outcome: str, times: StageTimes) -> None:
    """Log the one line about a song: its outcome, and the time spent in each state."""
    seconds = {f"{state}_s": round(time.total_seconds(), 3) for state, time in times.by_state.items()}
    log.info(
        "song ended",
        extra={
            "job_id": job.id,
            "guild_id": job.origin.guild_id,
            "outcome": outcome,
            "total_s": round(times.total.total_seconds(), 3),
            **seconds,
            "attempts": job.attempt,
        },
    )


def fail(
    tx: Tx, job: Job, reason: FailReason, detail: str, *, now: datetime, closed: ClosedCause | None = None
) -> None:
    """Fail the job and release its credits, as part of a transaction.

    The state and the credits are written together: neither can be seen without the other.

    Raises:
        Superseded: another claim has moved the job on.
    """
    lock_guild(tx, job.origin.guild_id)
    moved = jobs.move(
        tx,
        job,
        JobState.FAILED,
        now=now,
        due_at=now,
        reason=reason,
        detail=detail,
        closed=closed,
        parked=None,
        delivery=None,
    )
    if not moved:
        raise Superseded
    ledger.release(tx, job.id, now)
