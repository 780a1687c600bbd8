"""The composition root: the only place where the app are named together."""

import asyncio
import itertools
import logging
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import discord
from aiohttp import web
from prometheus_client import CollectorRegistry

from bot.database.sqlite import COMMANDS_FACT, Database, fact, open_read_only, remember
from bot.errors import AlreadyRuns, StartRefused
from bot.model import Check
from bot.music.audio import AudioSource, Spool
from bot.music.client import MusicClient
from bot.ops import health
from bot.ops.doctor import local, music_api
from bot.ops.doctor.runner import CheckSpec
from bot.ops.metrics import Metrics
from bot.pipeline import schedule
from bot.pipeline.courier import Courier
from bot.pipeline.erasure import Erasure
from bot.pipeline.maintenance import Maintenance
from bot.pipeline.runner import Runner, ShutdownGuard
from bot.pipeline.steps import Steps
from bot.pipeline.turns import SendTurns
from bot.services.credits import CreditService
from bot.services.intake import Intake, Terms
from bot.services.operator import OperatorActions
from bot.services.privacy import Privacy
from bot.services.songs import SongArchive
from bot.settings import Settings
from bot.store import jobs, servers
from bot.store.ledger import Defaults
from bot.ui import client as ui
from bot.ui import discord_checks
from bot.ui.courier import DiscordCourier
from bot.ui.operator_alerts import OperatorAlerts
from bot.ui.services import Services

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The running bot, in pieces: what is started, stopped and talked to from outside."""

    database: Database
    intake: Intake
    song_archive: SongArchive
    privacy: Privacy
    runner: Runner
    maintenance: Maintenance
    operator_alerts: OperatorAlerts
    client: ui.TunesmithClient
    metrics: Metrics


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
async def assemble(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    around_courier: Callable[[Courier], Courier] = lambda courier: courier,
) -> AsyncIterator[App]:
    """All app, connected to each other and to nothing else yet; closed at the end.

    Raises:
        StartRefused: the database or the spool can't be used.
    """
    defaults = _defaults(settings)
    terms = Terms(
        models=settings.music_models,
        price_credits=settings.song_credits,
        open_per_member=settings.open_jobs_per_member,
        open_per_guild=settings.open_jobs_per_guild,
        defaults=defaults,
        extras=settings.music_extras,
    )
    metrics = Metrics(CollectorRegistry())
    _prepare(settings.spool_dir)
    async with (
        Database.open(settings.database_path, wrote=metrics.wrote) as database,
        MusicClient.open(
            url=settings.music_api_url,
            key=settings.music_api_key.get_secret_value(),
            provider=settings.music_provider,
            options=settings.music_options,
            now=now,
            submitted=metrics.submitted,
            checked=metrics.polled,
        ) as music,
        AudioSource.open(origin=music.origin) as audio,
    ):
        epoch = await database.write(jobs.next_epoch)
        woken = asyncio.Event()
        intake = Intake(database, terms, now=now, woken=woken.set)
        client = ui.TunesmithClient(
            registered=lambda: database.read(lambda tx: fact(tx, COMMANDS_FACT)),
            register=lambda digest: database.write(lambda tx: remember(tx, COMMANDS_FACT, digest)),
        )
        courier = around_courier(DiscordCourier(client))
        webhook = settings.operator_webhook_url
        operator_alerts = OperatorAlerts(None if webhook is None else webhook.get_secret_value())
        spool = Spool(settings.spool_dir)
        turns = SendTurns()
        song_archive = SongArchive(
            database=database,
            spool=spool,
            audio=audio,
            music=music,
            courier=courier,
            defaults=defaults,
            now=now,
            turns=turns,
        )
        credit_service = CreditService(database, defaults, price=settings.song_credits, now=now)
        erasure = Erasure(database, spool, now=now)
        privacy = Privacy(
            database=database,
            spool=spool,
            erasure=erasure,
            spool_days=settings.spool_days,
            words_days=settings.words_days,
            now=now,
            woken=woken.set,
        )
        client.offer(
            Services(intake=intake, credits=credit_service, song_archive=song_archive, privacy=privacy)
        )
        shutdown_guard = ShutdownGuard()
        steps = Steps(
            database=database,
            music=music,
            audio=audio,
            spool=spool,
            courier=courier,
            defaults=defaults,
            now=now,
            shutdown_guard=shutdown_guard,
            alert=operator_alerts.alert,
            pace=settings.poll_pace,
            moved=metrics.moved,
        )
        runner = Runner(
            database=database,
            steps=steps,
            courier=courier,
            erasure=erasure,
            shutdown_guard=shutdown_guard,
            epoch=epoch,
            defaults=defaults,
            now=now,
            woken=woken,
            turns=turns,
        )
        maintenance = Maintenance(
            database=database,
            spool=spool,
            erasure=erasure,
            spool_days=settings.spool_days,
            words_days=settings.words_days,
            now=now,
            alert=operator_alerts.alert,
        )
        yield App(
            database=database,
            intake=intake,
            song_archive=song_archive,
            privacy=privacy,
            runner=runner,
            maintenance=maintenance,
            operator_alerts=operator_alerts,
            client=client,
            metrics=metrics,
        )


def _prepare(spool: Path) -> None:
    try:
        spool.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StartRefused(
            f"SPOOL_DIR: {spool} can't be used ({error.strerror}); choose another folder."
        ) from None


@asynccontextmanager
async def operator_actions(settings: Settings) -> AsyncIterator[OperatorActions]:
    """The operator's own hands on the database, beside a running bot or without one.

    Raises:
        StartRefused: there is no database, or it can't be used.
    """
    path = settings.database_path
    if not path.is_file():
        raise StartRefused(f"DATABASE_URL: {path} is not there yet; start the bot first.")
    async with AsyncExitStack() as stack:
        try:
            database = await stack.enter_async_context(Database.open(path))
        except AlreadyRuns:
            database = await stack.enter_async_context(Database.beside(path))
        yield OperatorActions(
            database,
            _defaults(settings),
            price=settings.song_credits,
            now=lambda: datetime.now(UTC),
        )


def servers_of(settings: Settings) -> list[servers.Server]:
    """What each server used. Raises StartRefused if the database can't be read."""
    now = datetime.now(UTC)
    with open_read_only(settings.database_path) as tx:
        return servers.servers(tx, _defaults(settings), now)


def open_jobs_of(settings: Settings) -> list[servers.OpenJob]:
    """Jobs that are not at their end. Raises StartRefused if the database can't be read."""
    with open_read_only(settings.database_path) as tx:
        return servers.open_jobs(tx)


def _defaults(settings: Settings) -> Defaults:
    return Defaults(
        allowance=settings.guild_credits,
        period=settings.credit_period,
        ceiling=settings.guild_credits_max,
    )


def check_specs(settings: Settings) -> list[CheckSpec]:
    """Every check of the doctor, in the order of its lines."""
    clocks = music_api.Clocks([DISCORD, MUSIC])
    return [
        CheckSpec(
            name="token",
            within_s=ASK_WITHIN_S,
            make=partial(_check_discord, settings, clocks),
            advice="look at DISCORD_API_URL and the network",
        ),
        CheckSpec(
            name="music API",
            within_s=ASK_WITHIN_S,
            make=partial(_check_music_api, settings, clocks),
            advice="look at MUSIC_API_URL and the network",
        ),
        *local.at_home(settings.database_path, settings.spool_dir),
        CheckSpec(
            name="clock", within_s=ASK_WITHIN_S + 1.0, make=clocks.examine, advice="see the lines above"
        ),
    ]


async def _check_discord(settings: Settings, clocks: music_api.Clocks) -> Sequence[Check]:
    ahead = None
    try:
        found = await discord_checks.ask(
            settings.discord_api_url, settings.discord_token.get_secret_value(), await _commands(settings)
        )
        ahead = found.ahead
        return found.checks
    finally:
        clocks.dated(DISCORD, ahead)


async def _commands(settings: Settings) -> Sequence[discord_checks.Payload]:
    """The commands as this version registers them: those of a bot that connects to nothing."""
    with tempfile.TemporaryDirectory(prefix="tunesmith-doctor-") as folder:
        blank = settings.model_copy(
            update={"database_url": f"sqlite:///{folder}/blank.db", "spool_dir": Path(folder)}
        )
        async with assemble(blank, now=steady_clock()) as app:
            return await app.client.payload()


async def _check_music_api(settings: Settings, clocks: music_api.Clocks) -> Sequence[Check]:
    ahead = None
    try:
        async with MusicClient.open(
            url=settings.music_api_url,
            key=settings.music_api_key.get_secret_value(),
            provider=settings.music_provider,
            options=settings.music_options,
            now=lambda: datetime.now(UTC),
        ) as music:
            check, ahead = await music_api.check_music_api(music, settings.music_api_url)
            return [check]
    finally:
        clocks.dated(MUSIC, ahead)


async def run(settings: Settings) -> None:
    """The bot, until SIGTERM or SIGINT: then what must not be cut off ends, and this returns.

    Raises:
        StartRefused: what the operator has to change first.
    """
    ui.use_api(settings.discord_api_url)
    stop, now = asyncio.Event(), steady_clock()
    async with (
        assemble(settings, now=now) as app,
        health.serving(settings.listen, lambda: _pages(app, stop, now)) as address,
    ):
        if address is not None:
            log.info("health and metrics are served on %s", address)
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop.set)
        refused: StartRefused | None = None
        try:
            async with asyncio.TaskGroup() as group:
                await _work(app, settings.discord_token.get_secret_value(), stop, group)
        except* StartRefused as found:
            refused = next(error for error in found.exceptions if isinstance(error, StartRefused))
        finally:
            await _close(app.client)
        if refused is not None:
            raise refused


def _pages(app: App, stop: asyncio.Event, now: Callable[[], datetime]) -> web.Application:
    """What is told of the running bot."""
    well = health.Health(
        database=app.database,
        gateway=app.client.cut_off,
        latencies_s=app.client.latencies_s,
        looked_at=lambda: app.runner.looked_at,
        stopping=stop.is_set,
        now=now,
    )
    return health.application(well, app.metrics, app.database)


async def _close(client: discord.Client) -> None:
    """Say goodbye to Discord, which may not answer; nothing is lost if it doesn't."""
    if client.is_closed():
        return
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await client.close()
    except TimeoutError:
        log.warning("Discord did not confirm the end of the connection")
        await client.http.close()


async def _work(app: App, token: str, stop: asyncio.Event, group: asyncio.TaskGroup) -> None:
    """Everything that runs beside each other, until ``stop``; the jobs end first, then the rest."""
    alert = app.operator_alerts.alert
    runner = group.create_task(_supervised("the runner", app.runner.run, alert))
    others = [
        group.create_task(
            _supervised("the connection to Discord", partial(_connect, app.client, token), alert)
        ),
        group.create_task(_supervised("upkeep", app.maintenance.run, alert)),
        group.create_task(_supervised("the operator's webhook", app.operator_alerts.run, alert)),
        group.create_task(_watch_loop(app.metrics.lagged)),
    ]
    await stop.wait()
    log.info("stopping: no new requests; what is under way ends first")
    app.intake.close()
    app.runner.stop()
    # Beside each other: together they have less time than the machine gives before it kills.
    await asyncio.gather(asyncio.wait([runner]), app.intake.all_answered())
    await _close(app.client)
    # Again and again: wait_for, which discord.py connects with, can swallow a cancellation (Python 3.11).
    while pending := [task for task in others if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_EVERY_S)


async def _supervised(name: str, work: Callable[[], Awaitable[None]], alert: Callable[[str], None]) -> None:
    """``work`` until it ends by itself; what breaks it is told, and it is begun again, later and later."""
    for failures in itertools.count(1):
        began_s = time.monotonic()
        try:
            await work()
        except StartRefused:
            raise
        except Exception:
            # A bug in one part must not end the others: songs that are paid for still have to arrive.
            log.exception("%s broke down", name)
            alert(f"{name[0].upper()}{name[1:]} broke down and is begun again; the log has the reason.")
        else:
            return
        lasted = time.monotonic() - began_s >= HEALTHY_AFTER_S
        await asyncio.sleep(schedule.backoff_s(1 if lasted else failures, 1.0, 60.0))


async def _connect(client: ui.TunesmithClient, token: str) -> None:
    """The connection to Discord, until it is lost for good.

    Raises:
        StartRefused: Discord does not accept the token.
    """
    if client.is_closed():
        client.reopen()
    try:
        # A start that fails leaves its session open otherwise (2.7.1).
        async with client:
            await client.start(token)
    except discord.LoginFailure as error:
        raise StartRefused("DISCORD_TOKEN is not accepted by Discord; copy the bot's token again.") from error
    except discord.ConnectionClosed as error:
        if error.code != AUTHENTICATION_FAILED:
            raise
        raise StartRefused(
            "DISCORD_TOKEN is no longer accepted by Discord; copy the bot's token again."
        ) from error


async def _watch_loop(lagged: Callable[[float], None]) -> None:
    """Measures how late the event loop is, and logs when it stood still: then nothing was answered."""
    while True:
        began_s = time.monotonic()
        await asyncio.sleep(WATCH_EVERY_S)
        late_s = time.monotonic() - began_s - WATCH_EVERY_S
        lagged(late_s)
        if late_s >= STALLED_S:
            log.warning("the event loop stood still for %.1f s", late_s)


AUTHENTICATION_FAILED = 4004
"""Source: https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway, read 2026-11-22."""
DISCORD, MUSIC = "Discord", "the music API"
ASK_WITHIN_S = 15.0
"""For all that the doctor asks of one service."""
CLOSE_WITHIN_S = 5.0
CANCEL_EVERY_S = 0.5
HEALTHY_AFTER_S = 300.0
"""A part that lasted so long begins again at once when it breaks."""
WATCH_EVERY_S = 1.0
STALLED_S = 1.0
"""A member waits 3 s for an answer at the most."""
