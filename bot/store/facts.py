"""Single values that the bot keeps under a name, across restarts."""

from bot.database.engine import Tx

COMMANDS_FACT = "registered commands"
"""Name of the digest and the ids of the commands that were last registered with Discord."""


def fact(tx: Tx, name: str) -> str | None:
    """Return the value kept under ``name``, if there is one."""
    row = tx.execute("SELECT value FROM fact WHERE name = ?", (name,)).fetchone()
    return None if row is None else str(row["value"])


def remember(tx: Tx, name: str, value: str) -> None:
    """Keep ``value`` under ``name``, replacing an earlier one."""
    tx.execute(
        """INSERT INTO fact (name, value) VALUES (?, ?)
           ON CONFLICT (name) DO UPDATE SET value = excluded.value""",
        (name, value),
    )


def forget(tx: Tx, name: str) -> None:
    """Remove what is kept under ``name``."""
    tx.execute("DELETE FROM fact WHERE name = ?", (name,))
