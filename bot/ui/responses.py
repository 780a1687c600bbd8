"""The one answer to an interaction: the card of a new job, or a private sentence that says why not."""

import logging
from dataclasses import replace

import aiohttp
import discord

from bot.errors import Refusal, TextTooLong, Transient, TriedAgain, WordsGone
from bot.model import DiscordUserId, Reuse, SongRequest, Source
from bot.music.text_limits import limits_of
from bot.services.intake import Intake
from bot.ui import cards, forms, interaction_context, messages
from bot.ui.buttons import card_view, edit_button, words_file
from bot.ui.language import Language

log = logging.getLogger(__name__)

UNKNOWN_INTERACTION = 10062
"""Answered too late. Source: https://docs.discord.com/developers/topics/opcodes-and-status-codes."""
ANSWERED_ALREADY = frozenset({UNKNOWN_INTERACTION, 40060})
"""There is nobody to be told anything: the answer came too late, or this interaction has one."""


async def promise(
    interaction: discord.Interaction, intake: Intake, request: SongRequest, source: Source | None = None
) -> None:
    """Take the request and answer with its card, or keep its words and say what stands against it.

    Raises:
        TriedAgain: the failed job that is its ``source`` has its newer try.
        WordsGone: the words of its ``source`` were deleted.
    """
    try:
        taken = await intake.accept(request, interaction_context.origin(interaction), source)
    except (TriedAgain, WordsGone):
        raise  # the words are in the newer try, or must not be kept
    except Transient as error:
        # A draft would wait for the same lock, and a member waits for 3 s at the most.
        await _give_back(interaction, request, error)
        return
    except Refusal as error:
        await _refuse(interaction, intake, request, None if source is None else source.job_id, error)
        return
    if taken is None:
        log.info("interaction %d came twice", interaction.id)
        return
    job, facts = taken.job, taken.facts
    say, view = interaction_context.public(interaction), discord.utils.MISSING
    card_message_id: int | None = None
    try:
        response = await interaction.response.send_message(
            embed=cards.card(say, job, facts), view=card_view(say, job) or view
        )
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


async def _refuse(
    interaction: discord.Interaction,
    intake: Intake,
    request: SongRequest,
    remix_of: int | None,
    error: Refusal,
) -> None:
    """Say what stands against the request, with a button that opens the form with everything in it."""
    try:
        await intake.refused(interaction.id)
        draft = await intake.keep_draft(request, interaction.user.id, remix_of)
    except (Transient, WordsGone) as unkept:
        await _give_back(interaction, request, unkept)
    else:
        await explain(interaction, error, edit_button(interaction_context.private(interaction), draft))


async def submitted(interaction: discord.Interaction, intake: Intake) -> None:
    """A form came back: complete its words and take it as a request."""
    submission = forms.read_submission(interaction)
    if submission is None:
        return
    try:
        opened_with, remix_of = await _opened_with(intake, submission, interaction.user.id)
    except WordsGone as error:
        # What their author has deleted is not kept anew under another name; who has it on the screen
        # may keep it for themselves.
        await _give_back(interaction, submission.request, error)
        return
    # What a form has no field for is carried through it.
    typed = submission.request.lyrics
    stays = not typed and forms.lyrics_stay_out(opened_with)
    request = replace(
        submission.request,
        lyrics=opened_with.lyrics if stays else typed,
        avoid=opened_with.avoid,
        voice=opened_with.voice,
    )
    try:
        if submission.lyrics_file is not None:
            lyrics, most = await forms.read_lyrics(submission.lyrics_file), limits_of(request.model).lyrics
            if request.lyrics and len(lyrics) > most:
                # Refused here, so that what there was is kept, which a file that is taken replaces.
                raise TextTooLong("lyrics", len(lyrics), most)
            request = replace(request, lyrics=lyrics)
    except Refusal as error:
        await _refuse(interaction, intake, request, remix_of, error)
        return
    source = None if remix_of is None else Source(job_id=remix_of, reuse=Reuse.REMIX)
    try:
        await promise(interaction, intake, request, source)
    except WordsGone as error:
        await _give_back(interaction, request, error)


async def _give_back(interaction: discord.Interaction, request: SongRequest, error: Exception) -> None:
    """Say what stands against it, with the words as a file for the one who typed them: they are not kept."""
    await explain(interaction, error, file=words_file(interaction_context.private(interaction), request))


async def _opened_with(
    intake: Intake, submission: forms.Submission, member_id: DiscordUserId
) -> tuple[SongRequest, int | None]:
    """The words that the form was opened with, and the job that they are from.

    Raises:
        WordsGone: they are no longer kept.
    """
    if submission.draft is not None:
        request, remix_of = await intake.draft(submission.draft, member_id)
        return intake.on_offer(request), remix_of
    if submission.remix_of is not None:
        job = await intake.worded(submission.remix_of)
        return intake.on_offer(job.request), job.id
    return SongRequest(model=submission.request.model, custom=submission.request.custom), None


def sentence(say: Language, error: Exception) -> str:
    """What a member reads about an error."""
    if isinstance(error, Refusal):
        return messages.refusal(say, error)
    return say("busy" if isinstance(error, Transient) else "broken")


async def explain(
    interaction: discord.Interaction,
    error: Exception,
    view: discord.ui.View = discord.utils.MISSING,
    file: discord.File = discord.utils.MISSING,
) -> None:
    """Tell the member, and nobody else, what stands against it."""
    say = interaction_context.private(interaction)
    if isinstance(error, discord.HTTPException) and error.code in ANSWERED_ALREADY:
        log.info("interaction %d: it came twice, or its answer too late", interaction.id)
        return
    if not isinstance(error, (Refusal, Transient)):
        log.error("interaction %d: a bug", interaction.id, exc_info=error)
        submission = forms.read_submission(interaction)
        if submission is not None:  # what was typed is not lost to a bug either
            file = words_file(say, submission.request)
    try:
        if interaction.response.is_done():
            await interaction.followup.send(sentence(say, error), view=view, file=file, ephemeral=True)
        else:
            await interaction.response.send_message(
                sentence(say, error), view=view, file=file, ephemeral=True
            )
    except (discord.HTTPException, aiohttp.ClientError, TimeoutError, OSError) as undelivered:
        log.info("interaction %d: its refusal could not be told: %s", interaction.id, undelivered)
