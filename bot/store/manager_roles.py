"""Roles whose members may manage the bot in a server."""

from typing import Final

from bot.database.engine import Tx
from bot.model import GuildId, RoleId

MANAGER_ROLES_MAX: Final = 10
"""Maximum number of manager roles per server."""


def roles(tx: Tx, guild_id: GuildId) -> tuple[RoleId, ...]:
    """Return the manager roles of a server, ordered by id."""
    rows = tx.execute("SELECT role_id FROM manager_role WHERE guild_id = ?", (guild_id,))
    return tuple(sorted(row["role_id"] for row in rows))


def add(tx: Tx, guild_id: GuildId, role_id: RoleId) -> None:
    """Allow the members of a role to manage the bot in a known server."""
    tx.execute(
        "INSERT INTO manager_role (guild_id, role_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
        (guild_id, role_id),
    )


def remove(tx: Tx, guild_id: GuildId, role_id: RoleId) -> None:
    """No longer allow the members of a role to manage the bot."""
    tx.execute("DELETE FROM manager_role WHERE guild_id = ? AND role_id = ?", (guild_id, role_id))
