"""Buttons that work after a restart: each carries an id and no authority."""

import io
import re
from typing import Any, Final, Protocol, Self

import discord
from discord import ui

from bot.errors import NotYourServer
from bot.jobs.courier import MessageKind
from bot.model import Job, JobState, SongRequest
from bot.ui.text import plain

MESSAGE_MAX: Final = 2_000
LINK_MAX: Final = 512
"""Source: https://docs.discord.com/developers/components/reference#button, read 2026-11-22."""

MARKS: Final = {MessageKind.SONG: "lyrics", MessageKind.NOTICE: "retry"}
"""The button that every message of a kind has: with the job's id it tells what a message is."""


class TakesPresses(Protocol):
    """What a button needs of the client: discord.py hands a pressed button nothing else."""

    async def pressed(self, interaction: discord.Interaction, name: str, key: int) -> None:
        """The button called ``name`` was pressed."""
        ...


class JobButton(
    ui.DynamicItem[ui.Button[ui.View]], template=r"(?P<name>lyrics|retry|edit|post):(?P<key>\d{1,18})"
):
    """One of our buttons, by its name and the number that it is about."""

    def __init__(self, name: str, key: int, label: str, style: discord.ButtonStyle) -> None:
        super().__init__(ui.Button(label=label, style=style, custom_id=f"{name}:{key}"))
        self.name = name
        self.key = key

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: ui.Item[Any],
        match: re.Match[str],
    ) -> Self:
        """The button that somebody pressed."""
        label = item.label if isinstance(item, ui.Button) else None
        return cls(match["name"], int(match["key"]), label or match["name"], discord.ButtonStyle.secondary)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what the button says; errors in buttons never reach the command tree."""
        client: TakesPresses = interaction.client
        await client.pressed(interaction, self.name, self.key)


def stopped(*items: ui.Item[Any]) -> ui.View:
    """A view with these items, all of whose presses come through their patterns.

    A view that discord.py kept would only grow its memory.
    """
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def song_view(job: Job, links: dict[str, str]) -> ui.View:
    """The buttons under a finished song; ``links`` are labels and addresses of takes that are too large."""
    label = "Lyrics" if job.request.lyrics else "Prompt" if job.request.prompt else "Style"
    view = stopped(JobButton(MARKS[MessageKind.SONG], job.id, label, discord.ButtonStyle.secondary))
    for text, url in links.items():
        if len(url) <= LINK_MAX:
            view.add_item(ui.Button(label=text, url=url))
    return view


def notice_view(job: Job) -> ui.View:
    """The button under the notice that there is no song."""
    return stopped(JobButton(MARKS[MessageKind.NOTICE], job.id, "Try again", discord.ButtonStyle.primary))


def card_view(job: Job) -> ui.View | None:
    """The button of a card, while it has one."""
    if job.state is not JobState.UNDELIVERED:
        return None
    return stopped(JobButton("post", job.id, "Post again", discord.ButtonStyle.primary))


def edit_button(draft: int) -> ui.View:
    """The button that opens a refused form with everything in it."""
    return stopped(JobButton("edit", draft, "Edit and try again", discord.ButtonStyle.primary))


def is_marked(message: discord.Message, kind: MessageKind, job_id: int) -> bool:
    """Whether this message is the one of this kind for the job."""
    wanted = f"{MARKS[kind]}:{job_id}"
    return any(
        isinstance(child, discord.Button) and child.custom_id == wanted
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for child in row.children
    )


async def show_words(interaction: discord.Interaction, job: Job) -> None:
    """The words of a song, for the one who pressed; as a file where they are long.

    Raises:
        NotYourServer: pressed in another place than the song's.
    """
    direct = interaction.guild_id is None and interaction.user.id == job.reply_to.member_id
    if not direct and interaction.guild_id != job.reply_to.guild_id:
        raise NotYourServer("outside")
    text = plain(job.request.lyrics or job.request.prompt or job.request.style)
    fenced = text.replace("```", "'''")
    quoted = f"```\n{fenced}\n```"
    if len(quoted) <= MESSAGE_MAX:
        await interaction.response.send_message(quoted, ephemeral=True)
    else:
        await interaction.response.send_message(file=words_file(job.request), ephemeral=True)


def words_file(request: SongRequest) -> discord.File:
    """Everything that was typed, as a text file."""
    texts = {"Title": request.title, "Style": request.style, "Prompt": request.prompt, "": request.lyrics}
    typed = "\n\n".join(f"{name}: {text}" if name else text for name, text in texts.items() if text)
    return discord.File(io.BytesIO(typed.encode()), "words.txt")
