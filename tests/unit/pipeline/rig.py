"""The pipeline between two doubles. Each round is a new process on the same database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx

from bot.balance import Balance
from bot.database.sqlite import Database
from bot.model import Backend, Job, JobState, MessageId, Origin, SongRequest
from bot.music import backends
from bot.music.backends import contract
from bot.music.client import MusicClient
from bot.music.clients import MusicClients
from bot.music.downloads import AudioSource
from bot.music.spool import Spool
from bot.ops.metrics import Metrics
from bot.pipeline.erasure import Erasure
from bot.pipeline.runner import Runner, ShutdownGuard, no_delay
from bot.pipeline.steps import Steps
from bot.sandbox.contracts import SANDBOXES
from bot.services.credits import CreditService
from bot.services.intake import Intake
from bot.services.privacy import PrivacyService
from bot.services.songs import SongArchive
from bot.store import claims, jobs
from tests import make
from tests.doubles.in_process import Chat, MusicService, Task
from tests.doubles.music.kie import KieFront
from tests.doubles.music.variants import KieVariants, Variants

MUSIC_URL = "https://music.example.com"


async def no_sleep(_: float) -> None:
    """Return without any time passing."""


class Rig:
    """The real pipeline around the doubles."""

    backend = Backend.SSEEDANCE
    """The music service's contract: the documented one, or kie's with --contract."""

    def __init__(self, database: Database, spool: Path, clock: make.Clock) -> None:
        self.database = database
        self.spool = Spool(spool)
        self.clock = clock
        self.music_of: dict[Backend, MusicService] = {}
        for backend in Backend:
            self.backend, self.music = backend, MusicService()
        self.backend = type(self).backend
        self.keys = {self.backend}
        """Services with a key."""
        self.kie_variants: KieVariants | None = None
        self.chat = Chat()
        self.alerts: list[str] = []
        self.pace = 1.0
        self.key = "key"
        self.url = MUSIC_URL
        self.api_over: Callable[[], httpx.AsyncBaseTransport | None] = lambda: self._spoken(self.backend)
        """The transport of a new process to the music service; None for the network itself."""
        self.audio_over: Callable[[], dict[str, Any]] = lambda: {"transport": self.music.transport}
        """The same for audio, as arguments of ``AudioSource.open``; none for the network itself."""
        self.vary: Callable[[], float] = lambda: 0.0
        self.sleep: Callable[[float], Awaitable[object]] = no_sleep
        self.metrics = Metrics(seconds=lambda: clock().timestamp())
        self.storage_problem: str | None = None
        """The reason why no song can be stored, if any."""
        self.intake = self._new_intake()
        self.privacy = PrivacyService(
            database=database,
            spool=self.spool,
            erasure=Erasure(database, self.spool, now=clock),
            spool_days=7,
            texts_days=90,
            now=clock,
            woken=lambda: None,
        )
        self.credits = CreditService(
            database, make.DEFAULTS, price=self.intake.terms.price_credits, now=clock
        )

    @property
    def music(self) -> MusicService:
        """The music service that makes new songs."""
        return self.music_of[self.backend]

    @music.setter
    def music(self, service: MusicService) -> None:
        service.accepted_models = SANDBOXES[self.backend].accepted_models
        self.music_of[self.backend] = service

    def switch(self, backend: Backend, keys: set[Backend]) -> None:
        """Set the backend for new songs and the services with a key, effective from the next process."""
        self.backend, self.keys = backend, keys
        self.intake = self._new_intake()

    def _new_intake(self) -> Intake:
        models = dict.fromkeys((*make.terms().models, *backends.OFFERS[self.backend].models))
        return Intake(
            self.database,
            make.terms(
                backend=self.backend, models=tuple(models), open_per_member=1_000, open_per_guild=1_000
            ),
            now=self.clock,
            woken=lambda: None,
            alert=self.alerts.append,
            storage_problem=self.find_storage_problem,
        )

    def _spoken(self, backend: Backend) -> httpx.AsyncBaseTransport:
        documented = self.music_of[backend].transport
        if backend is not Backend.KIE:
            return documented
        front = KieFront(documented)
        front.variants = self.kie_variants
        return front

    def spell(self, seed: int) -> None:
        """Let the chosen service answer in random shapes."""
        if self.backend is Backend.KIE:
            self.kie_variants = KieVariants(seed)
        else:
            self.music.variants = Variants(seed)

    async def find_storage_problem(self) -> str | None:
        return self.storage_problem

    async def scrub(self) -> bool:
        """Scrub the database, as maintenance does at its next turn."""
        return await Erasure(self.database, self.spool, now=self.clock, sleep=no_sleep).scrub()

    async def ask(self, request: SongRequest | None = None, origin: Origin | None = None) -> Job:
        """Request a song as a member, and answer with a card."""
        taken = await self.intake.accept(request or make.prompt(), origin or make.origin())
        assert taken is not None
        job, facts = taken.job, taken.facts
        await self.intake.answered(job, facts, card_message_id=MessageId(777))
        return job

    @asynccontextmanager
    async def services(self) -> AsyncIterator[tuple[MusicClients, AudioSource]]:
        """New connections to the music service and its files."""
        async with AsyncExitStack() as stack:
            clients = {
                backend: await stack.enter_async_context(
                    MusicClient.open(
                        url=self.url,
                        key=self.key,
                        contract=contract(backend, provider="kie", options={}),
                        now=self.clock,
                        transport=self.api_over() if backend is self.backend else self._spoken(backend),
                        submitted=self.metrics.submitted,
                        checked=self.metrics.polled,
                    )
                )
                for backend in sorted(self.keys)
            }
            origins = [client.origin for client in clients.values()]
            audio = await stack.enter_async_context(AudioSource.open(origins=origins, **self.audio_over()))
            yield (
                MusicClients(
                    backend=self.backend, clients=clients, models=backends.OFFERS[self.backend].models
                ),
                audio,
            )

    @asynccontextmanager
    async def song_archive(self) -> AsyncIterator[SongArchive]:
        """Open the song archive of a new process."""
        async with self.services() as (music, audio):
            yield SongArchive(
                database=self.database,
                spool=self.spool,
                audio=audio,
                music=music,
                courier=self.chat,
                defaults=make.DEFAULTS,
                now=self.clock,
            )

    @asynccontextmanager
    async def process(self, give_way: Callable[[], Awaitable[object]] = no_delay) -> AsyncIterator[Runner]:
        """Start a process: a new epoch, and nothing in memory."""
        shutdown_guard = ShutdownGuard()
        async with self.services() as (music, audio):
            steps = Steps(
                database=self.database,
                music=music,
                audio=audio,
                spool=self.spool,
                courier=self.chat,
                defaults=make.DEFAULTS,
                now=self.clock,
                shutdown_guard=shutdown_guard,
                alert=self.alerts.append,
                sleep=self.sleep,
                pace=self.pace,
                vary=self.vary,
                moved=self.metrics.moved,
                storage_problem=self.find_storage_problem,
            )
            yield Runner(
                database=self.database,
                steps=steps,
                courier=self.chat,
                erasure=Erasure(self.database, self.spool, now=self.clock),
                shutdown_guard=shutdown_guard,
                epoch=await self.database.write(claims.next_epoch),
                defaults=make.DEFAULTS,
                now=self.clock,
                woken=asyncio.Event(),
                sleep=self.sleep,
                give_way=give_way,
            )

    async def round(self) -> int:
        """Run one round of a new process. Return the number of jobs it claimed."""
        async with self.process() as runner:
            return await runner.round()

    async def state(self, job: Job) -> JobState:
        return (await self.get(job)).state

    async def get(self, job: Job) -> Job:
        found = await self.database.read(lambda tx: jobs.get(tx, job.id))
        assert found is not None
        return found

    async def balance(self) -> Balance:
        return await self.credits.balance(make.GUILD)

    async def until(self, job: Job, *states: JobState, rounds: int = 200) -> JobState:
        """Run rounds, moving the clock to whatever is due next, until the job is in one of the states."""
        for _ in range(rounds):
            if (state := await self.state(job)) in states:
                return state
            if not await self.round():
                due_at = await self.database.read(lambda tx: claims.next_due(tx, 1 << 40))
                assert due_at is not None, f"nothing is due, and the job is {await self.get(job)}"
                self.clock.now = max(self.clock.now, due_at)
        raise AssertionError(f"after {rounds} rounds the job is {await self.get(job)}")

    async def books(self) -> dict[str, int]:
        """Return the numbers of holds, settlements and releases in the ledger."""
        rows = await self.database.read(
            lambda tx: tx.execute("SELECT kind, COUNT(*) AS n FROM ledger GROUP BY kind").fetchall()
        )
        return {row["kind"]: row["n"] for row in rows}

    @property
    def task(self) -> Task:
        """The music service's only task."""
        (task,) = self.music.tasks.values()
        return task

    def finish(self) -> None:
        """Complete all tasks of the music service."""
        for task in self.music.tasks.values():
            task.status = "success"

    async def step(self, job: Job | None = None) -> None:
        """Run a round, after moving the clock to the next due time, or to this job's."""
        if job is None:
            due_at = await self.database.read(lambda tx: claims.next_due(tx, 1 << 40))
            assert due_at is not None
        else:
            due_at = self.clock() + timedelta(seconds=await self.wait_s(job) or 0.0)
        self.clock.now = max(self.clock.now, due_at)
        await self.round()

    async def wait_s(self, job: Job) -> float | None:
        """Return the seconds until the job is due; None if a person has to ask."""
        due_ms = await self.database.read(
            lambda tx: tx.execute("SELECT due_at FROM job WHERE id = ?", (job.id,)).fetchone()["due_at"]
        )
        return None if due_ms is None else due_ms / 1000 - self.clock().timestamp()

    async def rest(self, rounds: int, runner: Runner | None = None) -> None:
        """Run rounds, each a new process unless ``runner`` is given, until nothing is due any more."""
        for _ in range(rounds):
            due_at = await self.database.read(lambda tx: claims.next_due(tx, 1 << 40))
            if due_at is None:
                return
            self.clock.now = max(self.clock.now, due_at)
            await (self.round() if runner is None else runner.round())

    async def settle_down(self) -> None:
        """Run rounds over the next two minutes."""
        for _ in range(24):
            self.clock.forward(seconds=5)
            await self.round()

    async def killed_at(self, runner: Runner, method: str) -> None:
        """Run a round of this process that ends for good while waiting for the answer to a request."""
        reached = asyncio.Event()

        async def never(request: httpx.Request) -> httpx.Response:
            assert request.method == method
            self.music.posts += 1
            reached.set()
            return await asyncio.Future()

        self.music.hangs = never
        around = asyncio.create_task(runner.round())
        await reached.wait()
        self.music.hangs = None
        for task in [*runner._busy, around]:
            task.cancel()
        await asyncio.wait([*runner._busy, around])
