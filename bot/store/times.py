"""Times as stored in the database: epoch milliseconds, and days since the epoch in a time zone.

A day begins at the first instant at which the zone's clocks show its date or a later one. So each day begins
exactly once, even where daylight saving skips or repeats a midnight or a zone has skipped a date, and a day
that has begun never comes back.
"""

import logging
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.balance import Period

log = logging.getLogger(__name__)

EPOCH = date(1970, 1, 1)
"""Day 0."""
_EPOCH_BEGINS: Final = datetime.combine(EPOCH, datetime.min.time(), UTC)
UTC_NAME: Final = "UTC"
"""The zone of a server that has set none, and of the operator's totals."""
ZONES_CACHED: Final = 1_000
"""Maximum number of cached zones; about 600 exist."""
DAYS_CACHED: Final = 4_096
"""Maximum number of cached beginnings of days, over all zones."""
PERIODS_CACHED: Final = 256
"""Maximum number of cached periods by day. The current ones are looked up for each request and card."""


def milliseconds(moment: datetime) -> int:
    """Return the epoch milliseconds of a moment."""
    return round(moment.timestamp() * 1000)


def moment(epoch_ms: int) -> datetime:
    """Return the aware UTC time of epoch milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


@lru_cache(maxsize=ZONES_CACHED)
def zone_of(name: str) -> tzinfo:
    """Return a zone by its IANA name; if this machine does not know it, log that and return UTC.

    Names are checked before they are stored, but a database may move to a machine that does not know one.
    """
    if name == UTC_NAME:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        log.exception("time zone unknown, using UTC", extra={"zone": name})
        return UTC


def day_number(now: datetime, zone: str = UTC_NAME) -> int:
    """Return the number of the last day that has begun in the zone."""
    if zone == UTC_NAME:
        return (now - _EPOCH_BEGINS).days
    day = (now.astimezone(zone_of(zone)).date() - EPOCH).days
    # Clocks set back across midnight show the previous date again.
    while now >= start_of(day + 1, zone):
        day += 1
    return day


@lru_cache(maxsize=PERIODS_CACHED)
def period_of(period: Period, day: int) -> tuple[int, int]:
    """Return the first day of the period that contains a day, and the first day after the period."""
    today = EPOCH + timedelta(days=day)
    match period:
        case Period.DAY:
            first, after = today, today + timedelta(days=1)
        case Period.WEEK:
            first = today - timedelta(days=today.weekday())
            after = first + timedelta(days=7)
        case Period.MONTH:
            first = today.replace(day=1)
            after = (first + timedelta(days=31)).replace(day=1)
    return (first - EPOCH).days, (after - EPOCH).days


def period_days(period: Period, now: datetime, zone: str = UTC_NAME) -> tuple[int, int]:
    """Return the first day of the period that contains ``now``, and the first day after the period."""
    return period_of(period, day_number(now, zone))


@lru_cache(maxsize=DAYS_CACHED)
def start_of(day: int, zone: str = UTC_NAME) -> datetime:
    """Return the beginning of a day in the zone, in UTC."""
    clock = zone_of(zone)
    midnight = datetime.combine(EPOCH + timedelta(days=day), datetime.min.time(), clock)
    begins = midnight.astimezone(UTC)  # the first, if there are two
    if begins.astimezone(clock).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return begins
    # This midnight does not exist: the day begins when the clocks are set forward across it.
    early, late = midnight.replace(fold=1).astimezone(UTC), begins
    while late - early > timedelta(seconds=1):
        middle = early + timedelta(seconds=(late - early) // timedelta(seconds=2))
        begun = (middle.astimezone(clock).date() - EPOCH).days >= day
        early, late = (early, middle) if begun else (middle, late)
    return late
