"""``tunesmith restored``: resume on a database restored by other means than ``tunesmith restore``.

After a dump, a disk snapshot or a promoted replica, recent commits may be missing. The same marks as after
``tunesmith restore`` keep the bot from repeating that work.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from bot.database.engine import Tx
from bot.database.exclusive_lock import exclusive_lock, real_path
from bot.database.opening import accepting
from bot.database.sqlite_connections import open_migrated, open_read_only
from bot.errors import NotDone
from bot.model import JobState
from bot.pipeline import after_restore
from bot.store.reconcile import reconcile


class AcceptedDatabase(Struct, frozen=True, kw_only=True):
    """The state of a database that the bot may use again."""

    marked: Counter[JobState]
    """Number of unfinished jobs by the state they were found in."""
    balanced: bool
    """Whether the ledger adds up."""


def accept(place: Path | str, now: datetime, *, complete: bool = False) -> AcceptedDatabase:
    """Mark what is no longer known about each unfinished job, while no bot runs on the database.

    With ``complete``, no commit was lost, as after a planned switchover, and nothing is marked.

    Raises:
        StartRefused: the database can't be used, or a bot runs on it.
        NotDone: there is no database, or a bot runs on it.
    """
    with _opened(place) as tx:
        marked: Counter[JobState] = Counter() if complete else after_restore.mark(tx, now)
        return AcceptedDatabase(marked=marked, balanced=not reconcile(tx).findings)


@contextmanager
def _opened(place: Path | str) -> Iterator[Tx]:
    if isinstance(place, str):
        with accepting(place) as tx:
            yield tx
        return
    path = real_path(place)
    if not path.is_file():
        raise NotDone(f"DATABASE_URL: {path} does not exist; nothing was changed.")
    with exclusive_lock(path, create=False):
        with open_read_only(path):
            pass  # refuses another program's file, and another version's
        with open_migrated(path) as connection:
            yield connection
