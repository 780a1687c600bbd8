"""Managers' changes during concurrent requests: nothing is overspent or counted twice."""

import asyncio
from collections.abc import Awaitable, Iterable
from datetime import datetime, timedelta

import pytest

from bot.balance import Balance, Period
from bot.database.sqlite import Tx
from bot.model import Job, JobState
from bot.playground.world import World
from bot.refusals import NotEnoughCredits, OutOfRange
from bot.store import ledger
from bot.store.changes import plain, read
from bot.store.reconcile import reconcile
from tests import make
from tests.faults import simulated
from tests.faults.promise import assert_survived
from tests.faults.simulated import delivered_again, sent
from tests.flows.seen import said
from tests.unit.pipeline.rig import Rig

DONE, TOLD, RUNNING = JobState.DELIVERED, JobState.EXPLAINED, JobState.RUNNING
ADA, BEA = 9101, 9102

world = simulated.world


async def limit(rig: Rig, allowance: int, period: Period | None = None, actor: int = ADA) -> None:
    assert await rig.credits.set_allowance(make.GUILD, allowance, period, make.entry(actor_id=actor))


async def racing(*works: Awaitable[object]) -> tuple[list[Job], list[Exception]]:
    """Run all of these concurrently and return the accepted jobs and the refusals."""
    ends = await asyncio.gather(*works, return_exceptions=True)
    refused = [end for end in ends if isinstance(end, Exception)]
    assert {NotEnoughCredits} >= {type(error) for error in refused}, refused
    return [end for end in ends if isinstance(end, Job)], refused


def asking(rig: Rig, count: int) -> list[Awaitable[Job]]:
    return [rig.ask() for _ in range(count)]


async def balance_at(rig: Rig, moment: datetime) -> Balance:
    return await rig.database.read(lambda tx: ledger.balance(tx, make.GUILD, make.DEFAULTS, moment))


def changes(tx: Tx) -> list[tuple[int, str, str]]:
    """Return who changed something, from what and to what, in the order of the ledger."""
    rows = tx.execute(
        """SELECT discord_id, before, after FROM ledger JOIN member ON member.id = actor_id
           WHERE kind IN ('set', 'grant') ORDER BY ledger.id"""
    )
    return [(actor, plain(read("set", before)), plain(read("set", after))) for actor, before, after in rows]


def assert_chained(rows: Iterable[tuple[int, str, str]]) -> None:
    """Assert that each change starts where the previous one ended."""
    _, befores, afters = zip(*rows, strict=True)
    assert befores[1:] == afters[:-1]


# -- a lowered allowance


@pytest.mark.parametrize("lowered", [0, 9, 10, 25, 40])
async def test_an_allowance_below_the_usage_stops_only_new_songs(
    lowered: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    used = await rig.ask()
    await rig.until(used, DONE)
    rig.music.done_at_once = False
    held = [await rig.ask() for _ in range(3)]
    for job in held:
        await rig.until(job, RUNNING)

    await limit(rig, lowered)
    low = await rig.balance()
    with pytest.raises(NotEnoughCredits) as refused:
        await rig.ask()
    rig.finish()
    for job in held:
        await rig.until(job, DONE)

    assert (lowered, 10, 30, 0) == (low.allowance, low.used, low.held, low.available)
    assert 0 == refused.value.balance.available
    assert (40, 0, 0) == ((now := await rig.balance()).used, now.held, now.available)
    await assert_survived(rig, caplog, used, *held, says="delivered")


async def test_a_failure_under_a_lowered_allowance_returns_its_credits(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.done_at_once = False
    failing, going_on = await rig.ask(), await rig.ask()
    for job in (failing, going_on):
        await rig.until(job, RUNNING)

    await limit(rig, 15)
    for task in rig.music.tasks.values():
        task.status = "failed" if task.id == (await rig.get(failing)).task_id else "success"
    await rig.until(failing, TOLD)
    await rig.until(going_on, DONE)

    assert (10, 0, 5) == ((now := await rig.balance()).used, now.held, now.available)
    await assert_survived(rig, caplog, failing, going_on, says="(upstream_failed|delivered)")


async def test_a_bonus_pays_for_songs_while_the_allowance_is_overdrawn(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    first = await rig.ask()
    await limit(rig, 5)
    await rig.credits.grant(make.GUILD, 10, make.entry("for tonight"))

    second = await rig.ask()
    with pytest.raises(NotEnoughCredits):
        await rig.ask()
    for job in (first, second):
        await rig.until(job, DONE)

    assert (10, 0, 0, 0) == ((now := await rig.balance()).used, now.held, now.bonus, now.available)
    await assert_survived(rig, caplog, first, second, says="delivered")


# -- an allowance changed during concurrent requests


@pytest.mark.parametrize("before", [0, 1, 7, 20])
async def test_an_allowance_raised_during_a_race_is_spent_and_not_exceeded(before: int, rig: Rig) -> None:
    await limit(rig, 20)

    taken, _ = await racing(*asking(rig, before), limit(rig, 50), *asking(rig, 20 - before))
    late, refused = await racing(*asking(rig, 5))

    assert (5, 50) == (len(taken) + len(late), (await rig.balance()).held)
    assert refused
    assert () == (await rig.database.read(reconcile)).findings


async def test_an_allowance_that_varies_during_a_race_is_never_exceeded(
    rig: Rig,
) -> None:
    await limit(rig, 0)

    taken, refused = await racing(
        *(work for most in (30, 10, 60, 20, 0) for work in (limit(rig, most), *asking(rig, 10)))
    )

    assert (6, 44) == (len(taken), len(refused))
    assert (60, 0) == ((now := await rig.balance()).held, now.available)
    assert {"hold": 6, "set": 6} == await rig.books()
    assert () == (await rig.database.read(reconcile)).findings


# -- a changed period


@pytest.mark.parametrize("period", Period)
async def test_a_song_under_a_changed_period_is_charged_to_its_own_day(
    period: Period, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    await limit(rig, 100, Period.MONTH)
    rig.music.done_at_once = False
    delivered, failing = await rig.ask(), await rig.ask()
    for job in (delivered, failing):
        await rig.until(job, RUNNING)
    asked_at = rig.clock.now
    rig.clock.now += timedelta(hours=12)

    await limit(rig, 100, period)
    for task in rig.music.tasks.values():
        task.status = "failed" if task.id == (await rig.get(failing)).task_id else "success"
    for job in (delivered, failing):
        await rig.until(job, DONE, TOLD)
    await limit(rig, 100, Period.DAY)

    then, now = await balance_at(rig, asked_at), await rig.balance()
    assert [(10, 0, 90), (0, 0, 100)] == [(it.used, it.held, it.available) for it in (then, now)]
    await assert_survived(rig, caplog, delivered, failing, says="(delivered|upstream_failed)")


async def test_changing_the_period_back_and_forth_grants_nothing_twice(rig: Rig) -> None:
    await limit(rig, 30, Period.DAY)
    held = [await rig.ask() for _ in range(2)]

    seen = []
    for period in (Period.WEEK, Period.MONTH, Period.DAY, Period.MONTH, Period.DAY):
        await limit(rig, 30, period)
        seen.append((await rig.balance()).available)
    more, refused = await racing(*asking(rig, 5))

    assert [10] * 5 == seen
    assert (1, 4) == (len(more), len(refused))
    assert 10 * len([*held, *more]) == (await rig.balance()).held
    assert () == (await rig.database.read(reconcile)).findings


async def test_earlier_usage_counts_again_when_the_period_is_long_again(rig: Rig) -> None:
    await limit(rig, 30, Period.DAY)
    for _ in range(3):
        await racing(*asking(rig, 5))
        rig.clock.forward(days=1)

    await limit(rig, 30, Period.MONTH)
    over = await rig.balance()
    taken, _ = await racing(*asking(rig, 3))
    await limit(rig, 30, Period.DAY)

    assert ((90, 0), []) == ((over.held, over.available), taken)
    assert 30 == (await rig.balance()).available
    assert () == (await rig.database.read(reconcile)).findings


# -- two managers at once


async def test_the_last_of_two_concurrent_changes_wins_and_both_are_recorded(rig: Rig) -> None:
    await asyncio.gather(
        limit(rig, 40, Period.WEEK, actor=ADA), limit(rig, 70, None, actor=BEA), limit(rig, 20, actor=ADA)
    )

    now, rows = await rig.balance(), await rig.database.read(changes)
    assert {"40 a week", "70 a week", "20 a week", "70 a month", "20 a month"} >= {
        after for *_, after in rows
    }
    assert f"{now.allowance} a {now.period}" == rows[-1][2]
    assert (3, "100 a month") == (len(rows), rows[0][1])
    assert [ADA, ADA, BEA] == sorted(actor for actor, *_ in rows)
    assert_chained(rows)


async def test_concurrent_grants_add_up(rig: Rig) -> None:
    grants = [(ADA, 10), (BEA, 15), *((ADA, -1), (BEA, 2)) * 5]
    await rig.credits.grant(make.GUILD, 5, make.entry("to begin with", actor_id=ADA))

    await asyncio.gather(
        *(
            rig.credits.grant(make.GUILD, amount, make.entry("at once", actor_id=who))
            for who, amount in grants
        )
    )

    rows = await rig.database.read(changes)
    assert 5 + sum(amount for _, amount in grants) == (await rig.balance()).bonus
    assert sorted([ADA, *(who for who, _ in grants)]) == sorted(actor for actor, *_ in rows)
    assert_chained(rows)
    assert () == (await rig.database.read(reconcile)).findings


async def test_two_managers_cannot_both_revoke_one_bonus(rig: Rig) -> None:
    await rig.credits.grant(make.GUILD, 15, make.entry("for tonight"))

    taken, refused = await asyncio.gather(
        *(rig.credits.grant(make.GUILD, -15, make.entry("too much", actor_id=who)) for who in (ADA, BEA)),
        return_exceptions=True,
    )

    assert (15, 0) == taken
    assert isinstance(refused, OutOfRange)
    assert 0 == (await rig.balance()).bonus
    assert {"grant": 2} == await rig.books()


async def test_a_bonus_revoked_during_a_race_is_either_spent_or_revoked(
    rig: Rig,
) -> None:
    await limit(rig, 0)
    await rig.credits.grant(make.GUILD, 30, make.entry("for tonight"))

    taken, refused = await racing(
        *asking(rig, 2),
        rig.credits.grant(make.GUILD, -10, make.entry("not so much", actor_id=BEA)),
        *asking(rig, 5),
    )

    assert (2, 5) == (len(taken), len(refused))
    reconciliation = await rig.database.read(reconcile)
    assert (20, 0, ()) == (reconciliation.held, (await rig.balance()).bonus, reconciliation.findings)


# -- a command that is delivered twice


async def ledger_of(world: World, kind: str) -> list[tuple[str, str]]:
    rows = await world.parts.database.read(
        lambda tx: tx.execute(
            "SELECT before, after FROM ledger WHERE kind = ? ORDER BY id", (kind,)
        ).fetchall()
    )
    return [(plain(read(kind, before)), plain(read(kind, after))) for before, after in rows]


@pytest.mark.parametrize("restarted", [False, True])
async def test_a_grant_that_is_delivered_twice_counts_and_is_confirmed_once(
    world: World, *, restarted: bool
) -> None:
    ada = world.add_member("Ada", manager=True)

    granted = await ada.slash(world.channel, "quota grant", credits=15, reason="a good evening")
    answers = len(sent(world))
    if restarted:
        await world.restart()
    await delivered_again(world, times=2)

    assert "0 → **15 credits** (+15)" in said(granted)
    assert [("0", "15")] == await ledger_of(world, "grant")
    assert answers == len(sent(world))
    assert "15 (does not expire)" in said(await ada.slash(world.channel, "quota view"))
    await simulated.assert_books_balance(world)


async def test_two_equal_grants_are_two_grants(world: World) -> None:
    ada = world.add_member("Ada", manager=True)

    for _ in range(2):
        await ada.slash(world.channel, "quota grant", credits=15, reason="a good evening")

    assert [("0", "15"), ("15", "30")] == await ledger_of(world, "grant")


async def test_a_limit_delivered_twice_does_not_undo_another_managers_change(
    world: World,
) -> None:
    ada, bea = world.add_member("Ada", manager=True), world.add_member("Bea", manager=True)
    await ada.slash(world.channel, "quota set", credits=20, period="day")
    first = simulated.last_interaction(world)
    await bea.slash(world.channel, "quota set", credits=30)

    await delivered_again(world, first)

    assert [("100 a month", "20 a day"), ("20 a day", "30 a day")] == await ledger_of(world, "set")
    assert "30 a day" in said(await ada.slash(world.channel, "quota view"))


async def test_a_grant_that_was_refused_is_refused_again_and_leaves_no_trace(world: World) -> None:
    ada = world.add_member("Ada", manager=True)

    refused = await ada.slash(world.channel, "quota grant", credits=-1, reason="nothing is there")
    await delivered_again(world)

    assert refused.ephemeral
    assert said(refused).startswith("Choose a number from ")
    assert [] == await ledger_of(world, "grant")
