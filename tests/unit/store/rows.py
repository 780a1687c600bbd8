"""Insert jobs with their credits, as intake and the steps do."""

import sqlite3
from datetime import datetime, timedelta

from msgspec.structs import replace

from bot.balance import Period
from bot.database.engine import ConstraintViolated
from bot.database.share import EVERYTHING, Share
from bot.database.sqlite import Tx
from bot.model import Backend, Delivery, FailReason, Job, JobState, TaskId, Track
from bot.store import claims, jobs, ledger, members
from tests import make
from tests.make import NOW

VIOLATED = (sqlite3.IntegrityError, ConstraintViolated)
"""Exceptions raised for statements that the schema forbids: SQLite's own, and the engine's."""
EPOCH = 5
RICH = ledger.Defaults(allowance=1_000_000, period=Period.MONTH)
HORIZON = timedelta(minutes=60)
ALL = frozenset(JobState)
OF_STATE: dict[JobState, jobs.JobChange] = {
    JobState.FAILED: {"reason": FailReason.UPSTREAM_FAILED},
    JobState.EXPLAINED: {"reason": FailReason.UPSTREAM_FAILED},
    JobState.DELIVERING: {
        "delivery": Delivery(channel_id=make.CHANNEL, direct=False, started_at=NOW),
    },
}
"""Columns that the schema requires in each state."""


def added(tx: Tx, *, at: datetime = NOW, due_at: datetime | None = None, **changes: object) -> Job:
    """Add a queued job with its credits held. ``changes`` are those of ``make.origin``."""
    origin = make.origin(**changes)
    job = make.job(id=jobs.new_id(), origin=origin, created_at=at, state_since=at)
    member = members.member_number(tx, origin.member_id)
    held = ledger.hold(tx, job.id, origin.guild_id, member, job.price_credits, RICH, at)
    jobs.add(tx, job, member, held, due_at=due_at or at)
    return job


def found(tx: Tx, job: Job) -> Job:
    """Return the job as stored."""
    there = jobs.get(tx, job.id)
    assert there is not None
    return there


def put(tx: Tx, job: Job, state: JobState, *, now: datetime = NOW, due: bool = True) -> Job:
    """Move a job to another state, with everything the state requires, and without a claim."""
    known = OF_STATE.get(state, jobs.JobChange())
    if state not in (JobState.QUEUED, JobState.SUBMITTING, JobState.FAILED, JobState.EXPLAINED):
        known = jobs.JobChange(**known, task_id=TaskId(f"task-{job.id}"))
    if state is not JobState.QUEUED:
        known = jobs.JobChange(**known, backend=Backend.SSEEDANCE)
    there = found(tx, job)
    assert jobs.move(tx, there, state, now=now, due_at=now if due else None, **known)
    return found(tx, job)


def track(take: int = 1, **changes: object) -> Track:
    """Return a track. ``changes`` are its fields."""
    fields: dict[str, object] = {
        "take": take,
        "file": f"42-{take}.mp3",
        "size_bytes": 5_000,
        "sha256": f"hash of {take}",
        "url": f"https://files.example/{take}.mp3",
    }
    return Track(**fields | changes)  # type: ignore[arg-type]


def claimed(tx: Tx, *, epoch: int = EPOCH, now: datetime = NOW, limit: int = 100) -> list[Job]:
    """Claim everything that is due."""
    return claim_due(tx, ALL, epoch, now, HORIZON, limit)


def claim_due(
    tx: Tx,
    states: frozenset[JobState],
    epoch: int,
    now: datetime,
    horizon: timedelta,
    limit: int,
    places: claims.Places | None = None,
    share: Share = EVERYTHING,
) -> list[Job]:
    """Claim jobs in these states that are due, as a round of the runner does."""
    claimant = claims.Claimant(epoch=epoch, now=now, horizon=horizon, share=share)
    return claims.claim(tx, claims.ripe(tx, states, claimant, limit, places), claimant)


def settled(tx: Tx, job: Job, *, now: datetime = NOW) -> None:
    ledger.settle(tx, job.id, now)


def released(tx: Tx, job: Job, *, now: datetime = NOW) -> None:
    ledger.release(tx, job.id, now)


def without_roles(job: Job) -> Job:
    """Return the job as a row can hold it, without the member's roles."""
    return replace(job, origin=replace(job.origin, role_ids=frozenset()))
