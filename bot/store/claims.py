"""Claim due jobs.

A claim increments the job's attempt and records the epoch of its process. Every result of the claim is
written under that attempt number (``jobs.move``), so a claim that has been overtaken changes nothing.
"""

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from functools import cache

from msgspec import Struct

from bot.database.engine import Row, Tx
from bot.database.facts import fact
from bot.database.share import EVERYTHING, Share
from bot.model import Backend, GuildId, Job, JobId, JobState
from bot.store.job_cards import next_card
from bot.store.job_rows import read_all
from bot.store.jobs import NOT_ERASED
from bot.store.queue_order import in_turn
from bot.store.times import milliseconds, moment

WINDOW_MAX = timedelta(minutes=1)
"""Maximum window over which requests are counted."""
# Not claimed in this epoch, and no older song is waiting for the same channel: after an outage, songs
# arrive in the order of their requests.
_FREE = """(claim_epoch IS NULL OR claim_epoch < :epoch) AND NOT (
  state IN ('stored', 'delivering') AND EXISTS (
    SELECT 1 FROM job AS older WHERE older.channel_id = job.channel_id
      AND older.state IN ('stored', 'delivering') AND older.due_at IS NOT NULL
      AND (older.created_at, older.id) < (job.created_at, job.id)))"""
# One slot pays for the requests of all servers, so that its limits count every one of them.
_OURS = """CASE WHEN state IN ('queued', 'submitting') THEN :slot = 0
  ELSE (guild_id >> 22) % :slots = :slot END"""
_RIPE = f"due_at IS NOT NULL AND (due_at <= :now OR due_at > :horizon) AND {_OURS} AND {_FREE}"
_OF_OTHERS = "guild_id NOT IN (SELECT CAST(value AS BIGINT) FROM json_each(:used_up))"
"""Condition for a job of a server that has not used up its share of the requests."""
LOOK_AGAIN = timedelta(minutes=55)
"""Minimum interval between checks of an undelivered song, which maintenance starts in its hourly rounds."""
LOOK_OFTEN = timedelta(days=1)
"""Age from which an undelivered song is checked less often."""
LOOK_RARELY = timedelta(hours=23, minutes=30)
"""Minimum interval between checks from that age on."""


def next_epoch(tx: Tx) -> int:
    """Begin the next epoch, which invalidates the claims of all earlier processes."""
    (epoch,) = tx.execute(
        """INSERT INTO fact (name, value) VALUES ('epoch', '1') ON CONFLICT (name) DO UPDATE
             SET value = CAST(CAST(fact.value AS BIGINT) + 1 AS TEXT) RETURNING value"""
    ).fetchone()
    return int(epoch)


def is_current(tx: Tx, epoch: int) -> bool:
    """Return whether no later process has taken the database over."""
    return fact(tx, "epoch") == str(epoch)


class Places(Struct, frozen=True, kw_only=True):
    """How many more requests a music service may get in the current window, and from which servers."""

    free: int
    used_up: frozenset[GuildId] = frozenset()
    """Servers that have used up their share of the window."""
    again_at: datetime | None = None
    """When the first request of the window no longer counts."""
    expired: datetime
    """Jobs requested at or before this time need no place: they expire."""


class Claimant(Struct, frozen=True, kw_only=True):
    """Who claims, and when: a job is ripe for a claimant at a moment."""

    epoch: int
    now: datetime
    horizon: timedelta
    """A due time further ahead means that the clock was set back, and counts as due."""
    share: Share = EVERYTHING

    @property
    def columns(self) -> dict[str, int]:
        """Parameter values for ``_RIPE``."""
        return {
            "epoch": self.epoch,
            "now": milliseconds(self.now),
            "horizon": milliseconds(self.now + self.horizon),
            **self.share.columns,
        }


def ripe(
    tx: Tx, states: frozenset[JobState], claimant: Claimant, limit: int, places: Places | None = None
) -> list[JobId]:
    """Return up to ``limit`` due jobs in ``states`` of the claimant's share, longest waiting first.

    This only reads, so an idle round opens no write transaction.

    Queued jobs come last and take turns, so that one server's fifty songs do not delay another's first.
    Jobs claimed in this epoch are skipped, as are songs waiting for an older one in their channel. With
    ``places``, no more queued jobs are returned than there is room for; the others would only be put back.
    """
    rows = _ripe_in(tx, states - {JobState.QUEUED}, claimant, limit)
    rows.sort(key=lambda row: (row["due_at"], row["created_at"]))
    ids = [JobId(row["id"]) for row in rows[:limit]]
    limit -= len(ids)
    if JobState.QUEUED not in states or limit <= 0:
        return ids
    values = claimant.columns
    if places is not None:
        expired = tx.execute(
            f"""SELECT id FROM job WHERE state = 'queued' AND due_at IS NOT NULL AND created_at <= :expired
                  AND {_RIPE} ORDER BY created_at LIMIT :limit""",
            values | {"limit": limit, "expired": milliseconds(places.expired)},
        ).fetchall()
        ids += [JobId(row["id"]) for row in expired]
        limit = min(limit - len(expired), places.free)
    if limit > 0 and _ripe_in(tx, frozenset({JobState.QUEUED}), claimant, 1):
        used_up = json.dumps(sorted(places.used_up if places is not None else ()))
        which = f"{_RIPE} AND {_OF_OTHERS}"
        queued = in_turn(tx, which, values | {"used_up": used_up})
        taken_ids = set(ids)
        ids += [job_id for job_id in queued if job_id not in taken_ids][:limit]
    return ids


def _ripe_in(tx: Tx, states: frozenset[JobState], claimant: Claimant, limit: int) -> list[Row]:
    """Return up to ``limit`` due jobs per state, and as many whose due time is beyond the horizon."""
    if not states:
        return []
    return tx.execute(_ripe_statement(states), {**claimant.columns, "limit": limit}).fetchall()


@cache
def _ripe_statement(states: frozenset[JobState]) -> str:
    """Return the statement for ``_ripe_in``; each of its parts reads in index order."""
    return _any_of(
        f"""SELECT id, due_at, created_at FROM job WHERE state = '{state}' AND {due} AND due_at IS NOT NULL
              AND {_OURS} AND {_FREE} ORDER BY due_at, created_at LIMIT :limit"""
        for state in sorted(states)
        for due in ("due_at <= :now", "due_at > :horizon")
    )


def _any_of(selects: Iterable[str]) -> str:
    """Combine several statements, each with its own order and limit, into one.

    That saves PostgreSQL round trips. The states are literals: SQLite prepares a statement again whenever a
    bound value changes that is compared with a column in an index's condition, which takes ten times as long
    as the query itself.
    """
    return " UNION ALL ".join(f"SELECT * FROM ({select}) AS part" for select in selects)


def claim(tx: Tx, job_ids: Iterable[JobId], claimant: Claimant) -> list[Job]:
    """Claim the jobs that are still ripe, and return them in the order given."""
    ids = list(job_ids)
    if not ids:
        return []
    rows = tx.execute(
        f"""UPDATE job SET attempt = attempt + 1, claim_epoch = :epoch
            WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids)) AND {_RIPE} RETURNING id""",
        claimant.columns | {"ids": json.dumps(ids)},
    ).fetchall()
    claimed = {row["id"] for row in rows}
    return read_all(tx, [job_id for job_id in ids if job_id in claimed])


def submitted_since(
    tx: Tx, backend: Backend, since: datetime, guild_id: GuildId | None = None
) -> tuple[int, datetime | None]:
    """Return the number of requests to a service since ``since``, and the time of the first.

    With ``guild_id``, only that server's requests count. Times beyond any window mean that the clock was
    set back; they do not count.
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
    """Return whether any job is due now, whether claimed or not."""
    return tx.execute(_is_due_statement(), {"now": milliseconds(now)}).fetchone() is not None


@cache
def _is_due_statement() -> str:
    return _any_of(
        f"SELECT id FROM job WHERE state = '{state}' AND due_at IS NOT NULL AND due_at <= :now LIMIT 1"
        for state in JobState
    )


def submitted_by_guild(tx: Tx, backend: Backend, since: datetime) -> dict[GuildId, tuple[int, datetime]]:
    """Return each server's number of requests to a service since ``since``, and the time of the first."""
    rows = tx.execute(
        # The plus keeps SQLite from scanning every job by server.
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
    """Return when the next unclaimed job or card of this process's share is due.

    A queued job is due only once there is a place for it.
    """
    values = {"epoch": epoch, **share.columns}
    first = {row["state"]: int(row["due_at"]) for row in tx.execute(_first_due_statement(), values)}
    queued = first.pop(JobState.QUEUED, None)
    if places is not None and places.again_at is not None and queued is not None:
        again = milliseconds(places.again_at)
        if places.free <= 0:
            queued = max(queued, again)
        elif places.used_up and queued < again:
            # Servers that have used up their share have nothing due until the window moves on.
            others = tx.execute(
                _first_due(JobState.QUEUED, _OF_OTHERS),
                values | {"used_up": json.dumps(sorted(places.used_up))},
            ).fetchone()
            queued = again if others is None else min(int(others["due_at"]), again)
    times = [*first.values(), queued, next_card(tx, share)]
    return min((moment(at) for at in times if at is not None), default=None)


def _first_due(state: JobState, which: str = "TRUE") -> str:
    """Return SQL for the due time of the first unclaimed job in a state, in epoch milliseconds."""
    return f"""SELECT state, due_at FROM job WHERE state = '{state}' AND due_at IS NOT NULL AND {_OURS}
                 AND {_FREE} AND {which} ORDER BY due_at, created_at LIMIT 1"""


@cache
def _first_due_statement() -> str:
    return _any_of(_first_due(state) for state in JobState)


def look_again(tx: Tx, now: datetime, keep: timedelta, limit: int) -> int:
    """Make undelivered songs due again: hourly at first, later daily, while their files are kept.

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
