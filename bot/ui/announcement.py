"""Render the announcement of a finished song, which links to it and pings nobody."""

from typing import Final

from bot.model import Job
from bot.ui.cards import link_of, name_of
from bot.ui.language import Language
from bot.ui.text import line

TITLE_MAX: Final = 100
"""Characters of a song's name that are shown."""


def announcement(say: Language, job: Job) -> str:
    """Return one line: which song there is, who asked for it, and where it is."""
    return say(
        "announcement",
        song=line(name_of(say, job), TITLE_MAX),
        member=f"<@{job.origin.member_id}>",
        link=link_of(job) or "",
    )
