"""Whether the paid endpoint may be asked: a pause after a closed answer, a breaker after unknown ones.

Both are one row, so they outlive a restart, and both let one request through when their wait is over.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.database.sqlite import Tx
from bot.model import ClosedCause
from bot.store.times import milliseconds, moment

UNKNOWN_IN_A_ROW = 3
"""Unknown outcomes after which the breaker opens."""
BREAKER_WAIT = timedelta(seconds=60)
BREAKER_WAIT_MAX = timedelta(minutes=15)
CLOSED_WAIT = timedelta(minutes=15)
CLOSED_WAIT_MAX = timedelta(minutes=60)
PROBE_LEASE = timedelta(minutes=2)
"""How long the one probe has the gate to itself; longer than a POST may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaker:
    """The state of the paid endpoint as this bot knows it."""

    closed: ClosedCause | None
    unknown_in_a_row: int
    tries: int
    """Probes since it shut; each doubles the wait."""
    retry_at: datetime | None
    """When one request may go through; None while the gate is open."""


def read(tx: Tx) -> Breaker:
    """The gate as it stands."""
    row = tx.execute("SELECT * FROM gate").fetchone()
    return Breaker(
        closed=None if row["closed"] is None else ClosedCause(row["closed"]),
        unknown_in_a_row=row["unknown_in_a_row"],
        tries=row["tries"],
        retry_at=None if row["retry_at"] is None else moment(row["retry_at"]),
    )


def shut_until(gate: Breaker, now: datetime) -> datetime | None:
    """When the gate may be tried again, or None if that is now."""
    # A wait longer than the longest can only come of a clock that was set back.
    if gate.retry_at is None or not now < gate.retry_at <= now + CLOSED_WAIT_MAX:
        return None
    return gate.retry_at


def enter(tx: Tx, now: datetime) -> datetime | None:
    """None if a request may go out now, else when to ask again.

    While the gate is shut, the first to come after its wait is the probe, and has it to itself.
    """
    gate = read(tx)
    if gate.retry_at is None:
        return None
    if (until := shut_until(gate, now)) is not None:
        return until
    _write(tx, gate.closed, gate.unknown_in_a_row, gate.tries + 1, now + PROBE_LEASE)
    return None


def answered(tx: Tx) -> None:
    """The endpoint gave a clear answer about a request: the gate is open."""
    _write(tx, None, 0, 0, None)


def shut(tx: Tx, cause: ClosedCause, now: datetime) -> bool:
    """The endpoint takes no requests. Returns whether that is news."""
    gate = read(tx)
    # Only probes count: of the requests that were under way together, each may get this answer.
    tries = gate.tries if gate.closed is not None else 0
    _write(tx, cause, 0, tries, now + _doubled(CLOSED_WAIT, tries, CLOSED_WAIT_MAX))
    return gate.closed is not cause


def unknown(tx: Tx, now: datetime) -> bool:
    """An answer left open whether the request was taken. Returns whether the breaker has just opened."""
    gate = read(tx)
    if gate.closed is not None:  # it takes a clear answer to open it
        _write(tx, gate.closed, 0, gate.tries, now + _doubled(CLOSED_WAIT, gate.tries, CLOSED_WAIT_MAX))
        return False
    in_a_row = gate.unknown_in_a_row + 1
    if in_a_row < UNKNOWN_IN_A_ROW:
        _write(tx, None, in_a_row, 0, None)
        return False
    wait = _doubled(BREAKER_WAIT, gate.tries, BREAKER_WAIT_MAX)
    _write(tx, None, in_a_row, gate.tries, now + wait)
    return in_a_row == UNKNOWN_IN_A_ROW


def _doubled(first: timedelta, times: int, most: timedelta) -> timedelta:
    return min(first * (1 << min(times, 10)), most)


def _write(
    tx: Tx, closed: ClosedCause | None, unknown_in_a_row: int, tries: int, at: datetime | None
) -> None:
    tx.execute(
        "UPDATE gate SET closed = ?, unknown_in_a_row = ?, tries = ?, retry_at = ?",
        (closed, unknown_in_a_row, tries, None if at is None else milliseconds(at)),
    )
