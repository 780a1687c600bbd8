"""The button that posts a song that could not be posted before."""

import discord

from bot.model import JobState
from bot.ui import interaction_context
from bot.ui.buttons.base import JobButton
from bot.ui.dependencies import Services


class PostAgainButton(JobButton, action="post"):
    """Posts an undelivered song to the channel of its card."""

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Queue the song for delivery again."""
        guild_id = interaction_context.guild_of(interaction)
        interaction_context.require_can_post(interaction)
        job = await services.intake.post_again(self.job_id, guild_id)
        say = interaction_context.private(interaction)
        text = say("posted-already" if job.state is JobState.DELIVERED else "posting-again")
        await interaction.response.send_message(text, ephemeral=True)
