"""The button that opens the form with an earlier song's texts."""

import discord
from discord import ui

from bot.model import FailReason, Job
from bot.refusals import NoDuration, OptionsNotTaken
from bot.ui import forms, interaction_context, responses
from bot.ui.buttons.base import JobButton, persistent_view
from bot.ui.dependencies import Services
from bot.ui.language import Language


class RemixButton(JobButton, action="remix"):
    """Opens the form, prefilled with a song's texts."""

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Answer with the form."""
        job = await services.intake.with_texts(self.job_id, interaction_context.guild_of(interaction))
        interaction_context.require_can_post(interaction)
        request = services.intake.terms.on_offer(job.request)
        try:
            services.intake.terms.require_options(request)
        except (NoDuration, OptionsNotTaken) as error:
            # Refused before anything is typed; the form offered with the refusal lacks them.
            await responses.refuse(interaction, services.intake, request, job.id, error)
            return
        price = services.intake.terms.price_credits
        form = forms.song_form(
            interaction_context.private(interaction), request, remix_of=job.id, price_credits=price
        )
        await interaction.response.send_modal(form)


def edit_text_button(say: Language, job: Job, *, first: bool = False) -> RemixButton:
    """Return the form button for a request without a song, under another label.

    ``first`` highlights it as the most helpful step.
    """
    style = discord.ButtonStyle.primary if first else discord.ButtonStyle.secondary
    name = "button-open" if job.reason is FailReason.CLOSED else "button-edit"
    return RemixButton(job.id, say(name), style)


def edit_text_view(say: Language, job: Job) -> ui.View:
    """Return that button alone."""
    return persistent_view(edit_text_button(say, job))
