"""The buttons that turn the pages of ``/music history``; each press reads the presser's songs."""

import re
from collections.abc import AsyncIterator
from typing import Any, Final, Self

import discord
from discord import ui

from bot.model import DiscordUserId, JobId
from bot.services.songs import SongArchive
from bot.store.history import SongPage
from bot.ui import cards, interaction_context
from bot.ui.buttons.base import PersistentButton, persistent_view
from bot.ui.custom_ids import NUMBER
from bot.ui.dependencies import Services
from bot.ui.language import Language

PAGE_SONGS: Final = 10
"""Number of songs per page."""


class SongPageButton(
    PersistentButton,
    template=f"songs:(?P<way>newer|older):(?P<edge>{NUMBER}):(?P<word>.{{0,{cards.WORD_MAX}}})",
):
    """Turns to the songs newer or older than a given one, under the same search word."""

    def __init__(self, way: str, edge_id: JobId, word: str, label: str | None = None) -> None:
        super().__init__(f"songs:{way}:{edge_id}:{word}", label)
        self.older = way == "older"
        self.edge_id = edge_id
        self.word = word

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button for the page in its custom_id."""
        return cls(match["way"], JobId(int(match["edge"])), match["word"])

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Replace this page with the button's."""
        edge = {"before_id" if self.older else "after_id": self.edge_id}
        pages = read_pages(services.song_archive, interaction, self.word, **edge)
        *_, page = [page async for page in pages]
        say = interaction_context.private(interaction)
        embed, view = cards.history(say, page, self.word), song_pages_view(say, page, self.word)
        await interaction.response.edit_message(content=cards.summary(embed), embed=embed, view=view)


def read_pages(
    archive: SongArchive, interaction: discord.Interaction, word: str, **edge: JobId
) -> AsyncIterator[SongPage]:
    """Yield the member's songs in this server as they are found, from the newest or from an edge."""
    guild_id, member_id = interaction_context.guild_of(interaction), DiscordUserId(interaction.user.id)
    return archive.pages(guild_id, member_id, size=PAGE_SONGS, word=word, **edge)


def song_pages_view(say: Language, page: SongPage, word: str) -> ui.View:
    """Return the buttons to the previous and next pages, or onward from where a search stopped."""
    first, last = (page.songs[0].id, page.songs[-1].id) if page.songs else (None, None)
    newer = page.read_to if page.upward else first
    older = last if page.upward or page.read_to is None else page.read_to
    buttons: list[ui.Item[Any]] = []
    if newer is not None and page.newer:
        buttons.append(SongPageButton("newer", newer, word, say("button-newer")))
    if older is not None and page.older:
        buttons.append(SongPageButton("older", older, word, say("button-older")))
    return persistent_view(*buttons)
