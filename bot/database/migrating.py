"""The SQLite schema: its version, and the migrations that bring a file up to date."""

import sqlite3
from pathlib import Path

from bot.database import snapshots
from bot.database.moved import refuse_moved
from bot.errors import StartRefused

TABLES = frozenset({"fact", "guild", "job", "ledger", "member"})
"""Tables in every version of the schema."""

FIRST_TABLE = "fact"
"""The table created first. It identifies this program, since others number their schemas too."""


def migrations() -> list[Path]:
    """Return the numbered SQL files in order; they are the only definition of the schema."""
    return sorted(Path(__file__).with_name("migrations").glob("*.sql"))


def schema_version(connection: sqlite3.Connection) -> int:
    """Return the number of migrations applied to the file; 0 if it is new or not ours."""
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    return version


def is_ours(connection: sqlite3.Connection) -> bool:
    """Return whether the file is a database of this program, of any version."""
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    return schema_version(connection) > 0 and tables >= TABLES


def refuse_other_schema(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StartRefused unless the file has this program's schema. Reading it also opens the file."""
    refuse_moved(connection, path)
    version, current = schema_version(connection), len(migrations())
    _refuse_newer(version, path)
    if version < current:
        raise StartRefused(
            f"DATABASE_URL: {path} has schema {version}, and this program needs {current}; "
            "start this version of the bot first, which upgrades the file."
        )


def refuse_foreign(connection: sqlite3.Connection, path: Path) -> None:
    """Raise StartRefused if the file belongs to another program, or its rows were moved to a server."""
    refuse_moved(connection, path)
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if tables and (schema_version(connection) == 0 or FIRST_TABLE not in tables):
        raise StartRefused(
            f"DATABASE_URL: {path} belongs to another program; set DATABASE_URL to another file."
        )


def migrate(connection: sqlite3.Connection, path: Path, *, keep: bool = True) -> None:
    """Upgrade the schema in one transaction; a kill leaves either the old schema or the new one.

    A file with data is copied first, unless ``keep`` is False.

    Raises:
        StartRefused: the file was written by a newer version of this program.
    """
    steps, version = migrations(), schema_version(connection)
    _refuse_newer(version, path)
    if keep and 0 < version < len(steps):
        snapshots.keep_before_schema(connection, path, len(steps))
    connection.execute("BEGIN IMMEDIATE")
    try:
        for step in steps[version:]:
            for statement in _statements(step.read_text("utf-8")):
                connection.execute(statement)
        # Written even if there was nothing to do, so that an unwritable file is noticed now, not with the
        # first song.
        connection.execute(f"PRAGMA user_version = {len(steps)}")
        connection.execute("COMMIT")
    except BaseException:  # re-raised; the schema stays the old one
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _refuse_newer(version: int, path: Path) -> None:
    if version > len(migrations()):
        raise StartRefused(
            f"DATABASE_URL: {path} was written by a newer Tunesmith (schema {version}, this one knows "
            f"{len(migrations())}); update the program or restore a backup."
        )


def _statements(script: str) -> list[str]:
    """Split a script into statements, since ``executescript`` would commit by itself."""
    statements: list[str] = []
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            statements.append(pending)
            pending = ""
    return [*statements, pending]  # the rest is a comment, or a statement without its semicolon
