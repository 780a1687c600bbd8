"""Decide whether a service's paid endpoint may be called: circuit breaker and closure, in one table.

Each music service has its own row, because one service's answers say nothing about another.

The breaker opens after unknown outcomes, the closure after an answer that the service is closed. Both
survive a restart, and both let a single request through, the probe, when their wait is over.

One member must not be able to stop everybody's songs, and some answers depend on the request: a text that
makes the service fail, a firewall page, "not available". An unknown outcome or a "not open" is therefore
only a suspicion. It affects everybody once requests from two members with different texts have received it
with no clear answer in between. The price of that rule: with a single active member the breaker stays
closed during an outage, and each of that member's requests ends as an unknown outcome with its credits
released. Answers about the account (no credits, a bad key) depend on nobody's texts and take effect at once.
"""

import hashlib
import json
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import asdict, replace

from bot.database.engine import Tx
from bot.model import Backend, ClosedCause, Job
from bot.store.times import milliseconds, moment

UNKNOWN_IN_A_ROW = 3
"""Consecutive unknown outcomes that open the breaker, if they hit at least two members."""
BREAKER_WAIT = timedelta(seconds=60)
BREAKER_WAIT_MAX = timedelta(minutes=15)
CLOSED_WAIT = timedelta(minutes=15)
CLOSED_WAIT_MAX = timedelta(minutes=60)
PROBE_LEASE = timedelta(minutes=2)
"""How long a probe is the only request allowed; longer than the longest POST."""
SUSPECTS_MAX = 8
"""Maximum number of stored suspicions of one kind."""
HASH_BITS = 16
"""Length of a hash, in bits: enough to distinguish two requests, too few to identify their members."""


class Kind(StrEnum):
    """Answers that may concern everybody, or only the request that received them."""

    UNKNOWN = "unknown"
    NOT_OPEN = "not_open"


class Suspect(Struct, frozen=True):
    """A request that received such an answer, with member and text as hashes."""

    kind: Kind
    member_hash: int
    text_hash: int

    def confirms(self, other: "Suspect") -> bool:
        """Return whether both together mean everybody: another member, with different texts."""
        return (
            self.kind is other.kind
            and self.member_hash != other.member_hash
            and self.text_hash != other.text_hash
        )


class Breaker(Struct, frozen=True, kw_only=True):
    """The last known state of a service's paid endpoint."""

    closed: ClosedCause | None = None
    unknown_in_a_row: int = 0
    tries: int = 0
    """Number of probes since requests were stopped; each doubles the wait."""
    retry_at: datetime | None = None
    """When a single request may go through; None while all may."""
    suspects: frozenset[Suspect] = frozenset()


OPEN = Breaker()
"""All requests may go through, and nothing is suspected."""


def suspect(kind: Kind, job: Job) -> Suspect:
    """Return the suspicion raised by the answer to this job's request."""
    texts = json.dumps(asdict(job.request), sort_keys=True, default=str)
    return Suspect(kind, _hash(str(job.origin.member_id)), _hash(texts))


def _hash(text: str) -> int:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest, "big") >> (len(digest) * 8 - HASH_BITS)


def read(tx: Tx, backend: Backend) -> Breaker:
    """Return the current state."""
    rows = tx.execute(
        """SELECT closed, unknown_in_a_row, tries, retry_at, kind, member_hash, text_hash
           FROM breaker LEFT JOIN suspicion ON suspicion.backend = breaker.backend
           WHERE breaker.backend = ?""",
        (backend,),
    ).fetchall()
    if not rows:
        return OPEN
    row = rows[0]
    return Breaker(
        closed=None if row["closed"] is None else ClosedCause(row["closed"]),
        unknown_in_a_row=row["unknown_in_a_row"],
        tries=row["tries"],
        retry_at=None if row["retry_at"] is None else moment(row["retry_at"]),
        suspects=frozenset(
            Suspect(Kind(one["kind"]), one["member_hash"], one["text_hash"])
            for one in rows
            if one["kind"] is not None
        ),
    )


def blocked_until(state: Breaker, now: datetime) -> datetime | None:
    """Return when a probe may be sent, or None if that is now."""
    # A wait longer than the maximum means that the clock was set back.
    if state.retry_at is None or not now < state.retry_at <= now + CLOSED_WAIT_MAX:
        return None
    return state.retry_at


def admit(tx: Tx, backend: Backend, now: datetime) -> datetime | None:
    """Return None if a request may be sent now, else when to ask again.

    The first caller after the wait becomes the probe. Its lease is written in the caller's transaction, so
    no second request is sent until the probe is answered or its lease expires.
    """
    state = read(tx, backend)
    if state.retry_at is None:
        return None
    if (until := blocked_until(state, now)) is not None:
        return until
    write(tx, backend, replace(state, tries=state.tries + 1, retry_at=now + PROBE_LEASE))
    return None


def reset(tx: Tx, backend: Backend) -> None:
    """Let all requests through, after the endpoint has given a clear answer to one."""
    write(tx, backend, OPEN)


def block(tx: Tx, backend: Backend, cause: ClosedCause, now: datetime) -> bool:
    """Stop all requests because the endpoint is closed. Returns whether that is news."""
    state = read(tx, backend)
    _block(tx, backend, state, cause, now)
    return state.closed is not cause


def not_open(tx: Tx, backend: Backend, job: Job, now: datetime) -> bool:
    """Record that the endpoint answered this job's request with "not open".

    Stop all requests if another member's different request got the same answer, or if they are already
    stopped for that reason. Returns whether that is news.
    """
    state = read(tx, backend)
    closed = state.closed is ClosedCause.NOT_OPEN
    one = suspect(Kind.NOT_OPEN, job)
    if closed or _confirmed(state, one):
        _block(tx, backend, state, ClosedCause.NOT_OPEN, now)
        return not closed
    wait = state.retry_at
    if state.closed is not None:
        # A probe of a closed account: this answer does not prove that the account is open again.
        wait = now + _doubled(CLOSED_WAIT, state.tries, CLOSED_WAIT_MAX)
    elif state.retry_at is not None:
        # A probe of the breaker: the service answers again, and accepted nothing.
        state, wait = replace(state, unknown_in_a_row=0, tries=0), None
    write(tx, backend, replace(state, retry_at=wait, suspects=_with(state, one)))
    return False


def unknown(tx: Tx, backend: Backend, job: Job, now: datetime) -> bool:
    """Record that the outcome of this job's request is unknown. Returns whether the breaker just opened."""
    state = read(tx, backend)
    if state.closed is not None:  # only a clear answer lets requests through again
        wait = _doubled(CLOSED_WAIT, state.tries, CLOSED_WAIT_MAX)
        write(tx, backend, replace(state, unknown_in_a_row=0, retry_at=now + wait))
        return False
    one = suspect(Kind.UNKNOWN, job)
    is_open = state.retry_at is not None
    # Once open, any unknown outcome counts: the probe may be anybody's.
    opens = is_open or _confirmed(state, one)
    in_a_row = state.unknown_in_a_row + 1
    state = replace(state, unknown_in_a_row=in_a_row, suspects=_with(state, one))
    if not opens or in_a_row < UNKNOWN_IN_A_ROW:
        write(tx, backend, replace(state, tries=0, retry_at=None))
        return False
    write(tx, backend, replace(state, retry_at=now + _doubled(BREAKER_WAIT, state.tries, BREAKER_WAIT_MAX)))
    return not is_open


def _block(tx: Tx, backend: Backend, state: Breaker, cause: ClosedCause, now: datetime) -> None:
    # Only probes double the wait: several requests in flight at once may all get this answer.
    tries = state.tries if state.closed is not None else 0
    wait = _doubled(CLOSED_WAIT, tries, CLOSED_WAIT_MAX)
    write(tx, backend, Breaker(closed=cause, tries=tries, retry_at=now + wait))


def _confirmed(state: Breaker, one: Suspect) -> bool:
    """Return whether the suspicions, with this one, involve two members with different texts."""
    suspects = _with(state, one) | {one}
    return any(first.confirms(second) for first in suspects for second in suspects)


def _with(state: Breaker, one: Suspect) -> frozenset[Suspect]:
    """Return the suspicions with this one, which replaces the member's earlier one."""
    others = {
        other for other in state.suspects if (other.kind, other.member_hash) != (one.kind, one.member_hash)
    }
    if sum(other.kind is one.kind for other in others) >= SUSPECTS_MAX:
        return frozenset(others)
    return frozenset(others | {one})


def _doubled(first: timedelta, times: int, most: timedelta) -> timedelta:
    return min(first * (1 << min(times, 10)), most)


def write(tx: Tx, backend: Backend, state: Breaker) -> None:
    """Replace the state."""
    tx.execute(
        """INSERT INTO breaker (backend, closed, unknown_in_a_row, tries, retry_at) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (backend) DO UPDATE SET closed = excluded.closed, tries = excluded.tries,
             unknown_in_a_row = excluded.unknown_in_a_row, retry_at = excluded.retry_at""",
        (
            backend,
            state.closed,
            state.unknown_in_a_row,
            state.tries,
            None if state.retry_at is None else milliseconds(state.retry_at),
        ),
    )
    tx.execute("DELETE FROM suspicion WHERE backend = ?", (backend,))
    tx.executemany(
        "INSERT INTO suspicion (backend, kind, member_hash, text_hash) VALUES (?, ?, ?, ?)",
        [(backend, one.kind, one.member_hash, one.text_hash) for one in state.suspects],
    )
