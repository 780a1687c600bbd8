"""What a card tells beside the job's state: what is left, how many come first, when it may be done."""

from datetime import datetime, timedelta

from bot.database.sqlite import Tx
from bot.model import GuildId, Job, JobState, Limit, MemberNumber, Standing
from bot.pipeline.courier import CardFacts
from bot.store import jobs, ledger, quotas

SLOW_AFTER = timedelta(minutes=20)
SAMPLE = 20
"""The last songs that an estimate is made of."""
ENOUGH = 5
"""With fewer songs than this the estimate is a range."""
FIRST_GUESS = (timedelta(minutes=1), timedelta(minutes=3))
"""Source: this service's upstream, 57 to 74 s in two measured runs, 2 to 3 min by its documentation."""


def card_facts(tx: Tx, job: Job, defaults: ledger.Defaults, now: datetime) -> CardFacts:
    """What the job's card shows at ``now``."""
    took = jobs.recent_durations(tx, SAMPLE)
    if len(took) >= ENOUGH:
        first, last = sorted(took)[len(took) // 2], None
    else:
        first, last = FIRST_GUESS
    making = job.open and job.state not in (JobState.QUEUED, JobState.FAILED)
    # Where the queue alone took longer than a song does, the time counts from now.
    begins_at = now if job.state is JobState.QUEUED and now > job.created_at + first else job.created_at
    return CardFacts(
        standing=_standing(tx, job, defaults, now),
        ahead=jobs.queue_position(tx, job) if job.state is JobState.QUEUED else 0,
        expected_at=begins_at + first,
        expected_until=None if last is None else begins_at + last,
        overdue=making and now > job.created_at + (last or first),
        slow=job.state is JobState.RUNNING and now - job.created_at >= SLOW_AFTER,
    )


def _standing(tx: Tx, job: Job, defaults: ledger.Defaults, now: datetime) -> Standing:
    """What is left to the member who asked, by the limit that was theirs then: roles are not kept."""
    guild_id, member, _ = jobs.held(tx, job.id)
    limit = None if job.limit_credits is None else Limit(credits=job.limit_credits)
    return quotas.standing(tx, GuildId(guild_id), MemberNumber(member), limit, defaults, now)
