"""Compute the facts a card shows besides the job's state: credits left, queue position, estimate."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from bot.balance import Limit, Standing
from bot.database.engine import Tx
from bot.model import GuildId, Job, JobId, JobState, MemberNumber
from bot.pipeline.courier import CardFacts
from bot.store import job_cards, jobs, ledger, queue_order, quotas

COUNTED_EACH_MAX = 8
"""Maximum number of queued songs located one by one; for more, the whole queue is read once."""
SLOW_AFTER = timedelta(minutes=20)
"""Age at which a card calls its song slow."""
SAMPLE = 20
"""Number of recent songs behind an estimate."""
ENOUGH = 5
"""Minimum number of songs for a single estimate; with fewer it is a range."""
FIRST_GUESS = (timedelta(minutes=1), timedelta(minutes=3))
"""Range to show until there are enough songs.

Source: this service's upstream, 57 to 74 s in two measured runs, 2 to 3 min by its documentation.
"""


def card_facts(tx: Tx, job: Job, defaults: ledger.Defaults, now: datetime) -> CardFacts:
    """Return the facts for the job's card at ``now``."""
    ahead = queue_order.queue_position(tx, job) if job.state is JobState.QUEUED else 0
    return _facts(job, _standing(tx, job, defaults, now), now, _usual_duration(tx), ahead)


def first_facts(tx: Tx, job: Job, standing: Standing, now: datetime) -> CardFacts:
    """Return the facts for the card of a job just queued, whose member has this standing."""
    limit = None if standing.limit is None else Limit(credits=standing.limit.credits)
    ahead = queue_order.queue_position(tx, job)
    return _facts(job, replace(standing, limit=limit), now, _usual_duration(tx), ahead)


def facts_of(
    tx: Tx, with_cards: Sequence[Job], defaults: ledger.Defaults, now: datetime
) -> list[tuple[Job, CardFacts]]:
    """Return the facts for several jobs' cards.

    The queue is read once for all of them.
    """
    usual = _usual_duration(tx)
    queued = [job for job in with_cards if job.state is JobState.QUEUED]
    if len(queued) > COUNTED_EACH_MAX:
        places: Mapping[JobId, int] = queue_order.positions(tx)
    else:
        places = {job.id: queue_order.queue_position(tx, job) for job in queued}
    return [
        (job, _facts(job, _standing(tx, job, defaults, now), now, usual, places.get(job.id, 0)))
        for job in with_cards
    ]


def _usual_duration(tx: Tx) -> timedelta | None:
    """Return the median of the last songs' durations, or None if they are too few."""
    took_ms = sorted(job_cards.recent_durations_ms(tx, SAMPLE))
    return timedelta(milliseconds=took_ms[len(took_ms) // 2]) if len(took_ms) >= ENOUGH else None


def _facts(job: Job, standing: Standing, now: datetime, usual: timedelta | None, ahead: int) -> CardFacts:
    first, last = FIRST_GUESS if usual is None else (usual, None)
    making = job.open and job.state not in (JobState.QUEUED, JobState.FAILED)
    # If the queue alone has taken longer than a song does, the estimate counts from now.
    begins_at = now if job.state is JobState.QUEUED and now > job.created_at + first else job.created_at
    return CardFacts(
        standing=standing,
        ahead=ahead,
        expected_at=begins_at + first,
        expected_until=None if last is None else begins_at + last,
        overdue=making and now > job.created_at + (last or first),
        slow=job.state is JobState.RUNNING and now - job.created_at >= SLOW_AFTER,
    )


def _standing(tx: Tx, job: Job, defaults: ledger.Defaults, now: datetime) -> Standing:
    """Return the member's standing under the limit at the time of the request.

    Roles are not stored.
    """
    guild_id, member, _ = jobs.held(tx, job.id)
    limit = None if job.limit_credits is None else Limit(credits=job.limit_credits)
    return quotas.standing(tx, GuildId(guild_id), MemberNumber(member), limit, defaults, now)
