"""``tunesmith move``: move all rows of an SQLite file to an empty PostgreSQL database, and close the file.

The rows are copied in one transaction on the server, which is committed only if both databases reconcile
alike. A kill at any moment leaves either the file as it was, or a move that the next run of the command
completes; a bot never starts on both.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct
from msgspec.structs import replace

from bot.configuration.values import is_postgresql
from bot.database import migrating, moved
from bot.database.engine import DatabaseError, Tx
from bot.database.exclusive_lock import exclusive_lock, real_path
from bot.database.facts import forget
from bot.database.moved import SourceFile
from bot.database.opening import POSTGRESQL, SQLITE, Filling, filling, path_of, was_filled_by
from bot.errors import NotDone, StartRefused
from bot.ops.backup import Progress
from bot.store import scrub
from bot.store.reconcile import FINDINGS_MAX, Reconciliation, reconcile

ROWS_STEP: Final = 1_000
"""Number of rows between progress updates."""
OWN_ROWS: Final = {"fact": 1}
"""Number of rows that an empty database has, by table: the version of its schema."""


class Moved(Struct, frozen=True, kw_only=True):
    """The result of a move."""

    place: str
    """The server and the database, without user and password."""
    rows: int | None
    """Number of rows moved; None if an earlier run had moved them and this one closed the file."""
    books: Reconciliation | None
    """The result of both reconciliations."""


def place_of(url: str) -> str:
    """Return the address of a PostgreSQL database without user, password and parameters."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or ", ".join(parse_qs(parts.query).get("host", [""]))
    return f"{POSTGRESQL}{host}/{parts.path.strip('/')}"


def move(source: str, target: str, progress: Progress) -> Moved:
    """Move the rows of the file ``source`` to the database ``target``; both are URLs.

    Raises:
        StartRefused: a bot runs on the file, or one of the databases can't be used.
        NotDone: the move was refused or failed; nothing was changed, unless the message says otherwise.
    """
    if not source.startswith(SQLITE) or not target.startswith(POSTGRESQL):
        raise NotDone(f"A move goes from {SQLITE}… to {POSTGRESQL}…, in this order; nothing was changed.")
    if not is_postgresql(target):
        raise NotDone(
            "The address must name a user and a database, like postgresql://user:password@host/name; nothing "
            "was changed."
        )
    path, place = real_path(path_of(source)), place_of(target)
    if not path.is_file():
        raise NotDone(f"{path} is not a file; nothing was changed.")
    with (
        exclusive_lock(path, create=False),
        _errors_as_sentences(path),
        moved.source(path) as opened,
    ):
        _refuse_unusable(opened, path)
        earlier = moved.begun(opened.tx)
        if earlier is not None:
            if earlier.place != place:
                raise NotDone(
                    f"An earlier move of {path} to {earlier.place} was interrupted before it was complete; "
                    "run that move again to complete it."
                )
            if was_filled_by(target, earlier.token):
                opened.close_for_good(place)
                return Moved(place=place, rows=None, books=None)
            opened.give_up()
        result = _copy(opened, target, place, progress)
        opened.close_for_good(place)
    return result


def _refuse_unusable(opened: SourceFile, path: Path) -> None:
    place = moved.destination(opened.tx)
    if place is not None:
        raise NotDone(f"{path} has already been moved to {place}; nothing was changed.")
    if not migrating.is_ours(opened.tx):
        raise NotDone(f"{path} is not a Tunesmith database; nothing was changed.")
    version, current = migrating.schema_version(opened.tx), len(migrating.migrations())
    if version != current:
        raise NotDone(
            f"{path} has schema {version}, and this program needs {current}; start this version of the bot "
            "on the file first, or update the program. Nothing was changed."
        )


def _copy(opened: SourceFile, target: str, place: str, progress: Progress) -> Moved:
    tables = opened.tables()
    counts = {table: opened.count(table) for table in tables}
    whole = sum(counts.values())
    with filling(target, tables) as filled:
        done = 0

        def counted(table: str) -> Iterator[tuple[object, ...]]:
            nonlocal done
            for row in opened.rows(table):
                yield row
                done += 1
                if done % ROWS_STEP == 0:
                    progress("moving", done, whole)

        for table in tables:
            filled.copy(table, opened.columns(table), counted(table))
            filled.count_on(table, opened.last_id(table))
        progress("reconciling", whole, whole)
        books = _compare(opened.tx, filled.tx, counts)
        # A page number of the file means nothing on a server.
        forget(filled.tx, scrub.PAGE_FACT)
        _commit(opened, filled, target, place)
    return Moved(place=place, rows=whole, books=books)


def _compare(file: Tx, server: Tx, counts: dict[str, int]) -> Reconciliation:
    """Reconcile both databases and return the common result.

    Raises:
        NotDone: the results differ, or the row counts of a table.
    """
    before, after = _sorted(reconcile(file)), _sorted(reconcile(server))
    if before != after:
        raise NotDone(
            "The reconciliations of the two databases differ; please report it. Nothing was changed."
        )
    for table, count in counts.items():
        there = server.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]  # noqa: S608 - our own tables
        if there - OWN_ROWS.get(table, 0) != count:
            raise NotDone(
                f"{there} of {count} rows of {table} arrived; please report it. Nothing was changed."
            )
    return before


def _sorted(books: Reconciliation) -> Reconciliation:
    """Sort the findings, as each engine has its own order. A truncated list can't be compared."""
    if len(books.findings) >= FINDINGS_MAX:
        return replace(books, findings=("more than are listed",))
    return replace(books, findings=tuple(sorted(books.findings)))


def _commit(opened: SourceFile, filled: Filling, target: str, place: str) -> None:
    """Record in the file that a commit may follow, then commit on the server."""
    begun = opened.begin(place)
    try:
        filled.commit(begun.token)
    except DatabaseError as error:
        try:
            happened = was_filled_by(target, begun.token)
        except (StartRefused, NotDone):
            raise NotDone(
                f"The connection was lost while the move to {place} was committed; run it again to complete "
                "it. Until then, no bot starts on the file."
            ) from error
        if not happened:
            opened.give_up()
            raise NotDone(f"The server did not commit the move ({error}); nothing was changed.") from error


@contextmanager
def _errors_as_sentences(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        detail = " ".join(str(error).split())
        raise NotDone(f"{path} can't be read ({detail}); nothing was changed.") from error
    except OSError as error:
        raise NotDone(f"{path} can't be moved ({error.strerror}); nothing was changed.") from error
