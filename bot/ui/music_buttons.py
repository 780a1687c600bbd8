"""The buttons that turn the pages of a member's songs; each press reads the presser's own."""

import re
from typing import Any, Final, Self

import discord
from discord import ui

from bot.services.songs import SongArchive
from bot.store.history import SongPage
from bot.ui import cards, interaction_context
from bot.ui.buttons import persistent_view
from bot.ui.dependencies import HasServices, Services
from bot.ui.language import Language

PAGE: Final = 10
"""Songs on one page."""


class SongsButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=re.compile(r"songs:(?P<way>newer|older):(?P<edge>\d{1,18}):(?P<word>.{0,50})", re.DOTALL),
):
    """Turns to the songs newer or older than one, with the same word to look for."""

    def __init__(self, way: str, edge_id: int, word: str, label: str | None = None) -> None:
        super().__init__(ui.Button(label=label or way, custom_id=f"songs:{way}:{edge_id}:{word}"))
        self.older = way == "older"
        self.edge_id = edge_id
        self.word = word

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
    ) -> Self:
        """The button that somebody pressed."""
        return cls(match["way"], int(match["edge"]), match["word"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show that page in place of this one."""
        client: HasServices = interaction.client
        await client.guarded(interaction, self._turn(interaction, client.services))

    async def _turn(self, interaction: discord.Interaction, services: Services) -> None:
        edge = {"before_id" if self.older else "after_id": self.edge_id}
        page_ = await page(services.song_archive, interaction, self.word, **edge)
        say = interaction_context.private(interaction)
        await interaction.response.edit_message(
            embed=cards.history(say, page_, self.word), view=turn(say, page_, self.word)
        )


async def page(library: SongArchive, interaction: discord.Interaction, word: str, **edge: int) -> SongPage:
    """The member's songs in this server: the newest, or those before or after an edge."""
    guild_id, member_id = interaction_context.guild_of(interaction), interaction.user.id
    return await library.songs(guild_id, member_id, size=PAGE, word=word, **edge)


def turn(say: Language, shown: SongPage, word: str) -> ui.View:
    """The buttons under a page, as far as there are others."""
    buttons: list[ui.Item[Any]] = []
    if shown.songs and shown.newer:
        buttons.append(SongsButton("newer", shown.songs[0].id, word, say("button-newer")))
    if shown.songs and shown.older:
        buttons.append(SongsButton("older", shown.songs[-1].id, word, say("button-older")))
    return persistent_view(*buttons)
