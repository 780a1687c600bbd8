"""The buttons that turn the pages of ``/music top``."""

import re
from typing import Any, Self

import discord
from discord import ui

from bot.services.ratings import BestPage
from bot.ui import best_songs, interaction_context
from bot.ui.buttons.base import PersistentButton, persistent_view
from bot.ui.custom_ids import NUMBER
from bot.ui.dependencies import Services
from bot.ui.language import Language


class BestPageButton(PersistentButton, template=f"top:(?P<page>{NUMBER})"):
    """Turns to another page of the current ranking."""

    def __init__(self, page: int, label: str | None = None) -> None:
        super().__init__(f"top:{page}", label)
        self.page = page

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button for the page in its custom_id."""
        return cls(int(match["page"]))

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Replace this page with the button's."""
        best = await services.ratings.best(interaction_context.guild_of(interaction), self.page)
        say = interaction_context.private(interaction)
        embed = best_songs.page(say, best)
        await interaction.response.edit_message(
            content=best_songs.summary(say, best), embed=embed, view=best_pages_view(say, best)
        )


def best_pages_view(say: Language, best: BestPage) -> ui.View:
    """Return the buttons that lead to the previous and next pages."""
    buttons: list[ui.Item[Any]] = []
    if best.page > 1:
        buttons.append(BestPageButton(best.page - 1, say("button-better")))
    if best.more:
        buttons.append(BestPageButton(best.page + 1, say("button-further")))
    return persistent_view(*buttons)
