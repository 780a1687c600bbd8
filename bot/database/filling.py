"""Fill an empty PostgreSQL database with another database's rows, in one transaction: all or none."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

import psycopg

from bot.database import identity, postgresql_schema
from bot.database.engine import DatabaseError
from bot.database.facts import fact, forget, remember
from bot.database.postgresql_errors import refusing, sentence
from bot.database.postgresql_tx import Tx, connect
from bot.database.without_bots import OPTIONS, errors_as_sentences, refuse_used, transaction_without_bots
from bot.errors import NotDone

ORIGIN_FACT: Final = "moved from"
"""Name of the fact with the token of the move that filled the database."""
OWN_FACTS: Final = (postgresql_schema.VERSION_FACT, identity.IDENTITY_FACT)
"""Facts about the database itself, which may exist before any bot has run on it."""
ENCODING: Final = "UTF8"


class Filling:
    """An open transaction on a database being filled. Nobody else sees or changes its rows."""

    def __init__(self, tx: Tx) -> None:
        self.tx = tx

    def copy(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
        """Copy rows unchanged: the triggers that count them are disabled, the schema's checks stay enabled.

        Raises:
            NotDone: the server can't accept the rows.
        """
        with errors_as_sentences("filled"):
            self.tx.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
            statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN"
            with self.tx.connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
                for row in rows:
                    copy.write_row(row)
            self.tx.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")

    def count_on(self, table: str, last: int) -> None:
        """Continue the database's ids after ``last``, which need not belong to a row."""
        if not last:
            return
        with errors_as_sentences("filled"):
            sequence = self.tx.execute("SELECT pg_get_serial_sequence(?, 'id')", (table,)).fetchone()[0]
            if sequence is not None:
                self.tx.execute("SELECT setval(CAST(? AS regclass), ?)", (sequence, last))

    def commit(self, token: str) -> None:
        """Commit, and record the token for ``was_filled_by``.

        Raises:
            DatabaseError: the commit failed, or its answer was lost; ``was_filled_by`` tells which.
        """
        try:
            remember(self.tx, ORIGIN_FACT, token)
            identity.record(self.tx)
            self.tx.execute("COMMIT")
        except psycopg.Error as error:
            raise DatabaseError(sentence(error)) from error
        with suppress(psycopg.Error):  # the server will do it by itself later
            # With the statistics of empty tables, the first plans would be bad.
            self.tx.execute("ANALYZE")


@contextmanager
def filling(url: str, tables: Sequence[str]) -> Iterator[Filling]:
    """Open an empty database with this program's schema, for one transaction that fills these tables.

    Raises:
        StartRefused: the server can't be reached, or the database is of another program or version.
        NotDone: the database is not empty, or a bot is using it.
    """
    # A bot starting now waits, and then finds the tables filled.
    with transaction_without_bots(url, name="tunesmith move", done="filled") as tx:
        with errors_as_sentences("filled"):
            refuse_used(tx)
            _refuse_encoding(tx)
            if postgresql_schema.schema_version(tx):
                postgresql_schema.refuse_other_schema(tx)
            postgresql_schema.refuse_unusable(tx)
            postgresql_schema.upgrade(tx)
            tx.execute(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
            _refuse_rows(tx, tables)
            forget(tx, identity.IDENTITY_FACT)
        yield Filling(tx)


def was_filled_by(url: str, token: str) -> bool:
    """Return whether the move with this token has filled the database.

    Raises:
        StartRefused: the server can't be reached.
    """
    with refusing():
        tx = connect(url, name="tunesmith move", options=OPTIONS)
    try:
        with errors_as_sentences("filled"):
            if not postgresql_schema.schema_version(tx):
                return False
            return fact(tx, ORIGIN_FACT) == token
    finally:
        tx.close()


def _refuse_encoding(tx: Tx) -> None:
    encoding = tx.execute("SELECT current_setting('server_encoding')").fetchone()[0]
    if encoding != ENCODING:
        raise NotDone(
            f"The encoding of the PostgreSQL database is {encoding}; create it with {ENCODING}. Nothing was "
            "changed."
        )


def _refuse_rows(tx: Tx, tables: Sequence[str]) -> None:
    for table in tables:
        condition = " WHERE name <> ALL (?)" if table == "fact" else ""
        values = (list(OWN_FACTS),) if condition else ()
        if tx.execute(f"SELECT 1 FROM {table}{condition} LIMIT 1", values).fetchone() is not None:
            raise NotDone(
                f"The PostgreSQL database is not empty: it has rows in the table {table}. Create an empty "
                "one. Nothing was changed."
            )
