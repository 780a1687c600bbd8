"""Snapshots of a database that may be in use: consistent, verified, durable and private to their owner."""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from bot.database.ownership import unmark
from bot.files import flush

STEPS: Final = 10_000
"""Number of virtual machine instructions between two progress reports."""
FLUSH_BYTES: Final = 4 * 1024 * 1024
"""Number of bytes between two flushes; a single flush at the end would delay other writers' commits."""
STALE_AFTER_S: Final = 24 * 60 * 60.0
"""Age after which an unfinished copy is stale because its process was killed, in seconds."""
CACHE: Final = -64 * 1024
"""Page cache for copying and checking, 64 MiB; with SQLite's 2 MiB it would take three times as long."""
COMPANIONS: Final = ("-journal", "-wal", "-shm")
"""Suffixes of the files that SQLite keeps next to a database."""

REPLACED: Final = ".replaced-"
"""Suffix of a file replaced by a restore."""
KEEP_S: Final = 7 * 24 * 60 * 60.0
"""How long copies from before an upgrade and replaced files are kept, in seconds."""
_BEFORE: Final = ".before-schema-"
_UNFINISHED: Final = ".unfinished"


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Provide an empty file that finally replaces ``target``, whole and durable, or not at all.

    Only its owner may read it. Raises OSError if the file cannot be created or put in place.
    """
    _drop_stale(target)
    handle, name = tempfile.mkstemp(prefix=_prefix(target), suffix=_UNFINISHED, dir=target.parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        yield unfinished
        flush(unfinished)
        unfinished.replace(target)
        flush(target.parent)
    finally:
        for path in (unfinished, *companions(unfinished)):
            path.unlink(missing_ok=True)


def fill(
    connection: sqlite3.Connection, target: Path, progress: Callable[[int], None] = lambda _: None
) -> None:
    """Copy the connection's current snapshot into the empty ``target``.

    The connection must not be in a transaction. Other writers are not delayed. ``progress`` receives the
    number of bytes written so far.

    Raises:
        sqlite3.Error: the database cannot be read, or the disk is full.
    """
    flushed = 0

    def look() -> int:
        nonlocal flushed
        written = target.stat().st_size
        if written - flushed >= FLUSH_BYTES:
            flush(target)
            flushed = written
        progress(written)
        return 0

    (cache,) = connection.execute("PRAGMA cache_size").fetchone()
    connection.execute(f"PRAGMA cache_size = {CACHE}")
    connection.set_progress_handler(look, STEPS)
    try:
        connection.execute("VACUUM INTO ?", (str(target.resolve()),))
    finally:
        connection.set_progress_handler(None, 0)
        connection.execute(f"PRAGMA cache_size = {cache}")
    unmark(target)
    flush(target)


def check(path: Path) -> None:
    """Verify a copy that nobody uses by reading all of it.

    Raises:
        sqlite3.Error: the copy is damaged or not a database.
    """
    with closing(sqlite3.connect(address(path), uri=True)) as connection:
        connection.execute(f"PRAGMA cache_size = {CACHE}")
        (finding,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if finding != "ok":
        raise sqlite3.DatabaseError(finding)


def address(path: Path) -> str:
    """Return a URI for reading a file that nobody changes, without creating companion files."""
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


def companions(path: Path) -> list[Path]:
    """Return the companion files that SQLite may have for the database ``path``."""
    return [path.with_name(path.name + ending) for ending in COMPANIONS]


# -- before a migration


def before_schema(path: Path, version: int) -> Path:
    """Return the name of the copy made before the database ``path`` is upgraded to this schema."""
    return path.with_name(f"{path.name}{_BEFORE}{version}")


def keep_before_schema(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """Copy the open database next to itself; see ``before_schema``.

    Raises:
        sqlite3.Error: the database cannot be copied.
        OSError: the disk has no room for the copy.
    """
    with replacing(before_schema(path, version)) as unfinished:
        fill(connection, unfinished)
        check(unfinished)


def before_upgrades(path: Path | None) -> list[Path]:
    """Return the copies made before upgrades of the database ``path``."""
    return _copies(path, _BEFORE)


def replaced(path: Path | None) -> list[Path]:
    """Return the files replaced by restores of the database ``path``."""
    return _copies(path, REPLACED)


def keeps_until_s(path: Path | None) -> float | None:
    """Return when the last replaced file of the database ``path`` expires, in epoch seconds, or None."""
    return max((copy.stat().st_mtime + KEEP_S for copy in replaced(path)), default=None)


def outlived(path: Path | None, now_s: float) -> list[Path]:
    """Return the copies of both kinds that are older than ``KEEP_S`` at ``now_s``, in epoch seconds."""
    copies = before_upgrades(path) + replaced(path)
    return [copy for copy in copies if copy.stat().st_mtime < now_s - KEEP_S]


def _copies(path: Path | None, kind: str) -> list[Path]:
    if path is None:  # a database on a server
        return []
    return sorted(copy for copy in path.parent.glob(f"{_literal(path.name)}{kind}*") if copy.is_file())


def _prefix(target: Path) -> str:
    return f".{target.name}."


def _literal(name: str) -> str:
    """Escape a name for ``glob``."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _drop_stale(target: Path) -> None:
    """Remove unfinished copies left by killed processes."""
    for left in target.parent.glob(f"{_literal(_prefix(target))}*{_UNFINISHED}*"):
        if left.is_file() and left.stat().st_mtime < time.time() - STALE_AFTER_S:
            left.unlink(missing_ok=True)
