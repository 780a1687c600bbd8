"""The doctor's checks of this machine: SQLite, database, disk and spool."""

import shutil
import sqlite3
from collections import namedtuple
from contextlib import closing
from pathlib import Path

import pytest

from bot.checks import Check, Verdict
from bot.database import exclusive_lock, migrating
from bot.model import GuildId
from bot.ops.doctor import local
from bot.ops.doctor.runner import run_checks
from bot.store import times
from bot.store.servers import ServerPolicy
from tests.make import NOW

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE


@pytest.fixture
def path(tmp_path: Path, blank_file: bytes) -> Path:
    """Create a database that no bot has open."""
    path = tmp_path / "tunesmith.db"
    path.write_bytes(blank_file)
    return path


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[5_000:60_000] = b"x" * 55_000
    path.write_bytes(content)


async def of_file(path: Path) -> Check:
    first, *_ = [check async for check in run_checks(local.database_checks(path))]
    return first


def changed(path: Path, *statements: str) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in statements:
            connection.execute(statement)


@pytest.mark.parametrize(
    ("version", "verdict"), [((3, 36, 0), FAILURE), ((3, 40, 1), OK), ((3, 51, 3), OK), ((3, 53, 0), OK)]
)
def test_an_sqlite_that_is_too_old_is_a_failure(version: tuple[int, ...], verdict: Verdict) -> None:
    assert verdict is local.check_sqlite(version).verdict


def test_an_sqlite_with_a_bug_that_the_bot_avoids_is_fine() -> None:
    finding = local.check_sqlite((3, 40, 1)).finding

    assert "the bot avoids its WAL-reset bug" in finding
    assert "let no other program write" in finding
    assert "bug" not in local.check_sqlite((3, 51, 3)).finding


async def test_a_database_of_this_version_passes(path: Path) -> None:
    found = await of_file(path)

    assert OK is found.verdict
    assert f"schema {len(migrating.migrations())}, journal mode wal" in found.finding


async def test_before_the_first_start_the_database_and_the_spool_may_be_missing(tmp_path: Path) -> None:
    found = await of_file(tmp_path / "data" / "tunesmith.db")

    assert WARNING is found.verdict
    assert WARNING is local.check_spool(tmp_path / "data" / "spool").verdict
    assert OK is local.check_disk(tmp_path / "data" / "tunesmith.db").verdict
    assert not (tmp_path / "data").exists()


async def test_a_path_that_cannot_be_created_fails_naming_its_variable(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    found = await of_file(tmp_path / "file" / "tunesmith.db")
    spool = local.check_spool(tmp_path / "file" / "spool")

    assert (FAILURE, True) == (found.verdict, "DATABASE_URL" in found.finding)
    assert (FAILURE, True) == (spool.verdict, "SPOOL_DIR" in spool.finding)


async def test_an_older_database_passes_and_a_newer_one_fails(path: Path) -> None:
    changed(path, "PRAGMA user_version = 1")
    older = await of_file(path)
    changed(path, "PRAGMA user_version = 99")
    newer = await of_file(path)

    assert (OK, True) == (older.verdict, "the next start copies it" in older.finding)
    assert (FAILURE, True) == (newer.verdict, "update the program" in newer.finding)


async def test_another_programs_database_is_a_failure(path: Path) -> None:
    changed(path, "PRAGMA user_version = 0")

    assert "belongs to another program" in (await of_file(path)).finding


async def test_a_database_without_its_log_is_a_warning(path: Path) -> None:
    changed(path, "PRAGMA journal_mode = DELETE")

    assert WARNING is (await of_file(path)).verdict


async def test_a_database_on_a_network_is_a_failure(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(f"server:/x {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(exclusive_lock, "MOUNTS", mounts)

    assert "network file system" in (await of_file(path)).finding


async def test_a_damaged_database_is_a_failure(path: Path) -> None:
    spoil(path)

    assert FAILURE is (await of_file(path)).verdict


def test_the_spool_is_tested_by_writing_and_left_unchanged(tmp_path: Path) -> None:
    (tmp_path / "1-1.mp3").write_bytes(bytes(3 * 1024**2))

    found = local.check_spool(tmp_path)

    assert (OK, True) == (found.verdict, found.finding.startswith("1 files, 3.0 MiB; "))
    assert [tmp_path / "1-1.mp3"] == list(tmp_path.iterdir())


def test_an_unwritable_spool_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(**_: object) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("tempfile.TemporaryFile", refuses)

    assert FAILURE is local.check_spool(tmp_path).verdict


@pytest.mark.parametrize(
    ("free_bytes", "verdict"), [(2 * 1024**3, OK), (500 * 1024**2, WARNING), (10 * 1024**2, FAILURE)]
)
def test_a_disk_that_fills_up_is_reported(
    free_bytes: int, verdict: Verdict, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = namedtuple("usage", ["total", "used", "free"])  # noqa: PYI024 - as the standard library's
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10**12, 0, free_bytes))

    assert verdict is local.check_disk(tmp_path / "tunesmith.db").verdict
    assert verdict is local.check_spool(tmp_path).verdict


@pytest.mark.parametrize(
    ("used", "verdict", "said"),
    [
        (0, OK, "0 of TOTAL_CREDITS_MAX=1,000 used"),
        (790, OK, "790 of"),
        (800, WARNING, "raise it in time"),
        (1_000, WARNING, "no more songs"),
    ],
)
def test_the_usage_of_all_servers_is_reported(used: int, verdict: Verdict, said: str, path: Path) -> None:
    changed(path, f"INSERT INTO day_total VALUES ({times.day_number(NOW)}, {used})")  # noqa: S608 - numbers

    found = local.check_total(path, 1_000, NOW)

    assert (verdict, True) == (found.verdict, said in found.finding)


def test_the_usage_of_all_servers_is_not_read_from_another_schema(path: Path, tmp_path: Path) -> None:
    changed(path, "PRAGMA user_version = 1")

    assert WARNING is local.check_total(path, 1_000, NOW).verdict
    assert OK is local.check_total(tmp_path / "none.db", 1_000, NOW).verdict


@pytest.mark.parametrize(
    ("policy", "public", "verdict"),
    [
        (ServerPolicy(), True, WARNING),
        (ServerPolicy(), False, OK),
        (ServerPolicy(serves_new=False), True, OK),
        (ServerPolicy(listed=frozenset({GuildId(5)})), True, OK),
    ],
)
def test_serving_strangers_with_credits_is_a_warning(
    policy: ServerPolicy, public: bool, verdict: Verdict
) -> None:
    assert verdict is local.check_servers(policy, public=public).verdict
