"""The servers that are served, and the limit for all servers together."""

import asyncio
import contextlib

import pytest

from bot.database.sqlite import Database
from bot.model import DiscordUserId, GuildId
from bot.refusals import NotServed, TotalReached
from bot.services import ledger_csv
from bot.services.acceptance import Accepted
from bot.services.intake import Intake
from bot.store import servers
from bot.store.reconcile import reconcile
from bot.store.servers import ServerPolicy
from tests import make


def intake(database: Database, clock: make.Clock, **changes: object) -> Intake:
    terms = make.terms(open_per_member=1_000, open_per_guild=1_000, **changes)
    return Intake(database, terms, now=clock, woken=lambda: None)


async def test_an_unserved_server_is_refused_until_it_is_allowed(
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


async def test_the_operator_is_alerted_monthly_to_the_use_of_the_total(
    database: Database, clock: make.Clock
) -> None:
    alerts: list[str] = []
    terms = make.terms(open_per_member=1_000, open_per_guild=1_000, total_credits_max=100)
    capped = Intake(database, terms, now=clock, woken=lambda: None, alert=alerts.append)

    async def request() -> None:
        with contextlib.suppress(TotalReached):
            await capped.accept(make.prompt(), make.origin(guild_id=GuildId(7_000 + len(alerts))))

    said_after = []
    for _ in range(13):
        await request()
        said_after.append(len(alerts))
    clock.forward(seconds=(servers.next_month(clock()) - clock()).total_seconds())
    for _ in range(8):
        await request()

    assert [0] * 7 + [1, 1] + [2] * 4 == said_after
    assert "have used 80 % of TOTAL_CREDITS_MAX=100" in alerts[0]
    assert "have used all of TOTAL_CREDITS_MAX=100" in alerts[1]
    assert [alerts[0]] == alerts[2:]


async def test_a_daily_total_that_contradicts_the_ledger_is_found(
    database: Database, clock: make.Clock
) -> None:
    await intake(database, clock).accept(make.prompt(), make.origin())
    before = await database.read(reconcile)
    await database.write(lambda tx: tx.execute("UPDATE day_total SET credits = credits - 3"))

    after = await database.read(reconcile)

    assert () == before.findings
    assert ["the counted credits of all servers are 7, but the ledger says 10"] == [
        finding.partition(": ")[2] for finding in after.findings
    ]


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
