"""Faults of the database: what was promised is kept, what was not written was never promised."""

import asyncio
import contextlib
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.errors import StoreBusy
from bot.jobs.intake import Intake
from bot.model import FailReason, Job, JobState
from bot.playground.world import World
from bot.sandbox import server
from bot.store import database as module
from bot.store.database import Database, Tx
from bot.store.proof import prove
from bot.ui import answers as ui_answers
from bot.ui import words
from tests import make
from tests.faults.promise import assert_survived
from tests.jobs.doubles import AUDIO, SONG, answers, raises
from tests.jobs.rig import Rig

DONE, TOLD, RUNNING = JobState.DELIVERED, JobState.EXPLAINED, JobState.RUNNING
ROOT = Path(__file__).parents[2]
GIVE_UP_S, BUSY_MS = 0.08, 20


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A write waits for a locked file for a twenty-fifth of the usual time."""
    monkeypatch.setattr(module, "GIVE_UP_AFTER_S", GIVE_UP_S)
    monkeypatch.setattr(module, "PRAGMAS", (*module.PRAGMAS, f"PRAGMA busy_timeout = {BUSY_MS}"))


class Other:
    """Another program that has the file open."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)

    def lock(self) -> None:
        self._connection.execute("BEGIN IMMEDIATE")

    def unlock(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def other(database: Database) -> Iterator[Other]:
    made = Other(database.path)
    yield made
    made.close()


# -- busy


def test_a_locked_file_is_asked_for_four_times_while_a_member_waits() -> None:
    assert 1 + 3 == module.GIVE_UP_AFTER_S / (module.BUSY_TIMEOUT_MS / 1000)
    assert module.GIVE_UP_AFTER_S < 3.0


@pytest.mark.usefixtures("impatient")
async def test_a_request_while_the_file_stays_locked_is_tried_again_and_then_refused_as_busy(
    rig: Rig, caplog: pytest.LogCaptureFixture, other: Other
) -> None:
    begun: list[str] = []
    await rig.database.write(lambda tx: tx.set_trace_callback(begun.append))
    begun.clear()
    other.lock()
    with pytest.raises(StoreBusy) as refused:
        await rig.ask()
    other.unlock()
    tried = [sql for sql in begun if sql == "BEGIN IMMEDIATE"]
    await rig.database.write(lambda tx: tx.set_trace_callback(None))

    assert 2 <= len(tried)
    assert words.BUSY == ui_answers.sentence(refused.value)
    assert {} == await rig.books()
    job = await rig.ask()
    await rig.until(job, DONE)
    await assert_survived(rig, caplog, job, says="delivered")


@pytest.fixture
async def world(
    impatient: None,  # noqa: ARG001
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[World]:
    monkeypatch.setattr(server, "song", lambda *args, **_: SONG + repr(args).encode())
    async with World.open(tmp_path, delay_s=0.0, pace=0.005) as opened:
        yield opened


async def test_a_member_reads_within_the_time_of_one_write_that_the_bot_is_busy(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    given_up: list[object] = []
    write = Database.write

    async def counting(database: Database, fn: Callable[[Tx], object]) -> object:
        try:
            return await write(database, fn)
        except StoreBusy:
            if asyncio.current_task() is answering:
                given_up.append(fn)
            raise

    monkeypatch.setattr(Database, "write", counting)
    mia = world.add_member("Mia")
    answering = asyncio.current_task()
    with contextlib.closing(Other(world.parts.database.path)) as other:
        other.lock()
        result = await mia.slash(world.channel, "music create", prompt="anything")

    assert result.ephemeral
    assert result.response is not None
    assert words.BUSY == result.response.content
    assert len(given_up) <= 1
    proof = await world.parts.database.read(prove)
    assert ((), 0, 0) == (proof.findings, proof.held, proof.jobs)


async def test_a_song_that_was_promised_is_not_taken_back_in_words_when_the_file_is_locked_afterwards(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = Other(world.parts.database.path)
    answered = Intake.answered

    async def locked(*args: object) -> None:
        other.lock()
        try:
            await answered(*args)  # type: ignore[arg-type]
        finally:
            other.unlock()

    monkeypatch.setattr(Intake, "answered", locked)
    mia = world.add_member("Mia")

    result = await mia.slash(world.channel, "music create", prompt="anything")
    other.close()
    proof = await world.parts.database.read(prove)

    assert 1 == proof.jobs
    assert not result.ephemeral
    assert [] == [said.content for said in result.followups if "Nothing was charged" in said.content]


LOCKED_AT = {
    "the answer to the paid request": "POST",
    "a status query": "/v1/tasks/",
    "a download": "audio.example.com",
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("moment", LOCKED_AT)
async def test_a_file_that_is_locked_in_the_middle_of_a_step_holds_the_job_up_and_no_more(
    moment: str, rig: Rig, caplog: pytest.LogCaptureFixture, other: Other
) -> None:
    lock_at(rig, other, LOCKED_AT[moment], sleeps=2)
    job = await rig.ask()

    await rig.until(job, DONE)

    assert "can't be written down" in caplog.text
    await assert_survived(rig, caplog, job, says="delivered")


def lock_at(rig: Rig, other: Other, text: str, *, sleeps: int) -> None:
    """Lock the file when a request with this text is under way, until somebody has slept so often."""
    left = sleeps

    async def meet(request: httpx.Request) -> httpx.Response:
        met = text in f"{request.method} {request.url}"
        rig.music.hangs = None
        try:
            return await rig.music._answer(request)
        finally:
            if met:
                other.lock()
            else:
                rig.music.hangs = meet

    async def sleep(_: float) -> None:
        nonlocal left
        left -= 1
        if left <= 0:
            other.unlock()

    rig.music.hangs, rig.sleep = meet, sleep


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("fails", [False, True], ids=["a song", "a notice"])
async def test_a_message_whose_sending_can_not_be_written_down_is_posted_once(
    fails: bool,
    rig: Rig,
    caplog: pytest.LogCaptureFixture,
    other: Other,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send = rig.chat._post
    sleeps = 0

    def sending(*args: object) -> int:
        message_id = send(*args)  # type: ignore[arg-type]
        if sleeps == 0:
            other.lock()
        return message_id

    async def sleep(_: float) -> None:
        nonlocal sleeps
        sleeps += 1
        other.unlock()

    monkeypatch.setattr(rig.chat, "_post", sending)
    rig.sleep = sleep
    rig.music.on_post = [answers(400, message="no")] if fails else []
    job = await rig.ask()

    await rig.until(job, TOLD if fails else DONE)

    assert sleeps
    await assert_survived(rig, caplog, job, says="can't be written down")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("failing_writes", [1, 2])
async def test_a_card_whose_edit_can_not_be_written_down_is_kept_up_to_date_all_the_same(
    failing_writes: int,
    rig: Rig,
    caplog: pytest.LogCaptureFixture,
    other: Other,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    job = await rig.ask()
    await rig.until(job, DONE)
    left, update, write = failing_writes, rig.chat.update_card, Database.write

    async def updating(*args: object) -> None:
        if left:
            other.lock()
        await update(*args)  # type: ignore[arg-type]

    async def writing(database: Database, fn: Callable[[Tx], object]) -> object:
        nonlocal left
        try:
            return await write(database, fn)
        except StoreBusy:
            left -= 1
            if left <= 0:
                other.unlock()
            raise

    monkeypatch.setattr(rig.chat, "update_card", updating)
    monkeypatch.setattr(Database, "write", writing)
    rig.chat.cards.clear()
    for _ in range(8):
        rig.clock.forward(seconds=10)
        await rig.round()

    assert left <= 0
    shown = (await rig.get(job)).card_shown
    assert ((job.id, DONE), True) == (rig.chat.cards[-1], shown.startswith("delivered"))
    await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.usefixtures("impatient")
async def test_a_paid_task_that_can_not_be_written_down_for_too_long_is_not_paid_for_again(
    rig: Rig, caplog: pytest.LogCaptureFixture, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "GIVE_UP_AFTER_S", 0.0)
    lock_at(rig, other, "POST", sleeps=30)
    job = await rig.ask()

    await rig.until(job, TOLD)

    assert FailReason.OUTCOME_UNKNOWN is (await rig.get(job)).reason
    await assert_survived(rig, caplog, job, says="unknown outcome")


CLEAR: dict[str, tuple[Callable[[httpx.Request], httpx.Response], JobState, FailReason | None]] = {
    "busy": (answers(429), DONE, None),
    "no connection": (raises(httpx.ConnectError("")), DONE, None),
    "refused": (answers(400, message="no"), TOLD, FailReason.REFUSED),
    "closed": (answers(402), TOLD, FailReason.CLOSED),
}


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("answer", CLEAR)
async def test_a_clear_answer_that_can_not_be_written_down_at_once_stays_what_it_is(
    answer: str, rig: Rig, caplog: pytest.LogCaptureFixture, other: Other
) -> None:
    said, end, reason = CLEAR[answer]
    rig.music.on_post = [said]
    lock_at(rig, other, "POST", sleeps=2)
    job = await rig.ask()

    await rig.until(job, DONE, TOLD)

    assert (end, reason) == (await rig.state(job), (await rig.get(job)).reason)
    await assert_survived(rig, caplog, job, says="job", posts=2 if end is DONE else 1)


@pytest.mark.usefixtures("impatient")
async def test_a_file_that_is_locked_between_two_rounds_holds_nobody_up_afterwards(
    rig: Rig, caplog: pytest.LogCaptureFixture, other: Other
) -> None:
    job = await rig.ask()
    async with rig.process() as runner:
        while await rig.state(job) is not DONE:
            other.lock()
            assert 0 == await runner.round()
            other.unlock()
            await runner.round()
            rig.clock.forward(seconds=max(await rig.wait_s(job) or 0.0, 0.0))

    assert "the jobs can't be looked at" in caplog.text
    await assert_survived(rig, caplog, job, says="delivered")


# -- full


async def fill(database: Database) -> None:
    """From here on the file can't grow."""
    await database.write(
        lambda tx: tx.execute(f"PRAGMA max_page_count = {tx.execute('PRAGMA page_count').fetchone()[0]}")
    )


async def make_room(database: Database) -> None:
    await database.write(lambda tx: tx.execute("PRAGMA max_page_count = 1000000"))


async def test_requests_on_a_full_disk_are_refused_politely_and_accepted_when_there_is_room(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    before = await rig.ask()
    await rig.until(before, DONE)
    books, balance = await rig.books(), await rig.balance()
    request = make.custom(lyrics="x" * 5_000)

    await fill(rig.database)
    refused = await asyncio.gather(*(rig.ask(request) for _ in range(3)), return_exceptions=True)
    assert [words.BUSY] * 3 == [ui_answers.sentence(error) for error in refused if isinstance(error, Exception)]
    assert (books, balance) == (await rig.books(), await rig.balance())
    await make_room(rig.database)
    after = await rig.ask(request)
    await rig.until(after, DONE)

    await assert_survived(rig, caplog, before, after, says="delivered")


async def test_a_song_that_finds_the_disk_full_on_its_way_waits_and_arrives(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    rig.task.urls = [f"{AUDIO}/{'x' * 6_000}-{take}.mp3" for take in (1, 2)]

    await fill(rig.database)
    await rig.step(job)
    await rig.step(job)
    assert RUNNING is await rig.state(job)
    await make_room(rig.database)
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says="not now: the database")


async def read_only(database: Database, word: str) -> None:
    writer = database._writer
    await writer._execute(writer._conn.execute, f"PRAGMA query_only = {word}")  # type: ignore[no-untyped-call]


async def test_a_file_that_may_not_be_written_to_for_a_while_loses_and_repeats_nothing(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()

    async with rig.process() as runner:
        while await rig.state(job) is not DONE:
            rig.clock.forward(seconds=max(await rig.wait_s(job) or 0.0, 0.0))
            await read_only(rig.database, "ON")
            assert 0 == await runner.round()
            await read_only(rig.database, "OFF")
            await runner.round()

    assert "the jobs can't be looked at" in caplog.text
    await assert_survived(rig, caplog, job, says="delivered")


# -- refusals to start


def healthy(path: Path) -> None:
    module._connect(path).close()


def corrupt(path: Path) -> None:
    healthy(path)
    content = bytearray(path.read_bytes())
    content[4_096 * 2 : 4_096 * 6] = b"\xa5" * 4_096 * 4
    path.write_bytes(content)


def cut_short(path: Path) -> None:
    healthy(path)
    path.write_bytes(path.read_bytes()[:10_000])


def newer(path: Path) -> None:
    healthy(path)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 1000")


REFUSED: dict[str, tuple[Callable[[Path], object], str]] = {
    "no database": (lambda path: path.write_text("a letter\n" * 1_000), "no usable SQLite database"),
    "corrupt": (corrupt, "no usable SQLite database"),
    "cut short": (cut_short, "no usable SQLite database"),
    "newer schema": (newer, "newer Tunesmith"),
    "a folder": (lambda path: path.mkdir(), "can't be used now"),
}


def refusal(database: Path) -> str:
    """What ``tunesmith run`` says before it ends with 1."""
    result = CliRunner().invoke(cli, ["run"], env={"DATABASE_URL": f"sqlite:///{database}"})
    assert (1, "") == (result.exit_code, result.stdout)
    assert isinstance(result.exception, SystemExit), repr(result.exception)
    return str(result.stderr)


def assert_one_sentence(said: str, about: str) -> None:
    assert about in said
    assert said.startswith("DATABASE_URL")
    assert 1 == said.count("\n")
    assert said.endswith(".\n")
    assert "Traceback" not in said


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("fault", REFUSED)
def test_a_file_that_can_not_be_used_stops_the_start_with_one_sentence_and_is_left_alone(
    fault: str, tmp_path: Path
) -> None:
    path = tmp_path / "tunesmith.db"
    damage, about = REFUSED[fault]
    damage(path)
    before = path.read_bytes() if path.is_file() else b""

    said = refusal(path)

    assert_one_sentence(said, about)
    assert before == (path.read_bytes() if path.is_file() else b"")


@pytest.mark.usefixtures("configured")
async def test_a_second_instance_stops_with_one_sentence_and_leaves_the_first_alone(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()

    said = await asyncio.to_thread(refusal, rig.database.path)

    assert_one_sentence(said, "already runs")
    await rig.until(job, DONE)
    await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.usefixtures("configured")
@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs"])
def test_a_network_file_system_stops_the_start_with_one_sentence(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/data {tmp_path.resolve()} {kind} rw 0 0\n")
    monkeypatch.setattr(module, "MOUNTS", mounts)

    said = refusal(tmp_path / "tunesmith.db")

    assert_one_sentence(said, "network file system")
    assert not (tmp_path / "tunesmith.db").exists()


@pytest.mark.usefixtures("impatient", "configured")
def test_a_file_that_another_program_keeps_locked_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "tunesmith.db"
    healthy(path)
    with contextlib.closing(Other(path)) as other:
        other.lock()

        said = refusal(path)

    assert_one_sentence(said, "")


# -- cancelled


@pytest.mark.parametrize("passes", range(6))
async def test_a_request_that_is_called_off_in_its_transaction_happened_whole_or_not_at_all(
    passes: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    tasks = [asyncio.create_task(rig.intake.accept(make.prompt(), make.reply_to())) for _ in range(10)]
    for _ in range(passes):
        await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await rig.database.write(lambda _: None)

    ids = await rig.database.read(
        lambda tx: [row["id"] for row in tx.execute("SELECT id FROM job ORDER BY id").fetchall()]
    )
    words_kept = await rig.database.read(lambda tx: tx.execute("SELECT COUNT(*) FROM words").fetchone()[0])
    jobs = [await rig.get(make.job(id=number)) for number in ids]
    assert len(jobs) == words_kept == (await rig.books()).get("hold", 0)
    for job in jobs:
        await rig.until(job, DONE)
    assert {DONE: len(jobs)} == {DONE: len(rig.chat.posts)}
    proof = await rig.database.read(prove)
    assert ((), 0) == (proof.findings, proof.held)
    assert len(jobs) == rig.music.posts
    assert len(jobs) == caplog.text.count(": delivered")


async def test_a_transaction_that_has_begun_when_its_caller_is_called_off_is_whole(rig: Rig) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def slowly(_: Tx) -> None:
        begun.set()
        assert go_on.wait(5.0)

    plug = asyncio.create_task(rig.database.write(slowly))
    await asyncio.to_thread(begun.wait, 5.0)
    task = asyncio.create_task(rig.intake.accept(make.prompt(), make.reply_to()))
    await asyncio.sleep(0)
    task.cancel()
    go_on.set()
    await asyncio.wait([task, plug])
    await rig.database.write(lambda _: None)

    proof = await rig.database.read(prove)
    assert ((), proof.jobs * 10) == (proof.findings, proof.held)


# -- a long report


async def test_a_long_report_leaves_writers_alone(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    begun, end = threading.Event(), threading.Event()

    def report(tx: Tx) -> tuple[int, int]:
        (before,) = tx.execute("SELECT COUNT(*) FROM ledger").fetchone()
        begun.set()
        assert end.wait(5.0)
        return before, tx.execute("SELECT COUNT(*) FROM ledger").fetchone()[0]

    reading = asyncio.create_task(rig.database.read(report))
    await asyncio.to_thread(begun.wait, 5.0)
    async with asyncio.timeout(1.0):
        jobs = [await rig.ask() for _ in range(5)]
    async with rig.process() as runner:
        around = asyncio.create_task(runner.round())
        async with asyncio.timeout(1.0):
            while len(rig.music.tasks) < 4:  # as many as are sent at a time
                await asyncio.sleep(0.01)
        assert not reading.done()
        end.set()
        await around

    assert (0, 0) == await reading
    for job in jobs:
        await rig.until(job, DONE)
    await assert_survived(rig, caplog, *jobs, says="delivered")


# -- migrations

NEXT = """\
ALTER TABLE job ADD COLUMN note TEXT NOT NULL DEFAULT '';
CREATE TABLE extra (id INTEGER PRIMARY KEY, said TEXT) STRICT;
INSERT INTO extra SELECT id, state FROM job;
CREATE INDEX job_note ON job (note);
UPDATE job SET note = 'kept';
"""


def shape(path: Path) -> tuple[int, frozenset[str]]:
    """The version of a file and all that its schema says."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return version, frozenset(sql for (sql,) in rows)


def killed_in_its_migration(path: Path, folder: Path) -> list[Path]:
    """What a process that dies in the migration of ``path`` leaves, for each moment at which it may die."""
    left: list[Path] = []

    def die(_: str) -> None:
        left.append(folder / str(len(left)) / path.name)
        left[-1].parent.mkdir(parents=True)
        for ending in ("", "-wal"):
            if (found := Path(f"{path}{ending}")).exists():
                shutil.copy(found, f"{left[-1]}{ending}")

    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in module.PRAGMAS:
        connection.execute(pragma)
    connection.set_trace_callback(die)
    module.migrate(connection, path)
    die("")
    connection.close()
    return left


@pytest.fixture
def next_step(tmp_path: Path) -> Path:
    """One more migration, for whoever puts it among the others."""
    step = tmp_path / "9999_next.sql"
    step.write_text(NEXT)
    return step


@pytest.mark.usefixtures("nothing_is_flushed")
async def test_a_process_that_is_killed_in_its_first_migration_leaves_a_file_that_starts(
    tmp_path: Path,
) -> None:
    fresh = tmp_path / "tunesmith.db"
    left = killed_in_its_migration(fresh, tmp_path / "left")
    empty, new = (0, frozenset()), shape(fresh)

    assert len(left) > 20
    assert {empty, new} == {shape(path) for path in left}
    for path in left[:: len(left) // 5]:
        async with Database.open(path) as database:
            assert () == (await database.read(prove)).findings
        assert new == shape(path)


async def test_a_process_that_is_killed_in_a_later_migration_leaves_the_old_file_or_the_new_one(
    rig: Rig, caplog: pytest.LogCaptureFixture, tmp_path: Path, next_step: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await rig.ask()
    await rig.until(job, RUNNING)
    await rig.database.write(lambda tx: tx.execute("SELECT 1"))
    copy = tmp_path / "copy" / "tunesmith.db"
    copy.parent.mkdir()
    with contextlib.closing(sqlite3.connect(rig.database.path)) as connection:
        connection.execute("VACUUM INTO ?", (str(copy),))
    old = shape(copy)
    steps = [*module.migrations(), next_step]
    monkeypatch.setattr(module, "migrations", lambda: steps)

    left = killed_in_its_migration(copy, tmp_path / "left")
    new = shape(copy)

    assert len(left) >= 8
    assert {old, new} == {shape(path) for path in left}
    assert old == shape(left[-2])
    for path in left[::3]:
        await arrives(path, job, rig)
        assert new == shape(path)
    assert caplog.text.count("delivered") >= len(left) // 3


async def arrives(path: Path, job: Job, rig: Rig) -> None:
    """The job that the first process left is delivered by the next one, on this file."""
    async with Database.open(path) as database:
        following = Rig(database, path.parent / "spool", make.Clock(rig.clock.now))
        following.music.tasks = dict(rig.music.tasks)
        await following.until(job, DONE)
        assert (0, 1) == (following.music.posts, len(following.chat.posts))
        assert () == (await database.read(prove)).findings


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from bot.store import database

left = int(sys.argv[2])

def die(_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

path = Path(sys.argv[1])
connection = sqlite3.connect(path, isolation_level=None)
connection.execute("PRAGMA journal_mode = WAL")
connection.set_trace_callback(die)
database.migrate(connection, path)
"""


@pytest.mark.parametrize("at_statement", [5, 20])
async def test_a_process_that_is_killed_for_good_in_a_migration_leaves_a_file_that_starts(
    at_statement: int, tmp_path: Path
) -> None:
    path = tmp_path / "tunesmith.db"
    command = [sys.executable, "-c", KILLED, str(path), str(at_statement)]

    ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=False)

    assert -signal.SIGKILL == ended.returncode
    async with Database.open(path) as database:
        proof = await database.read(prove)
    assert ((), 0) == (proof.findings, proof.jobs)
