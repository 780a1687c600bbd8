"""The ``/quota`` commands for a server's rules: words, song channels, and managers by role."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import discord
from discord import app_commands
from msgspec.structs import replace

from bot.discord_limits import CHOICE_MAX
from bot.model import GuildId, RoleId
from bot.refusals import NoPlaceToPost
from bot.services import server_rules
from bot.store.changes import SongChannels
from bot.store.refused_words import REFUSED_WORD_MAX
from bot.ui import (
    autocompletion,
    cards,
    channel_options,
    interaction_context,
    managers,
    names,
    server_rules_cards,
)
from bot.ui.channel_options import TO_ANNOUNCE, PostableChannel, SongChannel
from bot.ui.dependencies import Services
from bot.ui.interaction_context import TO_POST_SONGS, PickedChannel
from bot.ui.language import Language, described
from bot.ui.text import label, line

RefusedWord = app_commands.Range[str, 1, REFUSED_WORD_MAX]
TYPED_MAX: Final = CHOICE_MAX
"""Maximum length of an option with typed choices, in characters."""
Typed = app_commands.Range[str, 1, TYPED_MAX]
NAME_MAX: Final = CHOICE_MAX - 24
"""Maximum length of a channel's name shown before its id, in characters."""
OFF: Final[dict[str, Callable[[SongChannels], SongChannels]]] = {
    "asked": lambda channels: replace(channels, asked=()),
    "results": lambda channels: replace(channels, results=None),
    "announced": lambda channels: replace(channels, announced=None),
}
"""Settings that can be turned off, with functions that do so."""
OFF_CHOICES: Final = [app_commands.Choice(name=described(f"choice-off-{what}"), value=what) for what in OFF]


class ServerRulesCommands:
    """Commands that belong to the ``/quota`` group."""

    def __init__(self, services: Services) -> None:
        self._rules = services.rules

    def commands(self) -> Iterator[app_commands.Command[Any, ..., None]]:
        """Yield the commands to add to the group."""
        yield app_commands.Command(
            name="words", description=described("command-quota-words"), callback=self._words
        )
        channels: app_commands.Command[Any, ..., None] = app_commands.Command(
            name="channels", description=described("command-quota-channels"), callback=self._channels
        )
        channels.autocomplete("remove")(self._set_channels)
        yield channels
        managers_: app_commands.Command[Any, ..., None] = app_commands.Command(
            name="managers", description=described("command-quota-managers"), callback=self._managers
        )
        managers_.autocomplete("remove")(self._set_roles)
        yield managers_

    async def _manager(self, interaction: discord.Interaction) -> tuple[GuildId, Language]:
        """Return the server that the member may manage, and their language."""
        guild_id = await managers.managed_guild(interaction, self._rules)
        return guild_id, interaction_context.private(interaction)

    @app_commands.describe(add=described("option-words-add"), remove=described("option-words-remove"))
    async def _words(
        self,
        interaction: discord.Interaction,
        add: RefusedWord | None = None,
        remove: RefusedWord | None = None,
    ) -> None:
        """Show or change the words that songs here may not have."""
        guild_id, say = await self._manager(interaction)
        changed = []
        if remove is not None:
            word = await self._rules.take_word(guild_id, remove)
            changed.append(say("word-taken", word=line(word, REFUSED_WORD_MAX)))
        if add is not None:
            word = await self._rules.refuse_word(guild_id, add)
            changed.append(say("word-refused", word=line(word, REFUSED_WORD_MAX)))
        embed = server_rules_cards.words(say, await self._rules.words(guild_id), changed)
        await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)

    @app_commands.describe(
        add=described("option-channels-add"),
        remove=described("option-channels-remove"),
        results=described("option-channels-results"),
        announce=described("option-channels-announce"),
        off=described("option-channels-off"),
    )
    @app_commands.choices(off=OFF_CHOICES)
    async def _channels(
        self,
        interaction: discord.Interaction,
        add: SongChannel | None = None,
        remove: Typed | None = None,
        results: PostableChannel | None = None,
        announce: PostableChannel | None = None,
        off: str | None = None,
    ) -> None:
        """Show or change the channels for songs."""
        guild_id, say = await self._manager(interaction)
        picked = [
            *((channel, TO_POST_SONGS) for channel in (add, results) if channel is not None),
            *((channel, TO_ANNOUNCE) for channel in (announce,) if channel is not None),
        ]
        if picked:
            # Checking the bot's permissions there may exceed Discord's deadline for an answer.
            await interaction.response.defer(ephemeral=True, thinking=True)
        for channel, needed in picked:
            await _require_postable(interaction, channel, needed)

        def change(channels: SongChannels) -> SongChannels:
            if off is not None:
                channels = OFF[off](channels)
            if remove is not None:
                channels = server_rules.without(channels, remove)
            if add is not None:
                channels = replace(channels, asked=(*channels.asked, add.id))
            if results is not None:
                channels = replace(channels, results=results.id)
            return channels if announce is None else replace(channels, announced=announce.id)

        by = interaction_context.changed_by(interaction)
        if picked or remove is not None or off is not None:
            changed = await self._rules.set_channels(guild_id, change, by)
        else:
            current = await self._rules.channels(guild_id)
            changed = (current, current)
        if changed is None:
            return
        embed = server_rules_cards.channels(say, *changed)
        text = cards.summary(embed)
        if interaction.response.is_done():
            await interaction.followup.send(text, embed=embed, ephemeral=True)
        else:
            await interaction.response.send_message(text, embed=embed, ephemeral=True)

    async def _set_channels(
        self, interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return await autocompletion.answer(interaction, self._channel_choices(interaction, typed))

    async def _channel_choices(
        self, interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        """Return the configured channels, including those that Discord no longer knows."""
        guild_id, say = await self._manager(interaction)
        channels = await self._rules.channels(guild_id)
        channel_names = await names.of_channels(interaction)
        return _choices(
            channels.asked, channel_names, "#", say("channel-gone") if channel_names else "", typed
        )

    @app_commands.describe(add=described("option-managers-add"), remove=described("option-managers-remove"))
    async def _managers(
        self, interaction: discord.Interaction, add: discord.Role | None = None, remove: Typed | None = None
    ) -> None:
        """Show or change the roles whose members may use ``/quota``.

        These members themselves may not.
        """
        guild_id, say = managers.permitted_guild(interaction), interaction_context.private(interaction)
        if add is None and remove is None:
            current = await self._rules.manager_roles(guild_id)
            changed: tuple[tuple[RoleId, ...], tuple[RoleId, ...]] | None = (current, current)
        else:
            changed = await self._rules.set_manager_roles(
                guild_id,
                add=None if add is None else RoleId(add.id),
                remove=remove,
                changed_by=interaction_context.changed_by(interaction),
            )
        if changed is not None:
            embed = server_rules_cards.managers(say, *changed)
            await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)

    async def _set_roles(
        self, interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        return await autocompletion.answer(interaction, self._role_choices(interaction, typed))

    async def _role_choices(
        self, interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        """Return the configured roles, including those that Discord no longer knows."""
        say, roles = (
            interaction_context.private(interaction),
            await self._rules.manager_roles(managers.permitted_guild(interaction)),
        )
        role_names = await names.of_roles(interaction)
        return _choices(roles, role_names, "@", say("role-gone") if role_names else "", typed)


def _choices(
    ids: Iterable[int], id_names: Mapping[int, str], sign: str, gone: str, typed: str
) -> list[app_commands.Choice[str]]:
    """Return entries by name and id, with a word for a name unknown to Discord."""
    shown_as = {id_: f"{sign}{id_names[id_]}" if id_ in id_names else gone for id_ in ids}
    labels = {id_: f"{label(name, NAME_MAX)} ({id_})".strip() for id_, name in shown_as.items()}
    return [
        app_commands.Choice(name=text, value=str(id_))
        for id_, text in labels.items()
        if typed.casefold() in text.casefold()
    ]


async def _require_postable(
    interaction: discord.Interaction, channel: PickedChannel, needed: tuple[str, ...]
) -> None:
    """Check that songs or text can be posted in a chosen channel or its threads."""
    if channel.type in (discord.ChannelType.forum, discord.ChannelType.media):
        if channel.guild_id != interaction.guild_id:
            raise NoPlaceToPost
        return  # in its threads; each request there is checked on arrival
    interaction_context.may_post_in(interaction, channel)
    await channel_options.require_permissions(interaction, channel, needed)
