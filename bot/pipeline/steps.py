"""Take a claimed job one step further: one step per state.

    queued → submitting → running → ready → stored → delivering → delivered
       └──────────┴──────────┴──────→ failed → explained            └⇄ undelivered

Each step commits what it is about to do, does it, and commits the outcome. A process may die between
any two of these; the next process finds the job in its last committed state and takes the same step.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import assert_never

from bot.database.engine import Database, Tx
from bot.model import FailReason, Job, JobId, JobState
from bot.music.clients import MusicClients
from bot.music.downloads import AudioSource
from bot.music.spool import Spool
from bot.pipeline import schedule
from bot.pipeline.courier import Courier
from bot.pipeline.delivery import NOTICE, SONG, Deliverer
from bot.pipeline.fetching import Fetcher
from bot.pipeline.missing_files import MissingFiles
from bot.pipeline.polling import Poller
from bot.pipeline.storage import no_problem
from bot.pipeline.submitting import Submitter
from bot.pipeline.transitions import Transitions
from bot.store import claims, jobs, ledger


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
        music: MusicClients,
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
        self._now = now
        self._pacer = schedule.Pacer(pace, vary)
        self._transitions = Transitions(database, now, moved)
        self._deliverer = Deliverer(
            transitions=self._transitions,
            courier=courier,
            spool=spool,
            now=now,
            shutdown_guard=shutdown_guard,
        )
        self._missing_files = MissingFiles(database=database, music=music, audio=audio, spool=spool)
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
        self._poller = Poller(
            music=music,
            audio=audio,
            spool=spool,
            transitions=self._transitions,
            pacer=self._pacer,
            now=now,
            alert=alert,
        )
        self._fetcher = Fetcher(
            database=database,
            music=music,
            audio=audio,
            spool=spool,
            poller=self._poller,
            transitions=self._transitions,
            pacer=self._pacer,
            defaults=defaults,
            now=now,
            alert=alert,
        )

    async def resume(self) -> int:
        """Resume the jobs whose service has its key again. Returns their number."""
        now = self._now()
        return await self._database.write(lambda tx: jobs.unpark(tx, self._music.clients, now))

    def places(self, tx: Tx, now: datetime, claimed: int) -> claims.Places:
        """Return how many jobs can be submitted now, besides those already ``claimed``."""
        return self._submitter.places(tx, now, claimed)

    async def take(self, job: Job) -> None:
        """Take the step for the job's state.

        Raises:
            Transient: the step failed for now; the job stays in its state.
            Superseded: another claim has moved the job on.
        """
        match job.state:
            case JobState.QUEUED:
                await self._submitter.submit(job)
            case JobState.SUBMITTING:
                # Only a process that died during the POST, or hit a bug in it, leaves a job here: the
                # request may have been accepted, so it is never sent again.
                detail = "the process ended while the request was under way"
                await self._submitter.unknown(job, detail, heard=False)
            case JobState.RUNNING:
                await self._poller.poll(job)
            case JobState.READY:
                await self._fetcher.fetch(job)
            case JobState.STORED:
                await self._deliverer.begin(await self._missing_files.fetch(job), SONG)
            case JobState.DELIVERING:
                await self._deliverer.go_on(await self._missing_files.fetch(job), SONG)
            case JobState.FAILED if job.delivery is None:
                await self._deliverer.begin(job, NOTICE)
            case JobState.FAILED:
                await self._deliverer.go_on(job, NOTICE)
            case JobState.UNDELIVERED:
                await self._deliverer.look_again(job, SONG)
            case JobState.DELIVERED | JobState.EXPLAINED:
                await self._transitions.to(job, job.state, due_at=None)
            case _:
                assert_never(job.state)

    async def give_up(self, job: Job) -> None:
        """End a job that hit the same bug too often, in the way its state allows."""
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
