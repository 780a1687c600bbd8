"""Assembles the doctor's checks, in the order in which they are shown.

Discord is queried through a callable, since this package knows nothing about its API.
"""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

from bot.checks import Check
from bot.music.client import MusicClient
from bot.ops.doctor import local, music_api
from bot.ops.doctor.music_api import Clocks
from bot.ops.doctor.runner import CheckSpec
from bot.ops.doctor.upstream_balance import check_balance
from bot.store.upstream import UpstreamTerms

DISCORD: Final = "Discord"
MUSIC: Final = "the music API"
SERVICE_WITHIN_S: Final = 15.0
"""Deadline for all requests to one service, in seconds."""
CLOCK_GRACE_S: Final = 1.0
"""Extra time for the clock check, which waits for both services, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Targets:
    """The targets of the doctor's checks."""

    database: Path | str
    """The path of the SQLite file, or the URL of a database on a server."""
    spool: Path
    total_credits_max: int
    music_url: str
    url_setting: str
    """The setting that holds ``music_url``."""
    models: Sequence[str]
    """The models on offer."""
    open_music: Callable[[], AbstractAsyncContextManager[MusicClient]]
    upstream_terms: UpstreamTerms | None
    """None if the service reports no balance."""
    check_discord: Callable[[], Awaitable[tuple[Sequence[Check], timedelta | None]]]
    """Returns the checks, and how far Discord's clock is ahead of this machine's, if known."""


def check_specs(targets: Targets) -> list[CheckSpec]:
    """Return every check of the doctor, in the order of its lines."""
    clocks = Clocks([DISCORD, MUSIC])
    return [
        CheckSpec(
            name="token",
            within_s=SERVICE_WITHIN_S,
            run=partial(_check_discord, targets, clocks),
            advice="check DISCORD_API_URL and the network",
        ),
        CheckSpec(
            name="music API",
            within_s=SERVICE_WITHIN_S,
            run=partial(_check_music_api, targets, clocks),
            advice=f"check {targets.url_setting} and the network",
        ),
        *_balance_specs(targets),
        *local.check_specs(targets.database, targets.spool, targets.total_credits_max),
        CheckSpec(
            name="clock",
            within_s=SERVICE_WITHIN_S + CLOCK_GRACE_S,
            run=clocks.check,
            advice="see the lines above",
        ),
    ]


def _balance_specs(targets: Targets) -> list[CheckSpec]:
    if targets.upstream_terms is None:
        return []
    return [
        CheckSpec(
            name="balance",
            within_s=SERVICE_WITHIN_S,
            run=partial(check_balance, targets.open_music, targets.database, targets.upstream_terms),
            advice=f"check {targets.url_setting} and the network",
        )
    ]


async def _check_discord(targets: Targets, clocks: Clocks) -> Sequence[Check]:
    ahead = None
    try:
        checks, ahead = await targets.check_discord()
        return checks
    finally:
        # Also after a failure: the clock check waits until every service has reported.
        clocks.report(DISCORD, ahead)


async def _check_music_api(targets: Targets, clocks: Clocks) -> Sequence[Check]:
    ahead = None
    try:
        async with targets.open_music() as music:
            check, ahead = await music_api.check_music_api(music, targets.music_url)
            return [check, *music_api.check_models(music.contract, targets.models)]
    finally:
        clocks.report(MUSIC, ahead)
