"""Announcements of finished songs: recorded with the delivery, sent once."""

from datetime import datetime

from msgspec import Struct

from bot.database.engine import Tx
from bot.model import ChannelId, JobId
from bot.store.times import milliseconds, moment


class Announcement(Struct, frozen=True, kw_only=True):
    """An announcement of a song in a channel chosen by the server's managers."""

    job_id: JobId
    channel_id: ChannelId
    started_at: datetime | None
    """When the first attempt to send it began; None before that."""


def mark(tx: Tx, job_id: JobId, now: datetime) -> None:
    """Schedule the announcement of a delivered song, if its server has a channel for that.

    A song already posted in that channel, or delivered by direct message, is not announced.
    """
    tx.execute(
        """INSERT INTO announcement (job_id, channel_id, due_at)
           SELECT id, announce_channel_id, :now FROM job
           WHERE id = :job AND announce_channel_id IS NOT NULL AND message_id IS NOT NULL
             AND delivery_direct = 0 AND delivery_channel_id <> announce_channel_id
           ON CONFLICT DO NOTHING""",
        {"job": job_id, "now": milliseconds(now)},
    )


def due(tx: Tx, now: datetime, limit: int) -> list[Announcement]:
    """Return up to ``limit`` due announcements, longest waiting first."""
    rows = tx.execute(
        "SELECT * FROM announcement WHERE due_at <= ? ORDER BY due_at LIMIT ?", (milliseconds(now), limit)
    ).fetchall()
    return [
        Announcement(
            job_id=row["job_id"],
            channel_id=row["channel_id"],
            started_at=None if row["started_at"] is None else moment(row["started_at"]),
        )
        for row in rows
    ]


def next_due(tx: Tx) -> datetime | None:
    """Return when the next announcement is due."""
    (due_ms,) = tx.execute("SELECT MIN(due_at) FROM announcement WHERE due_at IS NOT NULL").fetchone()
    return None if due_ms is None else moment(due_ms)


def put_off(tx: Tx, announcement: Announcement, due_at: datetime | None, started_at: datetime | None) -> None:
    """Reschedule an announcement that was first sent at ``started_at``; ``due_at`` of None ends it."""
    tx.execute(
        "UPDATE announcement SET due_at = ?, started_at = ? WHERE job_id = ?",
        (
            None if due_at is None else milliseconds(due_at),
            None if started_at is None else milliseconds(started_at),
            announcement.job_id,
        ),
    )


def drop_due(tx: Tx) -> None:
    """Drop every announcement that has not been sent yet."""
    tx.execute("UPDATE announcement SET due_at = NULL WHERE due_at IS NOT NULL")
