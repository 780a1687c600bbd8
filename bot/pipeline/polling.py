"""Poll a task of the music service until it has ended, and park a job whose task can't be polled."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import assert_never

from bot.errors import Transient, Unauthorized
from bot.model import TAKES_MAX, Backend, FailReason, Job, JobState, ParkReason
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.clients import MusicClients
from bot.music.downloads import AudioSource
from bot.music.spool import Spool
from bot.pipeline import covers, schedule
from bot.pipeline.transitions import Transitions

log = logging.getLogger(__name__)

NEW_TASK = timedelta(minutes=2)
"""How long the service may not yet know a task that it has just created."""
LOST_MISSES, LOST_AFTER = 5, timedelta(minutes=5)
"""Number of consecutive misses, and the minimum time they span, after which a task is lost."""
EMPTY_MISSES, EMPTY_WAIT_S = 6, 30.0
"""How often a success without a usable URL is polled again, and the wait in seconds."""
PARK_AFTER = timedelta(hours=24)
"""Age at which a running job is parked."""
UNAUTHORIZED_WAIT_S = 60.0
"""Pause of all polls after the service has refused the key, in seconds."""


class Poller:
    """Takes a job from ``running`` to ``ready``, or ends or parks it."""

    def __init__(
        self,
        *,
        music: MusicClients,
        audio: AudioSource,
        spool: Spool,
        transitions: Transitions,
        pacer: schedule.Pacer,
        now: Callable[[], datetime],
        alert: Callable[[str], None],
    ) -> None:
        self._music = music
        self._audio = audio
        self._spool = spool
        self._transitions = transitions
        self._pacer = pacer
        self._now = now
        self._alert = alert
        self._unauthorized_until: dict[Backend, datetime] = {}
        self._without_key: set[Backend] = set()
        self._reported_words: set[str] = set()

    async def poll(self, job: Job) -> None:
        """Look at the job's task, and move the job on if it has ended.

        Raises:
            Transient: the service can't be asked now.
        """
        now = self._now()
        music = self._music.of(job)
        if music is None:
            await self.park_without_key(job)
            return
        until = self._unauthorized_until.get(music.contract.backend)
        if until is not None and now < until:
            await self._transitions.to(job, JobState.RUNNING, due_at=until)
            return
        try:
            checked = await self.check(job, music)
        except Transient:
            if now - job.created_at < PARK_AFTER:
                raise
            await self._park_slow(job)
            return
        await self._conclude(job, music, checked, now)

    async def _conclude(self, job: Job, music: MusicClient, checked: wire.Checked, now: datetime) -> None:
        """Record the answer's consequences for the job."""
        match checked:
            case wire.Done(urls=urls) if urls and (len(urls) >= music.contract.usual_takes or job.urls):
                await covers.store(job, checked, self._audio, self._spool)
                await self._transitions.to(
                    job,
                    JobState.READY,
                    due_at=now,
                    urls=tuple(urls[:TAKES_MAX]),
                    takes=checked.details[:TAKES_MAX],
                    upstream_credits=checked.cost_credits,
                )
            case wire.Done(urls=urls) if urls:
                # Fewer takes than usual: the others may follow.
                await self._look_again(job, urls)
            case wire.Done():
                final = job.misses >= EMPTY_MISSES
                reason = FailReason.UPSTREAM_FAILED if final else None
                await self._missed(job, EMPTY_WAIT_S, reason, "finished, without a usable address")
            case wire.NotFound() if now - job.state_since < NEW_TASK:
                await self._look_again(job)
            case wire.NotFound():
                missed_for = now - (job.missing_since or now)
                final = job.misses + 1 >= LOST_MISSES and missed_for >= LOST_AFTER
                wait_s = schedule.poll_wait_s((now - job.state_since).total_seconds())
                await self._missed(job, wait_s, FailReason.LOST if final else None, "no such task")
            case wire.Rejected(reason=reason, detail=detail):
                await self._transitions.fail(job, reason, detail)
            case wire.Running(word=word):
                if word and word not in self._reported_words:
                    self._reported_words.add(word)
                    log.warning("unknown status treated as running", extra={"status": word[:40]})
                await self._look_again(job)
            case _:
                assert_never(checked)

    async def check(self, job: Job, music: MusicClient) -> wire.Checked:
        """Look at the job's task.

        Raises:
            Transient: the service can't be asked now.
        """
        assert job.task_id is not None  # noqa: S101 - the schema's CHECK, told to the type checker
        backend = music.contract.backend
        try:
            checked = await music.check(job.task_id)
        except Unauthorized as error:
            wait = self._pacer.paced(UNAUTHORIZED_WAIT_S)
            if backend not in self._unauthorized_until:
                self._alert(f"The music service {backend} rejects the key while songs are running: {error}")
            self._unauthorized_until[backend] = self._now() + wait
            raise Transient(str(error), wait.total_seconds()) from error
        except Transient as error:
            step_s = schedule.poll_wait_s((self._now() - job.state_since).total_seconds())
            wait_s = self._pacer.paced_s(max(step_s, schedule.backoff_s(job.tries + 1, 5.0, 60.0)))
            if error.retry_after_s is not None:
                wait_s = schedule.clamp_s(error.retry_after_s, 1.0, 300.0)
            raise Transient(str(error), wait_s) from error
        self._unauthorized_until.pop(backend, None)
        return checked

    async def _look_again(self, job: Job, urls: tuple[str, ...] = ()) -> None:
        now = self._now()
        if now - job.created_at >= PARK_AFTER:
            await self._park_slow(job)
            return
        wait = self._pacer.paced(schedule.poll_wait_s((now - job.state_since).total_seconds()))
        await self._transitions.still_running(
            job, now + wait, tries=0, misses=0, missing_since=None, urls=urls or job.urls
        )

    async def _park_slow(self, job: Job) -> None:
        """Stop polling a task that takes too long.

        It may still finish, so its credits stay held.
        """
        self._alert(f"Job {job.id} is still running at the music service after 24 h and is parked.")
        await self._park(job, "slow")

    async def park_without_key(self, job: Job) -> None:
        """Stop polling a task whose service has no key here.

        A start with the key resumes it.
        """
        backend = job.backend or self._music.backend
        if backend not in self._without_key:
            self._without_key.add(backend)
            self._alert(
                f"Songs were submitted to the music service {backend}, whose key is no longer set. They are "
                "parked, with their credits held, until the bot is started with that key."
            )
        await self._park(job, "no_key")

    async def _park(self, job: Job, cause: ParkReason) -> None:
        log.error("job parked", extra={"cause": cause})
        await self._transitions.to(job, job.state, due_at=None, parked=cause)

    async def _missed(self, job: Job, wait_s: float, final: FailReason | None, answer: str) -> None:
        """Poll again after an incomplete answer, or fail for the ``final`` reason."""
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
            answer=answer,
        )
