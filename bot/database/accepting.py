"""Accept a PostgreSQL database after a restore or a failover, before a bot starts on it again."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bot.database import identity, postgresql_schema, slots
from bot.database.filling import OPTIONS, errors_as_sentences, refuse_used
from bot.database.postgresql_errors import MOMENTARY, refusing
from bot.database.postgresql_tx import Tx, connect
from bot.database.share import LOCKS


@contextmanager
def accepting(url: str) -> Iterator[Tx]:
    """Open one transaction during which no bot can start; its commit accepts the database.

    Raises:
        StartRefused: the server can't be reached, or the database is of another program or version.
        NotDone: a bot is running on the database.
    """
    with refusing():
        tx = connect(url, name="tunesmith restored", options=OPTIONS)
    try:
        with errors_as_sentences("changed"):
            slots.prepare(tx)
            tx.execute("BEGIN")
            tx.execute("SELECT pg_advisory_xact_lock(?, ?)", (LOCKS, slots.SCHEMA_LOCK))
            postgresql_schema.refuse_other_schema(tx)
            refuse_used(tx)
            yield tx
            identity.record(tx)
            tx.execute("COMMIT")
    finally:
        with suppress(*MOMENTARY):
            if tx.usable and tx.in_transaction:
                tx.execute("ROLLBACK")
        tx.close()
