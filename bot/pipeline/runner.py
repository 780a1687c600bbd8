"""Claim due jobs and take each one step further, until stopped."""

import asyncio
import itertools
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from msgspec import Struct
from structlog.contextvars import bound_contextvars

from bot.database.engine import Database, Tx
from bot.errors import StoreBusy, Transient
from bot.model import ChannelId, Job, JobId, JobState
from bot.pipeline import schedule
from bot.pipeline.announcements import Announcements
from bot.pipeline.budget_alerts import BudgetAlerts
from bot.pipeline.cards import Cards
from bot.pipeline.courier import CardFacts, Courier
from bot.pipeline.delivery import NO_CHANNEL_YET
from bot.pipeline.erasure import Erasure
from bot.pipeline.lanes import AT_ONCE, STATES, Lane
from bot.pipeline.poll_window import PollWindow
from bot.pipeline.quote_filter import unquoted
from bot.pipeline.steps import Steps
from bot.pipeline.transitions import Superseded
from bot.pipeline.turns import SendTurns
from bot.store import announcements, budget_alerts, claims, jobs, ledger
from bot.store.announcements import Announcement
from bot.store.budget_alerts import BudgetAlert

log = logging.getLogger(__name__)

TRANSIENT_WAIT_S: Final = (5.0, 60.0)
"""First and longest wait after a transient error that names no wait of its own, in seconds."""
BUG_TRIES: Final = 3
"""Maximum number of times that a job may hit a bug in one state."""
BUG_WAIT_S: Final = 10.0
"""Wait before a step that hit a bug is retried, in seconds."""
BUG_ANSWER: Final = "a bug; see the log for its traceback"
"""Answer in a job's story for a bug, whose own message might quote a member."""
WAIT_MAX_S: Final = 30.0
"""Maximum sleep of the loop, in seconds, in case something becomes due unannounced."""
FLEET_WAIT_MAX_S: Final = 1.0
"""The same in a fleet, where other processes make work due and cannot wake this one."""
FULL_WAIT_S: Final = 1.0
"""Maximum sleep while there is no room for something due, in seconds."""
WAKES_APART_S: Final = 0.02
"""Minimum pause between two rounds, in seconds: one round claims all that becomes due meanwhile."""
FINISH_WITHIN_S: Final = 30.0
"""How long a shutdown waits for what must not be cut off, in seconds."""


async def no_delay() -> None:
    """Return immediately: nothing is more urgent."""


class ShutdownGuard:
    """Tracks the tasks that are doing something a shutdown must not cut off."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """Make a shutdown wait for the current task within the block."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - only coroutines call this
        outermost = task not in self._tasks
        self._tasks.add(task)
        try:
            yield
        finally:
            if outermost:
                self._tasks.discard(task)

    def __contains__(self, task: object) -> bool:
        return task in self._tasks


class _Round(Struct, frozen=True, kw_only=True):
    """Work found by one look at the database."""

    ripe: dict[Lane, list[JobId]]
    cards: list[Job]
    alerts: list[BudgetAlert]
    announcements: list[Announcement]
    erasures: bool
    next_due: datetime | None
    """When further work becomes due."""


class Runner:
    """Claims due jobs and takes each one step further, many at a time, until it is stopped.

    Guarantee: a claim is committed before its step starts, and names this process's epoch. So no job is
    worked on twice at the same time, and the claims of a dead process are due again at once.

    Whatever makes work due sets ``woken``. ``give_way`` returns once nothing more urgent is in progress.
    """

    def __init__(
        self,
        *,
        database: Database,
        steps: Steps,
        courier: Courier,
        erasure: Erasure,
        shutdown_guard: ShutdownGuard,
        epoch: int,
        defaults: ledger.Defaults,
        now: Callable[[], datetime],
        woken: asyncio.Event,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        turns: SendTurns | None = None,
        give_way: Callable[[], Awaitable[object]] = no_delay,
    ) -> None:
        self._database = database
        self._steps = steps
        self._give_way = give_way
        self._turns = turns or SendTurns()
        self._erasure = erasure
        self._shutdown_guard = shutdown_guard
        self._epoch = epoch
        self._now = now
        self._sleep = sleep
        self._woken = woken
        self._stopping = asyncio.Event()
        self._cards = Cards(database, courier, defaults=defaults, now=now)
        self._alerts = BudgetAlerts(database, courier, now=now)
        self._announcements = Announcements(database, courier, now=now)
        self.looked_at: datetime | None = None
        """Start of the last round that could read what is due."""
        self._resumed = False
        """Whether jobs parked by a process without their service's key have been resumed."""
        self.claimed = 0
        """Number of jobs claimed so far."""
        self._polls = PollWindow()
        self._busy: dict[asyncio.Task[object], Lane] = {}
        """The running tasks and their lanes."""

    def stop(self) -> None:
        """Stop claiming; ``run`` returns once work that must not be cut off has ended."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Work until ``stop``. The next start resumes whatever is cut off then."""
        try:
            while not self._stopping.is_set():
                self._woken.clear()  # before anything is awaited: a wake from here on leads to another round
                await self._give_way()
                wait_s = await self._look_around()
                try:
                    async with asyncio.timeout(wait_s):
                        await self._woken.wait()
                except TimeoutError:
                    continue
                # Due jobs wake the runner one by one, and a round costs as much for many as for one.
                await asyncio.sleep(WAKES_APART_S)
        finally:
            await self._drain()

    async def round(self) -> int:
        """Take all due work one step further, and wait for it.

        Returns the number of jobs.
        """
        claimed = self.claimed
        await self._look_around()
        while self._busy:
            await asyncio.wait(self._busy)
        return self.claimed - claimed

    async def _look_around(self) -> float:
        """Begin all due work. Returns the seconds until more is due."""
        began_at = self._now()
        try:
            if not self._resumed:
                await self._steps.resume()
                self._resumed = True
            round_ = await self._database.read(partial(self._look, now=began_at, busy=self._count_busy()))
            # Most looks find nothing to claim, and then nothing is written.
            claimed: dict[Lane, list[Job]] = {}
            if any(round_.ripe.values()):
                claimed = await self._database.write(partial(self._claim, ripe=round_.ripe, now=began_at))
        except Transient as error:
            log.warning("jobs not readable", extra={"error": str(error)})
            return 1.0
        self._begin_all(round_, claimed)
        self.looked_at = began_at
        return self._wait_s(round_.next_due)

    def _count_busy(self) -> Counter[Lane]:
        return Counter(self._busy.values())

    def _look(self, tx: Tx, *, now: datetime, busy: Counter[Lane]) -> _Round:
        """Read which jobs and other work are due, as far as there is room."""
        share = self._database.share
        places = self._steps.places(tx, now, busy[Lane.SUBMITTING]) if share.leads else None
        ripe: dict[Lane, list[JobId]] = {}
        for lane, states in STATES.items():
            free = AT_ONCE.get(lane, self._polls.size) - busy[lane]
            if free > 0:
                ripe[lane] = claims.ripe(tx, states, self._claimant(now), free, places)
            if lane is Lane.POLLING:
                self._polls.is_short = len(ripe.get(lane, ())) >= free
        idle = {lane for lane in Lane if not busy[lane] and not self._stopping.is_set()}
        times = [claims.next_due(tx, self._epoch, places, share)]
        if share.leads:
            times += [budget_alerts.next_due(tx), announcements.next_due(tx)]
        leads = share.leads
        return _Round(
            ripe=ripe,
            cards=self._cards.due(tx) if Lane.CARDS in idle else [],
            alerts=self._alerts.due(tx) if leads and Lane.ALERTS in idle else [],
            announcements=self._announcements.due(tx) if leads and Lane.ANNOUNCEMENTS in idle else [],
            erasures=Lane.ERASURES in idle and self._erasure.due(tx),
            next_due=min((at for at in times if at is not None), default=None),
        )

    def _claimant(self, now: datetime) -> claims.Claimant:
        horizon = schedule.LONGEST_STEP
        return claims.Claimant(epoch=self._epoch, now=now, horizon=horizon, share=self._database.share)

    def _claim(self, tx: Tx, *, ripe: dict[Lane, list[JobId]], now: datetime) -> dict[Lane, list[Job]]:
        """Claim the jobs found by a look that are still due, in one transaction."""
        if self._stopping.is_set():
            return {}
        claimant = self._claimant(now)
        return {lane: claims.claim(tx, job_ids, claimant) for lane, job_ids in ripe.items()}

    def _begin_all(self, round_: _Round, claimed: dict[Lane, list[Job]]) -> None:
        """Begin the work found by a look; its claims are committed."""
        for lane, its_jobs in claimed.items():
            for job in its_jobs:
                self._begin(self._guarded(job, self._take, self._after_bug), lane, f"job {job.id}")
            self.claimed += len(its_jobs)
        if round_.cards:
            self._begin(self._update_cards(round_.cards), Lane.CARDS, "cards")
        if round_.alerts:
            self._begin(self._alerts.send(round_.alerts), Lane.ALERTS, "budget alerts")
        if round_.announcements:
            self._begin(self._announcements.send(round_.announcements), Lane.ANNOUNCEMENTS, "announcements")
        if round_.erasures:
            self._begin(self._erasure.work(), Lane.ERASURES, "erasures")

    def _begin(self, work: Coroutine[object, object, object], lane: Lane, name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._busy[task] = lane
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        del self._busy[task]
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("task failed", extra={"task": task.get_name()}, exc_info=error)

    async def _take(self, job: Job) -> None:
        try:
            if job.state in STATES[Lane.POSTING]:
                async with self._turns.take(_channel_of(job), job.origin.guild_id):
                    await self._steps.take(job)
            else:
                await self._steps.take(job)
            if job.state in STATES[Lane.POLLING]:
                self._polls.answered()
        except Superseded:
            log.info("claim overtaken")
        except Transient as error:
            log.info("step postponed", extra={"error": unquoted(job, str(error))})
            if job.state in STATES[Lane.POLLING] and not isinstance(error, StoreBusy):
                self._polls.failed()
            wait_s = schedule.backoff_s(job.tries + 1, *TRANSIENT_WAIT_S)
            await self._postpone(
                job, wait_s if error.retry_after_s is None else error.retry_after_s, str(error)
            )

    async def _guarded(
        self,
        job: Job,
        work: Callable[[Job], Awaitable[None]],
        after_bug: Callable[[Job], Awaitable[None]],
    ) -> None:
        # Every line logged meanwhile, even by a library, carries the job.
        with bound_contextvars(job_id=job.id, guild_id=job.origin.guild_id):
            try:
                await work(job)
            except Exception:
                # The one broad handler around a job: a bug in one job ends that job and no other.
                log.exception("bug in a step", extra={"state": str(job.state)})
                await after_bug(job)

    async def _postpone(self, job: Job, wait_s: float, answer: str) -> None:
        """Release the claim, make the job due later, and record why.

        Until that is written, the job stays claimed by this task: no other may take the same step.
        """
        now = self._now()
        due_at = now + timedelta(seconds=wait_s)

        def postpone(tx: Tx) -> None:
            current = jobs.get(tx, job.id)
            if current is not None and current.attempt == job.attempt:
                jobs.move(
                    tx,
                    current,
                    current.state,
                    now=now,
                    due_at=due_at,
                    tries=current.tries + 1,
                    answer=answer,
                )

        for failures in itertools.count(1):
            try:
                await self._database.write(postpone)
            except StoreBusy as error:
                log.warning("postponement not recorded yet", extra={"error": str(error)})
                await self._sleep(schedule.backoff_s(failures, 0.5, 30.0))
            else:
                return

    async def _after_bug(self, job: Job) -> None:
        current = await self._database.read(lambda tx: jobs.get(tx, job.id))
        if current is None or current.attempt != job.attempt:
            return
        if current.tries + 1 < BUG_TRIES:
            await self._postpone(job, BUG_WAIT_S, BUG_ANSWER)
        else:
            await self._steps.give_up(current)

    async def _update_cards(self, due_jobs: list[Job]) -> None:
        outdated: list[tuple[Job, CardFacts | None]] = []

        async def compare(_: Job) -> None:
            outdated.extend(await self._cards.outdated(due_jobs))

        async def one_by_one(_: Job) -> None:
            outdated.extend((job, None) for job in due_jobs)

        # A bug in one card must not hold up the others, so after a bug each card is handled separately.
        await self._guarded(due_jobs[0], compare, one_by_one)
        for job, facts in outdated:
            await self._give_way()
            await self._guarded(job, partial(self._cards.refresh, facts=facts), self._cards.leave)

    def _wait_s(self, due_at: datetime | None) -> float:
        longest_s = WAIT_MAX_S if self._database.share.is_whole else FLEET_WAIT_MAX_S
        if due_at is None:
            return longest_s
        wait_s = (due_at - self._now()).total_seconds()
        if wait_s <= 0 and self._busy:
            wait_s = FULL_WAIT_S  # for a free lane; the end of any task wakes the loop
        return min(max(wait_s, 0.05), longest_s)

    async def _drain(self) -> None:
        """Cancel what the next start resumes, and wait for what must not be cut off."""
        for task in list(self._busy):
            if task not in self._shutdown_guard:
                task.cancel()
        if self._busy:
            _, late = await asyncio.wait(list(self._busy), timeout=FINISH_WITHIN_S)
            for task in late:
                log.warning("task cut off at shutdown", extra={"task": task.get_name()})
                task.cancel()
            if late:
                await asyncio.wait(late)


def _channel_of(job: Job) -> ChannelId:
    """Return the channel for the job's next message."""
    if job.delivery is None and job.state is JobState.STORED:
        return job.origin.results_channel_id or job.origin.channel_id
    if job.delivery is None or job.delivery.channel_id == NO_CHANNEL_YET:
        return job.origin.channel_id
    return job.delivery.channel_id
