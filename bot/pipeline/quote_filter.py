"""Keep members' texts out of the log, even if a service quotes them."""

from collections.abc import Iterable
from typing import Final

from bot.model import Job
from bot.music import wire

QUOTES: Final = "(it quotes the request)"
"""Replacement in the log for an answer that contains a member's texts."""
MAY_QUOTE: Final = "(it may quote an earlier request)"
"""Replacement for an answer to texts that are not known any more."""


def unquoted(job: Job, answer: str) -> str:
    """Return a service's answer about the job, or ``QUOTES`` if it quotes the member."""
    request = job.request
    return without_quotes(
        answer, (request.prompt, request.title, request.style, request.lyrics, request.avoid)
    )


def without_quotes(answer: str, sent: Iterable[str]) -> str:
    """Return a service's answer to a member's texts, or ``QUOTES`` if it quotes them."""
    return QUOTES if wire.echoes(answer, sent) else answer
