"""The composition root: assembles the parts of the bot for ``bot.lifecycle`` to run."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

from msgspec import Struct

from bot.database.engine import Database
from bot.database.facts import COMMANDS_FACT, fact, remember
from bot.database.opening import open_database
from bot.database.standby import Standby
from bot.errors import StartRefused
from bot.model import Backend, JobId, JobState
from bot.music.backends import contract, plain_contract
from bot.music.client import MusicClient
from bot.music.clients import MusicClients
from bot.music.downloads import AudioSource
from bot.music.spool import Spool
from bot.ops.metrics import Metrics
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
from bot.services.intake import Intake
from bot.services.lyrics import Lyricist
from bot.services.lyrics_payments import LyricsPayments
from bot.services.privacy import PrivacyService
from bot.services.ratings import Ratings
from bot.services.server_rules import ServerRules
from bot.services.songs import SongArchive
from bot.services.terms import Terms
from bot.settings import Settings
from bot.store import claims
from bot.store.upstream import UpstreamTerms
from bot.threads import keep_names_apart
from bot.ui import discord_client as ui
from bot.ui.dependencies import Services
from bot.ui.discord_courier import DiscordCourier
from bot.ui.operator_alerts import OperatorAlerts
from bot.ui.sharding import Sharding

log = logging.getLogger(__name__)


class App(Struct, frozen=True, kw_only=True):
    """The parts of the bot that its callers start, stop or use."""

    database: Database
    intake: Intake
    lyricist: Lyricist
    lyrics_payments: LyricsPayments
    song_archive: SongArchive
    privacy: PrivacyService
    runner: Runner
    maintenance: Maintenance
    upstream_balance: UpstreamBalance
    upstream_terms: UpstreamTerms | None
    operator_alerts: OperatorAlerts
    client: ui.TunesmithClient
    metrics: Metrics
    storage: Storage


class _Base(Struct, frozen=True, kw_only=True):
    """Everything that has to be closed, and what several parts share."""

    settings: Settings
    terms: Terms
    now: Callable[[], datetime]
    metrics: Metrics
    operator_alerts: OperatorAlerts
    database: Database
    music: MusicClients
    audio: AudioSource
    storage: Storage
    spool: Spool
    erasure: Erasure
    turns: SendTurns
    woken: asyncio.Event
    """Set when there is work for the runner."""


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
    """Wire up all parts, connected to no outside service yet; close them on exit.

    ``dated`` receives Discord's time from its responses; ``clock_confirmed`` returns once the bot's clock
    agrees with it. On PostgreSQL, waits until no other process has the database; ``standby`` says how.

    Raises:
        StartRefused: the database or the spool can't be used.
        Stopped: the process was asked to stop while waiting.
    """
    async with _open_base(settings, now=now, standby=standby) as base:
        epoch = await base.database.take_over(claims.next_epoch, claims.is_current)
        client = _client(base, dated)
        courier = around_courier(DiscordCourier(client))
        lyrics_payments = _lyrics_payments(base)
        services = _services(base, courier, lyrics_payments)
        client.offer(services)
        upstream_balance = _upstream_balance(base)
        yield App(
            database=base.database,
            intake=services.intake,
            lyricist=services.lyrics,
            lyrics_payments=lyrics_payments,
            song_archive=services.song_archive,
            privacy=services.privacy,
            runner=_runner(base, courier, services.intake, upstream_balance, epoch),
            maintenance=_maintenance(base, client, clock_confirmed),
            upstream_balance=upstream_balance,
            upstream_terms=settings.upstream_terms,
            operator_alerts=base.operator_alerts,
            client=client,
            metrics=base.metrics,
            storage=base.storage,
        )


@asynccontextmanager
async def _open_base(
    settings: Settings, *, now: Callable[[], datetime], standby: Standby | None
) -> AsyncIterator[_Base]:
    """Open what has to be closed: the database first, so that it is closed last."""
    terms = _terms(settings)
    keep_names_apart(asyncio.get_running_loop())
    metrics = Metrics(total_credits_max=settings.total_credits_max)
    webhook = settings.operator_webhook_url
    operator_alerts = OperatorAlerts(
        None if webhook is None else webhook.get_secret_value(), settings.proxy_to_discord
    )
    _prepare(settings.spool_dir)
    async with (
        open_database(
            settings.database_url.get_secret_value(),
            takeover_s=settings.takeover_s,
            processes=settings.processes,
            wrote=metrics.wrote,
            standby=standby,
        ) as database,
        _open_clients(settings, now=now, metrics=metrics) as music,
        AudioSource.open(
            origins=[client.origin for client in music.clients.values()], proxy=settings.proxy_to_music
        ) as audio,
        Storage.open(database.files, settings.spool_dir, operator_alerts.alert) as storage,
    ):
        spool = Spool(settings.spool_dir)
        yield _Base(
            settings=settings,
            terms=terms,
            now=now,
            metrics=metrics,
            operator_alerts=operator_alerts,
            database=database,
            music=music,
            audio=audio,
            storage=storage,
            spool=spool,
            erasure=Erasure(database, spool, now=now),
            turns=SendTurns(),
            woken=asyncio.Event(),
        )


def _client(base: _Base, dated: Callable[[datetime], None]) -> ui.TunesmithClient:
    database = base.database
    return ui.TunesmithClient(
        registered=lambda: database.read(lambda tx: fact(tx, COMMANDS_FACT)),
        register=lambda digest: database.write(lambda tx: remember(tx, COMMANDS_FACT, digest)),
        dated=dated,
        proxy=base.settings.proxy_to_discord,
        sharding=sharding(base.settings, database),
    )


def _lyrics_payments(base: _Base) -> LyricsPayments:
    return LyricsPayments(
        database=base.database,
        music=base.music,
        terms=base.terms,
        now=base.now,
        alert=base.operator_alerts.alert,
    )


def _services(base: _Base, courier: Courier, lyrics_payments: LyricsPayments) -> Services:
    """Return what members and managers can ask for."""
    settings, database, now = base.settings, base.database, base.now
    return Services(
        intake=Intake(
            database,
            base.terms,
            now=now,
            woken=base.woken.set,
            alert=base.operator_alerts.alert,
            storage_problem=base.storage.problem,
        ),
        credits=CreditService(database, settings.credit_defaults, price=settings.song_credits, now=now),
        rules=ServerRules(database, now=now),
        song_archive=SongArchive(
            database=database,
            spool=base.spool,
            audio=base.audio,
            music=base.music,
            courier=courier,
            defaults=settings.credit_defaults,
            now=now,
            turns=base.turns,
        ),
        lyrics=Lyricist(
            database=database,
            music=base.music,
            payments=lyrics_payments,
            terms=base.terms,
            now=now,
            pace=settings.poll_pace,
        ),
        privacy=PrivacyService(
            database=database,
            spool=base.spool,
            erasure=base.erasure,
            spool_days=settings.spool_days,
            texts_days=settings.words_days,
            now=now,
            woken=base.woken.set,
        ),
        ratings=Ratings(database, now=now),
    )


def _upstream_balance(base: _Base) -> UpstreamBalance:
    return UpstreamBalance(
        database=base.database,
        music=base.music.chosen,
        terms=base.settings.upstream_terms if base.database.share.leads else None,
        now=base.now,
        alert=base.operator_alerts.alert,
    )


def _runner(
    base: _Base, courier: Courier, intake: Intake, upstream_balance: UpstreamBalance, epoch: int
) -> Runner:
    """Return the runner of jobs, with the steps that it takes."""
    shutdown_guard = ShutdownGuard()

    def moved(job_id: JobId, state: JobState) -> None:
        base.metrics.moved(job_id, state)
        upstream_balance.moved(state)

    steps = Steps(
        database=base.database,
        music=base.music,
        audio=base.audio,
        spool=base.spool,
        courier=courier,
        defaults=base.settings.credit_defaults,
        now=base.now,
        shutdown_guard=shutdown_guard,
        alert=base.operator_alerts.alert,
        pace=base.settings.poll_pace,
        moved=moved,
        storage_problem=base.storage.problem,
    )
    return Runner(
        database=base.database,
        steps=steps,
        courier=courier,
        erasure=base.erasure,
        shutdown_guard=shutdown_guard,
        epoch=epoch,
        defaults=base.settings.credit_defaults,
        now=base.now,
        woken=base.woken,
        turns=base.turns,
        give_way=intake.pending.give_way,
    )


def _maintenance(
    base: _Base, client: ui.TunesmithClient, clock_confirmed: Callable[[], Awaitable[None]]
) -> Maintenance:
    return Maintenance(
        database=base.database,
        spool=base.spool,
        erasure=base.erasure,
        spool_days=base.settings.spool_days,
        texts_days=base.settings.words_days,
        now=base.now,
        alert=base.operator_alerts.alert,
        clock_confirmed=clock_confirmed,
        present_servers=client.present_servers,
    )


def _terms(settings: Settings) -> Terms:
    """Return the terms of requests; options that the music service lacks are logged and not offered."""
    can = plain_contract(settings.music_backend).capabilities
    extras = settings.music_extras and can.avoid and can.voice
    if settings.music_extras and not extras:
        log.warning("extras not offered", extra={"backend": settings.music_backend})
    lyrics = can.lyrics if settings.music_lyrics else None
    if settings.music_lyrics and lyrics is None:
        log.warning("lyrics not offered", extra={"backend": settings.music_backend})
    return Terms(
        backend=settings.music_backend,
        models=settings.music_models,
        price_credits=settings.song_credits,
        open_per_member=settings.open_jobs_per_member,
        open_per_guild=settings.open_jobs_per_guild,
        server_policy=settings.server_policy,
        total_credits_max=settings.total_credits_max,
        defaults=settings.credit_defaults,
        extras=extras,
        lyrics=lyrics,
        extras_with_prompt=can.extras_with_prompt,
        duration_models=frozenset(model for model in settings.music_models if can.takes_duration(model)),
    )


def sharding(settings: Settings, database: Database) -> Sharding:
    """Return this process's shards, and how it takes turns to start them."""
    if not settings.on_postgresql and settings.shard_count is None:
        return Sharding()
    return Sharding(share=database.share, count=settings.shard_count, turn=database.turn_to_identify)


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
    """Open a client for a music service whose key is set."""
    metrics = metrics or Metrics()
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
