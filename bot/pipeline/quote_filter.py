"""Keep members' texts out of the log, even if a service quotes them."""

from typing import Final

from bot.model import Job
from bot.music import wire

QUOTES: Final = "(it quotes the request)"
"""Replacement in the log for an answer that contains a member's texts."""


def unquoted(job: Job, said: str) -> str:
    """Return a service's answer about the job, or ``QUOTES`` if it quotes the member."""
    asked = job.request
    sent = (asked.prompt, asked.title, asked.style, asked.lyrics, asked.avoid)
    return QUOTES if wire.echoes(said, sent) else said
