"""Extract the requester, the place and the permissions from an interaction."""

from typing import Final

import discord
from discord import app_commands

from bot.balance import ChangedBy
from bot.characters import storable
from bot.model import ChannelId, DiscordUserId, GuildId, InteractionId, Origin, RoleId
from bot.refusals import MissingPermissions, NoPlaceToPost, NotYourServer
from bot.ui.language import Language, language_of

PickedChannel = app_commands.AppCommandChannel | app_commands.AppCommandThread
"""A channel or thread given as an option."""

# https://docs.discord.com/developers/resources/channel#channel-object-channel-types, read 2026-11-25
POSTABLE_TYPES: Final = (
    *(discord.ChannelType.text, discord.ChannelType.news),
    *(discord.ChannelType.voice, discord.ChannelType.stage_voice),
    *(discord.ChannelType.public_thread, discord.ChannelType.private_thread),
    discord.ChannelType.news_thread,
)
"""Channel types in a server in which messages can be posted."""
UNPOSTABLE_TYPES: Final = frozenset(
    {discord.ChannelType.category, discord.ChannelType.forum, discord.ChannelType.media}
)
"""Types in which messages can't be posted; unknown ones may allow it."""
TO_POST_SONGS: Final[tuple[str, ...]] = ("view_channel", "send_messages", "embed_links", "attach_files")
"""Permissions to post a song, by their names in Discord's API; threads need a different one for messages."""
TO_POST_SONGS_IN_THREADS: Final = tuple(
    "send_messages_in_threads" if name == "send_messages" else name for name in TO_POST_SONGS
)
_SONG_BITS: Final = discord.Permissions(**dict.fromkeys(TO_POST_SONGS, True)).value


def private(interaction: discord.Interaction) -> Language:
    """Return the language for text that only the member reads."""
    return language_of(interaction.locale)


def public(interaction: discord.Interaction) -> Language:
    """Return the language for text that the whole server reads."""
    return language_of(interaction.guild_locale)


def origin(interaction: discord.Interaction) -> Origin:
    """Return the requester and the place, as a job stores them.

    Raises:
        NotYourServer: used outside a server.
    """
    permissions, guild_id = interaction.app_permissions, guild_of(interaction)
    return Origin(
        interaction_id=InteractionId(interaction.id),
        guild_id=guild_id,
        channel_id=channel_of(interaction),
        member_id=DiscordUserId(interaction.user.id),
        member_name=storable(interaction.user.display_name),
        role_ids=role_ids(interaction.user, guild_id),
        may_reference=permissions.read_message_history or permissions.administrator,
        guild_locale=str(interaction.guild_locale or ""),
        member_locale=str(interaction.locale),
        parent_channel_id=_parent_of(interaction),
        thread_of=_channel_of_thread(interaction),
    )


def _channel_of_thread(interaction: discord.Interaction) -> ChannelId | None:
    """Return a thread's channel, even if the thread is private."""
    thread = interaction.channel
    return ChannelId(thread.parent_id) if isinstance(thread, discord.Thread) else None


def _parent_of(interaction: discord.Interaction) -> ChannelId | None:
    """Return a public thread's channel; a private thread's songs stay out of it."""
    thread = interaction.channel
    if not isinstance(thread, discord.Thread) or is_in_private_thread(interaction):
        return None
    return ChannelId(thread.parent_id)


def is_in_private_thread(interaction: discord.Interaction) -> bool:
    """Return whether only invited people see the interaction's channel."""
    channel = interaction.channel
    return isinstance(channel, discord.Thread) and channel.type is discord.ChannelType.private_thread


def require_can_post(interaction: discord.Interaction) -> None:
    """Check that a song could be posted in the interaction's channel.

    Raises:
        NotYourServer: used outside a server.
        MissingPermissions: the bot lacks a permission there.
    """
    guild_of(interaction)
    channel_of(interaction)
    permissions, needed = interaction.app_permissions, TO_POST_SONGS
    if isinstance(interaction.channel, discord.Thread):
        needed = TO_POST_SONGS_IN_THREADS
    elif permissions.value & _SONG_BITS == _SONG_BITS:
        return
    missing = tuple(name for name in needed if not getattr(permissions, name))
    if missing and not permissions.administrator:
        raise MissingPermissions(missing)


def channel_of(interaction: discord.Interaction) -> ChannelId:
    """Return the channel's id.

    Raises:
        NotYourServer: the interaction names no channel.
    """
    if interaction.channel_id is None:
        raise NotYourServer("outside")
    return ChannelId(interaction.channel_id)


def guild_of(interaction: discord.Interaction) -> GuildId:
    """Return the server's id.

    Raises:
        NotYourServer: used outside a server.
    """
    if interaction.guild_id is None:
        raise NotYourServer("outside")
    return GuildId(interaction.guild_id)


def may_manage_messages(interaction: discord.Interaction) -> bool:
    """Return whether the member may delete other people's messages in this channel."""
    return interaction.permissions.manage_messages or interaction.permissions.administrator


def may_post_in(interaction: discord.Interaction, channel: PickedChannel) -> None:
    """Check that a chosen channel allows posts, as far as the interaction shows.

    Raises:
        NotYourServer: the channel belongs to another server.
        NoPlaceToPost: this type of channel holds no messages.
        MissingPermissions: it is the command's own channel, and the bot may not post there.
    """
    if channel.guild_id != interaction.guild_id:
        raise NotYourServer("outside")
    if channel.type in UNPOSTABLE_TYPES:
        raise NoPlaceToPost
    permissions = interaction.app_permissions
    is_thread = isinstance(channel, app_commands.AppCommandThread)
    needed = "send_messages_in_threads" if is_thread else "send_messages"
    may_send = getattr(permissions, needed) or permissions.administrator
    if channel.id == interaction.channel_id and not may_send:
        raise MissingPermissions((needed,))


def changed_by(interaction: discord.Interaction, reason: str = "") -> ChangedBy:
    """Return the author and reason of a change, for the ledger."""
    return ChangedBy(
        actor_id=DiscordUserId(interaction.user.id),
        reason=reason,
        interaction_id=InteractionId(interaction.id),
    )


def role_ids(member: discord.User | discord.Member, guild_id: GuildId) -> frozenset[RoleId]:
    """Return the ids of a member's roles, with the server's own id for @everyone.

    Without the guilds intent, discord.py has no role objects: ``user.roles`` is empty although the payload
    names the roles, and only the private ``_roles`` has their ids (2.7.1).
    """
    return frozenset((*getattr(member, "_roles", ()), guild_id))
