"""Named single values that survive a restart: the engines keep their own among those of the store."""

from bot.database.engine import Tx

COMMANDS_FACT = "registered commands"
"""Name of the fact with the digest and ids of the commands last registered with Discord."""


def fact(tx: Tx, name: str) -> str | None:
    """Return the value stored under ``name``, or None."""
    row = tx.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def remember(tx: Tx, name: str, value: str) -> None:
    """Store ``value`` under ``name``, replacing an earlier one."""
    tx.execute(
        """INSERT INTO fact (name, value) VALUES (?, ?)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        (name, value),
    )


def forget(tx: Tx, name: str) -> None:
    """Remove the value stored under ``name``."""
    tx.execute("DELETE FROM fact WHERE name = ?", (name,))
