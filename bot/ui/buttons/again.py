"""The buttons that request a song again: Again under a song, Retry under a failure."""

import re
from typing import ClassVar, Self

import discord

from bot.model import Job, JobId, Reuse, Source
from bot.ui import interaction_context, messages, responses
from bot.ui.buttons.base import PersistentButton, persistent_view
from bot.ui.custom_ids import NUMBER, PRICE
from bot.ui.dependencies import Services


class ReuseButton(PersistentButton):
    """Repeats an earlier request, charged to the server in which it is pressed.

    Its custom_id is ``name:job`` or ``name:job:price``. Without a price, it means the job's.
    """

    action: ClassVar[str]
    reuse: ClassVar[Reuse]

    def __init_subclass__(cls, *, action: str, reuse: Reuse) -> None:
        super().__init_subclass__(template=f"{action}:(?P<job>{NUMBER})(:(?P<price>{PRICE}))?")
        cls.action, cls.reuse = action, reuse

    def __init__(self, job_id: JobId, label: str | None = None, price: int | None = None) -> None:
        priced = "" if price is None else f":{price}"
        super().__init__(f"{self.action}:{job_id}{priced}", label, discord.ButtonStyle.primary)
        self.job_id = job_id
        self.price = price

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button for the job and price in its custom_id."""
        price = None if match["price"] is None else int(match["price"])
        return cls(JobId(int(match["job"])), price=price)

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Request the song; ask first if its price has changed since the button was sent."""
        intake = services.intake
        job = await intake.with_texts(self.job_id, interaction_context.guild_of(interaction))
        price = intake.terms.price_credits
        if price != (job.price_credits if self.price is None else self.price):
            await self._confirm_price(interaction, job, price)
            return
        source = Source(job_id=job.id, reuse=self.reuse)
        await responses.promise(interaction, intake, intake.terms.on_offer(job.request), source)

    async def _confirm_price(self, interaction: discord.Interaction, job: Job, price: int) -> None:
        """Answer with the same button at the current price."""
        say = interaction_context.private(interaction)
        if self.price is None:
            question, former_price = "ask-price-again", job.price_credits
        else:
            question, former_price = "ask-price", self.price
        label = say("button-pay", credits=messages.credits_(say, price))
        await interaction.response.send_message(
            say(question, now=messages.credits_(say, price), then=messages.credits_(say, former_price)),
            view=persistent_view(type(self)(job.id, label, price)),
            ephemeral=True,
        )


class AgainButton(ReuseButton, action="again", reuse=Reuse.AGAIN):
    """Requests a finished song again."""


class RetryButton(ReuseButton, action="retry", reuse=Reuse.RETRY):
    """Retries a failed song."""
