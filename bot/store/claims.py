"""Claim the jobs that are due.

A claim increments the attempt and names the epoch of its process. Every result of the claim is written
under that attempt's number (``jobs.move``), so that a claim which has been overtaken changes nothing.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.database.engine import Tx
from bot.database.share import EVERYTHING, Share
from bot.model import Backend, GuildId, Job, JobId, JobState
from bot.store.facts import fact
from bot.store.job_rows import SELECT, read
from bot.store.jobs import NOT_ERASED
from bot.store.queue_order import IN_TURN, TURNS
from bot.store.times import milliseconds, moment

WINDOW_MAX = timedelta(minutes=1)
"""Maximum window over which requests are counted."""
# Not claimed in this epoch, and no older song is waiting for the same channel: after an outage, songs
# arrive in the order in which they were requested.
_FREE = """(claim_epoch IS NULL OR claim_epoch < :epoch) AND NOT (
  state IN ('stored', 'delivering') AND EXISTS (
    SELECT 1 FROM job AS older WHERE older.channel_id = job.channel_id
      AND older.state IN ('stored', 'delivering') AND older.due_at IS NOT NULL
      AND (older.created_at, older.id) < (job.created_at, job.id)))"""
# Requests are paid for in one place, whichever server they come from, so that its limits count all of them.
_OURS = """CASE WHEN state IN ('queued', 'submitting') THEN :slot = 0
  ELSE (guild_id >> 22) % :slots = :slot END"""
LOOK_AGAIN = timedelta(minutes=55)
"""Minimum wait between two looks at an undelivered song, which maintenance starts in its hourly rounds."""
LOOK_OFTEN = timedelta(days=1)
"""Age of an undelivered song from which it is looked at less often."""
LOOK_RARELY = timedelta(hours=23, minutes=30)
"""Minimum wait between two looks from that age on."""


def next_epoch(tx: Tx) -> int:
    """Take the next epoch, which invalidates the claims of all earlier processes."""
    (epoch,) = tx.execute(
        """INSERT INTO fact (name, value) VALUES ('epoch', '1') ON CONFLICT (name) DO UPDATE
             SET value = CAST(CAST(fact.value AS BIGINT) + 1 AS TEXT) RETURNING value"""
    ).fetchone()
    return int(epoch)


def is_current(tx: Tx, epoch: int) -> bool:
    """Return whether no later process has taken the database over."""
    return fact(tx, "epoch") == str(epoch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """How many requests may still go out to a music service in the present window, and whose not."""

    free: int
    used_up: frozenset[GuildId] = frozenset()
    """Servers that have used their share of it."""
    again_at: datetime | None = None
    """When the first request of the window no longer counts."""
    expired: datetime
    """Jobs that were requested by then need no place any more: they expire."""


def due(
    tx: Tx,
    states: frozenset[JobState],
    epoch: int,
    now: datetime,
    horizon: timedelta,
    limit: int,
    places: Places | None = None,
    share: Share = EVERYTHING,
) -> list[Job]:
    """Claim up to ``limit`` due jobs in ``states`` of this process's share, the longest waiting first.

    Queued jobs come last and by turns, so that one server's fifty songs do not delay another's first.
    Jobs claimed in this epoch are skipped, and so are songs that wait for an older one in their channel. A
    due time beyond ``horizon`` means that the clock was set back, and counts as due. With ``places``, only as
    many queued jobs are claimed as there is room for: all others would only be put back.
    """
    # NULL is no state; SQLite alone knows an empty list.
    marks = ", ".join(f"'{state}'" for state in states - {JobState.QUEUED}) or "NULL"
    ripe = f"due_at IS NOT NULL AND (due_at <= :now OR due_at > :horizon) AND {_OURS} AND {_FREE}"
    parameters = {
        "now": milliseconds(now),
        "horizon": milliseconds(now + horizon),
        "epoch": epoch,
        **share.columns,
    }
    rows = tx.execute(
        f"SELECT id FROM job WHERE state IN ({marks}) AND {ripe} ORDER BY due_at, created_at LIMIT :limit",
        parameters | {"limit": limit},
    ).fetchall()
    limit -= len(rows)
    if places is not None and JobState.QUEUED in states:
        expired = tx.execute(
            f"""SELECT id FROM job WHERE state = 'queued' AND created_at <= :expired AND {ripe}
                ORDER BY created_at LIMIT :limit""",
            parameters | {"limit": limit, "expired": milliseconds(places.expired)},
        ).fetchall()
        rows += expired
        limit = min(limit - len(expired), places.free)
    if JobState.QUEUED in states and limit > 0:
        used_up = json.dumps(sorted(places.used_up if places is not None else ()))
        taken_ids = json.dumps([row["id"] for row in rows])
        which = f"""{ripe} AND guild_id NOT IN (SELECT CAST(value AS BIGINT) FROM json_each(:used_up))
                    AND id NOT IN (SELECT CAST(value AS BIGINT) FROM json_each(:taken))"""
        rows += tx.execute(
            f"{TURNS.format(which=which)} ORDER BY {IN_TURN} LIMIT :limit",
            parameters | {"limit": limit, "used_up": used_up, "taken": taken_ids},
        ).fetchall()
    return [_claim(tx, row["id"], epoch) for row in rows]


def _claim(tx: Tx, job_id: JobId, epoch: int) -> Job:
    tx.execute("UPDATE job SET attempt = attempt + 1, claim_epoch = ? WHERE id = ?", (epoch, job_id))
    return read(tx, tx.execute(f"{SELECT} WHERE job.id = ?", (job_id,)).fetchone())


def submitted_since(
    tx: Tx, backend: Backend, since: datetime, guild_id: GuildId | None = None
) -> tuple[int, datetime | None]:
    """Return how many requests were sent to a service since ``since``, and when the first of them was.

    ``guild_id`` counts those of one server alone.

    Times later than any window mean that the clock was set back, and do not count.
    """
    of_guild = "" if guild_id is None else "AND guild_id = :guild"
    count, first_ms = tx.execute(
        f"""SELECT COUNT(*), MIN(submitted_at) FROM job
           WHERE submitted_at >= :since AND submitted_at < :until AND backend = :backend {of_guild}""",
        {
            "since": milliseconds(since),
            "until": milliseconds(since + WINDOW_MAX),
            "backend": backend,
            "guild": guild_id,
        },
    ).fetchone()
    return count, None if first_ms is None else moment(first_ms)


def is_due(tx: Tx, now: datetime) -> bool:
    """Return whether any job is due at this moment and not yet worked on."""
    return (
        tx.execute("SELECT 1 FROM job WHERE due_at <= ? LIMIT 1", (milliseconds(now),)).fetchone() is not None
    )


def submitted_by_guild(tx: Tx, backend: Backend, since: datetime) -> dict[GuildId, tuple[int, datetime]]:
    """Return how many requests of each server were sent to a service since ``since``, and since when."""
    rows = tx.execute(
        # The plus keeps SQLite from reading every job in the order of the servers.
        """SELECT guild, COUNT(*) AS count, MIN(submitted_at) AS first
           FROM (SELECT +guild_id AS guild, submitted_at FROM job
                 WHERE submitted_at >= :since AND submitted_at < :until AND backend = :backend) AS recent
           GROUP BY guild""",
        {
            "since": milliseconds(since),
            "until": milliseconds(since + WINDOW_MAX),
            "backend": backend,
        },
    ).fetchall()
    return {GuildId(row["guild"]): (row["count"], moment(row["first"])) for row in rows}


def next_due(tx: Tx, epoch: int, places: Places | None = None, share: Share = EVERYTHING) -> datetime | None:
    """Return when the next unclaimed job of this process's share is due, or the next card.

    Queued jobs are due only once there are places for them.
    """
    free = f"due_at IS NOT NULL AND {_OURS} AND {_FREE}"
    (due_ms,) = tx.execute(
        f"SELECT MIN(due_at) FROM job WHERE {free}", {"epoch": epoch, **share.columns}
    ).fetchone()
    if places is not None and places.again_at is not None and due_ms is not None:
        used_up = json.dumps(sorted(places.used_up))
        waits = (
            "TRUE"
            if places.free <= 0
            else "guild_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:used_up))"
        )
        (due_ms,) = tx.execute(
            f"""SELECT MIN(CASE WHEN state = 'queued' AND due_at < :again AND {waits}
                           THEN :again ELSE due_at END)
                FROM job WHERE {free}""",
            {"epoch": epoch, "again": milliseconds(places.again_at), "used_up": used_up, **share.columns},
        ).fetchone()
    (card_ms,) = tx.execute(
        """SELECT MIN(CASE WHEN card_due_at < card_free_at THEN card_free_at ELSE card_due_at END)
           FROM job WHERE card_due_at IS NOT NULL AND (guild_id >> 22) % :slots = :slot""",
        share.columns,
    ).fetchone()
    due_times = [ms for ms in (due_ms, card_ms) if ms is not None]
    return moment(min(due_times)) if due_times else None


def look_again(tx: Tx, now: datetime, keep: timedelta, limit: int) -> int:
    """Make undelivered songs due whose turn it is: hourly, later daily, while their files are kept.

    Returns how many, up to ``limit``.
    """
    times = {
        "now": milliseconds(now),
        "kept": milliseconds(now - keep),
        "young": milliseconds(now - LOOK_OFTEN),
        "often": milliseconds(now - LOOK_AGAIN),
        "rarely": milliseconds(now - LOOK_RARELY),
    }
    cursor = tx.execute(
        f"""UPDATE job SET due_at = :now WHERE id IN (
              SELECT id FROM job WHERE state = 'undelivered' AND created_at > :kept AND due_at IS NULL
                AND {NOT_ERASED}
                AND CASE WHEN missing_since > state_since THEN missing_since ELSE state_since END
                    <= CASE WHEN created_at > :young THEN :often ELSE :rarely END
              ORDER BY created_at LIMIT :limit)""",
        times | {"limit": limit},
    )
    return cursor.rowcount
