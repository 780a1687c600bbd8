"""The cards of jobs: their contents, and which of them may be outdated."""

from datetime import datetime, timedelta

from bot.database.engine import Tx
from bot.database.share import EVERYTHING, Share
from bot.model import Job, JobId, MessageId
from bot.store.job_rows import read_all
from bot.store.jobs import NOT_ERASED
from bot.store.times import milliseconds

_NEVER_MS = -1
"""Stand-in for a missing time in comparisons, in epoch milliseconds."""
# An index on this very expression keeps the cards in this order.
_CARD_AT = "CASE WHEN card_due_at < card_free_at THEN card_free_at ELSE card_due_at END"
"""SQL expression: when a card is both due and free to be edited."""
_FREE = "(card_free_at <= :now OR card_free_at > :horizon)"
CARD_HORIZON = timedelta(minutes=60)
"""Maximum wait for a card's next edit; a later time means that the clock was set back."""


def answered(
    tx: Tx,
    job_id: JobId,
    card_message_id: MessageId | None,
    state: str,
    now: datetime,
    card_due_at: datetime | None = None,
) -> None:
    """Record that the member has been answered: the job may start, and its card can be edited.

    If the job has not started, its card is up to date until ``card_due_at``.
    """
    tx.execute(
        f"""UPDATE job SET card_message_id = COALESCE(card_message_id, :card), card_shown = :shown,
                          card_due_at = CASE WHEN attempt = 0 AND state = 'queued'
                                        THEN :card_due ELSE :now END,
                          due_at = CASE WHEN state = 'queued' AND attempt = 0
                                   AND due_at > :now THEN :now ELSE due_at END
           WHERE id = :id AND {NOT_ERASED}""",
        {
            "id": job_id,
            "card": card_message_id,
            "shown": state,
            "now": milliseconds(now),
            "card_due": milliseconds(card_due_at or now),
        },
    )


def no_card(tx: Tx, job_id: JobId) -> None:
    """Record that the job has no card: the reply to its request isn't its own and must not be edited."""
    tx.execute("UPDATE job SET card_due_at = NULL WHERE id = ?", (job_id,))


def message_gone(tx: Tx, job_id: JobId, message_id: MessageId, now: datetime) -> None:
    """Record that the job's message was deleted; copies of the song do not count."""
    tx.execute(
        """UPDATE job SET message_id = NULL, card_due_at = :now
           WHERE id = :id AND message_id = :message AND state = 'delivered'""",
        {"id": job_id, "message": message_id, "now": milliseconds(now)},
    )


def cards_due(tx: Tx, now: datetime, limit: int, share: Share = EVERYTHING) -> list[Job]:
    """Return jobs of this process's share whose card may be outdated and is free to be edited."""
    ids: list[JobId] = []
    for due in (f"{_CARD_AT} <= :now", f"{_CARD_AT} > :horizon AND {_FREE}"):
        rows = tx.execute(
            f"""SELECT id FROM job WHERE card_due_at IS NOT NULL AND {due}
                  AND (guild_id >> 22) % :slots = :slot ORDER BY {_CARD_AT} LIMIT :limit""",
            {
                "now": milliseconds(now),
                "horizon": milliseconds(now + CARD_HORIZON),
                "limit": limit - len(ids),
                **share.columns,
            },
        )
        ids += [row["id"] for row in rows]
    return read_all(tx, ids)


def next_card(tx: Tx, share: Share) -> int | None:
    """Return when the next card is due and may be edited, in epoch milliseconds."""
    row = tx.execute(
        f"""SELECT {_CARD_AT} AS at FROM job
            WHERE card_due_at IS NOT NULL AND (guild_id >> 22) % :slots = :slot
            ORDER BY {_CARD_AT} LIMIT 1""",
        share.columns,
    ).fetchone()
    return None if row is None else int(row["at"])


def card_shown(tx: Tx, job: Job, state: str, again_at: datetime | None, free_at: datetime) -> None:
    """Record the card's contents, when they may change, and when it may be edited again.

    A job that has changed since ``job`` was read keeps its card's due time: the card is already outdated.
    """
    if again_at is not None:  # a time beyond the horizon would always be due at once
        again_at = min(again_at, free_at + CARD_HORIZON)
    tx.execute(
        f"""UPDATE job SET card_shown = :shown, card_free_at = :free,
                          card_due_at = CASE WHEN state = :state AND COALESCE(card_due_at, :never) = :seen
                                        THEN :again ELSE card_due_at END
           WHERE id = :id AND {NOT_ERASED}""",
        {
            "id": job.id,
            "state": job.state,
            "never": _NEVER_MS,
            "seen": _NEVER_MS if job.card_due_at is None else milliseconds(job.card_due_at),
            "shown": state,
            "free": milliseconds(free_at),
            "again": None if again_at is None else milliseconds(again_at),
        },
    )


def card_found(tx: Tx, job: Job, card_message_id: MessageId) -> None:
    """Record the card's message id, which was unknown when the card was sent."""
    tx.execute(f"UPDATE job SET card_message_id = ? WHERE id = ? AND {NOT_ERASED}", (card_message_id, job.id))


def recent_durations_ms(tx: Tx, limit: int) -> list[int]:
    """Return how long the last delivered songs took from their request to their delivery, newest first."""
    rows = tx.execute(
        """SELECT state_since - created_at AS took FROM job WHERE state = 'delivered'
           ORDER BY state_since DESC LIMIT ?""",
        (limit,),
    ).fetchall()
    return [row["took"] for row in rows]
