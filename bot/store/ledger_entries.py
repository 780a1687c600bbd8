"""The entries of the ledger: append one, and read those of a job or an interaction."""

from datetime import datetime

from msgspec import Struct

from bot.balance import ChangedBy
from bot.database.engine import Tx
from bot.model import GuildId, JobId, MemberNumber, RoleId
from bot.store import calendars, changes
from bot.store.changes import Value
from bot.store.members import OPERATOR, member_number
from bot.store.times import milliseconds


class Hold(Struct, frozen=True, kw_only=True):
    """The credits held for one job, and where they came from."""

    day: int
    allowance: int
    bonus: int


class Booking(Struct, frozen=True, kw_only=True):
    """A hold, with the job, server and member it belongs to."""

    job_id: JobId
    guild_id: GuildId
    member: MemberNumber
    hold: Hold


def closing(tx: Tx, job_id: JobId) -> set[str]:
    """Return the kinds of the entries that closed the job's hold: settle or release, perhaps refund."""
    # One query per partial index: with all three kinds in one list, SQLite reads the whole ledger.
    rows = tx.execute(
        """SELECT kind FROM ledger WHERE job_id = :job AND kind IN ('settle', 'release')
           UNION ALL SELECT kind FROM ledger WHERE job_id = :job AND kind = 'refund'""",
        {"job": job_id},
    )
    return {row["kind"] for row in rows}


def changed(tx: Tx, changed_by: ChangedBy) -> bool:
    """Return whether this interaction has already changed something."""
    rows = tx.execute("SELECT 1 FROM ledger WHERE interaction_id = ?", (changed_by.interaction_id,))
    return rows.fetchone() is not None


def note(
    tx: Tx,
    kind: str,
    guild_id: GuildId,
    changed_by: ChangedBy,
    now: datetime,
    *,
    member: MemberNumber | None = None,
    role_id: RoleId | None = None,
    before: Value,
    after: Value,
) -> None:
    """Append an entry for a change of a rule, which moves no credits.

    Nothing is appended if the value stays the same and no reason is given.
    """
    if before == after and not changed_by.reason:
        return
    nothing = Hold(day=calendars.of(tx, guild_id).today(now), allowance=0, bonus=0)
    append(
        tx,
        kind,
        guild_id,
        nothing,
        now,
        member=member,
        role_id=role_id,
        changed_by=changed_by,
        before=before,
        after=after,
    )


def booking_of(tx: Tx, job_id: JobId) -> Booking:
    """Return the ledger's hold for an accepted job."""
    row = tx.execute(
        "SELECT guild_id, member_id, day, allowance, bonus FROM ledger WHERE job_id = ? AND kind = 'hold'",
        (job_id,),
    ).fetchone()
    return Booking(
        job_id=job_id,
        guild_id=row["guild_id"],
        member=row["member_id"],
        hold=Hold(day=row["day"], allowance=row["allowance"], bonus=row["bonus"]),
    )


def book(
    tx: Tx,
    kind: str,
    booking: Booking,
    now: datetime,
    *,
    changed_by: ChangedBy | None = None,
    before: Value | None = None,
    after: Value | None = None,
) -> None:
    """Append an entry for a job's hold."""
    append(
        tx,
        kind,
        booking.guild_id,
        booking.hold,
        now,
        job_id=booking.job_id,
        member=booking.member,
        changed_by=changed_by,
        before=before,
        after=after,
    )


def append(
    tx: Tx,
    kind: str,
    guild_id: GuildId,
    amount: Hold,
    now: datetime,
    *,
    job_id: JobId | None = None,
    member: MemberNumber | None = None,
    role_id: RoleId | None = None,
    changed_by: ChangedBy | None = None,
    before: Value | None = None,
    after: Value | None = None,
) -> None:
    """Append an entry."""
    tx.execute(
        """INSERT INTO ledger (at, kind, guild_id, day, allowance, bonus, job_id, member_id, role_id,
                               actor_id, interaction_id, reason, before, after)
           VALUES (:at, :kind, :guild, :day, :allowance, :bonus, :job, :member, :role,
                   :actor, :interaction, :reason, :before, :after)""",
        {
            "at": milliseconds(now),
            "kind": kind,
            "guild": guild_id,
            "day": amount.day,
            "allowance": amount.allowance,
            "bonus": amount.bonus,
            "job": job_id,
            "member": member,
            "role": role_id,
            "actor": None if changed_by is None else _actor(tx, changed_by),
            "interaction": None if changed_by is None else changed_by.interaction_id,
            "reason": "" if changed_by is None else changed_by.reason,
            "before": None if before is None else changes.write(before),
            "after": None if after is None else changes.write(after),
        },
    )


def _actor(tx: Tx, changed_by: ChangedBy) -> int:
    return OPERATOR if changed_by.actor_id is None else member_number(tx, changed_by.actor_id)
