"""Check that the database on disk is still the one that this process opened.

Locks keep other processes out of a file. They cannot prevent anybody from replacing, moving or overwriting
it, and on some file systems they do not reach other machines. A process that carried on regardless would pay
and post for rows that nobody will ever read again, or that another process is working on at the same time.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from bot.database.exclusive_lock import real_path

TOKEN_AT: Final = 68
"""Offset of the application id in a database file, in bytes.
Source: https://sqlite.org/fileformat2.html#application_id, read 2026-11-26."""
TOKEN_BYTES: Final = 4
TOKEN_BITS: Final = 31
"""Size of the token in bits: the application id is a signed number of 32."""


class Gone(Exception):
    """No file exists under the database's name at the moment. It may come back."""


class Lost(Exception):
    """The database permanently belongs to another process, or is another file; the message says which."""


class LogLost(Lost):
    """The write-ahead log was removed. Closing the connection still saves its contents."""


class Damaged(Lost):
    """The file is damaged. Anything that a connection would write on closing stays in the log."""


class Overwritten(Lost):
    """The file was overwritten with another database, which the log would damage at the next start."""


class Ownership:
    """Compares the database on disk with the one that was opened.

    ``handle`` is a descriptor of the file, which keeps its inode from being reused.
    """

    def __init__(self, path: Path, handle: int) -> None:
        self._path = path
        self._log = _log_of(path)
        self._handle = handle
        self._file = _identity(os.fstat(handle))
        self._log_file = _identity(self._log.stat())
        self._token = b""
        self._token_on_disk = False
        self._still_ours: Callable[[sqlite3.Connection], bool] = lambda _: True

    def mark(self, connection: sqlite3.Connection, still_ours: Callable[[sqlite3.Connection], bool]) -> None:
        """Mark the file as this process's, outside a transaction.

        ``still_ours`` is called in every transaction from then on. The mark distinguishes this file from a
        copy written over it. It is the application id, which has a fixed offset and no other use.
        """
        token = secrets.randbits(TOKEN_BITS) | 1
        connection.execute(f"PRAGMA application_id = {token}")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)")
        self._token = token.to_bytes(TOKEN_BYTES, "big")
        self._still_ours = still_ours
        self._is_overwritten()  # the mark is usually in the file by now

    def drop_log(self) -> None:
        """Remove the write-ahead log, whose database no longer exists."""
        self._log.unlink(missing_ok=True)

    def check(self, connection: sqlite3.Connection) -> None:
        """Check, inside a transaction with the write lock and before any write, that the file is ours.

        Raises:
            Gone: no file exists under the name.
            Lost: the database is no longer this process's.
        """
        try:
            file = _identity(self._path.stat())
        except OSError as error:
            raise Gone(f"{self._path} was moved or deleted ({error.strerror}); put it back") from None
        if file != self._file:
            raise Lost(f"{self._path} was replaced while the bot was running")
        if self._is_overwritten():
            raise Overwritten(f"{self._path} was overwritten while the bot was running")
        try:
            log_file = _identity(self._log.stat())
        except FileNotFoundError:
            raise LogLost(f"{self._log} was removed while the bot was running") from None
        except OSError as error:
            raise Gone(f"{self._log} can't be reached ({error.strerror})") from None
        if log_file != self._log_file:
            raise Lost(f"{self._log} was replaced while the bot was running")
        if not self._still_ours(connection):
            raise Lost(f"another Tunesmith has taken over {self._path}")

    def _is_overwritten(self) -> bool:
        """Return whether the mark has disappeared after a checkpoint had written it to the file."""
        if not self._token:
            return False
        on_disk = os.pread(self._handle, TOKEN_BYTES, TOKEN_AT) == self._token
        if on_disk:
            self._token_on_disk = True
        return self._token_on_disk and not on_disk


def unmark(path: Path) -> None:
    """Remove the mark from a copy that nobody has open, so that it is not mistaken for the original."""
    with path.open("r+b") as file:
        file.seek(TOKEN_AT)
        file.write(bytes(TOKEN_BYTES))


def _log_of(path: Path) -> Path:
    real = real_path(path)
    return real.with_name(f"{real.name}-wal")


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
