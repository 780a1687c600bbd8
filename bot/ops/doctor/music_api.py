"""The doctor's checks of the music API, and of this machine's clock against those of the services."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Final

from bot.checks import Check
from bot.errors import Transient
from bot.model import ClosedCause
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.contract import Contract
from bot.ops.doctor.runner import failure, ok, warning

CLOCK_WARNING: Final = timedelta(seconds=10)
CLOCK_FAILURE: Final = timedelta(minutes=5)


async def check_music_api(client: MusicClient, url: str) -> tuple[Check, timedelta | None]:
    """Check that the music API accepts the key. Also return how far its clock is ahead.

    The check queries a task that cannot exist, which costs nothing.
    """
    name, url_setting = "music API", client.contract.url_setting
    try:
        probe = await client.probe()
    except Transient as error:
        finding = f"no answer from {url} ({error}); check {url_setting} and the network"
        return failure(name, finding), None
    if probe.correction and not probe.proven:
        finding = f"{url} is not the music API (HTTP {probe.status}); set {url_setting}={probe.correction}"
        return failure(name, finding), probe.ahead
    match probe.checked:
        case wire.Rejected(closed=ClosedCause.BAD_KEY):
            key = client.contract.key_setting
            finding = f"{key} is not accepted by {url} (HTTP {probe.status}); copy the key again"
            return failure(name, finding), probe.ahead
        case wire.Busy(detail=detail):
            finding = f"{url} reports a problem ({detail}); wait, or check {url_setting}"
            return failure(name, finding), probe.ahead
        case wire.NotFound() if not probe.readable:
            finding = (
                f"{url} answers with a web page (HTTP {probe.status}): the music API is not open there yet, "
                f"or {url_setting} names another service"
            )
            return warning(name, finding), probe.ahead
        case _ if not probe.proven:
            finding = (
                f"{url} answers, but not like the music API (HTTP {probe.status}): the key could not be "
                f"checked, and {url_setting} may name another service or lack a part of its path"
            )
            return warning(name, finding), probe.ahead
        case _:
            return ok(name, f"{url} answers and accepts the key; nothing was charged"), probe.ahead


def check_models(contract: Contract, models: Sequence[str]) -> list[Check]:
    """Check that the service still sells every model on offer. Returns nothing if it does."""
    name, limits = "models", contract.models
    current = ", ".join(model for model in limits if model not in contract.retired_models)
    retired = [model for model in models if model in contract.retired_models]
    unknown = [model for model in models if model not in limits and model not in contract.retired_models]
    checks = []
    if retired:
        finding = f"{', '.join(retired)}: retired by {contract.backend}, and may stop working"
        checks.append(warning(name, f"{finding}; set MUSIC_MODELS to some of {current}"))
    if unknown:
        finding = f"{', '.join(unknown)}: not known to be offered by {contract.backend}"
        checks.append(warning(name, f"{finding}; check MUSIC_MODELS for typos. It offers {current}"))
    return checks


class Clocks:
    """Compares this machine's clock with those of services, once all of them have reported theirs."""

    def __init__(self, services: Sequence[str]) -> None:
        self._ahead: dict[str, timedelta] = {}
        self._pending = set(services)
        self._complete = asyncio.Event()

    def report(self, service: str, ahead: timedelta | None) -> None:
        """Record how far a service's clock is ahead of this machine's; None if it sent no time."""
        self._pending.discard(service)
        if ahead is not None:
            self._ahead[service] = ahead
        if not self._pending:
            self._complete.set()

    async def check(self) -> list[Check]:
        """Wait for every service to report, then check the clock that differs most."""
        await self._complete.wait()
        return [check_clock(self._ahead)]


def check_clock(ahead: Mapping[str, timedelta]) -> Check:
    """Check this machine's clock, given how far each service's clock is ahead of it."""
    name = "clock"
    if not ahead:
        return warning(name, "no service sent its time; see the lines above")
    service = max(ahead, key=lambda name: abs(ahead[name]))
    off_s = ahead[service].total_seconds()
    finding = f"{abs(off_s):,.0f} s {'behind' if off_s > 0 else 'ahead of'} {service}"
    advice = "set this machine's clock and synchronize it with a time server (NTP)"
    if abs(ahead[service]) >= CLOCK_FAILURE:
        return failure(name, f"{finding}; {advice}")
    if abs(ahead[service]) >= CLOCK_WARNING:
        return warning(name, f"{finding}; {advice}")
    return ok(name, f"agrees with {' and '.join(sorted(ahead))}")
