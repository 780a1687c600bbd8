"""The loop that looks after the jobs, and the one broad ``except`` around each of them."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from structlog.contextvars import bound_contextvars

from bot.database.sqlite import Database, Tx
from bot.errors import StoreBusy, Transient
from bot.model import Job, JobState
from bot.pipeline import schedule
from bot.pipeline.budget_alerts import BudgetAlerts
from bot.pipeline.card_facts import SLOW_AFTER, card_facts
from bot.pipeline.courier import CardFacts, Courier, NoAccess
from bot.pipeline.erasure import Erasure
from bot.pipeline.steps import Steps
from bot.pipeline.transitions import Superseded
from bot.store import budget_alerts, jobs, ledger

log = logging.getLogger(__name__)

AT_ONCE: Final[dict[frozenset[JobState], int]] = {
    frozenset({JobState.QUEUED, JobState.SUBMITTING}): 4,
    frozenset({JobState.RUNNING}): 16,
    frozenset({JobState.READY}): 4,
    frozenset({JobState.STORED, JobState.DELIVERING, JobState.FAILED}): 4,
}
"""How many jobs are worked on at the same time, by what they need."""
CARDS_AT_ONCE: Final = 10
CARD_EVERY: Final = timedelta(seconds=5)
"""The least time between two edits of one card."""
CARD_LATE_S: Final = 15.0
"""Before a card is tried again that could not be edited."""
AFTERWARDS: Final = timedelta(seconds=1)
"""A time is over only after it."""
POSITION_EVERY: Final = timedelta(seconds=15)
"""How often a queued job's place in the queue is looked at."""
TRANSIENT_WAIT_S: Final = (5.0, 60.0)
BUG_TRIES: Final = 3
BUG_WAIT_S: Final = 10.0
WAIT_MOST_S: Final = 30.0
"""The longest sleep of the loop, in case something is due that nobody announced."""
FINISH_WITHIN_S: Final = 30.0
"""At a shutdown, what must not be cut off gets this long to end."""


class ShutdownGuard:
    """Knows the tasks that are in the middle of something that must not be cut off."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[object]] = set()

    @contextmanager
    def __call__(self) -> Iterator[None]:
        """While inside, a shutdown waits for the current task."""
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


class Runner:
    """Claims what is due and takes it a step further, many jobs at a time, until it is stopped.

    ``woken`` is set by whoever makes something due.
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
    ) -> None:
        self._database = database
        self._steps = steps
        self._courier = courier
        self._erasure = erasure
        self._shutdown_guard = shutdown_guard
        self._epoch = epoch
        self._defaults = defaults
        self._now = now
        self._sleep = sleep
        self._woken = woken
        self._stopping = asyncio.Event()
        self._alerts = BudgetAlerts(database, courier, now=now)
        self.looked_at: datetime | None = None
        """When the last round began that found out what is due."""
        self._busy: dict[asyncio.Task[object], frozenset[str]] = {}
        """What the tasks are at: a group of states, cards, alerts or erasures."""

    def stop(self) -> None:
        """Claim nothing more; ``run`` ends when what must not be cut off has ended."""
        self._stopping.set()
        self._woken.set()

    async def run(self) -> None:
        """Work until ``stop``. What is cut off there is found again at the next start."""
        try:
            while not self._stopping.is_set():
                self._woken.clear()
                await self._look_around()
                wait_s = await self._wait_s()
                if self._woken.is_set() or wait_s <= 0:
                    await asyncio.sleep(0)
                    continue
                try:
                    async with asyncio.timeout(wait_s):
                        await self._woken.wait()
                except TimeoutError:
                    continue
        finally:
            await self._drain()

    async def round(self) -> int:
        """Take everything that is due one step further, to its end. Returns how many jobs that were."""
        claimed = await self._look_around()
        while self._busy:
            await asyncio.wait(self._busy)
        return claimed

    async def _look_around(self) -> int:
        began_at = self._now()
        try:
            claimed = await self._claim()
            await self._start_cards()
            await self._start_alerts()
            await self._start_erasures()
        except Transient as error:
            log.warning("the jobs can't be looked at: %s", error)
            return 0
        self.looked_at = began_at
        return claimed

    async def _claim(self) -> int:
        now = self._now()
        claimed = 0
        for states, at_once in AT_ONCE.items():
            free = at_once - sum(1 for busy in self._busy.values() if busy is states)
            if free <= 0 or self._stopping.is_set():
                continue
            found = await self._database.write(
                partial(
                    jobs.due,
                    states=states,
                    epoch=self._epoch,
                    now=now,
                    horizon=schedule.LONGEST_STEP,
                    limit=free,
                )
            )
            for job in found:
                work = self._guarded(job, self._take, self._after_bug)
                self._begin(work, states, f"job {job.id}")
            claimed += len(found)
        return claimed

    async def _start_cards(self) -> None:
        now = self._now()
        if self._stopping.is_set() or _CARDS in self._busy.values():
            return
        found = await self._database.read(lambda tx: jobs.cards_due(tx, now, CARDS_AT_ONCE))
        if found:
            self._begin(self._update_cards(found), _CARDS, "cards")

    async def _start_alerts(self) -> None:
        if self._stopping.is_set() or _ALERTS in self._busy.values():
            return
        found = await self._alerts.due()
        if found:
            self._begin(self._alerts.send(found), _ALERTS, "budget alerts")

    async def _start_erasures(self) -> None:
        if self._stopping.is_set() or _ERASURES in self._busy.values():
            return
        if await self._erasure.due():
            self._begin(self._erasure.work(), _ERASURES, "erasures")

    def _begin(self, work: Coroutine[object, object, object], at: frozenset[str], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._busy[task] = at
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[object]) -> None:
        del self._busy[task]
        self._woken.set()
        if not task.cancelled() and (error := task.exception()) is not None:
            log.critical("%s: its error could not be written down", task.get_name(), exc_info=error)

    async def _take(self, job: Job) -> None:
        try:
            await self._steps.take(job)
        except Superseded:
            log.info("job %d: moved on meanwhile", job.id)
        except Transient as error:
            log.info("job %d: not now: %s", job.id, error)
            wait_s = schedule.backoff_s(job.tries + 1, *TRANSIENT_WAIT_S)
            await self._postpone(job, wait_s if error.retry_after_s is None else error.retry_after_s)

    async def _guarded(
        self,
        job: Job,
        work: Callable[[Job], Awaitable[None]],
        after_bug: Callable[[Job], Awaitable[None]],
    ) -> None:
        # Whoever logs something meanwhile, a library too, logs it about this job.
        with bound_contextvars(job_id=job.id, guild_id=job.origin.guild_id):
            try:
                await work(job)
            except Exception:
                # The one broad handler: a bug in one job ends that job, and no other.
                log.exception("job %d: a bug in the step %s", job.id, job.state)
                await after_bug(job)

    async def _postpone(self, job: Job, wait_s: float) -> None:
        """Let go of the claim; as long as that can't be written, the job stays in this task's hands."""
        due_at = self._now() + timedelta(seconds=wait_s)

        def postpone(tx: Tx) -> None:
            current = jobs.get(tx, job.id)
            if current is not None and current.attempt == job.attempt:
                jobs.move(tx, current, current.state, now=due_at, due_at=due_at, tries=current.tries + 1)

        for failures in itertools.count(1):
            try:
                await self._database.write(postpone)
            except StoreBusy as error:
                log.warning("job %d: can't be written down: %s", job.id, error)
                await self._sleep(schedule.backoff_s(failures, 0.5, 30.0))
            else:
                return

    async def _after_bug(self, job: Job) -> None:
        current = await self._database.read(lambda tx: jobs.get(tx, job.id))
        if current is None or current.attempt != job.attempt:
            return
        if current.tries + 1 < BUG_TRIES:
            await self._postpone(job, BUG_WAIT_S)
        else:
            await self._steps.give_up(current)

    async def _update_cards(self, found: list[Job]) -> None:
        for job in found:
            await self._guarded(job, self._refresh_card, self._leave_card)

    async def _refresh_card(self, job: Job) -> None:
        try:
            await self._update_card(job)
        except StoreBusy as error:
            log.info("job %d: its card waits: %s", job.id, error)

    async def _leave_card(self, job: Job) -> None:
        await self._database.write(lambda tx: jobs.card_shown(tx, job, job.card_shown, None, self._now()))

    async def _update_card(self, job: Job) -> None:
        now = self._now()
        facts = await self._database.read(lambda tx: card_facts(tx, job, self._defaults, now))
        shown, free_at = facts.shown(job), now
        if shown != job.card_shown:
            free_at = now + CARD_EVERY
            try:
                await self._courier.update_card(await self._with_card(job), facts)
            except NoAccess as error:
                log.info("job %d: its card can't be edited: %s", job.id, error)
            except Transient as error:
                log.info("job %d: its card is late: %s", job.id, error)
                free_at = now + timedelta(seconds=max(error.retry_after_s or 0.0, CARD_LATE_S))
                await self._card_shown(job, job.card_shown, free_at, free_at)
                return
        await self._card_shown(job, shown, self._card_may_change_at(job, facts, now), free_at)

    async def _with_card(self, job: Job) -> Job:
        """The job with its card's id, also where a process died before it was written down."""
        if job.card_message_id is not None:
            return job
        found = await self._courier.find_card(job)
        if found is None:
            raise NoAccess("it was never posted")
        await self._database.write(lambda tx: jobs.card_found(tx, job, found))
        return replace(job, card_message_id=found)

    async def _card_shown(self, job: Job, shown: str, again_at: datetime | None, free_at: datetime) -> None:
        await self._database.write(lambda tx: jobs.card_shown(tx, job, shown, again_at, free_at))

    def _card_may_change_at(self, job: Job, facts: CardFacts, now: datetime) -> datetime | None:
        """When a card shows something else although the job has not moved."""
        if job.state is JobState.QUEUED:
            return now + POSITION_EVERY
        if not job.open or job.state is JobState.FAILED:
            return None
        turns = [(facts.expected_until or facts.expected_at) + AFTERWARDS, job.created_at + SLOW_AFTER]
        return min((at for at in turns if at > now), default=None)

    async def _wait_s(self) -> float:
        try:
            due_at = await self._database.read(self._next_due)
        except Transient:
            return 1.0
        if due_at is None:
            return WAIT_MOST_S
        # Something is due, but all hands are full: an end of one of them wakes the loop.
        least_s = 1.0 if self._busy else 0.05
        return min(max((due_at - self._now()).total_seconds(), least_s), WAIT_MOST_S)

    def _next_due(self, tx: Tx) -> datetime | None:
        found = [at for at in (jobs.next_due(tx, self._epoch), budget_alerts.next_due(tx)) if at is not None]
        return min(found, default=None)

    async def _drain(self) -> None:
        """Cut off what can be found again, and wait for what can't."""
        for task in list(self._busy):
            if task not in self._shutdown_guard:
                task.cancel()
        if self._busy:
            _, late = await asyncio.wait(list(self._busy), timeout=FINISH_WITHIN_S)
            for task in late:
                log.warning("%s did not end in time and is cut off", task.get_name())
                task.cancel()
            if late:
                await asyncio.wait(late)


_CARDS: Final = frozenset({"cards"})
_ALERTS: Final = frozenset({"alerts"})
_ERASURES: Final = frozenset({"erasures"})
