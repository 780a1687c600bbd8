"""The doctor's checks of what lies on this machine: SQLite, the database, its books, the disk, the spool."""

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

from bot.database.sqlite import OLDEST_SQLITE, migrations, refuse_network, schema_version
from bot.errors import StartRefused
from bot.model import Check
from bot.ops.doctor.runner import CheckSpec, failure, ok, on_a_thread, warning
from bot.store.reconcile import Reconciliation, reconcile

FILES_WITHIN_S: Final = 10.0
READ_WITHIN_S: Final = 60.0
"""For what reads a database from its beginning to its end."""
SAFE_SQLITE: Final = (3, 51, 3)
"""Before it, two connections that checkpoint at once can damage a file in WAL mode.
Source: https://sqlite.org/wal.html#walresetbug, read 2026-11-25."""
FREE_LOW_BYTES: Final = 1024**3
FREE_LEAST_BYTES: Final = 64 * 1024**2
"""A song with two takes has up to 40 MiB."""


def at_home(database: Path, spool: Path) -> list[CheckSpec]:
    """The checks that ask nobody."""
    look = "look at the disk"
    return [
        CheckSpec(
            name="sqlite", within_s=FILES_WITHIN_S, make=_threaded(lambda: [sqlite()]), advice="report it"
        ),
        *of_database(database),
        CheckSpec(
            name="disk",
            within_s=FILES_WITHIN_S,
            make=_threaded(lambda: [disk(database)]),
            advice=f"{look} of DATABASE_URL",
        ),
        CheckSpec(
            name="spool",
            within_s=FILES_WITHIN_S,
            make=_threaded(lambda: [examine_spool(spool)]),
            advice=f"{look} of SPOOL_DIR",
        ),
    ]


def of_database(database: Path) -> list[CheckSpec]:
    """The database and its books."""
    return [
        CheckSpec(
            name=name,
            within_s=READ_WITHIN_S,
            make=_threaded(partial(_read, database, name, look)),
            advice="look at the disk of DATABASE_URL",
        )
        for name, look in (("database", _file), ("ledger", _books))
    ]


def _threaded(work: Callable[[], Sequence[Check]]) -> Callable[[], Awaitable[Sequence[Check]]]:
    return lambda: on_a_thread(work)


def sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Check:
    """SQLite's version."""
    said = ".".join(str(part) for part in version)
    if version < OLDEST_SQLITE:
        return failure("sqlite", f"version {said} is too old; install Python with SQLite 3.37 or newer")
    if version < SAFE_SQLITE:
        finding = (
            f"version {said} has the WAL-reset bug (https://sqlite.org/wal.html#walresetbug), which the bot "
            "avoids; open the database with no other program that writes, or install Python with SQLite "
            "3.51.3 or newer"
        )
        return warning("sqlite", finding)
    return ok("sqlite", f"version {said}")


def _read(path: Path, name: str, look: Callable[[sqlite3.Connection, Path], Iterator[Check]]) -> list[Check]:
    """What ``look`` finds in the file, which it can't change."""
    if not path.is_file():
        return [_absent(path, name)]
    try:
        # Beside a running bot it shares the log; it can neither write nor clear the log away.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            return list(look(connection, path))
    except sqlite3.Error as error:
        return [failure(name, f"{path} can't be read ({error}); look at DATABASE_URL, or restore a backup")]


def _absent(path: Path, name: str) -> Check:
    if name == "ledger":
        return ok(name, "nothing is booked yet")
    if path.exists():
        return failure(name, f"{path} is no file; name another in DATABASE_URL")
    return _not_yet(path, name, "DATABASE_URL")


def _not_yet(path: Path, name: str, variable: str) -> Check:
    """Whether what is not there can be made by the first start."""
    there = _nearest(path.parent)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return failure(name, f"{path} can't be made: {there} can't be written to; mend that, or {variable}")
    return warning(name, f"{path} is not there yet: the first `tunesmith run` makes it")


def _nearest(folder: Path) -> Path:
    """The folder itself, or the next one above it that exists."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _file(connection: sqlite3.Connection, path: Path) -> Iterator[Check]:
    name = "database"
    try:
        refuse_network(path)
    except StartRefused as refused:
        yield failure(name, str(refused))
        return
    version, known = schema_version(connection), len(migrations())
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'").fetchone()
    if version == 0 and tables:
        yield failure(name, f"{path} belongs to another program; name another file in DATABASE_URL")
        return
    if version > known:
        finding = f"{path} is of schema {version} and this program knows {known}"
        yield failure(name, f"{finding}; update the program, or restore a backup")
        return
    said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if said != "ok":
        yield failure(name, f"{path} is damaged ({said}); restore a backup")
    elif not all(os.access(place, os.W_OK) for place in (path, path.parent)):
        yield failure(name, f"{path} or its folder can't be written to; mend the permissions")
    elif mode != "wal":
        finding = f"{path} is whole, schema {version}; its journal mode is {mode}"
        yield warning(name, f"{finding}: the next start makes it wal")
    elif version < known:
        finding = f"{path} is whole, schema {version}; the next start copies it and brings it to {known}"
        yield ok(name, finding)
    else:
        yield ok(name, f"{path} is whole, schema {version}, journal mode wal")


def _books(connection: sqlite3.Connection, _: Path) -> Iterator[Check]:
    if schema_version(connection) == 0:
        yield ok("ledger", "nothing is booked yet")
        return
    connection.execute("BEGIN")
    proof = reconcile(connection)
    for finding in proof.findings:
        yield failure("ledger", f"{finding}; keep the file and report it")
    if not proof.findings:
        yield ok("ledger", summary(proof))


def summary(proof: Reconciliation) -> str:
    """The figures of a proof that found nothing."""
    return (
        f"counters = ledger = jobs: {proof.entries} entries for {proof.jobs} jobs in {proof.guilds} servers; "
        f"{proof.held} credits held, {proof.settled} settled, {proof.released} released"
    )


def disk(database: Path) -> Check:
    """Room for the database."""
    folder = _nearest(database.parent)
    return _room("disk", folder, shutil.disk_usage(folder).free, "DATABASE_URL")


def examine_spool(folder: Path) -> Check:
    """The folder for finished songs."""
    name = "spool"
    if not folder.exists():
        return _not_yet(folder, name, "SPOOL_DIR")
    if not folder.is_dir():
        return failure(name, f"{folder} is no folder; name another in SPOOL_DIR")
    try:
        # It has no name, so nobody ever finds it there.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"a song")
        sizes = [file.stat().st_size for file in os.scandir(folder) if file.is_file()]
    except OSError as error:
        what = "is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "can't be written to"
        return failure(name, f"{folder} {what} ({error.strerror}); mend that, or choose another SPOOL_DIR")
    found = _room(name, folder, shutil.disk_usage(folder).free, "SPOOL_DIR")
    return Check(
        verdict=found.verdict, name=name, finding=f"{len(sizes)} files, {_size(sum(sizes))}; {found.finding}"
    )


def _room(name: str, folder: Path, free_bytes: int, variable: str) -> Check:
    finding = f"{_size(free_bytes)} free in {folder}"
    if free_bytes < FREE_LEAST_BYTES:
        return failure(name, f"{finding}; make room, or move {variable}")
    if free_bytes < FREE_LOW_BYTES:
        return warning(name, f"{finding}; make room soon")
    return ok(name, finding)


def _size(size_bytes: int) -> str:
    """``12.3 MiB``."""
    if size_bytes >= 1024**3:
        return f"{size_bytes / 1024**3:.1f} GiB"
    return f"{size_bytes / 1024**2:.1f} MiB"
