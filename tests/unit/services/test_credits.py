"""Limits at admission, with many concurrent requests."""

import asyncio

import pytest

from bot.balance import Period
from bot.errors import Refusal
from bot.model import ChannelId, GuildId, JobId, JobState, RoleId
from bot.refusals import LimitReached, NotEnoughCredits, OperatorsOnly, Paused
from bot.services.credits import CreditService
from bot.store import ledger
from bot.store.reconcile import reconcile
from tests import make
from tests.unit.pipeline.rig import Rig

CEILING = ledger.Defaults(allowance=100, period=Period.WEEK, ceiling=50)
FAN = RoleId(71)


async def taken(rig: Rig, *members: int, **changes: object) -> list[Refusal | None]:
    """Return the refusals of concurrent requests, one for each of these members."""

    async def ask(member_id: int) -> Refusal | None:
        try:
            await rig.intake.accept(make.prompt(), make.origin(member_id=member_id, **changes))
        except Refusal as refusal:
            return refusal
        return None

    return await asyncio.gather(*(ask(member_id) for member_id in members))


async def test_sixty_requests_with_credits_for_five_songs_make_five_songs(rig: Rig) -> None:
    await rig.credits.set_allowance(make.GUILD, 50, None, make.entry())

    answers = await taken(rig, *range(1, 61))

    assert 5 == answers.count(None)
    assert {NotEnoughCredits} == {type(answer) for answer in answers if answer is not None}
    assert () == (await rig.database.read(reconcile)).findings
    assert 0 == (await rig.balance()).available


async def test_a_members_concurrent_requests_stay_within_their_limit(rig: Rig) -> None:
    await rig.credits.limit_role(make.GUILD, FAN, 25, make.entry())

    answers = await taken(rig, *[make.MEMBER] * 10, role_ids=frozenset({make.GUILD, FAN}))

    assert 2 == answers.count(None)
    assert {LimitReached} == {type(answer) for answer in answers if answer is not None}


async def test_a_paused_server_accepts_no_requests_and_finishes_its_songs(rig: Rig) -> None:
    job = await rig.ask()
    await rig.credits.pause(make.GUILD, make.entry("exams"))

    (refusal,) = await taken(rig, make.MEMBER)
    elsewhere = await taken(rig, make.MEMBER, guild_id=make.GUILD + 1)
    await rig.until(job, JobState.DELIVERED)

    assert isinstance(refusal, Paused)
    assert "exams" == refusal.reason
    assert [None] == elsewhere


async def test_the_applied_limit_is_stored_with_the_job(rig: Rig) -> None:
    await rig.credits.limit_member(make.GUILD, make.MEMBER, 30, make.entry())

    job = await rig.ask()

    assert 30 == (await rig.get(job)).limit_credits


async def test_under_a_ceiling_managers_cannot_grant_refund_or_set_the_period(
    rig: Rig,
) -> None:
    service = CreditService(rig.database, CEILING, price=10, now=rig.clock)

    with pytest.raises(OperatorsOnly):
        await service.grant(make.GUILD, 10, make.entry("please"))
    with pytest.raises(OperatorsOnly):
        await service.refund(make.GUILD, JobId(1), make.entry("please"))
    with pytest.raises(OperatorsOnly):
        await service.set_allowance(make.GUILD, 10, Period.DAY, make.entry())
    changed = await service.set_allowance(make.GUILD, 500, Period.WEEK, make.entry())

    assert changed is not None
    assert (50, 50) == tuple(balance.allowance for balance in changed)


async def test_a_change_whose_interaction_arrives_twice_is_made_once(rig: Rig) -> None:
    for change in (
        lambda entry: rig.credits.limit_member(make.GUILD, make.MEMBER, 30, entry),
        lambda entry: rig.credits.limit_role(make.GUILD, FAN, 30, entry),
        lambda entry: rig.credits.pause(make.GUILD, entry),
        lambda entry: rig.credits.resume(make.GUILD, entry),
        lambda entry: rig.credits.set_alerts(make.GUILD, ChannelId(8), entry),
        lambda entry: rig.credits.grant(make.GUILD, 8, entry),
    ):
        entry = make.entry("once")
        first, second = await change(entry), await change(entry)

        assert (False, True) == (first is None, second is None)
    rows = await rig.database.read(lambda tx: tx.execute("SELECT COUNT(*) FROM ledger").fetchone()[0])
    assert 6 == rows


async def test_a_refund_goes_to_the_jobs_own_day_and_split(rig: Rig) -> None:
    await rig.credits.set_allowance(make.GUILD, 5, Period.DAY, make.entry())
    await rig.credits.grant(make.GUILD, 5, make.entry("to share"))
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)
    spent = await rig.balance()
    rig.clock.forward(days=3)

    await rig.credits.refund(make.GUILD, job.id, make.entry("off key"))

    day = await rig.database.read(lambda tx: ledger.balance(tx, make.GUILD, make.DEFAULTS, make.NOW))
    assert (5, 0) == (spent.used, spent.bonus)
    assert (0, 5) == (day.used, (await rig.balance()).bonus)
    assert () == (await rig.database.read(reconcile)).findings


async def test_another_servers_job_is_not_refunded(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)

    with pytest.raises(Refusal, match="unknown"):
        await rig.credits.refund(GuildId(make.GUILD + 1), job.id, make.entry("not mine"))

    assert {"hold": 1, "settle": 1} == await rig.books()
