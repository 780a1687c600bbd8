"""The bot's lifecycle: start, supervise, restart with a corrected clock, and stop."""

import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Final

from bot.app import App, assemble
from bot.database.engine import Database
from bot.database.standby import Standby, Stopped
from bot.errors import StartRefused, StoreBusy
from bot.lazy import compile_patterns
from bot.ops import event_loop, health, memory, version
from bot.ops.clock import CheckedClock
from bot.ops.supervisor import supervise
from bot.settings import Settings
from bot.store import servers
from bot.ui import discord_connection
from bot.ui.discord_client import use_api

if TYPE_CHECKING:
    from aiohttp import web

log = logging.getLogger(__name__)

CANCEL_EVERY_S: Final = 0.5


async def run(settings: Settings) -> None:
    """Run the bot until SIGTERM or SIGINT, and finish what must not be cut off.

    Raises:
        StartRefused: the operator has to change a setting or the environment first.
    """
    use_api(settings.discord_api_url)
    try:
        while await _run_until_stopped(settings):
            log.warning("restarting", extra={"reason": "clock corrected"})
    except Stopped:
        log.info("stopped while standing by")


class _Stop:
    """The request to stop, and whether it came by a signal."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.signaled = False

    def listen(self) -> None:
        """Stop on SIGTERM and SIGINT from now on."""
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, self._note_signal)

    def _note_signal(self) -> None:
        self.signaled = True
        self.event.set()


async def _run_until_stopped(settings: Settings) -> bool:
    """Run the bot until it has to stop.

    Returns whether to restart it with a corrected clock.

    Raises:
        StartRefused: the operator has to change a setting or the environment first.
    """
    stop, clock = _Stop(), CheckedClock()
    if settings.on_postgresql:  # standing by may take weeks
        stop.listen()
    standby = Standby(stop=stop.event, shown=lambda: health.serving(settings.listen, health.standby_page))
    async with (
        assemble(
            settings, now=clock.now, dated=clock.compare, clock_confirmed=clock.confirmed, standby=standby
        ) as app,
        health.serving(settings.listen, lambda: _pages(app, stop.event, clock)) as address,
    ):
        log.info("starting", extra=version.running())
        clock.alert = app.operator_alerts.alert
        if address is not None:
            log.info("health server listening", extra={"address": address})
        stop.listen()
        await _log_total(app.database, settings.total_credits_max, clock.now())
        await _run_parts(app, settings, stop.event, clock)
    return clock.set_right.is_set() and not stop.signaled


async def _run_parts(app: App, settings: Settings, stop: asyncio.Event, clock: CheckedClock) -> None:
    """Run all parts until ``stop``, and close the connection to Discord.

    Raises:
        StartRefused: a part found that the operator has to change something first.
    """
    token = settings.discord_token.get_secret_value()
    connect = partial(discord_connection.connect, app.client, token, stop, settings.server_policy)
    refused: StartRefused | None = None
    try:
        async with asyncio.TaskGroup() as group:
            restart = group.create_task(_stop_when_set_right(clock, stop))
            await _work(app, connect, stop, group)
            restart.cancel()
    except* StartRefused as group_of_errors:
        refused = next(error for error in group_of_errors.exceptions if isinstance(error, StartRefused))
    finally:
        await discord_connection.close(app.client)
    if refused is not None:
        raise refused


async def _stop_when_set_right(clock: CheckedClock, stop: asyncio.Event) -> None:
    """Stop as SIGTERM would once a clock that was wrong at startup is corrected."""
    await clock.set_right.wait()
    stop.set()


async def _log_total(database: Database, total_credits_max: int, now: datetime) -> None:
    """Log how many credits all servers together have used this month."""
    try:
        used = await database.read(lambda tx: servers.credits_this_month(tx, now))
    except StoreBusy as error:
        log.warning("credits this month not counted", extra={"error": str(error)})
        return
    log.info("credits this month", extra={"used": used, "total_credits_max": total_credits_max})


def _pages(app: App, stop: asyncio.Event, clock: CheckedClock) -> "web.Application":
    """Return the running bot's status pages: /healthz and /metrics."""
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


async def _work(
    app: App, connect: Callable[[], Awaitable[None]], stop: asyncio.Event, group: asyncio.TaskGroup
) -> None:
    """Run all parts until ``stop``; then finish the jobs before ending the rest."""
    alert = app.operator_alerts.alert

    def start(name: str, work: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        return group.create_task(supervise(name, work, alert))

    runner = start("job runner", app.runner.run)
    others = [
        start("Discord connection", connect),
        start("maintenance", app.maintenance.run),
        start("balance of the music service", app.upstream_balance.run),
        start("lyrics of other slots", app.lyrics_payments.run),
        start("operator webhook", app.operator_alerts.run),
        group.create_task(event_loop.watch(app.metrics.lagged)),
        group.create_task(memory.collect_when_quiet(app.intake.pending.is_quiet)),
        group.create_task(_watch_ownership(app.database)),
        group.create_task(_warm_up(app.client.connected, app.intake.pending.is_quiet)),
    ]
    await stop.wait()
    log.info("stopping")
    app.intake.close()
    app.lyricist.close()
    app.lyrics_payments.close()
    app.runner.stop()
    # Concurrently: together they must finish before the service manager sends SIGKILL.
    await asyncio.gather(
        asyncio.wait([runner]), app.intake.pending.all_answered(), app.lyrics_payments.all_paid()
    )
    await discord_connection.close(app.client)
    # Repeatedly: on Python 3.11 wait_for, which discord.py connects with, can swallow a cancellation.
    while pending := [task for task in others if not task.done()]:
        for task in pending:
            task.cancel()
        await asyncio.wait(pending, timeout=CANCEL_EVERY_S)


async def _warm_up(connected: asyncio.Event, is_quiet: Callable[[float], bool]) -> None:
    """Compile the patterns after the start, while no member waits for an answer."""
    await connected.wait()
    patterns = compile_patterns()
    while True:
        await asyncio.sleep(memory.LOOK_EVERY_S)  # requests that waited for the connection come first
        for _ in patterns:
            await asyncio.sleep(0)
            if not is_quiet(memory.QUIET_S):
                break
        else:
            return


async def _watch_ownership(database: Database) -> None:
    """End the process once it loses its database and can no longer pay or post.

    Raises:
        StartRefused: a write found that the database is lost.
    """
    reason = await database.until_lost()
    raise StartRefused(
        f"DATABASE_URL: {reason}, so this process stopped; start it again once only one bot uses the file."
    )
