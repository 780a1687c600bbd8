"""Open the database that DATABASE_URL names, whichever engine it is for."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Final, Protocol

from bot.database import engine, sqlite
from bot.database.engine import Tx
from bot.database.standby import Standby
from bot.errors import StartRefused

SQLITE: Final = "sqlite:///"
POSTGRESQL: Final = "postgresql://"


def is_on_server(url: str) -> bool:
    """Return whether the address is one of a PostgreSQL database."""
    return url.startswith(POSTGRESQL)


def path_of(url: str) -> Path:
    """Return the path in the address of an SQLite file."""
    return Path(url.removeprefix(SQLITE))


def open_database(
    url: str,
    *,
    takeover_s: float,
    processes: int,
    wrote: Callable[[float], None],
    standby: Standby | None,
) -> AbstractAsyncContextManager[engine.Database]:
    """Open the database for a bot, which has it to itself, or one of ``processes`` equal shares of the work.

    On PostgreSQL this waits as long as other processes have all of them.

    Raises:
        StartRefused: it can't be used.
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
        StartRefused: it can't be used.
    """
    attached: AbstractAsyncContextManager[engine.Database] = _postgresql().Database.attach(url)
    return attached


def open_any_schema(url: str) -> AbstractContextManager[tuple[Tx, int, int]]:
    """Open a snapshot of a PostgreSQL database, with the version of its schema and this program's.

    Raises:
        StartRefused: it can't be read, or belongs to another or a newer program.
    """
    opened: AbstractContextManager[tuple[Tx, int, int]] = _postgresql().open_any_schema(url)
    return opened


def open_place(place: Path | str) -> AbstractContextManager[Tx]:
    """Open a snapshot of a database that is given by its path or by its address; see ``open_read_only``."""
    return sqlite.open_read_only(place) if isinstance(place, Path) else open_read_only(place)


def open_read_only(url: str) -> AbstractContextManager[Tx]:
    """Open a snapshot of a database that a bot may be using.

    Raises:
        StartRefused: it can't be read, or has another schema than this program.
    """
    if is_on_server(url):
        opened: AbstractContextManager[Tx] = _postgresql().open_read_only(url)
        return opened
    return sqlite.open_read_only(path_of(url))


class Filling(Protocol):
    """An open transaction on an empty PostgreSQL database; see ``filling``."""

    tx: Tx

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
        """Copy rows as they are. Raises NotDone if the server can't take them."""
        ...

    def count_on(self, table: str, last: int) -> None:
        """Let the ids that the database assigns continue after ``last``."""
        ...

    def commit(self, token: str) -> None:
        """Commit. Raises DatabaseError if it failed or its answer was lost: ``was_filled_by`` knows."""
        ...


def filling(url: str, tables: Sequence[str]) -> AbstractContextManager[Filling]:
    """Open an empty PostgreSQL database with this program's schema, to fill these tables at once.

    Raises:
        StartRefused: it can't be used.
        NotDone: it is not empty, or a bot uses it.
    """
    opened: AbstractContextManager[Filling] = _on_server("filling").filling(url, tables)
    return opened


def was_filled_by(url: str, token: str) -> bool:
    """Return whether the move with this token has filled the PostgreSQL database."""
    return bool(_on_server("filling").was_filled_by(url, token))


def accepting(url: str) -> AbstractContextManager[Tx]:
    """Open a PostgreSQL database that was restored or has failed over, for one transaction without a bot.

    Raises:
        StartRefused: it can't be used.
        NotDone: a bot runs on it.
    """
    opened: AbstractContextManager[Tx] = _on_server("accepting").accepting(url)
    return opened


def shares_sessions(url: str) -> bool:
    """Return whether a pooler in transaction mode lies before the PostgreSQL server.

    Raises:
        StartRefused: the server can't be reached.
    """
    return bool(_on_server("pooling").shares_sessions(url))


def was_restored(tx: Tx) -> bool:
    """Return whether a PostgreSQL database has a bot's rows, and is not the one that it has written to."""
    return bool(_on_server("identity").is_other(tx))


def _postgresql() -> ModuleType:
    return _on_server("postgresql")


def _on_server(name: str) -> ModuleType:
    """Return a module of the engine, whose driver is an extra."""
    try:
        return import_module(f"bot.database.{name}")
    except ImportError as error:
        if (error.name or "").partition(".")[0] != "psycopg" and "libpq" not in str(error):
            raise
        raise StartRefused(
            "DATABASE_URL: PostgreSQL needs a package that is not installed; "
            "run `pip install 'tunesmith[postgresql]'`."
        ) from None
