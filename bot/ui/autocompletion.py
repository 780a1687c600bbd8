"""Songs offered while a member types: labels that differ, and what comes back in place of a choice."""

import logging
import re
from collections import Counter
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Final

import discord
from discord import app_commands

from bot.errors import Refusal, Transient
from bot.model import JobId
from bot.ui.discord_errors import NETWORK_ERRORS, readable_answers
from bot.ui.discord_limits import CHOICE_MAX
from bot.ui.text import cut

log = logging.getLogger(__name__)

SEPARATOR: Final = " · "
TAIL_DIGITS: Final = 4
"""Digits of a job's id that tell equal labels apart, unless it takes more."""
JOB_ID_DIGITS_MAX: Final = 18
_TAIL: Final = re.compile(rf"{SEPARATOR}#(?P<digits>\d{{{TAIL_DIGITS},{JOB_ID_DIGITS_MAX}}})$")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A song to choose from."""

    job_id: JobId
    label: str


def choices(offers: Sequence[Offer]) -> list[app_commands.Choice[str]]:
    """Return the offers with labels of which no two are equal.

    Clients take the first of two choices with equal labels
    (https://github.com/discord/discord-api-docs/issues/8565), so equal ones get the end of the job's id.
    """
    labels = [cut(offer.label, CHOICE_MAX) for offer in offers]
    digits = TAIL_DIGITS
    while len(set(map(_compared, labels))) < len(labels) and digits <= JOB_ID_DIGITS_MAX:
        times = Counter(_compared(cut(offer.label, CHOICE_MAX)) for offer in offers)
        labels = [
            _with_tail(offer, digits)
            if times[_compared(cut(offer.label, CHOICE_MAX))] > 1
            else cut(offer.label, CHOICE_MAX)
            for offer in offers
        ]
        digits += 2
    return [
        app_commands.Choice(name=label, value=str(offer.job_id))
        for label, offer in zip(labels, offers, strict=True)
    ]


def _compared(label: str) -> str:
    return " ".join(label.casefold().split())


def _with_tail(offer: Offer, digits: int) -> str:
    tail = f"{SEPARATOR}#{str(offer.job_id)[-digits:]:0>{TAIL_DIGITS}}"
    return cut(offer.label, CHOICE_MAX - len(tail)) + tail


def job_id_of(typed: str) -> JobId | None:
    """Return the id that a choice stands for, if that is what came back."""
    digits = typed.strip()
    is_id = digits.isascii() and digits.isdecimal() and len(digits) <= JOB_ID_DIGITS_MAX
    return JobId(int(digits)) if is_id else None


def searches(typed: str) -> list[str]:
    """Return what to search for if a label, or a part of one, came back in place of its value."""
    parts = [part.removesuffix("…") for part in _TAIL.sub("", typed.strip()).split(SEPARATOR)]
    names = [part for part in parts if not _DATE.fullmatch(part)]
    return list(dict.fromkeys(filter(None, [*names[:1], *(part for part in parts if part not in names)])))


def meant(typed: str, offers: Sequence[Offer]) -> JobId | None:
    """Return the song whose label came back in place of its value."""
    tail = _TAIL.search(typed.strip())
    base = _compared(_TAIL.sub("", typed.strip()))
    for offer in offers:
        label = _compared(offer.label)
        shown = _compared(cut(offer.label, CHOICE_MAX))
        is_label = base in (label, shown) or (base.endswith("…") and label.startswith(base[:-1]))
        if is_label and (tail is None or f"{offer.job_id:0{TAIL_DIGITS}}".endswith(tail["digits"])):
            return offer.job_id
    return None


async def songs(work: Awaitable[Sequence[Offer]]) -> list[app_commands.Choice[str]]:
    """Return the songs that the work finds, as choices."""
    return choices(await work)


async def answer(
    interaction: discord.Interaction, work: Awaitable[list[app_commands.Choice[str]]]
) -> list[app_commands.Choice[str]]:
    """Send the choices; nobody can be told of an error, so it is a log line.

    Returns no choices: discord.py would send what is returned, and log a late answer as an exception.
    """
    try:
        found = await work
    except (Refusal, Transient) as error:
        log.info("autocompletion refused", extra={"error": type(error).__name__})
        found = []
    try:
        with readable_answers():
            await interaction.response.autocomplete(found)
    except NETWORK_ERRORS as error:
        log.info("autocompletion not answered", extra={"error": str(error) or type(error).__name__})
        # discord.py answers again unless it believes that this has happened (2.7.1).
        interaction.response._response_type = discord.InteractionResponseType.autocomplete_result  # noqa: SLF001
    return []
