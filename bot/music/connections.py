"""Connections to a music service: fresh ones for paid requests, kept ones for free queries."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from msgspec import Struct

from bot.music.lazy_client import LazyClient
from bot.music.queries import Answer, Direct, Queries
from bot.proxies import Proxy

if TYPE_CHECKING:
    import httpx

    from bot.music.through_httpx import ThroughHttpx


class LateQueries:
    """Queries through a client opened by the first one."""

    def __init__(self, client: "LazyClient[ThroughHttpx]") -> None:
        self._client = client

    async def get(self, url: str) -> Answer:
        """Return the answer."""
        return await (await self._client.opened()).get(url)


class Connections(Struct, frozen=True, kw_only=True):
    """A client for each kind of request."""

    posts: "LazyClient[ThroughHttpx]"
    queries: Queries


@asynccontextmanager
async def open_connections(
    headers: Mapping[str, str],
    *,
    connect_s: float,
    post_s: float,
    query_s: float,
    proxy: Proxy | None,
    transport: "httpx.AsyncBaseTransport | None",
) -> AsyncIterator[Connections]:
    """Open connections with these headers and deadlines.

    ``transport`` replaces the network and the proxy.
    """

    def through_httpx(read_s: float, *, keeps_alive: bool) -> "AbstractAsyncContextManager[ThroughHttpx]":
        from bot.music.through_httpx import ThroughHttpx  # noqa: PLC0415 - by the first request

        return ThroughHttpx.open(
            headers,
            connect_s=connect_s,
            read_s=read_s,
            keeps_alive=keeps_alive,
            proxy=proxy,
            transport=transport,
        )

    async with AsyncExitStack() as stack:
        # The server can close a kept-alive connection at any moment, and a POST sent meanwhile has an
        # unknown outcome: 259 of 1,500, against 3 on fresh connections.
        posts = LazyClient(stack, lambda: through_httpx(post_s, keeps_alive=False))
        queries: Queries
        if transport is None and proxy is None:
            queries = await stack.enter_async_context(
                Direct.open(headers, connect_s=connect_s, read_s=query_s)
            )
        else:
            queries = LateQueries(LazyClient(stack, lambda: through_httpx(query_s, keeps_alive=True)))
        yield Connections(posts=posts, queries=queries)
