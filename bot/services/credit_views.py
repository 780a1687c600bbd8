"""Views of a server's credits for members and managers, and the results of changes."""

from msgspec import Struct

from bot.balance import Balance, Standing
from bot.model import ChannelId, Job, RoleId
from bot.store.quotas import SetLimit
from bot.store.reports import DayOfUse, MemberUse
from bot.store.times import UTC_NAME


class LimitList(Struct, frozen=True, kw_only=True):
    """Limits set by a server's managers, possibly truncated, and their total number."""

    limits: tuple[SetLimit, ...]
    count: int


class Overview(Struct, frozen=True, kw_only=True):
    """A manager's view of a server's credits."""

    balance: Balance
    price: int
    ceiling: int | None
    """The operator's ceiling for every server, if any."""
    paused: str | None
    alerts_channel_id: ChannelId | None
    role_limits: dict[RoleId, int]
    """By role id; the server's id is the id of @everyone."""
    member_limits: LimitList
    """Limits of individual members."""
    top: list[MemberUse]
    """The top spenders of this period."""


class Explanation(Struct, frozen=True, kw_only=True):
    """The rules that apply to one member, and the member's resulting standing."""

    standing: Standing
    own: int | None
    by_role: dict[RoleId, int]
    paused: str | None


class Use(Struct, frozen=True, kw_only=True):
    """A server's use of credits over the last days."""

    days: list[DayOfUse]
    top: list[MemberUse]
    zone: str = UTC_NAME
    """IANA name of the zone in which the days begin."""


class LimitChange(Struct, frozen=True, kw_only=True):
    """A limit before and after a change. None: no limit."""

    before: int | None
    after: int | None
    open_jobs: int
    """Number of unfinished songs, which continue, if known."""
    beyond: int
    """Number of members who have already used more, if known."""


class Refund(Struct, frozen=True, kw_only=True):
    """A refund, and the server's available credits before and after it."""

    job: Job
    before: int
    after: int
