"""A database that cannot be written for a while, on either engine: it is locked or full."""

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from typing import Final
from unittest.mock import patch

import psycopg

from bot.database import engine, postgresql, postgresql_writer, sqlite, sqlite_connections
from tests.unit.pipeline.rig import Rig

HASTE: Final = 25
"""Factor by which the timeout of a write is reduced."""
TABLES: Final = "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"


async def make_hasty(database: engine.Database) -> None:
    """Reduce the time for which a statement of ``database`` waits for a lock."""
    if isinstance(database, sqlite.Database):
        wait_ms = sqlite_connections.BUSY_TIMEOUT_MS // HASTE
        await database.write(lambda tx: tx.execute(f"PRAGMA busy_timeout = {wait_ms}"))
        return
    wait_ms = postgresql_writer.LOCK_TIMEOUT_MS // HASTE
    await database.write(lambda tx: tx.execute(f"SET lock_timeout = {wait_ms}"))


@contextmanager
def _session(database: engine.Database) -> Iterator[psycopg.Connection]:
    """Yield another program's session. Meanwhile, writes of this program give up soon."""
    assert isinstance(database, postgresql.Database)
    with (
        psycopg.connect(database._url, autocommit=True) as other,
        patch.object(postgresql, "GIVE_UP_AFTER_S", engine.GIVE_UP_AFTER_S / HASTE),
    ):
        yield other


@contextmanager
def locked(database: engine.Database) -> Iterator[None]:
    """Let another program hold a lock that writes need."""
    if isinstance(database, sqlite.Database):
        path = database.path
        with (
            closing(sqlite3.connect(path, isolation_level=None, check_same_thread=False)) as other_file,
            patch.object(sqlite, "GIVE_UP_AFTER_S", engine.GIVE_UP_AFTER_S / HASTE),
        ):
            other_file.execute("BEGIN IMMEDIATE")
            yield
        return
    with _session(database) as other, other.transaction():
        # Except the slot: a process that cannot write to it has lost the database.
        names = [name for (name,) in other.execute(TABLES) if name != "slot"]
        other.execute(f"LOCK TABLE {', '.join(names)} IN SHARE MODE".encode())
        yield


@contextmanager
def no_room(database: engine.Database) -> Iterator[None]:
    """Let no file grow: the system refuses a commit as on a full disk."""
    if isinstance(database, sqlite.Database):
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
        try:
            with patch.object(sqlite, "GIVE_UP_AFTER_S", engine.GIVE_UP_AFTER_S / HASTE):
                yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        return
    with _session(database) as other:
        other.execute(
            """CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
               'BEGIN RAISE disk_full USING MESSAGE = ''could not extend file''; END'"""
        )
        for (name,) in other.execute(TABLES).fetchall():
            event = f"CREATE TRIGGER no_room BEFORE INSERT OR UPDATE ON {name}"
            other.execute(f"{event} FOR EACH STATEMENT EXECUTE FUNCTION no_room()".encode())
        try:
            yield
        finally:
            other.execute("DROP FUNCTION no_room CASCADE")


TROUBLES: Final[dict[str, Callable[[engine.Database], AbstractContextManager[None]]]] = {
    "locked": locked,
    "full": no_room,
}


class Trouble:
    """A trouble, lasting from ``begin`` until this number of waits for its end."""

    def __init__(self, rig: Rig, name: str, waits: int) -> None:
        self._begun = ExitStack()
        self._new = partial(TROUBLES[name], rig.database)
        self._waits = waits
        rig.sleep = self.sleep

    def begin(self) -> None:
        self._begun.enter_context(self._new())

    async def sleep(self, _: float) -> None:
        """Replace the pipeline's own ``sleep``."""
        self._waits -= 1
        if self._waits == 0:
            self._begun.close()
