"""The credit service: read and change a server's credits, for its members and managers."""

from collections.abc import Callable, Collection
from datetime import datetime
from pathlib import Path
from typing import Literal, TypeVar

from msgspec.structs import replace

from bot.balance import Balance, ChangedBy, Limit, Period
from bot.characters import head, storable
from bot.database.engine import Database, Tx
from bot.mentions import Names
from bot.model import ChannelId, DiscordUserId, EntryId, GuildId, JobId, MemberNumber, RoleId, everyone_of
from bot.refusals import NoSuchLimit, NoSuchZone, NotRefundable, OperatorsOnly, OutOfRange, TextMissing
from bot.services import ledger_csv
from bot.services.credit_views import Explanation, LimitChange, LimitList, Overview, Refund, Use
from bot.services.export_files import Export
from bot.store import calendars, jobs, ledger, ledger_entries, members, quotas, reports, zones
from bot.store.locking import lock_guild
from bot.store.quotas import SetLimit
from bot.store.reports import LedgerPage, SettledSong
from bot.store.spent_totals import top_of_period

T = TypeVar("T")

REASON_MAX = 200
"""Maximum length of a reason, in characters; the rest is cut off."""
TOP = 5
"""Number of top spenders that a view lists."""
DAYS_SHOWN = 30
"""Number of days covered by the view of a server's use."""
MEMBER_LIMITS_SHOWN = 10
"""Maximum number of members with their own limit that a view lists."""
PAGE = 10
"""Number of ledger entries per page."""
LABEL_SEPARATOR = " · "
"""Separates the value from the rest in the label of a choice."""


class CreditService:
    """Reads and changes what a server may spend. A change counts once, even if its interaction arrives twice.

    Methods that change something return None if their interaction has already changed something.
    Operator-only changes are refused unless the service is ``for_operator``.
    """

    def __init__(
        self,
        database: Database,
        defaults: ledger.Defaults,
        *,
        price: int,
        now: Callable[[], datetime],
        for_operator: bool = False,
    ) -> None:
        self.price = price
        self._for_operator = for_operator
        self._database = database
        self._defaults = defaults
        self._now = now

    # -- reading

    async def balance(self, guild_id: GuildId) -> Balance:
        """Return the server's current balance."""
        now = self._now()
        return await self._database.read(lambda tx: ledger.balance(tx, guild_id, self._defaults, now))

    async def explain(
        self, guild_id: GuildId, member_id: DiscordUserId, role_ids: Collection[RoleId]
    ) -> Explanation:
        """Return what a member may spend now, and the rules behind it."""
        now = self._now()

        def explain(tx: Tx) -> Explanation:
            member = members.past_or_present(tx, member_id)
            limit = quotas.limit_of(tx, guild_id, MemberNumber(member), role_ids)
            return Explanation(
                standing=quotas.standing(tx, guild_id, MemberNumber(member), limit, self._defaults, now),
                own=quotas.member_limit(tx, guild_id, MemberNumber(member)),
                by_role=quotas.role_limits(tx, guild_id, role_ids),
                paused=quotas.paused(tx, guild_id),
            )

        return await self._database.read(explain)

    async def overview(self, guild_id: GuildId) -> Overview:
        """Return a server's credits, limits and top spenders."""
        now = self._now()

        def overview(tx: Tx) -> Overview:
            balance = ledger.balance(tx, guild_id, self._defaults, now)
            return Overview(
                balance=balance,
                price=self.price,
                ceiling=self._defaults.ceiling,
                paused=quotas.paused(tx, guild_id),
                alerts_channel_id=quotas.alerts_channel(tx, guild_id),
                role_limits=quotas.role_limits(tx, guild_id),
                member_limits=LimitList(
                    limits=tuple(quotas.member_limits(tx, guild_id, MEMBER_LIMITS_SHOWN)),
                    count=quotas.member_limits_count(tx, guild_id),
                ),
                top=top_of_period(tx, guild_id, balance, TOP),
            )

        return await self._database.report(overview)

    async def use(self, guild_id: GuildId) -> Use:
        """Return the credits of the last days by outcome, and the top spenders."""
        now = self._now()

        def use(tx: Tx) -> Use:
            calendar = calendars.of(tx, guild_id)
            today = calendar.today(now)
            top = reports.top_members(tx, guild_id, today - DAYS_SHOWN + 1, TOP)
            days = reports.days_of_use(tx, guild_id, DAYS_SHOWN, today)
            return Use(days=days, top=top, zone=calendar.zone)

        return await self._database.report(use)

    async def page(
        self,
        guild_id: GuildId,
        *,
        kind: str | None = None,
        member_id: DiscordUserId | None = None,
        before_id: EntryId | None = None,
        after_id: EntryId | None = None,
    ) -> LedgerPage:
        """Return a page, newest first: before an entry, after one, or the newest."""
        now = self._now()

        def page(tx: Tx) -> LedgerPage:
            rows = reports.page(
                tx,
                guild_id,
                size=PAGE,
                kind=kind,
                member_id=member_id,
                before_id=before_id,
                after_id=after_id,
            )
            # Unfiltered entries are consecutive, so the balance after each can be computed. Under the
            # operator's ceiling it depends on more than the entries.
            whole = kind is None and member_id is None and self._defaults.ceiling is None
            return reports.with_balances(tx, guild_id, rows, self._defaults, now) if whole else rows

        return await self._database.report(page)

    async def people(self, guild_id: GuildId) -> dict[DiscordUserId, str]:
        """Return everybody in the server's ledger with their last known name, if any."""
        return await self._database.report(lambda tx: reports.people(tx, guild_id))

    async def export(self, guild_id: GuildId, path: Path, names: Names) -> Export:
        """Write the server's whole ledger as CSV, to ``path`` or to parts next to it."""
        return await self._database.report(
            lambda tx: ledger_csv.write(path, guild_id, reports.whole_ledger(tx, guild_id), names)
        )

    async def refundable(self, guild_id: GuildId, typed: str, limit: int) -> list[SettledSong]:
        """Return refundable songs with ``typed`` in their title, prompt or member's name."""
        return await self._database.report(
            lambda tx: reports.settled_songs(tx, guild_id, storable(typed), limit)
        )

    # -- changing

    async def set_allowance(
        self,
        guild_id: GuildId,
        allowance: int | None,
        period: Period | None,
        changed_by: ChangedBy,
        *,
        zone: str | None = None,
    ) -> tuple[Balance, Balance] | None:
        """Change the allowance, period and time zone, where given.

        Returns the balance before and after.

        Raises:
            OutOfRange: the allowance is out of range.
            OperatorsOnly: the operator has fixed the period for all servers.
            NoSuchZone: no time zone has this name.
        """
        if zone is not None:
            # A client may send a choice's label instead of its value.
            zone = zones.named(zone.partition(LABEL_SEPARATOR)[0])
            if zone is None:
                raise NoSuchZone
        if self._defaults.ceiling is not None and period not in (None, self._defaults.period):
            raise OperatorsOnly("period")
        now = self._now()
        return await self._once(
            guild_id,
            changed_by,
            lambda tx: ledger.set_allowance(
                tx, guild_id, allowance, period, self._defaults, changed_by, now, zone=zone
            ),
        )

    async def grant(self, guild_id: GuildId, amount: int, changed_by: ChangedBy) -> tuple[int, int] | None:
        """Add or remove bonus credits. Returns the bonus before and after.

        Raises:
            OutOfRange: the bonus would become negative or exceed its maximum.
            TextMissing: a grant needs a reason.
            OperatorsOnly: only the operator may grant credits.
        """
        self._refuse_under_ceiling("grant")
        changed_by = _with_reason(changed_by)
        now = self._now()

        def grant(tx: Tx) -> tuple[int, int]:
            if amount == 0:
                bonus = ledger.bonus(tx, guild_id)
                raise OutOfRange(*ledger.grant_range(bonus), zero=False)
            return ledger.grant(tx, guild_id, amount, changed_by, now)

        return await self._once(guild_id, changed_by, grant)

    async def limit_member(
        self, guild_id: GuildId, member_id: DiscordUserId, credits_: int | None, changed_by: ChangedBy
    ) -> LimitChange | None:
        """Set or clear a member's own limit. Without one, their roles decide.

        Raises:
            OutOfRange: the limit is out of range.
        """
        now = self._now()

        def change(tx: Tx) -> LimitChange:
            before = quotas.set_member(tx, guild_id, member_id, credits_, changed_by, now)
            member = MemberNumber(members.past_or_present(tx, member_id))
            limit = None if credits_ is None else Limit(credits=credits_)
            standing = quotas.standing(tx, guild_id, member, limit, self._defaults, now)
            return LimitChange(
                before=before,
                after=credits_,
                open_jobs=jobs.count_open(tx, guild_id, member).member,
                beyond=int(credits_ is not None and standing.used + standing.held > credits_),
            )

        return await self._once(guild_id, changed_by, change)

    async def limits(self, guild_id: GuildId, typed: str = "", *, size: int) -> LimitList:
        """Return the limits of roles and members whose id or name contains ``typed``."""
        part = storable(typed)
        limits = await self._database.report(lambda tx: quotas.limits(tx, guild_id, part))
        return LimitList(limits=tuple(limits[:size]), count=len(limits))

    async def clear_limit(
        self, guild_id: GuildId, typed: str, changed_by: ChangedBy
    ) -> tuple[SetLimit, LimitChange] | None:
        """Clear the limit typed as its key, the id of its role or member, or a mention.

        Raises:
            NoSuchLimit: no limit matches ``typed``.
        """
        key, now = storable(typed), self._now()
        # A client may send a choice's label instead of its value: "Mia 9001 · 30 credits".
        id_ = (key.partition(LABEL_SEPARATOR)[0].split() or [""])[-1].strip("<@&!>")
        limits = await self._database.report(lambda tx: quotas.limits(tx, guild_id))
        named = [limit for limit in limits if key == limit.key]
        named += [limit for limit in limits if id_ == f"{limit.role_id or limit.member_id}"]
        if not named:
            raise NoSuchLimit
        limit = named[0]

        def clear(tx: Tx) -> tuple[SetLimit, LimitChange]:
            if limit.number is None:
                before = quotas.set_role(tx, guild_id, limit.role_id or RoleId(0), None, changed_by, now)
            else:
                before = quotas.clear_number(tx, guild_id, limit.number, changed_by, now)
            return limit, LimitChange(before=before, after=None, open_jobs=0, beyond=0)

        return await self._once(guild_id, changed_by, clear)

    async def limit_role(
        self, guild_id: GuildId, role_id: RoleId, credits_: int | None, changed_by: ChangedBy
    ) -> LimitChange | None:
        """Set or clear a role's limit.

        Only the members of @everyone are known, so nothing is counted for other roles.

        Raises:
            OutOfRange: the limit is out of range.
        """
        now = self._now()

        def change(tx: Tx) -> LimitChange:
            is_everyone = role_id == everyone_of(guild_id)
            countable = is_everyone and credits_ is not None
            return LimitChange(
                before=quotas.set_role(tx, guild_id, role_id, credits_, changed_by, now),
                after=credits_,
                open_jobs=jobs.count_open(tx, guild_id, members.NOBODY).guild if is_everyone else 0,
                beyond=quotas.beyond(tx, guild_id, credits_ or 0, self._defaults, now) if countable else 0,
            )

        return await self._once(guild_id, changed_by, change)

    async def refund(self, guild_id: GuildId, job_id: JobId, changed_by: ChangedBy) -> Refund | None:
        """Refund the credits of a finished song, once.

        Raises:
            NotRefundable: there is no such song here, it is unfinished, or it was refunded before.
            TextMissing: a refund needs a reason.
            OperatorsOnly: only the operator may refund credits.
        """
        self._refuse_under_ceiling("refund")
        changed_by, now = _with_reason(changed_by), self._now()

        def refund(tx: Tx) -> Refund:
            job = jobs.get(tx, job_id) if jobs.is_of(tx, guild_id, job_id) else None
            if job is None:
                raise NotRefundable("unknown")
            closed = ledger_entries.closing(tx, job_id)
            if "refund" in closed:
                raise NotRefundable("refunded")
            if "release" in closed:
                raise NotRefundable("released")
            if "settle" not in closed:
                raise NotRefundable("open")
            before = ledger.balance(tx, guild_id, self._defaults, now).available
            ledger.refund(tx, job_id, changed_by, now)
            after = ledger.balance(tx, guild_id, self._defaults, now).available
            return Refund(job=job, before=before, after=after)

        return await self._once(guild_id, changed_by, refund)

    async def pause(self, guild_id: GuildId, changed_by: ChangedBy) -> int | None:
        """Pause the server. Returns the number of unfinished songs, which continue.

        Raises:
            TextMissing: a pause needs a reason, which members read.
        """
        changed_by, now = _with_reason(changed_by), self._now()

        def pause(tx: Tx) -> int:
            quotas.pause(tx, guild_id, changed_by, now)
            return jobs.count_open(tx, guild_id, members.NOBODY).guild

        return await self._once(guild_id, changed_by, pause)

    async def resume(self, guild_id: GuildId, changed_by: ChangedBy) -> bool | None:
        """Resume the server. Returns whether it was paused."""
        now = self._now()
        return await self._once(guild_id, changed_by, lambda tx: quotas.resume(tx, guild_id, changed_by, now))

    async def set_alerts(
        self, guild_id: GuildId, channel_id: ChannelId | None, changed_by: ChangedBy
    ) -> tuple[ChannelId | None, ChannelId | None] | None:
        """Set or clear the channel for budget alerts.

        Returns the channel before and after.
        """
        now = self._now()
        return await self._once(
            guild_id,
            changed_by,
            lambda tx: (quotas.set_alerts(tx, guild_id, channel_id, changed_by, now), channel_id),
        )

    def _refuse_under_ceiling(self, what: Literal["grant", "refund"]) -> None:
        if self._defaults.ceiling is not None and not self._for_operator:
            raise OperatorsOnly(what)

    async def _once(self, guild_id: GuildId, changed_by: ChangedBy, change: Callable[[Tx], T]) -> T | None:
        def once(tx: Tx) -> T | None:
            lock_guild(tx, guild_id)
            return None if ledger_entries.changed(tx, changed_by) else change(tx)

        return await self._database.write(once)


def _with_reason(changed_by: ChangedBy) -> ChangedBy:
    reason = head(storable(changed_by.reason), REASON_MAX)
    if not reason:
        raise TextMissing("reason")
    return replace(changed_by, reason=reason)
