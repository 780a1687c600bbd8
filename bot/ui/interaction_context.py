"""What an interaction tells: who asks, where, and whether the bot can do its work there."""

from typing import Final

import discord
from discord import app_commands

from bot.errors import MissingPermissions, NotYourServer
from bot.model import ChangedBy, DiscordUserId, GuildId, Origin, storable
from bot.ui.language import Language, language_of

_NEEDED: Final[tuple[str, ...]] = ("view_channel", "send_messages", "embed_links", "attach_files")
"""Permissions, by their names in Discord's API; in threads another one for messages."""


def private(interaction: discord.Interaction) -> Language:
    """The language of what only the member reads."""
    return language_of(interaction.locale)


def public(interaction: discord.Interaction) -> Language:
    """The language of what the whole server reads."""
    return language_of(interaction.guild_locale)


def origin(interaction: discord.Interaction) -> Origin:
    """Who asked and where, as a job keeps it.

    Raises:
        NotYourServer: asked outside a server.
        MissingPermissions: a song could not be posted in this channel.
    """
    guild_id, channel_id = guild_of(interaction), interaction.channel_id
    if channel_id is None:
        raise NotYourServer("outside")
    may = interaction.app_permissions
    needed = _NEEDED
    if isinstance(interaction.channel, discord.Thread):
        needed = tuple("send_messages_in_threads" if name == "send_messages" else name for name in _NEEDED)
    missing = tuple(name for name in needed if not getattr(may, name))
    if missing and not may.administrator:
        raise MissingPermissions(missing)
    return Origin(
        interaction_id=interaction.id,
        guild_id=guild_id,
        channel_id=channel_id,
        member_id=DiscordUserId(interaction.user.id),
        member_name=storable(interaction.user.display_name),
        role_ids=role_ids(interaction.user, guild_id),
        may_reference=may.read_message_history or may.administrator,
        guild_locale=str(interaction.guild_locale or ""),
        member_locale=str(interaction.locale),
    )


def guild_of(interaction: discord.Interaction) -> GuildId:
    """The server's id.

    Raises:
        NotYourServer: asked outside a server.
    """
    if interaction.guild_id is None:
        raise NotYourServer("outside")
    return GuildId(interaction.guild_id)


def managed_guild(interaction: discord.Interaction) -> GuildId:
    """The server's id, if the member may manage it; a server's own settings may show a command to others.

    Raises:
        NotYourServer: asked outside a server, or without the permission.
    """
    guild_id = guild_of(interaction)
    if not may_manage(interaction):
        raise NotYourServer("manager")
    return guild_id


def may_manage(interaction: discord.Interaction) -> bool:
    """Whether the member may manage the server."""
    return interaction.permissions.manage_guild or interaction.permissions.administrator


def may_manage_messages(interaction: discord.Interaction) -> bool:
    """Whether the member may remove other people's messages in this channel."""
    return interaction.permissions.manage_messages or interaction.permissions.administrator


def may_post_in(interaction: discord.Interaction, channel: app_commands.AppCommandChannel) -> None:
    """Whether plain messages can be posted in a channel that was chosen, as far as the interaction tells.

    Raises:
        NotYourServer: the channel is another server's.
        MissingPermissions: it is the channel of the command, and the bot may not post there.
    """
    if channel.guild_id != interaction.guild_id:
        raise NotYourServer("outside")
    may = interaction.app_permissions
    if channel.id == interaction.channel_id and not (may.send_messages or may.administrator):
        raise MissingPermissions(("send_messages",))


def changed_by(interaction: discord.Interaction, reason: str = "") -> ChangedBy:
    """Who changes something with this interaction, and why, for the ledger."""
    return ChangedBy(
        actor_id=DiscordUserId(interaction.user.id), reason=reason, interaction_id=interaction.id
    )


def role_ids(member: discord.User | discord.Member, guild_id: GuildId) -> frozenset[int]:
    """The roles that an interaction tells of a member, with the server's own id, which is that of @everyone.

    Without the guilds intent discord.py knows no role objects: ``user.roles`` is empty although the
    payload names them, and only the private ``_roles`` has the ids (2.7.1).
    """
    return frozenset((*getattr(member, "_roles", ()), guild_id))
