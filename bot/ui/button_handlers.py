"""What a pressed button does, by its name."""

import logging
from typing import Final

import discord

from bot.errors import NotYourServer, NotYourSong
from bot.model import Job, JobId, JobState, Reuse, Source
from bot.services.intake import Intake
from bot.ui import buttons, cards, forms, interaction_context, messages, responses
from bot.ui.buttons import JobButton
from bot.ui.dependencies import Services

log = logging.getLogger(__name__)

REUSES: Final = {"retry": Reuse.RETRY, "again": Reuse.AGAIN}


async def pressed(interaction: discord.Interaction, button: JobButton, services: Services) -> None:
    """Do what the button says.

    Raises:
        Refusal: what stands against it.
    """
    intake = services.intake
    match button.name:
        case "edit":
            await _edit(interaction, button.key, intake)
        case "lyrics" | "words":
            await buttons.show_words(interaction, await intake.worded(button.key))
        case "retry" | "again":
            await _once_more(interaction, button, intake)
        case "remix":
            await _remix(interaction, button.key, intake)
        case "post":
            await _post_again(interaction, button.key, intake)
        case "cancel":
            await _cancel(interaction, button.key, intake)
        case "send":
            await _send(interaction, button.key, services)
        case "delete":
            await _delete(interaction, button.key, intake)
        case _:
            raise ValueError(f"no button is called {button.name}")


async def _edit(interaction: discord.Interaction, draft: int, intake: Intake) -> None:
    """A refused form comes back with everything in it."""
    request, _ = await intake.draft(draft, interaction.user.id)
    form = forms.song_form(interaction_context.private(interaction), intake.on_offer(request), draft=draft)
    await interaction.response.send_modal(form)


async def _once_more(interaction: discord.Interaction, button: JobButton, intake: Intake) -> None:
    """A new request with the words of an earlier one, on the credits of the server it is pressed in."""
    job = await intake.worded(button.key)
    _same_server(interaction, job)
    price, named = intake.terms.price_credits, button.price
    if price != (job.price_credits if named is None else named):
        await _ask_price(interaction, button, job, price)
        return
    source = Source(job_id=job.id, reuse=REUSES[button.name])
    await responses.promise(interaction, intake, intake.on_offer(job.request), source)


async def _ask_price(interaction: discord.Interaction, button: JobButton, job: Job, price: int) -> None:
    say = interaction_context.private(interaction)
    if button.price is None:
        asked, then = "ask-price-again", job.price_credits
    else:
        asked, then = "ask-price", button.price
    await interaction.response.send_message(
        say(asked, now=messages.credits_(say, price), then=messages.credits_(say, then)),
        view=buttons.pay_button(say, button.name, job, price),
        ephemeral=True,
    )


async def _remix(interaction: discord.Interaction, job_id: JobId, intake: Intake) -> None:
    """The form, filled with the song's words."""
    job = await intake.worded(job_id)
    _same_server(interaction, job)
    interaction_context.origin(interaction)
    form = forms.song_form(
        interaction_context.private(interaction), intake.on_offer(job.request), remix_of=job.id
    )
    await interaction.response.send_modal(form)


async def _post_again(interaction: discord.Interaction, job_id: JobId, intake: Intake) -> None:
    """A song that could not be posted is brought to the channel of its card after all."""
    _same_server(interaction, await intake.job(job_id))
    interaction_context.origin(interaction)
    job = await intake.post_again(job_id)
    say = interaction_context.private(interaction)
    said = say("posted-already" if job.state is JobState.DELIVERED else "posting-again")
    await interaction.response.send_message(said, ephemeral=True)


async def _cancel(interaction: discord.Interaction, job_id: JobId, intake: Intake) -> None:
    """A queued request is taken back."""
    job = await intake.cancel(
        job_id, interaction.user.id, as_manager=interaction_context.may_manage_messages(interaction)
    )
    say = interaction_context.private(interaction)
    await interaction.response.send_message(
        say("canceled", credits=messages.credits_(say, job.price_credits)),
        view=buttons.remix_button(say, job),
        ephemeral=True,
    )


async def _send(interaction: discord.Interaction, job_id: JobId, services: Services) -> None:
    """A copy of the song, to the one who presses."""
    job = await services.intake.job(job_id)
    _same_server(interaction, job)
    await interaction.response.defer(ephemeral=True, thinking=True)
    copy = await services.song_archive.send_to(job, interaction.user.id, str(interaction.locale))
    said = cards.copied(interaction_context.private(interaction), "sent", "@me", copy)
    await interaction.edit_original_response(content=said)


async def _delete(interaction: discord.Interaction, job_id: JobId, intake: Intake) -> None:
    """The message goes; the song itself stays as long as songs do."""
    job = await intake.job(job_id)
    if interaction.user.id != job.origin.member_id and not interaction_context.may_manage_messages(
        interaction
    ):
        raise NotYourSong
    await interaction.response.defer()
    try:
        # With the interaction's own token: that needs no permission in the channel.
        await interaction.delete_original_response()
    except discord.NotFound:
        log.info("job %d: its message was deleted before", job.id)
    if interaction.message is not None:
        await intake.message_gone(job.id, interaction.message.id)
    await interaction.followup.send(interaction_context.private(interaction)("deleted"), ephemeral=True)


def _same_server(interaction: discord.Interaction, job: Job) -> None:
    if interaction_context.guild_of(interaction) != job.origin.guild_id:
        raise NotYourServer("outside")
