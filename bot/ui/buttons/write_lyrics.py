"""The button that has lyrics written for a refused form."""

import re
from typing import Self

import discord

from bot.ui import lyrics_writing
from bot.ui.buttons.base import PersistentButton
from bot.ui.custom_ids import NUMBER
from bot.ui.dependencies import Services


class WriteLyricsButton(PersistentButton, template=f"write:(?P<draft>{NUMBER})"):
    """Has lyrics written about the title and the style in a draft."""

    def __init__(self, draft: int, label: str | None = None) -> None:
        super().__init__(f"write:{draft}", label)
        self.draft = draft

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button for the draft that it names."""
        return cls(int(match["draft"]))

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Answer with the lyrics, in a form that opens with them."""
        await lyrics_writing.write_for_draft(interaction, services, self.draft)
