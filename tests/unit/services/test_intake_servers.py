"""Which servers are served, and the limit for all servers together."""

import asyncio

import pytest

from bot.database.sqlite import Database
from bot.errors import NotServed, TotalReached
from bot.model import DiscordUserId, GuildId
from bot.services import ledger_csv
from bot.services.intake import Accepted, Intake
from bot.store import servers
from bot.store.servers import ServerPolicy
from tests import make


def intake(database: Database, clock: make.Clock, **changes: object) -> Intake:
    terms = make.terms(open_per_member=1_000, open_per_guild=1_000, **changes)
    return Intake(database, terms, now=clock, woken=lambda: None)


async def test_a_server_that_is_not_served_is_refused_until_it_is_allowed(
    database: Database, clock: make.Clock
) -> None:
    closed = intake(database, clock, server_policy=ServerPolicy(serves_new=False))
    with pytest.raises(NotServed):
        await closed.accept(make.prompt(), make.origin())

    await database.write(lambda tx: servers.set_allowed(tx, make.GUILD, clock(), allowed=True))
    accepted = await closed.accept(make.prompt(), make.origin())

    assert accepted is not None


async def test_all_servers_together_use_no_more_than_the_operators_total(
    database: Database, clock: make.Clock
) -> None:
    capped = intake(database, clock, total_credits_max=45)
    origins = [
        make.origin(guild_id=GuildId(7_000 + number % 3), member_id=DiscordUserId(9_000 + number))
        for number in range(8)
    ]

    results = await asyncio.gather(
        *(capped.accept(make.prompt(), origin) for origin in origins), return_exceptions=True
    )

    refusals = [result for result in results if isinstance(result, TotalReached)]
    assert (4, 4) == (len(refusals), sum(isinstance(result, Accepted) for result in results))
    assert {servers.next_month(clock())} == {refusal.renews_at for refusal in refusals}
    assert 40 == await database.read(lambda tx: servers.credits_this_month(tx, clock()))


async def test_the_operators_total_renews_with_the_calendar_month(
    database: Database, clock: make.Clock
) -> None:
    capped = intake(database, clock, total_credits_max=10)
    await capped.accept(make.prompt(), make.origin())
    with pytest.raises(TotalReached) as refused:
        await capped.accept(make.prompt(), make.origin())
    clock.forward(seconds=(refused.value.renews_at - clock()).total_seconds())

    assert await capped.accept(make.prompt(), make.origin()) is not None


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("=1+1", "'=1+1"),
        ("  @SUM(1)", "'  @SUM(1)"),
        ("thanks;=1+1", "thanks;'=1+1"),
        ("thanks; +1;-1", "thanks;' +1;'-1"),
        ('thanks;"=1+1"', 'thanks;\'"=1+1"'),
        ("thanks\t=1+1", "thanks\t'=1+1"),
        ("\uff1d1+1", "'\uff1d1+1"),
        ("\tx", "'\tx"),
        ("1 + 1 = 2; well done - really", "1 + 1 = 2; well done - really"),
    ],
)
def test_no_text_becomes_a_formula_whatever_separates_the_cells(typed: str, written: str) -> None:
    assert written == ledger_csv._text(typed)
