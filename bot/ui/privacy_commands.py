"""``/privacy``: what members use to see, take along and delete what is kept about them."""

import tempfile
from pathlib import Path
from typing import Any, Final, Self

import discord
from discord import app_commands, ui

from bot.ui import interaction_context, privacy_cards, uploads
from bot.ui.buttons import persistent_view
from bot.ui.dependencies import HasServices, Services
from bot.ui.language import Language, described

EXPORT: Final = "tunesmith.json"


class Privacy(
    app_commands.Group,
    name="privacy",
    description=described("command-privacy"),
    guild_only=True,
):
    """The commands about oneself; each answer is for the member alone."""

    def __init__(self, services: Services) -> None:
        super().__init__(allowed_installs=app_commands.AppInstallationType(guild=True, user=False))
        self.privacy = services.privacy

    @app_commands.command(description=described("command-privacy-view"))
    async def view(self, interaction: discord.Interaction[discord.Client]) -> None:
        """What is kept, why and how long, and who answers for it."""
        kept = await self.privacy.view(interaction.user.id, interaction.guild_id)
        application = interaction.client.application
        owner = None if application is None else getattr(application, "owner", None)
        embed = privacy_cards.kept(interaction_context.private(interaction), kept, owner)
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(description=described("command-privacy-export"))
    async def export(self, interaction: discord.Interaction) -> None:
        """May take longer than an answer may: it is promised first."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        say = interaction_context.private(interaction)
        with tempfile.TemporaryDirectory(prefix="tunesmith-") as folder:
            path = Path(folder) / EXPORT
            songs = await self.privacy.export(interaction.user.id, path)
            async with uploads.compressed_if_large(path) as file:
                said = say("privacy-exported", songs=say("songs", count=songs))
                await interaction.followup.send(said, file=file, ephemeral=True)

    @app_commands.command(description=described("command-privacy-delete"))
    async def delete(self, interaction: discord.Interaction) -> None:
        """Asks first; the button does it."""
        say = interaction_context.private(interaction)
        await interaction.response.send_message(say("privacy-ask"), view=_ask(say), ephemeral=True)


class EraseButton(ui.DynamicItem[ui.Button[ui.View]], template="erase"):
    """Deletes what is kept about the one who presses it."""

    def __init__(self, label: str) -> None:
        super().__init__(ui.Button(label=label, style=discord.ButtonStyle.danger, custom_id="erase"))

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: ui.Item[Any],  # noqa: ARG003
        match: object,  # noqa: ARG003
    ) -> Self:
        """The button that somebody pressed."""
        return cls("erase")

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Delete it."""
        client: HasServices = interaction.client
        await client.guarded(interaction, self._erase(interaction, client.services))

    async def _erase(self, interaction: discord.Interaction, services: Services) -> None:
        # Cleaning the files may take longer than an answer may.
        await interaction.response.defer()
        deletion = await services.privacy.delete(interaction.user.id)
        said = privacy_cards.deleted(interaction_context.private(interaction), deletion)
        await interaction.edit_original_response(content=said, view=None)


def _ask(say: Language) -> ui.View:
    return persistent_view(EraseButton(say("button-erase")))
