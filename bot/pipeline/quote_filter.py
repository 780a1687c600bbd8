"""Keep members' texts out of the log, even if a service quotes them."""

from typing import Final

from bot.model import Job
from bot.music import wire

QUOTES: Final = "(it quotes the request)"
"""Replacement in the log for an answer that contains a member's texts."""


def unquoted(job: Job, answer: str) -> str:
    """Return a service's answer about the job, or ``QUOTES`` if it quotes the member."""
    request = job.request
    sent = (request.prompt, request.title, request.style, request.lyrics, request.avoid)
    return QUOTES if wire.echoes(answer, sent) else answer
