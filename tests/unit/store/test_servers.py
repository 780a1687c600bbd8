"""Which servers are served, the usage of all of them, and the effect of a ceiling on a bonus."""

import sqlite3
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.balance import ChangedBy, Period
from bot.database.sqlite import Tx
from bot.model import GuildId, JobId
from bot.refusals import NotEnoughCredits
from bot.store import ledger, members, quotas, servers
from bot.store.ledger import Defaults
from bot.store.ledger_entries import Hold
from bot.store.servers import ServerPolicy
from tests.make import GUILD, MEMBER, NOW

OTHER_GUILD = GuildId(7002)
RICH = Defaults(allowance=1_000, period=Period.MONTH)
CAPPED = Defaults(allowance=1_000, period=Period.MONTH, ceiling=50)
MANAGER = ChangedBy(actor_id=MEMBER, reason="for the party")
OPERATOR = ChangedBy(actor_id=None, reason="for the party")
LISTED = frozenset({GUILD})


def hold(
    tx: Tx, number: int, price: int = 10, now: datetime = NOW, *, guild: GuildId = GUILD, by: Defaults = RICH
) -> Hold:
    return ledger.hold(tx, JobId(number), guild, members.member_number(tx, MEMBER), price, by, now)


# -- the servers that are served


@pytest.mark.parametrize(
    ("policy", "said", "served"),
    [
        (ServerPolicy(), None, True),
        (ServerPolicy(), False, False),
        (ServerPolicy(serves_new=False), None, False),
        (ServerPolicy(serves_new=False), True, True),
        (ServerPolicy(listed=LISTED), None, True),
        (ServerPolicy(listed=LISTED, serves_new=False), None, True),
        (ServerPolicy(listed=LISTED), False, False),
        (ServerPolicy(listed=frozenset({OTHER_GUILD})), None, False),
        (ServerPolicy(listed=frozenset({OTHER_GUILD})), True, True),
    ],
)
def test_the_operators_commands_override_the_settings(
    policy: ServerPolicy, said: bool | None, served: bool, tx: Tx
) -> None:
    if said is not None:
        servers.set_allowed(tx, GUILD, NOW, allowed=not said)
        servers.set_allowed(tx, GUILD, NOW, allowed=said)

    assert served is servers.is_served(tx, GUILD, policy)


def test_a_policy_is_open_where_strangers_are_served() -> None:
    policies = (ServerPolicy(), ServerPolicy(serves_new=False), ServerPolicy(listed=LISTED))

    assert [True, False, False] == [policy.is_open for policy in policies]


def test_the_table_shows_the_operators_commands(tx: Tx) -> None:
    for guild in (GUILD, OTHER_GUILD, GuildId(7003)):
        ledger.know_guild(tx, guild)
    servers.set_allowed(tx, GUILD, NOW, allowed=True)
    servers.set_allowed(tx, OTHER_GUILD, NOW, allowed=False)

    found = {server.id: server.allowed for server in servers.servers(tx, RICH, NOW)}

    assert {GUILD: True, OTHER_GUILD: False, 7003: None} == found


# -- the usage of all servers


def test_all_servers_count_and_held_credits_count(tx: Tx) -> None:
    hold(tx, 1, 10)
    hold(tx, 2, 20, guild=OTHER_GUILD)
    ledger.settle(tx, JobId(1), NOW)

    assert 30 == servers.credits_this_month(tx, NOW)


def test_a_failed_song_no_longer_counts_but_a_refunded_one_does(tx: Tx) -> None:
    hold(tx, 1, 10)
    hold(tx, 2, 20)
    ledger.release(tx, JobId(1), NOW)
    ledger.settle(tx, JobId(2), NOW)
    ledger.refund(tx, JobId(2), MANAGER, NOW)

    assert 20 == servers.credits_this_month(tx, NOW)


def test_bonus_credits_count(tx: Tx) -> None:
    ledger.grant(tx, GUILD, 100, OPERATOR, NOW)
    hold(tx, 1, 70, by=Defaults(allowance=0, period=Period.DAY))

    assert 70 == servers.credits_this_month(tx, NOW)


def test_the_total_is_of_the_calendar_month(tx: Tx) -> None:
    last, first = datetime(2026, 2, 28, 23, 59, tzinfo=UTC), datetime(2026, 3, 1, tzinfo=UTC)
    hold(tx, 1, 10, last)
    hold(tx, 2, 20, first)

    assert (10, 20) == (servers.credits_this_month(tx, last), servers.credits_this_month(tx, first))
    assert datetime(2026, 3, 1, tzinfo=UTC) == servers.next_month(last)
    assert datetime(2026, 4, 1, tzinfo=UTC) == servers.next_month(first)


@pytest.mark.sqlite
def test_the_total_reads_one_row_per_day_for_any_number_of_songs(tx: Tx) -> None:
    plan = tx.execute("EXPLAIN QUERY PLAN SELECT SUM(credits) FROM day_total WHERE day >= 1 AND day < 32")

    assert ["SEARCH day_total USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"] == [
        row["detail"] for row in plan
    ]


# -- a bonus under the operator's ceiling


@given(
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(0, 60),
    st.sampled_from([None, 0, 30, 50]),
    st.lists(st.integers(1, 40), min_size=1, max_size=4),
)
def test_the_standing_after_a_hold_is_the_one_that_is_read(
    migrated: sqlite3.Connection,
    allowance: int,
    by_managers: int,
    by_operator: int,
    ceiling: int | None,
    prices: list[int],
) -> None:
    defaults = Defaults(allowance=allowance, period=Period.MONTH, ceiling=ceiling)
    migrated.execute("BEGIN")
    try:
        ledger.grant(migrated, GUILD, by_managers, MANAGER, NOW)
        ledger.grant(migrated, GUILD, by_operator, OPERATOR, NOW)
        member = members.member_number(migrated, MEMBER)
        for number, price in enumerate(prices, 1):
            try:
                _, after = quotas.hold(migrated, JobId(number), GUILD, member, [], price, defaults, NOW)
            except NotEnoughCredits:
                continue
            assert quotas.standing(migrated, GUILD, member, None, defaults, NOW) == after
    finally:
        migrated.execute("ROLLBACK")


def test_a_bonus_granted_by_managers_counts_under_a_ceiling(tx: Tx) -> None:
    ledger.grant(tx, GUILD, 1_000, MANAGER, NOW)

    assert (1_000, 50) == (
        ledger.balance(tx, GUILD, RICH, NOW).bonus,
        ledger.balance(tx, GUILD, CAPPED, NOW).available,
    )


def test_a_bonus_supplements_a_lowered_allowance_up_to_the_ceiling(tx: Tx) -> None:
    ledger.grant(tx, GUILD, 1_000, MANAGER, NOW)
    ledger.set_allowance(tx, GUILD, 20, None, CAPPED, MANAGER, NOW)

    held = [hold(tx, number, 10, by=CAPPED) for number in range(5)]

    assert [(10, 0)] * 2 + [(0, 10)] * 3 == [(one.allowance, one.bonus) for one in held]
    assert 0 == ledger.balance(tx, GUILD, CAPPED, NOW).available


def test_only_the_operators_bonus_exceeds_the_ceiling(tx: Tx) -> None:
    ledger.grant(tx, GUILD, 1_000, MANAGER, NOW)
    ledger.grant(tx, GUILD, 30, OPERATOR, NOW)
    ledger.grant(tx, OTHER_GUILD, 30, OPERATOR, NOW)
    ledger.grant(tx, OTHER_GUILD, -10, OPERATOR, NOW)

    assert [80, 70] == [ledger.balance(tx, guild, CAPPED, NOW).available for guild in (GUILD, OTHER_GUILD)]
