"""``/privacy``: members see, export and delete their stored data."""

from typing import Final

import discord
from discord import app_commands

from bot.model import DiscordUserId, GuildId
from bot.ui import cards, interaction_context, privacy_cards, uploads
from bot.ui.buttons.erase_data import erase_data_view
from bot.ui.dependencies import Services
from bot.ui.language import described

EXPORT_FILE: Final = "tunesmith.json"


class Privacy(
    app_commands.Group,
    name="privacy",
    description=described("command-privacy"),
    guild_only=True,
):
    """The commands about a member's own data; only they see the answers."""

    def __init__(self, services: Services) -> None:
        super().__init__(allowed_installs=app_commands.AppInstallationType(guild=True, user=False))
        self.privacy = services.privacy
        self.exports = services.exports

    @app_commands.command(description=described("command-privacy-view"))
    async def view(self, interaction: discord.Interaction[discord.Client]) -> None:
        """Show what is stored, why and how long, and who is responsible for it."""
        guild_id = None if interaction.guild_id is None else GuildId(interaction.guild_id)
        stored = await self.privacy.view(DiscordUserId(interaction.user.id), guild_id)
        application = interaction.client.application
        owner = None if application is None else getattr(application, "owner", None)
        embed = privacy_cards.view(interaction_context.private(interaction), stored, owner)
        await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)

    @app_commands.command(description=described("command-privacy-export"))
    async def export(self, interaction: discord.Interaction) -> None:
        """Send a file; defer, since writing it may exceed Discord's deadline."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        say = interaction_context.private(interaction)
        async with uploads.folder(self.exports, interaction) as folder:
            export = await self.privacy.export(DiscordUserId(interaction.user.id), folder / EXPORT_FILE)
            text = "privacy-exported" if export.complete else "privacy-exported-part"
            await uploads.send(interaction, say, export, say(text, songs=say("songs", count=export.count)))

    @app_commands.command(description=described("command-privacy-delete"))
    async def delete(self, interaction: discord.Interaction) -> None:
        """Ask for confirmation; the button deletes."""
        say = interaction_context.private(interaction)
        await interaction.response.send_message(say("privacy-ask"), view=erase_data_view(say), ephemeral=True)
