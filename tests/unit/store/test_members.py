"""An erased member returns under a new number; their usage and their limit still count."""

from datetime import datetime, timedelta

import pytest

from bot.balance import ChangedBy, Limit, Period
from bot.database.facts import fact
from bot.database.sqlite import Tx
from bot.model import DiscordUserId, GuildId, JobId, MemberNumber, RoleId
from bot.refusals import LimitReached
from bot.store import ledger, members, quotas
from bot.store.ledger import Defaults
from bot.store.members import NOBODY
from tests.make import GUILD, MEMBER, NOW, OTHER
from tests.unit.store.rows import added, settled

DAY = timedelta(days=1)
RICH = Defaults(allowance=1_000, period=Period.MONTH)
ADMIN = ChangedBy(actor_id=DiscordUserId(123))


def number(tx: Tx, discord_id: int = MEMBER) -> int:
    return members.member_number(tx, DiscordUserId(discord_id))


def spent(tx: Tx, discord_id: int = MEMBER, *, at: datetime = NOW, guild_id: int = GUILD) -> None:
    """Add a song that was paid for."""
    job = added(tx, at=at, member_id=discord_id, guild_id=guild_id)
    settled(tx, job, now=at)


def forgotten(tx: Tx, discord_id: int = MEMBER, now: datetime = NOW) -> int:
    """Forget the person, and return their number."""
    before = number(tx, discord_id)
    members.forget(tx, MemberNumber(before), now)
    return before


def used(tx: Tx, member: int, now: datetime = NOW, defaults: Defaults = RICH) -> int:
    return quotas.standing(tx, GUILD, MemberNumber(member), None, defaults, now).used


def limited(tx: Tx, credits_: int | None, discord_id: int = MEMBER) -> int | None:
    return quotas.set_member(tx, GUILD, DiscordUserId(discord_id), credits_, ADMIN, NOW)


def hashes(tx: Tx) -> list[str]:
    return [row["hash"] for row in tx.execute("SELECT hash FROM forgotten")]


# -- numbers


def test_only_a_number_is_left_of_a_member_who_used_nothing(tx: Tx) -> None:
    before = forgotten(tx)

    assert (None, "", None) == tuple(
        tx.execute("SELECT discord_id, locale, leaving_since FROM member WHERE id = ?", (before,)).fetchone()
    )
    assert [] == hashes(tx)
    assert fact(tx, members.KEY_FACT) is None
    assert NOBODY == members.past_or_present(tx, MEMBER)


def test_a_returning_member_gets_a_new_number_joined_to_the_old_one(tx: Tx) -> None:
    spent(tx)
    before = forgotten(tx)

    assert before == members.past_or_present(tx, MEMBER)
    after = number(tx)

    assert before != after
    assert after == members.past_or_present(tx, MEMBER)
    assert (before, after) == members.numbers(tx, MemberNumber(after))
    assert (number(tx, OTHER),) == members.numbers(tx, MemberNumber(number(tx, OTHER)))


def test_a_hash_does_not_reveal_its_id_and_depends_on_the_key(tx: Tx) -> None:
    spent(tx)
    forgotten(tx)
    (first,) = hashes(tx)
    members.drop_forgotten(tx, NOW + 60 * DAY)
    spent(tx)
    forgotten(tx)
    (second,) = hashes(tx)

    assert first != second
    assert (64, 64) == (len(first), len(second))


# -- what was used


def test_usage_before_a_deletion_counts_after_it(tx: Tx) -> None:
    spent(tx)
    forgotten(tx)
    spent(tx)
    forgotten(tx)
    spent(tx)

    assert 30 == used(tx, number(tx))
    assert 30 == used(tx, members.past_or_present(tx, MEMBER))
    assert 0 == used(tx, number(tx, OTHER))


def test_managers_see_earlier_usage_before_the_member_returns(tx: Tx) -> None:
    spent(tx)
    forgotten(tx)

    assert 10 == used(tx, members.past_or_present(tx, MEMBER))
    assert NOBODY == members.known_member(tx, MEMBER)


@pytest.mark.parametrize("period", Period)
def test_earlier_usage_counts_in_any_later_period_setting(tx: Tx, period: Period) -> None:
    spent(tx)
    forgotten(tx)

    ledger.set_allowance(tx, GUILD, 100, period, RICH, ADMIN, NOW)
    members.drop_forgotten(tx, NOW)

    assert 10 == used(tx, number(tx))


def test_a_role_limit_includes_earlier_usage(tx: Tx) -> None:
    quotas.set_role(tx, GUILD, RoleId(GUILD), 15, ADMIN, NOW)
    spent(tx)
    forgotten(tx)

    with pytest.raises(LimitReached):
        quotas.hold(tx, JobId(77), GUILD, MemberNumber(number(tx)), [RoleId(GUILD)], 10, RICH, NOW)


def test_members_above_a_limit_are_counted_once_per_person(tx: Tx) -> None:
    for discord_id in (MEMBER, OTHER):
        spent(tx, discord_id)
    forgotten(tx)
    spent(tx)

    assert [2, 1, 0] == [quotas.beyond(tx, GUILD, credits_, RICH, NOW) for credits_ in (9, 19, 20)]
    limited(tx, 50)
    assert [1, 0] == [quotas.beyond(tx, GUILD, credits_, RICH, NOW) for credits_ in (9, 19)]


# -- a member's own limit


@pytest.mark.parametrize("credits_", [0, 5])
def test_a_deletion_lifts_no_limit(tx: Tx, credits_: int) -> None:
    limited(tx, credits_)
    forgotten(tx)
    members.drop_forgotten(tx, NOW + 400 * DAY)

    assert Limit(credits=credits_) == quotas.limit_of(tx, GUILD, members.past_or_present(tx, MEMBER), [])
    assert Limit(credits=credits_) == quotas.limit_of(tx, GUILD, MemberNumber(number(tx)), [])
    assert None is quotas.limit_of(tx, GUILD, MemberNumber(number(tx, OTHER)), [])


def test_a_limit_set_again_or_cleared_replaces_the_earlier_one(tx: Tx) -> None:
    limited(tx, 5)
    forgotten(tx)

    assert 5 == limited(tx, 7)
    assert Limit(credits=7) == quotas.limit_of(tx, GUILD, MemberNumber(number(tx)), [])
    assert 7 == limited(tx, None)
    assert None is quotas.limit_of(tx, GUILD, MemberNumber(number(tx)), [])
    assert 0 == quotas.member_limits_count(tx, GUILD)


def test_a_limit_in_one_server_does_not_apply_in_another(tx: Tx) -> None:
    limited(tx, 5)
    forgotten(tx)

    assert None is quotas.limit_of(tx, GuildId(GUILD + 1), MemberNumber(number(tx)), [])


# -- no longer than needed


@pytest.mark.parametrize(
    ("last_used", "first_free_day"),
    [
        (datetime(2026, 3, 14, tzinfo=NOW.tzinfo), datetime(2026, 4, 1, tzinfo=NOW.tzinfo)),
        # Tuesday, the last day of its month: the week goes on.
        (datetime(2026, 3, 31, tzinfo=NOW.tzinfo), datetime(2026, 4, 6, tzinfo=NOW.tzinfo)),
        # A Sunday, the last day of its month.
        (datetime(2026, 5, 31, tzinfo=NOW.tzinfo), datetime(2026, 6, 1, tzinfo=NOW.tzinfo)),
    ],
)
def test_a_hash_is_kept_until_the_week_and_month_of_last_use_end(
    tx: Tx, last_used: datetime, first_free_day: datetime
) -> None:
    spent(tx, at=last_used - 3 * DAY, guild_id=GUILD + 1)
    spent(tx, at=last_used)
    forgotten(tx, now=last_used)

    assert 0 == members.drop_forgotten(tx, first_free_day - timedelta(seconds=1))
    assert 1 == len(hashes(tx))
    assert 1 == members.drop_forgotten(tx, first_free_day)
    assert [] == hashes(tx)


def test_the_key_is_deleted_with_the_last_hash(tx: Tx) -> None:
    spent(tx)
    forgotten(tx)
    spent(tx, OTHER, at=NOW + 20 * DAY)
    forgotten(tx, OTHER, now=NOW + 20 * DAY)
    key = fact(tx, members.KEY_FACT)

    members.drop_forgotten(tx, NOW + 20 * DAY)
    assert key == fact(tx, members.KEY_FACT)
    members.drop_forgotten(tx, NOW + 60 * DAY)

    assert key is not None
    assert None is fact(tx, members.KEY_FACT)


def test_returned_credits_need_no_hash(tx: Tx) -> None:
    job = added(tx)
    ledger.release(tx, job.id, NOW)
    forgotten(tx)

    assert [] == hashes(tx)


def test_a_cleared_limit_needs_no_hash(tx: Tx) -> None:
    limited(tx, 5)
    forgotten(tx)
    limited(tx, None)

    assert 1 == members.drop_forgotten(tx, NOW)
