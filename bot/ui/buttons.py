"""Buttons that work after a restart: each carries an id and no authority."""

import io
import re
from typing import Any, Final, Protocol, Self

import discord
from discord import ui

from bot.errors import NotYourServer
from bot.model import Job, JobId, JobState, SongRequest
from bot.pipeline.courier import MessageKind
from bot.ui import interaction_context, messages
from bot.ui.language import Language
from bot.ui.text import plain

MESSAGE_MAX: Final = 2_000
LINK_MAX: Final = 512
"""Source: https://docs.discord.com/developers/components/reference#button, read 2026-11-22."""

MARKS: Final = {MessageKind.SONG: "lyrics", MessageKind.NOTICE: "retry"}
"""The button that every message of a kind has: with the job's id it tells what a message is."""

COPY_MARK: Final = "words"
"""The same button under a copy of a song."""


class TakesPresses(Protocol):
    """What a button needs of the client: discord.py hands a pressed button nothing else."""

    async def pressed(self, interaction: discord.Interaction, button: "JobButton") -> None:
        """The button was pressed."""
        ...


class JobButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=r"(?P<name>lyrics|words|retry|edit|post|again|remix|send|delete|cancel):(?P<key>\d{1,18})"
    r"(:(?P<price>\d{1,10}))?",
):
    """One of our buttons, by its name, the number that it is about, and the price that it names."""

    def __init__(
        self, name: str, key: int, label: str, style: discord.ButtonStyle, price: int | None = None
    ) -> None:
        custom_id = f"{name}:{key}" if price is None else f"{name}:{key}:{price}"
        super().__init__(ui.Button(label=label, style=style, custom_id=custom_id))
        self.name = name
        self.key = key
        self.price = price

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: ui.Item[Any],
        match: re.Match[str],
    ) -> Self:
        """The button that somebody pressed."""
        label = item.label if isinstance(item, ui.Button) else None
        price = None if match["price"] is None else int(match["price"])
        return cls(
            match["name"], int(match["key"]), label or match["name"], discord.ButtonStyle.secondary, price
        )

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what the button says; errors in buttons never reach the command tree."""
        client: TakesPresses = interaction.client
        await client.pressed(interaction, self)


def persistent_view(*items: ui.Item[Any]) -> ui.View:
    """A view with these items, all of whose presses come through their patterns.

    A view that discord.py kept would only grow its memory.
    """
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def song_view(say: Language, job: Job, links: dict[int, str], *, direct: bool, copy: bool) -> ui.View:
    """The buttons under a finished song; ``links`` are the addresses of takes that are too large.

    In a direct message there is no server whose credits could be used, and nobody to hide a song from.
    A ``copy`` must not be taken for the song's own message, and so has another mark.
    """
    grey, price = discord.ButtonStyle.secondary, job.price_credits
    mark = COPY_MARK if copy else MARKS[MessageKind.SONG]
    lyrics = JobButton(mark, job.id, say("button-lyrics"), grey)
    again = say("button-again", credits=messages.credits_(say, price))
    in_server = [
        JobButton("again", job.id, again, discord.ButtonStyle.primary, price),
        JobButton("remix", job.id, say("button-remix"), grey),
        lyrics,
        JobButton("send", job.id, say("button-send"), grey),
        JobButton("delete", job.id, say("button-delete"), grey),
    ]
    view = persistent_view(*([lyrics] if direct else in_server))
    for take, url in links.items():
        if len(url) <= LINK_MAX:
            view.add_item(ui.Button(label=say("button-take", number=take), url=url, row=1))
    return view


def notice_view(say: Language, job: Job, *, direct: bool) -> ui.View:
    """The buttons under the notice that there is no song: the same once more, or with other words.

    In a direct message there is no server whose credits could be used: the first one marks it all the same.
    """
    retry = JobButton(MARKS[MessageKind.NOTICE], job.id, say("button-retry"), discord.ButtonStyle.primary)
    lyrics = JobButton(COPY_MARK, job.id, say("button-lyrics"), discord.ButtonStyle.secondary)
    return persistent_view(retry, lyrics) if direct else persistent_view(retry, _edit_words(say, job), lyrics)


def remix_button(say: Language, job: Job) -> ui.View:
    """The button that opens the form with the words of a job."""
    return persistent_view(_edit_words(say, job))


def _edit_words(say: Language, job: Job) -> JobButton:
    return JobButton("remix", job.id, say("button-edit"), discord.ButtonStyle.secondary)


def card_view(say: Language, job: Job) -> ui.View | None:
    """The button of a card, while it has one."""
    match job.state:
        case JobState.QUEUED:
            return persistent_view(
                JobButton("cancel", job.id, say("button-cancel"), discord.ButtonStyle.secondary)
            )
        case JobState.UNDELIVERED:
            return persistent_view(JobButton("post", job.id, say("button-post"), discord.ButtonStyle.primary))
        case _:
            return None


def edit_button(say: Language, draft: int) -> ui.View:
    """The button that opens a refused form with everything in it."""
    return persistent_view(JobButton("edit", draft, say("button-edit"), discord.ButtonStyle.primary))


def pay_button(say: Language, name: str, job: Job, price: int) -> ui.View:
    """The same button with the price that holds now."""
    label = say("button-pay", credits=messages.credits_(say, price))
    return persistent_view(JobButton(name, job.id, label, discord.ButtonStyle.primary, price))


def is_marked(message: discord.Message, kind: MessageKind, job_id: JobId) -> bool:
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
    if interaction.guild_id not in (None, job.origin.guild_id):
        raise NotYourServer("outside")
    say, request = interaction_context.private(interaction), job.request
    fenced = plain(request.lyrics or request.prompt or request.style).replace("```", "'''")
    quoted = f"```\n{fenced}\n```"
    if len(quoted) <= MESSAGE_MAX:
        await interaction.response.send_message(quoted, ephemeral=True)
    else:
        await interaction.response.send_message(file=words_file(say, request), ephemeral=True)


def words_file(say: Language, request: SongRequest) -> discord.File:
    """Everything that was typed, as a text file."""
    texts = {
        "field-title": request.title,
        "field-style": request.style,
        "words-avoid": request.avoid,
        "field-prompt": request.prompt,
    }
    typed = [f"{say(name)}: {text}" for name, text in texts.items() if text]
    typed += [request.lyrics] if request.lyrics else []
    return discord.File(io.BytesIO("\n\n".join(typed).encode()), "words.txt")
