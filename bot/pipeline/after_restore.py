"""Prepare a restored database, so that no work done since the backup is repeated."""

from collections import Counter
from collections.abc import Collection
from datetime import datetime
from typing import assert_never

from bot.database.engine import Tx
from bot.database.facts import COMMANDS_FACT, forget
from bot.model import FailReason, Job, JobState, MemberNumber
from bot.pipeline.transitions import fail
from bot.store import announcements, budget_alerts, erasure, jobs


def mark(tx: Tx, now: datetime, gone: Collection[int] = ()) -> Counter[JobState]:
    """Mark unfinished jobs as restored. Returns the number of jobs by state.

    A queued job may have been sent since, so it fails and its credits are released; so does one whose
    request was in flight. The others continue from their state, but look for their message before posting
    it. So does an undelivered song: somebody may have requested it again. Members erased since the
    backup, ``gone`` by their numbers, are erased again.
    """
    counts: Counter[JobState] = Counter()
    for job in jobs.unfinished(tx):
        counts[job.state] += 1
        _mark(tx, job, now)
        jobs.mark_restored(tx, job.id, now)
    for member in gone:
        erasure.erase(tx, MemberNumber(member), now)
    # Each alert is posted at most once, and these may have been posted.
    budget_alerts.drop_due(tx)
    announcements.drop_due(tx)
    # Another version may have registered its own commands since.
    forget(tx, COMMANDS_FACT)
    return counts


def _mark(tx: Tx, job: Job, now: datetime) -> None:
    match job.state:
        case JobState.QUEUED:
            fail(tx, job, FailReason.EXPIRED, "", now=now)
        case JobState.SUBMITTING:
            fail(tx, job, FailReason.OUTCOME_UNKNOWN, "", now=now)
        case JobState.RUNNING | JobState.READY | JobState.STORED | JobState.DELIVERING | JobState.FAILED:
            return
        case JobState.DELIVERED | JobState.EXPLAINED | JobState.UNDELIVERED:
            return
        case _:
            assert_never(job.state)
