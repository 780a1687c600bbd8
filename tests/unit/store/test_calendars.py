"""A change of a server's time zone grants no credits twice and takes none away."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.balance import Balance, ChangedBy, Period
from bot.database.sqlite import Tx
from bot.model import DiscordUserId, JobId
from bot.refusals import NotEnoughCredits
from bot.store import calendars, ledger, members, server_erasure, servers, times, zones
from bot.store.calendars import Calendar
from bot.store.changes import Allowance
from bot.store.reconcile import reconcile
from bot.store.reports import page, with_balances
from tests.make import DEFAULTS, GUILD, MEMBER

ADMIN = ChangedBy(actor_id=DiscordUserId(123))
FAR = ("Pacific/Kiritimati", "Etc/GMT+12", "UTC", "Asia/Tokyo", "America/St_Johns", "Pacific/Apia")
ZONES = st.sampled_from(FAR) | st.sampled_from(sorted(set(zones.names().values())))
INSTANTS = st.datetimes(datetime(2005, 1, 1), datetime(2038, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
BOUNDS = st.builds(
    lambda day, hours: times.start_of(day) + timedelta(hours=hours),
    st.sampled_from((14_975, 15_338, 20_454, 20_484, 20_512)),
    st.integers(-30, 30),
)
"""Hours around the starts of months, and around the day that Apia skipped."""
STEPS = st.lists(st.tuples(ZONES, st.timedeltas(timedelta(), timedelta(hours=30))), min_size=1, max_size=12)


@given(ZONES, ZONES, st.sampled_from(Period), INSTANTS | BOUNDS)
def test_a_change_of_zone_leaves_the_period_in_progress(
    before: str, after: str, period: Period, now: datetime
) -> None:
    calendar = Calendar(zone=before)

    changed = calendar.in_zone(after, period, now)

    assert calendar.days(period, now) == changed.days(period, now)
    assert calendar.today(now) <= changed.today(now)
    assert now < changed.renews_at(period, now)


@given(st.sampled_from(Period), INSTANTS | BOUNDS, STEPS)
def test_days_never_recur_however_often_the_zone_changes(
    period: Period, now: datetime, steps: list[tuple[str, timedelta]]
) -> None:
    calendar, days = Calendar(), []
    for zone, wait in steps:
        days.append(calendar.today(now))
        calendar = calendar.in_zone(zone, period, now)
        now += wait
    days.append(calendar.today(now))

    assert sorted(days) == days
    assert days[-1] <= times.day_number(now, "Pacific/Kiritimati")
    assert days[-1] >= times.day_number(now, "Etc/GMT+12")


@given(st.sampled_from(Period), INSTANTS | BOUNDS, STEPS)
def test_a_period_ends_at_the_moment_that_was_promised(
    period: Period, now: datetime, steps: list[tuple[str, timedelta]]
) -> None:
    calendar = Calendar()
    for zone, wait in steps:
        calendar = calendar.in_zone(zone, period, now)
        now += wait
    renews_at = calendar.renews_at(period, now)
    _, after = calendar.days(period, now)

    assert now < renews_at
    assert calendar.days(period, now) == calendar.days(period, renews_at - timedelta(milliseconds=1))
    assert calendar.today(renews_at) >= after


@given(st.sampled_from(Period), INSTANTS | BOUNDS, STEPS)
def test_each_period_has_its_allowance_once_in_all_zones(
    period: Period, now: datetime, steps: list[tuple[str, timedelta]]
) -> None:
    calendar, grants = Calendar(), Counter[tuple[int, int]]()
    for zone, wait in steps:
        spans = {calendar.days(period, now)}
        calendar = calendar.in_zone(zone, period, now)
        spans.add(calendar.days(period, now))
        grants.update(spans)
        now += wait

    starts = sorted(grants)
    assert all(first[1] <= second[0] for first, second in pairwise(starts))


def test_leftovers_of_a_wrong_clock_do_not_count() -> None:
    wrong, right = datetime(2034, 5, 1, tzinfo=UTC), datetime(2026, 5, 1, 12, tzinfo=UTC)

    calendar = Calendar().in_zone("Asia/Tokyo", Period.MONTH, wrong)

    assert times.day_number(right, "Asia/Tokyo") == calendar.today(right)


# -- with credits


def counted_wrong(tx: Tx) -> list[str]:
    """Return the findings of reconciliation, apart from songs without jobs."""
    jobless = ("is only in the ledger", "songs of queued")
    return [one for one in reconcile(tx).findings if not any(words in one for words in jobless)]


def spent_all(tx: Tx, number: int, now: datetime) -> int:
    """Spend the server's credits on songs of 10; return the number of songs."""
    member = members.member_number(tx, DiscordUserId(MEMBER))
    for count in range(100):
        job_id = JobId(number * 1_000 + count)
        try:
            ledger.hold(tx, job_id, GUILD, member, 10, DEFAULTS, now)
        except NotEnoughCredits:
            return count
        ledger.settle(tx, job_id, now)
    raise AssertionError("credits without end")


def moved(tx: Tx, zone: str, now: datetime, period: Period | None = None) -> tuple[Balance, Balance]:
    return ledger.set_allowance(tx, GUILD, None, period, DEFAULTS, ADMIN, now, zone=zone)


@pytest.mark.parametrize("period", Period)
@pytest.mark.parametrize("zones_", [FAR, FAR[::-1], FAR[1:3] * 3])
def test_changing_zones_around_the_world_yields_no_extra_song(
    tx: Tx, period: Period, zones_: tuple[str, ...]
) -> None:
    now = datetime(2026, 5, 31, 9, tzinfo=UTC)  # a Sunday
    moved(tx, "UTC", now, period)
    songs = spent_all(tx, 0, now)
    for number, zone in enumerate(zones_, 1):
        before, after = moved(tx, zone, now)
        songs += spent_all(tx, number, now)

        assert (0, 0) == (before.available, after.available)
    now = ledger.balance(tx, GUILD, DEFAULTS, now).renews_at
    songs += spent_all(tx, 99, now)

    assert 20 == songs
    assert [] == counted_wrong(tx)


def test_the_allowance_renews_at_midnight_in_the_servers_zone(tx: Tx) -> None:
    now = datetime(2026, 3, 14, 12, tzinfo=UTC)
    moved(tx, "Asia/Tokyo", now)
    spent_all(tx, 1, now)
    midnight = datetime(2026, 3, 31, 15, tzinfo=UTC)

    there = ledger.balance(tx, GUILD, DEFAULTS, midnight - timedelta(milliseconds=1))

    assert (0, midnight, "Asia/Tokyo") == (there.available, there.renews_at, there.zone)
    assert 100 == ledger.balance(tx, GUILD, DEFAULTS, midnight).available


def test_a_song_counts_on_the_servers_day_and_the_total_on_utcs(tx: Tx) -> None:
    evening = datetime(2026, 3, 31, 20, tzinfo=UTC)  # in Tokyo it is April
    moved(tx, "Asia/Tokyo", datetime(2026, 3, 14, 12, tzinfo=UTC))
    member = members.member_number(tx, DiscordUserId(MEMBER))

    held = ledger.hold(tx, JobId(1), GUILD, member, 10, DEFAULTS, evening)
    ledger.hold(tx, JobId(2), GUILD, member, 10, DEFAULTS, evening)
    ledger.release(tx, JobId(2), evening + timedelta(days=1))

    april = times.day_number(datetime(2026, 4, 1, tzinfo=UTC))
    assert april == held.day
    assert 10 == servers.credits_this_month(tx, evening)
    assert 0 == servers.credits_this_month(tx, evening + timedelta(hours=5))
    assert [] == counted_wrong(tx)


def test_setting_a_zone_changes_nothing_else_and_is_one_entry(tx: Tx) -> None:
    now = datetime(2026, 3, 14, 12, tzinfo=UTC)

    moved(tx, "Asia/Tokyo", now)
    moved(tx, "Asia/Tokyo", now)

    (entry,) = page(tx, GUILD, size=10, kind="set").rows
    assert Allowance(100, Period.MONTH) == entry.before
    assert Allowance(100, Period.MONTH, "Asia/Tokyo") == entry.after
    assert None is tx.execute("SELECT allowance FROM guild WHERE id = ?", (GUILD,)).fetchone()[0]


def test_the_ledgers_balances_follow_the_servers_own_months(tx: Tx) -> None:
    now = datetime(2026, 3, 14, 12, tzinfo=UTC)
    moved(tx, "Asia/Tokyo", now)
    member = members.member_number(tx, DiscordUserId(MEMBER))
    for number, at in enumerate([now, datetime(2026, 3, 31, 16, tzinfo=UTC)]):
        ledger.hold(tx, JobId(number), GUILD, member, 10, DEFAULTS, at)
        ledger.settle(tx, JobId(number), at)
    later = datetime(2026, 3, 31, 17, tzinfo=UTC)

    found = with_balances(tx, GUILD, page(tx, GUILD, size=10), DEFAULTS, later)

    assert [90, 90, 100] == [row.balance for row in found.rows]
    assert 90 == ledger.balance(tx, GUILD, DEFAULTS, later).available


def test_a_forgotten_server_is_in_utc_again_and_gains_nothing(tx: Tx) -> None:
    evening = datetime(2026, 3, 31, 20, tzinfo=UTC)
    moved(tx, "Asia/Tokyo", datetime(2026, 3, 14, 12, tzinfo=UTC))
    spent_all(tx, 1, evening)

    server_erasure.begin(tx, GUILD, evening)

    there = ledger.balance(tx, GUILD, DEFAULTS, evening)
    assert ("UTC", 0) == (there.zone, there.available)
    assert None is tx.execute("SELECT zone FROM guild WHERE id = ?", (GUILD,)).fetchone()[0]
    assert "UTC" == calendars.of(tx, GUILD).zone
