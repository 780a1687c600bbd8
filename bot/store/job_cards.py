"""The cards of jobs: what they show, and which of them may be outdated."""

from datetime import datetime, timedelta

from bot.database.engine import Tx
from bot.database.share import EVERYTHING, Share
from bot.model import Job, JobId
from bot.store.job_rows import read_all
from bot.store.jobs import NOT_ERASED
from bot.store.times import milliseconds

_NEVER_MS = -1
"""Stands for no time in a comparison, in epoch milliseconds."""
# An index of the same words has the cards in this order.
_CARD_AT = "CASE WHEN card_due_at < card_free_at THEN card_free_at ELSE card_due_at END"
"""SQL: when a card is due and may be edited."""
_FREE = "(card_free_at <= :now OR card_free_at > :horizon)"
CARD_HORIZON = timedelta(minutes=60)
"""Maximum wait of a card. A later time means that the clock was set back."""


def answered(
    tx: Tx,
    job_id: JobId,
    card_message_id: int | None,
    shown: str,
    now: datetime,
    card_due_at: datetime | None = None,
) -> None:
    """Record that the member has been answered: the job may start, and its card can be edited.

    The card of a job that has not begun is as it should be until ``card_due_at``.
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
            "shown": shown,
            "now": milliseconds(now),
            "card_due": milliseconds(card_due_at or now),
        },
    )


def no_card(tx: Tx, job_id: JobId) -> None:
    """Record that the job has no card: the answer to its request is not its own, and must not be edited."""
    tx.execute("UPDATE job SET card_due_at = NULL WHERE id = ?", (job_id,))


def message_gone(tx: Tx, job_id: JobId, message_id: int, now: datetime) -> None:
    """Record that this message of the job was deleted; a copy of the song does not count."""
    tx.execute(
        """UPDATE job SET message_id = NULL, card_due_at = :now
           WHERE id = :id AND message_id = :message AND state = 'delivered'""",
        {"id": job_id, "message": message_id, "now": milliseconds(now)},
    )


def cards_due(tx: Tx, now: datetime, limit: int, share: Share = EVERYTHING) -> list[Job]:
    """Return jobs of this process's share whose card may be outdated and may be edited again."""
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


def card_shown(tx: Tx, job: Job, shown: str, again_at: datetime | None, free_at: datetime) -> None:
    """Record what the card shows, when that may change, and when it may be edited again.

    A job that has changed since ``job`` was read keeps its due time, because the card is outdated already.
    """
    if again_at is not None:  # beyond the horizon it would be due at once, every time
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
            "shown": shown,
            "free": milliseconds(free_at),
            "again": None if again_at is None else milliseconds(again_at),
        },
    )


def card_found(tx: Tx, job: Job, card_message_id: int) -> None:
    """Record the card's message id, if it was not known when the card was sent."""
    tx.execute(f"UPDATE job SET card_message_id = ? WHERE id = ? AND {NOT_ERASED}", (card_message_id, job.id))


def recent_durations(tx: Tx, limit: int) -> list[timedelta]:
    """Return how long the last delivered songs took from request to delivery, newest first."""
    rows = tx.execute(
        """SELECT state_since - created_at AS took FROM job WHERE state = 'delivered'
           ORDER BY state_since DESC LIMIT ?""",
        (limit,),
    ).fetchall()
    return [timedelta(milliseconds=row["took"]) for row in rows]
