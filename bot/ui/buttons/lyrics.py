"""The button that shows a song's texts."""

import io
from typing import Final

import discord

from bot.discord_limits import CONTENT_MAX
from bot.model import GuildId, SongRequest
from bot.ui import interaction_context
from bot.ui.buttons.base import JobButton
from bot.ui.dependencies import Services
from bot.ui.language import Language
from bot.ui.text import plain

TEXT_FILE: Final = "words.txt"


class LyricsButton(JobButton, action="lyrics"):
    """Privately shows the texts that a song was made from."""

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Answer with the text; as a file if it is long."""
        # A copy in a direct message may come from any server.
        guild_id = None if interaction.guild_id is None else GuildId(interaction.guild_id)
        job = await services.intake.with_texts(self.job_id, guild_id)
        say, request = interaction_context.private(interaction), job.request
        fenced = plain(request.lyrics or request.prompt or request.style).replace("```", "'''")
        quoted = f"```\n{fenced}\n```"
        if len(quoted) <= CONTENT_MAX:
            await interaction.response.send_message(quoted, ephemeral=True)
        else:
            await interaction.response.send_message(file=text_file(say, request), ephemeral=True)


class NoticeTextButton(LyricsButton, action="asked"):
    """The same button under a failure; it identifies the notice."""


class CopyLyricsButton(LyricsButton, action="words"):
    """The same button elsewhere: ``lyrics`` identifies the song's own message."""


def text_label(say: Language, request: SongRequest) -> str:
    """Return the kind of text that a song was made from: not every song has lyrics."""
    if request.lyrics:
        return say("button-lyrics")
    return say("button-style" if request.custom and request.style else "button-prompt")


def text_file(say: Language, request: SongRequest) -> discord.File:
    """Return a text file with everything the member typed."""
    texts = {
        "field-title": request.title,
        "field-style": request.style,
        "text-avoid": request.avoid,
        "field-prompt": request.prompt,
    }
    parts = [f"{say(name)}: {text}" for name, text in texts.items() if text]
    if request.lyrics:
        parts.append(request.lyrics)
    return discord.File(io.BytesIO("\n\n".join(parts).encode()), TEXT_FILE)
