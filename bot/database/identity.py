"""Check that a PostgreSQL database is still the one that the bot has written to.

A database that was restored from a dump, rolled back to an earlier time, copied, or promoted from a replica
may lack the last commits: a song already paid for is queued in it again. The rows don't reveal this, so the
database stores the numbers that the server assigns to it, and each new writing session compares them.
"""

from typing import Final

from bot.database.facts import fact, remember
from bot.database.postgresql_tx import Tx
from bot.errors import StartRefused

IDENTITY_FACT: Final = "identity"
"""Name of the fact with the numbers."""
SYSTEM_FUNCTION: Final = "pg_control_system()"
"""Function that returns the cluster's number. Some hosts deny it to ordinary roles."""
UNKNOWN_SYSTEM: Final = "-"


def current(tx: Tx) -> str:
    """Return the numbers that the server assigns to this database.

    Restoring a dump creates new tables, even in the same database; another server is another system; a
    promoted replica, or a recovery to a point in time, continues on another timeline.
    """
    row = tx.execute(
        """SELECT CAST(pg_database.oid AS TEXT) AS database,
                  CAST(CAST('fact' AS regclass)::oid AS TEXT) AS fact,
                  substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8) AS timeline,
                  has_function_privilege(?, 'EXECUTE') AS may_ask
           FROM pg_database WHERE datname = current_database()""",
        (SYSTEM_FUNCTION,),
    ).fetchone()
    system = UNKNOWN_SYSTEM
    if row["may_ask"]:
        system = tx.execute(f"SELECT CAST(system_identifier AS TEXT) FROM {SYSTEM_FUNCTION}").fetchone()[0]
    return f"system {system}, timeline {row['timeline']}, database {row['database']}, table {row['fact']}"


def recorded(tx: Tx) -> str | None:
    """Return the numbers recorded by a bot, or None if no bot has written yet."""
    if tx.execute("SELECT to_regclass('fact') AS fact").fetchone()["fact"] is None:
        return None
    return fact(tx, IDENTITY_FACT)


def record(tx: Tx) -> None:
    """Record the database's current numbers as the bot's."""
    remember(tx, IDENTITY_FACT, current(tx))


def record_first(tx: Tx) -> None:
    """Record the database's numbers if no bot has written to it yet."""
    if recorded(tx) is None:
        record(tx)


def is_other(tx: Tx) -> bool:
    """Return whether the database has a bot's rows but is not the one that the bot wrote to."""
    record_ = recorded(tx)
    return record_ is not None and record_ != current(tx)


def refuse_other(tx: Tx) -> None:
    """Refuse a database whose last commits may be missing.

    Raises:
        StartRefused: the database was restored, copied, or promoted.
    """
    if is_other(tx):
        raise StartRefused(
            "DATABASE_URL: the database was restored or copied, or its server has failed over, so its last "
            "commits may be missing; make sure that no bot runs on the earlier one, then run `tunesmith "
            "restored`."
        )
