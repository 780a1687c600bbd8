"""Backing up a database in use, and restoring it."""

import os
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.database import migrating, snapshots
from bot.database.facts import remember
from bot.database.sqlite import Database
from bot.errors import AlreadyRuns, NotDone
from bot.model import JobState
from bot.ops.backup import Restored, backup, restore
from bot.store import claims
from bot.store.reconcile import reconcile
from tests import make
from tests.unit.pipeline.rig import Rig

CHANGED = "UPDATE guild SET bonus = 77"


def silent(_: str, __: int, ___: int) -> None:
    """Ignore the progress."""


def restored(path: Path, source: Path) -> Restored:
    return restore(path, source, make.NOW, silent)


def rows(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()


def content(path: Path) -> list[list[tuple[object, ...]]]:
    tables = ("job", "ledger", "usage", "guild", "member", "track", "song", "text")
    return [rows(path, f"SELECT * FROM {table} ORDER BY 1, 2, 3") for table in tables]  # noqa: S608 - ours


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def left_over(folder: Path) -> list[Path]:
    """Return temporary files that should not remain."""
    return [one for one in folder.iterdir() if "unfinished" in one.name or one.name.startswith("saved.db-")]


def bytes_of(path: Path) -> tuple[bytes, bytes]:
    """Return the contents of the file and of its log."""
    return path.read_bytes(), Path(f"{path}-wal").read_bytes()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "tunesmith.db"


@pytest.fixture
async def saved(database: Database, tmp_path: Path, clock: make.Clock) -> Path:
    """Back up a database with a song that a bot has open until the end of the test."""
    rig = Rig(database, tmp_path / "spool", clock)
    await rig.until(await rig.ask(), JobState.DELIVERED)
    backup(database.path, tmp_path / "saved.db", silent)
    return tmp_path / "saved.db"


@pytest.fixture
def stopped(path: Path, blank_file: bytes, tmp_path: Path) -> Path:
    """Create a database that no bot has open, and its backup ``saved.db``, which differs from it."""
    path.write_bytes(blank_file)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO guild (id, bonus) VALUES (7001, 0)")
        connection.commit()
    backup(path, tmp_path / "saved.db", silent)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(CHANGED)
        connection.commit()
    return path


# -- backup


async def test_a_backup_of_a_running_bot_is_complete_and_private(database: Database, saved: Path) -> None:
    assert content(database.path) == content(saved)
    assert 0o600 == mode(saved)
    assert [("ok",)] == rows(saved, "PRAGMA integrity_check")
    assert [] == left_over(saved.parent)


async def test_a_backup_leaves_the_log_to_the_running_bot(database: Database, tmp_path: Path) -> None:
    await database.write(claims.next_epoch)
    before = bytes_of(database.path)

    backup(database.path, tmp_path / "saved.db", silent)

    assert before == bytes_of(database.path)


async def test_the_bot_keeps_writing_while_a_backup_reads(database: Database, tmp_path: Path) -> None:
    epochs: list[int] = []

    def write(what: str, _: int, __: int) -> None:
        if what == "checking":  # the copy is complete and does not include this write
            with closing(sqlite3.connect(database.path, timeout=0)) as connection:
                connection.execute("INSERT INTO fact VALUES ('late', 'yes')")
                connection.commit()
            epochs.append(1)

    backup(database.path, tmp_path / "saved.db", write)

    assert [1] == epochs
    assert [] == rows(tmp_path / "saved.db", "SELECT * FROM fact WHERE name = 'late'")
    assert [("late", "yes")] == rows(database.path, "SELECT * FROM fact WHERE name = 'late'")


def test_a_later_backup_replaces_an_earlier_one(stopped: Path, tmp_path: Path) -> None:
    backup(stopped, tmp_path / "saved.db", silent)

    assert [(77,)] == rows(tmp_path / "saved.db", "SELECT bonus FROM guild")


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("tunesmith.db", "belongs to the database"),
        ("tunesmith.db-wal", "belongs to the database"),
        ("tunesmith.db.lock", "belongs to the database"),
        ("notes.txt", "is not a backup"),
        ("other.db", "is not a backup"),
        ("link.db", "belongs to the database"),
        (".", "can't be created"),
        ("nowhere/saved.db", "can't be created"),
    ],
)
def test_a_backup_never_replaces_anything_but_a_backup(
    name: str, why: str, stopped: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("precious")
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE precious (x)")
    (tmp_path / "link.db").symlink_to(stopped)
    before = {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()}

    with pytest.raises(NotDone, match=why):
        backup(stopped, tmp_path / name, silent)

    assert before == {one.name: one.read_bytes() for one in tmp_path.iterdir() if one.is_file()}


def test_a_missing_database_is_reported_by_the_backup(tmp_path: Path) -> None:
    with pytest.raises(NotDone, match="does not exist"):
        backup(tmp_path / "tunesmith.db", tmp_path / "saved.db", silent)


def test_another_programs_database_is_not_backed_up(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE precious (x)")

    with pytest.raises(NotDone, match="is not a Tunesmith database"):
        backup(tmp_path / "other.db", tmp_path / "saved.db", silent)


@pytest.mark.parametrize("stage", ["copying", "checking"])
def test_a_backup_that_fails_leaves_the_earlier_one_and_nothing_else(
    stage: str, stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "STEPS", 10)
    before = (tmp_path / "saved.db").read_bytes()

    def full(what: str, _: int, __: int) -> None:
        if what == stage:
            raise OSError(28, "No space left on device")

    with pytest.raises(NotDone):
        backup(stopped, tmp_path / "saved.db", full)

    assert before == (tmp_path / "saved.db").read_bytes()
    assert [] == list(tmp_path.glob("*unfinished*"))


def test_a_damaged_copy_is_not_kept_as_a_backup(
    stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = snapshots.fill

    def fill_badly(connection: sqlite3.Connection, target: Path, progress: Callable[[int], None]) -> None:
        fill(connection, target, progress)
        [(page, size)] = rows(
            target, "SELECT rootpage, page_size FROM sqlite_schema, pragma_page_size WHERE name = 'draft'"
        )
        assert isinstance(page, int)
        assert isinstance(size, int)
        content = bytearray(target.read_bytes())
        content[(page - 1) * size : page * size] = b"x" * size
        target.write_bytes(content)

    monkeypatch.setattr(snapshots, "fill", fill_badly)

    with pytest.raises(NotDone, match="can't be copied"):
        backup(stopped, tmp_path / "new.db", silent)

    assert not (tmp_path / "new.db").exists()


def test_a_damaged_database_makes_no_backup(stopped: Path, tmp_path: Path) -> None:
    spoil(stopped)

    with pytest.raises(NotDone):
        backup(stopped, tmp_path / "new.db", silent)

    assert not (tmp_path / "new.db").exists()


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5_000:60_000] = b"x" * 55_000
    path.write_bytes(content)


# -- restore


def test_a_restored_file_equals_the_backup_and_the_old_one_is_kept(stopped: Path, tmp_path: Path) -> None:
    made = restored(stopped, tmp_path / "saved.db")

    assert made.kept == stopped.with_name("tunesmith.db.replaced-20260314-150926")
    assert [(0,)] == rows(stopped, "SELECT bonus FROM guild")
    assert [(77,)] == rows(made.kept, "SELECT bonus FROM guild")
    assert 0o600 == made.kept.stat().st_mode & 0o777


def test_the_replaced_files_log_is_kept_too(stopped: Path, tmp_path: Path) -> None:
    keeper = sqlite3.connect(f"{stopped.as_uri()}?mode=ro", uri=True)
    with closing(sqlite3.connect(stopped)) as connection:
        keeper.execute("SELECT 1 FROM guild").fetchall()
        connection.execute("UPDATE guild SET bonus = 78")
        connection.commit()
    keeper.close()
    assert Path(f"{stopped}-wal").stat().st_size > 0

    made = restored(stopped, tmp_path / "saved.db")

    assert made.kept is not None
    assert [(78,)] == rows(made.kept, "SELECT bonus FROM guild")
    assert [(0,)] == rows(stopped, "SELECT bonus FROM guild")
    assert not Path(f"{stopped}-wal").exists()


def test_two_restores_in_one_second_keep_two_files(stopped: Path, tmp_path: Path) -> None:
    first, second = (restored(stopped, tmp_path / "saved.db").kept for _ in range(2))

    assert first != second
    assert all(kept is not None and kept.exists() for kept in (first, second))


def test_a_backup_is_restored_without_an_existing_database(stopped: Path, tmp_path: Path) -> None:
    made = restored(tmp_path / "new" / "tunesmith.db", tmp_path / "saved.db")

    assert made.kept is None
    assert [(0,)] == rows(tmp_path / "new" / "tunesmith.db", "SELECT bonus FROM guild")
    assert stopped.exists()


def test_a_damaged_database_is_replaced_and_kept_unchanged(stopped: Path, tmp_path: Path) -> None:
    stopped.write_bytes(b"no database" * 1_000)

    made = restored(stopped, tmp_path / "saved.db")

    assert made.kept is not None
    assert b"no database" * 1_000 == made.kept.read_bytes()
    assert [(0,)] == rows(stopped, "SELECT bonus FROM guild")


async def test_a_restore_is_refused_while_a_bot_runs(database: Database, saved: Path) -> None:
    with pytest.raises(AlreadyRuns):
        restored(database.path, saved)


def test_a_restore_is_refused_while_another_program_has_the_file_open(stopped: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(stopped)) as other:
        other.execute("SELECT * FROM guild").fetchall()

        with pytest.raises(NotDone, match="open in another program"):
            restored(stopped, tmp_path / "saved.db")

    assert [(77,)] == rows(stopped, "SELECT bonus FROM guild")


def test_the_database_is_not_a_backup_of_itself(stopped: Path) -> None:
    with pytest.raises(NotDone, match="the database itself"):
        restored(stopped, stopped)


def newer(saved: Path) -> None:
    with closing(sqlite3.connect(saved)) as connection:
        connection.execute("PRAGMA user_version = 99")


def foreign(saved: Path) -> None:
    saved.unlink()
    with closing(sqlite3.connect(saved)) as connection:
        connection.execute("CREATE TABLE job (id)")
        connection.execute("PRAGMA user_version = 3")


def cut(saved: Path) -> None:
    saved.write_bytes(saved.read_bytes()[:50_000])


@pytest.mark.parametrize(
    ("change", "why"),
    [
        (newer, "written by a newer Tunesmith"),
        (foreign, "not a Tunesmith backup"),
        (spoil, "damaged"),
        (cut, "damaged"),
        (lambda saved: saved.write_bytes(b""), "not a backup|not a Tunesmith backup"),
        (lambda saved: saved.write_bytes(b"hello" * 500), "not a backup|not a Tunesmith backup"),
        (Path.unlink, "is not a file"),
    ],
)
def test_restoring_an_invalid_file_changes_nothing(
    change: Callable[[Path], object], why: str, stopped: Path, tmp_path: Path
) -> None:
    change(tmp_path / "saved.db")

    with pytest.raises(NotDone, match=why):
        restored(stopped, tmp_path / "saved.db")

    assert [(77,)] == rows(stopped, "SELECT bonus FROM guild")
    assert [] == [one for one in tmp_path.iterdir() if "replaced" in one.name or "unfinished" in one.name]


@pytest.mark.parametrize(
    "step", ["copying", "marking unfinished jobs", "checking", "saving the replaced file"]
)
def test_a_killed_restore_leaves_the_original_database(
    step: str, stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "STEPS", 10)

    class Killed(BaseException):
        pass

    def dies(what: str, _: int, __: int) -> None:
        if what == step:
            raise Killed

    with pytest.raises((Killed, NotDone)):
        restore(stopped, tmp_path / "saved.db", make.NOW, dies)

    assert [(77,)] == rows(stopped, "SELECT bonus FROM guild")
    assert None is not restored(stopped, tmp_path / "saved.db").kept


def test_an_older_backup_is_brought_up_to_date(path: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "saved.db", isolation_level=None)) as old:
        for statement in migrating._statements(migrating.migrations()[0].read_text("utf-8")):
            old.execute(statement)
        old.execute("PRAGMA user_version = 1")

    restored(path, tmp_path / "saved.db")

    assert [(len(migrating.migrations()),)] == rows(path, "PRAGMA user_version")
    assert [path, tmp_path / "saved.db", tmp_path / "tunesmith.db.lock"] == sorted(
        tmp_path.iterdir(), key=lambda one: ("lock" in one.name, one.name != path.name)
    )


async def test_a_restored_database_starts_with_balanced_books(saved: Path, tmp_path: Path) -> None:
    made = restored(tmp_path / "new" / "tunesmith.db", saved)

    assert (Counter(), True) == (made.marked, made.balanced)
    async with Database.open(tmp_path / "new" / "tunesmith.db") as opened:
        assert () == (await opened.read(reconcile)).findings


def test_unbalanced_books_are_restored_and_reported(stopped: Path, tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "saved.db")) as connection:
        connection.execute("UPDATE guild SET bonus = 5")
        connection.commit()

    assert not restored(stopped, tmp_path / "saved.db").balanced


def test_the_owner_of_the_replaced_file_keeps_it(
    stopped: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    owned: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda _, user, group: owned.append((user, group)))
    stopped.chmod(0o640)

    restored(stopped, tmp_path / "saved.db")

    assert {(stopped.stat().st_uid, stopped.stat().st_gid)} == set(owned)
    assert 0o600 == stopped.stat().st_mode & 0o777


def test_a_backup_never_replaces_the_database_of_another_bot(stopped: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere" / "tunesmith.db"
    other.parent.mkdir()
    shutil.copyfile(stopped, other)
    before = other.read_bytes()

    with pytest.raises(NotDone, match="is the database of a bot"):
        backup(stopped, other, silent)

    assert before == other.read_bytes()


async def test_a_backup_never_replaces_the_database_of_a_running_bot(stopped: Path, tmp_path: Path) -> None:
    async with Database.open(tmp_path / "other.db") as other:
        await other.write(lambda tx: remember(tx, "theirs", "yes"))
        with pytest.raises(NotDone, match="is the database of a bot"):
            backup(stopped, other.path, silent)

        assert [("theirs", "yes")] == rows(other.path, "SELECT * FROM fact WHERE name = 'theirs'")


def test_a_backup_never_replaces_a_file_that_is_open(stopped: Path, tmp_path: Path) -> None:
    backup(stopped, tmp_path / "saved.db", silent)
    with closing(sqlite3.connect(tmp_path / "saved.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM fact").fetchall()

        with pytest.raises(NotDone, match="in use by another program"):
            backup(stopped, tmp_path / "saved.db", silent)
