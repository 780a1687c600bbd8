"""The doctor's local checks: SQLite, the database and its ledger, free disk space, the spool."""

import errno
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Final

from bot.checks import Check
from bot.configuration.sentences import STRANGERS
from bot.database.exclusive_lock import refuse_network
from bot.database.file_system import check_file_system
from bot.database.migrating import migrations, schema_version
from bot.database.moved import refuse_moved
from bot.database.opening import open_place
from bot.database.sqlite_connections import OLDEST_SQLITE
from bot.errors import StartRefused
from bot.ops.doctor import postgresql
from bot.ops.doctor.postgresql import READ_WITHIN_S, summary
from bot.ops.doctor.runner import CheckSpec, failure, ok, on_a_thread, warning
from bot.store import servers
from bot.store.reconcile import reconcile

FILES_WITHIN_S: Final = 10.0
DATABASE_ADVICE: Final = "check the disk of DATABASE_URL"
SAFE_SQLITE: Final = (3, 51, 3)
"""First version in which concurrent checkpoints cannot damage a file in WAL mode.
Source: https://sqlite.org/wal.html#walresetbug, read 2026-11-25."""
FREE_LOW_BYTES: Final = 1024**3
FREE_MIN_BYTES: Final = 64 * 1024**2
"""Free space below which the check fails, in bytes. A song with two takes needs up to 40 MiB."""


def check_specs(database: Path | str, spool: Path, total_credits_max: int) -> list[CheckSpec]:
    """Return the checks of the database and of this machine. A ``database`` on a server is its URL."""
    return [*_of_database(database, total_credits_max), *_of_spool(spool)]


def _of_database(database: Path | str, total_credits_max: int) -> list[CheckSpec]:
    credits_ = CheckSpec(
        name="credits",
        within_s=FILES_WITHIN_S,
        run=_threaded(lambda: [check_total(database, total_credits_max, datetime.now(UTC))]),
        advice=DATABASE_ADVICE,
    )
    if isinstance(database, str):
        return [*postgresql.check_specs(database), credits_]
    return [
        CheckSpec(
            name="sqlite",
            within_s=FILES_WITHIN_S,
            run=_threaded(lambda: [check_sqlite()]),
            advice="please report it",
        ),
        *database_checks(database),
        credits_,
        CheckSpec(
            name="disk",
            within_s=FILES_WITHIN_S,
            run=_threaded(lambda: [check_disk(database)]),
            advice=DATABASE_ADVICE,
        ),
    ]


def _of_spool(spool: Path) -> list[CheckSpec]:
    return [
        CheckSpec(
            name="spool",
            within_s=FILES_WITHIN_S,
            run=_threaded(lambda: [check_spool(spool)]),
            advice="check the disk of SPOOL_DIR",
        ),
    ]


def database_checks(database: Path | str) -> list[CheckSpec]:
    """Return the checks of the database and of its ledger."""
    if isinstance(database, str):
        return postgresql.check_specs(database)
    return [
        CheckSpec(
            name=name,
            within_s=READ_WITHIN_S,
            run=_threaded(partial(_read, database, name, check)),
            advice=DATABASE_ADVICE,
        )
        for name, check in (("database", _check_file), ("ledger", _check_ledger))
    ]


def _threaded(work: Callable[[], Sequence[Check]]) -> Callable[[], Awaitable[Sequence[Check]]]:
    return lambda: on_a_thread(work)


def check_sqlite(version: tuple[int, ...] = sqlite3.sqlite_version_info) -> Check:
    """Check SQLite's version."""
    number = ".".join(str(part) for part in version)
    if version < OLDEST_SQLITE:
        return failure("sqlite", f"version {number} is too old; install Python with SQLite 3.37 or newer")
    if version < SAFE_SQLITE:
        finding = (
            f"version {number}; the bot avoids its WAL-reset bug (https://sqlite.org/wal.html#walresetbug): "
            "let no other program write to the database while the bot runs"
        )
        return ok("sqlite", finding)
    return ok("sqlite", f"version {number}")


def _read(path: Path, name: str, check: Callable[[sqlite3.Connection, Path], Iterator[Check]]) -> list[Check]:
    """Run ``check`` on the file through a connection that can't change it."""
    if not path.is_file():
        return [_absent(path, name)]
    try:
        # It shares a running bot's write-ahead log, and can neither write nor remove it.
        with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            return list(check(connection, path))
    except sqlite3.Error as error:
        return [failure(name, f"{path} can't be read ({error}); check DATABASE_URL, or restore a backup")]


def _absent(path: Path, name: str) -> Check:
    if name == "ledger":
        return ok(name, "empty so far")
    if path.exists():
        return failure(name, f"{path} is not a file; set DATABASE_URL to another path")
    return _not_yet(path, name, "DATABASE_URL")


def _not_yet(path: Path, name: str, variable: str) -> Check:
    """Check whether the first start can create a path that does not exist yet."""
    parent = _nearest(path.parent)
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        return failure(
            name, f"{path} can't be created: {parent} is not writable; fix its permissions, or set {variable}"
        )
    return warning(name, f"{path} does not exist yet; the first `tunesmith run` creates it")


def _nearest(folder: Path) -> Path:
    """Return the directory itself, or its nearest parent that exists."""
    return next(place for place in (folder, *folder.absolute().parents) if place.exists())


def _check_file(connection: sqlite3.Connection, path: Path) -> Iterator[Check]:
    name = "database"
    try:
        refuse_network(path)
        check_file_system(path)
        refuse_moved(connection, path)
    except StartRefused as refused:
        yield failure(name, str(refused))
        return
    version, newest = schema_version(connection), len(migrations())
    (tables,) = connection.execute("SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'").fetchone()
    if version == 0 and tables:
        yield failure(name, f"{path} belongs to another program; set DATABASE_URL to another file")
        return
    if version > newest:
        finding = f"{path} has schema {version}, but this program supports only up to {newest}"
        yield failure(name, f"{finding}; update the program, or restore a backup")
        return
    integrity = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if integrity != "ok":
        yield failure(name, f"{path} is damaged ({integrity}); restore a backup")
    elif not all(os.access(place, os.W_OK) for place in (path, path.parent)):
        yield failure(name, f"{path} or its directory is not writable; fix the permissions")
    elif mode != "wal":
        finding = f"{path} is intact, schema {version}; its journal mode is {mode}"
        yield warning(name, f"{finding}, and the next start changes it to wal")
    elif version < newest:
        finding = f"{path} is intact, schema {version}; the next start copies it and upgrades it to {newest}"
        yield ok(name, finding)
    else:
        yield ok(name, f"{path} is intact, schema {version}, journal mode wal")


def _check_ledger(connection: sqlite3.Connection, _: Path) -> Iterator[Check]:
    if schema_version(connection) == 0:
        yield ok("ledger", "empty so far")
        return
    connection.execute("BEGIN")
    totals = reconcile(connection)
    for finding in totals.findings:
        yield failure("ledger", f"{finding}; keep the file and report it")
    if not totals.findings:
        yield ok("ledger", summary(totals))


def check_total(database: Path | str, total_credits_max: int, now: datetime) -> Check:
    """Check how much of TOTAL_CREDITS_MAX all servers have used together this month."""
    name, used = "credits", 0
    if isinstance(database, str) or database.is_file():
        try:
            with open_place(database) as tx:
                used = servers.credits_this_month(tx, now)
        except StartRefused as refused:
            return warning(name, f"not counted: {refused}")
    finding = f"{used:,} of TOTAL_CREDITS_MAX={total_credits_max:,} used this month, by all servers together"
    if used >= total_credits_max:
        return warning(name, f"{finding}; no more songs are made until next month")
    if used * servers.SHARE_REACHED >= servers.SHARE_WARNED * total_credits_max:
        return warning(name, f"{finding}; raise it in time, or it is used up before the month ends")
    return ok(name, finding)


def check_servers(policy: servers.ServerPolicy, *, public: bool) -> Check:
    """Check that strangers can't invite the bot and spend the operator's credits."""
    name = "servers"
    if policy.listed:
        return ok(name, f"{len(policy.listed)} listed in GUILDS; others only if you allow them")
    if not policy.serves_new:
        return ok(name, "only those you allow with `tunesmith servers allow ID`")
    if public:
        return warning(name, STRANGERS)
    return ok(name, "all; only the application's owner can invite the bot")


def check_disk(database: Path) -> Check:
    """Check the free space for the database."""
    folder = _nearest(database.parent)
    return _check_free("disk", folder, shutil.disk_usage(folder).free, "DATABASE_URL")


def check_spool(folder: Path) -> Check:
    """Check that the directory for finished songs is writable and has free space."""
    name = "spool"
    if not folder.exists():
        return _not_yet(folder, name, "SPOOL_DIR")
    if not folder.is_dir():
        return failure(name, f"{folder} is not a directory; set SPOOL_DIR to another path")
    try:
        # Unnamed, so that it can never be left behind.
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"a song")
        sizes = [file.stat().st_size for file in os.scandir(folder) if file.is_file()]
    except OSError as error:
        problem = "is full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "is not writable"
        return failure(name, f"{folder} {problem} ({error.strerror}); fix that, or choose another SPOOL_DIR")
    space = _check_free(name, folder, shutil.disk_usage(folder).free, "SPOOL_DIR")
    return Check(
        verdict=space.verdict, name=name, finding=f"{len(sizes)} files, {_size(sum(sizes))}; {space.finding}"
    )


def _check_free(name: str, folder: Path, free_bytes: int, variable: str) -> Check:
    finding = f"{_size(free_bytes)} free in {folder}"
    if free_bytes < FREE_MIN_BYTES:
        return failure(name, f"{finding}; free some space, or move {variable}")
    if free_bytes < FREE_LOW_BYTES:
        return warning(name, f"{finding}; free some space soon")
    return ok(name, finding)


def _size(size_bytes: int) -> str:
    """Format a size like ``12.3 MiB``."""
    if size_bytes >= 1024**3:
        return f"{size_bytes / 1024**3:.1f} GiB"
    return f"{size_bytes / 1024**2:.1f} MiB"
