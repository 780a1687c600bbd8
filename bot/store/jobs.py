"""Jobs: add, get, due, claim, move. Each function is one part of a transaction.

A claim increments the attempt and names the epoch of its process. Every result of the claim is written
under that attempt's number, so that a claim which has been overtaken changes nothing.
"""

import json
import secrets
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal, TypedDict, Unpack

from bot.database.engine import Row, Tx
from bot.model import (
    OPEN_STATES,
    SONG_STATES,
    Backend,
    ClosedCause,
    Delivery,
    DiscordUserId,
    FailReason,
    GuildId,
    Job,
    JobId,
    JobState,
    MemberNumber,
    Origin,
    ParkReason,
    Reuse,
    Source,
    TakeDetails,
    Track,
)
from bot.store import texts
from bot.store.facts import fact, remember
from bot.store.job_events import record_answer, record_request
from bot.store.ledger import Hold
from bot.store.members import member_number
from bot.store.times import milliseconds, moment

WINDOW_MAX = timedelta(minutes=1)
"""Maximum window over which requests are counted."""

NOT_ERASED = "interaction_id > 0"
"""Erased jobs have a negative interaction id; a late write must not name anybody in them again."""
EXCERPT_MAX = 80
"""Length of the prompt excerpt that names a song without a title, in characters."""
EXCERPT_READ_MAX = 2 * EXCERPT_MAX
"""Characters of a prompt that are read for its excerpt, which ends with a whole grapheme."""
SONGS = ", ".join(f"'{state}'" for state in sorted(SONG_STATES))
OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN_STATES))
UNFINISHED = f"(due_at IS NOT NULL AND state IN ({OPEN}))"
"""SQL condition: the bot still works on the job by itself."""
_SELECT = f"""SELECT job.*, member.discord_id AS member_discord_id, member.locale AS member_locale,
                     guild.locale AS guild_locale, words.torn,
                     NOT EXISTS (SELECT 1 FROM job AS earlier WHERE earlier.member_id = job.member_id
                                   AND earlier.id <> job.id AND earlier.state IN ({SONGS})) AS first_song,
                     {", ".join(f"words.{name}" for name in texts.FIELDS)}
              FROM job JOIN member ON member.id = job.member_id JOIN guild ON guild.id = job.guild_id
              LEFT JOIN words ON words.job_id = job.id"""
# Not claimed in this epoch, and no older song is waiting for the same channel: after an outage, songs
# arrive in the order in which they were requested.
_FREE = """(claim_epoch IS NULL OR claim_epoch < :epoch) AND NOT (
  state IN ('stored', 'delivering') AND EXISTS (
    SELECT 1 FROM job AS older WHERE older.channel_id = job.channel_id
      AND older.state IN ('stored', 'delivering') AND older.due_at IS NOT NULL
      AND (older.created_at, older.id) < (job.created_at, job.id)))"""
# Queued jobs take turns by server, and within a server by member; the longest unserved comes first.
_TURNS = """
  SELECT *, ROW_NUMBER() OVER (
           PARTITION BY guild_id
           ORDER BY turn_of_member, member_served NULLS FIRST, created_at, id) AS turn_of_guild
  FROM (SELECT id, guild_id, created_at,
               ROW_NUMBER() OVER (PARTITION BY guild_id, member_id ORDER BY created_at, id) AS turn_of_member,
               (SELECT MAX(submitted_at) FROM job AS served WHERE served.guild_id = job.guild_id
                  AND served.member_id = job.member_id) AS member_served,
               (SELECT MAX(submitted_at) FROM job AS served WHERE served.guild_id = job.guild_id)
                 AS guild_served
        FROM job WHERE state = 'queued' AND {which}) AS waiting"""
_QUEUED = "state = 'queued' AND due_at IS NOT NULL"
_IN_TURN = "turn_of_guild, guild_served NULLS FIRST, created_at, id"
LOOK_AGAIN = timedelta(minutes=55)
"""Minimum wait between two looks at an undelivered song, which maintenance starts in its hourly rounds."""
LOOK_OFTEN = timedelta(days=1)
"""Age of an undelivered song from which it is looked at less often."""
LOOK_RARELY = timedelta(hours=23, minutes=30)
"""Minimum wait between two looks from that age on."""
_NEVER_MS = -1
"""Stands for no time in a comparison, in epoch milliseconds."""
CARD_HORIZON = timedelta(minutes=60)
"""Maximum wait of a card. A later time means that the clock was set back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """How many songs are unfinished."""

    member: MemberNumber
    guild: int


class JobChange(TypedDict, total=False):
    """Columns that a move may change besides the state and the due time."""

    backend: Backend
    task_id: str
    upstream_credits: float | None
    takes: tuple[TakeDetails, ...]
    urls: tuple[str, ...]
    reason: FailReason
    closed: ClosedCause | None
    detail: str
    tries: int
    misses: int
    missing_since: datetime | None
    submitted_at: datetime
    parked: ParkReason | None
    """Setting or clearing it also makes the card due."""
    delivery: Delivery | None
    message_id: int | None
    restored: Literal[False]
    """False once the messages of a restored job have been searched for."""


def next_epoch(tx: Tx) -> int:
    """Take the next epoch, which invalidates the claims of all earlier processes."""
    epoch = int(fact(tx, "epoch") or 0) + 1
    remember(tx, "epoch", str(epoch))
    return epoch


def is_current(tx: Tx, epoch: int) -> bool:
    """Return whether no later process has taken the database over."""
    return fact(tx, "epoch") == str(epoch)


def new_id() -> JobId:
    """Generate a job id. It is random, so that a restored backup cannot reuse one."""
    return JobId(secrets.randbits(53))


def add(tx: Tx, job: Job, held: Hold, due_at: datetime, source: Source | None = None) -> None:
    """Insert a new job and its texts, sharing with its ``source`` the texts that are the same.

    Raises:
        ConstraintViolated: its interaction was accepted before, or the failure was retried before.
    """
    origin, member = job.origin, member_number(tx, job.origin.member_id)
    tx.execute(
        """INSERT INTO job (id, interaction_id, guild_id, channel_id, member_id, may_reference, state,
                            created_at, state_since, due_at, price, day, allowance_part, bonus_part,
                            limit_credits, retry_of, again_of, parent_channel_id)
           VALUES (:id, :interaction, :guild, :channel, :member, :may_reference, :state,
                   :now, :now, :due, :price, :day, :allowance, :bonus, :limit, :retry_of, :again_of,
                   :parent)""",
        {
            "id": job.id,
            "interaction": origin.interaction_id,
            "guild": origin.guild_id,
            "channel": origin.channel_id,
            "parent": origin.parent_channel_id,
            "member": member,
            "may_reference": origin.may_reference,
            "state": job.state,
            "now": milliseconds(job.created_at),
            "due": milliseconds(due_at),
            "price": job.price_credits,
            "day": held.day,
            "allowance": held.allowance,
            "bonus": held.bonus,
            "limit": job.limit_credits,
            "retry_of": _job_of(source, Reuse.RETRY),
            "again_of": _job_of(source, Reuse.AGAIN),
        },
    )
    record_request(tx, job.id, job.created_at)
    texts.keep(tx, job.id, job.request, member, origin.member_name, None if source is None else source.job_id)
    tx.execute(
        "UPDATE guild SET locale = :locale WHERE id = :id AND locale <> :locale AND :locale <> ''",
        {"id": origin.guild_id, "locale": origin.guild_locale},
    )
    tx.execute(
        "UPDATE member SET locale = :locale WHERE id = :id AND locale <> :locale AND :locale <> ''",
        {"id": member, "locale": origin.member_locale},
    )


def _job_of(source: Source | None, reuse: Reuse) -> int | None:
    return source.job_id if source is not None and source.reuse is reuse else None


def taken(tx: Tx, interaction_id: int) -> bool:
    """Return whether this interaction has already become a job."""
    return tx.execute("SELECT 1 FROM job WHERE interaction_id = ?", (interaction_id,)).fetchone() is not None


def tried_again(tx: Tx, failed_id: int, member: MemberNumber) -> bool:
    """Return whether the member has retried this failed job, unless they canceled that request."""
    row = tx.execute(
        """SELECT 1 FROM job WHERE retry_of = ? AND member_id = ?
             AND (reason IS NULL OR reason <> 'withdrawn')""",
        (failed_id, member),
    ).fetchone()
    return row is not None


def again_in_progress(tx: Tx, job_id: JobId, member: MemberNumber) -> bool:
    """Return whether the member has requested this song again and that request is unfinished."""
    row = tx.execute(
        f"""SELECT 1 FROM job WHERE again_of = ? AND member_id = ? AND due_at IS NOT NULL
              AND state IN ({OPEN})""",
        (job_id, member),
    ).fetchone()
    return row is not None


def get(tx: Tx, job_id: JobId) -> Job | None:
    """Return the job, or None."""
    row = tx.execute(f"{_SELECT} WHERE job.id = ?", (job_id,)).fetchone()
    return None if row is None else _read(tx, row)


def held(tx: Tx, job_id: JobId) -> tuple[GuildId, MemberNumber, Hold]:
    """Return the server, the member and the credits of an existing job."""
    row = tx.execute(
        "SELECT guild_id, member_id, day, allowance_part, bonus_part FROM job WHERE id = ?", (job_id,)
    ).fetchone()
    hold = Hold(day=row["day"], allowance=row["allowance_part"], bonus=row["bonus_part"])
    return row["guild_id"], row["member_id"], hold


def count_open(tx: Tx, guild_id: GuildId, member: MemberNumber) -> Counts:
    """Count the unfinished songs of the member in this server, and of the server."""
    row = tx.execute(
        f"""SELECT COUNT(*) AS guild, COUNT(*) FILTER (WHERE member_id = :member) AS member FROM job
            WHERE guild_id = :guild AND due_at IS NOT NULL AND state IN ({OPEN})""",
        {"guild": guild_id, "member": member},
    ).fetchone()
    return Counts(member=row["member"], guild=row["guild"])


def nth_request(tx: Tx, member: MemberNumber, n: int, since: datetime, now: datetime) -> datetime | None:
    """Return when the member made the ``n``-th last request since then, in any server; None: fewer."""
    row = tx.execute(
        """SELECT created_at FROM job WHERE member_id = ? AND created_at > ? AND created_at <= ?
           ORDER BY created_at DESC LIMIT 1 OFFSET ?""",
        (member, milliseconds(since), milliseconds(now), n - 1),
    ).fetchone()
    return None if row is None else moment(row["created_at"])


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
) -> list[Job]:
    """Claim up to ``limit`` due jobs in ``states``, the longest waiting first.

    Queued jobs come last and by turns, so that one server's fifty songs do not delay another's first.
    Jobs claimed in this epoch are skipped, and so are songs that wait for an older one in their channel. A
    due time beyond ``horizon`` means that the clock was set back, and counts as due. With ``places``, only as
    many queued jobs are claimed as there is room for: all others would only be put back.
    """
    # NULL is no state; SQLite alone knows an empty list.
    marks = ", ".join(f"'{state}'" for state in states - {JobState.QUEUED}) or "NULL"
    ripe = f"due_at IS NOT NULL AND (due_at <= :now OR due_at > :horizon) AND {_FREE}"
    parameters = {"now": milliseconds(now), "horizon": milliseconds(now + horizon), "epoch": epoch}
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
            f"{_TURNS.format(which=which)} ORDER BY {_IN_TURN} LIMIT :limit",
            parameters | {"limit": limit, "used_up": used_up, "taken": taken_ids},
        ).fetchall()
    return [_claim(tx, row["id"], epoch) for row in rows]


def _claim(tx: Tx, job_id: JobId, epoch: int) -> Job:
    tx.execute("UPDATE job SET attempt = attempt + 1, claim_epoch = ? WHERE id = ?", (epoch, job_id))
    return _read(tx, tx.execute(f"{_SELECT} WHERE job.id = ?", (job_id,)).fetchone())


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


def next_due(tx: Tx, epoch: int, places: Places | None = None) -> datetime | None:
    """Return when the next unclaimed job is due; queued ones only once there are places for them."""
    (due_ms,) = tx.execute(
        f"SELECT MIN(due_at) FROM job WHERE due_at IS NOT NULL AND {_FREE}", {"epoch": epoch}
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
                FROM job WHERE due_at IS NOT NULL AND {_FREE}""",
            {"epoch": epoch, "again": milliseconds(places.again_at), "used_up": used_up},
        ).fetchone()
    (card_ms,) = tx.execute(
        """SELECT MIN(CASE WHEN card_due_at < card_free_at THEN card_free_at ELSE card_due_at END)
           FROM job WHERE card_due_at IS NOT NULL"""
    ).fetchone()
    due_times = [ms for ms in (due_ms, card_ms) if ms is not None]
    return moment(min(due_times)) if due_times else None


def move(
    tx: Tx,
    job: Job,
    to: JobState,
    *,
    now: datetime,
    due_at: datetime | None,
    keep_claim: bool = False,
    answer: str = "",
    **change: Unpack[JobChange],
) -> bool:
    """Move the claimed ``job`` to a state and record what is now known about it.

    Returns False, and changes nothing, if the job is no longer in the state and under the attempt
    that the caller claimed: another claim has overtaken it. This guard is what makes every step safe to
    repeat. ``keep_claim`` lets the caller keep working on the job; otherwise it is free to be claimed.
    ``answer`` is what kept the job from going on, for `tunesmith jobs show`.
    """
    values: dict[str, object] = {"state": to, "due_at": None if due_at is None else milliseconds(due_at)}
    if to is not job.state:
        at = milliseconds(now)
        values |= {"state_since": at, "card_due_at": at, "tries": 0, "misses": 0, "missing_since": None}
    elif "parked" in change:
        values["card_due_at"] = milliseconds(now)
    values |= _columns(change)
    if "task_id" in change:
        values["task_id"] = _task_key(job.backend, change["task_id"])
    if not keep_claim:
        values["claim_epoch"] = None
    assignments = ", ".join(f"{name} = :{name}" for name in values)
    if answer and _is_claimed(tx, job):
        record_answer(tx, job, answer, now)
    cursor = tx.execute(
        f"UPDATE job SET {assignments} WHERE id = :_id AND state = :_state AND attempt = :_attempt",
        values | {"_id": job.id, "_state": job.state, "_attempt": job.attempt},
    )
    return cursor.rowcount == 1


def _is_claimed(tx: Tx, job: Job) -> bool:
    """Return whether the job is still in the state and under the attempt that the caller claimed."""
    row = tx.execute("SELECT state, attempt FROM job WHERE id = ?", (job.id,)).fetchone()
    return row is not None and (row["state"], row["attempt"]) == (job.state, job.attempt)


def _columns(change: JobChange) -> dict[str, object]:
    """Return what a change writes, by column."""
    columns = dict[str, object](change)
    if "urls" in change:
        columns["urls"] = json.dumps(change["urls"])
    if "takes" in change:
        columns["takes"] = json.dumps([asdict(take) for take in change["takes"]])
    if "missing_since" in change:
        since = change["missing_since"]
        columns["missing_since"] = None if since is None else milliseconds(since)
    if "submitted_at" in change:
        columns["submitted_at"] = milliseconds(change["submitted_at"])
    if "delivery" in change:
        del columns["delivery"]
        to = change["delivery"]
        columns["delivery_channel_id"] = None if to is None else to.channel_id
        columns["delivery_direct"] = None if to is None else to.direct
        columns["delivery_started_at"] = None if to is None else milliseconds(to.started_at)
    if "restored" in change:
        del columns["restored"]
        columns["restored_at"] = None
    return columns


def add_track(tx: Tx, job_id: JobId, track: Track) -> None:
    """Record a track in the spool, unless the job has been erased in the meantime."""
    tx.execute(
        f"""INSERT INTO track (job_id, take, file, size_bytes, sha256, url)
           SELECT id, :take, :file, :size, :sha256, :url FROM job WHERE id = :job AND {NOT_ERASED}
           ON CONFLICT (job_id, take) DO UPDATE SET file = excluded.file, size_bytes = excluded.size_bytes,
                                     sha256 = excluded.sha256, url = excluded.url""",
        {
            "job": job_id,
            "take": track.take,
            "file": track.file,
            "size": track.size_bytes,
            "sha256": track.sha256,
            "url": track.url,
        },
    )


def files(tx: Tx, names: Iterable[str], since: datetime) -> tuple[frozenset[str], frozenset[str]]:
    """Return which of the spool files ``names`` belong to a job, and which of those may be removed.

    A file may be removed once its job has been finished since before ``since``.
    """
    rows = tx.execute(
        """SELECT file, job.state IN ('delivered', 'undelivered', 'explained') AND job.state_since < ? AS over
           FROM track JOIN job ON job.id = track.job_id WHERE file IN (SELECT value FROM json_each(?))""",
        (milliseconds(since), json.dumps(list(names))),
    ).fetchall()
    return frozenset(row["file"] for row in rows), frozenset(row["file"] for row in rows if row["over"])


def drop_equal_tracks(tx: Tx, job_id: JobId) -> None:
    """Delete takes whose bytes equal those of an earlier take."""
    tx.execute(
        """DELETE FROM track WHERE job_id = :job AND EXISTS (
             SELECT 1 FROM track AS earlier
             WHERE earlier.job_id = :job AND earlier.sha256 = track.sha256 AND earlier.take < track.take)""",
        {"job": job_id},
    )


def unfinished(tx: Tx) -> list[Job]:
    """Return every unfinished job, including parked and undelivered ones, oldest first."""
    rows = tx.execute(
        f"""{_SELECT} WHERE job.state IN ({OPEN}, '{JobState.UNDELIVERED}')
            ORDER BY job.created_at, job.id"""
    ).fetchall()
    return [_read(tx, row) for row in rows]


def mark_restored(tx: Tx, job_id: JobId, now: datetime) -> None:
    """Mark a job from a backup: what has been posted for it since is unknown."""
    tx.execute("UPDATE job SET restored_at = ? WHERE id = ?", (milliseconds(now), job_id))


def task_taken(tx: Tx, backend: Backend, task_id: str) -> bool:
    """Return whether another job already has this task of the service."""
    key = _task_key(backend, task_id)
    return tx.execute("SELECT 1 FROM job WHERE task_id = ?", (key,)).fetchone() is not None


def _task_key(backend: Backend | None, task_id: str) -> str:
    """Return what the unique column of task ids holds: ids of two services may be the same.

    The first service's are stored as they are, because they were when it was the only one.
    """
    return task_id if backend in (None, Backend.SSEEDANCE) else f"{backend}:{task_id}"


def unpark(tx: Tx, backends: Iterable[Backend], now: datetime) -> int:
    """Go on with the jobs that were parked for want of a key, now that these services have theirs."""
    cursor = tx.execute(
        f"""UPDATE job SET parked = NULL, due_at = :now, card_due_at = :now, misses = 0, missing_since = NULL
            WHERE parked = 'no_key' AND state IN ('running', 'ready') AND {NOT_ERASED}
              AND backend IN (SELECT value FROM json_each(:backends))""",
        {"now": milliseconds(now), "backends": json.dumps(sorted(backends))},
    )
    return cursor.rowcount


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


def is_of(tx: Tx, guild_id: GuildId, job_id: JobId) -> bool:
    """Return whether the job belongs to this server."""
    row = tx.execute("SELECT 1 FROM job WHERE id = ? AND guild_id = ?", (job_id, guild_id)).fetchone()
    return row is not None


def withdraw(tx: Tx, job_id: JobId, now: datetime) -> bool:
    """Withdraw a queued request. The caller releases its credits.

    A step that is working on it can no longer submit it: its claim is overtaken.
    """
    cursor = tx.execute(
        """UPDATE job SET state = 'explained', reason = 'withdrawn', due_at = NULL, state_since = :now,
                          card_due_at = :now, attempt = attempt + 1, claim_epoch = NULL
           WHERE id = :id AND state = 'queued'""",
        {"id": job_id, "now": milliseconds(now)},
    )
    return cursor.rowcount == 1


def no_card(tx: Tx, job_id: JobId) -> None:
    """Record that the job has no card: the answer to its request is not its own, and must not be edited."""
    tx.execute("UPDATE job SET card_due_at = NULL WHERE id = ?", (job_id,))


def post_again(tx: Tx, job_id: JobId, now: datetime) -> bool:
    """Queue an undelivered song for posting again. Where it may already have been posted stays recorded."""
    cursor = tx.execute(
        f"""UPDATE job SET state = 'stored', due_at = :now, state_since = :now, card_due_at = :now,
                          tries = 0
           WHERE id = :id AND state = 'undelivered' AND {NOT_ERASED}""",
        {"id": job_id, "now": milliseconds(now)},
    )
    return cursor.rowcount == 1


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


def message_gone(tx: Tx, job_id: JobId, message_id: int, now: datetime) -> None:
    """Record that this message of the job was deleted; a copy of the song does not count."""
    tx.execute(
        """UPDATE job SET message_id = NULL, card_due_at = :now
           WHERE id = :id AND message_id = :message AND state = 'delivered'""",
        {"id": job_id, "message": message_id, "now": milliseconds(now)},
    )


def cards_due(tx: Tx, now: datetime, limit: int) -> list[Job]:
    """Return jobs whose card may be outdated and may be edited again."""
    rows = tx.execute(
        f"""{_SELECT} WHERE job.card_due_at IS NOT NULL
              AND (job.card_due_at <= :now OR job.card_due_at > :horizon)
              AND (job.card_free_at <= :now OR job.card_free_at > :horizon)
            ORDER BY job.card_due_at LIMIT :limit""",
        {"now": milliseconds(now), "horizon": milliseconds(now + CARD_HORIZON), "limit": limit},
    ).fetchall()
    return [_read(tx, row) for row in rows]


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


def queue_position(tx: Tx, job: Job) -> int:
    """Return how many queued jobs come before this one.

    Each server's turns are numbered 1, 2, …, and so are each member's within a server. So of every other
    server (or member) the jobs with a lower number than this job's come first, and of those with the same
    number one that was served earlier. That only takes counting; reading all of a long queue in order would
    take the writer milliseconds for each request.
    """
    row = tx.execute(
        "SELECT guild_id, member_id FROM job WHERE id = ? AND state = 'queued' AND due_at IS NOT NULL",
        (job.id,),
    ).fetchone()
    if row is None:
        return 0
    turn_of_guild = _turn_of_guild(tx, job, row["guild_id"], row["member_id"])
    ahead, own_served = turn_of_guild - 1, None
    others: list[int | None] = []
    for guild_id, count, served in tx.execute(
        f"""SELECT guild_id, COUNT(*) AS count, CASE WHEN COUNT(*) >= :turn THEN (
                SELECT MAX(submitted_at) FROM job AS served
                WHERE served.guild_id = job.guild_id) END AS served
            FROM job WHERE {_QUEUED} GROUP BY guild_id""",
        {"turn": turn_of_guild},
    ):
        if guild_id == row["guild_id"]:
            own_served = served
        else:
            ahead += min(count, turn_of_guild - 1)
            if count >= turn_of_guild:
                others.append(served)
    if own_served in others:  # which of the two jobs was requested earlier has to be read
        ordered = tx.execute(f"{_TURNS.format(which='due_at IS NOT NULL')} ORDER BY {_IN_TURN}")
        return [each["id"] for each in ordered].index(job.id)
    return ahead + sum(_served_before(served, own_served) for served in others)


def _turn_of_guild(tx: Tx, job: Job, guild_id: int, member_id: int) -> int:
    """Return which of its server's turns a queued job has, beginning with 1."""
    place = {"guild": guild_id, "member": member_id, "at": milliseconds(job.created_at), "id": job.id}
    (turn_of_member,) = tx.execute(
        f"""SELECT COUNT(*) FROM job WHERE {_QUEUED} AND guild_id = :guild AND member_id = :member
              AND (created_at, id) <= (:at, :id)""",
        place,
    ).fetchone()
    counts = {
        other: (count, served)
        for other, count, served in tx.execute(
            f"""SELECT member_id, COUNT(*) AS count, CASE WHEN COUNT(*) >= :turn THEN (
                    SELECT MAX(submitted_at) FROM job AS served
                    WHERE served.guild_id = :guild AND served.member_id = job.member_id) END AS served
                FROM job WHERE {_QUEUED} AND guild_id = :guild GROUP BY member_id""",
            {"guild": guild_id, "turn": turn_of_member},
        )
    }
    _, own_served = counts.pop(member_id)
    turn: int = turn_of_member
    for other, (count, served) in counts.items():
        turn += min(count, turn_of_member - 1)
        if count < turn_of_member:
            continue
        if served != own_served:
            turn += _served_before(served, own_served)
            continue
        (at, number) = tx.execute(
            f"""SELECT created_at, id FROM job WHERE {_QUEUED} AND guild_id = :guild AND member_id = :other
                ORDER BY created_at, id LIMIT 1 OFFSET :skipped""",
            {"guild": guild_id, "other": other, "skipped": turn_of_member - 1},
        ).fetchone()
        turn += (at, number) < (place["at"], place["id"])
    return turn


def _served_before(one: int | None, other: int | None) -> bool:
    """Return whether one was served earlier than the other; who was never served comes first."""
    return other is not None and (one is None or one < other)


def recent_durations(tx: Tx, limit: int) -> list[timedelta]:
    """Return how long the last delivered songs took from request to delivery, newest first."""
    rows = tx.execute(
        """SELECT state_since - created_at AS took FROM job WHERE state = 'delivered'
           ORDER BY state_since DESC LIMIT ?""",
        (limit,),
    ).fetchall()
    return [timedelta(milliseconds=row["took"]) for row in rows]


def _read(tx: Tx, row: Row) -> Job:
    tracks = tx.execute("SELECT * FROM track WHERE job_id = ? ORDER BY take", (row["id"],)).fetchall()
    return Job(
        id=row["id"],
        request=texts.read(row),
        origin=Origin(
            interaction_id=row["interaction_id"],
            guild_id=row["guild_id"],
            channel_id=row["channel_id"],
            member_id=DiscordUserId(row["member_discord_id"] or 0),
            may_reference=bool(row["may_reference"]),
            guild_locale=row["guild_locale"],
            member_locale=row["member_locale"],
            parent_channel_id=row["parent_channel_id"],
        ),
        state=JobState(row["state"]),
        attempt=row["attempt"],
        tries=row["tries"],
        created_at=moment(row["created_at"]),
        state_since=moment(row["state_since"]),
        price_credits=row["price"],
        limit_credits=row["limit_credits"],
        backend=None if row["backend"] is None else Backend(row["backend"]),
        task_id=row["task_id"] and row["task_id"].removeprefix(f"{row['backend']}:"),
        upstream_credits=row["upstream_credits"],
        takes=tuple(TakeDetails(**take) for take in json.loads(row["takes"])),
        urls=tuple(json.loads(row["urls"])),
        tracks=tuple(
            Track(
                take=track["take"],
                file=track["file"],
                size_bytes=track["size_bytes"],
                sha256=track["sha256"],
                url=track["url"],
            )
            for track in tracks
        ),
        reason=None if row["reason"] is None else FailReason(row["reason"]),
        closed=None if row["closed"] is None else ClosedCause(row["closed"]),
        detail=row["detail"],
        delivery=None
        if row["delivery_channel_id"] is None
        else Delivery(
            channel_id=row["delivery_channel_id"],
            direct=bool(row["delivery_direct"]),
            started_at=moment(row["delivery_started_at"]),
        ),
        message_id=row["message_id"],
        card_message_id=row["card_message_id"],
        card_shown=row["card_shown"],
        card_due_at=None if row["card_due_at"] is None else moment(row["card_due_at"]),
        parked=row["parked"] is not None,
        missing_since=None if row["missing_since"] is None else moment(row["missing_since"]),
        misses=row["misses"],
        words_whole=row["torn"] == 0,
        first_song=bool(row["first_song"]),
        restored=row["restored_at"] is not None,
    )
