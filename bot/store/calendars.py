"""A server's calendar: which day it has, and when its period ends, in the zone that its managers have set.

Usage and ledger keep the day that the server had, so a period is a range of days whatever the zone. A change
of zone neither grants credits nor takes any away:

- A day never comes back. In a zone that is behind, the day in progress lasts until it ends there.
- A period is never cut short at once. In a zone where the next one has already begun, the one in progress
  lasts until it would have ended without the change.

So each calendar day, week or month has its allowance once, however often the zone is changed.
"""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from bot.database.engine import Row, Tx
from bot.model import GuildId, Period
from bot.store import times
from bot.store.times import UTC_NAME, milliseconds, moment

DAYS_AHEAD_MAX: Final = 2
"""Days that one zone can be ahead of another: 26 hours lie between the first and the last.

What an earlier zone has left behind and is further ahead was written while the machine's clock was wrong.
"""


class Calendar(Struct, frozen=True, kw_only=True):
    """A zone, and what an earlier one has left behind."""

    zone: str = UTC_NAME
    earliest: int = 0
    """The day that the server had when its zone was changed."""
    until: datetime | None = None
    """Until when it has that day, whatever the zone's clocks show; None: the change took effect at once."""

    def today(self, now: datetime) -> int:
        """Return the number of the server's day."""
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
        """Return until when the day before the change lasts, if it still does."""
        until = self.until
        is_kept = until is not None and now < until <= now + timedelta(days=DAYS_AHEAD_MAX)
        return until if is_kept else None


def read(row: Row | None) -> Calendar:
    """Return the calendar that a row of ``guild`` describes: ``zone``, ``zone_day`` and ``zone_until``."""
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
    """Keep the calendar of a known server."""
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
