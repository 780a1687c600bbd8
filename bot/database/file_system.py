"""Test with a scratch database whether a file system provides what SQLite needs, instead of by its name.

A write-ahead log needs memory that processes share through a file, and locks that are visible to other
processes. User-space file systems and the mounts of desktop virtual machines go by many names; they may lack
either, and some only pretend to have it.
"""

import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Final

from bot.database.exclusive_lock import real_path
from bot.errors import StartRefused

CHILD_WITHIN_S: Final = 20.0
"""Timeout for the second process, in seconds; a busy machine starts one slowly."""
NAME: Final = "scratch.db"
PREFIX: Final = ".tunesmith-test-"

SECOND_PROCESS: Final = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
seen = connection.execute("SELECT COUNT(*) FROM seen").fetchone()[0]
try:
    connection.execute("BEGIN IMMEDIATE")
    locked = False
except sqlite3.OperationalError:
    locked = True
print(seen, locked, flush=True)
sys.stdin.readline()
if not locked:
    connection.execute("ROLLBACK")
connection.execute("INSERT INTO seen VALUES (2)")
connection.close()
"""
"""Program of a second process, which tries the lock while the first one holds it and after its release."""


def check_file_system(path: Path) -> None:
    """Test the folder of the database ``path`` with two processes, if the folder is writable.

    Raises:
        StartRefused: SQLite would lose data there.
    """
    try:
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=real_path(path).parent) as scratch:
            lacks = _find_lack(Path(scratch) / NAME)
    except OSError:
        return  # opening the database fails in the same way, with a message that names the file
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL:
            return
        lacks = f"a write-ahead log ({error})"
    except subprocess.TimeoutExpired:
        lacks = "locks that return in time"
    if lacks is not None:
        raise StartRefused(
            f"DATABASE_URL: {path} is on a file system without {lacks}, where SQLite loses data; "
            "choose a folder on a local disk."
        )


def _find_lack(path: Path) -> str | None:
    """Return the feature that the scratch database's file system lacks, or None."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
            return "a write-ahead log"
        connection.execute("CREATE TABLE seen (process INTEGER)")
        connection.execute("INSERT INTO seen VALUES (1)")
        connection.execute("BEGIN IMMEDIATE")
        with subprocess.Popen(  # noqa: S603 - our own code
            # Isolated and without site packages, since importing them would take longer than the test.
            [sys.executable, "-I", "-S", "-c", SECOND_PROCESS, str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as second:
            assert second.stdout is not None  # noqa: S101 - a pipe
            answer = second.stdout.readline().split()
            connection.execute("COMMIT")
            second.communicate("go on\n", timeout=CHILD_WITHIN_S)
        (rows,) = connection.execute("SELECT COUNT(*) FROM seen").fetchone()
    if answer[:1] != ["1"] or rows != 2:  # noqa: PLR2004 - one of each process
        return "memory that processes share"
    return None if answer[1:] == ["True"] else "locks between processes"
