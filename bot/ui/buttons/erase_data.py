"""The button that deletes a member's stored data."""

import re
from typing import Self

import discord
from discord import ui

from bot.model import DiscordUserId
from bot.ui import interaction_context, privacy_cards
from bot.ui.buttons.base import PersistentButton, persistent_view
from bot.ui.dependencies import Services
from bot.ui.language import Language


class EraseDataButton(PersistentButton, template="erase"):
    """Deletes the stored data of the member who presses it."""

    def __init__(self, label: str | None = None) -> None:
        super().__init__("erase", label, discord.ButtonStyle.danger)

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:  # noqa: ARG003 - there is nothing to read
        """Return the button."""
        return cls()

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Delete the data; defer, since cleaning the files may exceed Discord's deadline."""
        await interaction.response.defer()
        deletion = await services.privacy.delete(DiscordUserId(interaction.user.id))
        text = privacy_cards.deleted(interaction_context.private(interaction), deletion)
        await interaction.edit_original_response(content=text, view=None)


def erase_data_view(say: Language) -> ui.View:
    """Return the button that confirms a deletion."""
    return persistent_view(EraseDataButton(say("button-erase")))
