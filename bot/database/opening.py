"""Open the database at DATABASE_URL with the engine that its address names."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol

from bot.database import engine, sqlite, sqlite_connections
from bot.database.engine import Tx
from bot.database.standby import Standby
from bot.errors import StartRefused

SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = "postgresql://"


def is_on_server(url: str) -> bool:
    """Return whether the address is that of a PostgreSQL database."""
    return url.startswith(POSTGRESQL)


def path_of(url: str) -> Path:
    """Return the path from the address of an SQLite file."""
    return Path(url.removeprefix(SQLITE))


def open_database(
    url: str,
    *,
    takeover_s: float,
    processes: int,
    wrote: Callable[[float], None],
    standby: Standby | None,
) -> AbstractAsyncContextManager[engine.Database]:
    """Open the database for a bot, exclusively or for one of ``processes`` equal shares of the work.

    On PostgreSQL this waits while other processes hold all shares.

    Raises:
        StartRefused: the database can't be used.
        Stopped: ``standby.stop`` was set.
    """
    if is_on_server(url):
        opened: AbstractAsyncContextManager[engine.Database] = _postgresql().Database.open(
            url, takeover_s=takeover_s, processes=processes, wrote=wrote, standby=standby
        )
        return opened
    return sqlite.Database.open(path_of(url), wrote=wrote)


def attach_to_server(url: str) -> AbstractAsyncContextManager[engine.Database]:
    """Open a PostgreSQL database next to a bot that may be running.

    Raises:
        StartRefused: the database can't be used.
    """
    attached: AbstractAsyncContextManager[engine.Database] = _postgresql().Database.attach(url)
    return attached


def open_any_schema(url: str) -> AbstractContextManager[tuple[Tx, int, int]]:
    """Open a snapshot of a PostgreSQL database; yields it, its schema version, and this program's.

    Raises:
        StartRefused: the database can't be read, or belongs to another program or a newer version.
    """
    opened: AbstractContextManager[tuple[Tx, int, int]] = _on_server("postgresql_reader").open_any_schema(url)
    return opened


def open_place(place: Path | str) -> AbstractContextManager[Tx]:
    """Open a snapshot of a database by its path or address; see ``open_read_only``."""
    return sqlite_connections.open_read_only(place) if isinstance(place, Path) else open_read_only(place)


def open_read_only(url: str) -> AbstractContextManager[Tx]:
    """Open a snapshot of a database that a bot may be using.

    Raises:
        StartRefused: the database can't be read, or its schema is not this program's.
    """
    if is_on_server(url):
        opened: AbstractContextManager[Tx] = _on_server("postgresql_reader").open_read_only(url)
        return opened
    return sqlite_connections.open_read_only(path_of(url))


class Filling(Protocol):
    """An open transaction on an empty PostgreSQL database; see ``filling``."""

    tx: Tx

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Copy rows unchanged. Raises NotDone if the server can't accept them."""
        ...

    def count_on(self, table: str, last: int) -> None:
        """Continue the database's ids after ``last``."""
        ...

    def commit(self, token: str) -> None:
        """Commit. Raises DatabaseError if that failed or its answer was lost; see ``was_filled_by``."""
        ...


def filling(url: str, tables: Sequence[str]) -> AbstractContextManager[Filling]:
    """Open an empty PostgreSQL database with this program's schema, to fill these tables at once.

    Raises:
        StartRefused: the database can't be used.
        NotDone: the database is not empty, or a bot is using it.
    """
    opened: AbstractContextManager[Filling] = _on_server("filling").filling(url, tables)
    return opened


def was_filled_by(url: str, token: str) -> bool:
    """Return whether the move with this token has filled the PostgreSQL database."""
    return bool(_on_server("filling").was_filled_by(url, token))


def accepting(url: str) -> AbstractContextManager[Tx]:
    """Open a PostgreSQL database after a restore or a failover, for one transaction without a bot.

    Raises:
        StartRefused: the database can't be used.
        NotDone: a bot is running on the database.
    """
    opened: AbstractContextManager[Tx] = _on_server("accepting").accepting(url)
    return opened


def shares_sessions(url: str) -> bool:
    """Return whether the PostgreSQL server is behind a pooler in transaction mode.

    Raises:
        StartRefused: the server can't be reached.
    """
    return bool(_on_server("pooling").shares_sessions(url))


def was_restored(tx: Tx) -> bool:
    """Return whether a PostgreSQL database has a bot's rows but is not the one that the bot wrote to."""
    return bool(_on_server("identity").is_other(tx))


def _postgresql() -> ModuleType:
    return _on_server("postgresql")


def _on_server(name: str) -> ModuleType:
    """Import a module of the PostgreSQL engine, whose driver is an optional dependency."""
    try:
        return import_module(f"bot.database.{name}")
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "psycopg" and "libpq" not in str(error):
            raise
        raise StartRefused(
            "DATABASE_URL: PostgreSQL needs a package that is not installed; "
            "run `pip install 'tunesmith[postgresql]'`."
        ) from None
