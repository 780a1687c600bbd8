"""Channels as command options, and the bot's permissions in them."""

import asyncio
import logging
from typing import Any, Final

import discord
from discord import app_commands

from bot.refusals import MissingPermissions, NoPlaceToPost
from bot.ui import interaction_context
from bot.ui.discord_errors import NETWORK_ERRORS, readable_answers, reopen_for_all
from bot.ui.interaction_context import PickedChannel

log = logging.getLogger(__name__)

CHECK_S: Final = 5.0
"""Timeout for looking up the bot's permissions in a channel, in seconds."""
TO_ANNOUNCE: Final = ("view_channel", "send_messages")
"""Permissions needed to post a line of text."""


class PostableChannelOption(app_commands.Transformer):
    """A channel or thread in which a message can be posted."""

    offered: tuple[discord.ChannelType, ...] = interaction_context.POSTABLE_TYPES

    @property
    def type(self) -> discord.AppCommandOptionType:
        """Return the kind of option."""
        return discord.AppCommandOptionType.channel

    @property
    def channel_types(self) -> list[discord.ChannelType]:
        """Return the channel types to offer.

        Categories, forums and media channels hold no messages.
        """
        return list(self.offered)

    async def transform(self, interaction: discord.Interaction, value: Any, /) -> PickedChannel:  # noqa: ANN401, ARG002
        """Return the channel as Discord describes it; no cache adds to it."""
        picked: PickedChannel = value
        return picked


class SongChannelOption(PostableChannelOption):
    """A channel in which, or in whose threads, songs can be requested."""

    offered = (*interaction_context.POSTABLE_TYPES, discord.ChannelType.forum, discord.ChannelType.media)


PostableChannel = app_commands.Transform[PickedChannel, PostableChannelOption]
SongChannel = app_commands.Transform[PickedChannel, SongChannelOption]


async def require_permissions(
    interaction: discord.Interaction, channel: PickedChannel, needed: tuple[str, ...]
) -> None:
    """Check the bot's permissions in a channel, as far as Discord responds in time.

    Raises:
        NoPlaceToPost: the channel is gone.
        MissingPermissions: the bot lacks some of the ``needed`` permissions there.
    """
    try:
        async with asyncio.timeout(CHECK_S):
            with readable_answers():
                permissions, is_thread = await _permissions_in(interaction, channel)
    except discord.Forbidden:
        raise MissingPermissions(("view_channel",)) from None
    except discord.NotFound:
        raise NoPlaceToPost from None
    except (*NETWORK_ERRORS, TimeoutError, discord.InvalidData) as error:
        # A song that can't be posted there falls back to the channel of its request.
        log.info("permissions not looked up", extra={"error": str(error) or type(error).__name__})
        reopen_for_all(interaction.client)
        return
    if is_thread:
        needed = tuple("send_messages_in_threads" if name == "send_messages" else name for name in needed)
    missing = tuple(name for name in needed if not getattr(permissions, name))
    if missing and not permissions.administrator:
        raise MissingPermissions(missing)


async def _permissions_in(
    interaction: discord.Interaction, channel: PickedChannel
) -> tuple[discord.Permissions, bool]:
    """Return the bot's permissions in a channel; a thread inherits its parent's."""
    client = interaction.client
    guild = await client.fetch_guild(channel.guild_id, with_counts=False)
    thread = channel if isinstance(channel, app_commands.AppCommandThread) else None
    fetched = await guild.fetch_channel(channel.id if thread is None else thread.parent_id)
    me = await guild.fetch_member(client.user.id if client.user is not None else client.application_id or 0)
    if isinstance(fetched, discord.Thread):  # a thread's parent is never a thread
        raise discord.InvalidData("a thread in place of a channel")
    return fetched.permissions_for(me), thread is not None
