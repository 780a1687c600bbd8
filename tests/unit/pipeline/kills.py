"""A deterministic process, and the state that a kill at each await would leave behind."""

import asyncio
import copy
import functools
import json
import selectors
import sqlite3
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import Context
from datetime import datetime, timedelta
from pathlib import Path
from typing import ParamSpec, Self, TypeVar, TypeVarTuple

import httpx

from bot.database import sqlite_connections, sqlite_writer
from bot.database.sqlite import Database, Tx
from bot.errors import ShuttingDown
from bot.model import Balance, Delivery, Job, JobState, Origin
from bot.pipeline.courier import MessageKind
from bot.sandbox.faults import FaultKind
from bot.sandbox.requests import Json
from bot.store import claims, jobs, ledger
from bot.store.reconcile import reconcile
from tests import make
from tests.doubles.in_process import Chat, MusicService, Task
from tests.unit.pipeline.rig import Rig

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

NONCE_KEPT = timedelta(minutes=3)
"""How long the chat knows a nonce; “some minutes”, as Discord's documentation has it."""
INSTANTS_MOST = 5_000
"""A process that goes on for longer will never come to rest: some hundreds are usual."""
ONE_WAY_S = 0.75
"""To a server, or back: long enough for a process to look around while a call is under way."""
DATABASE, SPOOL = "tunesmith.db", "spool"


# -- a process


class Process(asyncio.SelectorEventLoop):
    """An event loop that runs everything in one order on one thread.

    An instant is what runs from one await to the next; another thread's work is one too. Time passes
    only where nothing is left to do, and then at once.
    """

    def __init__(
        self, world: "World", reading: sqlite3.Connection, *, watched: bool, persistent_view: int | None
    ) -> None:
        self.instants = 0
        self.left_behind: list[World] = []
        """If it is watched: what a kill would leave, where that differs from what a kill before would."""
        self.arrived = 0
        """Calls that a server has got."""
        self.stop_working: Callable[[], None] = lambda: None
        """What SIGTERM does."""
        self.to_come = 0
        """Members who are still about to ask for something."""
        self._world = world
        self._reading = reading
        self._watched = watched
        self._stopped = persistent_view
        self._seen: object = None
        super().__init__(_Waiting(self._pass))
        self._clock_resolution = 1e-3  # the clock has whole microseconds, and a float not quite

    def time(self) -> float:
        return self._world.clock().timestamp()

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._instant, callback, *args, context=context)

    def _instant(self, callback: Callable[..., object], *args: object) -> None:
        if self.instants == self._stopped:
            self.stop_working()
        if self._watched:
            self._look()
        self.instants += 1
        callback(*args)

    def _look(self) -> None:
        # The first of these counts the commits of others on the same file. Where time alone has passed, a
        # kill is one that came earlier, and a longer pause after it.
        version = self._reading.execute("PRAGMA data_version").fetchone()[0]
        seen = (version, self.arrived, self._world.files(SPOOL))
        if seen != self._seen:
            self._seen = seen
            left = self._world.copied()
            left.killed_at, left.jobs = self.instants, self.jobs()
            self.left_behind.append(left)

    def run_in_executor(self, _: object, func: Callable[..., T], *args: object) -> asyncio.Future[T]:
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:  # noqa: BLE001 - handed on, as an executor does
                if not future.cancelled():
                    future.set_exception(error)
            else:
                if not future.cancelled():
                    future.set_result(result)

        self.call_soon(work)
        return future

    def end(self) -> None:
        """Let go of everything, also where an error has left something undone."""
        self._watched, self.instants = False, 0
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        if tasks:
            self.run_until_complete(asyncio.wait(tasks))
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()

    def _pass(self, seconds: float) -> None:
        """Nothing is left to do for a while; if nothing is due ever again, the process is asked to stop."""
        assert self.instants < INSTANTS_MOST, f"this never comes to rest: {self.jobs()}"
        if seconds > 0:
            if not self.to_come and claims.next_due(self._reading, 1 << 40) is None:
                self.stop_working()
            self._world.clock.forward(seconds=seconds)

    def jobs(self) -> list[Job]:
        """All jobs as they are written down at this moment, in the order of the requests."""
        ids = [row["id"] for row in self._reading.execute("SELECT id FROM job").fetchall()]
        found = [job for job_id in ids if (job := jobs.get(self._reading, job_id)) is not None]
        return sorted(found, key=lambda job: job.request.prompt)


class _Waiting(selectors.SelectSelector):
    """A selector that waits only for timers, which are due at once."""

    def __init__(self, passes: Callable[[float], None]) -> None:
        super().__init__()
        self._passes = passes

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everybody waits for somebody else"
        self._passes(timeout)
        return []


def here() -> Process:
    """The process that this is called by."""
    running = asyncio.get_running_loop()
    assert isinstance(running, Process)
    return running


class _Threadless:
    """aiosqlite without its thread."""

    async def _execute(self, fn: Callable[..., T], *args: object) -> T:
        return await here().run_in_executor(None, fn, *args)

    def begin(self, fn: Callable[[], None]) -> None:
        here().run_in_executor(None, fn)


class _Writer(_Threadless, sqlite_writer.Writer):
    """The writing connection."""


class _Reader(_Threadless, sqlite_connections.Connection):
    """The reading one."""


@contextmanager
def opened(path: Path, to_read: sqlite3.Connection) -> Iterator[Database]:
    """The real database of the process that runs."""
    with closing(sqlite_connections.connect(path)) as to_write:
        writer, reader = _Writer(lambda: to_write, 64), _Reader(lambda: to_read, 64)
        writer.waiting = deque()
        writer._connection, reader._connection = to_write, to_read
        try:
            yield Database(path, writer, reader)
        finally:
            writer._connection = reader._connection = None


# -- the servers, at a distance


def far(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[object, object, T]]:
    """A server's method with two more awaits: before the call arrives, and before its answer is back."""

    @functools.wraps(method)
    async def over(*args: P.args, **kwargs: P.kwargs) -> T:
        await asyncio.sleep(ONE_WAY_S)
        here().arrived += 1
        try:
            return await method(*args, **kwargs)
        finally:
            await asyncio.sleep(ONE_WAY_S)

    return over


class FarMusic(MusicService):
    """Notes what each paid request came to, and what arrives without having been written down before."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = defaultdict(list)
        """What the paid requests came to, by their prompt."""
        self.becomes = "success"
        """Of new tasks."""
        self.unannounced: list[str] = []

    def _new_task(self, body: Json, kinds: frozenset[FaultKind]) -> Task:
        task = super()._new_task(body, kinds)
        task.status = self.becomes
        return task

    @far
    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if not any(_announces(job, request) for job in here().jobs()):
            self.unannounced.append(f"{request.method} {request.url}")
        if request.method != "POST":
            return await super()._answer(request)
        came_to = self.sent[_prompt(request)]
        try:
            response = await super()._answer(request)
        except httpx.HTTPError as error:
            came_to.append(type(error).__name__)
            raise
        came_to.append(f"HTTP {response.status_code}")
        return response


def _prompt(request: httpx.Request) -> str:
    return str(json.loads(request.content)["prompt"])


def _announces(job: Job, request: httpx.Request) -> bool:
    """Whether it is written down that this request is about to leave for the job."""
    url = str(request.url)
    if request.method == "POST":
        return job.state is JobState.SUBMITTING and job.request.prompt == _prompt(request)
    if url in job.urls:
        return job.state is JobState.READY
    return job.task_id is not None and url.endswith(f"/v1/tasks/{job.task_id}")


class FarChat(Chat):
    """Knows a nonce for a while only, and notes what arrives without having been written down before."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.cards_arrive = True
        """Whether a command is answered in time."""
        self.unannounced: list[str] = []
        self._now = now
        self._posted_at: list[datetime] = []

    def _post(self, job: Job, kind: MessageKind, where: Delivery, nonce: str, files: int) -> int:
        sending = JobState.DELIVERING if kind is MessageKind.SONG else JobState.FAILED
        if (job.id, sending, where) not in [(one.id, one.state, one.delivery) for one in here().jobs()]:
            self.unannounced.append(f"the {kind} to {where.channel_id}")
        for post, posted_at in zip(self.posts, self._posted_at, strict=True):
            if self._now() - posted_at >= NONCE_KEPT:
                post.nonce = ""
        try:
            return super()._post(job, kind, where, nonce, files)
        finally:
            self._posted_at += [self._now()] * (len(self.posts) - len(self._posted_at))

    @far
    async def answer(self, asked: Origin) -> int | None:
        """Show the card of a new job. Returns its id, or None if that came too late."""
        if not self.cards_arrive:
            return None
        return self.known_cards.setdefault(asked.interaction_id, 700 + len(self.known_cards))

    post_song = far(Chat.post_song)
    post_notice = far(Chat.post_notice)
    find = far(Chat.find)
    find_card = far(Chat.find_card)
    open_direct = far(Chat.open_direct)
    update_card = far(Chat.update_card)


# -- the world


class World:
    """Everything that outlives a process: what members ask for, both servers, the disk and the time."""

    def __init__(self, folder: Path, new_database: bytes, *, members: int = 1, apart_s: float = 0.0) -> None:
        self.clock = make.Clock()
        self.music = FarMusic()
        self.chat = FarChat(self.clock)
        self.asked = [
            (number * apart_s, make.prompt(f"Song {number}"), make.origin(member_id=make.MEMBER + number))
            for number in range(members)
        ]
        """Requests, and how many seconds after the start of a process each of them arrives there."""
        self.promised: set[int] = set()
        """Jobs that the database has acknowledged."""
        self.in_flight: set[int] = set()
        """Jobs that a new process has found between the two commits around their paid request."""
        self.jobs: list[Job] = []
        """As the last process has left them, in the order of the requests."""
        self.findings: list[str] = []
        """What was wrong in the ledger at the start or the end of a process."""
        self.killed_at = 0
        """At which of its instants the last process has died."""
        self.balance: Balance | None = None
        self._folder = folder
        self._disk: Mapping[str, bytes] = {DATABASE: new_database}

    def files(self, under: str = "") -> list[tuple[Path, int]]:
        """What lies in the folder, and how large it is."""
        found = [path for path in (self._folder / under).rglob("*") if not path.name.endswith("-shm")]
        return [(path, path.stat().st_size) for path in found if path.is_file()]

    def copied(self) -> Self:
        """The world as it stands. What still happens to this one does not happen to the copy."""
        self._take_in()
        return copy.deepcopy(self)

    def _take_in(self) -> None:
        self._disk = {str(path.relative_to(self._folder)): path.read_bytes() for path, _ in self.files()}

    def _lay_out(self) -> None:
        """Nothing is in the folder but what the disk holds: it belongs to one world after the other."""
        (self._folder / SPOOL).mkdir(parents=True, exist_ok=True)
        for path in self._folder.rglob("*"):
            if path.is_file():
                path.unlink()
        for name, content in self._disk.items():
            (self._folder / name).write_bytes(content)

    def live(self, *, persistent_view: int | None = None) -> None:
        """One process, until all is at rest, or until it was asked to stop before that instant of it."""
        self._run(watched=False, persistent_view=persistent_view)

    def kills(self, *, persistent_view: int | None = None) -> list["World"]:
        """The same. Returns the worlds that the process would have left behind, killed after any await.

        Where nothing outside of it had changed since the await before, that is the same one.
        """
        return self._run(watched=True, persistent_view=persistent_view).left_behind

    def _run(self, *, watched: bool, persistent_view: int | None) -> Process:
        self._lay_out()
        path = self._folder / DATABASE
        with closing(sqlite_connections.connect_reading(path)) as read:
            process = Process(self, read, watched=watched, persistent_view=persistent_view)
            self._prove(read)
            self.in_flight |= {job.id for job in process.jobs() if job.state is JobState.SUBMITTING}
            try:
                process.run_until_complete(self._process(path, read))
            finally:
                process.end()
            self._prove(read)
            self.jobs = process.jobs()
            self.balance = ledger.balance(read, make.GUILD, make.DEFAULTS, self.clock())
        self._take_in()
        return process

    def _prove(self, tx: Tx) -> None:
        self.findings += reconcile(tx).findings

    async def _process(self, path: Path, to_read: sqlite3.Connection) -> None:
        """The life of a process. What members asked for may come to it although an earlier one has had it."""
        with opened(path, to_read) as database:
            rig = Rig(database, self._folder / SPOOL, self.clock)
            rig.music, rig.chat = self.music, self.chat
            async with rig.process() as runner, asyncio.TaskGroup() as group:

                def stop() -> None:
                    rig.intake.close()
                    runner.stop()

                here().stop_working, here().to_come = stop, len(self.asked)
                for number in range(len(self.asked)):
                    group.create_task(self._ask(rig, number))
                await runner.run()

    async def _ask(self, rig: Rig, number: int) -> None:
        after_s, request, origin = self.asked[number]
        await asyncio.sleep(after_s)
        here().to_come -= 1
        try:
            taken = await rig.intake.accept(request, origin)
        except ShuttingDown:
            return
        if taken is None:
            return
        job, facts = taken.job, taken.facts
        self.promised.add(job.id)
        card_message_id = await self.chat.answer(origin)
        if card_message_id is None and await rig.intake.withdraw(job):
            return
        await rig.intake.answered(job, facts, card_message_id)
