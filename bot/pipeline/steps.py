"""Take a claimed job one step further: one step per state.

    queued → submitting → running → ready → stored → delivering → delivered
       └──────────┴──────────┴──────→ failed → explained            └⇄ undelivered

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

from bot.database.engine import Database, Tx
from bot.database.locking import lock_guild
from bot.errors import Transient, Unauthorized
from bot.model import MAX_TAKES, Backend, FailReason, Job, JobId, JobState, ParkReason, Track
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.clients import MusicClients
from bot.music.downloads import AudioSource
from bot.music.spool import NoAudio, Spool, SpoolUnwritable, link_to
from bot.pipeline import schedule
from bot.pipeline.courier import Courier
from bot.pipeline.delivery import NOTICE, SONG, Deliverer
from bot.pipeline.missing_files import MissingFiles
from bot.pipeline.quoting import unquoted
from bot.pipeline.storage import no_problem
from bot.pipeline.submitting import Submitter
from bot.pipeline.transitions import Superseded, Transitions
from bot.store import budget_alerts, claims, jobs, ledger
from bot.store.tracks import add_track, drop_equal_tracks

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
SECOND_TAKE_MAX = timedelta(minutes=10)
"""How long to keep retrying a missing take once another has been downloaded."""
AUDIO_MAX = timedelta(hours=6)
"""How long to keep retrying when no take can be downloaded."""
AUDIO_WAIT_S = (5.0, 60.0)
"""First and longest wait between two attempts to download, in seconds."""


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
        self._unauthorized_until: dict[Backend, datetime] = {}
        self._without_key: set[Backend] = set()
        self._reported_words: set[str] = set()

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
                await self._running(job)
            case JobState.READY:
                await self._ready(job)
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

    # -- composing

    async def _running(self, job: Job) -> None:
        now = self._now()
        music = self._music.of(job)
        if music is None:
            await self._park_without_key(job)
            return
        until = self._unauthorized_until.get(music.contract.backend)
        if until is not None and now < until:
            await self._transitions.to(job, JobState.RUNNING, due_at=until)
            return
        try:
            checked = await self._check(job, music)
        except Transient:
            if now - job.created_at < PARK_AFTER:
                raise
            await self._park_slow(job)
            return
        match checked:
            case wire.Done(urls=urls) if urls and (len(urls) >= music.contract.usual_takes or job.urls):
                await self._fetch_covers(job, checked)
                await self._transitions.to(
                    job,
                    JobState.READY,
                    due_at=now,
                    urls=tuple(urls[:MAX_TAKES]),
                    takes=checked.details[:MAX_TAKES],
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

    async def _check(self, job: Job, music: MusicClient) -> wire.Checked:
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

    async def _park_without_key(self, job: Job) -> None:
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

    # -- fetching

    async def _fetch_covers(self, job: Job, done: wire.Done) -> None:
        """Store the takes' covers, as far as they are available right away."""
        images = {take.url: take.image_url for take in done.details if take.image_url}
        pictures: dict[str, bytes] = {}
        for take, url in enumerate(done.urls[:MAX_TAKES], start=1):
            image = images.get(url)
            if image is None:
                continue
            if image not in pictures:
                pictures[image] = await self._audio.fetch_cover(image)
            if pictures[image]:
                try:
                    await self._spool.threads.run(
                        self._spool.store_cover, f"{job.id}-{take}", pictures[image]
                    )
                except OSError as error:
                    log.info("cover not stored", extra={"error": error.strerror})

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
            if not await self._database.write(partial(add_track, job=job, track=track)):
                raise Superseded
            tracks.append(track)
        waited = now - (job.missing_since or now)
        if len(tracks) == len(urls[:MAX_TAKES]) or (tracks and waited >= SECOND_TAKE_MAX):
            await self._stored(job)
        elif waited >= AUDIO_MAX and self._music.of(job) is None:
            await self._park_without_key(job)  # fresh addresses may be available once the key is back
        elif waited >= AUDIO_MAX:
            await self._transitions.fail(job, FailReason.AUDIO_GONE, problem)
        else:
            await self._ask_for_fresh_urls(job, problem)

    async def _ask_for_fresh_urls(self, job: Job, problem: str) -> None:
        """Request fresh URLs of the missing takes; those of downloaded takes stay."""
        urls, takes = list(job.urls), job.takes
        music = self._music.of(job)
        try:
            checked = None if music is None else await self._check(job, music)
        except Transient as error:
            log.info("no fresh URLs", extra={"error": unquoted(job, str(error))})
        else:
            if isinstance(checked, wire.Done):
                takes = takes + tuple(take for take in checked.details if take not in takes)
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
            takes=tuple(take for take in takes if take.url in urls),
            answer=problem,
        )

    async def _stored(self, job: Job) -> None:
        """Settle the credits in the transaction that records the song.

        So members pay only for existing audio.
        """
        now = self._now()

        def store(tx: Tx) -> None:
            lock_guild(tx, job.origin.guild_id)
            if not jobs.move(tx, job, JobState.STORED, now=now, due_at=now):
                raise Superseded
            drop_equal_tracks(tx, job.id)
            ledger.settle(tx, job.id, now)
            budget_alerts.mark(tx, job.origin.guild_id, self._defaults, now)

        await self._database.write(store)
        self._transitions.announce(job, JobState.STORED)

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
