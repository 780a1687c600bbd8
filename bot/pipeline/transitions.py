"""How a claimed job is moved: in one transaction, and only by the claim that holds it."""

import logging
from collections.abc import Callable
from datetime import datetime

from bot.database.sqlite import Database, Tx
from bot.model import ClosedCause, FailReason, Job, JobState
from bot.store import jobs, ledger

log = logging.getLogger(__name__)


class Superseded(Exception):
    """Somebody else has moved the job on; what this claim found out no longer counts."""


class Transitions:
    """Writes down where a job goes. Each method raises Superseded if this claim was overtaken.

    ``moved`` is told of every job that came to another state.
    """

    def __init__(
        self,
        database: Database,
        now: Callable[[], datetime],
        moved: Callable[[int, JobState], None] = lambda _job_id, _state: None,
    ) -> None:
        self._database = database
        self._now = now
        self._moved = moved

    async def to(
        self, job: Job, to: JobState, *, due_at: datetime | None, keep_claim: bool = False, **columns: object
    ) -> None:
        """Take the job to a state, with what is now known of it; see ``store.jobs.move``."""
        now = self._now()
        moved = await self._database.write(
            lambda tx: jobs.move(tx, job, to, now=now, due_at=due_at, keep_claim=keep_claim, **columns)
        )
        if not moved:
            raise Superseded
        if to is not job.state:
            self.tell(job, to)

    def tell(self, job: Job, to: JobState) -> None:
        """The job came to this state, and that is written down."""
        log.info("job %d: %s", job.id, to)
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
        """No song will come of it: the credits go back, and the member is to be told."""
        now = self._now()

        def failed(tx: Tx) -> None:
            fail(tx, job, reason, detail, now=now, closed=closed)
            also(tx)

        await self._database.write(failed)
        log.info("job %d: failed (%s) %s", job.id, reason, detail)
        self._moved(job.id, JobState.FAILED)


def fail(
    tx: Tx, job: Job, reason: FailReason, detail: str, *, now: datetime, closed: ClosedCause | None = None
) -> None:
    """As a part of a transaction: no song will come of the job, and its credits go back.

    Raises:
        Superseded: somebody else has moved it on.
    """
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
        delivery_channel_id=None,
    )
    if not moved:
        raise Superseded
    ledger.release(tx, job.id, now)
