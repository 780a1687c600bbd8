"""The button on the card of a waiting job."""

import discord
from discord import ui

from bot.model import Job, JobState
from bot.ui.buttons.base import persistent_view
from bot.ui.buttons.cancel import CancelButton
from bot.ui.buttons.post_again import PostAgainButton
from bot.ui.language import Language


def card_view(say: Language, job: Job) -> ui.View | None:
    """Return the card's button, in states that have one."""
    match job.state:
        case JobState.QUEUED:
            return persistent_view(CancelButton(job.id, say("button-cancel")))
        case JobState.UNDELIVERED:
            label = say("button-post")
            return persistent_view(PostAgainButton(job.id, label, discord.ButtonStyle.primary))
        case _:
            return None
