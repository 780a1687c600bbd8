import sqlite3
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.balance import Balance, ChangedBy, Period
from bot.database.sqlite import Database, Tx
from bot.model import DiscordUserId, GuildId, Job, JobId, MemberNumber, RoleId
from bot.refusals import LimitReached, NotEnoughCredits, OutOfRange
from bot.store import changes, ledger, members, quotas, times
from bot.store.ledger import CREDITS_MAX, Defaults
from bot.store.ledger_entries import Hold
from bot.store.members import WHOLE_GUILD
from bot.store.reconcile import reconcile
from tests import make
from tests.make import DEFAULTS, GUILD, MEMBER, NOW, OTHER
from tests.unit.store.rows import VIOLATED, added, released, settled

DAY, MONTH = timedelta(days=1), timedelta(days=31)
TODAY = times.day_number(NOW)
ADMIN = ChangedBy(actor_id=DiscordUserId(123), reason="for the party")


def balance(tx: Tx, now: datetime = NOW, guild_id: int = GUILD) -> Balance:
    return ledger.balance(tx, GuildId(guild_id), DEFAULTS, now)


def left(tx: Tx, now: datetime = NOW) -> tuple[int, int]:
    """Return the available parts of the allowance and of the bonus."""
    there = balance(tx, now)
    return there.available - there.bonus, there.bonus


class Song:
    """A hold, and the ways to close it."""

    def __init__(
        self, tx: Tx, number: int, price: int = 10, now: datetime = NOW, member_id: int = MEMBER
    ) -> None:
        self.tx = tx
        self.number = number
        self.member = members.member_number(tx, DiscordUserId(member_id))
        self.held = ledger.hold(tx, JobId(number), GUILD, self.member, price, DEFAULTS, now)

    def settle(self, now: datetime = NOW) -> None:
        ledger.settle(self.tx, JobId(self.number), now)

    def release(self, now: datetime = NOW) -> None:
        ledger.release(self.tx, JobId(self.number), now)


def grant(tx: Tx, amount: int, now: datetime = NOW) -> tuple[int, int]:
    return ledger.grant(tx, GUILD, amount, ADMIN, now)


def allow(tx: Tx, amount: int, period: Period | None = None, now: datetime = NOW) -> tuple[Balance, Balance]:
    return ledger.set_allowance(tx, GUILD, amount, period, DEFAULTS, ADMIN, now)


# -- holds


def test_a_server_without_settings_has_the_operators_allowance(tx: Tx) -> None:
    there = balance(tx)

    assert (100, 0, 0, 0, Period.MONTH, 100) == (
        there.allowance,
        there.used,
        there.held,
        there.bonus,
        there.period,
        there.available,
    )
    assert datetime(2026, 4, 1, tzinfo=UTC) == there.renews_at


@pytest.mark.parametrize(
    ("allowance", "bonus", "price", "held"),
    [
        (100, 0, 10, (10, 0)),
        (100, 50, 10, (10, 0)),
        (10, 50, 10, (10, 0)),
        (9, 50, 10, (9, 1)),
        (0, 50, 10, (0, 10)),
        (5, 5, 10, (5, 5)),
        (100, 50, 0, (0, 0)),
        (0, 0, 0, (0, 0)),
    ],
)
def test_a_hold_takes_from_the_allowance_first(
    tx: Tx, allowance: int, bonus: int, price: int, held: tuple[int, int]
) -> None:
    allow(tx, allowance)
    grant(tx, bonus)

    song = Song(tx, 1, price)

    assert Hold(day=TODAY, allowance=held[0], bonus=held[1]) == song.held
    assert (allowance - held[0], bonus - held[1]) == left(tx)
    assert held[0] == balance(tx).held


@pytest.mark.parametrize(("allowance", "bonus"), [(0, 0), (9, 0), (0, 9), (4, 5)])
def test_a_hold_beyond_the_balance_is_refused_with_the_numbers(tx: Tx, allowance: int, bonus: int) -> None:
    allow(tx, allowance)
    grant(tx, bonus)

    with pytest.raises(NotEnoughCredits) as caught:
        Song(tx, 1, 10)

    assert (10, allowance + bonus, datetime(2026, 4, 1, tzinfo=UTC)) == (
        caught.value.price,
        caught.value.balance.available,
        caught.value.balance.renews_at,
    )
    assert (allowance, bonus) == left(tx)


def test_the_last_credits_are_held_once(tx: Tx) -> None:
    for number in range(10):
        Song(tx, number)

    with pytest.raises(NotEnoughCredits):
        Song(tx, 10)


def test_a_settled_hold_is_used_and_a_released_one_is_returned(tx: Tx) -> None:
    allow(tx, 15)
    grant(tx, 10)
    first, second = Song(tx, 1), Song(tx, 2)

    first.settle()
    second.release()

    assert (5, 10) == left(tx)
    assert (10, 0) == (balance(tx).used, balance(tx).held)


@pytest.mark.parametrize("later", [timedelta(), DAY, MONTH, 400 * DAY])
def test_a_release_returns_to_its_source_whenever_it_happens(tx: Tx, later: timedelta) -> None:
    allow(tx, 4)
    grant(tx, 20)
    song = Song(tx, 1, 10)
    assert (0, 14) == left(tx)

    song.release(NOW + later)

    assert (4, 20) == left(tx)
    assert (4, 20) == left(tx, NOW + later)
    assert 0 == balance(tx).held


@pytest.mark.parametrize("later", [timedelta(), MONTH])
def test_a_settlement_is_used_on_the_day_of_the_request(tx: Tx, later: timedelta) -> None:
    song = Song(tx, 1, 10)

    song.settle(NOW + later)

    assert 10 == balance(tx).used
    assert 0 == balance(tx, NOW + MONTH).used


def test_servers_and_members_have_separate_accounts(tx: Tx) -> None:
    mine, other = Song(tx, 1, 10), Song(tx, 2, 20, member_id=OTHER)

    assert 100 == balance(tx, guild_id=GUILD + 1).available
    rows = tx.execute("SELECT member_id, allowance_held FROM usage WHERE guild_id = ?", (GUILD,)).fetchall()
    assert {WHOLE_GUILD: 30, mine.member: 10, other.member: 20} == dict(rows)


# -- once


@pytest.mark.parametrize("second", [settled, released])
@pytest.mark.parametrize("first", [settled, released])
async def test_a_hold_is_closed_once_whatever_the_code_does(
    first: Callable[[Tx, Job], None], second: Callable[[Tx, Job], None], database: Database
) -> None:
    job = await database.write(added)
    await database.write(lambda tx: [added(tx) for _ in range(3)])  # the counters alone would not notice
    await database.write(lambda tx: first(tx, job))
    before = await database.read(balance)

    with pytest.raises(VIOLATED, match=r"(?i)unique"):
        await database.write(lambda tx: second(tx, job))

    assert before == await database.read(balance)


async def test_a_job_is_paid_for_once(database: Database) -> None:
    await database.write(lambda tx: Song(tx, 1).held)

    with pytest.raises(VIOLATED):
        await database.write(lambda tx: Song(tx, 1).held)

    assert 10 == (await database.read(balance)).held


def test_counters_cannot_fall_below_zero(tx: Tx) -> None:
    song = Song(tx, 1, 10)
    tx.execute("UPDATE usage SET allowance_held = 9")

    with pytest.raises(VIOLATED):
        song.settle()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE ledger SET bonus = 1",
        "DELETE FROM ledger",
        pytest.param("REPLACE INTO ledger SELECT * FROM ledger", marks=pytest.mark.sqlite),
    ],
)
def test_the_ledger_can_only_be_appended_to(tx: Tx, sql: str) -> None:
    Song(tx, 1, 10).settle()
    before = tx.execute("SELECT * FROM ledger").fetchall()

    with pytest.raises(VIOLATED):
        tx.execute(sql)

    assert [tuple(row) for row in before] == [tuple(row) for row in tx.execute("SELECT * FROM ledger")]


def test_entries_that_move_credits_name_the_job_and_the_member(tx: Tx) -> None:
    Song(tx, 1)

    with pytest.raises(VIOLATED):
        tx.execute(
            "INSERT INTO ledger (at, kind, guild_id, day, allowance) VALUES (0, 'settle', ?, 0, 10)", (GUILD,)
        )


# -- grants


@pytest.mark.parametrize(
    ("before", "amount", "after"),
    [(0, 0, 0), (0, 1, 1), (50, 10, 60), (50, -50, 0), (50, -1, 49), (0, CREDITS_MAX, CREDITS_MAX)],
)
def test_a_grant_changes_the_bonus(tx: Tx, before: int, amount: int, after: int) -> None:
    grant(tx, before)

    assert (before, after) == grant(tx, amount)
    assert (100, after) == left(tx)


@pytest.mark.parametrize(
    ("before", "amount", "low", "high"),
    [
        (0, -1, 0, CREDITS_MAX),
        (50, -51, -50, CREDITS_MAX - 50),
        (1, CREDITS_MAX, -1, CREDITS_MAX - 1),
        (50, 10**30, -50, CREDITS_MAX - 50),
        (50, -(10**30), -50, CREDITS_MAX - 50),
    ],
)
def test_a_grant_out_of_range_is_refused_with_the_bounds(
    tx: Tx, before: int, amount: int, low: int, high: int
) -> None:
    grant(tx, before)

    with pytest.raises(OutOfRange) as caught:
        grant(tx, amount)

    assert (low, high) == (caught.value.low, caught.value.high)
    assert (100, before) == left(tx)


def test_only_credits_neither_used_nor_held_can_be_revoked(tx: Tx) -> None:
    allow(tx, 0)
    grant(tx, 30)
    Song(tx, 1).settle()
    song = Song(tx, 2)

    with pytest.raises(OutOfRange):
        grant(tx, -11)
    assert (10, 0) == grant(tx, -10)

    song.release()
    assert (0, 10) == left(tx)


def test_a_bonus_does_not_expire(tx: Tx) -> None:
    grant(tx, 50)

    assert (100, 50) == left(tx, NOW + 400 * DAY)


def test_a_grant_is_recorded_with_who_and_why(tx: Tx) -> None:
    grant(tx, 20)
    grant(tx, -5)

    rows = tx.execute(
        """SELECT kind, day, allowance, ledger.bonus, discord_id, reason, before, after, job_id
           FROM ledger JOIN member ON member.id = actor_id ORDER BY ledger.id"""
    ).fetchall()
    assert [
        ("grant", TODAY, 0, 20, 123, "for the party", '{"credits": 0}', '{"credits": 20}', None),
        ("grant", TODAY, 0, -5, 123, "for the party", '{"credits": 20}', '{"credits": 15}', None),
    ] == [tuple(row) for row in rows]


# -- limits


def test_a_lowered_allowance_only_stops_new_songs(tx: Tx) -> None:
    grant(tx, 10)
    Song(tx, 1, 40).settle()
    running = Song(tx, 2, 40)

    before, after = allow(tx, 30)

    assert (100, 20, 10) == (before.allowance, before.available - before.bonus, before.bonus)
    assert (30, 0, 10, 40, 40) == (
        after.allowance,
        after.available - after.bonus,
        after.bonus,
        after.used,
        after.held,
    )
    with pytest.raises(NotEnoughCredits):
        Song(tx, 3, 11)
    assert Hold(day=TODAY, allowance=0, bonus=10) == Song(tx, 4, 10).held
    running.release()
    assert (0, 0) == left(tx)
    assert (60, 0) == (allow(tx, 100)[1].available, left(tx)[1])


@pytest.mark.parametrize("amount", [-1, CREDITS_MAX + 1, 10**30])
def test_an_impossible_allowance_is_refused(tx: Tx, amount: int) -> None:
    with pytest.raises(OutOfRange) as caught:
        allow(tx, amount)

    assert (0, CREDITS_MAX) == (caught.value.low, caught.value.high)
    assert 100 == balance(tx).allowance


def test_an_allowance_of_zero_is_accepted(tx: Tx) -> None:
    allow(tx, 0)

    assert 0 == balance(tx).available


def test_an_allowance_alone_leaves_the_period_to_the_operator(tx: Tx) -> None:
    allow(tx, 50)
    weekly = Defaults(allowance=7, period=Period.WEEK)

    assert (50, Period.WEEK) == (
        ledger.balance(tx, GUILD, weekly, NOW).allowance,
        ledger.balance(tx, GUILD, weekly, NOW).period,
    )
    allow(tx, 50, Period.DAY)
    allow(tx, 60)
    assert Period.DAY is ledger.balance(tx, GUILD, weekly, NOW).period


def test_a_change_of_limits_is_recorded_with_before_and_after(tx: Tx) -> None:
    allow(tx, 50, Period.WEEK)

    [row] = tx.execute("SELECT kind, allowance, bonus, reason, before, after FROM ledger").fetchall()
    *entry, before, after = row
    assert ["set", 0, 0, "for the party"] == entry
    assert changes.Allowance(100, Period.MONTH) == changes.read("set", before)
    assert changes.Allowance(50, Period.WEEK) == changes.read("set", after)


# -- periods


def days(first: str, after: str) -> tuple[int, int]:
    return tuple((datetime.fromisoformat(day) - datetime(1970, 1, 1)).days for day in (first, after))  # type: ignore[return-value]  # noqa: DTZ001


@pytest.mark.parametrize(
    ("period", "now", "first", "after"),
    [
        (Period.DAY, "2026-03-14T00:00:00+00:00", "2026-03-14", "2026-03-15"),
        (Period.DAY, "2026-03-14T23:59:59.999999+00:00", "2026-03-14", "2026-03-15"),
        (Period.DAY, "2026-12-31T12:00:00+00:00", "2026-12-31", "2027-01-01"),
        (Period.DAY, "2028-02-28T12:00:00+00:00", "2028-02-28", "2028-02-29"),
        (Period.DAY, "2028-02-29T12:00:00+00:00", "2028-02-29", "2028-03-01"),
        (Period.DAY, "2027-02-28T12:00:00+00:00", "2027-02-28", "2027-03-01"),
        (Period.WEEK, "2026-03-09T00:00:00+00:00", "2026-03-09", "2026-03-16"),
        (Period.WEEK, "2026-03-15T23:59:59+00:00", "2026-03-09", "2026-03-16"),
        (Period.WEEK, "2026-03-16T00:00:00+00:00", "2026-03-16", "2026-03-23"),
        (Period.WEEK, "2026-12-31T12:00:00+00:00", "2026-12-28", "2027-01-04"),
        (Period.WEEK, "2027-01-01T12:00:00+00:00", "2026-12-28", "2027-01-04"),
        (Period.WEEK, "2028-02-29T12:00:00+00:00", "2028-02-28", "2028-03-06"),
        (Period.MONTH, "2026-03-01T00:00:00+00:00", "2026-03-01", "2026-04-01"),
        (Period.MONTH, "2026-03-31T23:59:59+00:00", "2026-03-01", "2026-04-01"),
        (Period.MONTH, "2026-04-30T12:00:00+00:00", "2026-04-01", "2026-05-01"),
        (Period.MONTH, "2026-01-31T12:00:00+00:00", "2026-01-01", "2026-02-01"),
        (Period.MONTH, "2026-02-28T12:00:00+00:00", "2026-02-01", "2026-03-01"),
        (Period.MONTH, "2028-02-29T12:00:00+00:00", "2028-02-01", "2028-03-01"),
        (Period.MONTH, "2100-02-28T12:00:00+00:00", "2100-02-01", "2100-03-01"),
        (Period.MONTH, "2026-12-31T23:59:59+00:00", "2026-12-01", "2027-01-01"),
        # The bounds are midnights in UTC, whatever the time of day and the daylight saving time.
        (Period.DAY, "2026-03-29T01:30:00+02:00", "2026-03-28", "2026-03-29"),
        (Period.DAY, "2026-03-14T20:00:00-05:00", "2026-03-15", "2026-03-16"),
        (Period.WEEK, "2026-03-16T13:00:00+14:00", "2026-03-09", "2026-03-16"),
        (Period.MONTH, "2026-04-01T00:30:00+02:00", "2026-03-01", "2026-04-01"),
        (Period.MONTH, "2026-12-31T23:00:00-02:00", "2027-01-01", "2027-02-01"),
    ],
)
def test_a_period_is_a_range_of_days_in_utc(period: Period, now: str, first: str, after: str) -> None:
    moment = datetime.fromisoformat(now)

    assert days(first, after) == times.period_days(period, moment)
    assert times.period_days(period, moment)[0] <= times.day_number(moment)


@given(
    st.sampled_from(Period),
    st.datetimes(datetime(1970, 1, 5), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_periods_are_contiguous(period: Period, now: datetime) -> None:
    first, after = times.period_days(period, now)
    next_now = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=after)

    assert first <= times.day_number(now) < after
    assert after == times.period_days(period, next_now)[0]
    assert (first, after) == times.period_days(period, next_now - timedelta(microseconds=1))


def test_the_allowance_renews_with_the_period_and_nothing_is_reset(tx: Tx) -> None:
    Song(tx, 1, 100).settle()

    assert (0, 0) == left(tx, datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC))
    assert (100, 0) == left(tx, datetime(2026, 4, 1, tzinfo=UTC))
    assert 100 == balance(tx).used


def test_a_change_of_period_neither_resets_usage_nor_grants_twice(tx: Tx) -> None:
    monday, friday = datetime(2026, 3, 9, 12, tzinfo=UTC), datetime(2026, 3, 13, 12, tzinfo=UTC)
    Song(tx, 1, 30, now=datetime(2026, 3, 2, 12, tzinfo=UTC)).settle()
    Song(tx, 2, 20, now=monday).settle()
    Song(tx, 3, 10, now=friday)

    used = {}
    for period in (Period.DAY, Period.WEEK, Period.MONTH, Period.DAY, Period.MONTH):
        _, after = allow(tx, 100, period, now=friday)
        used[period] = (after.used, after.held, after.available)

    assert {
        Period.DAY: (0, 10, 90),
        Period.WEEK: (20, 10, 70),
        Period.MONTH: (50, 10, 40),
    } == used


def test_a_song_that_outlasts_its_period_counts_on_its_own_day(tx: Tx) -> None:
    before, after = datetime(2026, 3, 31, 23, 59, tzinfo=UTC), datetime(2026, 4, 1, 0, 1, tzinfo=UTC)
    song = Song(tx, 1, 40, now=before)

    assert (100, 0) == left(tx, after)
    song.settle(after)
    assert (60, 0) == left(tx, before)
    assert (100, 0) == left(tx, after)


# -- the reconciliation

Move: TypeAlias = tuple[str, int, int, int]
"""An action, by or with whom, an amount, and a day."""

MOVES = st.tuples(
    st.sampled_from(
        [
            *("hold", "hold", "hold", "hold", "settle", "settle", "release", "close again", "refund"),
            *("grant", "allow", "period", "limit", "role"),
        ]
    ),
    st.integers(0, 5),
    st.integers(-60, 120),
    st.integers(0, 70),
)


@contextmanager
def undone(tx: Tx) -> Iterator[None]:
    """Undo everything done inside the block."""
    tx.execute("SAVEPOINT trial")
    try:
        yield
    finally:
        tx.execute("ROLLBACK TO trial")
        tx.execute("RELEASE trial")


class Books:
    """Performs actions as far as they are allowed, with its own record of open holds."""

    def __init__(self, tx: Tx) -> None:
        self.tx = tx
        self.open: deque[tuple[JobId, GuildId, MemberNumber, Hold]] = deque()
        self.settled: list[tuple[JobId, GuildId, MemberNumber, Hold]] = []
        self.closed: deque[tuple[JobId, GuildId, MemberNumber, Hold]] = deque()
        self.jobs = 0

    def hold(self, guild: GuildId, member: MemberNumber, price: int, now: datetime) -> None:
        there = ledger.balance(self.tx, guild, DEFAULTS, now)
        self.jobs += 1
        try:
            held, after = quotas.hold(
                self.tx, JobId(self.jobs), guild, member, [RoleId(guild)], price, DEFAULTS, now
            )
        except NotEnoughCredits:
            assert there.available < price
        except LimitReached:
            limit = quotas.limit_of(self.tx, guild, member, [RoleId(guild)])
            assert quotas.standing(self.tx, guild, member, limit, DEFAULTS, now).left < price
        else:
            assert after == quotas.standing(self.tx, guild, member, after.limit, DEFAULTS, now)
            assert after.limit is None or after.used + after.held <= after.limit.credits
            assert price == held.allowance + held.bonus
            assert there.available - price == ledger.balance(self.tx, guild, DEFAULTS, now).available
            self.open.append((JobId(self.jobs), guild, member, held))

    def do(self, what: str, who: int, amount: int, day: int) -> None:
        now = NOW + timedelta(days=day, hours=who)
        guild, member = (
            GuildId(GUILD + who % 2),
            members.member_number(self.tx, DiscordUserId(MEMBER + who // 2)),
        )
        match what:
            case "hold":
                self.hold(guild, member, abs(amount), now)
            case "settle" | "release" if self.open:
                self.open.rotate(who)
                one = self.open.pop()
                (ledger.settle if what == "settle" else ledger.release)(self.tx, JobId(one[0]), now)
                self.closed.append(one)
                if what == "settle":
                    self.settled.append(one)
            case "refund" if self.settled:
                one = self.settled.pop()
                ledger.refund(self.tx, JobId(one[0]), ADMIN, now)
                with undone(self.tx), pytest.raises(VIOLATED):
                    ledger.refund(self.tx, JobId(one[0]), ADMIN, now)
            case "limit":
                own = abs(amount) if amount > 0 else None
                quotas.set_member(self.tx, guild, DiscordUserId(MEMBER + who // 2), own, ADMIN, now)
            case "role":
                quotas.set_role(self.tx, guild, RoleId(guild), abs(amount) if who % 2 else None, ADMIN, now)
            case "close again" if self.closed:
                self.closed.rotate(who)
                with undone(self.tx), pytest.raises(VIOLATED):
                    (ledger.settle if amount > 0 else ledger.release)(self.tx, JobId(self.closed[0][0]), now)
            case "grant":
                try:
                    before, after = ledger.grant(self.tx, guild, amount, ADMIN, now)
                except OutOfRange:
                    assert amount < 0
                else:
                    assert amount == after - before
            case "allow":
                ledger.set_allowance(self.tx, guild, abs(amount), None, DEFAULTS, ADMIN, now)
            case "period":
                period = list(Period)[who % 3]
                ledger.set_allowance(self.tx, guild, abs(amount), period, DEFAULTS, ADMIN, now)


def counters(tx: Tx) -> tuple[dict[tuple[int, int, int], tuple[int, ...]], dict[int, int]]:
    """Return the counters: usage other than zero, and the remaining bonus."""
    usage = {
        (row["guild_id"], row["member_id"], row["day"]): tuple(row)[3:]
        for row in tx.execute("SELECT * FROM usage")
        if any(tuple(row)[3:])
    }
    return usage, {row["id"]: row["bonus"] for row in tx.execute("SELECT id, bonus FROM guild")}


def worked_out(tx: Tx) -> tuple[dict[tuple[int, int, int], tuple[int, ...]], dict[int, int]]:
    """Return the same, derived from the ledger alone."""
    usage: dict[tuple[int, int, int], Counter[str]] = {}
    bonus: Counter[int] = Counter({row["id"]: 0 for row in tx.execute("SELECT id FROM guild")})
    for row in tx.execute("SELECT * FROM ledger"):
        guild, kind = row["guild_id"], row["kind"]
        bonus[guild] += {"grant": 1, "release": 1, "refund": 1, "hold": -1}.get(kind, 0) * row["bonus"]
        for who in (row["member_id"], WHOLE_GUILD):
            if kind not in ("hold", "settle", "release", "refund"):
                continue
            account = usage.setdefault((guild, who, row["day"]), Counter())
            for part in ("allowance", "bonus"):
                account[f"{part}_held"] += {"hold": 1, "refund": 0}.get(kind, -1) * row[part]
                account[f"{part}_used"] += {"settle": 1, "refund": -1}.get(kind, 0) * row[part]
    columns = ("allowance_used", "allowance_held", "bonus_used", "bonus_held")
    accounts = {key: tuple(account[name] for name in columns) for key, account in usage.items()}
    return {key: amounts for key, amounts in accounts.items() if any(amounts)}, dict(bonus)


@settings(deadline=None, max_examples=make.examples(150))
@given(st.lists(MOVES, max_size=40))
def test_the_counters_match_the_ledger_whatever_is_done(
    migrated: sqlite3.Connection, moves: list[Move]
) -> None:
    migrated.execute("BEGIN")
    try:
        books = Books(migrated)
        for move in moves:
            books.do(*move)

            counted, booked = counters(migrated), worked_out(migrated)
            assert booked == counted
            assert all(amount >= 0 for amounts in counted[0].values() for amount in amounts)
            assert all(amount >= 0 for amount in counted[1].values())
            assert [] == [finding for finding in reconcile(migrated).findings if finding.startswith("server")]

        for one in books.open:
            ledger.release(migrated, JobId(one[0]), NOW)
        assert all(account[1] == account[3] == 0 for account in counters(migrated)[0].values())
    finally:
        migrated.execute("ROLLBACK")
