"""Credits: a server's balance, its members' limits and standings, and who changed them."""

from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from bot.model import DiscordUserId, InteractionId, RoleId


class Period(StrEnum):
    """How long a server's allowance lasts; periods start at midnight in the server's time zone."""

    DAY = "day"
    WEEK = "week"
    """Monday to Sunday."""
    MONTH = "month"


class Balance(Struct, frozen=True, kw_only=True):
    """Credits that a server may spend in the current period."""

    allowance: int
    used: int
    held: int
    bonus: int
    """Bonus credits neither used nor held."""
    period: Period
    renews_at: datetime
    zone: str = "UTC"
    """IANA name of the zone in which the period begins and ends."""
    days: tuple[int, int] = (0, 0)
    """First day of the period and first day after it."""
    today: int = 0
    """The current day in the server's time zone."""

    @property
    def available(self) -> int:
        """Credits available for a new song."""
        return max(0, self.allowance - self.used - self.held) + self.bonus


class ChangedBy(Struct, frozen=True, kw_only=True):
    """Author of a change in the ledger, and the reason. Ids are Discord's."""

    actor_id: DiscordUserId | None
    """None: the operator."""
    reason: str = ""
    interaction_id: InteractionId | None = None
    """The command that requested the change, if any; it takes effect only once."""


class Limit(Struct, frozen=True, kw_only=True):
    """A member's share of the server's credits in a period."""

    credits: int
    role_id: RoleId | None = None
    """The role whose limit this is; None: the member's own."""
    everyone: bool = False
    """Whether that role is @everyone."""


class Standing(Struct, frozen=True, kw_only=True):
    """Credits that one member may spend: the server's pool and the member's limit both apply."""

    balance: Balance
    limit: Limit | None
    used: int
    """Used by the member in the period, from the allowance and the bonus."""
    held: int
    """Held for the member's songs in progress."""

    @property
    def left(self) -> int:
        """Credits available for the member's next song, by the tightest rule."""
        pool = self.balance.available
        return pool if self.limit is None else min(pool, max(0, self.limit.credits - self.used - self.held))

    @property
    def limit_is_tightest(self) -> bool:
        """Whether the member's limit leaves less than the server's pool."""
        return self.left < self.balance.available
