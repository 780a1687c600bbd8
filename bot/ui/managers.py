"""Who may manage a server: members with Discord's permission, or with a role chosen by those members.

Every command and button checks it, since a server's own settings may expose a command to others.
"""

import discord

from bot.model import GuildId
from bot.refusals import NotYourServer
from bot.services.server_rules import ServerRules
from bot.ui import interaction_context


async def managed_guild(interaction: discord.Interaction, rules: ServerRules) -> GuildId:
    """Return the server's id if the member may manage the bot there.

    Raises:
        NotYourServer: used outside a server, or without the permission and without such a role.
    """
    guild_id = interaction_context.guild_of(interaction)
    if has_permission(interaction):
        return guild_id
    roles = await rules.manager_roles(guild_id)
    # The server's own id is the @everyone role, which can't be chosen.
    if not (interaction_context.role_ids(interaction.user, guild_id) - {guild_id}) & set(roles):
        raise NotYourServer("role" if roles else "manager")
    return guild_id


def permitted_guild(interaction: discord.Interaction) -> GuildId:
    """Return the server's id if Discord's permission lets the member manage it.

    Raises:
        NotYourServer: used outside a server, or without the permission.
    """
    guild_id = interaction_context.guild_of(interaction)
    if not has_permission(interaction):
        raise NotYourServer("manager")
    return guild_id


def has_permission(interaction: discord.Interaction) -> bool:
    """Return whether Discord's permission lets the member manage the server."""
    return interaction.permissions.manage_guild or interaction.permissions.administrator
