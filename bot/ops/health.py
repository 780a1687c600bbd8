"""Whether the bot is well, told on a local port: /healthz for whoever restarts it, /metrics for graphs."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Final

from aiohttp import web

from bot.database.sqlite import Database
from bot.errors import StartRefused, StoreBusy
from bot.ops.metrics import Metrics, Now
from bot.store.facts import remember
from bot.store.totals import totals

ROUND_WITHIN: Final = timedelta(seconds=60)
"""The runner sleeps 30 s at the longest; a round that is older than this was not its last one."""
PROBE_S: Final = 5.0
"""A write gives up after 2 s by itself, unless its thread stands still."""
PROBE_EVERY_S: Final = 1.0
"""However often somebody asks, the disk is not asked more often."""
CLOSE_S: Final = 1.0
PROBE_FACT: Final = "last health check"


class Health:
    """Knows whether the bot is well.

    ``gateway`` tells why no events come in from Discord, or None; ``looked_at`` when the runner last
    went through its round; ``stopping`` whether the end has begun.
    """

    def __init__(
        self,
        *,
        database: Database,
        gateway: Callable[[], str | None],
        latencies_s: Callable[[], Mapping[int, float]],
        looked_at: Callable[[], datetime | None],
        stopping: Callable[[], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._latencies_s = latencies_s
        self._looked_at = looked_at
        self._stopping = stopping
        self._now = now
        self._probing = asyncio.Lock()
        self._probed_at: datetime | None = None
        self._unwritable: str | None = None

    async def problems(self) -> tuple[str, ...]:
        """Why the bot is not well, in words; nothing if it is."""
        if self._stopping():
            return ("stopping",)
        found = (self._gateway(), self._late(), await self._database_problem())
        return tuple(problem for problem in found if problem is not None)

    async def at_present(self) -> Now:
        """What is known of this moment apart from the database."""
        return Now(
            problems=await self.problems(),
            now=self._now(),
            looked_at=self._looked_at(),
            connected=self._gateway() is None,
            latencies_s=self._latencies_s(),
        )

    def _late(self) -> str | None:
        looked_at = self._looked_at()
        if looked_at is None:
            return "the runner has not looked at the jobs yet"
        late = self._now() - looked_at
        if late <= ROUND_WITHIN:
            return None
        return f"the runner has not looked at the jobs for {late.total_seconds():.0f} s"

    async def _database_problem(self) -> str | None:
        """Whether something can be written, tried; who asks at the same time shares the answer."""
        async with self._probing:
            now = self._now()
            fresh = timedelta(seconds=PROBE_EVERY_S)
            if self._probed_at is None or now - self._probed_at >= fresh:
                self._unwritable = await self._probe(now)
                self._probed_at = self._now()
            return self._unwritable

    async def _probe(self, now: datetime) -> str | None:
        try:
            async with asyncio.timeout(PROBE_S):
                await self._database.write(lambda tx: remember(tx, PROBE_FACT, now.isoformat()))
        except TimeoutError:
            return "the database does not answer"
        except StoreBusy as error:
            return str(error)
        except sqlite3.Error as error:
            return f"the database is broken: {error}"
        return None


def application(health: Health, metrics: Metrics, database: Database) -> web.Application:
    """The two pages."""

    async def healthz(_: web.Request) -> web.Response:
        problems = await health.problems()
        text = " ".join("; ".join(problems).split()) or "ok"
        return web.Response(status=503 if problems else 200, text=f"{text}\n", headers=FRESH)

    async def shown(request: web.Request) -> web.Response:
        try:
            found = await database.report(totals)
        except (StoreBusy, sqlite3.Error):
            found = None  # the page says so, and the rest of it is worth as much as before
        body, content_type = metrics.shown(
            found, await health.at_present(), request.headers.get("Accept", "")
        )
        return web.Response(body=body, headers=FRESH | {"Content-Type": content_type})

    made = web.Application()
    made.add_routes([web.get("/healthz", healthz), web.get("/metrics", shown)])
    return made


FRESH: Final = {"Cache-Control": "no-store"}


@asynccontextmanager
async def serving(
    listen: tuple[str, int] | None, make: Callable[[], web.Application]
) -> AsyncIterator[str | None]:
    """The pages under an address, which is given back, until the block ends; None for none.

    Raises:
        StartRefused: nobody can listen there.
    """
    if listen is None:
        yield None
        return
    host, port = listen
    shown = f"[{host}]" if ":" in host else host
    runner = web.AppRunner(make(), access_log=None, handle_signals=False, shutdown_timeout=CLOSE_S)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            number = getattr(error, "errno", None)
            why = os.strerror(number) if number is not None and number > 0 else "no such place"
            raise StartRefused(
                f"HTTP_LISTEN: {shown}:{port} can't be listened on ({why}); choose another port, "
                "or leave it empty for no server."
            ) from None
        yield f"{shown}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
