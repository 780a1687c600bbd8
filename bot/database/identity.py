"""Whether a PostgreSQL database is still the one that the bot has written to.

A database that was restored from a dump, rolled back to an earlier time, copied, or promoted from a replica
may lack the last commits: a song that was paid for is queued in it again. Its rows don't show that. So it
keeps the numbers that the server gives to it, and each new session that writes compares them.
"""

from typing import Final

from bot.database.postgresql_tx import Tx
from bot.errors import StartRefused

IDENTITY_FACT: Final = "identity"
"""Name of the fact that keeps the numbers."""
SYSTEM_FUNCTION: Final = "pg_control_system()"
"""Function with the number of the cluster. Some hosts keep it from ordinary roles."""
UNKNOWN_SYSTEM: Final = "-"


def current(tx: Tx) -> str:
    """Return the numbers that the server gives to this database.

    A dump that is restored makes new tables, in the same database too; another server is another system; what
    was promoted, or recovered to a point in time, continues on another timeline.
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
    """Return the numbers under which a bot has written; None if none has."""
    if tx.execute("SELECT to_regclass('fact') AS fact").fetchone()["fact"] is None:
        return None
    row = tx.execute("SELECT value FROM fact WHERE name = ?", (IDENTITY_FACT,)).fetchone()
    return None if row is None else str(row["value"])


def record(tx: Tx) -> None:
    """Take the database as it is for the bot's."""
    tx.execute(
        """INSERT INTO fact (name, value) VALUES (?, ?)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        (IDENTITY_FACT, current(tx)),
    )


def record_first(tx: Tx) -> None:
    """Take a database that no bot has written to for the bot's."""
    if recorded(tx) is None:
        record(tx)


def is_other(tx: Tx) -> bool:
    """Return whether the database is not the one that a bot has written to, though it has its rows."""
    known = recorded(tx)
    return known is not None and known != current(tx)


def refuse_other(tx: Tx) -> None:
    """Refuse a database whose last commits may be missing.

    Raises:
        StartRefused: it was restored, copied, or promoted.
    """
    if is_other(tx):
        raise StartRefused(
            "DATABASE_URL: the database was restored or copied, or its server has failed over, so its last "
            "commits may be missing; see that no bot runs on the earlier one, then run `tunesmith restored`."
        )
