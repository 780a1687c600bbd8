"""Quotas: limits of members and roles, the pause, and the channel for budget alerts.

Each function is one part of a transaction; each change is an entry in the ledger.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from bot.balance import Balance, ChangedBy, Limit, Standing
from bot.database.engine import Tx
from bot.model import ChannelId, DiscordUserId, GuildId, JobId, MemberNumber, RoleId, everyone_of
from bot.refusals import LimitReached
from bot.store import ledger, ledger_entries, members
from bot.store.changes import Channel, Credits, Status
from bot.store.ledger import Defaults
from bot.store.ledger_entries import Hold


class SetLimit(Struct, frozen=True, kw_only=True):
    """A limit set by a server's managers for a role or a member."""

    role_id: RoleId | None
    number: MemberNumber | None
    member_id: DiscordUserId | None
    """None for a role and for an erased member."""
    name: str
    """A member's display name as of their last song with stored texts."""
    credits: int

    @property
    def key(self) -> str:
        """Key of the limit within its server: ``role:5`` or ``member:3``."""
        return f"member:{self.number}" if self.role_id is None else f"role:{self.role_id}"


def limits(tx: Tx, guild_id: GuildId, typed: str = "") -> list[SetLimit]:
    """Return a server's limits whose key, id or name contains ``typed``, those of roles first.

    They are looked up here because roles and members may no longer exist on Discord.
    """
    rows = tx.execute(
        """SELECT role_id, NULL AS number, NULL AS member_id, '' AS name, credits FROM role_limit
           WHERE guild_id = :guild
           UNION ALL
           SELECT NULL, member_limit.member_id, member.discord_id,
                  COALESCE((SELECT asked_by FROM job JOIN words ON words.job_id = job.id
                            WHERE job.guild_id = member_limit.guild_id AND job.member_id = member.id
                            ORDER BY job.created_at DESC LIMIT 1), ''), credits
           FROM member_limit JOIN member ON member.id = member_limit.member_id
           WHERE member_limit.guild_id = :guild""",
        {"guild": guild_id},
    )
    all_limits = [
        SetLimit(
            role_id=row["role_id"],
            number=row["number"],
            member_id=row["member_id"],
            name=row["name"],
            credits=row["credits"],
        )
        for row in rows
    ]
    part = typed.casefold()
    return [
        limit
        for limit in all_limits
        if part in limit.key or part in f"{limit.role_id or limit.member_id}" or part in limit.name.casefold()
    ]


def clear_number(
    tx: Tx, guild_id: GuildId, number: MemberNumber, changed_by: ChangedBy, now: datetime
) -> int | None:
    """Clear the limit of a member who may be unknown to Discord. Returns the limit."""
    row = tx.execute(
        "DELETE FROM member_limit WHERE guild_id = ? AND member_id = ? RETURNING credits", (guild_id, number)
    ).fetchone()
    if row is None:
        return None
    before, after = Credits(row["credits"]), Credits(None)
    ledger_entries.note(tx, "member", guild_id, changed_by, now, member=number, before=before, after=after)
    return int(row["credits"])


def limit_of(tx: Tx, guild_id: GuildId, member: MemberNumber, role_ids: Iterable[RoleId]) -> Limit | None:
    """Return the limit that applies to the member: their own, else the highest of their roles.

    ``role_ids`` includes the server's id, which is also the id of the @everyone role.
    """
    return _limit_of(tx, guild_id, members.numbers(tx, member), role_ids)


def _limit_of(
    tx: Tx, guild_id: GuildId, numbers: Iterable[MemberNumber], role_ids: Iterable[RoleId]
) -> Limit | None:
    personal = _own_limit(tx, guild_id, numbers)
    if personal is not None:
        return Limit(credits=personal)
    roles = [(credits_, role_id) for role_id, credits_ in role_limits(tx, guild_id, role_ids).items()]
    if not roles:
        return None
    credits_, role_id = max(roles)
    return Limit(credits=credits_, role_id=role_id, everyone=role_id == everyone_of(guild_id))


def member_limit(tx: Tx, guild_id: GuildId, member: MemberNumber) -> int | None:
    """Return the member's own limit, or None. A deletion of their data does not lift it."""
    return _own_limit(tx, guild_id, members.numbers(tx, member))


def _own_limit(tx: Tx, guild_id: GuildId, numbers: Iterable[MemberNumber]) -> int | None:
    for number in numbers:
        row = tx.execute(
            "SELECT credits FROM member_limit WHERE guild_id = ? AND member_id = ?", (guild_id, number)
        ).fetchone()
        if row is not None:
            return int(row["credits"])
    return None


def role_limits(tx: Tx, guild_id: GuildId, role_ids: Iterable[RoleId] | None = None) -> dict[RoleId, int]:
    """Return the limits of these roles, or of all roles, by role id."""
    rows = tx.execute("SELECT role_id, credits FROM role_limit WHERE guild_id = ?", (guild_id,))
    roles = None if role_ids is None else set(role_ids)
    return {role_id: credits_ for role_id, credits_ in rows if roles is None or role_id in roles}


def member_limits(tx: Tx, guild_id: GuildId, most: int) -> list[SetLimit]:
    """Return up to ``most`` members' own limits, highest first."""
    own = [limit for limit in limits(tx, guild_id) if limit.role_id is None]
    return sorted(own, key=lambda limit: (-limit.credits, limit.number or 0))[:most]


def member_limits_count(tx: Tx, guild_id: GuildId) -> int:
    """Count the members with a limit of their own."""
    (count,) = tx.execute("SELECT COUNT(*) FROM member_limit WHERE guild_id = ?", (guild_id,)).fetchone()
    return int(count)


def standing(
    tx: Tx, guild_id: GuildId, member: MemberNumber, limit: Limit | None, defaults: Defaults, now: datetime
) -> Standing:
    """Return what the member may spend at ``now`` under ``limit``, and what they have spent.

    Credits spent before a deletion of their data count too.
    """
    balance = ledger.balance(tx, guild_id, defaults, now)
    return _standing(tx, guild_id, members.numbers(tx, member), limit, balance)


def _standing(
    tx: Tx, guild_id: GuildId, numbers: Iterable[MemberNumber], limit: Limit | None, balance: Balance
) -> Standing:
    first, after = balance.days
    spent = [
        tx.execute(
            """SELECT COALESCE(SUM(allowance_used + bonus_used), 0) AS used,
                      COALESCE(SUM(allowance_held + bonus_held), 0) AS held
               FROM usage WHERE guild_id = ? AND member_id = ? AND day >= ? AND day < ?""",
            (guild_id, number, first, after),
        ).fetchone()
        for number in numbers
    ]
    return Standing(
        balance=balance,
        limit=limit,
        used=sum(row["used"] for row in spent),
        held=sum(row["held"] for row in spent),
    )


def hold(
    tx: Tx,
    job_id: JobId,
    guild_id: GuildId,
    member: MemberNumber,
    role_ids: Iterable[RoleId],
    price: int,
    defaults: Defaults,
    now: datetime,
) -> tuple[Hold, Standing]:
    """Hold ``price`` credits for the member's job. Returns the hold, and the member's standing after it.

    Raises:
        LimitReached: the member's limit leaves less than the price.
        NotEnoughCredits: the server's balance is less than the price.
    """
    numbers = members.numbers(tx, member)
    limit = _limit_of(tx, guild_id, numbers, role_ids)
    pool = ledger.pool(tx, guild_id, defaults, now)
    current = _standing(tx, guild_id, numbers, limit, pool.balance)
    if limit is not None and current.limit_is_tightest and current.left < price:
        raise LimitReached(price, limit, current)
    held = ledger.hold(tx, job_id, guild_id, member, price, defaults, now, pool)
    return held, replace(current, balance=pool.after(held).balance, held=current.held + price)


def set_member(
    tx: Tx,
    guild_id: GuildId,
    member_id: DiscordUserId,
    credits_: int | None,
    changed_by: ChangedBy,
    now: datetime,
) -> int | None:
    """Set or clear the member's own limit. Returns the previous one; clearing a missing one does nothing."""
    if credits_ is None and member_limit(tx, guild_id, members.past_or_present(tx, member_id)) is None:
        return None
    ledger.know_guild(tx, guild_id)
    member = members.member_number(tx, member_id)
    before = member_limit(tx, guild_id, member)
    for number in members.numbers(tx, member):
        tx.execute("DELETE FROM member_limit WHERE guild_id = ? AND member_id = ?", (guild_id, number))
    if credits_ is not None:
        tx.execute(
            "INSERT INTO member_limit (guild_id, member_id, credits) VALUES (?, ?, ?)",
            (guild_id, member, ledger.in_range(credits_)),
        )
    ledger_entries.note(
        tx,
        "member",
        guild_id,
        changed_by,
        now,
        member=member,
        before=Credits(before),
        after=Credits(credits_),
    )
    return before


def set_role(
    tx: Tx, guild_id: GuildId, role_id: RoleId, credits_: int | None, changed_by: ChangedBy, now: datetime
) -> int | None:
    """Set or clear the limit of a role. Returns the previous one; clearing a missing one does nothing."""
    before = role_limits(tx, guild_id, [role_id]).get(role_id)
    if credits_ is None and before is None:
        return None
    ledger.know_guild(tx, guild_id)
    if credits_ is None:
        tx.execute("DELETE FROM role_limit WHERE guild_id = ? AND role_id = ?", (guild_id, role_id))
    else:
        tx.execute(
            """INSERT INTO role_limit (guild_id, role_id, credits) VALUES (?, ?, ?)
               ON CONFLICT (guild_id, role_id) DO UPDATE SET credits = excluded.credits""",
            (guild_id, role_id, ledger.in_range(credits_)),
        )
    ledger_entries.note(
        tx,
        "role",
        guild_id,
        changed_by,
        now,
        role_id=role_id,
        before=Credits(before),
        after=Credits(credits_),
    )
    return before


def beyond(tx: Tx, guild_id: GuildId, credits_: int, defaults: Defaults, now: datetime) -> int:
    """Count members without their own limit who have used more than this in the period."""
    first, after = ledger.balance(tx, guild_id, defaults, now).days
    rows = tx.execute(
        """SELECT member_id, SUM(allowance_used + bonus_used + allowance_held + bonus_held) AS spent
           FROM usage WHERE guild_id = ? AND member_id <> ? AND day >= ? AND day < ? GROUP BY member_id""",
        (guild_id, members.WHOLE_GUILD, first, after),
    ).fetchall()
    limited = {
        row["member_id"]
        for row in tx.execute("SELECT member_id FROM member_limit WHERE guild_id = ?", (guild_id,))
    }
    person = members.by_person(tx, {*limited, *(row["member_id"] for row in rows)})
    spent: Counter[int | str] = Counter()
    for row in rows:
        spent[person[row["member_id"]]] += row["spent"]
    excepted = {person[member] for member in limited}
    return sum(1 for who, amount in spent.items() if amount > credits_ and who not in excepted)


def paused(tx: Tx, guild_id: GuildId) -> str | None:
    """Return the reason for the server's pause, or None if it is not paused."""
    row = tx.execute("SELECT paused FROM guild WHERE id = ?", (guild_id,)).fetchone()
    return None if row is None or row["paused"] is None else str(row["paused"])


def pause(tx: Tx, guild_id: GuildId, changed_by: ChangedBy, now: datetime) -> str | None:
    """Pause the server. Returns the reason for an earlier pause that is still in effect."""
    ledger.know_guild(tx, guild_id)
    before = paused(tx, guild_id)
    was = Status.OPEN if before is None else Status.PAUSED
    tx.execute("UPDATE guild SET paused = ? WHERE id = ?", (changed_by.reason, guild_id))
    ledger_entries.note(
        tx,
        "pause",
        guild_id,
        changed_by,
        now,
        before=was,
        after=Status.PAUSED,
    )
    return before


def resume(tx: Tx, guild_id: GuildId, changed_by: ChangedBy, now: datetime) -> bool:
    """End the pause. Returns whether there was one."""
    if paused(tx, guild_id) is None:
        return False
    tx.execute("UPDATE guild SET paused = NULL WHERE id = ?", (guild_id,))
    ledger_entries.note(tx, "resume", guild_id, changed_by, now, before=Status.PAUSED, after=Status.OPEN)
    return True


def alerts_channel(tx: Tx, guild_id: GuildId) -> ChannelId | None:
    """Return the channel for budget alerts, if one is set."""
    row = tx.execute("SELECT alerts_channel_id FROM guild WHERE id = ?", (guild_id,)).fetchone()
    return None if row is None else row["alerts_channel_id"]


def set_alerts(
    tx: Tx, guild_id: GuildId, channel_id: ChannelId | None, changed_by: ChangedBy, now: datetime
) -> ChannelId | None:
    """Set or clear the channel for budget alerts. Returns the previous one."""
    ledger.know_guild(tx, guild_id)
    before = alerts_channel(tx, guild_id)
    tx.execute("UPDATE guild SET alerts_channel_id = ? WHERE id = ?", (channel_id, guild_id))
    ledger_entries.note(
        tx, "alerts", guild_id, changed_by, now, before=Channel(before), after=Channel(channel_id)
    )
    return before
