"""Totals over all servers, for monitoring."""

from datetime import datetime

from msgspec import Struct

from bot.database.engine import Tx
from bot.model import SONG_STATES, Backend, FailReason, JobState
from bot.store import breaker as breaker_table
from bot.store import servers
from bot.store.breaker import Breaker
from bot.store.members import WHOLE_GUILD
from bot.store.times import moment


class Totals(Struct, frozen=True, kw_only=True):
    """Songs and credits over all servers, and the state of the breaker."""

    states: dict[JobState, int]
    """Number of jobs by state."""
    reasons: dict[FailReason, int]
    """Number of failed jobs by reason."""
    parked: int
    """Number of parked jobs."""
    oldest_queued_at: datetime | None
    held: int
    """In credits, like the next three."""
    settled: int
    released: int
    refunded: int
    """Settled credits that were refunded."""
    month: int
    """Credits used or held in the calendar month (UTC), which ``TOTAL_CREDITS_MAX`` bounds."""
    breaker: Breaker


def totals(tx: Tx, now: datetime, backend: Backend) -> Totals:
    """Compute the totals; this takes 0.2 s with 300,000 songs.

    ``backend`` is the service whose breaker counts, the one that makes new songs.
    """
    states, reasons = dict.fromkeys(JobState, 0), dict.fromkeys(FailReason, 0)
    parked = settled = released = 0
    oldest_ms: int | None = None
    rows = tx.execute(
        """SELECT state, reason, parked IS NOT NULL AS parked, COUNT(*) AS jobs, SUM(price) AS credits,
                  MIN(created_at) AS oldest
           FROM job GROUP BY 1, 2, 3"""
    )
    for row in rows:
        state = JobState(row["state"])
        states[state] += row["jobs"]
        parked += row["jobs"] * row["parked"]
        if state in SONG_STATES:
            settled += row["credits"]
        elif state in (JobState.FAILED, JobState.EXPLAINED):
            released += row["credits"]
            reasons[FailReason(row["reason"])] += row["jobs"]
        elif state is JobState.QUEUED:
            oldest_ms = row["oldest"] if oldest_ms is None else min(oldest_ms, row["oldest"])
    (held,) = tx.execute(
        "SELECT COALESCE(SUM(allowance_held + bonus_held), 0) FROM usage WHERE member_id = ?", (WHOLE_GUILD,)
    ).fetchone()
    (refunded,) = tx.execute(
        "SELECT COALESCE(SUM(allowance + bonus), 0) FROM ledger WHERE kind = 'refund' AND job_id IS NOT NULL"
    ).fetchone()
    return Totals(
        states=states,
        reasons=reasons,
        parked=parked,
        oldest_queued_at=None if oldest_ms is None else moment(oldest_ms),
        held=held,
        settled=settled,
        released=released,
        refunded=refunded,
        month=servers.credits_this_month(tx, now),
        breaker=breaker_table.read(tx, backend),
    )
