"""Paid requests for lyrics, each recorded once. Each function is one part of a transaction.

A request is ``submitting`` before it is sent and ``running`` once its task is known. If it stays in
``submitting``, the service may have accepted it: it ends as ``unknown`` and is never sent again. The task of
a running one can be polled again for free. In a fleet, a request begins as ``wanted``, until the paying slot
takes it on.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from msgspec import Struct

from bot.balance import Period
from bot.database.engine import Row, Tx
from bot.model import Backend, CallId, InteractionId, MemberNumber, TaskId
from bot.store import members, times
from bot.store.times import milliseconds, moment

CALLS_MAX: Final = 10
"""Maximum number of requests by a member within ``WITHIN``."""
WITHIN: Final = members.ASKED_WITHIN
"""Window in which a member's requests are counted."""
OPEN_MAX: Final = timedelta(minutes=10)
"""How long to wait for lyrics; the service writes them in less than a minute."""
KEEP: Final = timedelta(days=62)
"""How long a request is kept: it counts in its calendar month."""
SWEEP_MAX: Final = 500
"""Maximum number of rows dropped by one transaction."""
CREDITS_EACH: Final = 1
"""Credits per request in the total of all servers; it costs the operator a thirtieth of a song."""
WISHES_MAX: Final = 4
"""Maximum number of wanted requests read at a time."""
OLD_AFTER: Final = timedelta(minutes=2)
"""Age beyond which a wanted request is not paid for, since nobody is waiting for it any more."""


class CallState(StrEnum):
    """State of a request for lyrics. Each state is committed before the action that it announces."""

    WANTED = "wanted"
    """Not sent yet; the paying slot will send it."""
    SUBMITTING = "submitting"
    RUNNING = "running"
    DONE = "done"
    REFUSED = "refused"
    """Not accepted, and free of charge."""
    FAILED = "failed"
    """Accepted, but produced no lyrics."""
    UNKNOWN = "unknown"
    """Possibly accepted."""


OPEN: Final = (CallState.WANTED, CallState.SUBMITTING, CallState.RUNNING)
"""States in which lyrics may still arrive."""


class LyricsCall(Struct, frozen=True, kw_only=True):
    """A request for lyrics."""

    id: CallId
    state: CallState
    asked_at: datetime
    task_id: TaskId | None = None
    refusal: str | None = None


def add(
    tx: Tx,
    call_id: CallId,
    interaction_id: InteractionId,
    member: MemberNumber,
    backend: Backend,
    now: datetime,
    *,
    about: str | None = None,
) -> None:
    """Record a request before it is sent; with ``about``, for the paying slot to send."""
    tx.execute(
        """INSERT INTO lyrics_call (id, interaction_id, member_id, backend, state, asked_at, about)
           VALUES (:id, :interaction, :member, :backend, :state, :now, :about)""",
        {
            "state": CallState.SUBMITTING if about is None else CallState.WANTED,
            "about": about,
            "id": call_id,
            "interaction": interaction_id,
            "member": member,
            "backend": backend,
            "now": milliseconds(now),
        },
    )


def taken(tx: Tx, interaction_id: InteractionId) -> bool:
    """Return whether this interaction has already become a request."""
    row = tx.execute("SELECT 1 FROM lyrics_call WHERE interaction_id = ?", (interaction_id,)).fetchone()
    return row is not None


def move(
    tx: Tx,
    call_id: CallId,
    before: CallState,
    after: CallState,
    *,
    task_id: TaskId | None = None,
    upstream_credits: float | None = None,
    refusal: str | None = None,
) -> bool:
    """Record a request's new state. Returns False if it is no longer in the state ``before``."""
    cursor = tx.execute(
        """UPDATE lyrics_call SET state = :after, task_id = COALESCE(:task, task_id),
                                  upstream_credits = COALESCE(:credits, upstream_credits),
                                  about = NULL, refusal = :refusal
           WHERE id = :id AND state = :before""",
        {
            "id": call_id,
            "before": before,
            "after": after,
            "task": task_id,
            "credits": upstream_credits,
            "refusal": refusal,
        },
    )
    return cursor.rowcount == 1


def wanted(tx: Tx, backend: Backend) -> list[CallId]:
    """Return other slots' wanted requests to this service, oldest first."""
    rows = tx.execute(
        """SELECT id FROM lyrics_call WHERE state = 'wanted' AND asked_at > 0 AND backend = ?
           ORDER BY asked_at LIMIT ?""",
        (backend, WISHES_MAX),
    )
    return [row["id"] for row in rows]


def take(tx: Tx, call_id: CallId, now: datetime) -> str | None:
    """Mark a wanted request as about to be sent, and return its topic.

    Returns None if it is no longer wanted, or too old for anybody to be waiting for it.
    """
    row = tx.execute("SELECT about, asked_at FROM lyrics_call WHERE id = ?", (call_id,)).fetchone()
    if row is None or row["about"] is None:
        return None
    is_old = abs(now - moment(row["asked_at"])) > OLD_AFTER
    after = CallState.REFUSED if is_old else CallState.SUBMITTING
    return str(row["about"]) if move(tx, call_id, CallState.WANTED, after) and not is_old else None


def call(tx: Tx, call_id: CallId) -> LyricsCall | None:
    """Return a request, or None."""
    row = tx.execute(
        "SELECT id, state, asked_at, task_id, refusal FROM lyrics_call WHERE id = ?", (call_id,)
    ).fetchone()
    return None if row is None else _call(row)


def _call(row: Row) -> LyricsCall:
    return LyricsCall(
        id=row["id"],
        state=CallState(row["state"]),
        asked_at=moment(row["asked_at"]),
        task_id=row["task_id"],
        refusal=row["refusal"],
    )


def unfinished(tx: Tx, member: MemberNumber, backend: Backend, now: datetime) -> LyricsCall | None:
    """Return the member's newest request to this service that may still produce lyrics."""
    row = tx.execute(
        """SELECT id, state, asked_at, task_id, refusal FROM lyrics_call
           WHERE member_id = :member AND asked_at > :since AND asked_at <= :now AND backend = :backend
             AND state IN ('wanted', 'submitting', 'running') ORDER BY asked_at DESC LIMIT 1""",
        {
            "member": member,
            "since": milliseconds(now - OPEN_MAX),
            "now": milliseconds(now),
            "backend": backend,
        },
    ).fetchone()
    return None if row is None else _call(row)


def give_up(tx: Tx, member: MemberNumber, now: datetime) -> None:
    """End the member's requests that nobody is waiting for any more, without learning their outcome."""
    tx.execute(
        """UPDATE lyrics_call SET about = NULL, state =
             CASE state WHEN 'running' THEN 'failed' WHEN 'wanted' THEN 'refused' ELSE 'unknown' END
           WHERE member_id = ? AND asked_at <= ? AND state IN ('wanted', 'submitting', 'running')""",
        (member, milliseconds(now - OPEN_MAX)),
    )


def recent(tx: Tx, member: MemberNumber, now: datetime) -> list[datetime]:
    """Return the times of the member's requests within ``WITHIN``, including those before a deletion."""
    rows = [
        row["asked_at"]
        for number in members.numbers(tx, member)
        for row in tx.execute(
            """SELECT asked_at FROM lyrics_call WHERE member_id = ? AND asked_at > ? AND asked_at <= ?
               ORDER BY asked_at DESC LIMIT ?""",
            (number, milliseconds(now - WITHIN), milliseconds(now), CALLS_MAX),
        )
    ]
    return [moment(asked_at) for asked_at in sorted(rows)[-CALLS_MAX:]]


def count(tx: Tx, since: datetime, now: datetime) -> int:
    """Return the number of all members' requests since then."""
    (sent,) = tx.execute(
        "SELECT COUNT(*) FROM lyrics_call WHERE asked_at > ? AND asked_at <= ?",
        (milliseconds(since), milliseconds(now)),
    ).fetchone()
    return int(sent)


def credits_this_month(tx: Tx, now: datetime) -> int:
    """Return the credits of this calendar month's requests (UTC), except refused ones."""
    first, after = times.period_days(Period.MONTH, now)
    (paid,) = tx.execute(
        "SELECT COUNT(*) FROM lyrics_call WHERE asked_at >= ? AND asked_at < ? AND state <> 'refused'",
        (milliseconds(times.start_of(first)), milliseconds(times.start_of(after))),
    ).fetchone()
    return int(paid) * CREDITS_EACH


def sweep(tx: Tx, now: datetime) -> int:
    """Drop requests older than ``KEEP``. Returns how many; ``SWEEP_MAX`` means there may be more."""
    return tx.execute(
        """DELETE FROM lyrics_call WHERE id IN (
             SELECT id FROM lyrics_call WHERE asked_at < ? ORDER BY asked_at LIMIT ?)""",
        (milliseconds(now - KEEP), SWEEP_MAX),
    ).rowcount


def blank_of_member(tx: Tx, member: MemberNumber) -> None:
    """Remove everything that identifies the member or a task from their requests.

    Unfinished requests end, and their lyrics are dropped.
    """
    tx.execute(
        """UPDATE lyrics_call SET interaction_id = -id, task_id = NULL, about = NULL,
             state = CASE WHEN state IN ('submitting', 'running') THEN 'unknown'
                          WHEN state = 'wanted' THEN 'refused' ELSE state END
           WHERE member_id = ? AND interaction_id > 0""",
        (member,),
    )
