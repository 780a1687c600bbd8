"""The store in a process that dies after any statement: acknowledged writes survive."""

import asyncio
import itertools
import json
import math
import shutil
import sqlite3
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, Unpack, cast

import psycopg
import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.balance import Period
from bot.database import engine, postgresql, slots, sqlite_connections, sqlite_writer
from bot.database.postgresql_tx import Tx as PostgresqlTx
from bot.database.sqlite import Database, Tx
from bot.errors import StoreBusy
from bot.model import (
    OPEN_STATES,
    Backend,
    ClosedCause,
    Delivery,
    DiscordUserId,
    FailReason,
    GuildId,
    Job,
    JobState,
    MessageId,
    SongRequest,
    TaskId,
    Track,
)
from bot.music import wire
from bot.music.clients import MusicClients
from bot.music.sseedance import Sseedance
from bot.pipeline import schedule
from bot.pipeline.courier import CardFacts
from bot.pipeline.steps import Steps
from bot.pipeline.submitting import QUEUE_MAX
from bot.pipeline.transitions import Superseded, Transitions
from bot.services.credits import CreditService
from bot.services.intake import Intake
from bot.store import breaker, claims, jobs, tracks
from bot.store.reconcile import reconcile
from bot.store.times import milliseconds, moment
from tests import make
from tests.conftest import PATIENCE_S
from tests.unit.store.crash_model import OPEN, TERMS, Books, Refused, Rows, written
from tests.unit.store.rows import ALL, claim_due

T = TypeVar("T")

LONG: bool = False
"""Set by hand for an hour-long search that starts elsewhere each time."""
SETTINGS = settings(
    max_examples=20_000 if LONG else 25,
    stateful_step_count=100 if LONG else 25,
    derandomize=not LONG,
    # Without shrinking: reducing a failure takes minutes.
    phases=(Phase.generate,),
    deadline=None,
)
ON_SERVER = settings(SETTINGS, max_examples=SETTINGS.max_examples // 5)
"""On a server, a new process is a new session, and each of its statements a round trip."""
PRAGMAS = (
    # No test here cuts the power, so writes survive without being flushed.
    "PRAGMA synchronous = OFF",
    # Uncommitted changes already reach the log, and the log is checkpointed often.
    "PRAGMA cache_size = 1",
    "PRAGMA wal_autocheckpoint = 16",
)
GROUP_MAX = 3
STRIDE = 7
"""On a server, let a process die after every n-th statement only."""

# -- a process and its end


class Mortal:
    """The writing connection of a process that dies after a given number of statements."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.left = math.inf
        self.counted = ""
        self.dies: Callable[[], object] = lambda: None
        self.failing_commits = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever sqlite3's connection has
        return getattr(self._connection, name)

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - as sqlite3
        self._perhaps_die()
        if sql == "COMMIT" and self.failing_commits:
            self.failing_commits -= 1
            error = sqlite3.OperationalError("database or disk is full")
            error.sqlite_errorcode = sqlite3.SQLITE_FULL
            raise error
        cursor = self._connection.execute(sql, parameters)
        self.left -= sql.startswith(self.counted)
        self._perhaps_die()
        return cursor

    def _perhaps_die(self) -> None:
        if self.left == 0:
            self.left = math.inf
            self.dies()


class MortalSession:
    """The same for the writing session of a process on a server."""

    def __init__(self, tx: PostgresqlTx) -> None:
        self._tx = tx
        self.left = math.inf
        self.counted = ""
        self.dies: Callable[[], object] = lambda: None
        self.failing_commits = 0

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a transaction has
        return getattr(self._tx, name)

    def execute(self, sql: str, parameters: Any = (), /) -> engine.Rows:  # noqa: ANN401 - as in Tx
        self._perhaps_die()
        rows = self._tx.execute(sql, parameters)
        self.left -= sql.startswith(self.counted)
        self._perhaps_die()
        return rows

    def _perhaps_die(self) -> None:
        if self.left == 0:
            self.left = math.inf
            self.dies()
            raise psycopg.OperationalError("the process is dead")


class WaitsForAnswer(Exception):
    """The process is waiting for the music service, whose answer is another operation."""


class Silent:
    """A music service that has not answered yet."""

    contract = Sseedance()

    async def prepare(self) -> None:
        pass

    async def submit(self, _: SongRequest) -> wire.Submitted:
        raise WaitsForAnswer


class Process:
    """A run of the bot, which knows only what is in its folder."""

    def __init__(self, folder: Path, clock: make.Clock) -> None:
        self.folder = folder
        self.clock = clock
        self.stack = AsyncExitStack()
        self.promised: list[tuple[Job, CardFacts]] = []
        self.epoch = 0

    async def connect(self) -> None:
        self.database: engine.Database = await self.stack.enter_async_context(
            Database.open(self.folder / "tunesmith.db")
        )
        writer = cast("Database", self.database)._writer
        self.connection: Mortal | MortalSession = Mortal(writer._conn)
        writer._connection = cast("sqlite3.Connection", self.connection)

    def held_up(self, go: threading.Event) -> "asyncio.Future[object]":
        """Keep the writer's thread busy until the event is set."""
        hop = cast("Database", self.database)._writer._execute(go.wait, 5.0)  # type: ignore[no-untyped-call]
        return asyncio.ensure_future(hop)

    async def open(self) -> None:
        await self.connect()
        unused = cast("Any", None)
        self.intake = Intake(self.database, TERMS, now=self.clock, woken=lambda: None)
        self.intake._answers = cast("Any", self.database)  # the test decides which writes share a commit
        self.credits = CreditService(self.database, TERMS.defaults, price=TERMS.price_credits, now=self.clock)
        self.moves = Transitions(self.database, self.clock)
        self.steps = Steps(
            database=self.database,
            music=MusicClients(
                backend=Backend.SSEEDANCE,
                clients={Backend.SSEEDANCE: cast("Any", Silent())},
                models=TERMS.models,
            ),
            audio=unused,
            spool=unused,
            courier=unused,
            defaults=TERMS.defaults,
            now=self.clock,
            shutdown_guard=nullcontext,
            alert=lambda _: None,
            vary=lambda: 0.0,
        )

    @property
    def left(self) -> Path:
        return self.folder.with_name(f"{int(self.folder.name) + 1}")

    def leaves(self) -> None:
        """Do what a kill does to the files: leave them as they are at this moment."""
        shutil.copytree(self.folder, self.left)

    def bury(self) -> None:
        """Remove everything that only the dead process had."""
        shutil.rmtree(self.folder)

    async def begin(self) -> int:
        self.epoch = await self.database.write(claims.next_epoch)
        return self.epoch

    async def job(self, interaction: int) -> Job:
        def read(tx: engine.Tx) -> Job | None:
            row = tx.execute("SELECT id FROM job WHERE interaction_id = ?", (interaction,)).fetchone()
            return jobs.get(tx, row["id"])

        found = await self.database.read(read)
        assert found is not None
        return found


class ServerProcess(Process):
    """A process on a server, where everything that survives a death is, instead of in the folder."""

    url = ""

    async def connect(self) -> None:
        opened = await self.stack.enter_async_context(postgresql.Database.open(self.url))
        self.database, self.writer = opened, opened._writer
        assert self.writer._tx is not None
        self.connection = MortalSession(self.writer._tx)
        self.writer._tx = cast("PostgresqlTx", self.connection)

    def held_up(self, go: threading.Event) -> "asyncio.Future[object]":
        return cast("asyncio.Future[object]", asyncio.wrap_future(self.writer.thread.submit(go.wait, 5.0)))

    @property
    def left(self) -> Path:
        return self.folder

    def leaves(self) -> None:
        """Leave an open transaction to the server, as a killed process does, without retrying it."""
        self.writer.closing.set()
        assert self.writer._tx is not None
        self.writer._tx.close()

    def bury(self) -> None:
        pass


@dataclass(frozen=True)
class Operation:
    """An operation of a process, and its expected result."""

    real: "Real"
    model: "Model"
    alone: bool = False
    """Whether it never joins a group: it stops requests, or writes once more while they are stopped."""


Model: TypeAlias = Callable[[Books, datetime], object]
Real: TypeAlias = Callable[[Process], Coroutine[Any, Any, object]]


@dataclass(frozen=True)
class How:
    """The circumstances of an operation."""

    waits: bool = False
    """Share a commit with the operations that follow."""
    dies_after: int | None = None
    """Number of statements after which the process dies, or after all of them if there are fewer."""
    counted: str = ""
    """Prefix of the statements that count."""
    disk_full: bool = False
    """Make the first commit fail."""


CALMLY = How()
HOW = st.one_of(
    st.sampled_from([CALMLY, How(disk_full=True)]),
    st.just(How(waits=True)),
    st.builds(How, dies_after=st.integers(0, 40), disk_full=st.booleans()),
    st.builds(How, dies_after=st.integers(0, 8)) | st.just(How(dies_after=1, counted="COMMIT")),
)
GUILDS = st.sampled_from([make.GUILD, make.GUILD + 1])
MEMBERS = st.sampled_from([make.MEMBER, make.OTHER, make.OTHER + 1])
COMMANDS = st.integers(101, 106)


def asks(interaction: int, guild: int, member: int) -> Operation:
    origin = make.origin(interaction_id=interaction, guild_id=guild, channel_id=guild, member_id=member)

    async def real(process: Process) -> bool:
        taken = await process.intake.accept(make.prompt(f"song {interaction}"), origin)
        if taken is not None:
            process.promised.append((taken.job, taken.facts))
        return taken is not None

    return Operation(real, lambda books, at: books.accept(at, interaction, guild, member))


def keeps_words(member: int, text: str) -> Operation:
    async def real(process: Process) -> None:
        await process.intake.keep_draft(make.prompt(text), DiscordUserId(member))

    return Operation(real, lambda books, at: books.keep_draft(at, member, text))


def withdraws(job: Job) -> Operation:
    return Operation(
        lambda process: process.intake.withdraw(job),
        lambda books, _: books.withdraw(job.origin.interaction_id),
    )


def reads_the_card(job: Job, facts: CardFacts, card: int) -> Operation:
    return Operation(
        lambda process: process.intake.answered(job, facts, MessageId(card)),
        lambda books, at: books.answered(at, job.origin.interaction_id, card),
    )


def grants(interaction: int, guild: int, actor: int, amount: int) -> Operation:
    entry = make.entry("a reason", actor_id=actor, interaction_id=interaction)
    return Operation(
        lambda process: process.credits.grant(GuildId(guild), amount, entry),
        lambda books, at: books.grant(at, interaction, guild, actor, amount),
    )


def sets_allowance(
    interaction: int, guild: int, actor: int, allowance: int, period: Period | None
) -> Operation:
    entry = make.entry(actor_id=actor, interaction_id=interaction)

    async def real(process: Process) -> list[int] | None:
        changed = await process.credits.set_allowance(GuildId(guild), allowance, period, entry)
        return None if changed is None else [balance.available for balance in changed]

    return Operation(
        real, lambda books, at: books.set_allowance(at, interaction, guild, actor, allowance, period)
    )


ASKED = st.builds(asks, st.integers(1, 12), GUILDS, MEMBERS)
MANAGED = st.one_of(
    st.builds(grants, COMMANDS, GUILDS, MEMBERS, st.sampled_from([7, 30, -9])),
    st.builds(
        sets_allowance, COMMANDS, GUILDS, MEMBERS, st.sampled_from([60, 15]), st.sampled_from([None, *Period])
    ),
    st.builds(keeps_words, MEMBERS, st.sampled_from(["one", "two"])),
)
WHICH = st.integers(0, 20)


class Crashes(RuleBasedStateMachine):
    """A bot that dies and restarts, and everything that happens to it meanwhile."""

    def __init__(
        self,
        folder: Path,
        migrated: bytes,
        scratch: Tx,
        process: Callable[[Path, make.Clock], Process] = Process,
    ) -> None:
        super().__init__()
        self.make = process
        self.runner = asyncio.Runner()
        self.scratch = scratch
        self.clock = make.Clock()
        self.books = Books()
        self.rows: Rows = []
        self.group: list[Operation] = []
        self.known: list[Job] = []
        """Every claim that any process has ever had."""
        self.tasks = 0
        first = folder / "1"
        first.mkdir(parents=True)
        (first / "tunesmith.db").write_bytes(migrated)
        self.start(first)

    def start(self, folder: Path) -> None:
        self.process = self.make(folder, self.clock)
        self.run(self.process.open())

    def end(self) -> None:
        self.run(self.process.stack.aclose())

    def teardown(self) -> None:
        self.end()
        self.runner.close()
        shutil.rmtree(self.process.folder.parent)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.get_loop().run_until_complete(work)

    # -- operations, alone and together

    def do(self, operations: list[Operation], how: How) -> bool:
        """Run operations, or queue them for others. Return whether all callers learned the outcome."""
        if self.group and any(operation.alone for operation in operations):
            self.together(CALMLY)
        self.group += operations
        if how.waits and len(self.group) <= GROUP_MAX and not operations[-1].alone:
            return False
        return self.together(how)

    def together(self, how: How) -> bool:
        """Run the queued operations at once. Acknowledged ones must be stored; the others may be."""
        operations, self.group = self.group, []
        if isinstance(
            self.process, ServerProcess
        ):  # a server retries until its deadline what its disk rejects
            how = replace(how, disk_full=False)
        self.books.noted = frozenset(self.process.intake._refused)
        outcomes = self.run(self._together(operations, how))
        if how.disk_full and len(operations) == 1:
            operations = [replace(operations[0], model=refuses(StoreBusy))]
        books, possible = self.books, [self.books]
        for operation, (at, *told) in zip(operations, outcomes, strict=True):
            books, expected = books.after(operation.model, at)
            changed = [before.after(operation.model, at)[0] for before in possible]
            possible = changed if told else possible + changed
            assert [expected] * len(told) == told
        self.books = books
        if how.dies_after is not None:
            self.end()
            left = self.process.left
            self.process.bury()
            self.start(left)
            self.books = self.found_in(possible)
            self.begins(CALMLY)
        return all(told for _, *told in outcomes)

    async def _together(self, operations: list[Operation], how: How) -> list[tuple[Any, ...]]:
        """Return when each was done, and its caller's result if it got one before the end."""
        process, loop = self.process, asyncio.get_running_loop()
        died, go, buried = loop.create_future(), threading.Event(), threading.Event()
        connection = process.connection

        def dies() -> None:
            process.leaves()
            loop.call_soon_threadsafe(died.set_result, None)
            assert buried.wait(5.0)

        connection.dies, connection.failing_commits = dies, int(how.disk_full)
        connection.counted = how.counted
        connection.left = math.inf if how.dies_after is None else how.dies_after
        held_up = process.held_up(go)
        await asyncio.sleep(0)
        times, tasks = [], []
        for operation in operations:
            times.append(self.clock.forward(seconds=1))
            tasks.append(asyncio.create_task(operation.real(process)))
            await asyncio.sleep(0)  # up to its write, at its own time
        # A repeated delivery is answered at once meanwhile, since only an interaction's first one counts.
        assert sum(not task.done() for task in tasks) == process.database.waiting
        go.set()
        all_told = asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.wait([all_told, died], return_when=asyncio.FIRST_COMPLETED)
        if how.dies_after is not None and not died.done():
            process.leaves()
        outcomes: list[tuple[Any, ...]] = [
            (at, told(task)) if task.done() else (at,) for at, task in zip(times, tasks, strict=True)
        ]
        for task in tasks:
            task.cancel()
        buried.set()
        await asyncio.gather(held_up, *tasks, return_exceptions=True)
        return outcomes

    @invariant()
    def nothing_is_lost_and_the_books_balance(self) -> None:
        self.found_in([self.books])

    def found_in(self, possible: list[Books]) -> Books:
        """Return the contents of the file, which must be one of these books."""

        def read(tx: engine.Tx) -> tuple[Books, Rows, set[int]]:
            assert () == reconcile(tx).findings
            rows = [tuple(row) for row in tx.execute("SELECT * FROM ledger ORDER BY id")]
            return written(cast("Tx", tx)), rows, {row["id"] for row in tx.execute("SELECT id FROM job")}

        found, rows, ids = self.run(self.process.database.read(read))
        assert {job.id for job, _ in self.process.promised} <= ids
        assert self.rows == rows[: len(self.rows)]
        if len(possible) == 1:
            assert possible[0] == found
        assert found in possible
        self.rows = rows
        return found

    def turn(self, books: Books, change: Callable[[Tx], Any]) -> Any:  # noqa: ANN401 - what the change returns
        """Change the breaker, whose own tests are elsewhere; here, it must be atomic with the transition."""
        before = books.breaker_state
        breaker.write(self.scratch, Backend.SSEEDANCE, before)
        result = change(self.scratch)
        books.breaker_state = breaker.read(self.scratch, Backend.SSEEDANCE)
        return result

    # -- the process and the time

    @initialize(asked=st.lists(ASKED, min_size=1, max_size=5))
    def starts(self, asked: list[Operation]) -> None:
        self.begins(CALMLY)
        self.do([self.has_heard_nothing_clear()], CALMLY)
        self.do(asked, CALMLY)

    def has_heard_nothing_clear(self) -> Operation:
        """Record an unknown outcome as the last one, so that a clear answer has a visible effect."""
        return Operation(
            lambda process: process.database.write(
                partial(breaker.unknown, backend=Backend.SSEEDANCE, job=make.job(), now=process.clock())
            ),
            lambda books, at: self.turn(
                books, lambda tx: breaker.unknown(tx, Backend.SSEEDANCE, make.job(), at)
            ),
        )

    @rule(
        seconds=st.sampled_from([5, 60, 20 * 60, 61 * 60, 86_400, 8 * 86_400, 31 * 86_400]),
        stops=st.sampled_from([False, False, True]),
        how=HOW,
    )
    def time_passes(self, seconds: int, stops: bool, how: How) -> None:
        self.clock.forward(seconds=seconds)
        if stops:
            if self.group:
                self.together(CALMLY)
            self.end()
            self.start(self.process.folder)
            self.begins(replace(how, disk_full=False))

    def begins(self, how: How) -> None:
        self.do([Operation(Process.begin, lambda books, _: books.next_epoch(), alone=True)], how)

    # -- what people do

    @rule(operations=st.lists(ASKED | ASKED | MANAGED, min_size=1, max_size=5), how=HOW)
    def people_ask(self, operations: list[Operation], how: How) -> None:
        self.do(operations, how)

    @precondition(lambda self: bool(self.process.promised))
    @rule(which=WHICH, withdrawn=st.lists(st.booleans(), min_size=1, max_size=4), how=HOW)
    def people_are_answered(self, which: int, withdrawn: list[bool], how: How) -> None:
        promised = self.process.promised
        first = which % len(promised)
        self.do(
            [
                withdraws(job) if withdraw else reads_the_card(job, facts, 700 + which)
                for (job, facts), withdraw in zip(
                    promised[first:] + promised[:first], withdrawn, strict=False
                )
            ],
            how,
        )

    @precondition(lambda self: JobState.UNDELIVERED in {song.state for song in self.books.songs.values()})
    @rule(which=WHICH, how=HOW)
    def asks_to_post_again(self, which: int, how: How) -> None:
        kept = [key for key, song in self.books.songs.items() if song.state == JobState.UNDELIVERED]
        job = self.run(self.process.job(chosen(kept, which)))
        interaction = job.origin.interaction_id

        async def real(process: Process) -> JobState:
            return (await process.intake.post_again(job.id, job.origin.guild_id)).state

        self.do([Operation(real, lambda books, at: books.post_again(at, interaction))], how)

    # -- what the bot does

    @rule(calm_rounds=st.integers(0, 8), ways=st.lists(WHICH, min_size=1, max_size=4), which=WHICH, how=HOW)
    def works(self, calm_rounds: int, ways: list[int], which: int, how: How) -> None:
        for _ in range(calm_rounds):
            self.works_once([0] * 4, 0, CALMLY)
        self.works_once(ways, which, how)

    def works_once(self, ways: list[int], which: int, how: How) -> bool:
        """Advance some of the claimed songs concurrently, or claim some."""
        in_hand = self.in_hand()
        if not in_hand:
            due = [song.due_at for song in self.books.songs.values() if song.due_at is not None]
            if due:
                self.clock.now = max(self.clock.now, moment(min(due)))
                self.do([self.claims(len(ways))], how)
            return False
        first = which % len(in_hand)
        operations = []
        for interaction, way in zip(in_hand[first:] + in_hand[:first], ways, strict=False):
            job = self.run(self.process.job(interaction))
            self.known.append(job)
            operations.append(chosen(self.ways(job), way))
        return self.do([one for one in operations if one.alone][:1] or operations, how)

    def in_hand(self) -> list[int]:
        epoch = self.process.epoch
        return [key for key, song in self.books.songs.items() if song.claim_epoch == epoch]

    def states_in_hand(self) -> list[str]:
        return [self.books.songs[interaction].state for interaction in self.in_hand()]

    def takes_a_song_to(self, state: JobState) -> int:
        """Advance without faults until only a song in this state is claimed. Return its number of ways on."""
        while self.states_in_hand() != [state]:
            if all(song.due_at is None for song in self.books.songs.values()):
                self.clock.forward(hours=2)
                self.do([asks(len(self.books.songs) + 1, make.GUILD, make.MEMBER)], CALMLY)
            gives_up = state is JobState.FAILED and self.states_in_hand() == [JobState.QUEUED]
            self.works_once([2 if gives_up else 0], 0, CALMLY)
        if self.books.breaker_state == OPEN:
            self.do([self.has_heard_nothing_clear()], CALMLY)
        return len(self.ways(self.run(self.process.job(self.in_hand()[0]))))

    def claims(self, limit: int) -> Operation:
        async def real(process: Process) -> list[int]:
            found = await process.database.write(
                partial(
                    claim_due,
                    states=ALL,
                    epoch=process.epoch,
                    now=process.clock(),
                    horizon=schedule.LONGEST_STEP,
                    limit=limit,
                )
            )
            self.known += found
            return [job.origin.interaction_id for job in found]

        return Operation(real, lambda books, at: books.claim(at, limit))

    def overtaken(self) -> list[Job]:
        """Return claims that are no longer valid, latest first."""
        return [job for job in reversed(self.known) if self.books.is_stale(job)]

    @precondition(lambda self: bool(self.overtaken()))
    @rule(which=WHICH, way=WHICH, how=HOW)
    def works_on_what_is_overtaken(self, which: int, way: int, how: How) -> None:
        job = chosen(self.overtaken(), which)
        self.do([chosen(self.ways(job), way)], how)

    def ways(self, job: Job) -> list[Operation]:
        """Return the operations possible on a job claimed in this state."""
        match job.state:
            case JobState.QUEUED:
                return [
                    self.submits(job),
                    to(job, JobState.QUEUED, 5),
                    gives_up(job),
                    withdraws(job),
                    meets_a_bug(job),
                ]
            case JobState.SUBMITTING:
                return [*self.hears(job), gives_up(job), meets_a_bug(job)]
            case JobState.RUNNING:
                urls = tuple(f"https://files.example/{take}.mp3" for take in (1, 2))
                return [
                    to(job, JobState.READY, 0, row={"urls": json.dumps(urls)}, urls=urls),
                    to(job, JobState.RUNNING, 5),
                    to(
                        job,
                        JobState.RUNNING,
                        None,
                        lambda process: process.steps._poller._park_slow(job),
                        parked="slow",
                    ),
                    fails(job, FailReason.UPSTREAM_FAILED),
                    gives_up(job),
                    meets_a_bug(job),
                ]
            case JobState.READY:
                complete = job.tracks or self.books.is_stale(job)
                return [
                    stores(job) if complete else fetches(job),
                    stores(job),
                    fails(job, FailReason.AUDIO_GONE),
                    gives_up(job),
                    meets_a_bug(job),
                ]
            case JobState.STORED:
                return [self.sends(job), gives_up(job), meets_a_bug(job)]
            case JobState.DELIVERING:
                return [
                    to(job, JobState.DELIVERED, None, message_id=MessageId(900)),
                    to(job, JobState.DELIVERING, 5),
                    gives_up(job),
                    meets_a_bug(job),
                ]
            case _:
                return [
                    to(job, JobState.EXPLAINED, None, message_id=MessageId(901)),
                    to(job, job.state, 5),
                    meets_a_bug(job),
                ]

    def submits(self, job: Job) -> Operation:
        def model(books: Books, at: datetime) -> object:
            if at - job.created_at >= QUEUE_MAX:
                books.fail(job, FailReason.EXPIRED, at)
                return None
            wait_until = self.turn(books, lambda tx: breaker.admit(tx, Backend.SSEEDANCE, at))
            if wait_until is not None:
                books.move(job, JobState.QUEUED, min(wait_until, job.created_at + QUEUE_MAX))
                return None
            # An overtaken probe still blocks the endpoint for others.
            if books.is_stale(job):
                return Superseded
            row = {"submitted_at": milliseconds(at), "backend": Backend.SSEEDANCE}
            books.move(job, JobState.SUBMITTING, at, keep_claim=True, **row)
            return WaitsForAnswer

        shut = self.books.breaker_state.retry_at is not None
        return Operation(lambda process: process.steps._submitter.submit(job), model, alone=shut)

    def hears(self, job: Job) -> list[Operation]:
        """Return the music service's possible answers to the paid request."""
        self.tasks += 1
        task_id = f"task {self.tasks}"

        def accepted(books: Books, at: datetime) -> None:
            books.move(job, JobState.RUNNING, at + timedelta(seconds=10), task_id=task_id)
            self.turn(books, lambda tx: breaker.reset(tx, Backend.SSEEDANCE))

        def busy(books: Books, at: datetime) -> None:
            due_at = min(at + timedelta(seconds=30), job.created_at + QUEUE_MAX)
            books.move(job, JobState.QUEUED, due_at)

        def failed(reason: FailReason, turns: Callable[[Tx, datetime], object]) -> Model:
            def model(books: Books, at: datetime) -> None:
                books.fail(job, reason, at)
                self.turn(books, lambda tx: turns(tx, at))

            return model

        closed = wire.Rejected(FailReason.CLOSED, closed=ClosedCause.NO_CREDITS)
        answers: list[tuple[wire.Submitted, Model]] = [
            (wire.Accepted(TaskId(task_id)), accepted),
            (wire.Busy(retry_after_s=30), busy),
            (
                closed,
                failed(
                    FailReason.CLOSED,
                    lambda tx, at: breaker.block(tx, Backend.SSEEDANCE, ClosedCause.NO_CREDITS, at),
                ),
            ),
            (
                wire.Rejected(FailReason.REFUSED),
                failed(FailReason.REFUSED, lambda tx, _: breaker.reset(tx, Backend.SSEEDANCE)),
            ),
            (
                wire.Unknown(),
                failed(
                    FailReason.OUTCOME_UNKNOWN, lambda tx, at: breaker.unknown(tx, Backend.SSEEDANCE, job, at)
                ),
            ),
        ]
        # A job found in this state without an answer was left by an earlier process.
        found = Operation(
            lambda process: process.steps.take(job),
            lambda books, at: books.fail(job, FailReason.OUTCOME_UNKNOWN, at),
        )
        opens = (wire.Accepted, wire.Busy)
        return [
            *(
                Operation(partial(hear, job, answer), model, alone=not isinstance(answer, opens))
                for answer, model in answers
            ),
            found,
        ]

    def sends(self, job: Job) -> Operation:
        return to(
            job,
            JobState.DELIVERING,
            0,
            keep_claim=True,
            row={
                "delivery_channel_id": job.origin.channel_id,
                "delivery_direct": False,
                "delivery_started_at": milliseconds(make.NOW),
            },
            delivery=Delivery(channel_id=job.origin.channel_id, direct=False, started_at=make.NOW),
        )


def chosen(things: Sequence[T], which: int) -> T:
    return things[which % len(things)]


def told(task: "asyncio.Task[object]") -> object:
    """Return the caller's outcome: a result, or the type of an error."""
    error = task.exception()
    return task.result() if error is None else type(error)


def refuses(error: type[Exception]) -> Model:
    def model(_books: Books, _at: datetime) -> None:
        raise Refused(error)

    return model


async def hear(job: Job, answer: wire.Submitted, process: Process) -> None:
    await process.steps._submitter.conclude(job, job, answer)


def to(
    job: Job,
    state: JobState,
    wait_s: float | None,
    real: Real | None = None,
    *,
    keep_claim: bool = False,
    row: dict[str, object] | None = None,
    **change: Unpack[jobs.JobChange],
) -> Operation:
    """Return a transition of the job, by ``Transitions.to`` itself or by code with the same effect."""

    def due_at(now: datetime) -> datetime | None:
        return None if wait_s is None else now + timedelta(seconds=wait_s)

    async def move(process: Process) -> None:
        now = process.clock()
        await process.moves.to(job, state, due_at=due_at(now), keep_claim=keep_claim, **change)

    return Operation(
        real or move,
        lambda books, at: books.move(job, state, due_at(at), keep_claim=keep_claim, **(row or change)),
    )


def fails(job: Job, reason: FailReason, real: Real | None = None) -> Operation:
    return Operation(
        real or (lambda process: process.moves.fail(job, reason)),
        lambda books, at: books.fail(job, reason, at),
    )


def fetches(job: Job) -> Operation:
    interaction, take = job.origin.interaction_id, len(job.tracks) + 1
    track = Track(take=take, file=f"{job.id}-{take}", size_bytes=1, sha256=f"of {take}", url="")

    def model(books: Books, _: datetime) -> bool:
        if books.is_stale(job):
            return False
        books.fetched(interaction, take)
        return True

    return Operation(
        lambda process: process.database.write(partial(tracks.add_track, job=job, track=track)), model
    )


def stores(job: Job) -> Operation:
    def model(books: Books, at: datetime) -> None:
        books.move(job, JobState.STORED, at)
        books.close(job.origin.interaction_id, "settle")

    return Operation(lambda process: process.steps._fetcher._stored(job), model)


def gives_up(job: Job) -> Operation:
    def real(process: Process) -> Coroutine[Any, Any, object]:
        return process.steps.give_up(job)

    match job.state:
        case JobState.QUEUED | JobState.SUBMITTING:
            return fails(job, FailReason.INTERNAL, real)
        case JobState.RUNNING | JobState.READY:
            return to(job, job.state, None, real, parked="bug")
        case _:
            return to(job, JobState.UNDELIVERED, None, real)


def meets_a_bug(job: Job) -> Operation:
    """Return a failure that breaks halfway, or finds the job closed already: nothing changes."""

    def breaks(_: engine.Tx) -> None:
        raise LookupError("a bug")

    def model(books: Books, at: datetime) -> None:
        books.fail(job, FailReason.INTERNAL, at)
        raise Refused(LookupError)

    return Operation(lambda process: process.moves.fail(job, FailReason.INTERNAL, also=breaks), model)


async def silent(_: postgresql.Database) -> None:
    """Replace beats, which would be operations on nobody's behalf."""
    await asyncio.Event().wait()


@pytest.fixture
def machine(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    migrated: sqlite3.Connection,
    tx: Tx,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], Crashes]:
    monkeypatch.setattr(sqlite_connections, "PRAGMAS", (*sqlite_connections.PRAGMAS, *PRAGMAS))
    monkeypatch.setattr(sqlite_writer, "GROUP_MAX", GROUP_MAX)
    on_file = partial(Crashes, tmp_path / "runs", migrated.serialize(), tx)
    if request.config.getoption("--engine") == "sqlite":
        return on_file
    server = request.getfixturevalue("postgresql_server")
    for owner, name, value in (
        (postgresql, "GIVE_UP_AFTER_S", PATIENCE_S),
        (slots, "GRACE_S", 0.0),  # no previous holder could return
        (slots, "LOOK_S", 0.01),
        (postgresql.Database, "_beat", silent),
    ):
        monkeypatch.setattr(owner, name, value)

    def on_server() -> Crashes:
        monkeypatch.setattr(ServerProcess, "url", server.create())
        return on_file(process=ServerProcess)

    return on_server


@pytest.fixture
def crashes(machine: Callable[[], Crashes]) -> Iterator[Crashes]:
    made = machine()
    yield made
    made.teardown()


def test_every_action_is_atomic_despite_a_crash_at_any_statement(
    crashes: Crashes, request: pytest.FixtureRequest
) -> None:
    # On a server, each new process is a new session, so the ways share their statements.
    stride = 1 if request.config.getoption("--engine") == "sqlite" else STRIDE
    crashes.begins(CALMLY)
    crashes.do([grants(101, make.GUILD, make.MEMBER, 1_000)], CALMLY)
    for state in (state for state in JobState if state in OPEN_STATES):
        for way in itertools.count():
            if way >= crashes.takes_a_song_to(state):
                break
            for statements in itertools.count(way % stride, stride):
                if statements < 2 and crashes.overtaken():  # before and after the first death
                    crashes.works_on_what_is_overtaken(which=0, way=way, how=CALMLY)
                done = crashes.works_once([way], 0, How(dies_after=statements))
                crashes.nothing_is_lost_and_the_books_balance()
                crashes.works_once([way], 0, CALMLY)  # claimed again
                if done or crashes.states_in_hand() != [state]:
                    break


def test_a_crash_after_any_statement_loses_nothing_acknowledged(
    machine: Any,  # noqa: ANN401 - hypothesis takes what makes a machine, and wants a class
    request: pytest.FixtureRequest,
) -> None:
    on_file = request.config.getoption("--engine") == "sqlite"
    run_state_machine_as_test(machine, settings=SETTINGS if on_file else ON_SERVER)
