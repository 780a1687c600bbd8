"""The composition root: assembles the parts of the bot and runs them."""

import asyncio
import logging
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final

import discord
from aiohttp import web
from prometheus_client import CollectorRegistry

from bot.database.engine import Database
from bot.database.file_system import check_file_system
from bot.database.opening import open_database
from bot.database.standby import Standby, Stopped
from bot.errors import StartRefused, StoreBusy, Transient
from bot.model import Backend, JobId, JobState
from bot.music.backends import contract, plain_contract
from bot.music.client import MusicClient
from bot.music.clients import MusicClients
from bot.music.downloads import AudioSource
from bot.music.spool import Spool
from bot.ops import event_loop, health, version
from bot.ops.clock import CheckedClock
from bot.ops.doctor.local import STRANGERS
from bot.ops.metrics import Metrics
from bot.ops.supervisor import supervise
from bot.owners import correction, make_private
from bot.pipeline.courier import Courier
from bot.pipeline.erasure import Erasure
from bot.pipeline.maintenance import Maintenance, at_once
from bot.pipeline.runner import Runner, ShutdownGuard
from bot.pipeline.steps import Steps
from bot.pipeline.storage import Storage
from bot.pipeline.turns import SendTurns
from bot.pipeline.upstream_balance import UpstreamBalance
from bot.services.credits import CreditService
from bot.services.intake import Intake, Terms
from bot.services.privacy import Privacy
from bot.services.ratings import Ratings
from bot.services.songs import SongArchive
from bot.settings import Settings
from bot.store import jobs, servers
from bot.store.facts import COMMANDS_FACT, fact, remember
from bot.store.upstream import UpstreamTerms
from bot.threads import keep_names_apart
from bot.ui import discord_client as ui
from bot.ui.dependencies import Services
from bot.ui.discord_courier import DiscordCourier
from bot.ui.operator_alerts import OperatorAlerts

log = logging.getLogger(__name__)

AUTHENTICATION_FAILED: Final = 4004
"""Source: https://docs.discord.com/developers/topics/opcodes-and-status-codes#gateway, read 2026-11-22."""
CLOSE_WITHIN_S: Final = 5.0
"""How long Discord may take to confirm the end of the connection, in seconds."""
CANCEL_EVERY_S: Final = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The parts of the bot that are started, stopped or used from outside."""

    database: Database
    intake: Intake
    song_archive: SongArchive
    privacy: Privacy
    runner: Runner
    maintenance: Maintenance
    upstream_balance: UpstreamBalance
    upstream_terms: UpstreamTerms | None
    operator_alerts: OperatorAlerts
    client: ui.TunesmithClient
    metrics: Metrics
    storage: Storage


@asynccontextmanager
async def assemble(
    settings: Settings,
    *,
    now: Callable[[], datetime],
    around_courier: Callable[[Courier], Courier] = lambda courier: courier,
    dated: Callable[[datetime], None] = lambda _: None,
    clock_confirmed: Callable[[], Awaitable[None]] = at_once,
    standby: Standby | None = None,
) -> AsyncIterator[App]:
    """Connect all parts to each other, and to no network yet; close them on exit.

    ``dated`` receives the time that Discord sends; ``clock_confirmed`` returns once that was the bot's own.
    With PostgreSQL, this waits until no other process has the database; ``standby`` says how.

    Raises:
        StartRefused: the database or the spool can't be used.
        Stopped: the process was to stop while it waited.
    """
    defaults = settings.credit_defaults
    can = plain_contract(settings.music_backend).capabilities
    extras = settings.music_extras and can.avoid and can.voice
    if settings.music_extras and not extras:
        log.warning("extras not offered", extra={"backend": settings.music_backend})
    terms = Terms(
        backend=settings.music_backend,
        models=settings.music_models,
        price_credits=settings.song_credits,
        open_per_member=settings.open_jobs_per_member,
        open_per_guild=settings.open_jobs_per_guild,
        server_policy=settings.server_policy,
        total_credits_max=settings.total_credits_max,
        defaults=defaults,
        extras=extras,
        extras_with_prompt=can.extras_with_prompt,
        duration_models=frozenset(model for model in settings.music_models if can.takes_duration(model)),
    )
    keep_names_apart(asyncio.get_running_loop())
    metrics = Metrics(CollectorRegistry(), total_credits_max=settings.total_credits_max)
    webhook = settings.operator_webhook_url
    operator_alerts = OperatorAlerts(
        None if webhook is None else webhook.get_secret_value(), settings.proxy_to_discord
    )
    _prepare(settings.spool_dir)
    async with (
        open_database(
            settings.database_url.get_secret_value(),
            takeover_s=settings.takeover_s,
            wrote=metrics.wrote,
            standby=standby,
        ) as database,
        _open_clients(settings, now=now, metrics=metrics) as music,
        AudioSource.open(
            origins=[client.origin for client in music.clients.values()], proxy=settings.proxy_to_music
        ) as audio,
        Storage.open(database.files, settings.spool_dir, operator_alerts.alert) as storage,
    ):
        epoch = await database.take_over(jobs.next_epoch, jobs.is_current)
        woken = asyncio.Event()
        intake = Intake(
            database,
            terms,
            now=now,
            woken=woken.set,
            alert=operator_alerts.alert,
            storage_problem=storage.problem,
        )
        client = ui.TunesmithClient(
            registered=lambda: database.read(lambda tx: fact(tx, COMMANDS_FACT)),
            register=lambda digest: database.write(lambda tx: remember(tx, COMMANDS_FACT, digest)),
            dated=dated,
            proxy=settings.proxy_to_discord,
        )
        courier = around_courier(DiscordCourier(client))
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
            Services(
                intake=intake,
                credits=credit_service,
                song_archive=song_archive,
                privacy=privacy,
                ratings=Ratings(database, now=now),
            )
        )
        shutdown_guard = ShutdownGuard()
        upstream_balance = UpstreamBalance(
            database=database,
            music=music.chosen,
            terms=settings.upstream_terms,
            now=now,
            alert=operator_alerts.alert,
        )

        def moved(job_id: JobId, state: JobState) -> None:
            metrics.moved(job_id, state)
            upstream_balance.moved(state)

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
            moved=moved,
            storage_problem=storage.problem,
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
            clock_confirmed=clock_confirmed,
            present_servers=client.present_servers,
        )
        yield App(
            database=database,
            intake=intake,
            song_archive=song_archive,
            privacy=privacy,
            runner=runner,
            maintenance=maintenance,
            upstream_balance=upstream_balance,
            upstream_terms=settings.upstream_terms,
            operator_alerts=operator_alerts,
            client=client,
            metrics=metrics,
            storage=storage,
        )


@asynccontextmanager
async def _open_clients(
    settings: Settings, *, now: Callable[[], datetime], metrics: Metrics
) -> AsyncIterator[MusicClients]:
    async with AsyncExitStack() as stack:
        clients = {
            backend: await stack.enter_async_context(open_music(settings, backend, now=now, metrics=metrics))
            for backend in settings.music_keys
        }
        yield MusicClients(backend=settings.music_backend, clients=clients, models=settings.music_models)


def open_music(
    settings: Settings, backend: Backend, *, now: Callable[[], datetime], metrics: Metrics | None = None
) -> AbstractAsyncContextManager[MusicClient]:
    """Open a client of a music service whose key is set."""
    metrics = metrics or Metrics(CollectorRegistry())
    return MusicClient.open(
        url=settings.music_url(backend),
        key=settings.music_keys[backend].get_secret_value(),
        contract=contract(backend, provider=settings.music_provider, options=settings.music_options),
        now=now,
        proxy=settings.proxy_to_music,
        submitted=metrics.submitted,
        checked=metrics.polled,
    )


def _prepare(spool: Path) -> None:
    try:
        spool.mkdir(parents=True, exist_ok=True)
        make_private(spool)
    except OSError as error:
        advice = correction(spool, "choose another directory")
        raise StartRefused(f"SPOOL_DIR: {spool} can't be used ({error.strerror}); {advice}.") from None
    advice = correction(spool, "")
    if advice:  # it exists, but is another user's
        raise StartRefused(f"SPOOL_DIR: {spool} can't be written to; {advice}.")


async def run(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT, then finish what must not be interrupted and return.

    Raises:
        StartRefused: the operator has to change a setting or the environment first.
    """
    ui.use_api(settings.discord_api_url)
    if not settings.on_postgresql:
        with suppress(OSError):  # a folder that can't be created is refused below, with the file's name
            settings.database_path.parent.mkdir(parents=True, exist_ok=True)
        check_file_system(settings.database_path)
    try:
        while await _run_until_stopped(settings):
            log.warning("starting anew", extra={"reason": "the clock was set right"})
    except Stopped:
        log.info("stopped while standing by")


async def _run_until_stopped(settings: Settings) -> bool:
    """Run the bot until it is to stop. Return whether it is to start anew, with another clock.

    Raises:
        StartRefused: the operator has to change a setting or the environment first.
    """
    policy = settings.server_policy
    stop, clock = asyncio.Event(), CheckedClock()
    now, signaled = clock.now, False

    def stop_for_good() -> None:
        nonlocal signaled
        signaled = True
        stop.set()

    def stop_on_signals() -> None:
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, stop_for_good)

    if settings.on_postgresql:  # to stand by may take weeks
        stop_on_signals()
    standby = Standby(stop=stop, shown=lambda: health.serving(settings.listen, health.standby_page))
    async with (
        assemble(
            settings, now=now, dated=clock.compare, clock_confirmed=clock.confirmed, standby=standby
        ) as app,
        health.serving(settings.listen, lambda: _pages(app, stop, clock)) as address,
    ):
        log.info("starting", extra=version.running())
        clock.alert = app.operator_alerts.alert
        if address is not None:
            log.info("health server listening", extra={"address": address})
        stop_on_signals()
        await _log_total(app.database, settings.total_credits_max, now())
        refused: StartRefused | None = None
        try:
            async with asyncio.TaskGroup() as group:
                token = settings.discord_token.get_secret_value()
                restart = group.create_task(_stop_when_set_right(clock, stop))
                await _work(app, partial(_connect, app.client, token, stop, policy), stop, group)
                restart.cancel()
        except* StartRefused as group_of_errors:
            refused = next(error for error in group_of_errors.exceptions if isinstance(error, StartRefused))
        finally:
            await _close(app.client)
        if refused is not None:
            raise refused
    return clock.set_right.is_set() and not signaled


async def _stop_when_set_right(clock: CheckedClock, stop: asyncio.Event) -> None:
    """Stop this run, as SIGTERM would, once the machine's clock was set right after a wrong start."""
    await clock.set_right.wait()
    stop.set()


async def _log_total(database: Database, total_credits_max: int, now: datetime) -> None:
    """Log how much of the operator's credits all servers together have used this month."""
    try:
        used = await database.read(lambda tx: servers.credits_this_month(tx, now))
    except StoreBusy as error:
        log.warning("credits of this month not counted", extra={"error": str(error)})
        return
    log.info("credits of this month", extra={"used": used, "total_credits_max": total_credits_max})


def _pages(app: App, stop: asyncio.Event, clock: CheckedClock) -> web.Application:
    """Return the pages about the running bot: /healthz and /metrics."""
    status = health.Health(
        database=app.database,
        gateway=app.client.cut_off,
        latencies_s=app.client.latencies_s,
        last_round_at=lambda: app.runner.looked_at,
        stopping=stop.is_set,
        storage=app.storage.problem,
        clock=clock.problem,
        now=clock.now,
    )
    return health.application(status, app.metrics, app.database, app.intake.terms.backend, app.upstream_terms)


async def _close(client: discord.Client) -> None:
    """Disconnect from Discord. It may never confirm that; nothing is lost if it doesn't."""
    if client.is_closed():
        return
    try:
        async with asyncio.timeout(CLOSE_WITHIN_S):
            await client.close()
    except TimeoutError:
        log.warning("disconnect not confirmed by Discord")
        await client.http.close()


async def _work(
    app: App, connect: Callable[[], Awaitable[None]], stop: asyncio.Event, group: asyncio.TaskGroup
) -> None:
    """Run all parts concurrently until ``stop``; then finish the jobs first and end the rest."""
    alert = app.operator_alerts.alert

    def start(name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return group.create_task(supervise(name, work, alert))

    runner = start("job runner", app.runner.run)
    others = [
        start("Discord connection", connect),
        start("maintenance", app.maintenance.run),
        start("balance of the music service", app.upstream_balance.run),
        start("operator webhook", app.operator_alerts.run),
        group.create_task(event_loop.watch(app.metrics.lagged)),
        group.create_task(_watch_ownership(app.database)),
    ]
    await stop.wait()
    log.info("stopping")
    app.intake.close()
    app.runner.stop()
    # Concurrently: together they must finish before the service manager sends SIGKILL.
    await asyncio.gather(asyncio.wait([runner]), app.intake.all_answered())
    await _close(app.client)
    # Repeatedly: on Python 3.11 wait_for, which discord.py connects with, can swallow a cancellation.
    while pending := [task for task in others if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_EVERY_S)


async def _watch_ownership(database: Database) -> None:
    """End the process once its database is no longer its own: it can neither pay nor post any more.

    Raises:
        StartRefused: a write has found that.
    """
    reason = await database.until_lost()
    raise StartRefused(
        f"DATABASE_URL: {reason}, so this process has ended; start it again once only one bot uses the file."
    )


async def _connect(
    client: ui.TunesmithClient,
    token: str,
    stop: asyncio.Event,
    policy: servers.ServerPolicy = servers.SERVE_ALL,
) -> None:
    """Keep the bot connected to Discord until it is closed, which ``stop`` precedes.

    Raises:
        StartRefused: Discord does not accept the token.
        Transient: Discord can't be reached.
    """
    if client.is_closed():
        client.reopen()
    try:
        # Otherwise a failed start leaves the HTTP session open (discord.py 2.7.1).
        async with client:
            await client.login(token)
            if policy.is_open and client.application is not None and client.application.bot_public:
                log.warning("strangers can spend credits", extra={"advice": STRANGERS})
            await client.connect()
    except discord.LoginFailure as error:
        raise StartRefused("DISCORD_TOKEN is not accepted by Discord; copy the bot's token again.") from error
    except discord.ConnectionClosed as error:
        if error.code != AUTHENTICATION_FAILED:
            raise
        raise StartRefused(
            "DISCORD_TOKEN is no longer accepted by Discord; copy the bot's token again."
        ) from error
    except (*ui.UNREACHABLE, RuntimeError) as error:  # aiohttp's, for what was closed meanwhile
        if stop.is_set():
            log.info("connection closed while it was made", extra={"error": str(error)})
        elif isinstance(error, RuntimeError):
            raise
        else:
            raise Transient(f"Discord can't be reached ({type(error).__name__})") from error
