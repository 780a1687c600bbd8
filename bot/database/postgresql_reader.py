"""The reading sessions on a PostgreSQL server: a process's own, and snapshots next to a running bot."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Final, TypeVar

from bot.database import postgresql_schema
from bot.database.postgresql_errors import MOMENTARY, refusing
from bot.database.postgresql_tx import Tx, connect

T = TypeVar("T")

REPORT_TIMEOUT_MS: Final = 120_000
READING: Final[dict[str, str | int]] = {
    "default_transaction_read_only": "on",
    "default_transaction_isolation": r"repeatable\ read",
    "statement_timeout": REPORT_TIMEOUT_MS,
    "idle_in_transaction_session_timeout": REPORT_TIMEOUT_MS,
}


class Reader:
    """A read-only session on its own thread."""

    def __init__(self, url: str) -> None:
        self.thread = ThreadPoolExecutor(1, thread_name_prefix="tunesmith-reader")
        self._url = url
        self._tx: Tx | None = None

    def run(self, fn: Callable[[Tx], T]) -> T:
        """Run ``fn`` on a snapshot, retrying once if the session was lost since its last use."""
        fresh = self._tx is None or not self._tx.usable
        try:
            return self._once(fn)
        except MOMENTARY:
            if fresh:
                raise
        return self._once(fn)

    def _once(self, fn: Callable[[Tx], T]) -> T:
        if self._tx is None or not self._tx.usable:
            self._tx = connect(self._url, name="tunesmith reader", options=READING)
        try:
            return snapshot(fn, self._tx)
        except MOMENTARY:
            self._tx.close()
            raise

    def close(self) -> None:
        """End the session."""
        if self._tx is not None:
            self._tx.close()


def snapshot(fn: Callable[[Tx], T], tx: Tx) -> T:
    """Run ``fn`` in a transaction that is rolled back."""
    tx.execute("BEGIN")
    try:
        return fn(tx)
    finally:
        if tx.usable and tx.in_transaction:
            tx.execute("ROLLBACK")


@contextmanager
def open_any_schema(url: str) -> Iterator[tuple[Tx, int, int]]:
    """Open a snapshot; yields it, its schema version (0 if it is empty), and this program's.

    Raises:
        StartRefused: the database can't be reached, or belongs to another program or a newer version.
    """
    with refusing():
        tx = connect(url, name="tunesmith reader", options=READING)
        try:
            tx.execute("BEGIN")
            postgresql_schema.refuse_unusable(tx)
            yield tx, postgresql_schema.schema_version(tx), postgresql_schema.current()
        finally:
            tx.close()


@contextmanager
def open_read_only(url: str) -> Iterator[Tx]:
    """Open a snapshot of a database that a bot may be using.

    Raises:
        StartRefused: the database can't be reached, or its schema is not this program's.
    """
    with open_any_schema(url) as (tx, _, _):
        postgresql_schema.refuse_other_schema(tx)
        yield tx
