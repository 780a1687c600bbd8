"""Change a PostgreSQL database that was restored or has failed over, before a bot starts on it again."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from bot.database import identity, postgresql_schema, slots
from bot.database.filling import OPTIONS, errors_as_sentences, refuse_used
from bot.database.postgresql_errors import MOMENTARY, refusing
from bot.database.postgresql_tx import Tx, connect
from bot.database.share import LOCKS


@contextmanager
def accepting(url: str) -> Iterator[Tx]:
    """Open one transaction in which no bot starts; its commit makes the database the bot's again.

    Raises:
        StartRefused: the server can't be reached, or the database is another program's or version's.
        NotDone: a bot runs on it.
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
