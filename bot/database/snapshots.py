"""Whole copies of a database that may be in use: consistent, checked, durable, and their owner's alone."""

import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

Tx = sqlite3.Connection

STEPS: Final = 10_000
"""Of SQLite's machine, between two looks at how far a copy is."""
FLUSH_BYTES: Final = 4 * 1024 * 1024
"""Written to the disk at a time: all at the end would hold up the commits of whoever writes meanwhile."""
STALE_AFTER_S: Final = 24 * 60 * 60.0
"""After this time nobody works on an unfinished copy any more: its process was killed."""
CACHE: Final = -64 * 1024
"""64 MiB while a copy is made or checked: with SQLite's 2 MiB a large one takes three times as long."""
COMPANIONS: Final = ("-journal", "-wal", "-shm")
"""What SQLite keeps beside a database."""


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """An empty file that takes the place of ``target`` at the end, whole and durable, or not at all.

    Only its owner may read it. Raises OSError where that can't be done.
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


def fill(connection: Tx, target: Path, progress: Callable[[int], None] = lambda _: None) -> None:
    """Copy what the connection, which is in no transaction, sees at this moment into the empty ``target``.

    Whoever writes meanwhile is not disturbed. ``progress`` is told how many bytes there are so far.

    Raises:
        sqlite3.Error: the database can't be read, or the disk is full.
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
    flush(target)


def check(path: Path) -> None:
    """Read a copy that nobody uses from its beginning to its end.

    Raises:
        sqlite3.Error: it is damaged, or no database.
    """
    with closing(sqlite3.connect(address(path), uri=True)) as connection:
        connection.execute(f"PRAGMA cache_size = {CACHE}")
        (finding,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
    if finding != "ok":
        raise sqlite3.DatabaseError(finding)


def address(path: Path) -> str:
    """The address by which SQLite reads a file that nobody changes, leaving nothing beside it."""
    return f"{path.resolve().as_uri()}?mode=ro&immutable=1"


def companions(path: Path) -> list[Path]:
    """The files that SQLite may have beside the database ``path``."""
    return [path.with_name(path.name + ending) for ending in COMPANIONS]


def flush(path: Path) -> None:
    """What was written to this file or folder is on the disk when this returns."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# -- before a migration


def before_schema(path: Path, version: int) -> Path:
    """The name of the copy that is made of the database ``path`` before it gets this schema."""
    return path.with_name(f"{path.name}{_BEFORE}{version}")


def keep_before_schema(connection: Tx, path: Path, version: int) -> None:
    """Copy the database, which the connection has open, beside it; see ``before_schema``.

    Raises:
        sqlite3.Error: it can't be copied.
        OSError: there is no room for the copy.
    """
    with replacing(before_schema(path, version)) as unfinished:
        fill(connection, unfinished)
        check(unfinished)


def outlived(path: Path, before_s: float) -> list[Path]:
    """Copies beside the database ``path`` that are older than that moment, in seconds of the epoch."""
    found = path.parent.glob(f"{_literal(path.name)}{_BEFORE}*")
    return sorted(copy for copy in found if copy.is_file() and copy.stat().st_mtime < before_s)


_BEFORE: Final = ".before-schema-"
_UNFINISHED: Final = ".unfinished"


def _prefix(target: Path) -> str:
    return f".{target.name}."


def _literal(name: str) -> str:
    """A name in which nothing is a pattern for ``glob``."""
    return "".join(f"[{char}]" if char in "*?[" else char for char in name)


def _drop_stale(target: Path) -> None:
    """Remove what processes left behind that were killed over a copy."""
    for left in target.parent.glob(f"{_literal(_prefix(target))}*{_UNFINISHED}*"):
        if left.is_file() and left.stat().st_mtime < time.time() - STALE_AFTER_S:
            left.unlink(missing_ok=True)
