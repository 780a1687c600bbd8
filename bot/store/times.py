"""Times as the database keeps them: epoch milliseconds, and days since the epoch in UTC."""

from datetime import UTC, date, datetime, timedelta

from bot.model import Period

EPOCH = date(1970, 1, 1)
"""Day 0."""


def milliseconds(moment: datetime) -> int:
    """Return the epoch milliseconds of a moment."""
    return round(moment.timestamp() * 1000)


def moment(epoch_ms: int) -> datetime:
    """Return the aware UTC time of epoch milliseconds."""
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def day_number(now: datetime) -> int:
    """Return the number of the UTC day that ``now`` falls on."""
    return (now.astimezone(UTC).date() - EPOCH).days


def period_days(period: Period, now: datetime) -> tuple[int, int]:
    """Return the first day of the period that ``now`` falls in, and the first day after it."""
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
    return (first - EPOCH).days, (after - EPOCH).days


def start_of(day: int) -> datetime:
    """Return the moment at which a day begins."""
    return datetime.combine(EPOCH + timedelta(days=day), datetime.min.time(), UTC)
