"""The buttons under the messages of a job: its song and the notice of its failure."""

from typing import Final

import discord
from discord import ui

from bot.model import Job, JobId
from bot.pipeline.courier import MessageKind
from bot.ui import messages
from bot.ui.buttons.again import AgainButton, RetryButton
from bot.ui.buttons.base import persistent_view
from bot.ui.buttons.delete import DeleteButton
from bot.ui.buttons.lyrics import CopyLyricsButton, LyricsButton
from bot.ui.buttons.remix import RemixButton, edit_text_button
from bot.ui.buttons.send import SendButton
from bot.ui.discord_limits import LINK_MAX
from bot.ui.language import Language

MARKS: Final = {MessageKind.SONG: LyricsButton.action, MessageKind.NOTICE: RetryButton.action}
"""The button that every message of a kind has: with the job's id it identifies the message."""


def song_view(say: Language, job: Job, links: dict[int, str], *, direct: bool, copy: bool) -> ui.View:
    """Return the buttons under a finished song; ``links`` are the addresses of takes that were not attached.

    A direct message has no server whose credits could be used, and nobody to hide a song from.
    A ``copy`` must not be taken for the song's own message, so it has the other lyrics button.
    """
    price = job.price_credits
    lyrics = (CopyLyricsButton if copy else LyricsButton)(job.id, say("button-lyrics"))
    again = say("button-again", credits=messages.credits_(say, price))
    in_server = [
        AgainButton(job.id, again, price),
        RemixButton(job.id, say("button-remix")),
        lyrics,
        SendButton(job.id, say("button-send")),
        DeleteButton(job.id, say("button-delete")),
    ]
    view = persistent_view(*([lyrics] if direct else in_server))
    for take, url in links.items():
        if len(url) <= LINK_MAX:
            view.add_item(ui.Button(label=say("button-take", number=take), url=url, row=1))
    return view


def notice_view(say: Language, job: Job, *, direct: bool) -> ui.View:
    """Return the buttons under a failure: try the same again, or edit the text first.

    A direct message has no server whose credits could be used, but Retry is there as the message's mark.
    """
    retry = RetryButton(job.id, say("button-retry"))
    lyrics = CopyLyricsButton(job.id, say("button-lyrics"))
    return (
        persistent_view(retry, lyrics)
        if direct
        else persistent_view(retry, edit_text_button(say, job), lyrics)
    )


def is_marked(message: discord.Message, kind: MessageKind, job_id: JobId) -> bool:
    """Return whether this is the job's own message of this kind."""
    mark = f"{MARKS[kind]}:{job_id}"
    return any(
        isinstance(child, discord.Button) and child.custom_id == mark
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for child in row.children
    )
