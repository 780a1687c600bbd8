"""The button that deletes a song's message."""

import logging

import discord

from bot.model import MessageId
from bot.refusals import NotYourSong
from bot.ui import interaction_context
from bot.ui.buttons.base import JobButton
from bot.ui.dependencies import Services

log = logging.getLogger(__name__)


class DeleteButton(JobButton, action="delete"):
    """Deletes the message; the song itself is kept as long as any other."""

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Delete the message for its requester or a moderator."""
        job = await services.intake.job(self.job_id, interaction_context.guild_of(interaction))
        may_moderate = interaction_context.may_manage_messages(interaction)
        if interaction.user.id != job.origin.member_id and not may_moderate:
            raise NotYourSong
        await interaction.response.defer()
        try:
            # The interaction's own token needs no permission in the channel.
            await interaction.delete_original_response()
        except discord.NotFound:
            log.info("message already deleted", extra={"job_id": job.id})
        if interaction.message is not None:
            await services.intake.message_gone(job.id, MessageId(interaction.message.id))
        text = interaction_context.private(interaction)("deleted")
        await interaction.followup.send(text, ephemeral=True)
