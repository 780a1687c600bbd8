"""Take a claimed job one step further: one step per state.

    queued → submitting → running → ready → stored → delivering → delivered
       └──────────┴──────────┴──────→ failed → explained            └→ undelivered

Each step commits what it is about to do, does it, and commits the outcome. A process may die between
any two of these; the next process finds the job in its last committed state and takes the same step.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from functools import partial
from typing import assert_never

from bot.database.sqlite import Database, Tx
from bot.errors import Transient, Unauthorized
from bot.model import MAX_TAKES, FailReason, Job, JobId, JobState, Track
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.downloads import AudioSource
from bot.music.spool import NoAudio, Spool, SpoolUnwritable, link_to
from bot.pipeline import schedule
from bot.pipeline.courier import Courier
from bot.pipeline.delivery import NOTICE, SONG, Deliverer
from bot.pipeline.storage import no_problem
from bot.pipeline.submitting import Submitter
from bot.pipeline.transitions import Superseded, Transitions
from bot.store import budget_alerts, jobs, ledger

log = logging.getLogger(__name__)

NEW_TASK = timedelta(minutes=2)
"""How long the service may not know a task that it has just created."""
LOST_MISSES, LOST_AFTER = 5, timedelta(minutes=5)
"""A task is lost after this many misses in a row over at least this time."""
EMPTY_MISSES, EMPTY_WAIT_S = 6, 30.0
"""How often a success without a usable URL is asked for again, and the wait in seconds."""
PARK_AFTER = timedelta(hours=24)
"""Age at which a running job is parked."""
UNAUTHORIZED_WAIT_S = 60.0
"""Pause in seconds of all polls after the service has refused the key."""
SECOND_TAKE_MAX = timedelta(minutes=10)
"""How long to keep retrying a missing take once another has been downloaded."""
AUDIO_MAX = timedelta(hours=6)
"""How long to keep retrying when no take can be downloaded."""
AUDIO_WAIT_S = (5.0, 60.0)
"""First and longest wait in seconds between two attempts to download."""


class Steps:
    """Takes claimed jobs one step further.

    ``shutdown_guard`` wraps what a shutdown must not cut off: a paid POST, a send. ``alert`` notifies
    the operator of something that only the operator can fix. ``moved`` is called when a job reaches
    another state.
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
        moved: Callable[[JobId, JobState], None] = lambda _job_id, _state: None,
        storage_problem: Callable[[], Awaitable[str | None]] = no_problem,
    ) -> None:
        self._database = database
        self._music = music
        self._audio = audio
        self._spool = spool
        self._defaults = defaults
        self._now = now
        self._alert = alert
        self._pacer = schedule.Pacer(pace, vary)
        self._transitions = Transitions(database, now, moved)
        self._deliverer = Deliverer(
            transitions=self._transitions,
            courier=courier,
            spool=spool,
            now=now,
            shutdown_guard=shutdown_guard,
        )
        self._submitter = Submitter(
            database=database,
            music=music,
            transitions=self._transitions,
            pacer=self._pacer,
            now=now,
            shutdown_guard=shutdown_guard,
            alert=alert,
            sleep=sleep,
            storage_problem=storage_problem,
        )
        self._unauthorized_until: datetime | None = None
        self._reported_words: set[str] = set()

    async def take(self, job: Job) -> None:
        """Take the step that the job's state asks for.

        Raises:
            Transient: not now; the job stays where it is.
            Superseded: another claim has moved the job on.
        """
        match job.state:
            case JobState.QUEUED:
                await self._submitter.submit(job)
            case JobState.SUBMITTING:
                # Only a process that died during the POST, or met a bug in it, leaves a job here: the
                # request may have been taken, so it is never sent again.
                detail = "the process ended while the request was under way"
                await self._submitter.unknown(job, detail, heard=False)
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
                await self._transitions.to(job, JobState.READY, due_at=now, urls=tuple(urls[:MAX_TAKES]))
            case wire.Done(urls=urls) if urls:
                # One take where two are usual: the second may follow.
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
                    log.warning("unknown status counts as running", extra={"status": word[:40]})
                await self._look_again(job)
            case _:
                assert_never(checked)

    async def _check(self, job: Job) -> wire.Checked:
        assert job.task_id is not None  # noqa: S101 - the schema's CHECK, told to the type checker
        try:
            checked = await self._music.check(job.task_id)
        except Unauthorized as error:
            wait = self._pacer.paced(UNAUTHORIZED_WAIT_S)
            if self._unauthorized_until is None:
                self._alert(f"The music service refuses the key while songs are running: {error}")
            self._unauthorized_until = self._now() + wait
            raise Transient(str(error), wait.total_seconds()) from error
        except Transient as error:
            step_s = schedule.poll_wait_s((self._now() - job.state_since).total_seconds())
            wait_s = self._pacer.paced_s(max(step_s, schedule.backoff_s(job.tries + 1, 5.0, 60.0)))
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
        wait = self._pacer.paced(schedule.poll_wait_s((now - job.state_since).total_seconds()))
        await self._transitions.to(
            job,
            JobState.RUNNING,
            due_at=now + wait,
            tries=0,
            misses=0,
            missing_since=None,
            urls=urls or job.urls,
        )

    async def _park(self, job: Job) -> None:
        """Stop polling a task that takes too long. It may still finish, so its credits stay held."""
        log.error("job parked", extra={"cause": "slow"})
        self._alert(f"Job {job.id} is still running at the music service after 24 h and is parked.")
        await self._transitions.to(job, JobState.RUNNING, due_at=None, parked="slow")

    async def _missed(self, job: Job, wait_s: float, final: FailReason | None) -> None:
        """Poll again after an answer without what it should have, or fail for the ``final`` reason."""
        if final is not None:
            await self._transitions.fail(job, final)
            return
        now = self._now()
        await self._transitions.to(
            job,
            JobState.RUNNING,
            due_at=now + self._pacer.paced(wait_s),
            tries=0,
            misses=job.misses + 1,
            missing_since=job.missing_since or now,
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
                self._alert(f"Songs can't be stored and are waiting: {error}")
                raise
            except NoAudio as error:
                problem = str(error)
                log.info("take not available", extra={"take": take, "error": problem})
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
        """Ask where the missing takes are now; the URLs of takes already downloaded stay."""
        urls = list(job.urls)
        try:
            checked = await self._check(job)
        except Transient as error:
            log.info("no fresh URLs", extra={"error": str(error)})
        else:
            if isinstance(checked, wire.Done):
                stored = {track.take for track in job.tracks}
                fresh = [
                    url for url in checked.urls[:MAX_TAKES] if url not in {urls[take - 1] for take in stored}
                ]
                for take in range(1, len(urls) + 1):
                    if take not in stored and fresh:
                        urls[take - 1] = fresh.pop(0)
        wait_s = schedule.backoff_s(job.tries + 1, *AUDIO_WAIT_S)
        await self._transitions.to(
            job,
            JobState.READY,
            due_at=self._now() + self._pacer.paced(wait_s),
            tries=job.tries + 1,
            missing_since=job.missing_since or self._now(),
            urls=tuple(urls),
        )

    async def _stored(self, job: Job) -> None:
        """Settle the credits in the transaction that records the song: a member pays for existing audio."""
        now = self._now()

        def store(tx: Tx) -> None:
            if not jobs.move(tx, job, JobState.STORED, now=now, due_at=now):
                raise Superseded
            jobs.drop_equal_tracks(tx, job.id)
            ledger.settle(tx, job.id, now)
            budget_alerts.mark(tx, job.origin.guild_id, self._defaults, now)

        await self._database.write(store)
        self._transitions.announce(job, JobState.STORED)

    async def give_up(self, job: Job) -> None:
        """End a job that met the same bug too often, in the way its state allows."""
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
