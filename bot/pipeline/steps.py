"""One step per state: what is done for a job that is found there, and where it goes from it.

    queued → submitting → running → ready → stored → delivering → delivered
       └──────────┴──────────┴──────→ failed → explained            └→ undelivered

Each step writes down what it is about to do, does it, and writes down what came of it. A process may
die between any two of these; the next one finds the job where it stands and takes the same step.
"""

import asyncio
import json
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from bot.database.sqlite import Database, Tx
from bot.errors import StoreBusy, Transient, Unauthorized
from bot.model import MAX_TAKES, ClosedCause, FailReason, Job, JobState, Track
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.downloads import AudioSource
from bot.music.spool import NoAudio, Spool, SpoolUnwritable, link_to
from bot.pipeline import schedule
from bot.pipeline.courier import Courier
from bot.pipeline.delivery import NOTICE, SONG, Deliverer
from bot.pipeline.transitions import Superseded, Transitions
from bot.store import breaker, budget_alerts, jobs, ledger

log = logging.getLogger(__name__)

QUEUE_MAX = timedelta(minutes=60)
OFFLINE_MAX = timedelta(minutes=10)
"""A queued job gives up after failing to connect for so long."""
BUSY_LEAST_S, BUSY_MOST_S = 1.0, 600.0
SUBMITS_MAX, SUBMITS_WINDOW = 15, timedelta(seconds=10)
"""The service takes 20 new requests in 10 s and rejects the rest."""
NEW_TASK = timedelta(minutes=2)
"""So long the service may not know a task that it has just made."""
LOST_MISSES, LOST_AFTER = 5, timedelta(minutes=5)
EMPTY_MISSES, EMPTY_WAIT_S = 6, 30.0
PARK_AFTER = timedelta(hours=24)
UNAUTHORIZED_WAIT_S = 60.0
SECOND_TAKE_MAX = timedelta(minutes=10)
"""So long a take that can't be had yet is asked for while another one is there."""
AUDIO_MAX = timedelta(hours=6)
AUDIO_WAIT_S = (5.0, 60.0)
WRITE_TRIES = 20
"""For a task id that can't be written down: about eight minutes."""


class Steps:
    """Takes claimed jobs one step further.

    ``finishing`` wraps what must not be cut off at a shutdown: a paid POST, a send. ``alert`` tells
    the operator something that only the operator can mend. ``moved`` is told where a job has come to.
    """

    def __init__(
        self,
        *,
        database: Database,
        music: MusicClient,
        audio: AudioSource,
        spool: Spool,
        courier: Courier,
        defaults: ledger.Defaults,
        now: Callable[[], datetime],
        shutdown_guard: Callable[[], AbstractContextManager[None]],
        alert: Callable[[str], None],
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        pace: float = 1.0,
        vary: Callable[[], float] = lambda: random.uniform(-1.0, 1.0),  # noqa: S311 - jitter, no secret
        moved: Callable[[int, JobState], None] = lambda _job_id, _state: None,
    ) -> None:
        self._database = database
        self._music = music
        self._audio = audio
        self._spool = spool
        self._defaults = defaults
        self._now = now
        self._shutdown_guard = shutdown_guard
        self._alert = alert
        self._sleep = sleep
        self._pace = pace
        self._vary = vary
        self._transitions = Transitions(database, now, moved)
        self._deliverer = Deliverer(
            moves=self._transitions, courier=courier, spool=spool, now=now, shutdown_guard=shutdown_guard
        )
        self._unauthorized_until: datetime | None = None
        self._reported_words: set[str] = set()

    async def take(self, job: Job) -> None:
        """The step that the job's state asks for.

        Raises:
            Transient: not now; the job stays where it is.
            Superseded: the job has been moved on by somebody else.
        """
        match job.state:
            case JobState.QUEUED:
                await self._queued(job)
            case JobState.SUBMITTING:
                # Claimed here means that the process died over the POST, or met a bug in it.
                await self._unknown(job, "the process ended while the request was under way", heard=False)
            case JobState.RUNNING:
                await self._running(job)
            case JobState.READY:
                await self._ready(job)
            case JobState.STORED:
                await self._deliverer.begin(job, SONG)
            case JobState.DELIVERING:
                await self._deliverer.go_on(job, SONG)
            case JobState.FAILED if job.delivery is None:
                await self._deliverer.begin(job, NOTICE)
            case JobState.FAILED:
                await self._deliverer.go_on(job, NOTICE)
            case JobState.DELIVERED | JobState.EXPLAINED | JobState.UNDELIVERED:
                await self._transitions.to(job, job.state, due_at=None)
            case _:
                assert_never(job.state)

    # -- submitting

    async def _queued(self, job: Job) -> None:
        now = self._now()
        if now - job.created_at >= QUEUE_MAX:
            await self._transitions.fail(job, FailReason.EXPIRED)
            return

        def enter(tx: Tx) -> Job | datetime:
            wait_until = _submit_window(tx, now) or breaker.enter(tx, now)
            if wait_until is not None:
                return wait_until
            moved = jobs.move(
                tx,
                job,
                JobState.SUBMITTING,
                now=now,
                due_at=now,
                keep_claim=True,
                submitted_at=ledger.milliseconds(now),
            )
            if not moved:  # taken back meanwhile; and the gate is not entered for it
                raise Superseded
            return replace(job, state=JobState.SUBMITTING)

        with self._shutdown_guard():
            entered = await self._database.write(enter)
            if isinstance(entered, datetime):
                await self._transitions.to(
                    job, JobState.QUEUED, due_at=min(entered, job.created_at + QUEUE_MAX)
                )
                return
            answer = await self._music.submit(job.request)
            await self._write_for_sure(partial(self._submitted, entered, job, answer), job)

    async def _write_for_sure(self, write: Callable[[], Awaitable[None]], job: Job) -> None:
        """What the paid request came to must be written down, also where the file is locked for a while."""
        for failures in range(1, WRITE_TRIES + 1):
            try:
                await write()
            except StoreBusy as error:
                log.warning("job %d: the answer can't be written down yet: %s", job.id, error)
                await self._sleep(schedule.backoff_s(failures, 0.5, 30.0))
            else:
                return
        await write()

    async def _submitted(self, job: Job, queued: Job, answer: wire.Submitted) -> None:
        match answer:
            case wire.Accepted(task_id=task_id):
                await self._accepted(job, task_id)
            case wire.Rejected(closed=ClosedCause() as cause, detail=detail) as rejected:
                if not rejected.suspect or await self._music.confirms(rejected):
                    await self._closed(job, cause, detail)
                else:  # about this request alone, for all that is known
                    await self._transitions.fail(job, FailReason.REFUSED, detail, also=breaker.answered)
            case wire.Rejected(reason=reason, detail=detail):
                await self._transitions.fail(job, reason, detail, also=breaker.answered)
            case wire.Busy() as busy:
                await self._busy(job, queued, busy)
            case wire.Unknown(detail=detail):
                await self._unknown(job, detail, heard=True)
            case _:
                assert_never(answer)

    async def _accepted(self, job: Job, task_id: str) -> None:
        now = self._now()

        def accepted(tx: Tx) -> bool:
            if jobs.task_taken(tx, task_id):
                return False  # nothing was learned about the service: the breaker counts it
            breaker.answered(tx)
            due_at = now + self._paced(schedule.poll_wait_s(0))
            if not jobs.move(tx, job, JobState.RUNNING, now=now, due_at=due_at, task_id=task_id):
                raise Superseded
            return True

        if not await self._database.write(accepted):
            await self._unknown(job, "the service answered with the task of another request", heard=True)
            return
        self._transitions.tell(job, JobState.RUNNING)

    async def _closed(self, job: Job, cause: ClosedCause, detail: str) -> None:
        now = self._now()
        news = False

        def shut(tx: Tx) -> None:
            nonlocal news
            news = breaker.shut(tx, cause, now)

        await self._transitions.fail(job, FailReason.CLOSED, detail, also=shut, closed=cause)
        if news:
            self._alert(f"The music service takes no requests ({cause}): {detail or 'no reason given'}")

    async def _busy(self, job: Job, queued: Job, busy: wire.Busy) -> None:
        """Nothing was sent, or it was clearly not taken: the job goes back into the queue."""
        now = self._now()
        offline_since = (job.missing_since or now) if busy.offline else None
        if offline_since is not None and now - offline_since >= OFFLINE_MAX:
            await self._transitions.fail(job, FailReason.EXPIRED, busy.detail)
            return
        wait = self._varied(schedule.backoff_s(queued.tries + 1, 2.0, 60.0))
        if busy.retry_after_s is not None:
            longer = busy.retry_after_s * (1.0 + schedule.JITTER * abs(self._vary()))
            wait = timedelta(seconds=schedule.clamp_s(longer, BUSY_LEAST_S, BUSY_MOST_S))
        log.info("job %d: not taken (%s), again in %.0f s", job.id, busy.detail, wait.total_seconds())
        await self._transitions.to(
            job,
            JobState.QUEUED,
            due_at=min(now + wait, job.created_at + QUEUE_MAX),
            tries=queued.tries + 1,
            missing_since=None if offline_since is None else ledger.milliseconds(offline_since),
        )

    async def _unknown(self, job: Job, detail: str, *, heard: bool) -> None:
        """The request may have been taken: it is never sent again, and the credits go back.

        ``heard`` tells whether this process got the answer; only then the breaker counts it.
        """
        now = self._now()
        opened = False

        def count(tx: Tx) -> None:
            nonlocal opened
            opened = heard and breaker.unknown(tx, now)

        log.warning("job %d: unknown outcome of the paid request: %s", job.id, detail)
        await self._transitions.fail(job, FailReason.OUTCOME_UNKNOWN, detail, also=count)
        if opened:
            self._alert("Three requests in a row had an unknown outcome; submissions wait for a probe.")

    # -- composing

    async def _running(self, job: Job) -> None:
        now = self._now()
        if self._unauthorized_until is not None and now < self._unauthorized_until:
            await self._transitions.to(job, JobState.RUNNING, due_at=self._unauthorized_until)
            return
        try:
            checked = await self._check(job)
        except Transient:
            if now - job.created_at < PARK_AFTER:
                raise
            await self._park(job)
            return
        match checked:
            case wire.Done(urls=urls) if urls and (len(urls) > 1 or job.urls):
                await self._transitions.to(job, JobState.READY, due_at=now, urls=json.dumps(urls[:MAX_TAKES]))
            case wire.Done(urls=urls) if urls:
                # One take where two are usual: it may be the first of them.
                await self._look_again(job, urls)
            case wire.Done():
                final = job.misses >= EMPTY_MISSES
                await self._missed(job, EMPTY_WAIT_S, FailReason.UPSTREAM_FAILED if final else None)
            case wire.NotFound() if now - job.state_since < NEW_TASK:
                await self._look_again(job)
            case wire.NotFound():
                missed_for = now - (job.missing_since or now)
                final = job.misses + 1 >= LOST_MISSES and missed_for >= LOST_AFTER
                wait_s = schedule.poll_wait_s((now - job.state_since).total_seconds())
                await self._missed(job, wait_s, FailReason.LOST if final else None)
            case wire.Rejected(reason=reason, detail=detail):
                await self._transitions.fail(job, reason, detail)
            case wire.Running(word=word):
                if word and word not in self._reported_words:
                    self._reported_words.add(word)
                    log.warning("job %d: unknown status %.40r counts as running", job.id, word)
                await self._look_again(job)
            case _:
                assert_never(checked)

    async def _check(self, job: Job) -> wire.Checked:
        assert job.task_id is not None  # noqa: S101 - the schema's CHECK, told to the type checker
        try:
            checked = await self._music.check(job.task_id)
        except Unauthorized as error:
            wait = self._paced(UNAUTHORIZED_WAIT_S)
            if self._unauthorized_until is None:
                self._alert(f"The music service refuses the key while songs are running: {error}")
            self._unauthorized_until = self._now() + wait
            raise Transient(str(error), wait.total_seconds()) from error
        except Transient as error:
            step_s = schedule.poll_wait_s((self._now() - job.state_since).total_seconds())
            wait_s = max(step_s, schedule.backoff_s(job.tries + 1, 5.0, 60.0)) * self._pace
            if error.retry_after_s is not None:
                wait_s = schedule.clamp_s(error.retry_after_s, 1.0, 300.0)
            raise Transient(str(error), wait_s) from error
        self._unauthorized_until = None
        return checked

    async def _look_again(self, job: Job, urls: tuple[str, ...] = ()) -> None:
        now = self._now()
        if now - job.created_at >= PARK_AFTER:
            await self._park(job)
            return
        wait = self._paced(schedule.poll_wait_s((now - job.state_since).total_seconds()))
        await self._transitions.to(
            job,
            JobState.RUNNING,
            due_at=now + wait,
            tries=0,
            misses=0,
            missing_since=None,
            urls=json.dumps(urls or job.urls),
        )

    async def _park(self, job: Job) -> None:
        """Nothing more is done by itself: the task may still come, so its credits stay held."""
        log.error("job %d: still running after %s, parked", job.id, PARK_AFTER)
        self._alert(f"Job {job.id} is still running at the music service after 24 h and is parked.")
        await self._transitions.to(job, JobState.RUNNING, due_at=None, parked="slow")

    async def _missed(self, job: Job, wait_s: float, final: FailReason | None) -> None:
        """The answer lacks what it should have: a few times over a while, then that is ``final``."""
        if final is not None:
            await self._transitions.fail(job, final)
            return
        now = self._now()
        await self._transitions.to(
            job,
            JobState.RUNNING,
            due_at=now + self._paced(wait_s),
            tries=0,
            misses=job.misses + 1,
            missing_since=ledger.milliseconds(job.missing_since or now),
        )

    # -- fetching

    async def _ready(self, job: Job) -> None:
        now = self._now()
        urls = job.urls
        tracks = list(job.tracks)
        problem = ""
        for take, url in enumerate(urls[:MAX_TAKES], start=1):
            if any(track.take == take for track in tracks):
                continue
            try:
                stored = await self._audio.fetch(url, self._spool, f"{job.id}-{take}")
            except SpoolUnwritable as error:
                self._alert(f"Songs can't be kept, and wait: {error}")
                raise
            except NoAudio as error:
                problem = str(error)
                log.info("job %d: take %d can't be had: %s", job.id, take, error)
                if not error.final:
                    continue
                stored = link_to(url, f"{job.id}-{take}")
            track = Track(
                take=take, file=stored.file, size_bytes=stored.size_bytes, sha256=stored.sha256, url=url
            )
            await self._database.write(partial(jobs.add_track, job_id=job.id, track=track))
            tracks.append(track)
        waited = now - (job.missing_since or now)
        if len(tracks) == len(urls[:MAX_TAKES]) or (tracks and waited >= SECOND_TAKE_MAX):
            await self._stored(job)
        elif waited >= AUDIO_MAX:
            await self._transitions.fail(job, FailReason.AUDIO_GONE, problem)
        else:
            await self._ask_for_fresh_urls(job)

    async def _ask_for_fresh_urls(self, job: Job) -> None:
        """Addresses are replaced by others now and then; those of takes that are there stay."""
        urls = list(job.urls)
        try:
            checked = await self._check(job)
        except Transient as error:
            log.info("job %d: no fresh addresses: %s", job.id, error)
        else:
            if isinstance(checked, wire.Done):
                there = {track.take for track in job.tracks}
                fresh = [
                    url for url in checked.urls[:MAX_TAKES] if url not in {urls[take - 1] for take in there}
                ]
                for take in range(1, len(urls) + 1):
                    if take not in there and fresh:
                        urls[take - 1] = fresh.pop(0)
        wait_s = schedule.backoff_s(job.tries + 1, *AUDIO_WAIT_S)
        await self._transitions.to(
            job,
            JobState.READY,
            due_at=self._now() + self._paced(wait_s),
            tries=job.tries + 1,
            missing_since=ledger.milliseconds(job.missing_since or self._now()),
            urls=json.dumps(urls),
        )

    async def _stored(self, job: Job) -> None:
        now = self._now()

        def stored(tx: Tx) -> None:
            if not jobs.move(tx, job, JobState.STORED, now=now, due_at=now):
                raise Superseded
            jobs.drop_equal_tracks(tx, job.id)
            ledger.settle(tx, job.id, *jobs.held(tx, job.id), now)
            budget_alerts.mark(tx, job.origin.guild_id, self._defaults, now)

        await self._database.write(stored)
        self._transitions.tell(job, JobState.STORED)

    async def give_up(self, job: Job) -> None:
        """End a job that met the same bug too often, as its state allows."""
        match job.state:
            case JobState.QUEUED | JobState.SUBMITTING:
                await self._transitions.fail(job, FailReason.INTERNAL)
            case JobState.RUNNING | JobState.READY:
                await self._transitions.to(job, job.state, due_at=None, parked="bug")
            case JobState.STORED | JobState.DELIVERING:
                await self._transitions.to(job, JobState.UNDELIVERED, due_at=None)
            case JobState.FAILED:
                await self._transitions.to(job, JobState.EXPLAINED, due_at=None)
            case JobState.DELIVERED | JobState.EXPLAINED | JobState.UNDELIVERED:
                await self._transitions.to(job, job.state, due_at=None)
            case _:
                assert_never(job.state)

    def _paced(self, wait_s: float) -> timedelta:
        """A wait between two questions to the music service."""
        return self._varied(wait_s * self._pace)

    def _varied(self, wait_s: float) -> timedelta:
        return timedelta(seconds=wait_s * (1.0 + schedule.JITTER * self._vary()))


def _submit_window(tx: Tx, now: datetime) -> datetime | None:
    """None if one more request may go out now, else when."""
    count, first = jobs.submitted_since(tx, now - SUBMITS_WINDOW)
    if count < SUBMITS_MAX or first is None:
        return None
    return first + SUBMITS_WINDOW
