"""Days and periods in every time zone, despite the effects of daylight saving and politics on midnights."""

import logging
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.balance import Period
from bot.store import times, zones
from bot.store.times import EPOCH, day_number, period_days, start_of

ZONES = sorted(set(zones.names().values()))
INSTANTS = st.datetimes(datetime(1970, 1, 5), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
MINUTES_A_DAY = 1_440


def number(day: str) -> int:
    return (date.fromisoformat(day) - EPOCH).days


def at(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "day", "begins"),
    [
        ("Asia/Tokyo", "2026-04-01", "2026-03-31T15:00"),
        ("America/New_York", "2026-03-08", "2026-03-08T05:00"),  # a day of 23 hours
        ("America/New_York", "2026-03-09", "2026-03-09T04:00"),
        ("America/New_York", "2026-11-01", "2026-11-01T04:00"),  # a day of 25 hours
        ("America/New_York", "2026-11-02", "2026-11-02T05:00"),
        ("Asia/Kolkata", "2026-04-01", "2026-03-31T18:30"),
        ("Asia/Kathmandu", "2026-04-01", "2026-03-31T18:15"),
        ("Australia/Lord_Howe", "2026-04-06", "2026-04-05T13:30"),  # its summer time is half an hour
        ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00"),  # there was no midnight
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00"),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30"),  # from 23:30 to 00:30
        ("America/Havana", "2026-11-01", "2026-11-01T04:00"),  # midnight twice: the first counts
        ("America/St_Johns", "2006-10-29", "2006-10-29T02:30"),  # at 00:01 back to 23:01 of the day before
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00"),
        ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00"),  # there was no such day
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00"),
        ("Pacific/Kwajalein", "1993-08-22", "1993-08-21T12:00"),
    ],
)
def test_a_day_begins_when_local_clocks_show_its_date(zone: str, day: str, begins: str) -> None:
    assert at(begins) == start_of(number(day), zone)


@pytest.mark.parametrize(
    ("zone", "now", "day"),
    [
        ("Pacific/Apia", "2011-12-30T09:59:59", "2011-12-29"),
        ("Pacific/Apia", "2011-12-30T10:00:00", "2011-12-31"),
        ("America/St_Johns", "2006-10-29T02:29:59", "2006-10-28"),
        ("America/St_Johns", "2006-10-29T02:30:00", "2006-10-29"),
        ("America/St_Johns", "2006-10-29T02:31:00", "2006-10-29"),  # the clocks show 23:01 again
        ("America/Sao_Paulo", "2018-11-04T02:59:59", "2018-11-03"),
        ("America/Sao_Paulo", "2018-11-04T03:00:00", "2018-11-04"),
        ("Pacific/Kiritimati", "2026-01-31T10:00:00", "2026-02-01"),
        ("Etc/GMT+12", "2026-02-01T11:59:59", "2026-01-31"),
    ],
)
def test_a_day_that_has_begun_does_not_recur(zone: str, now: str, day: str) -> None:
    assert number(day) == day_number(at(now), zone)


@given(st.sampled_from(ZONES), INSTANTS)
def test_an_instant_is_within_its_day_in_every_zone(zone: str, now: datetime) -> None:
    day = day_number(now, zone)

    assert start_of(day, zone) <= now < start_of(day + 1, zone)


@given(st.sampled_from(ZONES), INSTANTS)
def test_no_clock_shows_a_date_before_its_day_has_begun(zone: str, now: datetime) -> None:
    begins = start_of(day_number(now, zone), zone)
    minutes = (begins - timedelta(minutes=ago) for ago in range(1, MINUTES_A_DAY, 97))

    shown = {(minute.astimezone(ZoneInfo(zone)).date() - EPOCH).days for minute in minutes}

    assert max(shown) < day_number(now, zone)


@given(st.sampled_from(ZONES), st.sampled_from(Period), INSTANTS)
def test_periods_are_contiguous_in_every_zone(zone: str, period: Period, now: datetime) -> None:
    first, after = period_days(period, now, zone)
    renews_at = start_of(after, zone)

    assert first <= day_number(now, zone) < after
    assert now < renews_at
    assert (first, after) == period_days(period, renews_at - timedelta(seconds=1), zone)
    assert after <= period_days(period, renews_at, zone)[0] or after <= day_number(renews_at, zone)


def test_a_zone_missing_on_this_machine_becomes_utc_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    now = datetime(2026, 3, 14, 23, tzinfo=UTC)
    times.zone_of.cache_clear()

    with caplog.at_level(logging.ERROR):
        day = day_number(now, "Atlantis/Poseidonis")

    assert day == day_number(now)
    assert ["Atlantis/Poseidonis"] == [vars(record)["zone"] for record in caplog.records]


def test_every_offered_zone_can_be_loaded_and_fits_its_option() -> None:
    assert [] == [name for name in ZONES if UTC is times.zone_of(name) and "UTC" != name]
    assert [] == [name for name in ZONES if len(name) > zones.ZONE_MAX]
    assert [] == [name for name in zones.COMMON if name != zones.named(name)]


@pytest.mark.parametrize(
    ("typed", "zone"),
    [
        ("europe/berlin", "Europe/Berlin"),
        (" America/new york ", "America/New_York"),
        ("Etc/UTC", "UTC"),
        ("utc", "UTC"),
        ("Berlin", None),
        ("", None),
        ("../../etc/passwd", None),
        ("Factory", None),
    ],
)
def test_a_zone_is_found_by_its_name_whatever_the_case(typed: str, zone: str | None) -> None:
    assert zone == zones.named(typed)


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("berl", "Europe/Berlin"),
        ("new y", "America/New_York"),
        ("TOKYO", "Asia/Tokyo"),
        ("kolk", "Asia/Kolkata"),
    ],
)
def test_a_city_finds_its_zone(typed: str, first: str) -> None:
    assert first == zones.like(typed, 25)[0]


def test_the_number_of_offered_zones_is_limited() -> None:
    assert (25, 25) == (len(zones.like("", 25)), len(zones.like("a", 25)))
    assert [] == zones.like("nowhere at all", 25)
