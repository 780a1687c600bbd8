"""Limits of members and roles, and which of them applies."""

from datetime import datetime, timedelta

import pytest

from bot.balance import ChangedBy, Limit, Period
from bot.database.sqlite import Tx
from bot.model import ChannelId, DiscordUserId, GuildId, JobId, MemberNumber, RoleId, everyone_of
from bot.refusals import LimitReached, NotEnoughCredits, OutOfRange
from bot.store import ledger, members, quotas
from bot.store.changes import plain, read
from bot.store.ledger import Defaults
from tests import make
from tests.make import GUILD, MEMBER, NOW, OTHER

RICH = Defaults(allowance=1_000, period=Period.MONTH)
ADMIN = ChangedBy(actor_id=DiscordUserId(123))
FAN, VIP = RoleId(71), RoleId(72)


def member(tx: Tx, discord_id: int = MEMBER) -> int:
    return members.member_number(tx, DiscordUserId(discord_id))


def limit(tx: Tx, *role_ids: RoleId, discord_id: int = MEMBER) -> Limit | None:
    return quotas.limit_of(tx, GUILD, MemberNumber(member(tx, discord_id)), [everyone_of(GUILD), *role_ids])


def own(tx: Tx, credits_: int | None, discord_id: int = MEMBER) -> int | None:
    return quotas.set_member(tx, GUILD, DiscordUserId(discord_id), credits_, ADMIN, NOW)


def of_role(tx: Tx, role_id: RoleId, credits_: int | None) -> int | None:
    return quotas.set_role(tx, GUILD, role_id, credits_, ADMIN, NOW)


def song(tx: Tx, job_id: int, *role_ids: RoleId, price: int = 10, now: datetime = NOW) -> None:
    quotas.hold(
        tx, JobId(job_id), GUILD, MemberNumber(member(tx)), [everyone_of(GUILD), *role_ids], price, RICH, now
    )


# -- the applicable limit


def test_without_any_limit_only_the_pool_applies(tx: Tx) -> None:
    assert limit(tx, FAN) is None


def test_the_highest_limit_of_a_members_roles_applies(tx: Tx) -> None:
    for role_id, credits_ in ((everyone_of(GUILD), 10), (FAN, 20), (VIP, 30)):
        of_role(tx, role_id, credits_)

    assert [Limit(credits=10, role_id=everyone_of(GUILD), everyone=True), Limit(credits=20, role_id=FAN)] == [
        limit(tx),
        limit(tx, FAN),
    ]
    assert Limit(credits=30, role_id=VIP) == limit(tx, FAN, VIP)


@pytest.mark.parametrize("credits_", [0, 5, 500])
def test_a_members_own_limit_overrides_their_roles(tx: Tx, credits_: int) -> None:
    of_role(tx, VIP, 100)
    own(tx, credits_)

    assert Limit(credits=credits_) == limit(tx, VIP)
    assert Limit(credits=100, role_id=VIP) == limit(tx, VIP, discord_id=OTHER)


def test_a_cleared_limit_gives_way_to_the_roles(tx: Tx) -> None:
    of_role(tx, VIP, 100)
    own(tx, 5)

    assert [5, None] == [own(tx, None), own(tx, None)]
    assert Limit(credits=100, role_id=VIP) == limit(tx, VIP)
    assert 100 == of_role(tx, VIP, None)
    assert limit(tx, VIP) is None


def test_limits_of_another_server_do_not_apply(tx: Tx) -> None:
    quotas.set_role(tx, GuildId(GUILD + 1), FAN, 5, ADMIN, NOW)
    quotas.set_member(tx, GuildId(GUILD + 1), MEMBER, 5, ADMIN, NOW)

    assert limit(tx, FAN) is None


@pytest.mark.parametrize("credits_", [-1, 1_000_001])
def test_a_limit_out_of_range_is_refused(tx: Tx, credits_: int) -> None:
    with pytest.raises(OutOfRange):
        own(tx, credits_)
    with pytest.raises(OutOfRange):
        of_role(tx, FAN, credits_)


# -- its effect


def test_a_limit_counts_used_and_held_credits_of_allowance_and_bonus(tx: Tx) -> None:
    ledger.set_allowance(tx, GUILD, 15, None, RICH, ADMIN, NOW)
    ledger.grant(tx, GUILD, 100, ADMIN, NOW)
    own(tx, 29)
    song(tx, 1)
    song(tx, 2)

    with pytest.raises(LimitReached) as refused:
        song(tx, 3)

    there = refused.value.standing
    assert (10, 9, 0, 20) == (refused.value.price, there.left, there.used, there.held)
    assert Limit(credits=29) == refused.value.limit


def test_the_pool_also_applies_under_a_higher_limit(tx: Tx) -> None:
    ledger.set_allowance(tx, GUILD, 5, None, RICH, ADMIN, NOW)
    own(tx, 100)

    with pytest.raises(NotEnoughCredits):
        song(tx, 1)


def test_a_limit_renews_with_the_servers_period(tx: Tx) -> None:
    own(tx, 10)
    song(tx, 1)

    song(tx, 2, now=NOW + timedelta(days=31))


def test_a_limit_lowered_below_the_usage_only_stops_new_songs(tx: Tx) -> None:
    own(tx, 30)
    song(tx, 1)
    own(tx, 5)

    with pytest.raises(LimitReached) as refused:
        song(tx, 2)

    assert 0 == refused.value.standing.left
    assert 10 == ledger.balance(tx, GUILD, RICH, NOW).held


def test_a_free_song_passes_every_limit(tx: Tx) -> None:
    own(tx, 0)

    song(tx, 1, price=0)


def test_members_above_a_limit_for_everyone_are_counted(tx: Tx) -> None:
    song(tx, 1)
    own(tx, 100, OTHER)
    quotas.hold(tx, JobId(2), GUILD, MemberNumber(member(tx, OTHER)), [everyone_of(GUILD)], 50, RICH, NOW)

    assert [1, 0] == [quotas.beyond(tx, GUILD, credits_, RICH, NOW) for credits_ in (9, 10)]


# -- the operator's ceiling


def test_under_a_ceiling_the_lower_limit_and_operators_period_apply(tx: Tx) -> None:
    ceiling = Defaults(allowance=100, period=Period.WEEK, ceiling=50)
    ledger.set_allowance(tx, GUILD, 500, Period.DAY, RICH, ADMIN, NOW)
    ledger.set_allowance(tx, GuildId(GUILD + 1), 30, Period.DAY, RICH, ADMIN, NOW)

    there = [ledger.balance(tx, GuildId(guild), ceiling, NOW) for guild in (GUILD, GUILD + 1, GUILD + 2)]

    assert [(50, Period.WEEK), (30, Period.WEEK), (50, Period.WEEK)] == [
        (balance.allowance, balance.period) for balance in there
    ]


# -- the record


def test_every_change_is_in_the_ledger_with_its_author_and_values(tx: Tx) -> None:
    own(tx, 5)
    own(tx, None)
    of_role(tx, FAN, 7)
    quotas.pause(tx, GUILD, ChangedBy(actor_id=DiscordUserId(123), reason="exams"), NOW)
    quotas.resume(tx, GUILD, ADMIN, NOW)
    quotas.set_alerts(tx, GUILD, ChannelId(8001), ADMIN, NOW)

    rows = [
        (kind, plain(read(kind, before)), plain(read(kind, after)), *rest)
        for kind, before, after, *rest in tx.execute(
            "SELECT kind, before, after, reason, actor_id FROM ledger ORDER BY id"
        )
    ]

    assert [
        ("member", "none", "5", ""),
        ("member", "5", "none", ""),
        ("role", "none", "7", ""),
        ("pause", "open", "paused", "exams"),
        ("resume", "paused", "open", ""),
        ("alerts", "none", "8001", ""),
    ] == [row[:4] for row in rows]
    assert {members.member_number(tx, DiscordUserId(123))} == {row[4] for row in rows}


def test_an_unknown_member_has_used_nothing(tx: Tx) -> None:
    song(tx, 1)

    there = quotas.standing(tx, GUILD, members.known_member(tx, DiscordUserId(424242)), None, RICH, NOW)

    assert (0, 0, 990) == (there.used, there.held, there.left)
    assert make.standing(limit=None).left == make.balance().available
