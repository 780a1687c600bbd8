"""The button that reopens a refused form with everything typed into it."""

import re
from typing import Self

import discord
from discord import ui

from bot.model import DiscordUserId, DraftId
from bot.ui import forms, interaction_context
from bot.ui.buttons.base import PersistentButton, persistent_view
from bot.ui.custom_ids import NUMBER
from bot.ui.dependencies import Services
from bot.ui.language import Language


class EditDraftButton(PersistentButton, template=f"edit:(?P<draft>{NUMBER})"):
    """Opens the form, prefilled from a draft."""

    def __init__(self, draft: DraftId, label: str | None = None) -> None:
        super().__init__(f"edit:{draft}", label, discord.ButtonStyle.primary)
        self.draft = draft

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button for the draft in its custom_id."""
        return cls(DraftId(int(match["draft"])))

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Answer with the form."""
        request, _ = await services.intake.draft(self.draft, DiscordUserId(interaction.user.id))
        say = interaction_context.private(interaction)
        form = forms.song_form(say, services.intake.terms.on_offer(request), draft=self.draft)
        await interaction.response.send_modal(form)


def edit_draft_view(say: Language, draft: DraftId, name: str = "button-edit") -> ui.View:
    """Return the button for a draft, labelled with the text of this name."""
    return persistent_view(EditDraftButton(draft, say(name)))
