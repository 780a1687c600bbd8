"""Render a server's rules for songs as embeds: pure functions."""

import discord

from bot.model import RoleId
from bot.store.changes import SongChannels
from bot.store.refused_words import REFUSED_WORD_MAX
from bot.ui.cards import COLOR_WORKING
from bot.ui.fitted_embed import FittedEmbed
from bot.ui.language import Language
from bot.ui.quota_cards import channel, channel_list, role_list
from bot.ui.text import line


def words(say: Language, refused: list[str], changed: list[str]) -> discord.Embed:
    """Return the changes to the words that songs may not have, and all of them."""
    text = ", ".join(f"“{line(word, REFUSED_WORD_MAX)}”" for word in refused)
    embed = FittedEmbed(
        title=say("words-title"),
        description="\n\n".join([*changed, text or say("words-none")]),
        color=COLOR_WORKING,
    )
    embed.set_footer(text=say("words-hint"))
    return embed


def managers(say: Language, before: tuple[RoleId, ...], after: tuple[RoleId, ...]) -> discord.Embed:
    """Return the manager roles, and how to show them the bot's commands."""
    embed = FittedEmbed(
        title=say("managers-title"),
        description=say("managers-shown") if before == after else say("managers-changed"),
        color=COLOR_WORKING,
    )
    embed.add_field(name=say("managers-roles"), value=role_list(after) or say("none"), inline=False)
    if after:
        embed.add_field(name=say("managers-show"), value=say("managers-how"), inline=False)
    return embed


def channels(say: Language, before: SongChannels, after: SongChannels) -> discord.Embed:
    """Return the channels for songs, and whether they have changed."""
    embed = FittedEmbed(
        title=say("channels-title"),
        description=say("channels-shown") if before == after else say("channels-changed"),
        color=COLOR_WORKING,
    )
    requests = channel_list(after.asked) or say("channels-everywhere")
    results = say("channels-where-asked") if after.results is None else channel(say, after.results)
    embed.add_field(name=say("channels-asked"), value=requests, inline=False)
    embed.add_field(name=say("channels-results"), value=results, inline=False)
    embed.add_field(name=say("channels-announced"), value=channel(say, after.announced), inline=False)
    embed.set_footer(text=say("channels-hint"))
    return embed
