"""The one answer to an interaction: the card of a new job, or a private sentence that says why not."""

import logging
from dataclasses import replace

import aiohttp
import discord

from bot.errors import NotYourServer, Refusal, TextTooLong, Transient, TriedAgain
from bot.jobs.intake import Intake
from bot.model import Job, Reuse, SongRequest, Source
from bot.music.limits import limits_of
from bot.ui import asking, cards, forms, words
from bot.ui.buttons import edit_button, words_file

log = logging.getLogger(__name__)

UNKNOWN_INTERACTION = 10062
"""Answered too late. Source: https://docs.discord.com/developers/topics/opcodes-and-status-codes."""


async def promise(
    interaction: discord.Interaction, intake: Intake, request: SongRequest, source: Source | None = None
) -> None:
    """Take the request and answer with its card, or keep its words and say what stands against it.

    Raises:
        TriedAgain: the failed job that is its ``source`` has its newer try.
    """
    try:
        taken = await intake.accept(request, asking.reply_to(interaction), source)
    except TriedAgain:
        raise  # the words are in the newer try
    except Transient as error:
        # A draft would wait for the same lock, and a member waits for 3 s at the most.
        await explain(interaction, error, file=words_file(request))
        return
    except Refusal as error:
        draft = await intake.keep_draft(request, interaction.user.id)
        await explain(interaction, error, edit_button(draft))
        return
    if taken is None:
        log.info("interaction %d came twice", interaction.id)
        return
    job, facts = taken
    card_message_id: int | None = None
    try:
        response = await interaction.response.send_message(embed=cards.card(job, facts))
        card_message_id = response.message_id
    except discord.NotFound as error:
        if error.code == UNKNOWN_INTERACTION and await intake.withdraw(job):
            log.warning("job %d: the answer came too late, withdrawn", job.id)
            return
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError, RuntimeError) as error:
        # It may have arrived all the same: the promise is kept. (RuntimeError: the session was closed.)
        log.warning("job %d: whether the answer arrived is unknown: %s", job.id, error)
    try:
        await intake.answered(job, facts, card_message_id)
    except Transient as error:
        # The promise stands: the job begins by itself in a few seconds, and its card is looked for.
        log.warning("job %d: that it was answered can't be written down: %s", job.id, error)


async def submitted(interaction: discord.Interaction, intake: Intake) -> None:
    """A form came back: complete its words and take it as a request."""
    submission = forms.read_submission(interaction)
    if submission is None:
        return
    request = submission.request
    try:
        if submission.lyrics_file is not None:
            lyrics, most = await forms.read_lyrics(submission.lyrics_file), limits_of(request.model).lyrics
            if request.lyrics and len(lyrics) > most:
                # Refused here, so that what was typed is kept, which a file that is taken replaces.
                raise TextTooLong("lyrics", len(lyrics), most)
            request = replace(request, lyrics=lyrics)
        elif request.custom and not request.lyrics and submission.draft is not None:
            # Lyrics too long for the field were not in it, and stay unless others were written.
            kept = (await intake.draft(submission.draft, interaction.user.id))[0].lyrics
            if len(kept) > forms.TEXT_INPUT_MAX:
                request = replace(request, lyrics=kept)
    except Refusal as error:
        draft = await intake.keep_draft(request, interaction.user.id)
        await explain(interaction, error, edit_button(draft))
        return
    await promise(interaction, intake, request)


async def again(interaction: discord.Interaction, intake: Intake, job: Job) -> None:
    """A new request with the words of an earlier one, on the credits of the server it is pressed in.

    Raises:
        NotYourServer: pressed in another server, or outside one.
        TriedAgain: pressed before.
    """
    _same_server(interaction, job)
    await promise(interaction, intake, intake.on_offer(job.request), Source(job_id=job.id, reuse=Reuse.RETRY))


async def post_again(interaction: discord.Interaction, intake: Intake, job: Job) -> None:
    """A song that could not be posted is brought to the channel of its card after all.

    Raises:
        NotYourServer: pressed in another server, or outside one.
        MissingPermissions: it still can't be posted.
    """
    _same_server(interaction, job)
    asking.reply_to(interaction)
    job = await intake.post_again(job.id)
    await interaction.response.send_message(words.posting_again(job), ephemeral=True)


def _same_server(interaction: discord.Interaction, job: Job) -> None:
    if asking.guild_of(interaction) != job.reply_to.guild_id:
        raise NotYourServer("outside")


def sentence(error: Exception) -> str:
    """What a member reads about an error."""
    if isinstance(error, Refusal):
        return words.refusal(error)
    return words.BUSY if isinstance(error, Transient) else words.BROKEN


async def explain(
    interaction: discord.Interaction,
    error: Exception,
    view: discord.ui.View = discord.utils.MISSING,
    file: discord.File = discord.utils.MISSING,
) -> None:
    """Tell the member, and nobody else, what stands against it."""
    if not isinstance(error, (Refusal, Transient)):
        log.error("interaction %d: a bug", interaction.id, exc_info=error)
    try:
        if interaction.response.is_done():
            await interaction.followup.send(sentence(error), view=view, file=file, ephemeral=True)
        else:
            await interaction.response.send_message(sentence(error), view=view, file=file, ephemeral=True)
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as undelivered:
        log.info("interaction %d: its refusal could not be told: %s", interaction.id, undelivered)
