"""The button that withdraws a queued request."""

import discord

from bot.model import DiscordUserId
from bot.ui import interaction_context, messages
from bot.ui.buttons.base import JobButton
from bot.ui.buttons.remix import edit_text_view
from bot.ui.dependencies import Services


class CancelButton(JobButton, action="cancel"):
    """Withdraws a request before its submission and returns its credits."""

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Withdraw the request."""
        job = await services.intake.cancel(
            self.job_id,
            interaction_context.guild_of(interaction),
            DiscordUserId(interaction.user.id),
            as_manager=interaction_context.may_manage_messages(interaction),
        )
        say = interaction_context.private(interaction)
        await interaction.response.send_message(
            say("canceled", credits=messages.credits_(say, job.price_credits)),
            view=edit_text_view(say, job),
            ephemeral=True,
        )
