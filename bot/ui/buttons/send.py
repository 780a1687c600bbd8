"""The button that sends a copy of a song by direct message."""

import discord

from bot.model import DiscordUserId
from bot.ui import cards, interaction_context
from bot.ui.buttons.base import JobButton
from bot.ui.dependencies import Services


class SendButton(JobButton, action="send"):
    """Sends a copy of the song to the member who presses it."""

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Send the copy; defer, since fetching the audio may exceed Discord's deadline."""
        job = await services.intake.job(self.job_id, interaction_context.guild_of(interaction))
        await interaction.response.defer(ephemeral=True, thinking=True)
        member_id = DiscordUserId(interaction.user.id)
        copy = await services.song_archive.send_to(job, member_id, str(interaction.locale))
        text = cards.copied(interaction_context.private(interaction), "sent", "@me", copy)
        await interaction.edit_original_response(content=text)
