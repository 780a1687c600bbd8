"""Test a folder for SQLite's requirements, with two processes on a scratch database."""

import errno
import sqlite3
import tempfile
from pathlib import Path
from typing import Any

import pytest

from bot.database import file_system
from bot.database.file_system import SECOND_PROCESS, check_file_system
from bot.errors import StartRefused


def refusal(folder: Path) -> str:
    with pytest.raises(StartRefused) as caught:
        check_file_system(folder / "tunesmith.db")
    (sentence,) = str(caught.value).splitlines()
    assert sentence.startswith("DATABASE_URL: ")
    assert sentence.endswith(".")
    assert str(folder) in sentence
    return sentence


def test_a_local_folder_has_everything_and_is_left_unchanged(tmp_path: Path) -> None:
    check_file_system(tmp_path / "tunesmith.db")

    assert [] == list(tmp_path.iterdir())


LACKS = {
    # The second process gets a lock held by the first.
    "locks between processes": SECOND_PROCESS.replace("locked = True", "locked = False").replace(
        'connection.execute("ROLLBACK")', "pass"
    ),
    # It does not see the first one's commit, or the first one does not see its row.
    "memory that processes share": SECOND_PROCESS.replace("print(seen,", "print(0,"),
    "memory that processes share ": SECOND_PROCESS.replace("VALUES (2)", "SELECT 2 WHERE FALSE"),
}


@pytest.mark.parametrize("lack", LACKS)
def test_an_unsuitable_folder_is_refused_and_left_unchanged(
    lack: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_system, "SECOND_PROCESS", LACKS[lack])

    assert f"file system without {lack.strip()}, where SQLite loses data" in refusal(tmp_path)
    assert [] == list(tmp_path.iterdir())


class NoSharedMemory(sqlite3.Connection):
    """A connection on a file system in user space, without shared memory."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - as sqlite3
        if "WAL" in sql:
            error = sqlite3.OperationalError("disk I/O error")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR_SHMMAP
            raise error
        return super().execute(sql, parameters)


class NoLog(sqlite3.Connection):
    """A connection on which the journal mode cannot be changed."""

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:  # noqa: ANN401 - as sqlite3
        return super().execute("PRAGMA journal_mode" if "WAL" in sql else sql, parameters)


@pytest.mark.parametrize(
    ("factory", "says"),
    [
        (NoSharedMemory, "without a write-ahead log (disk I/O error)"),
        (NoLog, "without a write-ahead log,"),
    ],
)
def test_a_folder_without_a_write_ahead_log_is_refused(
    factory: type[sqlite3.Connection], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = sqlite3.connect
    monkeypatch.setattr(sqlite3, "connect", lambda path, **named: connect(path, factory=factory, **named))

    assert says in refusal(tmp_path)
    assert [] == list(tmp_path.iterdir())


@pytest.mark.parametrize("number", [errno.EROFS, errno.ENOSPC, errno.EACCES])
def test_an_unwritable_folder_is_left_for_the_database_to_refuse(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def temporary_directory(**_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(tempfile, "TemporaryDirectory", temporary_directory)
    monkeypatch.setattr(file_system, "_find_lack", pytest.fail)

    check_file_system(tmp_path / "tunesmith.db")

    assert [] == list(tmp_path.iterdir())
