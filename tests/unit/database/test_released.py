"""A database written by an earlier version is copied, upgraded, and continues intact."""

import gzip
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.database import migrating, snapshots, sqlite_connections
from bot.database.sqlite import Database
from bot.errors import StartRefused
from bot.store import jobs
from bot.store.reconcile import reconcile

ROOT = Path(__file__).parents[3]
RELEASED = Path(__file__).parent / "released"
LAST = len(migrating.migrations())
NUMBERS = sorted(int(path.name.split("-")[1].split(".")[0]) for path in RELEASED.glob("schema-*.db.gz"))
"""Schemas with a stored file."""
STATES = {"queued", "submitting", "running", "ready", "delivering", "delivered", "explained", "undelivered"}
TYPED = {"waits", "composing", "on its way", "nowhere to post", "Neon Rain «ночь» 🌧", "synthwave"}

TEXTS_SINCE = 4
"""The first schema with a separate table for texts."""
BROKEN = "one\r\n\r\ntwo\rthree\n"


@pytest.fixture(params=NUMBERS)
def old(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A database of each earlier schema, as written by the code of its time."""
    path = tmp_path / "tunesmith.db"
    path.write_bytes(gzip.decompress((RELEASED / f"schema-{request.param}.db.gz").read_bytes()))
    return path


def books(path: Path) -> tuple[list[object], ...]:
    """Return the jobs, the ledger and the counters, as far as every version has them."""
    with closing(sqlite3.connect(path)) as connection:
        return tuple(
            connection.execute(f"SELECT {columns} ORDER BY 1, 2, 3").fetchall()
            for columns in (
                """id, interaction_id, state, attempt, price, day, task_id, urls, reason, parked, due_at
                   FROM job""",
                "id, at, kind, guild_id, day, allowance, bonus, job_id, member_id, reason FROM ledger",
                "guild_id, member_id, day, allowance_used, allowance_held, bonus_used, bonus_held FROM usage",
                "job_id, take, file, size_bytes, sha256, url FROM track",
                "id, allowance, period, bonus FROM guild",
                "id, discord_id, 0 FROM member",
                "id, prompt, model FROM draft",
                "job_id, prompt, title, style, lyrics, model, custom, instrumental FROM words",
            )
        )


def start(path: Path) -> None:
    """Do with the file what a start does."""
    sqlite_connections.connect(path).close()


def version_of(path: Path) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return migrating.schema_version(connection)


def test_no_released_schema_is_missing() -> None:
    missing = set(range(1, LAST)) - set(NUMBERS)

    assert set() == missing


def test_an_upgraded_file_keeps_its_jobs_its_ledger_and_its_texts(old: Path) -> None:
    before = books(old)

    with closing(sqlite_connections.connect(old)) as tx:
        reconciliation = reconcile(tx)
        read = [jobs.get(tx, row["id"]) for row in tx.execute("SELECT id FROM job").fetchall()]

    assert before == books(old)
    assert () == reconciliation.findings
    assert (len(before[1]), len(before[0])) == (reconciliation.entries, reconciliation.jobs)
    found = [job for job in read if job is not None]
    assert len(before[0]) == len(found)
    assert STATES <= {job.state.value for job in found}
    texts = {text for job in found for text in (job.request.prompt, job.request.title, job.request.style)}
    assert texts >= TYPED


def test_an_old_file_is_copied_before_its_migration_for_its_owner_only(old: Path) -> None:
    version, before = version_of(old), books(old)

    start(old)
    copy = snapshots.before_schema(old, LAST)

    assert (version, before) == (version_of(copy), books(copy))
    assert 0o600 == copy.stat().st_mode & 0o777
    assert [old, copy] == sorted(old.parent.iterdir())


def test_a_file_of_this_schema_and_a_new_one_are_not_copied(tmp_path: Path) -> None:
    start(tmp_path / "tunesmith.db")
    start(tmp_path / "tunesmith.db")

    assert [tmp_path / "tunesmith.db"] == list(tmp_path.iterdir())


async def test_a_start_without_room_for_the_copy_is_refused_and_changes_nothing(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, before = version_of(old), books(old)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("tempfile.mkstemp", full)
        with pytest.raises(StartRefused, match="can't be copied before its upgrade"):
            async with Database.open(old):
                raise AssertionError("it started")

    assert (version, before) == (version_of(old), books(old))


KILLED = """
import os, signal, sqlite3, sys
from pathlib import Path
from bot.database import migrating, snapshots, sqlite_connections

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

where = sys.argv[2]
if where == "in the copy":
    snapshots.STEPS = 1_000
    snapshots.flush = die
    snapshots.FLUSH_BYTES = 1
elif where == "before the copy has its name":
    snapshots.check = die
else:
    migrating._statements = die
sqlite_connections.connect(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("where", ["in the copy", "before the copy has its name", "after it"])
def test_a_kill_over_the_copy_leaves_the_old_file_for_the_next_start(where: str, old: Path) -> None:
    version, before = version_of(old), books(old)

    killed = subprocess.run([sys.executable, "-c", KILLED, str(old), where], cwd=ROOT, check=False)  # noqa: S603 - our own code

    assert -signal.SIGKILL == killed.returncode
    assert (version, before) == (version_of(old), books(old))
    start(old)
    copy = snapshots.before_schema(old, LAST)
    assert (LAST, before) == (version_of(old), books(old))
    assert (version, before) == (version_of(copy), books(copy))


def test_a_partial_copy_by_a_killed_process_is_removed_a_day_later(old: Path) -> None:
    young, stale = (old.with_name(f".{old.name}.before-schema-{LAST}.{name}.unfinished") for name in "ab")
    young.touch()
    stale.touch()
    os.utime(stale, (0, 0))

    start(old)

    assert (True, False) == (young.exists(), stale.exists())


def test_line_breaks_of_an_upgraded_file_become_line_feeds(old: Path) -> None:
    change = "UPDATE words SET lyrics = ?" if version_of(old) < TEXTS_SINCE else "UPDATE text SET value = ?"
    with closing(sqlite3.connect(old)) as connection, connection:
        connection.execute(change, (BROKEN,))

    start(old)

    with closing(sqlite3.connect(old)) as connection:
        texts = {text for (text,) in connection.execute("SELECT value FROM text") if "one" in text}
    assert {"one\n\ntwo\nthree\n"} == texts
