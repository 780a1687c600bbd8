"""A psycopg connection for the SQL of ``store/``: the same statements, rows and errors as SQLite."""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.adapt import Dumper, Loader
from psycopg.types.string import StrDumperUnknown

from bot.database.engine import ConstraintViolated, Rows

STATEMENTS_MAX: Final = 2_000
"""Maximum number of cached translated statements; the store has a few hundred."""
CONNECT_WITHIN_S: Final = 3
"""Timeout for a connection, in seconds."""
KEEPALIVE_AFTER_S: Final = 5
"""Idle time before a connection is tested, in seconds; by default, a dead host is noticed after hours.
Source: https://www.postgresql.org/docs/current/libpq-connect.html, read 2026-11-26."""
KEEPALIVE_EVERY_S: Final = 2
KEEPALIVES_MAX: Final = 3
TCP_TIMEOUT_MS: Final = 10_000
"""Timeout for the acknowledgement of sent data, in milliseconds."""

_TOKEN: Final = re.compile(
    r"""(?P<text>'(?:[^']|'')*')
      | (?P<percent>%)
      | json_each\(\s*(?P<list>:[a-z_]\w*|\?)\s*\)
      | (?P<mark>\?)
      | (?<![\w:]):(?P<name>[a-z_]\w*)""",
    re.VERBOSE,
)


@lru_cache(maxsize=STATEMENTS_MAX)
def translated(sql: str) -> str:
    """Translate a statement to psycopg's placeholders and PostgreSQL's name for ``json_each``."""

    def replace(token: re.Match[str]) -> str:
        if token["text"] is not None:
            return token["text"].replace("%", "%%")
        if token["percent"] is not None:
            return "%%"
        if token["list"] is not None:
            return f"json_array_elements_text(({_placeholder(token['list'])})::json)"
        return _placeholder(token["mark"] or f":{token['name']}")

    return _TOKEN.sub(replace, sql)


def _placeholder(mark: str) -> str:
    return "%s" if mark == "?" else f"%({mark[1:]})s"


class Row(tuple[Any, ...]):
    """A row read by position or by name, like SQLite's."""

    __slots__ = ()
    places: dict[str, int] = {}  # noqa: RUF012 - of the subclass that ``_shape`` makes

    def __getitem__(self, key: Any) -> Any:  # noqa: ANN401 - as in engine.Row
        return tuple.__getitem__(self, self.places[key] if isinstance(key, str) else key)

    def keys(self) -> list[str]:
        """Return the names of the columns."""
        return list(self.places)


@lru_cache(maxsize=STATEMENTS_MAX)
def _shape(names: tuple[str, ...]) -> type[Row]:
    places = {name: place for place, name in enumerate(names)}
    return type("Row", (Row,), {"__slots__": (), "places": places})


def _rows(cursor: psycopg.Cursor[Any]) -> Callable[[Sequence[Any]], Row]:
    columns = cursor.description
    return _shape(() if columns is None else tuple(column.name for column in columns))


class _WholeLoader(Loader):
    """Reads a NUMERIC as an int: the only numerics here are sums of BIGINT."""

    def load(self, data: Any) -> int:  # noqa: ANN401 - psycopg's Buffer
        return int(bytes(data))


class _BitDumper(Dumper):
    """Writes a bool as 0 or 1, as the columns store it."""

    oid = psycopg.adapters.types["int2"].oid

    def dump(self, obj: Any) -> bytes:  # noqa: ANN401 - as in Dumper
        return b"1" if obj else b"0"


class _TextDumper(StrDumperUnknown):
    """Writes a text without NUL, which PostgreSQL cannot store."""

    def dump(self, obj: Any) -> Any:  # noqa: ANN401 - as in Dumper
        return super().dump(obj.replace("\0", "\ufffd") if "\0" in obj else obj)


class Tx:
    """A connection as seen by a transaction function."""

    locks_rows = True
    """Whether other processes' transactions write at the same time; see ``store.locking``."""

    def __init__(self, connection: psycopg.Connection[Row]) -> None:
        self.connection = connection
        self.total_changes = 0

    def execute(self, sql: str, parameters: Any = (), /) -> Rows:  # noqa: ANN401 - Parameters
        """Execute one statement.

        Raises:
            ConstraintViolated: the schema forbids this. The transaction can only be rolled back.
        """
        try:
            # The SQL text comes from this program, never from user input.
            cursor = self.connection.execute(translated(sql), parameters)
        except (psycopg.IntegrityError, psycopg.errors.RaiseException) as error:
            raise ConstraintViolated(str(error)) from error
        if cursor.rowcount > 0 and not (cursor.statusmessage or "SELECT").startswith("SELECT"):
            self.total_changes += cursor.rowcount
        return cursor

    def executemany(self, sql: str, parameters: Iterable[Any], /) -> None:
        """Execute one statement once for each set of parameters."""
        for one in parameters:
            self.execute(sql, one)

    @property
    def usable(self) -> bool:
        """Whether the connection is open, in a transaction or not."""
        return (
            not self.connection.closed
            and self.connection.info.transaction_status != pq.TransactionStatus.UNKNOWN
        )

    @property
    def in_transaction(self) -> bool:
        """Whether a transaction is open, including a failed one."""
        return self.connection.info.transaction_status != pq.TransactionStatus.IDLE

    def close(self) -> None:
        """Close the connection; uncommitted changes are rolled back."""
        self.connection.close()


def connect(url: str, *, name: str, options: dict[str, str | int]) -> Tx:
    """Open a connection in autocommit mode: statements outside a transaction commit at once.

    ``options`` are session settings, and ``name`` is the session's name on the server.

    Raises:
        psycopg.Error: the server can't be reached, or refuses the connection.
    """
    connection = psycopg.Connection[Row].connect(
        url,
        autocommit=True,
        row_factory=_rows,
        connect_timeout=CONNECT_WITHIN_S,
        application_name=name,
        options=" ".join(f"-c {key}={value}" for key, value in options.items()),
        tcp_user_timeout=TCP_TIMEOUT_MS,
        keepalives_idle=KEEPALIVE_AFTER_S,
        keepalives_interval=KEEPALIVE_EVERY_S,
        keepalives_count=KEEPALIVES_MAX,
    )
    connection.adapters.register_loader("numeric", _WholeLoader)
    connection.adapters.register_dumper(bool, _BitDumper)
    connection.adapters.register_dumper(str, _TextDumper)
    return Tx(connection)
