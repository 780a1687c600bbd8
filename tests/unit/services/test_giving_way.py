"""Work that is in no hurry waits while members wait for the answers to their requests."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from unittest.mock import AsyncMock

import pytest

from bot.database.sqlite import Database
from bot.errors import StoreBusy
from bot.model import InteractionId, JobId, MessageId
from bot.refusals import TextMissing
from bot.services import pending_answers as module
from bot.services.intake import Intake
from bot.services.pending_answers import PendingAnswers
from tests import make

PLENTY_S = 10.0
"""Longer than any of these tests takes."""


@pytest.fixture
async def intake(tmp_path: Path, clock: make.Clock) -> AsyncIterator[Intake]:
    async with Database.open(tmp_path / "tunesmith.db") as database:
        yield Intake(database, make.terms(), now=clock, woken=lambda: None)


async def has_given_way(work: asyncio.Task[None]) -> bool:
    """Let everything that is ready run, and return whether the work goes on."""
    for _ in range(3):
        await asyncio.sleep(0)
    return work.done()


async def test_work_waits_until_an_accepted_request_is_answered(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_WAY_S", PLENTY_S)
    accepting = asyncio.create_task(intake.accept(make.prompt(), make.origin()))
    await asyncio.sleep(0)
    work = asyncio.create_task(intake.pending.give_way())
    accepted = await accepting
    waits = not await has_given_way(work)
    assert accepted is not None
    await intake.answered(accepted.job, accepted.facts, MessageId(1))

    assert waits
    assert await has_given_way(work)


async def test_work_continues_after_a_refusal(intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "GIVE_WAY_S", PLENTY_S)
    accepting = asyncio.create_task(intake.accept(make.prompt(""), make.origin()))
    await asyncio.sleep(0)
    work = asyncio.create_task(intake.pending.give_way())
    with pytest.raises(TextMissing):
        await accepting

    assert await has_given_way(work)


async def test_endless_requests_delay_work_only_briefly(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_WAY_S", 0.01)
    monkeypatch.setattr(module, "ANSWER_WITHIN", timedelta(seconds=PLENTY_S))
    assert await intake.accept(make.prompt(), make.origin()) is not None

    async with asyncio.timeout(PLENTY_S / 2):
        await intake.pending.give_way()


async def test_a_request_that_is_never_answered_delays_no_work_for_good(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_WAY_S", PLENTY_S)
    monkeypatch.setattr(module, "ANSWER_WITHIN", timedelta(seconds=0.01))
    assert await intake.accept(make.prompt(), make.origin()) is not None

    async with asyncio.timeout(PLENTY_S / 2):
        await intake.pending.give_way()


async def test_an_answer_that_cant_be_recorded_delays_no_more_work(
    intake: Intake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_WAY_S", PLENTY_S)
    accepted = await intake.accept(make.prompt(), make.origin())
    assert accepted is not None
    monkeypatch.setattr(intake._answers, "write", AsyncMock(side_effect=StoreBusy("the disk is full", 1.0)))
    with pytest.raises(StoreBusy):
        await intake.answered(accepted.job, accepted.facts, MessageId(1))

    assert await has_given_way(asyncio.create_task(intake.pending.give_way()))


async def test_all_is_quiet_once_nobody_waits_and_nobody_has_asked_for_a_while(intake: Intake) -> None:
    pending, quiet = intake.pending, [intake.pending.is_quiet(0.0)]
    accepting = asyncio.create_task(intake.accept(make.prompt(), make.origin()))
    await asyncio.sleep(0)
    quiet.append(pending.is_quiet(0.0))
    accepted = await accepting
    quiet.append(pending.is_quiet(0.0))
    assert accepted is not None
    recording = asyncio.create_task(intake.answered(accepted.job, accepted.facts, MessageId(1)))
    await asyncio.sleep(0)
    quiet += [pending.is_quiet(0.0), pending.is_quiet(PLENTY_S)]
    work = asyncio.create_task(pending.give_way())
    waits = not await has_given_way(work)
    await recording

    assert [True, False, False, True, False] == quiet
    assert waits
    assert await has_given_way(work)


async def test_requests_that_are_never_answered_expire_one_after_another(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "GIVE_WAY_S", PLENTY_S)
    pending = module.PendingAnswers()
    for number in range(1, 4):
        monkeypatch.setattr(module, "ANSWER_WITHIN", timedelta(seconds=0.001 * number))
        with pending.accepting(InteractionId(number)):
            pending.add(JobId(number))
    pending.answered(JobId(2))

    async with asyncio.timeout(PLENTY_S / 2):
        await pending.give_way()

    assert [1, 3] == [vars(record)["job_id"] for record in caplog.records]


async def test_no_timer_is_left_once_every_request_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, timers = asyncio.get_running_loop(), list[asyncio.TimerHandle]()
    call_at = loop.call_at

    def started(when: float, callback: Callable[[], None]) -> asyncio.TimerHandle:
        timers.append(call_at(when, callback))
        return timers[-1]

    monkeypatch.setattr(loop, "call_at", started)
    pending = PendingAnswers()
    for first, second in ((1, 2), (3, 4)):
        pending.add(JobId(first))
        pending.add(JobId(second))
        pending.answered(JobId(first))
        waits = not timers[-1].cancelled()
        pending.answered(JobId(second))

        # The simulated Discord waits for timers: each song in tests/flows would take 4 s more.
        assert (True, True) == (waits, timers[-1].cancelled())

    assert 2 == len(timers)
