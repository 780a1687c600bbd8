"""Render the announcement of a finished song, which links to it and pings nobody."""

from typing import Final

from bot.model import Job
from bot.ui.cards import link_of, name_of
from bot.ui.language import Language
from bot.ui.text import line

TITLE_MAX: Final = 100
"""Maximum length of a displayed song name, in characters."""


def announcement(say: Language, job: Job) -> str:
    """Return one line with the song, its requester and a link to it."""
    return say(
        "announcement",
        song=line(name_of(say, job), TITLE_MAX),
        member=f"<@{job.origin.member_id}>",
        link=link_of(job) or "",
    )
