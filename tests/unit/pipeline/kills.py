"""A deterministic process, and the state that a kill at each await would leave behind."""

import asyncio
import copy
import functools
import json
import math
import selectors
import sqlite3
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import Context
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec, Self, TypeVar, TypeVarTuple

import httpx

from bot.database import sqlite_connections, sqlite_writer
from bot.database.sqlite import Database, Tx
from bot.model import Delivery, Job, JobState, MessageId, Origin
from bot.pipeline.courier import MessageKind
from bot.refusals import ShuttingDown
from bot.sandbox.faults import FaultKind
from bot.sandbox.requests import Json
from bot.store import claims, jobs, ledger
from bot.store.reconcile import reconcile
from tests import make
from tests.doubles.in_process import Chat, MusicService, Task
from tests.unit.pipeline.rig import Rig

if TYPE_CHECKING:
    from bot.balance import Balance

P = ParamSpec("P")
T = TypeVar("T")
Ts = TypeVarTuple("Ts")

NONCE_KEPT = timedelta(minutes=3)
"""How long the chat remembers a nonce; “some minutes”, according to Discord's documentation."""
INSTANTS_MAX = 5_000
"""Maximum number of instants before a process counts as never coming to rest; some hundreds are usual."""
FLOAT_ERROR_MS = 0.01
"""Error of a time of today in a float, rounded up, in milliseconds."""
ONE_WAY_S = 0.75
"""Latency to or from a server, in seconds: enough for a process to do other work during a call."""
DATABASE, SPOOL = "tunesmith.db", "spool"


# -- a process


class Process(asyncio.SelectorEventLoop):
    """An event loop that runs everything in a fixed order on one thread.

    An instant runs from one await to the next; work on another thread is one too. Time passes only when
    nothing is left to do, and then at once.
    """

    def __init__(
        self, world: "World", reading: sqlite3.Connection, *, watched: bool, stop_at: int | None
    ) -> None:
        self.instants = 0
        self.left_behind: list[World] = []
        """If watched: the worlds that kills would leave, each where it differs from an earlier kill's."""
        self.arrived = 0
        """Number of calls received by a server."""
        self.stop_working: Callable[[], None] = lambda: None
        """The effect of SIGTERM."""
        self.to_come = 0
        """Number of members who have yet to request something."""
        self._world = world
        self._reading = reading
        self._watched = watched
        self._stop_at = stop_at
        self._seen: object = None
        super().__init__(_Waiting(self._pass))
        self._clock_resolution = 1e-3  # the clock has whole microseconds, which a float cannot represent

    def time(self) -> float:
        return self._world.clock().timestamp()

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        return super().call_soon(self._instant, callback, *args, context=context)

    def _instant(self, callback: Callable[..., object], *args: object) -> None:
        if self.instants == self._stop_at:
            self.stop_working()
        if self._watched:
            self._look()
        self.instants += 1
        callback(*args)

    def _look(self) -> None:
        # The version counts others' commits to the file. If only time has passed, a kill is equivalent to
        # an earlier one followed by a longer pause.
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
        """Release everything, even if an error has left work undone."""
        self._watched, self.instants = False, 0
        tasks = asyncio.all_tasks(self)
        for task in tasks:
            task.cancel()
        if tasks:
            self.run_until_complete(asyncio.wait(tasks))
        self.run_until_complete(self.shutdown_asyncgens())
        self.close()

    def _pass(self, seconds: float) -> None:
        """Let time pass when nothing is left to do; stop the process if nothing will ever be due."""
        assert self.instants < INSTANTS_MAX, f"this never comes to rest: {self.jobs()}"
        if seconds > 0:
            if not self.to_come and claims.next_due(self._reading, 1 << 40) is None:
                self.stop_working()
            # Whole milliseconds, like times in the database, with which what is sent is compared.
            self._world.clock.forward(milliseconds=math.ceil(seconds * 1_000 - FLOAT_ERROR_MS) or 1)

    def jobs(self) -> list[Job]:
        """Return all jobs as recorded at this moment, in the order of the requests."""
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
    """Return the current process."""
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
    """The connection for writing."""


class _Reader(_Threadless, sqlite_connections.Connection):
    """The connection for reading."""


@contextmanager
def opened(path: Path, to_read: sqlite3.Connection) -> Iterator[Database]:
    """Open the real database of the running process."""
    with closing(sqlite_connections.connect(path)) as to_write:
        writer, reader = _Writer(lambda: to_write, 64), _Reader(lambda: to_read, 64)
        writer._connection, reader._connection = to_write, to_read
        try:
            yield Database(path, writer, reader)
        finally:
            writer._connection = reader._connection = None


# -- the servers, at a distance


def far(method: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[object, object, T]]:
    """Add an await before a server's method is called, and one before its answer is back."""

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
    """Records the outcome of each paid request, and calls that arrive without having been recorded first."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: dict[str, list[str]] = defaultdict(list)
        """Outcomes of the paid requests, by prompt."""
        self.becomes = "success"
        """Status of new tasks."""
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
    """Return whether this request for the job has been recorded before it arrives."""
    url = str(request.url)
    if request.method == "POST":
        return job.state is JobState.SUBMITTING and job.request.prompt == _prompt(request)
    if url in job.urls:
        return job.state is JobState.READY
    return job.task_id is not None and url.endswith(f"/v1/tasks/{job.task_id}")


class FarChat(Chat):
    """Remembers nonces for a while, and records calls that arrive without having been recorded first."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.cards_arrive = True
        """Whether commands are answered in time."""
        self.unannounced: list[str] = []
        self._now = now
        self._posted_at: list[datetime] = []

    def _post(self, job: Job, kind: MessageKind, where: Delivery, nonce: str, files: int) -> MessageId:
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
    async def answer(self, asked: Origin) -> MessageId | None:
        """Show the card of a new job. Return its id, or None if that came too late."""
        if not self.cards_arrive:
            return None
        return self.known_cards.setdefault(asked.interaction_id, MessageId(700 + len(self.known_cards)))

    post_song = far(Chat.post_song)
    post_notice = far(Chat.post_notice)
    find = far(Chat.find)
    find_card = far(Chat.find_card)
    open_direct = far(Chat.open_direct)
    update_card = far(Chat.update_card)


# -- the world


class World:
    """Everything that outlives a process: members' requests, both servers, the disk and the time."""

    def __init__(self, folder: Path, new_database: bytes, *, members: int = 1, apart_s: float = 0.0) -> None:
        self.clock = make.Clock()
        self.music = FarMusic()
        self.chat = FarChat(self.clock)
        self.asked = [
            (number * apart_s, make.prompt(f"Song {number}"), make.origin(member_id=make.MEMBER + number))
            for number in range(members)
        ]
        """Requests, each with the seconds after a process's start at which it arrives."""
        self.promised: set[int] = set()
        """Jobs acknowledged by the database."""
        self.in_flight: set[int] = set()
        """Jobs that a new process found between the two commits around their paid request."""
        self.jobs: list[Job] = []
        """Jobs as left by the last process, in the order of the requests."""
        self.findings: list[str] = []
        """Errors in the ledger at the start or the end of a process."""
        self.killed_at = 0
        """The instant at which the last process died."""
        self.balance: Balance | None = None
        self._folder = folder
        self._disk: Mapping[str, bytes] = {DATABASE: new_database}

    def files(self, under: str = "") -> list[tuple[Path, int]]:
        """Return the files in the folder with their sizes."""
        found = [path for path in (self._folder / under).rglob("*") if not path.name.endswith("-shm")]
        return [(path, path.stat().st_size) for path in found if path.is_file()]

    def copied(self) -> Self:
        """Return a copy of the current world, unaffected by what happens to this one."""
        self._take_in()
        return copy.deepcopy(self)

    def _take_in(self) -> None:
        self._disk = {str(path.relative_to(self._folder)): path.read_bytes() for path, _ in self.files()}

    def _lay_out(self) -> None:
        """Restore the folder, shared by all worlds in turn, to the contents of the disk."""
        (self._folder / SPOOL).mkdir(parents=True, exist_ok=True)
        for path in self._folder.rglob("*"):
            if path.is_file():
                path.unlink()
        for name, content in self._disk.items():
            (self._folder / name).write_bytes(content)

    def live(self, *, stop_at: int | None = None) -> None:
        """Run a process until all is at rest, or until it was asked to stop just before that instant."""
        self._run(watched=False, stop_at=stop_at)

    def kills(self, *, stop_at: int | None = None) -> list["World"]:
        """Run a process, and return the worlds that kills after each of its awaits would leave behind.

        Where nothing outside of it has changed since the previous await, the world is the same one.
        """
        return self._run(watched=True, stop_at=stop_at).left_behind

    def _run(self, *, watched: bool, stop_at: int | None) -> Process:
        self._lay_out()
        path = self._folder / DATABASE
        with closing(sqlite_connections.connect_reading(path)) as read:
            process = Process(self, read, watched=watched, stop_at=stop_at)
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
        """Run a process. A request may arrive again although an earlier process has received it."""
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
