"""What a card tells beside the job's state: what is left, how many come first, when it may be done."""

from datetime import datetime, timedelta

from bot.jobs.courier import CardFacts
from bot.model import Job, JobState
from bot.store import jobs, ledger
from bot.store.database import Tx

SLOW_AFTER = timedelta(minutes=20)
SAMPLE = 20
"""The last songs that an estimate is made of."""
ENOUGH = 5
"""With fewer songs than this the estimate is a range."""
FIRST_GUESS = (timedelta(minutes=1), timedelta(minutes=3))
"""Source: this service's upstream, 57 to 74 s in two measured runs, 2 to 3 min by its documentation."""


def facts_of(tx: Tx, job: Job, defaults: ledger.Defaults, now: datetime) -> CardFacts:
    """What the job's card shows at ``now``."""
    took = jobs.recent_durations(tx, SAMPLE)
    if len(took) >= ENOUGH:
        first, last = sorted(took)[len(took) // 2], None
    else:
        first, last = FIRST_GUESS
    return CardFacts(
        balance=ledger.balance(tx, job.reply_to.guild_id, defaults, now),
        ahead=jobs.queue_position(tx, job) if job.state is JobState.QUEUED else 0,
        expected_at=job.created_at + first,
        expected_until=None if last is None else job.created_at + last,
        slow=job.state is JobState.RUNNING and now - job.created_at >= SLOW_AFTER,
    )
