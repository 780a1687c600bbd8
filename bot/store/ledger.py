"""Credits: grant, hold, settle, release, refund, available. Each function is one part of a transaction.

A hold takes from the allowance first and from the bonus for the rest; the job keeps that split and
its day, so that a release goes back where it came from. The ledger is only ever appended to; the
counters in ``guild`` and ``usage`` change in the same transaction and can be proved from it.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from bot.database.sqlite import Tx
from bot.errors import NotEnoughCredits, OutOfRange
from bot.model import Balance, ChangedBy, DiscordUserId, GuildId, JobId, MemberNumber, Period

WHOLE_GUILD = MemberNumber(0)
"""The member number under which ``usage`` sums up a server."""
NOBODY = MemberNumber(-1)
"""A member number that nobody has."""
OPERATOR = MemberNumber(-2)
"""The member number under which the ledger names the one who hosts the bot."""
CREDITS_MAX = 1_000_000
"""The largest allowance, and the largest bonus that a server can hold."""
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defaults:
    """What holds for a server that has set nothing."""

    allowance: int
    period: Period
    ceiling: int | None = None
    """The most that any server may use in a period; with it the period is this one for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Credits that were set aside for one job, and where they came from."""

    day: int
    allowance: int
    bonus: int


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds, as the database keeps times."""
    return round(moment.timestamp() * 1000)


def moment(epoch_ms: int) -> datetime:
    """The aware UTC time of epoch milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def day_number(now: datetime) -> int:
    """Days since 1970-01-01 of the UTC day that ``now`` falls on."""
    return (now.astimezone(UTC).date() - _EPOCH).days


def period_days(period: Period, now: datetime) -> tuple[int, int]:
    """The first day of the period that ``now`` falls in and the first day after it."""
    today = now.astimezone(UTC).date()
    match period:
        case Period.DAY:
            first, after = today, today + timedelta(days=1)
        case Period.WEEK:
            first = today - timedelta(days=today.weekday())
            after = first + timedelta(days=7)
        case Period.MONTH:
            first = today.replace(day=1)
            after = (first + timedelta(days=31)).replace(day=1)
    return (first - _EPOCH).days, (after - _EPOCH).days


def member_number(tx: Tx, discord_id: DiscordUserId) -> MemberNumber:
    """The number under which the books know this person; given out at first sight."""
    tx.execute("INSERT INTO member (discord_id) VALUES (?) ON CONFLICT DO NOTHING", (discord_id,))
    (number,) = tx.execute("SELECT id FROM member WHERE discord_id = ?", (discord_id,)).fetchone()
    return MemberNumber(number)


def known_member(tx: Tx, discord_id: DiscordUserId) -> MemberNumber:
    """The number of this person, or NOBODY's; gives out none."""
    row = tx.execute("SELECT id FROM member WHERE discord_id = ?", (discord_id,)).fetchone()
    return NOBODY if row is None else MemberNumber(row["id"])


def balance(tx: Tx, guild_id: GuildId, defaults: Defaults, now: datetime) -> Balance:
    """What the server may spend at ``now``."""
    row = tx.execute(
        "SELECT allowance, period, bonus, operator_bonus FROM guild WHERE id = ?", (guild_id,)
    ).fetchone()
    allowance = defaults.allowance if row is None or row["allowance"] is None else row["allowance"]
    period = defaults.period if row is None or row["period"] is None else Period(row["period"])
    if defaults.ceiling is not None:
        allowance, period = min(allowance, defaults.ceiling), defaults.period
    first, after = period_days(period, now)
    used, held, bonus_spent = tx.execute(
        """SELECT COALESCE(SUM(allowance_used), 0), COALESCE(SUM(allowance_held), 0),
                  COALESCE(SUM(bonus_used + bonus_held), 0) FROM usage
           WHERE guild_id = ? AND member_id = ? AND day >= ? AND day < ?""",
        (guild_id, WHOLE_GUILD, first, after),
    ).fetchone()
    bonus = 0 if row is None else row["bonus"]
    if row is not None and defaults.ceiling is not None:
        left = max(0, defaults.ceiling - max(allowance, used + held) - bonus_spent)
        bonus = _bonus_under_ceiling(bonus, row["operator_bonus"], left)
    return Balance(
        allowance=allowance,
        used=used,
        held=held,
        bonus=bonus,
        period=period,
        renews_at=datetime.combine(_EPOCH + timedelta(days=after), datetime.min.time(), UTC),
    )


def _bonus_under_ceiling(bonus: int, granted_by_operator: int, left: int) -> int:
    """Return how much of a server's bonus may be used under the operator's ceiling.

    Only what the operator has granted may go beyond the ceiling; of the rest, which managers granted
    before the ceiling was set, no more than the ceiling leaves. Managers' credits count as used first.
    """
    beyond = min(bonus, max(0, granted_by_operator))
    return beyond + min(bonus - beyond, left)


def hold(
    tx: Tx,
    job_id: JobId,
    guild_id: GuildId,
    member: MemberNumber,
    price: int,
    defaults: Defaults,
    now: datetime,
) -> Hold:
    """Set ``price`` credits of the server aside for the job.

    Raises:
        NotEnoughCredits: the allowance and the bonus together are less.
    """
    know_guild(tx, guild_id)
    there = balance(tx, guild_id, defaults, now)
    if there.available < price:
        raise NotEnoughCredits(price, there)
    allowance = min(price, there.available - there.bonus)
    held = Hold(day=day_number(now), allowance=allowance, bonus=price - allowance)
    tx.execute("UPDATE guild SET bonus = bonus - ? WHERE id = ?", (held.bonus, guild_id))
    _move(tx, guild_id, member, held, held_by=1, used_by=0)
    _append(tx, "hold", guild_id, held, now, job_id=job_id, member=member)
    return held


def settle(tx: Tx, job_id: JobId, guild_id: GuildId, member: MemberNumber, held: Hold, now: datetime) -> None:
    """The job's credits are spent."""
    _move(tx, guild_id, member, held, held_by=-1, used_by=1)
    _append(tx, "settle", guild_id, held, now, job_id=job_id, member=member)


def release(
    tx: Tx, job_id: JobId, guild_id: GuildId, member: MemberNumber, held: Hold, now: datetime
) -> None:
    """The job's credits go back where they came from."""
    _give_back(tx, guild_id, held)
    _move(tx, guild_id, member, held, held_by=-1, used_by=0)
    _append(tx, "release", guild_id, held, now, job_id=job_id, member=member)


def refund(
    tx: Tx,
    job_id: JobId,
    guild_id: GuildId,
    member: MemberNumber,
    held: Hold,
    changed_by: ChangedBy,
    now: datetime,
) -> None:
    """The credits of a settled job go back where they came from, on the job's own day.

    Raises:
        sqlite3.IntegrityError: they have gone back before.
    """
    _give_back(tx, guild_id, held)
    _move(tx, guild_id, member, held, held_by=0, used_by=-1)
    _append(
        tx,
        "refund",
        guild_id,
        held,
        now,
        job_id=job_id,
        member=member,
        changed_by=changed_by,
        before="settled",
        after="refunded",
    )


def closing(tx: Tx, job_id: JobId) -> set[str]:
    """What has become of the job's hold: nothing, or settle or release, and perhaps refund."""
    rows = tx.execute(
        "SELECT kind FROM ledger WHERE job_id = ? AND kind IN ('settle', 'release', 'refund')", (job_id,)
    )
    return {row["kind"] for row in rows}


def grant(tx: Tx, guild_id: GuildId, credits_: int, changed_by: ChangedBy, now: datetime) -> tuple[int, int]:
    """Add bonus credits, or take some that are neither used nor held. Returns before and after.

    Raises:
        OutOfRange: more than is left would be taken, or the pool would grow beyond its limit.
    """
    know_guild(tx, guild_id)
    (before,) = tx.execute("SELECT bonus FROM guild WHERE id = ?", (guild_id,)).fetchone()
    after = before + credits_
    if not 0 <= after <= CREDITS_MAX:
        raise OutOfRange(-before, CREDITS_MAX - before)
    tx.execute("UPDATE guild SET bonus = ? WHERE id = ?", (after, guild_id))
    _append(
        tx,
        "grant",
        guild_id,
        Hold(day=day_number(now), allowance=0, bonus=credits_),
        now,
        changed_by=changed_by,
        before=str(before),
        after=str(after),
    )
    return before, after


def set_allowance(
    tx: Tx,
    guild_id: GuildId,
    allowance: int,
    period: Period | None,
    defaults: Defaults,
    changed_by: ChangedBy,
    now: datetime,
) -> tuple[Balance, Balance]:
    """Change what the server may use each period. Returns the balance before and after.

    Songs that are running keep their credits, and nothing is granted by a change of period: what was
    used on a day stays used on that day.

    Raises:
        OutOfRange: a negative or absurdly large number.
    """
    in_range(allowance)
    know_guild(tx, guild_id)
    before = balance(tx, guild_id, defaults, now)
    tx.execute(
        "UPDATE guild SET allowance = ?, period = COALESCE(?, period) WHERE id = ?",
        (allowance, period, guild_id),
    )
    after = balance(tx, guild_id, defaults, now)
    note(
        tx,
        "set",
        guild_id,
        changed_by,
        now,
        before=f"{before.allowance} a {before.period}",
        after=f"{after.allowance} a {after.period}",
    )
    return before, after


def note(
    tx: Tx,
    kind: str,
    guild_id: GuildId,
    changed_by: ChangedBy,
    now: datetime,
    *,
    member: MemberNumber | None = None,
    role_id: int | None = None,
    before: str,
    after: str,
) -> None:
    """An entry that moves no credits: a rule was changed from what to what."""
    nothing = Hold(day=day_number(now), allowance=0, bonus=0)
    _append(
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


def in_range(credits_: int) -> int:
    """The number, if it can be an allowance or a limit.

    Raises:
        OutOfRange: a negative or absurdly large number.
    """
    if not 0 <= credits_ <= CREDITS_MAX:
        raise OutOfRange(0, CREDITS_MAX)
    return credits_


def changed(tx: Tx, changed_by: ChangedBy) -> bool:
    """Whether this interaction has changed something already."""
    known = tx.execute("SELECT 1 FROM ledger WHERE interaction_id = ?", (changed_by.interaction_id,))
    return known.fetchone() is not None


def know_guild(tx: Tx, guild_id: GuildId) -> None:
    """Make sure that the server has its row."""
    tx.execute("INSERT INTO guild (id) VALUES (?) ON CONFLICT DO NOTHING", (guild_id,))


def _give_back(tx: Tx, guild_id: GuildId, held: Hold) -> None:
    tx.execute("UPDATE guild SET bonus = bonus + ? WHERE id = ?", (held.bonus, guild_id))


def _move(tx: Tx, guild_id: GuildId, member: MemberNumber, held: Hold, *, held_by: int, used_by: int) -> None:
    """Change the day's counters of the member and of the server by so many times the hold."""
    for who in (member, WHOLE_GUILD):
        key = {"guild": guild_id, "member": who, "day": held.day}
        tx.execute(
            """INSERT INTO usage (guild_id, member_id, day) VALUES (:guild, :member, :day)
               ON CONFLICT DO NOTHING""",
            key,
        )
        tx.execute(
            """UPDATE usage SET
                 allowance_held = allowance_held + :allowance * :held_by,
                 allowance_used = allowance_used + :allowance * :used_by,
                 bonus_held = bonus_held + :bonus * :held_by,
                 bonus_used = bonus_used + :bonus * :used_by
               WHERE guild_id = :guild AND member_id = :member AND day = :day""",
            key | {"allowance": held.allowance, "bonus": held.bonus, "held_by": held_by, "used_by": used_by},
        )


def _append(
    tx: Tx,
    kind: str,
    guild_id: GuildId,
    amount: Hold,
    now: datetime,
    *,
    job_id: JobId | None = None,
    member: MemberNumber | None = None,
    role_id: int | None = None,
    changed_by: ChangedBy | None = None,
    before: str | None = None,
    after: str | None = None,
) -> None:
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
            "before": before,
            "after": after,
        },
    )


def _actor(tx: Tx, changed_by: ChangedBy) -> int:
    return OPERATOR if changed_by.actor_id is None else member_number(tx, changed_by.actor_id)
