import asyncio
import contextlib
import errno
import gc
import os
import random
import shutil
import sqlite3
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from bot.database import (
    exclusive_lock,
    integrity,
    migrating,
    pages,
    sqlite,
    sqlite_connections,
    sqlite_scrub,
    sqlite_writer,
)
from bot.database.engine import FIRST_PAGE, ConstraintViolated
from bot.database.facts import fact, remember
from bot.database.sqlite import Database, Tx
from bot.errors import StartRefused, StoreBusy

MIGRATIONS = len(migrating.migrations())


@contextmanager
def outside(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the file as another program does."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    with contextlib.closing(connection):
        yield connection


def put(*names: str) -> Callable[[Tx], int]:
    """Return a transaction that writes a row for each name."""

    def fn(tx: Tx) -> int:
        for name in names:
            remember(tx, name, "here")
        return len(names)

    return fn


def names(tx: Tx) -> list[str]:
    return [row["name"] for row in tx.execute("SELECT name FROM fact ORDER BY name")]


class Plug:
    """A transaction that holds the writer's thread until it is released, so that others have to wait."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self._pulled = threading.Event()

    def __call__(self, _: Tx) -> None:
        self.reached.set()
        assert self._pulled.wait(5.0)

    async def stuck(self) -> None:
        await asyncio.to_thread(self.reached.wait, 5.0)

    def pull(self) -> None:
        self._pulled.set()


async def all_waiting(database: Database, *fns: Callable[[Tx], object]) -> list[object]:
    """Return the results of these writes, all of them waiting at the same time."""
    plug = Plug()
    first = asyncio.create_task(database.write(plug))
    await plug.stuck()
    rest = [asyncio.create_task(database.write(fn)) for fn in fns]
    await asyncio.sleep(0)
    plug.pull()
    await first
    return await asyncio.gather(*rest, return_exceptions=True)


@asynccontextmanager
async def statements(database: Database) -> AsyncIterator[list[str]]:
    """Record the statements that the writer executes inside the block."""
    seen: list[str] = []
    await database._writer.set_trace_callback(seen.append)
    yield seen
    await database._writer.set_trace_callback(None)  # type: ignore[arg-type] # None takes it away


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a write wait for a locked file for 1/25 of the usual time."""
    monkeypatch.setattr(sqlite, "GIVE_UP_AFTER_S", 0.08)
    others = (pragma for pragma in sqlite_connections.PRAGMAS if "busy_timeout" not in pragma)
    monkeypatch.setattr(sqlite_connections, "PRAGMAS", ("PRAGMA busy_timeout = 20", *others))


@pytest.fixture
async def hasty(
    tmp_path: Path,
    blank_file: bytes,
    impatient: None,  # noqa: ARG001
) -> AsyncIterator[Database]:
    path = tmp_path / "tunesmith.db"
    path.write_bytes(blank_file)
    async with Database.open(path) as opened:
        yield opened


# -- a transaction


async def test_a_write_returns_its_functions_result_even_none(database: Database) -> None:
    assert 2 == await database.write(put("a", "b"))
    assert [None] == [await database.write(lambda tx: tx.execute("SELECT NULL").fetchone()[0])]
    assert ["a", "b"] == await database.read(names)


async def test_a_write_that_fails_changes_nothing_and_raises_its_own_error(database: Database) -> None:
    def fn(tx: Tx) -> None:
        remember(tx, "a", "here")
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        await database.write(fn)

    assert [] == await database.read(names)
    assert 1 == await database.write(put("b"))


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("INSERT INTO fact VALUES (NULL, 'x')", ConstraintViolated),
        ("INSERT INTO nowhere VALUES (1)", sqlite3.OperationalError),
        ("SELECT ?", sqlite3.ProgrammingError),
        ("SELECT 1; SELECT 2", sqlite3.ProgrammingError),
    ],
)
async def test_a_bug_in_a_write_raises_its_own_exception(
    sql: str, error: type[sqlite3.Error], database: Database
) -> None:
    def fn(tx: Tx) -> None:
        remember(tx, "a", "here")
        tx.execute(sql)

    with pytest.raises(error):
        await database.write(fn)

    assert [] == await database.read(names)


@pytest.mark.parametrize("ending", ["COMMIT", "ROLLBACK"])
async def test_a_write_that_ends_its_transaction_fails_without_others(
    ending: str, database: Database
) -> None:
    def fn(tx: Tx) -> None:
        tx.execute(ending)

    def caught(tx: Tx) -> None:
        tx.execute(ending)
        raise LookupError("mine")

    outcomes = await all_waiting(database, put("a"), fn, caught, put("b"))

    assert [1, sqlite3.OperationalError, sqlite3.OperationalError, 1] == [
        type(outcome) if isinstance(outcome, Exception) else outcome for outcome in outcomes
    ]
    assert ["a", "b"] == await database.read(names)


async def test_a_write_is_completed_although_its_caller_is_canceled(database: Database) -> None:
    plug = Plug()

    def fn(tx: Tx) -> None:
        remember(tx, "a", "here")
        plug(tx)
        remember(tx, "b", "here")

    task = asyncio.create_task(database.write(fn))
    await plug.stuck()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    plug.pull()
    await database.write(put("c"))

    assert ["a", "b", "c"] == await database.read(names)


async def test_canceled_waiting_callers_leave_whole_writes_or_nothing(database: Database) -> None:
    plug = Plug()
    first = asyncio.create_task(database.write(plug))
    await plug.stuck()
    waiting = [asyncio.create_task(database.write(put(f"{n}-one", f"{n}-two"))) for n in range(10)]
    await asyncio.sleep(0)
    for task in waiting[::2]:
        task.cancel()
    plug.pull()
    await asyncio.gather(first, *waiting, return_exceptions=True)
    await database.write(put("z"))

    there = await database.read(names)
    whole = {name.partition("-")[0] for name in there} - {"z"}
    assert sorted([f"{n}-{part}" for n in whole for part in ("one", "two")] + ["z"]) == there
    assert {"1", "3", "5", "7", "9"} <= whole


async def test_a_finished_write_is_visible_to_other_programs(database: Database) -> None:
    await database.write(put("a"))

    with outside(database.path) as other:
        assert [("a",)] == other.execute("SELECT name FROM fact").fetchall()


# -- shared commits


async def test_waiting_writes_share_one_commit(database: Database) -> None:
    async with statements(database) as seen:
        outcomes = await all_waiting(database, *(put(f"{n:02}") for n in range(50)))

    assert [1] * 50 == outcomes
    assert 50 == len(await database.read(names))
    assert 2 == seen.count("COMMIT")


async def test_one_thread_hop_serves_all_waiting_writes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    trips, begin = [], database._writer.begin

    def counted(fn: Callable[[], None]) -> None:
        trips.append(fn)
        begin(fn)

    monkeypatch.setattr(database._writer, "begin", counted)
    outcomes = await all_waiting(database, *(put(f"{n:02}") for n in range(50)))

    assert [1] * 50 == outcomes
    assert len(trips) <= 1 + 2  # the plug's, and at most two that arrived as it ended


async def test_more_writes_than_fit_a_group_need_more_commits(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "GROUP_MAX", 10)

    async with statements(database) as seen:
        outcomes = await all_waiting(database, *(put(f"{n:02}") for n in range(25)))

    assert [1] * 25 == outcomes
    assert 1 + 3 == seen.count("COMMIT")


async def test_a_failure_inside_a_group_affects_no_other_write(database: Database) -> None:
    def fails(tx: Tx) -> None:
        remember(tx, "x", "here")
        tx.execute("INSERT INTO fact VALUES (NULL, 'x')")

    async with statements(database) as seen:
        outcomes = await all_waiting(database, put("a"), fails, put("b"), fails, put("c"))

    assert [1, ConstraintViolated, 1, ConstraintViolated, 1] == [
        type(outcome) if isinstance(outcome, Exception) else outcome for outcome in outcomes
    ]
    assert ["a", "b", "c"] == await database.read(names)
    assert 2 == seen.count("COMMIT")


async def test_a_write_in_a_group_sees_those_before_it(database: Database) -> None:
    outcomes = await all_waiting(database, put("a"), names, put("b"), names)

    assert [1, ["a"], 1, ["a", "b"]] == outcomes


async def test_a_write_is_answered_between_its_groups_commit_and_the_next(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_writer, "GROUP_MAX", 2)
    first_plug, second_plug, third_plug = Plug(), Plug(), Plug()
    first = asyncio.create_task(database.write(first_plug))
    await first_plug.stuck()
    early = asyncio.create_task(database.write(put("a")))
    late = asyncio.create_task(database.write(second_plug))
    next_group = asyncio.create_task(database.write(third_plug))
    await asyncio.sleep(0)

    first_plug.pull()
    await first
    await second_plug.stuck()
    assert not early.done()
    assert [] == await database.read(names)

    second_plug.pull()
    assert 1 == await early
    await late
    await third_plug.stuck()
    assert ["a"] == await database.read(names)
    assert not next_group.done()
    third_plug.pull()
    await next_group


# -- a locked file


async def test_a_write_gives_up_on_a_locked_file_in_time_and_works_afterwards(hasty: Database) -> None:
    with outside(hasty.path) as other:
        other.execute("BEGIN IMMEDIATE")
        began = time.perf_counter()
        with pytest.raises(StoreBusy) as caught:
            await hasty.write(put("a"))
        took_s = time.perf_counter() - began
        other.execute("ROLLBACK")

    assert 0.08 <= took_s < 1.5
    assert caught.value.retry_after_s is not None
    assert [] == await hasty.read(names)
    assert 1 == await hasty.write(put("b"))


async def test_a_write_waits_for_a_lock_to_be_released(
    hasty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "GIVE_UP_AFTER_S", 5.0)
    with outside(hasty.path) as other:
        other.execute("BEGIN IMMEDIATE")
        task = asyncio.create_task(hasty.write(put("a")))
        await asyncio.sleep(0.03)
        waited = not task.done()
        other.execute("ROLLBACK")

        assert waited
        assert 1 == await task


async def test_each_write_waiting_for_a_lock_has_its_own_deadline(
    hasty: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    gave_up: list[int] = []

    async def write(number: int, patience_s: float) -> None:
        monkeypatch.setattr(sqlite, "GIVE_UP_AFTER_S", patience_s)
        try:
            await hasty.write(put(str(number)))
        except StoreBusy:
            gave_up.append(number)

    with outside(hasty.path) as other:
        other.execute("BEGIN IMMEDIATE")
        impatient = [asyncio.create_task(write(number, 0.1 * number)) for number in range(4)]
        patient = [asyncio.create_task(write(number, 5.0)) for number in range(4, 8)]
        async with asyncio.timeout(4.0):
            await asyncio.gather(*impatient)
        other.execute("ROLLBACK")
        await asyncio.gather(*patient)

    assert [0, 1, 2, 3] == gave_up
    assert ["4", "5", "6", "7"] == await hasty.read(names)


async def test_a_locked_file_can_still_be_read(hasty: Database) -> None:
    await hasty.write(put("a"))

    with outside(hasty.path) as other:
        other.execute("BEGIN EXCLUSIVE")
        assert ["a"] == await hasty.read(names)


def test_a_write_gives_up_before_a_member_does() -> None:
    assert 2.0 == sqlite.GIVE_UP_AFTER_S
    assert 500 == sqlite_connections.BUSY_TIMEOUT_MS


# -- a full disk


def fill(tx: Tx) -> None:
    remember(tx, "big", "x" * 10_000_000)


def fill_many(tx: Tx) -> None:
    """Fail in a statement with many rows, which SQLite rolls back alone."""
    tx.execute(
        """WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 5000)
           INSERT INTO fact SELECT 'big' || x, printf('%5000d', x) FROM n"""
    )


def fill_quietly(tx: Tx) -> None:
    """Ignore the error that ended the transaction."""
    with contextlib.suppress(sqlite3.Error):
        fill(tx)


@pytest.fixture
async def full(database: Database) -> Database:
    """A database on a disk with little room left."""

    def limit(tx: Tx) -> None:
        (pages,) = tx.execute("PRAGMA page_count").fetchone()
        tx.execute(f"PRAGMA max_page_count = {pages + 10}")

    await database.write(limit)
    return database


@pytest.mark.parametrize("too_much", [fill, fill_many])
async def test_a_full_disk_refuses_the_write_that_needs_it_and_no_other(
    too_much: Callable[[Tx], None], full: Database
) -> None:
    outcomes = await all_waiting(full, put("a"), too_much, put("b"))

    assert [1, StoreBusy, 1] == [type(o) if isinstance(o, Exception) else o for o in outcomes]
    assert ["a", "b"] == await full.read(names)


async def test_a_write_on_a_full_disk_is_repeated_alone_and_never_counted_twice(full: Database) -> None:
    def count(tx: Tx) -> str:
        remember(tx, "count", str(int(fact(tx, "count") or 0) + 1))
        return fact(tx, "count") or ""

    outcomes = await all_waiting(full, count, fill, count, fill, count)

    assert ["1", "2", "3"] == [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert "3" == await full.read(lambda tx: fact(tx, "count"))


async def test_a_disk_with_room_again_accepts_writes_again(full: Database) -> None:
    with pytest.raises(StoreBusy, match="full"):
        await full.write(fill)
    await full.write(lambda tx: tx.execute("PRAGMA max_page_count = 1000000").fetchone()[0])

    await full.write(fill)

    assert ["big"] == await full.read(names)


async def test_a_write_that_hides_a_full_disk_still_fails(full: Database) -> None:
    outcomes = await all_waiting(full, put("a"), fill_quietly, put("b"))

    assert [1, sqlite3.OperationalError, 1] == [type(o) if isinstance(o, Exception) else o for o in outcomes]
    assert ["a", "b"] == await full.read(names)


async def test_a_failed_group_commit_is_repeated_write_by_write(database: Database) -> None:
    failing = ["disk I/O error"]

    class Unsteady(sqlite3.Connection):
        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - as sqlite3
            if sql == "COMMIT" and failing:
                super().execute("ROLLBACK")
                error = sqlite3.OperationalError(failing.pop())
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR
                raise error
            return super().execute(sql, parameters)

    with contextlib.closing(sqlite3.connect(database.path, isolation_level=None, factory=Unsteady)) as bad:
        bad.row_factory = sqlite3.Row
        entries: list[sqlite_writer.Waiting[object]] = [
            sqlite_writer.Waiting(put(name), deadline=time.perf_counter() + 1.0) for name in ("a", "b")
        ]
        sqlite_writer._commit(bad, entries, lambda _: None)

    assert [[1], [1]] == [entry.results for entry in entries]
    assert [None, None] == [entry.error for entry in entries]
    assert ["a", "b"] == await database.read(names)


# -- reading


async def test_a_long_read_does_not_delay_writes_and_sees_one_snapshot(database: Database) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def report(tx: Tx) -> tuple[list[str], list[str]]:
        before = names(tx)
        reached.set()
        assert go_on.wait(5.0)
        return before, names(tx)

    await database.write(put("a"))
    reading = asyncio.create_task(database.read(report))
    await asyncio.to_thread(reached.wait, 5.0)
    async with asyncio.timeout(4.0):
        await database.write(put("b"))
    go_on.set()

    assert (["a"], ["a"]) == await reading
    assert ["a", "b"] == await database.read(names)


@pytest.mark.parametrize(
    "sql",
    [
        "INSERT INTO fact VALUES ('a', 'b')",
        "DELETE FROM fact",
        "CREATE TABLE t (x)",
        "PRAGMA user_version = 7",
        "DROP TABLE job",
    ],
)
async def test_a_read_connection_cannot_write(sql: str, database: Database) -> None:
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(lambda tx: tx.execute(sql))

    assert [] == await database.read(names)
    assert (MIGRATIONS,) == tuple(
        await database.read(lambda tx: tx.execute("PRAGMA user_version").fetchone())
    )


async def test_a_read_that_fails_raises_its_own_error_and_the_next_one_works(database: Database) -> None:
    def fails(tx: Tx) -> None:
        tx.execute("SELECT 1")
        raise LookupError("mine")

    def ends_itself(tx: Tx) -> None:
        tx.execute("ROLLBACK")
        raise LookupError("mine")

    for fn in (fails, ends_itself):
        with pytest.raises(LookupError, match="mine"):
            await database.read(fn)
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await database.read(lambda tx: tx.execute("SELECT * FROM nowhere"))
    with pytest.raises(sqlite3.ProgrammingError):
        await database.read(lambda tx: tx.execute("SELECT ?"))

    assert [] == await database.read(names)


async def test_a_read_that_fails_temporarily_may_be_retried(database: Database) -> None:
    def fails(_: Tx) -> None:
        error = sqlite3.OperationalError("disk I/O error")
        error.sqlite_errorcode = sqlite3.SQLITE_IOERR
        raise error

    with pytest.raises(StoreBusy):
        await database.read(fails)


async def test_a_canceled_reader_does_not_affect_the_next_one(database: Database) -> None:
    plug = Plug()
    task = asyncio.create_task(database.read(plug))
    await plug.stuck()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    plug.pull()

    assert [] == await database.read(names)


# -- how the file is opened


async def test_the_file_has_the_settings_of_the_design(database: Database) -> None:
    def pragma(name: str) -> Callable[[Tx], object]:
        return lambda tx: tx.execute(f"PRAGMA {name}").fetchone()[0]

    wanted = {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "busy_timeout": 500,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "temp_store": 2,  # memory
        "user_version": MIGRATIONS,
    }
    assert wanted == {name: await database.write(pragma(name)) for name in wanted}
    assert {"query_only": 1, "busy_timeout": 500} == {
        name: await database.read(pragma(name)) for name in ("query_only", "busy_timeout")
    }


async def test_every_table_is_strict(database: Database) -> None:
    loose = await database.read(
        lambda tx: tx.execute("SELECT name FROM pragma_table_list WHERE schema = 'main' AND NOT strict "
                              "AND type = 'table' "
                              "AND name NOT LIKE 'sqlite_%'").fetchall()
    )  # fmt: skip

    assert [] == loose


async def test_written_data_is_there_at_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "odd name%3f#?.db"

    async with Database.open(path) as database:
        await database.write(put("a"))
    async with Database.open(path) as database:
        assert ["a"] == await database.read(names)


async def test_a_relative_path_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    async with Database.open(Path("tunesmith.db")) as database:
        assert 1 == await database.write(put("a"))
        assert ["a"] == await database.read(names)
    assert (tmp_path / "tunesmith.db").is_file()


async def test_a_fact_is_kept_until_it_is_replaced(database: Database) -> None:
    await database.write(lambda tx: remember(tx, "a", "1"))
    await database.write(lambda tx: remember(tx, "a", "2"))

    assert "2" == await database.read(lambda tx: fact(tx, "a"))
    assert None is await database.read(lambda tx: fact(tx, "b"))


# -- refusals to start


@pytest.fixture
def no_thread_left() -> Iterator[None]:
    """Assert that the test leaves no new thread running, which would keep the process alive."""
    before = set(threading.enumerate())
    yield
    assert [] == [thread.name for thread in threading.enumerate() if thread not in before]


async def refusal(path: Path) -> str:
    """Return the one sentence with which the start is refused, leaving nothing behind."""
    before = set(threading.enumerate())
    with pytest.raises(StartRefused) as caught:
        async with Database.open(path):
            pytest.fail("it was opened")
    assert [] == [thread.name for thread in threading.enumerate() if thread not in before]
    sentence = str(caught.value)
    assert 1 == len(sentence.splitlines())
    assert sentence.startswith("DATABASE_URL: ")
    assert str(path) in sentence
    return sentence


@pytest.fixture
async def path(tmp_path: Path) -> Path:
    """A database from an earlier start."""
    path = tmp_path / "tunesmith.db"
    async with Database.open(path) as database:
        await database.write(put("a"))
    return path


async def opens(path: Path) -> bool:
    async with Database.open(path) as database:
        return ["a"] == await database.read(names)


def spoil(path: Path) -> None:
    path.write_bytes(b"no database at all, " * 1_000)


def overwrite_a_page(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[4096 : 3 * 4096] = b"\xa5" * (2 * 4096)
    path.write_bytes(content)


def overwrite_the_last_page(path: Path) -> None:
    """Damage a page that the start does not read: the end of a long value."""
    with outside(path) as other:
        other.execute("INSERT INTO fact (name, value) VALUES ('long', ?)", ("x" * 16_384,))
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    content = path.read_bytes()
    path.write_bytes(content[:-4096] + b"\xa5" * 4096)


async def test_a_file_that_is_not_a_database_is_refused(path: Path) -> None:
    spoil(path)

    assert "not a usable SQLite database" in await refusal(path)


async def test_a_damaged_database_is_refused(path: Path) -> None:
    overwrite_a_page(path)

    assert "not a usable SQLite database" in await refusal(path)


async def test_a_large_database_is_opened_at_once_and_checked_while_open(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwrite_the_last_page(path)
    monkeypatch.setattr(integrity, "CHECKED_FIRST_MAX_BYTES", 0)

    async with Database.open(path) as database:
        with pytest.raises(StartRefused, match="not a usable SQLite database"):
            await database.until_lost()


@pytest.mark.parametrize("seconds", [0.0, 0.05])
async def test_the_check_of_a_large_database_stops_when_it_closes(
    path: Path, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    monkeypatch.setattr(integrity, "CHECKED_FIRST_MAX_BYTES", 0)

    async with Database.open(path) as database:
        await asyncio.sleep(seconds)

        assert not database._was_lost.is_set()


async def test_a_large_database_is_checked_before_an_upgrade(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with outside(path) as other:
        other.execute("PRAGMA user_version = 6")
    overwrite_a_page(path)
    monkeypatch.setattr(integrity, "CHECKED_FIRST_MAX_BYTES", 0)

    assert "not a usable SQLite database" in await refusal(path)


async def test_a_truncated_database_is_refused(path: Path) -> None:
    os.truncate(path, 5 * 4096)

    assert "not a usable SQLite database" in await refusal(path)


async def test_a_database_of_a_newer_version_is_refused_and_left_alone(path: Path) -> None:
    with outside(path) as other:
        other.execute("PRAGMA user_version = 999")

    assert "newer" in await refusal(path)
    with outside(path) as other:
        assert (999,) == other.execute("PRAGMA user_version").fetchone()


def test_another_programs_file_is_refused_and_not_changed(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE precious (x)")
    before = path.read_bytes()

    with pytest.raises(StartRefused, match="belongs to another program"):
        sqlite_connections.connect(path)

    assert before == path.read_bytes()
    assert [path] == list(tmp_path.iterdir())


async def test_a_second_instance_is_refused_and_leaves_the_first_alone(database: Database) -> None:
    assert "already runs" in await refusal(database.path)
    assert 1 == await database.write(put("a"))


async def test_a_second_instance_is_refused_even_after_a_refusal(database: Database) -> None:
    await refusal(database.path)

    assert "already runs" in await refusal(database.path)


async def test_the_next_instance_may_start_when_the_first_has_ended(path: Path) -> None:
    assert await opens(path)
    assert await opens(path)


async def test_a_refusal_releases_the_file(path: Path) -> None:
    kept = shutil.copy(path, path.with_suffix(".copy"))
    spoil(path)
    await refusal(path)
    shutil.copy(kept, path)

    assert await opens(path)


async def test_a_folder_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    assert "can't be written to" in await refusal(tmp_path / "file" / "tunesmith.db")


async def test_a_folder_that_cannot_be_written_to_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mkdir(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", mkdir)

    assert "can't be written to (Permission denied)" in await refusal(tmp_path / "tunesmith.db")


async def test_a_lock_file_that_cannot_be_created_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tunesmith.db.lock").mkdir()

    assert "can't be written to" in await refusal(tmp_path / "tunesmith.db")


async def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "tunesmith.db").mkdir()

    await refusal(tmp_path / "tunesmith.db")


async def test_a_file_held_by_another_program_is_not_called_damaged(
    path: Path,
    impatient: None,  # noqa: ARG001
) -> None:
    with outside(path) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")

        assert "backup" not in await refusal(path)


async def test_a_database_without_a_write_ahead_log_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        sqlite_connections, "PRAGMAS", ("PRAGMA journal_mode = DELETE", *sqlite_connections.PRAGMAS[1:])
    )

    await refusal(tmp_path / "tunesmith.db")


MOUNTS = """\
proc /proc proc rw 0 0
/dev/vda / ext4 rw 0 0
{mounts}
short line
"""


@pytest.mark.parametrize(
    ("mounts", "refused"),
    [
        ("", False),
        ("/dev/vdb {folder} ext4 rw 0 0", False),
        ("server:/x {folder} nfs4 rw 0 0", True),
        ("server:/x {parent} nfs rw 0 0", True),
        ("//server/x {folder} cifs rw 0 0", True),
        ("x@server: {folder} fuse.sshfs rw 0 0", True),
        ("C:\\134 {folder} 9p rw 0 0", True),
        ("server:/x {parent} nfs rw 0 0\n/dev/vdb {folder} ext4 rw 0 0", False),
        ("/dev/vdb {folder} ext4 rw 0 0\nserver:/x {parent} nfs rw 0 0", False),
        ("server:/x {folder}-else nfs rw 0 0", False),
        ("server:/x {folder}/else nfs rw 0 0", False),
        # The last mount is on top.
        ("map {folder} autofs rw 0 0\nserver:/x {folder} nfs4 rw 0 0", True),
        ("server:/x {folder} nfs4 rw 0 0\n/dev/vdb {folder} ext4 rw 0 0", False),
    ],
)
async def test_a_network_file_system_is_refused(
    mounts: str, refused: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check_mounts(mounts, tmp_path / "folder", monkeypatch, refused=refused)


@pytest.mark.parametrize("name", ["with space", "with\ttab", "with\\backslash", "with\\040digits"])
async def test_a_network_file_system_is_refused_under_any_name(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await check_mounts("server:/x {folder} nfs rw 0 0", tmp_path / name, monkeypatch, refused=True)


async def check_mounts(mounts: str, folder: Path, monkeypatch: pytest.MonkeyPatch, *, refused: bool) -> None:
    written = str(folder).replace("\\", "\\134").replace(" ", "\\040").replace("\t", "\\011")
    text = MOUNTS.format(mounts=mounts.format(folder=written, parent=folder.parent))
    monkeypatch.setattr(exclusive_lock, "MOUNTS", listed(folder.parent / "mounts", text))
    if refused:
        assert "network file system" in await refusal(folder / "tunesmith.db")
    else:
        async with Database.open(folder / "tunesmith.db") as database:
            assert 1 == await database.write(put("a"))


def listed(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


async def test_a_system_without_a_list_of_mounts_is_accepted(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exclusive_lock, "MOUNTS", tmp_path / "missing")

    assert await opens(path)


@pytest.mark.usefixtures("no_thread_left")
async def test_a_closed_database_leaves_no_thread(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "tunesmith.db") as database:
        await database.write(put("a"))


@pytest.mark.usefixtures("no_thread_left")
async def test_a_canceled_start_leaves_no_thread(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug = Plug()

    def slowly(connection: Tx, _: Path) -> None:
        plug(connection)

    monkeypatch.setattr(sqlite_connections, "_check", slowly)

    async def start() -> None:
        async with Database.open(path):
            pytest.fail("it was opened")

    task = asyncio.create_task(start())
    await plug.stuck()
    task.cancel()
    plug.pull()
    with pytest.raises(asyncio.CancelledError):
        await task
    monkeypatch.undo()
    gc.collect()
    assert await opens(path)


# -- migrations


FIRST = """\
CREATE TABLE fact (name TEXT, value TEXT);
INSERT INTO fact VALUES ('a', 'one');
"""
SECOND = """\
-- a note; with a semicolon
ALTER TABLE fact ADD COLUMN more TEXT;

CREATE TRIGGER fact_stays BEFORE DELETE ON fact
BEGIN SELECT RAISE(ABORT, 'no; never'); END;
UPDATE fact SET value = 'two';
-- the end
"""


@pytest.fixture
def steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Two migrations of a small schema in place of ours; tests may change them."""
    folder = tmp_path / "migrations"
    folder.mkdir()
    files = [folder / "0001_first.sql", folder / "0002_second.sql"]
    files[0].write_text(FIRST)
    files[1].write_text(SECOND)
    monkeypatch.setattr(migrating, "migrations", lambda: files)
    return files


def schema(path: Path) -> tuple[int, list[str]]:
    with outside(path) as connection:
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        return version, [sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema ORDER BY name")]


def content(path: Path) -> list[tuple[object, ...]]:
    with outside(path) as connection:
        return connection.execute("SELECT * FROM fact").fetchall()


async def test_a_new_file_gets_every_migration_once(steps: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "tunesmith.db"

    async with Database.open(path):
        pass
    async with Database.open(path):
        pass

    assert 2 == len(steps)
    assert [("a", "two", None)] == content(path)
    assert 2 == schema(path)[0]


async def test_an_older_file_gets_the_missing_migrations(steps: list[Path], tmp_path: Path) -> None:
    path = tmp_path / "tunesmith.db"
    second = steps.pop()
    async with Database.open(path):
        pass
    assert [("a", "one")] == content(path)

    steps.append(second)
    async with Database.open(path):
        pass

    assert [("a", "two", None)] == content(path)


@pytest.mark.parametrize("last", ["INSERT INTO nowhere VALUES (1);", "INSERT INTO fact VALUES ("])
async def test_a_migration_that_fails_leaves_the_old_schema(
    last: str, steps: list[Path], tmp_path: Path
) -> None:
    path = tmp_path / "tunesmith.db"
    second = steps.pop()
    async with Database.open(path):
        pass
    old = schema(path), content(path)
    second.write_text(SECOND + last)
    steps.append(second)

    await refusal(path)

    assert old == (schema(path), content(path))
    second.write_text(SECOND)
    async with Database.open(path):
        pass
    assert [("a", "two", None)] == content(path)


@pytest.mark.parametrize("before_statement", range(8))
@pytest.mark.usefixtures("steps")
def test_a_death_in_a_migration_leaves_the_old_or_the_new_schema(
    before_statement: int, tmp_path: Path
) -> None:
    class Killed(BaseException):
        pass

    class Mortal(sqlite3.Connection):
        left = before_statement

        def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - as sqlite3
            if sql != "ROLLBACK":
                if self.left == 0:
                    raise Killed
                self.left -= 1
            return super().execute(sql, parameters)

    path = tmp_path / "tunesmith.db"
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as first:
        first.execute("CREATE TABLE fact (name TEXT, value TEXT)")
        first.execute("INSERT INTO fact VALUES ('a', 'one')")
        first.execute("PRAGMA user_version = 1")
    old = schema(path), content(path)

    mortal = sqlite3.connect(path, isolation_level=None, factory=Mortal)
    with contextlib.closing(mortal), pytest.raises(Killed):
        migrating.migrate(mortal, path)

    assert old == (schema(path), content(path))
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrating.migrate(connection, path)
    assert [("a", "two", None)] == content(path)


LAST = "INSERT INTO fact VALUES ('b', 'last', NULL)"


async def test_the_last_statement_needs_no_semicolon(steps: list[Path], tmp_path: Path) -> None:
    steps[1].write_text(SECOND + LAST)

    async with Database.open(tmp_path / "tunesmith.db"):
        pass

    assert ("b", "last", None) in content(tmp_path / "tunesmith.db")


def test_migrations_are_numbered_without_a_gap() -> None:
    numbers = [int(step.name.partition("_")[0]) for step in migrating.migrations()]

    assert list(range(1, MIGRATIONS + 1)) == numbers


# -- scrubbing


SECRET = "words that nobody may find"


async def scattered(database: Database) -> None:
    """Leave copies of deleted rows between live ones, using rows that change in size."""

    def shuffle(tx: Tx) -> None:
        rng = random.Random(1)  # noqa: S311 - no secret
        for number in rng.sample(range(2_000), 2_000):
            remember(tx, f"{number}", f"{SECRET} {number} " * rng.randrange(1, 30))
        for number in rng.sample(range(2_000), 2_000):
            remember(tx, f"{number}", "kept " * rng.randrange(1, 200))

    await database.write(shuffle)
    await database.empty_log()


async def scrub(database: Database) -> None:
    page: int | None = FIRST_PAGE
    while page is not None:
        page = await database.scrub(page, partial(remember, name="page", value=str(page)))
    await database.empty_log()


async def test_a_scrub_blanks_remains_of_deletions_and_changes_no_row(database: Database) -> None:
    await scattered(database)
    before = database.path.read_bytes()
    rows = [row for row in content(database.path) if row[0] != "page"]

    await scrub(database)

    assert SECRET.encode() in before
    assert SECRET.encode() not in database.path.read_bytes()
    assert rows == [row for row in content(database.path) if row[0] != "page"]
    with outside(database.path) as other:
        assert "ok" == other.execute("PRAGMA integrity_check").fetchone()[0]


async def test_writes_between_the_parts_of_a_scrub_restore_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_scrub, "SCRUB_PAGES", 8)
    await scattered(database)
    rng = random.Random(2)  # noqa: S311 - no secret
    page: int | None = FIRST_PAGE

    while page is not None:
        for _ in range(20):
            name, value = f"{rng.randrange(2_000)}", "new " * rng.randrange(1, 300)
            await database.write(partial(remember, name=name, value=value))
        page = await database.scrub(page, partial(remember, name="page", value=str(page)))
    await database.empty_log()

    assert SECRET.encode() not in database.path.read_bytes()
    with outside(database.path) as other:
        assert "ok" == other.execute("PRAGMA integrity_check").fetchone()[0]


async def test_a_file_is_not_scrubbed_until_a_read_ends(database: Database) -> None:
    await scattered(database)
    with outside(database.path) as other:
        other.execute("BEGIN")
        other.execute("SELECT * FROM fact").fetchall()
        await database.write(put("later"))

        with pytest.raises(StoreBusy):
            await database.scrub(FIRST_PAGE, put("page"))
        other.execute("ROLLBACK")

    await scrub(database)
    assert SECRET.encode() not in database.path.read_bytes()


async def test_a_write_queued_behind_a_busy_writer_is_refused_in_time(hasty: Database) -> None:
    free = threading.Event()
    occupied = asyncio.create_task(hasty._writer.run(lambda _: free.wait(5.0)))
    await asyncio.sleep(0)

    with pytest.raises(StoreBusy):
        await hasty.write(put("late"))
    free.set()

    assert await occupied
    await hasty.write(put("next"))
    assert ["next"] == await hasty.read(names)


async def test_each_write_behind_a_busy_writer_is_refused_at_its_deadline(hasty: Database) -> None:
    free = threading.Event()
    occupied = asyncio.create_task(hasty._writer.run(lambda _: free.wait(5.0)))
    await asyncio.sleep(0)

    outcomes = await asyncio.gather(*(hasty.write(put(name)) for name in "abc"), return_exceptions=True)
    free.set()

    assert [StoreBusy] * 3 == [type(outcome) for outcome in outcomes]
    assert await occupied
    assert [] == await hasty.read(names)


def test_a_page_without_rows_is_not_a_tree() -> None:
    zeros, overflow = bytes(4_096), (7).to_bytes(4, "big") + b"text" * 1_023

    assert [None, None] == [pages.blanked(page, 4_096) for page in (zeros, overflow)]


async def test_a_closed_database_reports_busy_to_late_callers(tmp_path: Path) -> None:
    async with Database.open(tmp_path / "tunesmith.db") as database:
        pass

    for ask in (database.write, database.read, database.report):
        with pytest.raises(StoreBusy, match="closed"):
            await ask(lambda _: None)
