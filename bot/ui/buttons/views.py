"""The buttons under a job's messages: its song, or the notice of its failure."""

from itertools import islice
from typing import Final

import discord
from discord import ui

from bot.discord_limits import LINK_MAX
from bot.model import Job, JobId
from bot.pipeline.courier import MessageKind
from bot.ui import cards, messages
from bot.ui.buttons.again import AgainButton, RetryButton
from bot.ui.buttons.base import persistent_view
from bot.ui.buttons.lyrics import CopyLyricsButton, LyricsButton, NoticeTextButton, text_label
from bot.ui.buttons.rating import DislikeButton, LikeButton
from bot.ui.buttons.remix import RemixButton, edit_text_button
from bot.ui.buttons.song_menu import CopySongMenu, SongMenu
from bot.ui.language import Language

MARKS: Final = {
    MessageKind.SONG: (LyricsButton.action,),
    MessageKind.NOTICE: (NoticeTextButton.action, RetryButton.action),
}
"""Actions unique to one kind of message: together with the job's id, they identify it.

A song has its action as a menu, or as a button in direct messages and messages of earlier versions. Notices
of earlier versions have only the second one.
"""
BUTTONS_MAX: Final = 5
"""Maximum number of buttons under a song: one of Discord's rows."""


def song_view(say: Language, job: Job, links: dict[int, str], *, direct: bool, copy: bool) -> ui.View:
    """Return the buttons under a finished song; ``links`` are the addresses of takes too large to attach.

    A direct message has no server whose credits could be used, and nobody to hide a song from. A ``copy``
    must not be mistaken for the song's own message, so its controls have other ids.
    """
    takes: list[ui.Item[ui.View]] = [
        ui.Button(label=say("button-take", number=take), url=url)
        for take, url in links.items()
        if len(url) <= LINK_MAX
    ]
    text = text_label(say, job.request)
    if direct:
        return persistent_view(*takes, (CopyLyricsButton if copy else LyricsButton)(job.id, text))
    lyrics = CopyLyricsButton(job.id, text)
    credits_ = messages.credits_(say, job.price_credits)
    items: list[ui.Item[ui.View]] = [
        *takes,
        AgainButton(job.id, say("button-again", credits=credits_), job.price_credits),
        RemixButton(job.id, say("button-remix", credits=credits_)),
        *([lyrics] if job.request.lyrics else []),
    ]
    buttons = list(islice(items, BUTTONS_MAX))
    labels = {} if lyrics in buttons else {"words": text}
    ratings = [
        LikeButton(job.id, say("button-like")),
        DislikeButton(job.id, say("button-dislike")),
    ]
    if len(buttons) + len(ratings) <= BUTTONS_MAX:
        buttons += ratings
    else:  # links to oversized takes have filled the row
        labels |= {"like": say("button-like"), "dislike": say("button-dislike")}
    labels |= {"send": say("button-send"), "delete": say("button-delete")}
    return persistent_view(*buttons, (CopySongMenu if copy else SongMenu)(job.id, say, labels))


def notice_view(say: Language, job: Job, *, direct: bool) -> ui.View:
    """Return the buttons under a failure, most helpful first: new words, or the same request.

    While the service is closed, repeating the request would not help. A direct message has no server whose
    credits could be used.
    """
    text = NoticeTextButton(job.id, text_label(say, job.request))
    if direct:
        return persistent_view(text)
    retry = RetryButton(job.id, say("button-retry"))
    match cards.remedy_of(job):
        case "edit":
            retry.style = discord.ButtonStyle.secondary
            return persistent_view(edit_text_button(say, job, first=True), retry, text)
        case "wait":
            return persistent_view(edit_text_button(say, job), text)
        case "retry":
            return persistent_view(RetryButton(job.id, say("button-retry")), edit_text_button(say, job), text)


def is_marked(message: discord.Message, kind: MessageKind, job_id: JobId) -> bool:
    """Return whether this is the job's own message of this kind."""
    marks = {f"{action}:{job_id}" for action in MARKS[kind]}
    return any(
        isinstance(child, (discord.Button, discord.SelectMenu)) and child.custom_id in marks
        for row in message.components
        if isinstance(row, discord.ActionRow)
        for child in row.children
    )
