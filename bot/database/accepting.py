"""Accept a PostgreSQL database after a restore or a failover, before a bot starts on it again."""

from collections.abc import Iterator
from contextlib import contextmanager

from bot.database import identity, postgresql_schema
from bot.database.postgresql_tx import Tx
from bot.database.without_bots import errors_as_sentences, refuse_used, transaction_without_bots


@contextmanager
def accepting(url: str) -> Iterator[Tx]:
    """Open one transaction during which no bot can start; its commit accepts the database.

    Raises:
        StartRefused: the server can't be reached, or the database is of another program or version.
        NotDone: a bot is running on the database.
    """
    with (
        transaction_without_bots(url, name="tunesmith restored", done="changed") as tx,
        errors_as_sentences("changed"),
    ):
        postgresql_schema.refuse_other_schema(tx)
        refuse_used(tx)
        yield tx
        identity.record(tx)
        tx.execute("COMMIT")
