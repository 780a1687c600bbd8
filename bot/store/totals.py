"""Totals over all servers, for monitoring."""

from datetime import datetime

from msgspec import Struct

from bot.database.engine import Tx
from bot.model import SONG_STATES, Backend, FailReason, JobState
from bot.store import breaker as breaker_table
from bot.store import servers
from bot.store.breaker import Breaker
from bot.store.times import moment

PARKED, REFUNDED = "parked", "refunded"
"""Names of the sums that are not grouped by state and reason."""


class Totals(Struct, frozen=True, kw_only=True):
    """Songs and credits over all servers, and the state of the breaker."""

    states: dict[JobState, int]
    """Number of jobs by state."""
    reasons: dict[FailReason, int]
    """Number of failed jobs by reason."""
    parked: int
    """Number of parked jobs."""
    oldest_queued_at: datetime | None
    """When the oldest queued song was requested, parked and otherwise held-back ones excluded."""
    held: int
    """In credits, like the following three."""
    settled: int
    released: int
    refunded: int
    """Settled credits that were refunded."""
    month: int
    """Credits used or held in the calendar month (UTC), bounded by ``TOTAL_CREDITS_MAX``."""
    breaker: Breaker


def totals(tx: Tx, now: datetime, backend: Backend) -> Totals:
    """Return the totals, from the sums that the schema maintains.

    ``backend`` is the service that makes new songs, whose breaker is included.
    """
    states, reasons = dict.fromkeys(JobState, 0), dict.fromkeys(FailReason, 0)
    parked = held = settled = released = refunded = 0
    rows = tx.execute(
        "SELECT name, SUM(songs) AS songs, SUM(credits) AS amount FROM song_total GROUP BY name"
    )
    for name, songs, amount in rows:
        if name == PARKED:
            parked = songs
            continue
        if name == REFUNDED:
            refunded = amount
            continue
        state_name, _, reason = name.partition(":")
        state = JobState(state_name)
        states[state] += songs
        if state in SONG_STATES:
            settled += amount
        elif state in (JobState.FAILED, JobState.EXPLAINED):
            released += amount
            reasons[FailReason(reason)] += songs
        else:
            held += amount
    (oldest_ms,) = tx.execute(
        "SELECT MIN(created_at) FROM job WHERE state = 'queued' AND due_at IS NOT NULL"
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
