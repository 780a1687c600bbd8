"""Requests through httpx, whose errors reveal whether a byte was sent.

The first request imports this module: httpx and its dependencies occupy 3 MB.
"""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import httpx

from bot import request_log
from bot.music.proxy import direct_or_through
from bot.music.queries import QUERIES_AT_ONCE_MAX, Answer, NotSent, Unanswered, bounded
from bot.proxies import Proxy

_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
)
"""Errors that prove that no byte of the request was sent."""


class ThroughHttpx:
    """Requests through a client of httpx. Get it from ``ThroughHttpx.open``."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        headers: Mapping[str, str],
        *,
        connect_s: float,
        read_s: float,
        keeps_alive: bool,
        proxy: Proxy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> AsyncIterator["ThroughHttpx"]:
        """Open connections with these headers and deadlines.

        ``transport`` replaces network and proxy.
        """
        limits = (
            httpx.Limits(max_connections=QUERIES_AT_ONCE_MAX)
            if keeps_alive
            else httpx.Limits(max_keepalive_connections=0)
        )
        async with httpx.AsyncClient(
            headers=headers,
            timeout=httpx.Timeout(read_s, connect=connect_s),
            follow_redirects=False,  # the key must not travel
            trust_env=False,  # nor be replaced by a ~/.netrc
            transport=transport or direct_or_through(proxy, limits),
        ) as client:
            yield cls(client)

    async def get(self, url: str) -> Answer:
        """Return the answer to a query."""
        return await self._ask("GET", url, None)

    async def post(self, url: str, json: object) -> Answer:
        """Return the answer to a request with a body.

        Raises:
            NotSent: the request never left.
            Unanswered, OSError, TooLarge: the outcome is unknown.
        """
        return await self._ask("POST", url, json)

    async def _ask(self, method: str, url: str, json: object | None) -> Answer:
        with translated(), request_log.asked(method, url) as exchange:
            async with self._client.stream(method, url, json=json) as response:
                exchange.status = response.status_code
                # Raw: httpx would decompress without a limit.
                body = await bounded(response.aiter_raw())
                return Answer(status=response.status_code, headers=response.headers, body=body)


@contextmanager
def translated() -> Iterator[None]:
    """Raise our own errors in place of httpx's."""
    try:
        yield
    except _NEVER_LEFT as error:
        raise NotSent(type(error).__name__) from error
    except httpx.HTTPError as error:
        raise Unanswered(type(error).__name__) from error
