"""The button that has lyrics written for a refused form."""

import re
from typing import Self

import discord

from bot.model import DraftId
from bot.ui import lyrics_writing
from bot.ui.buttons.base import PersistentButton
from bot.ui.custom_ids import NUMBER
from bot.ui.dependencies import Services


class WriteLyricsButton(PersistentButton, template=f"write:(?P<draft>{NUMBER})"):
    """Has lyrics written about a draft's title and style."""

    def __init__(self, draft: DraftId, label: str | None = None) -> None:
        super().__init__(f"write:{draft}", label)
        self.draft = draft

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button for the draft in its custom_id."""
        return cls(DraftId(int(match["draft"])))

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Answer with the lyrics and the form prefilled with them."""
        await lyrics_writing.write_for_draft(interaction, services, self.draft)
