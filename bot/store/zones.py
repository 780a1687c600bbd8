"""Time zones to choose from, by their IANA names.

Source: https://www.iana.org/time-zones, as the package ``tzdata`` has them. ``zoneinfo`` reads the system's
own data first, and that package's where the system has none.
"""

from functools import cache
from importlib.resources import files
from typing import Final

from bot.store.times import UTC_NAME

ZONE_MAX: Final = 64
"""Maximum characters of a zone's name; the longest has 32."""
COMMON: Final = (
    *(UTC_NAME, "Europe/London", "Europe/Berlin", "Europe/Paris", "Europe/Madrid", "Europe/Warsaw"),
    *("Europe/Istanbul", "Europe/Kyiv", "Africa/Lagos", "Africa/Johannesburg", "Asia/Dubai"),
    *("Asia/Kolkata", "Asia/Jakarta", "Asia/Shanghai", "Asia/Manila", "Asia/Tokyo", "Asia/Seoul"),
    *("Australia/Sydney", "Pacific/Auckland", "America/New_York", "America/Chicago", "America/Denver"),
    *("America/Los_Angeles", "America/Mexico_City", "America/Sao_Paulo"),
)
"""Offered before anything is typed."""
_NO_PLACES: Final = frozenset({"Factory", "localtime"})


@cache
def names() -> dict[str, str]:
    """Return the names of all zones by how they are compared."""
    listed = (files("tzdata") / "zones").read_text("utf-8").split()
    return {_compared(name): name for name in sorted(listed) if name not in _NO_PLACES}


def named(typed: str) -> str | None:
    """Return the zone of this name, whatever its case, or None."""
    name = names().get(_compared(typed))
    # The same zone by another name is no change.
    return UTC_NAME if name in ("Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu", "UCT", "Zulu") else name


def like(typed: str, most: int) -> list[str]:
    """Return up to ``most`` zones with the typed part in their names, those that begin with it first."""
    part = _compared(typed)
    if not part:
        return list(COMMON[:most])
    found = [key for key in names() if part in key]
    begins = [key for key in found if any(word.startswith(part) for word in (key, *key.split("/")))]
    return [names()[key] for key in dict.fromkeys([*begins, *found])][:most]


def _compared(typed: str) -> str:
    return "_".join(typed.casefold().split())
