"""Responses to interactions: a new job's card, or a private sentence that explains its refusal."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final, cast

import aiohttp
import discord
from msgspec.structs import replace

from bot.characters import storable
from bot.errors import Refusal, Transient
from bot.model import DiscordUserId, InteractionId, Job, JobId, MessageId, Reuse, SongRequest, Source
from bot.music.backends import limits_of
from bot.refusals import (
    LyricsGuessed,
    LyricsInPrompt,
    NoDuration,
    NotServed,
    NotYourServer,
    OptionsNotTaken,
    TextMissing,
    TextsGone,
    TextTooLong,
    TriedAgain,
    UnknownControl,
)
from bot.services.acceptance import Accepted
from bot.services.intake import Intake
from bot.ui import admission, cards, forms, interaction_context, lyrics_file, messages, names
from bot.ui.buttons.cancel import CancelButton
from bot.ui.buttons.card import card_view
from bot.ui.buttons.draft import edit_draft_view
from bot.ui.buttons.lyrics import text_file
from bot.ui.buttons.write_lyrics import WriteLyricsButton
from bot.ui.dependencies import Services
from bot.ui.discord_errors import (
    ALREADY_ACKNOWLEDGED,
    DISCORD_ERRORS,
    NETWORK_ERRORS,
    NO_ANSWER,
    UNANSWERABLE,
    UNKNOWN_INTERACTION,
    is_unreadable_answer,
    readable_answers,
)
from bot.ui.language import Language

log = logging.getLogger(__name__)

CHARGING_CONTROLS: Final = ("again:", "retry:", "song:")
"""Beginnings of the custom_ids of buttons and forms that request a song."""
DRAFT_BUTTONS: Final[dict[type[Refusal], str]] = {
    LyricsGuessed: "button-check",
    LyricsInPrompt: "button-form",
}
"""Labels of the button that opens the form, where its purpose is not to correct a refused text."""
LOOKS_MAX: Final = 2
"""Maximum number of attempts to read an answer that may be another process's."""
LOOK_S: Final = 1.5
"""Timeout per attempt, in seconds. A job starts 4 s after its request, with or without a known answer."""


async def create(interaction: discord.Interaction, intake: Intake, request: SongRequest) -> None:
    """Accept a request from a prompt; if it reads like lyrics, offer the form instead."""
    lines = [line for line in storable(request.prompt).splitlines() if line.strip()]
    if len(lines) > 1:
        lyrics = replace(request, custom=True, prompt="", lyrics=request.prompt, instrumental=False)
        await refuse(interaction, intake, lyrics, None, LyricsInPrompt())
        return
    await promise(interaction, intake, request)


async def promise(
    interaction: discord.Interaction, intake: Intake, request: SongRequest, source: Source | None = None
) -> None:
    """Accept the request and answer with its card, or else keep a draft and explain.

    Raises:
        NotServed: the operator does not serve the server, and only a prompt was typed.
        TriedAgain: the failed job that is its ``source`` has already been retried.
        TextsGone: the texts of its ``source`` were deleted.
    """
    accepted = await _accepted(interaction, intake, request, source)
    if accepted is not None:
        await _answer(interaction, intake, accepted)


async def _accepted(
    interaction: discord.Interaction, intake: Intake, request: SongRequest, source: Source | None
) -> Accepted | None:
    """Accept the request, or else keep a draft and explain.

    Returns None if there is nothing left to answer.
    """
    try:
        interaction_context.require_can_post(interaction)
        named = await names.with_names(interaction, request)
        accepted = await intake.accept(named, interaction_context.origin(interaction), source)
    except (TriedAgain, TextsGone):
        raise  # the newer attempt has the texts, or they must not be stored
    except Transient as error:
        # Storing a draft would wait for the same lock, and an answer is due within 3 s.
        await _return_text(interaction, request, error)
        return None
    except Refusal as error:
        if isinstance(error, NotServed) and not request.custom:
            raise  # no draft is stored for a server in which it could not be used
        await refuse(interaction, intake, request, None if source is None else source.job_id, error)
        return None
    if accepted is None:
        log.info("interaction received twice", extra={"interaction_id": interaction.id})
    return accepted


async def _answer(interaction: discord.Interaction, intake: Intake, accepted: Accepted) -> None:
    """Answer with the job's card; withdraw the job if its card can't be shown."""
    job, facts = accepted.job, accepted.facts
    say = interaction_context.public(interaction)
    card_message_id: MessageId | None = None
    content, embed, view = cards.card_line(say, job), cards.card(say, job, facts), card_view(say, job)
    try:
        with readable_answers():
            response = await interaction.response.send_message(
                content,
                # discord.py takes a while to compute an embed's truth value.
                embed=discord.utils.MISSING if embed is None else embed,
                view=view or discord.utils.MISSING,
            )
        card_message_id = None if response.message_id is None else MessageId(response.message_id)
    except discord.NotFound as error:
        if error.code == UNKNOWN_INTERACTION and await _withdrawn(intake.withdraw, job):
            log.warning("response too late, job withdrawn", extra={"job_id": job.id})
            return
    except discord.HTTPException as error:
        log.warning("response outcome unknown", extra={"job_id": job.id, "error": str(error)})
        if error.code == ALREADY_ACKNOWLEDGED:
            # An answer has already arrived: ours, if this one is a repetition, or that of another process
            # with this token. That process would charge the member for a second song in its own database.
            try:
                card_message_id = await _own_answer(interaction, job)
            except _NotOurs:
                if await _withdrawn(intake.answered_elsewhere, job):
                    log.warning("answered by another process, job withdrawn", extra={"job_id": job.id})
                    return
    except (aiohttp.ClientError, TimeoutError, OSError, RuntimeError) as error:
        # It may have arrived, so the job continues. (RuntimeError: the session was closed.)
        log.warning("response outcome unknown", extra={"job_id": job.id, "error": str(error)})
    try:
        await intake.answered(job, facts, card_message_id)
    except Transient as error:
        # The job starts on its own in a few seconds, and its card is then searched for.
        log.warning("response not recorded", extra={"job_id": job.id, "error": str(error)})


async def _withdrawn(withdraw: Callable[[Job], Awaitable[bool]], job: Job) -> bool:
    """Withdraw an accepted request and return whether that succeeded.

    If the withdrawal can't be recorded, the job continues, and nobody may read that the request was refused:
    this error does not concern the request.
    """
    try:
        return await withdraw(job)
    except Transient as error:
        log.warning("withdrawal not recorded", extra={"job_id": job.id, "error": str(error)})
        return False


class _NotOurs(Exception):
    """The interaction's answer is not ours, or no longer exists."""


async def _own_answer(interaction: discord.Interaction, job: Job) -> MessageId | None:
    """Return the id of our answer, recognised by the job's button; None if unknown.

    Raises:
        _NotOurs: the answer is not ours, or no longer exists.
    """
    own = CancelButton(job.id).custom_id
    for _ in range(LOOKS_MAX):
        try:
            with readable_answers():
                async with asyncio.timeout(LOOK_S):
                    message = await interaction.original_response()
        except (*NETWORK_ERRORS, discord.ClientException, RuntimeError) as error:
            if isinstance(error, discord.NotFound) and error.code in NO_ANSWER:
                raise _NotOurs from error
            log.info("answer not readable", extra={"job_id": job.id, "error": str(error)})
        else:
            rows = [row for row in message.components if isinstance(row, discord.ActionRow)]
            if not any(getattr(child, "custom_id", None) == own for row in rows for child in row.children):
                raise _NotOurs
            return MessageId(message.id)
    return None


async def refuse(
    interaction: discord.Interaction,
    intake: Intake,
    request: SongRequest,
    remix_of: JobId | None,
    error: Refusal,
) -> None:
    """Explain the refusal, with a button that opens the form with everything in it.

    Options that the song can't have are omitted from the form, since the sentence names them.
    """
    if isinstance(error, (NoDuration, OptionsNotTaken)):
        request = request.without(intake.terms.not_taken(request))
    try:
        await intake.refused(InteractionId(interaction.id))
        draft = await intake.keep_draft(request, DiscordUserId(interaction.user.id), remix_of)
    except (Transient, TextsGone) as draft_error:
        await _return_text(interaction, request, draft_error)
        return
    say = interaction_context.private(interaction)
    is_guess = isinstance(error, LyricsGuessed)
    file = text_file(say, request) if is_guess else discord.utils.MISSING
    name = DRAFT_BUTTONS.get(type(error), "button-edit")
    view = edit_draft_view(say, draft, name)
    if isinstance(error, TextMissing) and error.field == "lyrics" and intake.terms.lyrics is not None:
        view.add_item(WriteLyricsButton(draft, say("button-write-lyrics")))
    await explain(interaction, error, view, file)


async def submitted(interaction: discord.Interaction, intake: Intake) -> None:
    """Complete the texts of a submitted form and treat it as a request."""
    submission = forms.read_submission(interaction)
    if submission is None:
        await _return_text(interaction, forms.typed(interaction), UnknownControl())
        return
    try:
        await admission.require_served(interaction, intake)
        opened_with, remix_of = await _opened_with(interaction, intake, submission)
    except (TextsGone, NotServed, NotYourServer) as error:
        # Texts that their author has deleted must not be stored again under another name. A member who still
        # has them on screen gets them back as a file.
        await _return_text(interaction, submission.request, error)
        return
    # Options without a field come from the texts that the form was opened with.
    typed_lyrics = submission.request.lyrics
    keeps_lyrics = not typed_lyrics and forms.lyrics_stay_out(opened_with)
    request = replace(
        submission.request,
        lyrics=opened_with.lyrics if keeps_lyrics else typed_lyrics,
        avoid=opened_with.avoid,
        voice=opened_with.voice,
        duration_s=opened_with.duration_s,
    )
    try:
        if submission.lyrics_file is not None:
            file = await lyrics_file.read_lyrics(submission.lyrics_file)
            lyrics_max = limits_of(request.model).lyrics
            if request.lyrics and len(file.text) > lyrics_max:
                # An accepted file replaces the typed lyrics; if it is refused here, the draft keeps them.
                raise TextTooLong("lyrics", len(file.text), lyrics_max)
            request = replace(request, lyrics=file.text)
            if file.guessed:
                raise LyricsGuessed(file.encoding, file.text)
    except Refusal as error:
        await refuse(interaction, intake, request, remix_of, error)
        return
    source = None if remix_of is None else Source(job_id=remix_of, reuse=Reuse.REMIX)
    try:
        await promise(interaction, intake, request, source)
    except TextsGone as error:
        await _return_text(interaction, request, error)


async def _return_text(interaction: discord.Interaction, request: SongRequest, error: Exception) -> None:
    """Explain the refusal and return the texts, which are not stored, as a file."""
    await explain(interaction, error, file=text_file(interaction_context.private(interaction), request))


async def _opened_with(
    interaction: discord.Interaction, intake: Intake, submission: forms.Submission
) -> tuple[SongRequest, JobId | None]:
    """Return the texts the form was opened with, and this server's job behind them.

    Raises:
        TextsGone: they are no longer stored.
        NotYourServer: submitted outside a server.
    """
    guild_id = interaction_context.guild_of(interaction)
    if submission.draft is not None:
        request, remix_of = await intake.draft(submission.draft, DiscordUserId(interaction.user.id))
        return intake.terms.on_offer(request), None if remix_of is None else JobId(remix_of)
    if submission.remix_of is not None:
        job = await intake.with_texts(submission.remix_of, guild_id)
        return intake.terms.on_offer(job.request), job.id
    return SongRequest(model=submission.request.model, custom=submission.request.custom), None


def sentence(say: Language, error: Exception, *, charging: bool) -> str:
    """Return the sentence about an error.

    ``charging`` is whether the action would have cost credits.
    """
    if isinstance(error, Refusal):
        return messages.refusal(say, error, charging=charging)
    return (messages.busy if isinstance(error, Transient) else messages.broken)(say, charging=charging)


def _would_charge(interaction: discord.Interaction) -> bool:
    """Return whether this interaction requests a song, which costs credits."""
    services = getattr(interaction.client, "services", None)
    if not isinstance(services, Services) or not services.intake.terms.price_credits:
        return False
    if interaction.type is discord.InteractionType.application_command:
        return admission.is_charging(interaction.command)
    data = cast("dict[str, object]", interaction.data or {})
    return str(data.get("custom_id", "")).startswith(CHARGING_CONTROLS)


async def explain(
    interaction: discord.Interaction,
    error: Exception,
    view: discord.ui.View = discord.utils.MISSING,
    file: discord.File = discord.utils.MISSING,
) -> None:
    """Privately tell the member why it failed; log bugs."""
    say = interaction_context.private(interaction)
    if isinstance(error, discord.HTTPException) and error.code in UNANSWERABLE:
        log.info("interaction not answerable", extra={"interaction_id": interaction.id, "code": error.code})
        return
    closed = interaction.client.is_closed()
    if closed and isinstance(error, RuntimeError):  # aiohttp's, for a closed session
        log.info("interaction not answerable", extra={"interaction_id": interaction.id, "code": "closed"})
        return
    if isinstance(error, DISCORD_ERRORS) or is_unreadable_answer(error):
        # Discord's answer, or none: not a bug, and the member may still be reachable.
        fields = {"interaction_id": interaction.id, "error": str(error) or type(error).__name__}
        log.warning("request to Discord failed", extra=fields)
    elif not isinstance(error, (Refusal, Transient)):
        log.error("interaction failed", extra={"interaction_id": interaction.id}, exc_info=error)
        submission = forms.read_submission(interaction)
        if submission is not None:  # even a bug must not lose the typed texts
            file = text_file(say, submission.request)
    if closed:
        return
    try:
        text = sentence(say, error, charging=_would_charge(interaction))
        with readable_answers():
            if interaction.type is discord.InteractionType.autocomplete:
                await interaction.response.autocomplete([])
            elif interaction.response.is_done():
                await interaction.followup.send(text, view=view, file=file, ephemeral=True)
            else:
                await interaction.response.send_message(text, view=view, file=file, ephemeral=True)
    except NETWORK_ERRORS as send_error:
        fields = {"interaction_id": interaction.id, "error": str(send_error)}
        log.info("error message not sent", extra=fields)
