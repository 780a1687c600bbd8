"""A process that has lost its database can no longer write, and changes nothing of the new owner's."""

import asyncio
import os
import shutil
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest

from bot.database import snapshots
from bot.database.engine import FIRST_PAGE
from bot.database.exclusive_lock import exclusive_lock
from bot.database.facts import fact, remember
from bot.database.sqlite import Database, Tx
from bot.errors import AlreadyRuns, StartRefused, StoreBusy, StoreLost
from bot.store import claims


def put(tx: Tx) -> None:
    remember(tx, "a", "here")


def kept(tx: Tx) -> str | None:
    return fact(tx, "a")


def log_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-wal")


@asynccontextmanager
async def owned(path: Path) -> AsyncIterator[Database]:
    async with Database.open(path) as database:
        await database.take_over(claims.next_epoch, claims.is_current)
        yield database


# -- a replaced or foreign file


def replaced(path: Path, earlier: Path) -> None:
    shutil.copy(earlier, earlier.with_suffix(".new"))
    earlier.with_suffix(".new").replace(path)


def replaced_and_without_companions(path: Path, earlier: Path) -> None:
    replaced(path, earlier)
    for companion in snapshots.companions(path):
        companion.unlink(missing_ok=True)


def overwritten(path: Path, earlier: Path) -> None:
    shutil.copy(earlier, path)


def renamed_and_replaced(path: Path, earlier: Path) -> None:
    path.replace(path.with_suffix(".old"))
    shutil.copy(earlier, path)


def pointed_elsewhere(path: Path, earlier: Path) -> None:
    path.replace(path.with_suffix(".old"))
    path.symlink_to(earlier)


def emptied(path: Path, _: Path) -> None:
    os.truncate(path, 0)


def log_replaced(path: Path, _: Path) -> None:
    log_of(path).unlink()
    log_of(path).touch()


def log_removed(path: Path, _: Path) -> None:
    log_of(path).unlink()


def taken_over(path: Path, _: Path) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA wal_autocheckpoint = 0")
        other.execute("UPDATE fact SET value = value + 1 WHERE name = 'epoch'")


TAKEN: dict[Callable[[Path, Path], None], str] = {
    replaced: "was replaced",
    replaced_and_without_companions: "was replaced",
    overwritten: "was overwritten",
    renamed_and_replaced: "was replaced",
    pointed_elsewhere: "was replaced",
    emptied: "was overwritten",
    log_replaced: "was replaced",
    log_removed: "was removed",
    taken_over: "another Tunesmith has taken over",
}


@pytest.mark.parametrize("take", TAKEN)
async def test_a_process_whose_database_was_taken_writes_nothing_more(
    take: Callable[[Path, Path], None], tmp_path: Path
) -> None:
    path, earlier = tmp_path / "tunesmith.db", tmp_path / "earlier.db"
    async with owned(path) as database:
        with closing(sqlite3.connect(path)) as connection:
            earlier.touch()
            snapshots.fill(connection, earlier)
        take(path, earlier)

        for _ in range(2):
            with pytest.raises(StoreLost, match=TAKEN[take]):
                await database.write(put)
        for maintain in (partial(database.scrub, FIRST_PAGE, put), database.empty_log):
            with pytest.raises(StoreLost):
                await maintain()
        async with asyncio.timeout(5.0):
            assert TAKEN[take] in await database.until_lost()


async def test_the_new_owner_of_a_file_keeps_its_log_when_the_old_one_ends(tmp_path: Path) -> None:
    path, earlier = tmp_path / "tunesmith.db", tmp_path / "earlier.db"
    async with AsyncExitStack() as stack:
        async with owned(path) as database:
            with closing(sqlite3.connect(path)) as connection:
                earlier.touch()
                snapshots.fill(connection, earlier)
            replaced_and_without_companions(path, earlier)
            path.with_name(f"{path.name}.lock").unlink()
            process = await stack.enter_async_context(successor(path))
            log_file = log_of(path).stat().st_ino
            with pytest.raises(StoreLost):
                await database.write(put)

        assert log_file == log_of(path).stat().st_ino
        assert b"kept\n" == await ended(process)

    async with Database.open(path) as database:
        assert "here" == await database.read(kept)


async def test_a_file_that_replaced_the_database_is_left_untouched(tmp_path: Path) -> None:
    path, earlier = tmp_path / "tunesmith.db", tmp_path / "earlier.db"
    async with owned(path) as database:
        with closing(sqlite3.connect(path)) as connection:
            earlier.touch()
            snapshots.fill(connection, earlier)
        await database.write(put)
        overwritten(path, earlier)
        with pytest.raises(StoreLost):
            await database.write(put)

    assert earlier.read_bytes() == path.read_bytes()
    async with Database.open(path) as database:
        assert await database.read(kept) is None


async def test_a_removed_log_costs_no_commit(tmp_path: Path) -> None:
    path = tmp_path / "tunesmith.db"
    async with owned(path) as database:
        await database.write(put)
        log_of(path).unlink()
        with pytest.raises(StoreLost):
            await database.write(put)

    async with Database.open(path) as database:
        assert "here" == await database.read(kept)


@pytest.mark.parametrize("folder", [False, True])
async def test_a_file_that_reappears_is_written_to_again(folder: bool, tmp_path: Path) -> None:
    path = tmp_path / "data" / "tunesmith.db"
    moved = path.parent if folder else path
    async with owned(path) as database:
        moved.replace(tmp_path / "elsewhere")
        with pytest.raises(StoreBusy, match="was moved or deleted") as caught:
            await database.write(put)
        (tmp_path / "elsewhere").replace(moved)
        await database.write(put)

        assert not isinstance(caught.value, StoreLost)
        assert "here" == await database.read(kept)


async def test_a_copy_is_not_mistaken_for_the_original(tmp_path: Path) -> None:
    path, copy = tmp_path / "tunesmith.db", tmp_path / "copy.db"
    async with owned(path):
        copy.touch()
        with closing(sqlite3.connect(path)) as connection:
            snapshots.fill(connection, copy)
            (mark,) = connection.execute("PRAGMA application_id").fetchone()

    with closing(sqlite3.connect(copy)) as connection:
        assert (0,) == connection.execute("PRAGMA application_id").fetchone()
        assert ("ok",) == connection.execute("PRAGMA integrity_check").fetchone()
    assert 0 < mark


# -- two processes

SUCCESSOR = """
import asyncio, sys
from pathlib import Path
from bot.database.engine import FIRST_PAGE
from bot.database.sqlite import Database
from bot.database.facts import remember

async def main():
    async with Database.open(Path(sys.argv[1])) as database:
        await database.write(lambda tx: remember(tx, "a", "here"))
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.read)
        await database.write(lambda tx: remember(tx, "b", "here"))
        print("kept", flush=True)

asyncio.run(main())
"""
"""Another process: it opens the database, writes, waits for the end of its input, and writes again."""


@asynccontextmanager
async def successor(path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SUCCESSOR, str(path)), stdin=pipe, stdout=pipe
    )
    assert process.stdout is not None
    try:
        assert b"ready\n" == await process.stdout.readline()
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def ended(process: asyncio.subprocess.Process) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.close()
    last = await process.stdout.read()
    assert 0 == await process.wait()
    return last


def as_it_is(path: Path) -> Path:
    return path


def through_a_symlink(path: Path) -> Path:
    link = path.parent / "link.db"
    link.symlink_to(path)
    return link


def through_a_linked_folder(path: Path) -> Path:
    link = path.parent.parent / "folder"
    link.symlink_to(path.parent)
    return link / path.name


def through_a_hard_link(path: Path) -> Path:
    link = path.parent / "hard.db"
    link.hardlink_to(path)
    return link


def without_the_lock_file(path: Path) -> Path:
    path.with_name(f"{path.name}.lock").unlink()
    return path


def with_another_lock_file(path: Path) -> Path:
    lock = path.with_name(f"{path.name}.lock")
    lock.unlink()
    lock.touch()
    return path


def through_a_path_with_dots(path: Path) -> Path:
    return path.parent / ".." / path.parent.name / path.name


WAYS = [
    as_it_is,
    through_a_symlink,
    through_a_linked_folder,
    through_a_path_with_dots,
    through_a_hard_link,
    without_the_lock_file,
    with_another_lock_file,
]


@pytest.mark.parametrize("way", WAYS)
async def test_a_second_process_is_refused_whatever_path_it_uses(
    way: Callable[[Path], Path], tmp_path: Path
) -> None:
    path = tmp_path / "data" / "tunesmith.db"
    async with successor(path) as process:
        other = way(path)
        for _ in range(2):
            with pytest.raises(StartRefused, match="another Tunesmith already runs") as caught:
                async with Database.open(other):
                    pytest.fail("it was opened")
        # Through a name without its own log, not even the operator's commands may open it.
        assert (way is not through_a_hard_link) is isinstance(caught.value, AlreadyRuns)
        assert str(other) in str(caught.value)
        assert not log_of(path.parent / "hard.db").exists()
        assert b"kept\n" == await ended(process)

    async with Database.open(other) as database:
        assert "here" == await database.read(kept)


async def test_a_restore_is_refused_through_any_path(tmp_path: Path) -> None:
    path = tmp_path / "data" / "tunesmith.db"
    async with successor(path):
        for way in (through_a_symlink, through_a_hard_link, without_the_lock_file):
            with pytest.raises(StartRefused), exclusive_lock(way(path), create=False):
                pytest.fail("it was locked")
