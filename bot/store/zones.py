"""Time zones to choose from, by their IANA names.

Source: https://www.iana.org/time-zones, as packaged in ``tzdata``. ``zoneinfo`` reads the system's own data
first, and that package's where the system has none.
"""

from functools import cache
from importlib.resources import files
from typing import Final

from bot.store.times import UTC_NAME

ZONE_MAX: Final = 64
"""Maximum length of a zone's name, in characters; the longest has 32."""
COMMON: Final = (
    *(UTC_NAME, "Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Warsaw"),
    *("Europe/Istanbul", "Europe/Kyiv", "Africa/Lagos", "Africa/Johannesburg", "Asia/Dubai"),
    *("Asia/Kolkata", "Asia/Jakarta", "Asia/Shanghai", "Asia/Manila", "Asia/Tokyo", "Asia/Seoul"),
    *("Australia/Sydney", "Pacific/Auckland", "America/New_York", "America/Chicago", "America/Denver"),
    *("America/Los_Angeles", "America/Mexico_City", "America/Sao_Paulo"),
)
"""Zones offered before anything is typed."""
_NO_PLACES: Final = frozenset({"Factory", "localtime"})


@cache
def names() -> dict[str, str]:
    """Map the folded name of each zone to its proper name."""
    listed = (files("tzdata") / "zones").read_text("utf-8").split()
    return {_compared(name): name for name in sorted(listed) if name not in _NO_PLACES}


def named(typed: str) -> str | None:
    """Return the proper name of the zone typed, ignoring case, or None."""
    name = names().get(_compared(typed))
    # Aliases of UTC become UTC, so that choosing one is not a change of zone.
    return UTC_NAME if name in ("Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Zulu") else name


def like(typed: str, most: int) -> list[str]:
    """Return up to ``most`` zones whose names contain the typed text, those that begin with it first."""
    part = _compared(typed)
    if not part:
        return list(COMMON[:most])
    keys = [key for key in names() if part in key]
    begins = [key for key in keys if any(word.startswith(part) for word in (key, *key.split("/")))]
    return [names()[key] for key in dict.fromkeys([*begins, *keys])][:most]


def _compared(typed: str) -> str:
    return "_".join(typed.casefold().split())
