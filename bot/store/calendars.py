"""A server's calendar: its current day and the end of its period, in the time zone set by its managers.

Usage and ledger store the server's own day, so a period is a range of days in any zone. A change of zone
neither grants credits nor takes any away:

- A day never comes back. In a zone that is behind, the current day lasts until it ends there.
- A period is never cut short. In a zone where the next one has already begun, the current one lasts until
  it would have ended without the change.

So each calendar day, week or month gets its allowance once, however often the zone changes.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from bot.balance import Period
from bot.database.engine import Row, Tx
from bot.model import GuildId
from bot.store import times
from bot.store.times import UTC_NAME, milliseconds, moment

DAYS_AHEAD_MAX: Final = 2
"""Maximum lead of one zone over another, in days: 26 hours lie between the first and the last.

A day left by an earlier zone that is further ahead was written while the machine's clock was wrong.
"""


class Calendar(Struct, frozen=True, kw_only=True):
    """A zone, and what the previous one left in effect."""

    zone: str = UTC_NAME
    earliest: int = 0
    """The server's day when its zone was changed."""
    until: datetime | None = None
    """When that day ends, whatever the zone's clocks show; None if the change took effect at once."""

    def today(self, now: datetime) -> int:
        """Return the server's current day, in days since the epoch."""
        if self._kept_until(now) is not None:
            return self.earliest
        day = times.day_number(now, self.zone)
        return self.earliest if day < self.earliest <= day + DAYS_AHEAD_MAX else day

    def days(self, period: Period, now: datetime) -> tuple[int, int]:
        """Return the first day of the server's period, and the first day after it."""
        return times.period_of(period, self.today(now))

    def renews_at(self, period: Period, now: datetime) -> datetime:
        """Return when the server's next period begins."""
        _, after = self.days(period, now)
        return max(times.start_of(after, self.zone), self._kept_until(now) or now)

    def in_zone(self, zone: str, period: Period, now: datetime) -> "Calendar":
        """Return the calendar after a change of zone."""
        if zone == self.zone:
            return self
        today = self.today(now)
        _, after = times.period_of(period, today)
        is_over = times.day_number(now, zone) >= after
        return Calendar(zone=zone, earliest=today, until=self.renews_at(period, now) if is_over else None)

    def _kept_until(self, now: datetime) -> datetime | None:
        """Return when the day of the change ends, if it has been prolonged and still lasts."""
        until = self.until
        is_kept = until is not None and now < until <= now + timedelta(days=DAYS_AHEAD_MAX)
        return until if is_kept else None


def read(row: Row | None) -> Calendar:
    """Return the calendar in a ``guild`` row: ``zone``, ``zone_day`` and ``zone_until``."""
    if row is None:
        return Calendar()
    until = row["zone_until"]
    return Calendar(
        zone=row["zone"] or UTC_NAME,
        earliest=row["zone_day"],
        until=None if until is None else moment(until),
    )


def of(tx: Tx, guild_id: GuildId) -> Calendar:
    """Return the calendar of a server."""
    return read(
        tx.execute("SELECT zone, zone_day, zone_until FROM guild WHERE id = ?", (guild_id,)).fetchone()
    )


def write(tx: Tx, guild_id: GuildId, calendar: Calendar) -> None:
    """Store the calendar of a known server."""
    until = calendar.until
    tx.execute(
        "UPDATE guild SET zone = ?, zone_day = ?, zone_until = ? WHERE id = ?",
        (
            None if calendar.zone == UTC_NAME else calendar.zone,
            calendar.earliest,
            None if until is None else milliseconds(until),
            guild_id,
        ),
    )
