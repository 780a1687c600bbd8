"""The composition root: assembles the parts of the bot for ``bot.lifecycle`` to run."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import datetime
from pathlib import Path

from msgspec import Struct
from prometheus_client import CollectorRegistry

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
    defaults = settings.credit_defaults
    terms = _terms(settings)
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
        epoch = await database.take_over(claims.next_epoch, claims.is_current)
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
            sharding=sharding(settings, database),
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
        privacy = PrivacyService(
            database=database,
            spool=spool,
            erasure=erasure,
            spool_days=settings.spool_days,
            texts_days=settings.words_days,
            now=now,
            woken=woken.set,
        )
        lyrics_payments = LyricsPayments(
            database=database, music=music, terms=terms, now=now, alert=operator_alerts.alert
        )
        lyricist = Lyricist(
            database=database,
            music=music,
            payments=lyrics_payments,
            terms=terms,
            now=now,
            pace=settings.poll_pace,
        )
        client.offer(
            Services(
                intake=intake,
                credits=credit_service,
                rules=ServerRules(database, now=now),
                song_archive=song_archive,
                lyrics=lyricist,
                privacy=privacy,
                ratings=Ratings(database, now=now),
            )
        )
        shutdown_guard = ShutdownGuard()
        upstream_balance = UpstreamBalance(
            database=database,
            music=music.chosen,
            terms=settings.upstream_terms if database.share.leads else None,
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
            give_way=intake.pending.give_way,
        )
        maintenance = Maintenance(
            database=database,
            spool=spool,
            erasure=erasure,
            spool_days=settings.spool_days,
            texts_days=settings.words_days,
            now=now,
            alert=operator_alerts.alert,
            clock_confirmed=clock_confirmed,
            present_servers=client.present_servers,
        )
        yield App(
            database=database,
            intake=intake,
            lyricist=lyricist,
            lyrics_payments=lyrics_payments,
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
