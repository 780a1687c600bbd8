"""Faults of the database: a locked, full or broken file loses no credit or song and repeats no message."""

import asyncio
import contextlib
import itertools
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import filelock
import httpx
import pytest
import typer

from bot import cli
from bot.database import (
    engine,
    exclusive_lock,
    migrating,
    postgresql,
    sqlite,
    sqlite_connections,
    sqlite_writer,
)
from bot.database.facts import fact, remember
from bot.database.sqlite import Database, Tx
from bot.errors import StoreBusy
from bot.model import Job, JobState
from bot.refusals import NotEnoughCredits
from bot.store import ledger, ledger_entries
from bot.store.reconcile import reconcile
from tests import make
from tests.conftest import PATIENCE_S
from tests.faults.evening import A_DAY_S, Evening
from tests.faults.promise import assert_survived
from tests.faults.troubles import HASTE, TROUBLES, Trouble, locked, make_hasty
from tests.unit.pipeline.rig import Rig

DONE = JobState.DELIVERED
NOBODY = 65_534
WAYPOINTS = [JobState.QUEUED, JobState.RUNNING, JobState.READY, JobState.STORED]


@pytest.fixture
async def hasty(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """A database whose writes wait for a locked file for 1/25 of the usual time, and for no other reason."""
    be_patient(monkeypatch)  # until a trouble begins: see troubles.py
    await make_hasty(database)
    return database


def be_patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no write time out from now on."""
    for module in (sqlite, postgresql):
        monkeypatch.setattr(module, "GIVE_UP_AFTER_S", PATIENCE_S)


@pytest.fixture
def rig(hasty: Database, rig: Rig) -> Rig:
    assert hasty is rig.database
    return rig


# -- busy, or full


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_member_who_asks_meanwhile_sees_busy_and_no_credits_are_held(
    trouble: str, rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Evening.begun(rig, monkeypatch) as evening, evening.connected():
        with TROUBLES[trouble](rig.database):
            busy = await evening.discord.slash("music create", prompt="Rain on neon", timeout_s=A_DAY_S)
            form = await evening.discord.slash("music custom")
            words = {"title": "Neon Rain", "style": "synthwave", "lyrics": "City lights"}
            busy_too = await evening.discord.submit(form, words, timeout_s=A_DAY_S)
        assert [] == await evening.jobs()
        assert () == (await rig.database.read(reconcile)).findings
        await evening.discord.slash("music create", prompt="Later", timeout_s=A_DAY_S)
        job = await evening.job()
        await rig.until(job, DONE)

        said = "I'm very busy right now. Nothing was charged. Please try again in a moment."
        assert [(True, said)] * 2 == [(one.ephemeral, one.content) for one in (busy, busy_too)]
        # The typed text is not lost.
        assert ["Prompt: Rain on neon"] == [
            one.data.decode() for one in evening.discord.ephemeral_messages[0].attachments
        ]
        assert b"City lights" in evening.discord.ephemeral_messages[1].attachments[0].data
        await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.sqlite
async def test_a_write_is_tried_several_times_before_it_gives_up(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[str] = []
    await rig.database._writer.set_trace_callback(seen.append)

    def perf_counter() -> float:
        """Measure time in tries, each as long as SQLite waits, however busy this machine is."""
        return seen.count("BEGIN IMMEDIATE") * sqlite_connections.BUSY_TIMEOUT_MS / (1_000 * HASTE)

    for module in (sqlite, sqlite_writer):
        monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=perf_counter))

    with locked(rig.database), pytest.raises(StoreBusy):
        await rig.ask()

    assert 3 <= seen.count("BEGIN IMMEDIATE") <= 6
    assert 3 <= engine.GIVE_UP_AFTER_S * 1_000 / sqlite_connections.BUSY_TIMEOUT_MS
    await rig.database._writer.set_trace_callback(None)  # type: ignore[arg-type] # None takes it away


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("state", WAYPOINTS)
async def test_the_runner_continues_afterwards_where_it_was(
    state: JobState, trouble: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, state)

    async with rig.process() as runner:
        rig.clock.forward(seconds=30)
        with TROUBLES[trouble](rig.database):
            for _ in range(3):
                assert 0 == await runner.round()
        assert state is await rig.state(job)
        await rig.rest(20, runner)

    assert DONE is await rig.state(job)
    await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.parametrize("waits", [1, 10])
@pytest.mark.parametrize("trouble", TROUBLES)
async def test_the_answer_to_a_paid_request_is_recorded_as_soon_as_possible(
    trouble: str, waits: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    met = Trouble(rig, trouble, waits)

    def accepted(request: httpx.Request) -> httpx.Response:
        met.begin()
        return rig.music.accepted(request)

    rig.music.on_post = [accepted]
    job = await rig.ask()

    await rig.until(job, DONE)

    assert waits == caplog.text.count("not recorded yet")
    await assert_survived(rig, caplog, job, says="delivered")


@pytest.mark.parametrize("trouble", TROUBLES)
async def test_a_song_whose_posting_is_recorded_late_is_posted_once(
    trouble: str, rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    met = Trouble(rig, trouble, waits=3)
    post = rig.chat.post_song

    async def posted(*args: Any) -> int:  # noqa: ANN401 - passed on
        monkeypatch.setattr(rig.chat, "post_song", post)
        message_id = await post(*args)
        met.begin()
        return message_id

    job = await rig.ask()
    await rig.until(job, JobState.STORED)
    monkeypatch.setattr(rig.chat, "post_song", posted)

    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says="not recorded yet")


async def test_each_request_during_a_short_lock_is_accepted_or_refused(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    with locked(rig.database):
        asking = [asyncio.create_task(rig.ask()) for _ in range(10)]
        await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
        be_patient(monkeypatch)  # the others wait until the file is unlocked
        asking += [asyncio.create_task(rig.ask()) for _ in range(10)]
        await asyncio.sleep(0)

    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    jobs = [outcome for outcome in outcomes if isinstance(outcome, Job)]
    for job in jobs:
        await rig.until(job, DONE)

    refusals = [type(outcome) for outcome in outcomes if not isinstance(outcome, Job)]
    assert StoreBusy in refusals
    # Some of those still waiting when the file was unlocked may be among the ten with credits.
    assert set(refusals) <= {StoreBusy, NotEnoughCredits}
    assert 10 == len(jobs)
    await assert_survived(rig, caplog, *jobs, says="delivered")


@pytest.mark.sqlite
async def test_a_full_database_refuses_songs_until_there_is_room(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    (pages,) = await rig.database.write(lambda tx: tx.execute("PRAGMA page_count").fetchone())
    await rig.database.write(lambda tx: tx.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    jobs: list[Job] = []

    with pytest.raises(StoreBusy, match="full"):  # noqa: PT012 - each of them takes some room
        for _ in range(10):
            long = make.custom(title=f"Song {len(jobs)}", lyrics="la " * 1_600)
            jobs.append(await rig.ask(long))
    reconciliation = await rig.database.read(reconcile)
    assert ((), len(jobs), 10 * len(jobs)) == (
        reconciliation.findings,
        reconciliation.jobs,
        reconciliation.held,
    )

    await rig.database.write(lambda tx: tx.execute("PRAGMA max_page_count = 1000000").fetchone())
    jobs.append(await rig.ask())
    for job in jobs:
        await rig.until(job, DONE)

    await assert_survived(rig, caplog, *jobs, says="delivered")


# -- a start that is refused


@pytest.fixture
def path(tmp_path: Path, blank_file: bytes, configured: None) -> Path:  # noqa: ARG001
    """The path of the configured database."""
    path = tmp_path / "tunesmith.db"
    path.write_bytes(blank_file)
    return path


def running() -> tuple[set[threading.Thread], int]:
    """Return the threads of this process, and its number of open files."""
    return set(threading.enumerate()), len(list(Path("/proc/self/fd").iterdir()))


def refusal(path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one sentence with which ``tunesmith run`` refuses to start, leaving nothing behind."""
    threads, files = running()
    with pytest.raises(typer.Exit) as ended:
        cli.run()
    threads_after, files_after = running()
    # Threads of earlier tests may end meanwhile.
    assert (1, set(), files) == (ended.value.exit_code, threads_after - threads, files_after)
    said = capsys.readouterr()
    (sentence,) = said.err.splitlines()
    assert ("", "DATABASE_URL: ", ".") == (said.out, sentence[:14], sentence[-1])
    assert str(path) in sentence
    return sentence


def assert_starts() -> None:
    with pytest.raises(BaseExceptionGroup) as ended:
        cli.run()
    assert ["it started"] == [str(error) for error in ended.value.exceptions]


def test_a_sound_database_is_not_refused(path: Path) -> None:
    assert path.is_file()
    assert_starts()


def no_database(path: Path) -> None:
    path.write_bytes(b"no database at all, " * 1_000)


def damaged(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 3 * 4096] = b"\xa5" * (2 * 4096)
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    os.truncate(path, 5 * 4096)


def newer(path: Path) -> None:
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("PRAGMA user_version = 999")


def a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def text(path: Path) -> None:
    path.write_text("DISCORD_TOKEN=what was meant to be a file of settings\n")


def a_folder_for_the_lock(path: Path) -> None:
    path.with_name(f"{path.name}.lock").mkdir()


def without_contents(path: Path) -> None:
    """Replace it by a file that anyone can open but nobody can read."""
    path.unlink()
    path.symlink_to("/proc/self/mem")


def without_room_for_changes(path: Path) -> None:
    """Replace it by a file that anyone can read but nobody can write."""
    path.unlink()
    path.symlink_to("/proc/version")


def pointing_nowhere(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent / "missing" / "file")


def of_another_program(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE fact (id INTEGER)")
        other.commit()


def of_another_program_with_a_version(path: Path) -> None:
    path.unlink()
    with contextlib.closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE member (id INTEGER)")
        other.execute("PRAGMA user_version = 3")
        other.commit()


def of_another_program_with_a_log(path: Path) -> None:
    """Create it as another program leaves it when killed: with everything in its log."""
    path.unlink()
    source = path.with_name("other.db")
    with contextlib.closing(sqlite3.connect(source, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("CREATE TABLE notes (id INTEGER)")
        other.execute("PRAGMA user_version = 3")
        for ending in ("", "-wal"):
            shutil.copy(f"{source}{ending}", f"{path}{ending}")


def test_another_programs_log_is_left_untouched(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_another_program_with_a_log(path)
    files = [path, path.with_name(f"{path.name}-wal")]
    contents = [file.read_bytes() for file in files]

    assert "belongs to another program" in refusal(path, capsys)

    assert contents == [file.read_bytes() for file in files]
    assert len(contents[1]) > 0


def test_an_empty_file_is_a_new_database(path: Path) -> None:
    path.write_bytes(b"")

    assert_starts()


BROKEN: dict[str, tuple[Callable[[Path], None], str]] = {
    "no database": (no_database, "not a usable SQLite database"),
    "damaged": (damaged, "not a usable SQLite database"),
    "text": (text, "not a usable SQLite database"),
    "cut off": (cut_off, "not a usable SQLite database"),
    "newer": (newer, "newer Tunesmith"),
    "a folder": (a_folder, "can't be used now"),
    "a folder for the lock": (a_folder_for_the_lock, "can't be written to"),
    "unreadable": (without_contents, "can't be used now"),
    "unwritable": (without_room_for_changes, "can't be used now"),
    "pointing nowhere": (pointing_nowhere, "can't be used now"),
    "of another program": (of_another_program, "belongs to another program"),
    "of another program with a version": (of_another_program_with_a_version, "belongs to another program"),
}


@pytest.mark.parametrize("how", BROKEN)
def test_a_broken_database_is_refused_and_left_untouched(
    how: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    breaks, says = BROKEN[how]
    breaks(path)
    # The head of the first page records the journal mode.
    content = path.read_bytes()[100:] if path.is_file() and not path.is_symlink() else b""

    assert says in refusal(path, capsys)
    assert says in refusal(path, capsys)
    assert content == (path.read_bytes()[100:] if content else b"")


@pytest.fixture
def shared(
    blank_file: bytes,
    configured: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Path]:
    """A used database in its own folder, accessible to everybody."""
    with tempfile.TemporaryDirectory() as made:
        base = Path(made)
        base.chmod(0o755)
        path = base / "data" / "tunesmith.db"
        path.parent.mkdir()
        path.write_bytes(blank_file)
        monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}")
        monkeypatch.setenv("SPOOL_DIR", str(base / "spool"))
        monkeypatch.chdir(base)
        assert_starts()  # imports everything needed
        path.with_name(f"{path.name}.lock").unlink(missing_ok=True)
        (base / "spool").chmod(0o777)
        path.parent.chmod(0o777)
        path.chmod(0o666)
        yield path
        path.parent.chmod(0o700)


@contextmanager
def without_privileges() -> Iterator[None]:
    """Drop root's privileges, which allow reading and writing everything."""
    was = os.geteuid()
    if was == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(was)


@pytest.mark.parametrize(
    ("folder_mode", "file_mode"),
    [(0o777, 0o000), (0o777, 0o444), (0o777, 0o222), (0o555, 0o666), (0o555, 0o444), (0o000, 0o666)],
    ids=oct,
)
def test_a_database_that_may_not_be_read_or_written_is_refused(
    folder_mode: int, file_mode: int, shared: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared.chmod(file_mode)
    shared.parent.chmod(folder_mode)

    with without_privileges():
        sentence = refusal(shared, capsys)

    assert re.search("can't be (used now|written to)", sentence)


@pytest.mark.parametrize("where", ["/proc/tunesmith/x.db", "/dev/null/x.db"])
def test_a_database_folder_that_cannot_be_created_is_refused(
    where: str,
    configured: None,  # noqa: ARG001
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{where}")

    assert "can't be written to" in refusal(Path(where), capsys)


def test_a_file_in_place_of_the_folder_is_refused(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{path}/tunesmith.db")

    assert "can't be written to" in refusal(path / "tunesmith.db", capsys)


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "9p", "fuse.sshfs"])
def test_a_network_file_system_is_refused(
    kind: str, path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = path.parent / "mounts"
    mounts.write_text(f"/dev/vda / ext4 rw 0 0\nserver:/x {path.parent} {kind} rw 0 0\n")
    monkeypatch.setattr(exclusive_lock, "MOUNTS", mounts)

    assert f"network file system ({kind})" in refusal(path, capsys)


def test_a_second_instance_is_refused_until_the_first_has_ended(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with filelock.FileLock(f"{path}.lock"):
        assert "already runs" in refusal(path, capsys)
        assert "already runs" in refusal(path, capsys)

    assert_starts()


OTHER_PROGRAM = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
for statement in sys.argv[2:]:
    connection.execute(statement)
print("ready", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("lock", ["BEGIN IMMEDIATE", "BEGIN EXCLUSIVE"])
@pytest.mark.parametrize("mode", ["journal_mode = WAL", "journal_mode = DELETE", "locking_mode = EXCLUSIVE"])
def test_a_file_locked_by_another_program_is_not_called_damaged(
    mode: str,
    lock: str,
    path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        sqlite_connections, "PRAGMAS", ("PRAGMA busy_timeout = 20", *sqlite_connections.PRAGMAS[:1])
    )
    monkeypatch.setattr(sqlite, "GIVE_UP_AFTER_S", 0.08)
    command = [sys.executable, "-c", OTHER_PROGRAM, str(path), f"PRAGMA {mode}", lock]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:  # noqa: S603
        assert other.stdout is not None
        assert b"ready\n" == other.stdout.readline()
        sentence = refusal(path, capsys)
        other.communicate()

    assert "locked" in sentence
    assert "backup" not in sentence
    assert_starts()


# -- cancelled callers


@pytest.mark.parametrize("turns", range(8))
async def test_a_canceled_request_is_written_whole_or_not_at_all(
    turns: int, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    asking = asyncio.create_task(rig.ask())

    for _ in range(turns):
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.wait([asking])
    await rig.database.write(lambda _: None)  # work in progress has ended

    reconciliation = await rig.database.read(reconcile)
    assert ((), 10 * reconciliation.jobs) == (reconciliation.findings, reconciliation.held)
    other = await rig.ask()
    await rig.until(other, DONE)
    assert "bug in" not in caplog.text


async def test_a_request_canceled_in_its_transaction_is_written_whole(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    hold = ledger.hold

    def held_up(*args: Any) -> ledger_entries.Hold:  # noqa: ANN401 - passed on
        held = hold(*args)
        reached.set()
        assert go_on.wait(5.0)
        return held

    monkeypatch.setattr(ledger, "hold", held_up)
    be_patient(monkeypatch)
    asking = asyncio.create_task(rig.ask())
    await asyncio.to_thread(reached.wait, 5.0)

    asking.cancel()
    await asyncio.wait([asking])
    go_on.set()
    await rig.database.write(lambda _: None)

    reconciliation = await rig.database.read(reconcile)
    assert ((), 1, 10) == (reconciliation.findings, reconciliation.jobs, reconciliation.held)


async def test_canceled_requests_do_not_affect_others_in_their_group(
    rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    be_patient(monkeypatch)
    await rig.credits.set_allowance(make.GUILD, 1_000, None, make.entry())
    asking = [asyncio.create_task(rig.ask()) for _ in range(40)]
    await asyncio.sleep(0)

    for task in asking[::2]:
        task.cancel()
    outcomes = await asyncio.gather(*asking, return_exceptions=True)
    await rig.database.write(lambda _: None)

    asked = [outcome for outcome in outcomes if isinstance(outcome, Job)]
    reconciliation = await rig.database.read(reconcile)
    assert ((), 10 * reconciliation.jobs) == (reconciliation.findings, reconciliation.held)
    assert 20 == len(asked) <= reconciliation.jobs <= 40
    assert "bug in" not in caplog.text


@pytest.mark.parametrize("number", range(1, 5))
async def test_a_process_canceled_during_any_write_leaves_a_usable_job(
    number: int, rig: Rig, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)
    write, writes = rig.database.write, itertools.count(1)

    async with rig.process() as runner:
        rig.clock.forward(seconds=10)

        async def called_off(fn: Callable[[Tx], object]) -> object:
            if next(writes) == number:
                for task in [*runner._busy, around]:
                    task.cancel()
            return await write(fn)

        with monkeypatch.context() as patch:
            patch.setattr(rig.database, "write", called_off)
            around = asyncio.create_task(runner.round())
            await asyncio.wait([around])
            await runner._drain()
    assert next(writes) > number
    await rig.until(job, DONE)

    await assert_survived(rig, caplog, job, says="delivered")


# -- a long report


@contextmanager
def long_report(rig: Rig) -> Iterator[Callable[[], Awaitable[object]]]:
    """Read until the end of the block. Yield a function that waits until the read has begun."""
    reached, go_on = threading.Event(), threading.Event()

    def report(tx: Tx) -> int:
        (before,) = tx.execute("SELECT COUNT(*) FROM job").fetchone()
        reached.set()
        assert go_on.wait(2 * PATIENCE_S)
        (after,) = tx.execute("SELECT COUNT(*) FROM job").fetchone()
        assert before == after  # it reads one snapshot
        return int(before)

    reading = asyncio.create_task(rig.database.report(report))
    try:
        yield lambda: asyncio.to_thread(reached.wait, PATIENCE_S)
    finally:
        go_on.set()
        reading.add_done_callback(lambda task: task.result())


async def test_requests_are_accepted_while_a_long_report_is_read(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    with long_report(rig) as begun:
        await begun()
        async with asyncio.timeout(PATIENCE_S):
            jobs = [await rig.ask() for _ in range(5)]
            await rig.credits.set_allowance(make.GUILD, 500, None, make.entry())

    for job in jobs:
        await rig.until(job, DONE)
    await assert_survived(rig, caplog, *jobs, says="delivered")


async def test_songs_are_delivered_while_a_long_report_is_read(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    async with rig.process() as runner:
        with long_report(rig) as begun:
            await begun()
            async with asyncio.timeout(PATIENCE_S):
                for _ in range(10):
                    rig.clock.forward(seconds=10)
                    await runner.round()

    assert DONE is await rig.state(job)
    await assert_survived(rig, caplog, job, says="delivered")


# -- a kill during a migration


def schema(path: Path) -> tuple[int, list[str]]:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return version, [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema ORDER BY name")]


@pytest.fixture
def of_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Path]:
    """Return a function that creates a database with data, as left by the program of that version."""
    everything = migrating.migrations()

    def made(version: int) -> Path:
        path = tmp_path / f"version-{version}.db"
        with monkeypatch.context() as patch:
            patch.setattr(migrating, "migrations", lambda: everything[:version])
            with contextlib.closing(sqlite_connections.connect(path)) as connection:
                if version:
                    remember(connection, "kept", "yes")
        return path

    return made


def snapshots(path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Return copies of the files as a kill before each statement of a migration would leave them."""
    found: list[Path] = []

    def snapshot(_: str) -> None:
        copy = folder / f"{len(found)}.db"
        for ending in ("", "-wal"):
            if (there := Path(f"{path}{ending}")).exists():
                shutil.copy(there, f"{copy}{ending}")
        found.append(copy)

    def watched(*args: Any, **kwargs: Any) -> sqlite3.Connection:  # noqa: ANN401 - passed on
        connection: sqlite3.Connection = connect(*args, **kwargs)
        connection.set_trace_callback(snapshot)
        return connection

    connect = sqlite3.connect
    with monkeypatch.context() as patch:
        patch.setattr(sqlite3, "connect", watched)
        sqlite_connections.connect(path).close()
    return found


@pytest.mark.parametrize("version", range(len(migrating.migrations())))
async def test_a_kill_in_a_migration_leaves_the_old_schema_or_the_new_one(
    version: int,
    of_version: Callable[[int], Path],
    tmp_path: Path,
    nothing_is_flushed: None,  # noqa: ARG001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = of_version(version)
    last = len(migrating.migrations())
    whole = {number: schema(of_version(number)) for number in (version, last)}
    folder = tmp_path / "killed"
    folder.mkdir()

    killed = snapshots(path, folder, monkeypatch)

    found = [schema(copy) for copy in killed]
    assert len(killed) > 10
    assert [] == [one for one in found if one not in whole.values()]
    assert whole[last] == schema(path)
    for copy in killed[::5]:
        async with Database.open(copy) as database:
            assert ("yes" if version else None) == await database.read(lambda tx: fact(tx, "kept"))
        assert whole[last] == schema(copy)


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from bot.database import sqlite_connections

class Mortal(sqlite3.Connection):
    def execute(self, sql, *parameters):
        if sys.argv[2] in sql:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().execute(sql, *parameters)

connect = sqlite3.connect
sqlite3.connect = lambda *args, **named: connect(*args, **named, factory=Mortal)
sqlite_connections.connect(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("at", ["CREATE UNIQUE INDEX job_retried_once", "PRAGMA user_version ="])
async def test_after_a_kill_in_a_migration_the_next_process_migrates_the_file(
    at: str, of_version: Callable[[int], Path]
) -> None:
    path = of_version(1)
    old = schema(path)

    child = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, str(path), at)

    assert -signal.SIGKILL == await child.wait()
    assert old == schema(path)
    async with Database.open(path) as database:
        assert "yes" == await database.read(lambda tx: fact(tx, "kept"))
    assert len(migrating.migrations()) == schema(path)[0]
