"""Bind the doctor's checks to the settings, to Discord and to the commands of this version."""

import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import attrs

from bot.app import assemble, open_music
from bot.checks import Check
from bot.configuration.fields import Secret
from bot.music.backends import plain_contract
from bot.ops.clock import steady_clock
from bot.ops.doctor import wiring
from bot.ops.doctor.local import check_servers
from bot.ops.doctor.runner import CheckSpec
from bot.settings import Settings
from bot.ui import discord_checks


def check_specs(settings: Settings) -> list[CheckSpec]:
    """Return every check of ``tunesmith doctor`` for these settings."""

    async def check_discord() -> tuple[Sequence[Check], timedelta | None]:
        token = settings.discord_token.get_secret_value()
        findings = await discord_checks.ask(
            settings.discord_api_url, token, await commands(settings), settings.proxy_to_discord
        )
        checks = list(findings.checks)
        if findings.public is not None:
            checks.append(check_servers(settings.server_policy, public=findings.public))
        return checks, findings.ahead

    backend = settings.music_backend
    return wiring.check_specs(
        wiring.Targets(
            database=settings.database_place,
            spool=settings.spool_dir,
            total_credits_max=settings.total_credits_max,
            url_setting=plain_contract(backend).url_setting,
            models=settings.music_models,
            music_url=settings.music_url(backend),
            open_music=lambda: open_music(settings, backend, now=lambda: datetime.now(UTC)),
            upstream_terms=settings.upstream_terms,
            check_discord=check_discord,
        )
    )


async def commands(settings: Settings) -> Sequence[discord_checks.Payload]:
    """Return this version's commands, from a bot that connects to nothing."""
    with tempfile.TemporaryDirectory(prefix="tunesmith-doctor-") as folder:
        database = Secret(f"sqlite:///{folder}/blank.db")
        blank = attrs.evolve(settings, database_url=database, spool_dir=Path(folder))
        async with assemble(blank, now=steady_clock()) as app:
            return await app.client.payload()
