"""Admit a request inside the accept transaction: check it, hold its credits, and store the job."""

from datetime import datetime

from msgspec import Struct

from bot.database.engine import Tx
from bot.errors import Refusal
from bot.model import Job, JobState, Origin, SongRequest, Source
from bot.pipeline.card_facts import first_facts
from bot.pipeline.courier import CardFacts
from bot.refusals import NoRoom
from bot.services import admission
from bot.services.pending_answers import ANSWER_WITHIN
from bot.services.terms import Terms
from bot.store import jobs, members, quotas, servers
from bot.store.locking import lock_day
from bot.store.times import day_number


class Accepted(Struct, frozen=True, kw_only=True):
    """A new job with its credits held, and the facts for its card."""

    job: Job
    facts: CardFacts


class Incoming(Struct, frozen=True, kw_only=True):
    """A request with everything that is known about it before the transaction."""

    request: SongRequest
    origin: Origin
    source: Source | None
    """The earlier job whose texts the request reuses."""
    storage_problem: str | None
    """Why no song can be stored now."""
    at: datetime


class Decision(Struct, frozen=True):
    """The decision on one request, as its transaction made it."""

    outcome: Accepted | Refusal | None
    """None if the interaction was already accepted or refused."""
    share_passed: int | None = None
    """The share of the operator's total that was reached with this request, in percent."""


def admit(tx: Tx, terms: Terms, incoming: Incoming) -> Accepted:
    """Hold the credits and store the job.

    Raises:
        Refusal: the request can't be accepted. The caller rolls back whatever was written.
    """
    if incoming.storage_problem is not None:
        raise NoRoom
    now, source = incoming.at, incoming.source
    origin = admission.require_admissible(tx, terms, incoming.request, incoming.origin)
    member = members.member_number(tx, origin.member_id)
    lock_day(tx, day_number(now))  # the month's total of all servers is checked, too
    admission.require_allowed(tx, terms, origin, member, source, now)
    job_id, price = jobs.new_id(), terms.price_credits
    held, standing = quotas.hold(
        tx, job_id, origin.guild_id, member, origin.role_ids, price, terms.defaults, now
    )
    job = Job(
        id=job_id,
        request=incoming.request,
        origin=origin,
        state=JobState.QUEUED,
        attempt=0,
        tries=0,
        created_at=now,
        state_since=now,
        price_credits=price,
        limit_credits=None if standing.limit is None else standing.limit.credits,
    )
    jobs.add(tx, job, member, held, due_at=now + ANSWER_WITHIN, source=source)
    return Accepted(job=job, facts=first_facts(tx, job, standing, now))


def share_passed(tx: Tx, terms: Terms, now: datetime) -> int | None:
    """Record how much of the operator's total is used; return the share if it is newly reached."""
    if terms.total_credits_max is None:
        return None
    return servers.newly_passed(tx, terms.total_credits_max, terms.price_credits, now)
