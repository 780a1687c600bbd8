"""The doctor's checks of the music API, and of this machine's clock beside those of the services."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from bot.errors import Transient
from bot.model import Check, ClosedCause
from bot.music import wire
from bot.music.client import MusicClient
from bot.ops.doctor.runner import failure, ok, warning

CLOCK_OFF: Final = timedelta(seconds=10)
CLOCK_FAR_OFF: Final = timedelta(minutes=5)


async def check_music_api(client: MusicClient, url: str) -> tuple[Check, timedelta | None]:
    """Whether the music API is there and takes the key, and how far its clock is ahead of this machine's.

    It is asked about a task that can't exist.
    """
    name = "music API"
    try:
        probe = await client.probe()
    except Transient as error:
        finding = f"{url} does not answer ({error}); look at MUSIC_API_URL and the network"
        return failure(name, finding), None
    if probe.correction and not probe.proven:
        finding = f"{url} is not the music API (HTTP {probe.status}); set MUSIC_API_URL={probe.correction}"
        return failure(name, finding), probe.ahead
    match probe.checked:
        case wire.Rejected(closed=ClosedCause.BAD_KEY):
            finding = f"MUSIC_API_KEY is not accepted by {url} (HTTP {probe.status}); copy the key again"
            return failure(name, finding), probe.ahead
        case wire.Busy(detail=detail):
            finding = f"{url} is in trouble ({detail}); wait, or look at MUSIC_API_URL"
            return failure(name, finding), probe.ahead
        case wire.NotFound() if not probe.readable:
            finding = (
                f"{url} answers with a page (HTTP {probe.status}): the music API is not open there yet, or "
                "MUSIC_API_URL names another service"
            )
            return warning(name, finding), probe.ahead
        case _ if not probe.proven:
            finding = (
                f"{url} answers, but not as the music API does (HTTP {probe.status}): the key is not "
                "proven, and MUSIC_API_URL may name another service or lack a part of its path"
            )
            return warning(name, finding), probe.ahead
        case _:
            return ok(name, f"{url} answers and accepts the key; nothing was paid"), probe.ahead


class Clocks:
    """Compares this machine's clock with those of services, when all of them have told the time."""

    def __init__(self, services: Sequence[str]) -> None:
        self._ahead: dict[str, timedelta] = {}
        self._silent = set(services)
        self._all_told = asyncio.Event()

    def dated(self, service: str, ahead: timedelta | None) -> None:
        """The service's clock is so far ahead of this machine's; None: it told no time."""
        self._silent.discard(service)
        if ahead is not None:
            self._ahead[service] = ahead
        if not self._silent:
            self._all_told.set()

    async def examine(self) -> list[Check]:
        """The largest difference."""
        await self._all_told.wait()
        return [clock(self._ahead)]


def clock(ahead: Mapping[str, timedelta]) -> Check:
    """Whether this machine's clock is right; ``ahead`` tells by how much each service's is ahead of it."""
    if not ahead:
        return warning("clock", "no service told the time; see the lines above")
    service = max(ahead, key=lambda name: abs(ahead[name]))
    off_s = ahead[service].total_seconds()
    finding = f"{abs(off_s):,.0f} s {'behind' if off_s > 0 else 'ahead of'} {service}"
    advice = "set this machine's clock, and let it follow a time server (NTP)"
    if abs(ahead[service]) >= CLOCK_FAR_OFF:
        return failure("clock", f"{finding}; {advice}")
    if abs(ahead[service]) >= CLOCK_OFF:
        return warning("clock", f"{finding}; {advice}")
    return ok("clock", f"right by {' and '.join(sorted(ahead))}")
