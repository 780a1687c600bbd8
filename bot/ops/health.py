"""The HTTP server for monitoring: /healthz reports whether the bot is healthy, /metrics serves Prometheus."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, cast

from bot.database.engine import Database, DatabaseError, Tx
from bot.database.facts import remember
from bot.errors import StartRefused, StoreBusy
from bot.lazy import lazy
from bot.model import Backend
from bot.ops.metrics import Metrics, Now
from bot.store import upstream
from bot.store.totals import Totals, totals
from bot.store.upstream import Upstream, UpstreamTerms

if TYPE_CHECKING:
    from aiohttp import web

    from bot.ops import metrics_page as rendering
else:
    # A tenth of all imports, needed only with HTTP_LISTEN.
    web, rendering = lazy("aiohttp.web"), lazy("bot.ops.metrics_page")

ROUND_WITHIN: Final = timedelta(seconds=60)
"""Maximum age of the runner's last round. The runner sleeps at most 30 s, so an older one means it hangs."""
PROBE_S: Final = 5.0
"""Timeout for a test write, in seconds. A write gives up by itself after 2 s, unless its thread hangs."""
PROBE_EVERY_S: Final = 1.0
"""Minimum interval between test writes, in seconds, however often /healthz is requested."""
CLOSE_S: Final = 1.0
"""Timeout for open requests at shutdown, in seconds."""
CONNECTIONS_MAX: Final = 32
"""Maximum number of open connections; one more closes the oldest."""
ACCEPTED_MAX: Final = 32
"""Maximum number of connections accepted in a row; only then are those they displaced closed."""
CONNECTION_S: Final = 30.0
"""Maximum lifetime of a connection, idle or not, in seconds."""
IDLE_S: Final = 5.0
"""How long a connection may wait for its next request, in seconds."""
FRESH: Final = {"Cache-Control": "no-store"}
PROBE_FACT: Final = "last health check"


class Health:
    """Determines whether the bot is healthy.

    ``gateway`` returns why no events arrive from Discord, ``storage`` why songs can't be stored, and
    ``clock`` how far the machine's clock is off; each returns None if all is well. ``last_round_at`` returns
    when the runner last completed a round, and ``stopping`` whether the bot is shutting down.
    """

    def __init__(
        self,
        *,
        database: Database,
        gateway: Callable[[], str | None],
        latencies_s: Callable[[], Mapping[int, float]],
        last_round_at: Callable[[], datetime | None],
        stopping: Callable[[], bool],
        storage: Callable[[], Awaitable[str | None]],
        clock: Callable[[], str | None],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._gateway = gateway
        self._latencies_s = latencies_s
        self._last_round_at = last_round_at
        self._stopping = stopping
        self._storage = storage
        self._clock = clock
        self._now = now
        self._probing = asyncio.Lock()
        self._probed_at: datetime | None = None
        self._unwritable: str | None = None

    async def problems(self) -> tuple[str, ...]:
        """Return why the bot is not healthy; empty if it is."""
        if self._stopping():
            return ("stopping",)
        problems = (
            self._gateway(),
            self._runner_problem(),
            await self._database_problem(),
            await self._storage(),
            self._clock(),
        )
        return tuple(problem for problem in problems if problem is not None)

    async def current(self) -> Now:
        """Return the current state, apart from what is in the database."""
        return Now(
            problems=await self.problems(),
            now=self._now(),
            last_round_at=self._last_round_at(),
            connected=self._gateway() is None,
            latencies_s=self._latencies_s(),
        )

    def _runner_problem(self) -> str | None:
        last_round_at = self._last_round_at()
        if last_round_at is None:
            return "the job runner has not completed a round yet"
        age = self._now() - last_round_at
        if age <= ROUND_WITHIN:
            return None
        return f"the job runner has not completed a round for {age.total_seconds():.0f} s"

    async def _database_problem(self) -> str | None:
        """Test whether the database can be written to; concurrent callers share the result."""
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
            return "the database does not respond"
        except StoreBusy as error:
            return str(error)
        except (DatabaseError, sqlite3.Error) as error:
            return f"database error: {error}"
        return None


def application(
    health: Health,
    metrics: Metrics,
    database: Database,
    backend: Backend,
    upstream_terms: UpstreamTerms | None = None,
) -> "web.Application":
    """Return the application with both pages; ``backend`` is the service that makes new songs.

    ``upstream_terms`` is None if that service reports no balance.
    """

    async def healthz(_: "web.Request") -> "web.Response":
        problems = await health.problems()
        text = " ".join("; ".join(problems).split()) or "ok"
        return web.Response(status=503 if problems else 200, text=f"{text}\n", headers=FRESH)

    async def metrics_page(request: "web.Request") -> "web.Response":
        current = await health.current()
        sums: Totals | None
        balance: Upstream | None

        def read(tx: Tx) -> tuple[Totals, Upstream | None]:
            now, terms = current.now, upstream_terms
            return totals(tx, now, backend), None if terms is None else upstream.compare_and_average(
                tx, terms, now
            )

        try:
            # In a fleet, only the leader reads the totals.
            sums, balance = await database.report(read) if database.share.leads else (None, None)
        except (StoreBusy, DatabaseError, sqlite3.Error):
            sums = balance = None  # the page reports it, and its other metrics are still valid
        accept = request.headers.get("Accept", "")
        body, content_type = rendering.render(metrics, sums, current, accept, balance, database.share)
        return web.Response(body=body, headers=FRESH | {"Content-Type": content_type})

    pages = web.Application()
    pages.add_routes([web.get("/healthz", healthz), web.get("/metrics", metrics_page)])
    return pages


def standby_page() -> "web.Application":
    """Return the page of a standby process: healthy, and reported as standing by."""

    async def healthz(_: "web.Request") -> "web.Response":
        return web.Response(text="standing by\n", headers=FRESH)

    pages = web.Application()
    pages.add_routes([web.get("/healthz", healthz)])
    return pages


class _Connection(asyncio.Protocol):
    """Passes a connection on to aiohttp; bounds the number of connections and the lifetime of each.

    Otherwise idle connections could exhaust the process's file descriptors, and with them cut off the bot
    from Discord and the music API.
    """

    def __init__(
        self, handler: asyncio.Protocol, connections: "dict[_Connection, asyncio.Transport]"
    ) -> None:
        self._handler = handler
        self._connections = connections
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Make room for the connection, and set its deadline."""
        stream = cast("asyncio.Transport", transport)
        while len(self._connections) >= CONNECTIONS_MAX:
            oldest = next(iter(self._connections))
            self._connections.pop(oldest).abort()
        self._connections[self] = stream
        self._deadline = asyncio.get_running_loop().call_later(CONNECTION_S, stream.abort)
        self._handler.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free the connection's place."""
        self._connections.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
        self._handler.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Forward the received data."""
        self._handler.data_received(data)

    def eof_received(self) -> bool | None:
        """Forward the end of the client's data."""
        return self._handler.eof_received()

    def pause_writing(self) -> None:
        """Forward the request to pause, since the client reads too slowly."""
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        """Forward the request to resume, since the client has caught up."""
        self._handler.resume_writing()


@asynccontextmanager
async def serving(
    listen: tuple[str, int] | None, make: Callable[[], "web.Application"]
) -> AsyncIterator[str | None]:
    """Serve the pages until the block ends; yield their address, or None if nothing is served.

    Raises:
        StartRefused: the address can't be listened on.
    """
    if listen is None:
        yield None
        return
    host, port = listen
    address = f"[{host}]" if ":" in host else host
    runner = web.AppRunner(
        make(),
        access_log=None,
        handle_signals=False,
        shutdown_timeout=CLOSE_S,
        keepalive_timeout=IDLE_S,
    )
    await runner.setup()
    handle = runner.server
    assert handle is not None  # noqa: S101 - setup() has created it
    connections: dict[_Connection, asyncio.Transport] = {}
    listener: asyncio.Server | None = None
    try:
        try:
            listener = await asyncio.get_running_loop().create_server(
                lambda: _Connection(handle(), connections), host, port, backlog=ACCEPTED_MAX
            )
        except (OSError, UnicodeError) as error:
            number = getattr(error, "errno", None)
            reason = os.strerror(number) if number is not None and number > 0 else "no such address"
            raise StartRefused(
                f"HTTP_LISTEN: can't listen on {address}:{port} ({reason}); choose another port, "
                "or leave it empty for no server."
            ) from None
        yield f"{address}:{listener.sockets[0].getsockname()[1]}"
    finally:
        if listener is not None:
            listener.close()
        await runner.cleanup()
