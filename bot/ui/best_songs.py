"""Render ratings and a server's best songs."""

from typing import Final

import discord

from bot.discord_limits import CONTENT_MAX
from bot.services.ratings import BestPage, BestSong, Rated
from bot.store.ratings import Tally
from bot.ui import cards
from bot.ui.fitted_embed import FittedEmbed
from bot.ui.language import Language
from bot.ui.text import cut, line

SONG_TITLE_MAX: Final = 60
"""Maximum length of a title in the list, in characters; ten lines fit into one embed."""


def rated(say: Language, rated_: Rated) -> str:
    """Return a member's current rating of a song, and everybody's."""
    match rated_.liked:
        case True:
            text = say("rated-liked")
        case False:
            text = say("rated-disliked")
        case None:
            text = say("rated-nothing")
    return f"{text}\n{_counts(say, rated_.tally)}"


def summary(say: Language, best: BestPage) -> str:
    """Return a page on one line, for screen readers and clients without embeds.

    It has no mentions.
    """
    titles = [line(cards.listed_name(say, song.song), SONG_TITLE_MAX) for song in best.songs]
    return cut(f"{say('best-title')}: {', '.join(titles) or say('best-none')}", CONTENT_MAX)


def page(say: Language, best: BestPage) -> discord.Embed:
    """Return a page of a server's best songs of the week."""
    lines = [_song(say, song) for song in best.songs]
    embed = FittedEmbed(
        title=say("best-title"), description="\n".join(lines) or say("best-none"), color=cards.COLOR_DONE
    )
    if lines:
        embed.set_footer(text=say("best-hint"))
    return embed


def _song(say: Language, song: BestSong) -> str:
    title = line(cards.listed_name(say, song.song), SONG_TITLE_MAX)
    parts = [f"**{say('number', number=song.place)}.** **{title}**", f"<@{song.song.member_id}>"]
    link = cards.listed_link(song.song)
    parts += [] if link is None else [say("history-listen", link=link)]
    return " · ".join([*parts, _counts(say, song.tally)])


def _counts(say: Language, tally: Tally) -> str:
    return say("rated-counts", likes=tally.likes, dislikes=tally.dislikes)
