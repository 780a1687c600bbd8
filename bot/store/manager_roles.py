"""Roles whose members may manage the bot in a server."""

from typing import Final

from bot.database.engine import Tx
from bot.model import GuildId

MANAGER_ROLES_MAX: Final = 10
"""Maximum roles of one server whose members may manage the bot."""


def roles(tx: Tx, guild_id: GuildId) -> tuple[int, ...]:
    """Return the roles of a server, in order of their ids."""
    rows = tx.execute("SELECT role_id FROM manager_role WHERE guild_id = ?", (guild_id,))
    return tuple(sorted(row["role_id"] for row in rows))


def add(tx: Tx, guild_id: GuildId, role_id: int) -> None:
    """Let the members of a role manage the bot in a known server."""
    tx.execute(
        "INSERT INTO manager_role (guild_id, role_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (guild_id, role_id),
    )


def remove(tx: Tx, guild_id: GuildId, role_id: int) -> None:
    """Let them no longer."""
    tx.execute("DELETE FROM manager_role WHERE guild_id = ? AND role_id = ?", (guild_id, role_id))
