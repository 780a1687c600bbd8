"""One transaction on a PostgreSQL database during which no bot can start."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import psycopg

from bot.database import slots
from bot.database.postgresql_errors import MOMENTARY, refusing, sentence
from bot.database.postgresql_tx import Tx, connect
from bot.database.share import LOCKS
from bot.errors import NotDone

OPTIONS: Final[dict[str, str | int]] = {
    "lock_timeout": 1_500,
    # No limits, whatever the server's own: the copy may take long.
    "statement_timeout": 0,
    "idle_in_transaction_session_timeout": 0,
    "synchronous_commit": "on",
}


@contextmanager
def transaction_without_bots(url: str, *, name: str, done: str) -> Iterator[Tx]:
    """Open a transaction that holds the lock that starting bots wait for. It is rolled back at the end.

    ``name`` is the session's name on the server; ``done`` names the action in errors: changed, filled.

    Raises:
        StartRefused: the server can't be reached.
        NotDone: the server can't give the lock.
    """
    with refusing():
        tx = connect(url, name=name, options=OPTIONS)
    try:
        with errors_as_sentences(done):
            slots.prepare(tx)
            tx.execute("BEGIN")
            tx.execute("SELECT pg_advisory_xact_lock(?, ?)", (LOCKS, slots.SCHEMA_LOCK))
        yield tx
    finally:
        with suppress(*MOMENTARY):
            if tx.usable and tx.in_transaction:
                tx.execute("ROLLBACK")
        tx.close()


def refuse_used(tx: Tx) -> None:
    """Refuse a database on which a bot is running.

    No bot can start during a transaction that holds the schema lock.

    Raises:
        NotDone: a bot is running on the database.
    """
    used = tx.execute(
        """SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = CAST(? AS oid)
             AND objid <> CAST(? AS oid)
             AND database = (SELECT oid FROM pg_database WHERE datname = current_database())""",
        (LOCKS, slots.SCHEMA_LOCK % (1 << 32)),
    ).fetchone()
    if used is not None:
        raise NotDone("A bot is running on the PostgreSQL database; stop it first. Nothing was changed.")


@contextmanager
def errors_as_sentences(done: str) -> Iterator[None]:
    """Turn a server error into a ``NotDone`` that names the failed action."""
    try:
        yield
    except psycopg.Error as error:
        raise NotDone(
            f"The PostgreSQL database can't be {done} ({sentence(error)}); nothing was changed."
        ) from error
