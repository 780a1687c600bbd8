"""The buttons that rate a song; a member's own rating is shown only to them."""

from typing import ClassVar

import discord

from bot.model import DiscordUserId, InteractionId
from bot.ui import best_songs, interaction_context
from bot.ui.buttons.base import JobButton
from bot.ui.dependencies import Services


class RatingButton(JobButton, action="rate"):
    """Rates a song; a second press undoes it, and the other button changes it."""

    liked: ClassVar[bool]

    def __init_subclass__(cls, *, action: str, liked: bool) -> None:
        super().__init_subclass__(action=action)
        cls.liked = liked

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Rate the song and answer with all ratings."""
        rated = await services.ratings.rate(
            self.job_id,
            interaction_context.guild_of(interaction),
            DiscordUserId(interaction.user.id),
            InteractionId(interaction.id),
            liked=self.liked,
            listed=not interaction_context.is_in_private_thread(interaction),
        )
        text = best_songs.rated(interaction_context.private(interaction), rated)
        await interaction.response.send_message(text, ephemeral=True)


class LikeButton(RatingButton, action="like", liked=True):
    """👍."""


class DislikeButton(RatingButton, action="dislike", liked=False):
    """👎."""
