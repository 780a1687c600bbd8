"""The composition root: the only place where the parts are named together."""

import asyncio
import itertools
import logging
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import discord

from bot.errors import StartRefused
from bot.jobs import schedule
from bot.jobs.courier import Courier
from bot.jobs.intake import Intake, Terms
from bot.jobs.purse import Purse
from bot.jobs.runner import Finishing, Runner
from bot.jobs.steps import Steps
from bot.music.audio import AudioSource, Spool
from bot.music.client import MusicClient
from bot.settings import Settings
from bot.store import jobs
from bot.store.database import Database, fact, remember
from bot.store.ledger import Defaults
from bot.ui import client as ui
from bot.ui.courier import DiscordCourier

log = logging.getLogger(__name__)

COMMANDS_FACT = "registered commands"


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The running bot, in pieces: what is started, stopped and talked to from outside."""

    database: Database
    intake: Intake
    runner: Runner
    client: ui.TunesmithClient


def steady_clock() -> Callable[[], datetime]:
    """A ``now()`` that nobody can set: the time of the start, and how much has passed since.

    A wall clock that is stepped by a day would otherwise let jobs expire, or wait for a day.
    """
    began = datetime.now(UTC)
    # Goes on while the machine sleeps, where the system has such a clock.
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    began_s = time.clock_gettime(source)
    return lambda: began + timedelta(seconds=time.clock_gettime(source) - began_s)


@asynccontextmanager
async def assembled(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    around_courier: Callable[[Courier], Courier] = lambda courier: courier,
) -> AsyncIterator[Parts]:
    """All parts, connected to each other and to nothing else yet; closed at the end.

    Raises:
        StartRefused: the database can't be used.
    """
    defaults = Defaults(allowance=settings.guild_credits, period=settings.credit_period)
    terms = Terms(
        models=settings.music_models,
        price_credits=settings.song_credits,
        open_per_member=settings.open_jobs_per_member,
        open_per_guild=settings.open_jobs_per_guild,
        defaults=defaults,
    )
    async with (
        Database.open(settings.database_path) as database,
        MusicClient.open(
            url=settings.music_api_url,
            key=settings.music_api_key.get_secret_value(),
            provider=settings.music_provider,
            options=settings.music_options,
            now=now,
        ) as music,
        AudioSource.open(origin=music.origin) as audio,
    ):
        epoch = await database.write(jobs.next_epoch)
        woken = asyncio.Event()
        intake = Intake(database, terms, now=now, woken=woken.set)
        client = ui.TunesmithClient(
            intake=intake,
            purse=Purse(database, defaults, now=now),
            registered=lambda: database.read(lambda tx: fact(tx, COMMANDS_FACT)),
            register=lambda digest: database.write(lambda tx: remember(tx, COMMANDS_FACT, digest)),
        )
        courier = around_courier(DiscordCourier(client))
        finishing = Finishing()
        steps = Steps(
            database=database,
            music=music,
            audio=audio,
            spool=Spool(settings.spool_dir),
            courier=courier,
            now=now,
            finishing=finishing,
            alert=lambda text: log.error("for the operator: %s", text),
            pace=settings.poll_pace,
        )
        runner = Runner(
            database=database,
            steps=steps,
            courier=courier,
            finishing=finishing,
            epoch=epoch,
            defaults=defaults,
            now=now,
            woken=woken,
        )
        yield Parts(database=database, intake=intake, runner=runner, client=client)


async def run(settings: Settings) -> None:
    """The bot, until SIGTERM or SIGINT: then what must not be cut off ends, and this returns.

    Raises:
        StartRefused: what the operator has to change first.
    """
    ui.use_api(settings.discord_api_url)
    async with assembled(settings, now=steady_clock()) as parts:
        stop = asyncio.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        refused: StartRefused | None = None
        try:
            async with asyncio.TaskGroup() as group:
                runner = group.create_task(parts.runner.run(), name="runner")
                gateway = group.create_task(
                    _stay_connected(parts.client, settings.discord_token.get_secret_value()), name="gateway"
                )
                group.create_task(_stop(parts, stop, runner, gateway), name="stop")
        except* StartRefused as found:
            refused = next(error for error in found.exceptions if isinstance(error, StartRefused))
        finally:
            await parts.client.close()
        if refused is not None:
            raise refused


async def _stop(
    parts: Parts, stop: asyncio.Event, runner: asyncio.Task[None], gateway: asyncio.Task[None]
) -> None:
    await stop.wait()
    log.info("stopping: no new requests; what is under way ends first")
    parts.intake.close()
    parts.runner.stop()
    await asyncio.wait([runner])
    gateway.cancel()


async def _stay_connected(client: ui.TunesmithClient, token: str) -> None:
    """Keeps the gateway connection; whatever ends it, it is made again, later and later.

    Raises:
        StartRefused: Discord does not accept the token.
    """
    for failures in itertools.count(1):
        try:
            await client.start(token)
        except discord.LoginFailure as error:
            raise StartRefused(
                "DISCORD_TOKEN is not accepted by Discord; copy the bot's token again."
            ) from error
        except discord.ConnectionClosed as error:
            if error.code == AUTHENTICATION_FAILED:
                raise StartRefused(
                    "DISCORD_TOKEN is no longer accepted by Discord; copy the bot's token again."
                ) from error
            log.warning("the gateway closed the connection (%s)", error.code)
        except Exception:
            # discord.py ends start() at an error in any event: the jobs go on, and so must the connection.
            log.exception("the connection to Discord ended")
        if client.is_closed():
            client.clear()
        await asyncio.sleep(schedule.backoff_s(failures, 1.0, 60.0))


AUTHENTICATION_FAILED = 4004
"""Source: https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway, read 2026-11-22."""
