"""``tunesmith backup`` and ``restore``: copy the database, and restore it without repeating any work."""

import os
import shutil
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

from bot.database import moved, snapshots
from bot.database.exclusive_lock import exclusive_lock, real_path
from bot.database.migrating import is_ours, migrations, schema_version
from bot.database.sqlite_connections import open_migrated
from bot.errors import NotDone
from bot.files import flush
from bot.model import JobState
from bot.pipeline import after_restore
from bot.store import members
from bot.store.reconcile import reconcile

ERASURE_SCHEMA: Final = 4
"""First schema in which a member can be erased."""
WAL_FORMAT_AT: Final = 18
"""Offset of the write format in a database file, in bytes."""
WAL_FORMAT: Final = b"\x02"
NAMES_MAX: Final = 1_000
"""Maximum number of replaced files kept with the same timestamp."""
Progress: TypeAlias = Callable[[str, int, int], None]
"""Receives the current step, the bytes processed, and the total in bytes."""


class Backup(Struct, frozen=True, kw_only=True):
    """The contents of a backup."""

    path: Path
    size_bytes: int
    schema: int
    jobs: int
    entries: int


class Restored(Struct, frozen=True, kw_only=True):
    """The result of a restore."""

    marked: Counter[JobState]
    """Number of unfinished jobs by state."""
    kept: Path | None
    """Where the replaced file is kept, if there was one."""
    balanced: bool
    """Whether the restored ledger adds up."""


def backup(database: Path, target: Path, progress: Progress) -> Backup:
    """Copy the database to ``target`` without disturbing a running bot.

    Raises:
        NotDone: the backup was refused or failed; no existing file was changed.
    """
    if not database.is_file():
        raise NotDone(f"DATABASE_URL: {database} does not exist, so there is nothing to back up.")
    target = target.resolve()
    _refuse_target(database, target)
    with (
        _errors_as_sentences(f"{database} can't be copied to {target}"),
        closing(_open_read_only(database)) as connection,
    ):
        if not is_ours(connection):
            raise NotDone(f"DATABASE_URL: {database} is not a Tunesmith database; nothing was written.")
        whole = _size(connection)
        with snapshots.replacing(target) as unfinished:
            snapshots.fill(connection, unfinished, lambda written: progress("copying", written, whole))
            progress("checking", whole, whole)
            snapshots.check(unfinished)
            return _content(unfinished, target)


def _refuse_target(database: Path, target: Path) -> None:
    own_files = [database, *snapshots.companions(database), database.with_name(f"{database.name}.lock")]
    if target in [path.resolve() for path in own_files]:
        raise NotDone(f"{target} belongs to the database being backed up; choose another name.")
    if target.is_dir() or not target.parent.is_dir():
        raise NotDone(f"{target} can't be created; name a file in an existing directory.")
    if not target.exists():
        return
    if _is_bots_database(target):
        raise NotDone(f"{target} is the database of a bot; choose another name.")
    if not _is_backup(target):
        raise NotDone(f"{target} exists and is not a backup; choose another name, or move it away.")
    if _is_locked(target):
        raise NotDone(f"{target} is in use by another program; close that first, or choose another name.")


def _is_backup(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(snapshots.address(path), uri=True)) as connection:
            return is_ours(connection)
    except sqlite3.Error:
        return False


def _is_bots_database(path: Path) -> bool:
    """Return whether a bot uses the file, running or not.

    A bot switches its database to WAL mode; a backup is never in WAL mode.
    """
    companions = [*snapshots.companions(path), path.with_name(f"{path.name}.lock")]
    return any(companion.exists() for companion in companions) or _has_wal_header(path)


def _is_locked(path: Path) -> bool:
    """Return whether another program is reading or writing the file."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=rw", uri=True, isolation_level=None)) as tx:
            tx.execute("PRAGMA busy_timeout = 0")
            tx.execute("BEGIN EXCLUSIVE")
            tx.execute("ROLLBACK")
    except sqlite3.Error:
        return True
    return False


def _has_wal_header(path: Path) -> bool:
    """Return whether the file's header declares WAL mode.

    Source: https://sqlite.org/fileformat2.html#file_format_version_numbers, read 2026-11-25.
    """
    with path.open("rb") as file:
        return WAL_FORMAT in file.read(WAL_FORMAT_AT + 1)[WAL_FORMAT_AT:]


def _open_read_only(path: Path) -> sqlite3.Connection:
    """Open a connection that can copy the file, and neither writes nor checkpoints."""
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _size(connection: sqlite3.Connection) -> int:
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    return int(pages * connection.execute("PRAGMA page_size").fetchone()[0])


def _content(unfinished: Path, path: Path) -> Backup:
    with closing(sqlite3.connect(snapshots.address(unfinished), uri=True)) as connection:
        jobs, entries = connection.execute(
            "SELECT (SELECT COUNT(*) FROM job), (SELECT COUNT(*) FROM ledger)"
        ).fetchone()
        return Backup(
            path=path,
            size_bytes=unfinished.stat().st_size,
            schema=schema_version(connection),
            jobs=jobs,
            entries=entries,
        )


@contextmanager
def _errors_as_sentences(what: str) -> Iterator[None]:
    """Convert SQLite and disk errors into NotDone with one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        raise NotDone(f"{what} ({' '.join(str(error).split())}); nothing was changed.") from error
    except OSError as error:
        raise NotDone(f"{what} ({error.strerror or type(error).__name__}); nothing was changed.") from error


def restore(database: Path, source: Path, now: datetime, progress: Progress) -> Restored:
    """Replace the database with the backup ``source``; the replaced file is kept next to it for a week.

    Work that may have been done since the backup is not repeated; see ``pipeline.after_restore``.

    Raises:
        AlreadyRuns: a bot has the database open.
        NotDone: the restore was refused or failed; the database is unchanged.
    """
    if not source.is_file():
        raise NotDone(f"{source} is not a file; nothing was changed.")
    database = real_path(database)
    with exclusive_lock(database, create=False), _errors_as_sentences(f"{source} can't be restored"):
        _refuse_moved(database)
        if database.exists() and source.samefile(database):
            raise NotDone(f"{source} is the database itself; nothing was changed.")
        with snapshots.replacing(database) as unfinished:
            _copy(source, unfinished, progress)
            current_members = _member_index(database)
            with open_migrated(unfinished) as tx:
                progress("marking unfinished jobs", 1, 1)
                backed_up = members.member_index(tx)
                erased = [] if current_members is None else current_members.left_since(backed_up)
                marked = after_restore.mark(tx, now, erased)
                balanced = not reconcile(tx).findings
            progress("checking", 1, 1)
            snapshots.check(unfinished)
            _as_owned(unfinished, like=database)
            progress("saving the replaced file", 1, 1)
            replaced_file = _keep(database, now)
    return Restored(marked=marked, kept=replaced_file, balanced=balanced)


def _refuse_moved(database: Path) -> None:
    """Refuse to replace a file whose rows were moved to a server, where a bot may be using them."""
    if not database.exists():
        return
    try:
        with closing(_open_read_only(database)) as connection:
            place = moved.destination(connection)
    except sqlite3.Error:
        return  # damaged, which may be why it is being replaced
    if place is not None:
        raise NotDone(
            f"{database} was moved to {place} and is closed for good; to go back to the backup, set "
            "DATABASE_URL to another file. Nothing was changed."
        )


def _member_index(database: Path) -> members.MemberIndex | None:
    """Return the member index of the file to be replaced, or None if there is none to read."""
    if not database.exists():
        return None
    try:
        with closing(_open_read_only(database)) as connection:
            return members.member_index(connection) if schema_version(connection) >= ERASURE_SCHEMA else None
    except sqlite3.Error:
        return None  # damaged, which may be why it is being replaced


def _copy(source: Path, unfinished: Path, progress: Progress) -> None:
    """Copy the backup to a file that may be changed. Raises NotDone if it is not a backup."""
    try:
        with closing(_open_backup(source)) as connection:
            _refuse_other(connection, source)
            _check(connection)
            whole = _size(connection)
            snapshots.fill(connection, unfinished, lambda written: progress("copying", written, whole))
    except sqlite3.OperationalError:
        raise  # a disk error or a lock; the backup itself may be fine
    except sqlite3.DatabaseError as error:
        detail = " ".join(str(error).split())
        raise NotDone(f"{source} is damaged, or not a backup ({detail}); nothing was changed.") from error


def _open_backup(source: Path) -> sqlite3.Connection:
    """Open a connection that leaves no files behind, unless the backup was copied with its log."""
    if source.with_name(f"{source.name}-wal").exists():
        return _open_read_only(source)
    return sqlite3.connect(snapshots.address(source), uri=True, isolation_level=None)


def _refuse_other(connection: sqlite3.Connection, source: Path) -> None:
    if not is_ours(connection):
        raise NotDone(f"{source} is not a Tunesmith backup; nothing was changed.")
    place = moved.destination(connection)
    if place is not None:
        raise NotDone(f"{source} is a copy of a database that was moved to {place}; nothing was changed.")
    version, newest = schema_version(connection), len(migrations())
    if version > newest:
        raise NotDone(
            f"{source} was written by a newer Tunesmith (schema {version}, this one knows {newest}); "
            "update the program first. Nothing was changed."
        )


def _check(connection: sqlite3.Connection) -> None:
    finding = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if finding != "ok":
        raise sqlite3.DatabaseError(finding)


def _as_owned(path: Path, *, like: Path) -> None:
    """Give the new file the old one's owner and mode: the bot may run as another user."""
    model = like if like.exists() else like.parent
    if like.exists():
        path.chmod(stat.S_IMODE(like.stat().st_mode))
    if os.geteuid() == 0:
        os.chown(path, model.stat().st_uid, model.stat().st_gid)


def _keep(database: Path, now: datetime) -> Path | None:
    """Save the file to be replaced, including its log, under a dated name; return that name.

    Afterwards no log remains that could be mistaken for the new file's.
    """
    if database.exists():
        _close(database)
    files = [path for path in (database, *snapshots.companions(database)) if path.exists()]
    if not files:
        return None
    copy = _dated(database, now)
    for path in files:
        target = copy.with_name(copy.name + path.name.removeprefix(database.name))
        with snapshots.replacing(target) as unfinished:
            shutil.copyfile(path, unfinished)
            _as_owned(unfinished, like=path)
            unfinished.chmod(stat.S_IRUSR | stat.S_IWUSR)
    for path in files:
        if path != database:
            path.unlink()
    flush(database.parent)
    return copy


def _close(database: Path) -> None:
    """Merge the log into an intact file. Raises NotDone if another program has it open."""
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            # Leaving WAL mode needs exclusive access to the file.
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise NotDone(f"{database} is open in another program; close that first.") from error
        # Damaged, which may be why it is being replaced: its log is kept unchanged.
        return


def _dated(database: Path, now: datetime) -> Path:
    """Return an unused name like ``tunesmith.db.replaced-20261125-101500``."""
    first = database.with_name(f"{database.name}{snapshots.REPLACED}{now.astimezone(UTC):%Y%m%d-%H%M%S}")
    names = (first.with_name(f"{first.name}-{number}") if number else first for number in range(NAMES_MAX))
    return next(name for name in names if not name.exists())
