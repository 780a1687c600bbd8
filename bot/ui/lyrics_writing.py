"""Have lyrics written for a member, and answer with the form that contains them."""

import discord

from bot.discord_limits import CONTENT_MAX
from bot.errors import Refusal, Transient
from bot.model import DiscordUserId, DraftId, JobId, SongRequest
from bot.services.lyrics import WrittenLyrics
from bot.ui import interaction_context, names, responses
from bot.ui.buttons.draft import edit_draft_view
from bot.ui.buttons.lyrics import text_file
from bot.ui.dependencies import Services
from bot.ui.language import Language
from bot.ui.text import plain


async def write(
    interaction: discord.Interaction,
    services: Services,
    about: str,
    request: SongRequest,
    *,
    draft: DraftId | None = None,
    remix_of: JobId | None = None,
) -> None:
    """Write lyrics into this request's form and offer it; no song is charged.

    ``draft`` keeps the text typed so far. Without one, a refusal returns ``about`` as a file.
    """
    # Writing takes longer than Discord's deadline for an answer.
    await interaction.response.defer(ephemeral=True, thinking=True)
    say = interaction_context.private(interaction)
    try:
        interaction_context.require_can_post(interaction)
        named = await names.with_names(interaction, SongRequest(model=request.model, prompt=about))
        origin = interaction_context.origin(interaction)
        written = await services.lyrics.write(named.prompt, request, origin, remix_of)
    except (Refusal, Transient) as error:
        if draft is not None:
            await responses.explain(interaction, error, edit_draft_view(say, draft, "button-form"))
            return
        await responses.explain(
            interaction, error, file=text_file(say, SongRequest(model=request.model, prompt=about))
        )
        return
    if written is None:
        await interaction.delete_original_response()  # already answered
        return
    view = edit_draft_view(say, written.draft, "button-form")
    await interaction.edit_original_response(content=_shown(say, written), view=view)


async def write_for_draft(interaction: discord.Interaction, services: Services, draft: DraftId) -> None:
    """Write lyrics for a refused form, about its title and style."""
    request, remix_of = await services.intake.draft(draft, DiscordUserId(interaction.user.id))
    about = services.lyrics.about(request)
    remixed = None if remix_of is None else JobId(remix_of)
    await write(
        interaction, services, about, services.intake.terms.on_offer(request), draft=draft, remix_of=remixed
    )


def _shown(say: Language, written: WrittenLyrics) -> str:
    """Return the lyrics, unless too long for a message, and the next step."""
    fenced = plain(written.request.lyrics).replace("```", "'''")
    text = f"{say('lyrics-written')}\n```\n{fenced}\n```"
    return text if len(text) <= CONTENT_MAX else say("lyrics-written")
