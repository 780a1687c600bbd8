"""``tunesmith backup`` and ``restore``: the database as one file, and back without doing anything twice."""

import os
import shutil
import sqlite3
import stat
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from bot.database import snapshots
from bot.database.sqlite import alone, is_ours, migrations, open_migrated, schema_version
from bot.errors import NotDone
from bot.model import JobState
from bot.pipeline import after_restore
from bot.store import members
from bot.store.reconcile import reconcile

FORGETS = 4
"""The first schema in which somebody can be forgotten."""
Progress: TypeAlias = Callable[[str, int, int], None]
"""Is told what is being done, how many bytes of it are, and of how many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """What is in a backup."""

    path: Path
    size_bytes: int
    schema: int
    jobs: int
    entries: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """What a restored database has."""

    marked: Counter[JobState]
    """Jobs that were not at their end, by the state in which they were."""
    kept: Path | None
    """Where the file lies that was replaced, if there was one."""
    balanced: bool
    """Whether the books add up."""


def backup(database: Path, target: Path, progress: Progress) -> Backup:
    """Write the whole database to ``target``, also while a bot works on it, which it does not disturb.

    Raises:
        NotDone: what stands against it; nothing that was there is changed.
    """
    if not database.is_file():
        raise NotDone(f"DATABASE_URL: {database} is not there, so there is nothing to back up.")
    target = target.resolve()
    _refuse_target(database, target)
    with _explained(f"{database} can't be copied to {target}"), closing(_reading(database)) as connection:
        if not is_ours(connection):
            raise NotDone(f"DATABASE_URL: {database} is no database of Tunesmith; nothing was written.")
        whole = _size(connection)
        with snapshots.replacing(target) as unfinished:
            snapshots.fill(connection, unfinished, lambda written: progress("copying", written, whole))
            progress("checking", whole, whole)
            snapshots.check(unfinished)
            return _content(unfinished, target)


def _refuse_target(database: Path, target: Path) -> None:
    taken = [database, *snapshots.companions(database), database.with_name(f"{database.name}.lock")]
    if target in [path.resolve() for path in taken]:
        raise NotDone(f"{target} belongs to the database that is to be backed up; choose another name.")
    if target.is_dir() or not target.parent.is_dir():
        raise NotDone(f"{target} can't be a file there; name a file in a folder that exists.")
    if target.exists() and not _is_backup(target):
        raise NotDone(f"{target} is there and is no backup; choose another name, or move it away.")


def _is_backup(path: Path) -> bool:
    try:
        with closing(sqlite3.connect(snapshots.address(path), uri=True)) as connection:
            return is_ours(connection)
    except sqlite3.Error:
        return False


def _reading(path: Path) -> sqlite3.Connection:
    """A connection that can copy the file, and neither writes nor checkpoints."""
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
def _explained(what: str) -> Iterator[None]:
    """Errors of SQLite and of the disk as one sentence."""
    try:
        yield
    except sqlite3.Error as error:
        raise NotDone(f"{what} ({' '.join(str(error).split())}); nothing was changed.") from error
    except OSError as error:
        raise NotDone(f"{what} ({error.strerror or type(error).__name__}); nothing was changed.") from error


def restore(database: Path, source: Path, now: datetime, progress: Progress) -> Restored:
    """Put the backup ``source`` in the place of the database; the file that was there is kept beside it.

    What may have been done since the backup is not done again; see ``jobs.restored``.

    Raises:
        AlreadyRuns: a bot has the database.
        NotDone: what stands against it; the database is as it was.
    """
    if not source.is_file():
        raise NotDone(f"{source} is no file; nothing was changed.")
    with alone(database), _explained(f"{source} can't be restored"):
        if database.exists() and source.samefile(database):
            raise NotDone(f"{source} is the database itself; nothing was changed.")
        with snapshots.replacing(database) as unfinished:
            _copy(source, unfinished, progress)
            now_known = _roll(database)
            with open_migrated(unfinished) as tx:
                progress("marking what was open", 1, 1)
                gone = [] if now_known is None else now_known.left_since(members.member_index(tx))
                marked = after_restore.mark(tx, now, gone)
                balanced = not reconcile(tx).findings
            progress("checking", 1, 1)
            snapshots.check(unfinished)
            _as_owned(unfinished, like=database)
            progress("keeping the replaced file", 1, 1)
            kept = _keep(database, now)
    return Restored(marked=marked, kept=kept, balanced=balanced)


def _roll(database: Path) -> members.MemberIndex | None:
    """Who is known in the file that is to be replaced, as far as it can be read."""
    if not database.exists():
        return None
    try:
        with closing(_reading(database)) as connection:
            return members.member_index(connection) if schema_version(connection) >= FORGETS else None
    except sqlite3.Error:
        return None  # it is damaged, which may be why it is to be replaced


def _copy(source: Path, unfinished: Path, progress: Progress) -> None:
    """The backup as a file that may be changed. Raises NotDone where it is none."""
    try:
        with closing(_reading_alone(source)) as connection:
            _refuse_other(connection, source)
            _check(connection)
            whole = _size(connection)
            snapshots.fill(connection, unfinished, lambda written: progress("copying", written, whole))
    except sqlite3.OperationalError:
        raise  # of the disk or of the moment: it tells nothing of the backup
    except sqlite3.DatabaseError as error:
        said = " ".join(str(error).split())
        raise NotDone(f"{source} is damaged, or no backup ({said}); nothing was changed.") from error


def _reading_alone(source: Path) -> sqlite3.Connection:
    """A connection that leaves nothing beside the backup; a file copied by hand may have its log there."""
    if source.with_name(f"{source.name}-wal").exists():
        return _reading(source)
    return sqlite3.connect(snapshots.address(source), uri=True, isolation_level=None)


def _refuse_other(connection: sqlite3.Connection, source: Path) -> None:
    if not is_ours(connection):
        raise NotDone(f"{source} is no backup of Tunesmith; nothing was changed.")
    version, known = schema_version(connection), len(migrations())
    if version > known:
        raise NotDone(
            f"{source} was written by a newer Tunesmith (schema {version}, this one knows {known}); "
            "update the program first, nothing was changed."
        )


def _check(connection: sqlite3.Connection) -> None:
    finding = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if finding != "ok":
        raise sqlite3.DatabaseError(finding)


def _as_owned(path: Path, *, like: Path) -> None:
    """Who runs the bot may not be who restores: the new file belongs to the owner of the old one."""
    there = like if like.exists() else like.parent
    if like.exists():
        path.chmod(stat.S_IMODE(like.stat().st_mode))
    if os.geteuid() == 0:
        os.chown(path, there.stat().st_uid, there.stat().st_gid)


def _keep(database: Path, now: datetime) -> Path | None:
    """Copy the file that is to be replaced under a dated name, with what its log has. Returns that name.

    Afterwards no log is left that could be taken for one of the new file.
    """
    if database.exists():
        _close(database)
    left = [path for path in (database, *snapshots.companions(database)) if path.exists()]
    if not left:
        return None
    kept = _dated(database, now)
    for path in left:
        target = kept.with_name(kept.name + path.name.removeprefix(database.name))
        with snapshots.replacing(target) as unfinished:
            shutil.copyfile(path, unfinished)
            _as_owned(unfinished, like=path)
            unfinished.chmod(stat.S_IRUSR | stat.S_IWUSR)
    for path in left:
        if path != database:
            path.unlink()
    snapshots.flush(database.parent)
    return kept


def _close(database: Path) -> None:
    """Bring the log into its file, where that is sound. Raises NotDone where somebody has it open."""
    try:
        with closing(sqlite3.connect(database, isolation_level=None)) as connection:
            # Only who has the file alone can end the log.
            connection.execute("PRAGMA journal_mode = DELETE")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY:
            raise NotDone(f"{database} is open in another program; close that first.") from error
        # It is damaged, which may be why it is to be replaced: its log is kept beside it as it is.
        return


def _dated(database: Path, now: datetime) -> Path:
    """A name that no file has: ``tunesmith.db.replaced-20261125-101500``."""
    first = database.with_name(f"{database.name}.replaced-{now.astimezone(UTC):%Y%m%d-%H%M%S}")
    names = (first.with_name(f"{first.name}-{number}") if number else first for number in range(1_000))
    return next(name for name in names if not name.exists())
