"""Jobs: add, get, move. Each function is one part of a transaction.

Results are written under the attempt number of their claim, so a claim that has been overtaken changes
nothing.
"""

import json
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Literal, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import asdict

from bot.database.engine import Tx
from bot.model import (
    OPEN_STATES,
    Backend,
    ClosedCause,
    Delivery,
    FailReason,
    GuildId,
    InteractionId,
    Job,
    JobId,
    JobState,
    MemberNumber,
    MessageId,
    Origin,
    ParkReason,
    Reuse,
    Source,
    TakeDetails,
    TaskId,
)
from bot.store import texts
from bot.store.job_events import record_answer, record_request
from bot.store.job_rows import SELECT, read
from bot.store.ledger_entries import Hold
from bot.store.times import milliseconds, moment

NOT_ERASED = "interaction_id > 0"
"""SQL condition: the job is not erased. Erased jobs have a negative interaction id.

A late write must not bring anybody's data back into them.
"""
EXCERPT_MAX = 80
"""Length of the prompt excerpt that names a song without a title, in characters."""
EXCERPT_READ_MAX = 2 * EXCERPT_MAX
"""Characters of a prompt read for its excerpt, so that the excerpt ends with a whole grapheme."""
OPEN = ", ".join(f"'{state}'" for state in sorted(OPEN_STATES))
UNFINISHED = f"(due_at IS NOT NULL AND state IN ({OPEN}))"
"""SQL condition: the bot is still working on the job by itself."""


class Counts(Struct, frozen=True, kw_only=True):
    """Numbers of unfinished songs of a member, and of a whole server."""

    member: int
    guild: int


class JobChange(TypedDict, total=False):
    """Columns that a move may change, apart from the state and the due time."""

    backend: Backend
    task_id: TaskId
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
    message_id: MessageId | None
    restored: Literal[False]
    """False once the messages of a restored job have been searched for."""


def new_id() -> JobId:
    """Generate a job id. Ids are random, so that a restored backup cannot reuse one."""
    return JobId(secrets.randbits(53))


def add(
    tx: Tx, job: Job, member: MemberNumber, held: Hold, due_at: datetime, source: Source | None = None
) -> None:
    """Insert a member's new job and its texts; texts equal to those of its ``source`` are shared with it.

    Raises:
        ConstraintViolated: the interaction was already accepted, or the failed job already retried.
    """
    origin = job.origin
    tx.execute(
        """INSERT INTO job (id, interaction_id, guild_id, channel_id, member_id, may_reference, state,
                            created_at, state_since, due_at, price, day, allowance_part, bonus_part,
                            limit_credits, retry_of, again_of, parent_channel_id,
                            results_channel_id, announce_channel_id)
           VALUES (:id, :interaction, :guild, :channel, :member, :may_reference, :state,
                   :now, :now, :due, :price, :day, :allowance, :bonus, :limit, :retry_of, :again_of,
                   :parent, :results, :announced)""",
        {
            "id": job.id,
            "interaction": origin.interaction_id,
            "guild": origin.guild_id,
            "channel": origin.channel_id,
            "parent": origin.parent_channel_id,
            "results": origin.results_channel_id,
            "announced": origin.announce_channel_id,
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
    _keep_locales(tx, origin, member)


def _keep_locales(tx: Tx, origin: Origin, member: MemberNumber) -> None:
    """Store the languages of the server and the member, if they are known and have changed."""
    # They hardly ever change: one read replaces two updates that change nothing.
    guild_locale, member_locale = tx.execute(
        """SELECT guild.locale, member.locale FROM guild CROSS JOIN member
           WHERE guild.id = ? AND member.id = ?""",
        (origin.guild_id, member),
    ).fetchone()
    if origin.guild_locale not in ("", guild_locale):
        tx.execute("UPDATE guild SET locale = ? WHERE id = ?", (origin.guild_locale, origin.guild_id))
    if origin.member_locale not in ("", member_locale):
        tx.execute("UPDATE member SET locale = ? WHERE id = ?", (origin.member_locale, member))


def _job_of(source: Source | None, reuse: Reuse) -> int | None:
    return source.job_id if source is not None and source.reuse is reuse else None


def taken(tx: Tx, interaction_id: InteractionId) -> bool:
    """Return whether this interaction has already become a job."""
    return tx.execute("SELECT 1 FROM job WHERE interaction_id = ?", (interaction_id,)).fetchone() is not None


def tried_again(tx: Tx, failed_id: JobId, member: MemberNumber) -> bool:
    """Return whether the member has retried this failed job and not cancelled that request."""
    row = tx.execute(
        """SELECT 1 FROM job WHERE retry_of = ? AND member_id = ?
             AND (reason IS NULL OR reason <> 'withdrawn')""",
        (failed_id, member),
    ).fetchone()
    return row is not None


def again_in_progress(tx: Tx, job_id: JobId, member: MemberNumber) -> bool:
    """Return whether the member has an unfinished request for this song again."""
    row = tx.execute(
        f"""SELECT 1 FROM job WHERE again_of = ? AND member_id = ? AND due_at IS NOT NULL
              AND state IN ({OPEN})""",
        (job_id, member),
    ).fetchone()
    return row is not None


def get(tx: Tx, job_id: JobId) -> Job | None:
    """Return the job, or None."""
    row = tx.execute(f"{SELECT} WHERE job.id = ?", (job_id,)).fetchone()
    return None if row is None else read(tx, row)


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
    """Return the time of the member's ``n``-th last request since then, in any server.

    None means that there were fewer.
    """
    row = tx.execute(
        """SELECT created_at FROM job WHERE member_id = ? AND created_at > ? AND created_at <= ?
           ORDER BY created_at DESC LIMIT 1 OFFSET ?""",
        (member, milliseconds(since), milliseconds(now), n - 1),
    ).fetchone()
    return None if row is None else moment(row["created_at"])


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

    Returns False, and changes nothing, if the job no longer has the state and attempt that the caller
    claimed: another claim has overtaken it. This guard makes every step safe to repeat. ``keep_claim`` lets
    the caller keep working on the job; otherwise it can be claimed again. ``answer`` is the answer that
    kept the job from advancing, for `tunesmith jobs show`.
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
    """Return whether the job still has the state and attempt that the caller claimed."""
    row = tx.execute("SELECT state, attempt FROM job WHERE id = ?", (job.id,)).fetchone()
    return row is not None and (row["state"], row["attempt"]) == (job.state, job.attempt)


def _columns(change: JobChange) -> dict[str, object]:
    """Return the values that a change writes, by column."""
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


def unfinished(tx: Tx) -> list[Job]:
    """Return every unfinished job, including parked and undelivered ones, oldest first."""
    rows = tx.execute(
        f"""{SELECT} WHERE job.state IN ({OPEN}, '{JobState.UNDELIVERED}')
            ORDER BY job.created_at, job.id"""
    ).fetchall()
    return [read(tx, row) for row in rows]


def mark_restored(tx: Tx, job_id: JobId, now: datetime) -> None:
    """Mark a job from a backup: anything posted for it since then is unknown."""
    tx.execute("UPDATE job SET restored_at = ? WHERE id = ?", (milliseconds(now), job_id))


def task_taken(tx: Tx, backend: Backend, task_id: TaskId) -> bool:
    """Return whether a job already has this task of the service."""
    key = _task_key(backend, task_id)
    return tx.execute("SELECT 1 FROM job WHERE task_id = ?", (key,)).fetchone() is not None


def _task_key(backend: Backend | None, task_id: TaskId) -> str:
    """Return the value for the unique column of task ids: two services may use the same id.

    The first service's ids have no prefix, because they were stored that way when it was the only one.
    """
    return task_id if backend in (None, Backend.SSEEDANCE) else f"{backend}:{task_id}"


def unpark(tx: Tx, backends: Iterable[Backend], now: datetime) -> int:
    """Resume the jobs that were parked for lack of a key, now that these services have one.

    Returns how many.
    """
    cursor = tx.execute(
        f"""UPDATE job SET parked = NULL, due_at = :now, card_due_at = :now, misses = 0, missing_since = NULL
            WHERE parked = 'no_key' AND state IN ('running', 'ready') AND {NOT_ERASED}
              AND backend IN (SELECT value FROM json_each(:backends))""",
        {"now": milliseconds(now), "backends": json.dumps(sorted(backends))},
    )
    return cursor.rowcount


def is_of(tx: Tx, guild_id: GuildId, job_id: JobId) -> bool:
    """Return whether the job belongs to this server."""
    row = tx.execute("SELECT 1 FROM job WHERE id = ? AND guild_id = ?", (job_id, guild_id)).fetchone()
    return row is not None


def withdraw(tx: Tx, job_id: JobId, now: datetime) -> bool:
    """Withdraw a queued request. The caller releases its credits.

    A step that is working on it can no longer submit it, because its claim is overtaken.
    """
    cursor = tx.execute(
        """UPDATE job SET state = 'explained', reason = 'withdrawn', due_at = NULL, state_since = :now,
                          card_due_at = :now, attempt = attempt + 1, claim_epoch = NULL
           WHERE id = :id AND state = 'queued'""",
        {"id": job_id, "now": milliseconds(now)},
    )
    return cursor.rowcount == 1


def post_again(tx: Tx, job_id: JobId, now: datetime) -> bool:
    """Queue an undelivered song for posting again, keeping the record of where it may have been posted."""
    cursor = tx.execute(
        f"""UPDATE job SET state = 'stored', due_at = :now, state_since = :now, card_due_at = :now,
                          tries = 0
           WHERE id = :id AND state = 'undelivered' AND {NOT_ERASED}""",
        {"id": job_id, "now": milliseconds(now)},
    )
    return cursor.rowcount == 1
