"""Faults of the clock: a step of the wall clock loses no song, and periods end by UTC."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from pathlib import Path

import pytest

from bot.balance import Period
from bot.database.sqlite import Database
from bot.model import FailReason, Job, JobState
from bot.ops import clock as clock_module
from bot.ops.clock import CheckedClock, steady_clock
from bot.pipeline import schedule
from bot.pipeline.erasure import Erasure
from bot.pipeline.maintenance import Maintenance
from bot.refusals import NotEnoughCredits, ServiceClosed
from bot.store import ledger, times
from bot.store.reconcile import reconcile
from tests import make
from tests.doubles.in_process import answers
from tests.faults.conftest import KEY
from tests.faults.promise import assert_survived
from tests.unit.pipeline.rig import Rig
from tests.unit.store.rows import claim_due

DONE, TOLD, RUNNING, READY = JobState.DELIVERED, JobState.EXPLAINED, JobState.RUNNING, JobState.READY
LONGEST_S = schedule.LONGEST_STEP.total_seconds()
DAY = timedelta(days=1)


class Machine:
    """A machine's two clocks, in place of ``datetime`` and ``time``: only one of them can be set."""

    CLOCK_BOOTTIME = CLOCK_MONOTONIC = 7

    def __init__(self) -> None:
        self.wall = make.NOW
        self.up_s = 12_345.0

    def now(self, zone: tzinfo) -> datetime:
        return self.wall.astimezone(zone)

    def clock_gettime(self, clock: int) -> float:
        assert self.CLOCK_BOOTTIME == clock
        return self.up_s

    def pass_(self, seconds: float) -> None:
        self.wall += timedelta(seconds=seconds)
        self.up_s += seconds

    def set_forward(self, step: timedelta) -> None:
        self.wall += step


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    made = Machine()
    monkeypatch.setattr(clock_module, "datetime", made)
    monkeypatch.setattr(clock_module, "time", made)
    return made


class Steady(make.Clock):
    """The bot's own clock on this machine; advancing it lets time pass there."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._now = steady_clock()

    def __call__(self) -> datetime:
        return self._now()

    @property
    def now(self) -> datetime:
        return self._now()

    @now.setter
    def now(self, moment: datetime) -> None:
        self._machine.pass_((moment - self._now()).total_seconds())


@pytest.fixture
def steady(database: Database, tmp_path: Path, machine: Machine) -> Rig:
    """The pipeline of one long run of the bot."""
    made = Rig(database, tmp_path / "spool", Steady(machine))
    made.key = KEY
    return made


# -- a step while the bot runs


@pytest.mark.parametrize("step", [DAY, -DAY, timedelta(hours=1), timedelta(days=-400)], ids=str)
def test_the_bots_clock_advances_evenly_whatever_the_wall_clock_says(
    step: timedelta, machine: Machine
) -> None:
    now = steady_clock()

    machine.pass_(5)
    machine.set_forward(step)
    machine.pass_(5)

    assert make.NOW + timedelta(seconds=10) == now()
    assert make.NOW + step + timedelta(seconds=10) == steady_clock()()


# -- a wrong start


WRONG = [timedelta(days=-20_000), timedelta(days=-2), timedelta(hours=2), timedelta(days=3_650)]


@pytest.mark.parametrize("off", WRONG, ids=str)
async def test_a_clock_corrected_after_a_wrong_start_is_adopted(off: timedelta, machine: Machine) -> None:
    truth = machine.wall
    machine.set_forward(off)
    alerts: list[str] = []
    clock = CheckedClock()
    clock.alert = alerts.append

    for _ in range(3):
        clock.compare(truth)
    while_wrong = clock.problem(), clock.set_right.is_set()
    machine.set_forward(-off)
    clock.compare(truth)
    clock.compare(truth)
    new = CheckedClock()
    new.compare(truth)
    await new.confirmed()

    side = "behind" if off < timedelta() else "ahead of"
    said = f"this machine's clock is {abs(off).total_seconds():,.0f} s {side} Discord's; set it"
    assert (said, False) == while_wrong
    assert [f"Old data is not being deleted, because {said}."] == alerts
    assert (None, True) == (clock.problem(), clock.set_right.is_set())
    assert truth == new.now()
    assert not new.set_right.is_set()


@pytest.mark.parametrize("step", [*WRONG, timedelta(minutes=10)], ids=str)
async def test_a_correct_clock_is_kept_when_the_machines_clock_is_set(
    step: timedelta, machine: Machine
) -> None:
    truth = machine.wall
    clock = CheckedClock()
    machine.set_forward(step)

    clock.compare(truth + timedelta(minutes=4))
    await clock.confirmed()

    assert (None, False) == (clock.problem(), clock.set_right.is_set())


async def test_nothing_is_deleted_for_its_age_while_the_clock_is_wrong(
    rig: Rig, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    truth = machine.wall
    job = await rig.ask()
    await rig.until(job, DONE)
    machine.set_forward(timedelta(days=3_650))
    clock, rounds, waits = CheckedClock(), asyncio.Event(), asyncio.Event()

    async def sleep(_: float) -> None:
        rounds.set()
        await asyncio.Event().wait()

    async def confirmed() -> None:
        waits.set()
        await clock.confirmed()

    maintenance = Maintenance(
        database=rig.database,
        spool=rig.spool,
        erasure=Erasure(rig.database, rig.spool, now=clock.now),
        spool_days=7,
        texts_days=90,
        now=clock.now,
        alert=rig.alerts.append,
        sleep=sleep,
        clock_confirmed=confirmed,
    )
    task = asyncio.create_task(maintenance.run())
    clock.compare(truth)
    either = [asyncio.create_task(event.wait()) for event in (waits, rounds)]
    _, other = await asyncio.wait(either, timeout=5.0, return_when=asyncio.FIRST_COMPLETED)
    other.pop().cancel()
    kept = [(await rig.get(job)).request.prompt, len(list(rig.spool.folder.iterdir())), rounds.is_set()]
    clock.compare(clock.now())
    async with asyncio.timeout(5.0):
        await rounds.wait()
    task.cancel()

    assert [job.request.prompt, 2, False] == kept
    assert [] == list(rig.spool.folder.iterdir())
    await assert_survived(rig, caplog, job, says="delivered")


async def queued(rig: Rig) -> Job:
    rig.music.on_post = [answers(429)]
    job = await rig.ask()
    await rig.round()
    return job


async def submitting(rig: Rig) -> Job:
    job = await rig.ask()
    async with rig.process() as runner:
        await rig.killed_at(runner, "POST")
    return job


async def running(rig: Rig) -> Job:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    return job


async def ready(rig: Rig) -> Job:
    job = await running(rig)
    rig.music.audio = {f"/task-1-{take}.mp3": 404 for take in (1, 2)}
    await rig.until(job, READY)
    await rig.step(job)
    rig.music.audio.clear()
    return job


async def stored(rig: Rig) -> Job:
    job = await running(rig)
    await rig.until(job, JobState.STORED)
    return job


async def delivering(rig: Rig) -> Job:
    rig.chat.on_send = ["lost"]
    job = await running(rig)
    await rig.until(job, JobState.DELIVERING)
    return job


async def delivering_in_vain(rig: Rig) -> Job:
    rig.chat.on_send = ["down"]
    job = await running(rig)
    await rig.until(job, JobState.DELIVERING)
    return job


async def failed(rig: Rig) -> Job:
    rig.music.on_post = [answers(400, message="no")]
    rig.chat.on_send = ["down"]
    job = await rig.ask()
    await rig.round()
    await rig.round()
    return job


REACHED: dict[str, tuple[Callable[[Rig], Awaitable[Job]], JobState, JobState]] = {
    "queued": (queued, JobState.QUEUED, DONE),
    "submitting": (submitting, JobState.SUBMITTING, TOLD),
    "running": (running, RUNNING, DONE),
    "ready": (ready, READY, DONE),
    "stored": (stored, JobState.STORED, DONE),
    "delivering": (delivering, JobState.DELIVERING, DONE),
    "delivering in vain": (delivering_in_vain, JobState.DELIVERING, DONE),
    "failed": (failed, JobState.FAILED, TOLD),
}


@pytest.mark.parametrize("days", [-1, 1])
@pytest.mark.parametrize("where", REACHED)
async def test_a_clock_set_while_the_bot_runs_changes_nothing_for_any_job(
    where: str, days: int, steady: Rig, machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    reach, state, end = REACHED[where]
    job = await reach(steady)
    assert state is await steady.state(job)
    began_s, wait_s = machine.up_s, await steady.wait_s(job)

    machine.set_forward(days * DAY)
    assert wait_s == await steady.wait_s(job)
    await steady.until(job, end)

    assert machine.up_s - began_s < 5 * 60
    posts = 2 if where == "queued" else 1
    await assert_survived(steady, caplog, job, says=str(end), posts=posts)


# -- a step between two runs


@pytest.mark.parametrize("set_back", [DAY, timedelta(minutes=50)], ids=str)
@pytest.mark.parametrize("where", REACHED)
async def test_a_clock_set_back_before_a_start_makes_no_job_wait_long(
    where: str, set_back: timedelta, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    reach, state, end = REACHED[where]
    job = await reach(rig)
    assert state is await rig.state(job)
    rig.clock.now -= set_back
    began = rig.clock.now

    # A time further away than the longest step counts as now; rounds run every half minute anyway.
    while await rig.state(job) is not end and rig.clock.now - began < timedelta(hours=2):
        await rig.round()
        rig.clock.forward(seconds=30)

    assert end is await rig.state(job)
    assert rig.clock.now - began < schedule.LONGEST_STEP + timedelta(minutes=10)
    posts = 2 if where == "queued" else 1
    await assert_survived(rig, caplog, job, says=str(end), posts=posts)


@pytest.mark.parametrize("where", [name for name in REACHED if name not in ("queued", "running")])
async def test_a_clock_that_was_set_forward_before_the_next_start_costs_no_song(
    where: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    reach, _, end = REACHED[where]
    job = await reach(rig)

    rig.clock.now += DAY
    await rig.until(job, end)

    assert not (await rig.get(job)).parked
    await assert_survived(rig, caplog, job, says=str(end))


async def test_a_song_made_while_the_bot_was_down_is_queried_before_parking(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await running(rig)

    rig.clock.now += DAY + timedelta(hours=1)
    await rig.round()

    assert not (await rig.get(job)).parked
    await rig.until(job, DONE)
    await assert_survived(rig, caplog, job, says="delivered")


async def test_a_request_that_waited_a_day_is_released_and_reported(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await queued(rig)

    rig.clock.now += DAY
    await rig.until(job, TOLD)

    assert FailReason.EXPIRED is (await rig.get(job)).reason
    await assert_survived(rig, caplog, job, says=r"failed \(expired\)")


async def test_songs_dated_in_the_future_do_not_hold_up_new_ones(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    await rig.credits.set_allowance(make.GUILD, 1_000, None, make.entry())
    made = []
    for _ in range(16):
        made.append(await rig.ask())
        await rig.round()
        rig.clock.forward(minutes=50)
    for job in made:
        await rig.until(job, DONE)

    rig.clock.now -= DAY
    late = await rig.ask()
    await rig.round()

    assert RUNNING is await rig.state(late)
    await assert_survived(rig, caplog, *made, late, says="(delivered|running)")


async def test_a_closure_that_ends_a_day_too_late_admits_the_next_request(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [answers(402)]
    first = await rig.ask()
    await rig.until(first, TOLD)
    with pytest.raises(ServiceClosed):
        await rig.ask()

    rig.clock.now -= DAY
    probe = await rig.ask()
    await rig.until(probe, DONE)

    await assert_survived(rig, caplog, first, probe, says="(explained|delivered)")


async def test_a_breaker_that_closes_a_day_too_late_admits_the_next_request(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [rig.music.lost_answer for _ in range(3)]
    lost = []
    for _ in range(3):
        lost.append(await rig.ask())
        await rig.until(lost[-1], TOLD)

    rig.clock.now -= DAY
    probe = await rig.ask()
    await rig.round()

    assert RUNNING is await rig.state(probe)
    await assert_survived(rig, caplog, *lost, probe, says="(outcome unknown|running)")


async def test_a_card_is_kept_up_to_date_after_the_clock_was_set_back(rig: Rig) -> None:
    job = await running(rig)
    await rig.rest(1)

    rig.clock.now -= DAY
    for _ in range(12):
        await rig.round()
        rig.clock.forward(seconds=30)

    assert DONE is await rig.state(job)
    assert (job.id, DONE) == rig.chat.cards[-1]


@pytest.mark.parametrize(
    ("away", "is_due"),
    [
        (timedelta(), True),
        (timedelta(milliseconds=1), False),
        (timedelta(minutes=59), False),
        (schedule.LONGEST_STEP, False),
        (schedule.LONGEST_STEP + timedelta(milliseconds=1), True),
        (DAY, True),
    ],
    ids=str,
)
async def test_a_time_beyond_the_longest_step_counts_as_now(away: timedelta, is_due: bool, rig: Rig) -> None:
    job = await rig.ask()
    at = times.milliseconds(rig.clock.now + away)
    await rig.database.write(lambda tx: tx.execute("UPDATE job SET due_at = ?", (at,)))

    found = await rig.database.write(
        lambda tx: claim_due(
            tx, frozenset(JobState), epoch=1, now=rig.clock.now, horizon=schedule.LONGEST_STEP, limit=5
        )
    )

    assert ([job.id] if is_due else []) == [due.id for due in found]


async def test_no_wait_is_longer_than_the_longest_step(steady: Rig, caplog: pytest.LogCaptureFixture) -> None:
    steady.vary = lambda: 1.0
    steady.music.on_post = [answers(402)]
    first = await steady.ask()
    await steady.until(first, TOLD)
    steady.clock.forward(minutes=15)
    steady.music.done_at_once = False
    job = await steady.ask()
    waits = []

    for hours in (0, 1, 6, 23):
        steady.clock.now = max(steady.clock.now, make.NOW + timedelta(hours=hours))
        for _ in range(6):
            await steady.step(job)
            waits.append(await steady.wait_s(job) or 0.0)

    assert RUNNING is await steady.state(job)
    assert 5 * 60.0 * 1.1 == max(waits) < LONGEST_S
    await assert_survived(steady, caplog, first, job, says="(explained|running)")


# -- bounds of periods


def day(text: str) -> int:
    return (date.fromisoformat(text) - date(1970, 1, 1)).days


PERIODS = [
    (Period.DAY, "2026-03-28T23:59:59.999999", "2026-03-28", "2026-03-29"),
    (Period.DAY, "2026-03-29T00:00:00", "2026-03-29", "2026-03-30"),
    (Period.DAY, "2026-03-29T01:30:00", "2026-03-29", "2026-03-30"),  # an hour skipped in Europe
    (Period.DAY, "2026-10-25T00:30:00", "2026-10-25", "2026-10-26"),  # an hour repeated in Europe
    (Period.DAY, "2028-02-29T12:00:00", "2028-02-29", "2028-03-01"),
    (Period.DAY, "2026-12-31T23:59:59", "2026-12-31", "2027-01-01"),
    (Period.WEEK, "2026-03-29T23:59:59", "2026-03-23", "2026-03-30"),
    (Period.WEEK, "2026-03-30T00:00:00", "2026-03-30", "2026-04-06"),
    (Period.WEEK, "2027-01-01T00:00:00", "2026-12-28", "2027-01-04"),
    (Period.WEEK, "2028-02-29T00:00:00", "2028-02-28", "2028-03-06"),
    (Period.MONTH, "2026-01-31T23:59:59", "2026-01-01", "2026-02-01"),
    (Period.MONTH, "2026-02-28T23:59:59", "2026-02-01", "2026-03-01"),
    (Period.MONTH, "2028-02-28T23:59:59", "2028-02-01", "2028-03-01"),
    (Period.MONTH, "2028-02-29T23:59:59.999999", "2028-02-01", "2028-03-01"),
    (Period.MONTH, "2100-02-28T23:59:59", "2100-02-01", "2100-03-01"),
    (Period.MONTH, "2026-04-30T23:59:59", "2026-04-01", "2026-05-01"),
    (Period.MONTH, "2026-12-31T23:59:59", "2026-12-01", "2027-01-01"),
    (Period.MONTH, "2027-01-01T00:00:00", "2027-01-01", "2027-02-01"),
]


@pytest.fixture(params=["UTC0", "EST5EDT", "CET-1CEST,M3.5.0,M10.5.0/3", "<+14>-14", "<-11>11"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The machine's time zone."""
    before = os.environ.get("TZ")
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    if before is None:
        monkeypatch.delenv("TZ")
    else:
        monkeypatch.setenv("TZ", before)
    time.tzset()


@pytest.mark.usefixtures("zone")
def test_a_period_starts_and_ends_at_utc_midnight_in_every_time_zone() -> None:
    for period, moment, first, after in PERIODS:
        now = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        for hours in (-11, -5, 0, 2, 14):
            seen = now.astimezone(timezone(timedelta(hours=hours)))
            assert (day(first), day(after)) == times.period_days(period, seen), (period, seen)


@pytest.mark.parametrize(("period", "last"), sorted({(p, after) for p, _, _, after in PERIODS}))
async def test_an_allowance_renews_and_a_song_stays_on_its_own_days_account(
    period: Period, last: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    midnight = datetime.fromisoformat(last).replace(tzinfo=UTC)
    rig.clock.now = midnight - timedelta(milliseconds=1)
    await rig.credits.set_allowance(make.GUILD, 10, period, make.entry())
    before = await rig.ask()
    with pytest.raises(NotEnoughCredits) as refused:
        await rig.ask()
    old = rig.clock.now

    rig.clock.now = midnight
    after = await rig.ask()
    for job in (before, after):
        await rig.until(job, DONE)
    await rig.database.write(lambda _: None)
    then = await rig.database.read(lambda tx: ledger.balance(tx, make.GUILD, make.DEFAULTS, old))
    now = await rig.balance()

    assert midnight == refused.value.balance.renews_at
    assert [(10, 0, 0), (10, 0, 0)] == [(it.used, it.held, it.available) for it in (then, now)]
    await assert_survived(rig, caplog, before, after, says="delivered")


async def test_a_late_failure_gives_credits_back_to_the_period_that_paid(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.clock.now = datetime(2028, 2, 29, 23, 59, 59, tzinfo=UTC)
    await rig.credits.set_allowance(make.GUILD, 10, Period.MONTH, make.entry())
    job = await rig.ask()
    await rig.round()
    rig.task.status = "failed"

    await rig.until(job, TOLD)
    then = await rig.database.read(
        lambda tx: ledger.balance(tx, make.GUILD, make.DEFAULTS, datetime(2028, 2, 1, tzinfo=UTC))
    )

    assert (3, 1) == (rig.clock.now.month, rig.clock.now.day)
    assert (0, 0, 10) == (then.used, then.held, (await rig.balance()).available)
    assert () == (await rig.database.read(reconcile)).findings
    await assert_survived(rig, caplog, job, says="upstream_failed")
