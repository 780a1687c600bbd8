"""Autocomplete songs: unique labels, and the song meant by text that was typed instead of chosen."""

import logging
import unicodedata
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Final

import discord
from discord import app_commands
from msgspec import Struct

from bot.characters import tail
from bot.discord_limits import CHOICE_MAX, CHOICES_MAX
from bot.errors import Refusal, Transient
from bot.lazy import lazy_pattern
from bot.model import JobId
from bot.store.times import zone_of
from bot.store.zones import like
from bot.ui.discord_errors import NETWORK_ERRORS, readable_answers
from bot.ui.text import label

log = logging.getLogger(__name__)

SEPARATOR: Final = " · "
TAIL_DIGITS: Final = 4
"""Minimum number of digits of the job's id that distinguish equal labels."""
JOB_ID_DIGITS_MAX: Final = 18
SEARCHES_MAX: Final = 3
"""Maximum number of searches for text that was typed instead of chosen."""
LOOKED_THROUGH_MAX: Final = 200
"""Maximum number of songs per search whose labels are compared with the typed text."""
ID_MARKS: Final = "'#"
"""Possible prefix of a copied id."""
_TAIL: Final = lazy_pattern(rf"{SEPARATOR}#(?P<digits>\d{{{TAIL_DIGITS},{JOB_ID_DIGITS_MAX}}})$")
_DATE: Final = lazy_pattern(r"\d{4}-\d{2}-\d{2}")


class SongOffer(Struct, frozen=True, kw_only=True):
    """A song offered for choice."""

    job_id: JobId
    label: str


def choices(offers: Sequence[SongOffer]) -> list[app_commands.Choice[str]]:
    """Return the offers as choices with unique labels.

    Clients pick the first of two choices with equal labels
    (https://github.com/discord/discord-api-docs/issues/8565), so equal labels get the last digits of the
    job's id.
    """
    labels = [label(offer.label, CHOICE_MAX) for offer in offers]
    digits = TAIL_DIGITS
    while len(set(map(_compared, labels))) < len(labels) and digits <= JOB_ID_DIGITS_MAX:
        times = Counter(_compared(label(offer.label, CHOICE_MAX)) for offer in offers)
        labels = [
            _with_tail(offer, digits)
            if times[_compared(label(offer.label, CHOICE_MAX))] > 1
            else label(offer.label, CHOICE_MAX)
            for offer in offers
        ]
        digits += 2
    return [
        app_commands.Choice(name=label, value=str(offer.job_id))
        for label, offer in zip(labels, offers, strict=True)
    ]


def _compared(text: str) -> str:
    """Normalise a label so that visually identical ones compare equal."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold()).split())


def _with_tail(offer: SongOffer, digits: int) -> str:
    ending = f"{SEPARATOR}#{tail(str(offer.job_id), digits):0>{TAIL_DIGITS}}"
    return label(offer.label, CHOICE_MAX - len(ending)) + ending


def job_id_of(typed: str) -> JobId | None:
    """Return the id if the input is one, from a choice or from an exported ledger."""
    digits = typed.strip().lstrip(ID_MARKS)
    is_id = digits.isascii() and digits.isdecimal() and len(digits) <= JOB_ID_DIGITS_MAX
    return JobId(int(digits)) if is_id else None


def searches(typed: str) -> list[str]:
    """Return what to search for if the input is a label, or a part of one."""
    parts = [part.removesuffix("…") for part in _TAIL.sub("", typed.strip()).split(SEPARATOR)]
    names = [part for part in parts if not _DATE.fullmatch(part)]
    candidates = [*names[:1], *(part for part in parts if part not in names)]
    return list(dict.fromkeys(filter(None, candidates)))[:SEARCHES_MAX]


def name_of(offer: SongOffer) -> str:
    """Return the first part of a label: the title, if labels start with it."""
    return offer.label.partition(SEPARATOR)[0]


def find_song(typed: str, offers: Sequence[SongOffer]) -> JobId | None:
    """Return the song whose label was typed instead of chosen."""
    ending = _TAIL.search(typed.strip())
    beginning = _TAIL.sub("", typed.strip())
    whole_label, base = _compared(beginning), _compared(beginning.removesuffix("…"))
    is_cut = beginning.endswith("…") and bool(base)
    for offer in offers:
        whole = _compared(label(offer.label, len(offer.label)))
        is_label = whole == whole_label or (is_cut and whole.startswith(base))
        if is_label and (ending is None or f"{offer.job_id:0{TAIL_DIGITS}}".endswith(ending["digits"])):
            return offer.job_id
    return None


async def chosen(typed: str, offers: Callable[[str, int], Awaitable[Sequence[SongOffer]]]) -> JobId | None:
    """Return the song whose label was typed, from the ``offers`` of a few searches.

    The last search matches everything: a label may spell its title differently. What has neither the
    separator of all labels nor the ellipsis of a part of one can't be a label, and is not searched for.
    """
    if SEPARATOR.strip() not in _compared(typed) and not typed.strip().endswith("…"):
        return None
    for search in (*searches(typed), ""):
        job_id = find_song(typed, await offers(search, LOOKED_THROUGH_MAX))
        if job_id is not None:
            return job_id
    return None


async def songs(work: Awaitable[Sequence[SongOffer]]) -> list[app_commands.Choice[str]]:
    """Return the songs of a search as choices."""
    return choices(await work)


async def zones(typed: str, now: datetime) -> list[app_commands.Choice[str]]:
    """Return time zones, each with its current time."""
    return [
        app_commands.Choice(name=f"{name}{SEPARATOR}{now.astimezone(zone_of(name)):%H:%M}", value=name)
        for name in like(typed, CHOICES_MAX)
    ]


async def answer(
    interaction: discord.Interaction, work: Awaitable[list[app_commands.Choice[str]]]
) -> list[app_commands.Choice[str]]:
    """Send the choices. Errors are only logged, since no message can reach the member.

    Returns no choices: discord.py would send them, and log a late answer as an exception.
    """
    try:
        choices_ = await work
    except (Refusal, Transient) as error:
        log.info("autocompletion refused", extra={"error": type(error).__name__})
        choices_ = []
    try:
        with readable_answers():
            await interaction.response.autocomplete(choices_)
    except NETWORK_ERRORS as error:
        log.info("autocompletion not answered", extra={"error": str(error) or type(error).__name__})
    except RuntimeError:
        # Raised by aiohttp once the session is closed: the bot is stopping.
        if not interaction.client.is_closed():
            raise
    finally:
        # discord.py answers again unless it believes that it already has (2.7.1).
        interaction.response._response_type = discord.InteractionResponseType.autocomplete_result  # noqa: SLF001
    return []
