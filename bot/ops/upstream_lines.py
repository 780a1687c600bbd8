"""Lines about the balance at the music service, for ``tunesmith servers`` and the doctor."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from bot.pipeline.upstream_balance import amount, sentence, songs
from bot.store.upstream import Upstream

UNITS: Final = ((86_400, "days"), (3_600, "h"), (60, "min"))
"""Units of a displayed age with their lengths in seconds; each is used from twice its length on."""


def lines(current: Upstream, now: datetime) -> Iterator[str]:
    """Yield the balance, its warnings, and the average cost of a song."""
    yield f"Balance at {current.backend}: {balance(current, now)}."
    for warning in current.warnings:
        yield f"Warning: {sentence(warning, current)}"
    if current.average_cost is not None:
        average = amount(current.average_cost)
        yield f"A song there has cost {average} credits on average ({songs(current.charged_songs)})."


def balance(current: Upstream, now: datetime) -> str:
    """Describe the balance, what it pays for, its age, and what members can still request."""
    sold = f"members can still request {current.sold.credits:,} credits' worth"
    if current.sold.songs is not None:
        sold = f"members can still request {songs(current.sold.songs)} ({current.sold.credits:,} credits)"
    if current.reading is None:
        return f"not read yet; {sold}"
    pays = "" if current.songs is None else f", for {songs(current.songs)}"
    age = _age((now - current.reading.at).total_seconds())
    return f"{amount(current.reading.credits)} credits{pays}, read {age} ago; {sold}"


def _age(seconds: float) -> str:
    for length_s, unit in UNITS:
        if seconds >= 2 * length_s:
            return f"{seconds / length_s:.0f} {unit}"
    return f"{max(seconds, 0):.0f} s"
