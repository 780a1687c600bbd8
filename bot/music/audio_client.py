"""Requests for audio through httpx, to public addresses or the music services' own.

The first download imports this module, for the same reason as ``through_httpx``.
"""

from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager

import httpcore
import httpx

from bot import request_log
from bot.about import USER_AGENT
from bot.music.guard import GuardedBackend, GuardedTransport, Resolve, resolve
from bot.music.proxy import ProxiedBackend
from bot.music.through_httpx import translated
from bot.music.tls import tls_context
from bot.proxies import Proxy


class AudioClient:
    """A client for addresses from outside. Get it from ``AudioClient.open``."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        trusted: Collection[str],
        *,
        connect_s: float,
        read_s: float,
        look_up: Resolve | None,
        proxy: Proxy | None,
        network: httpcore.AsyncNetworkBackend | None,
        transport: httpx.AsyncBaseTransport | None,
    ) -> AsyncIterator["AudioClient"]:
        """Open a client; ``trusted`` are "host:port" allowed at private addresses."""
        direct = network or httpcore.AnyIOBackend()
        backend = GuardedBackend(
            trusted,
            look_up or resolve,
            direct if proxy is None else ProxiedBackend(proxy),
            proxied=proxy is not None,
        )
        async with httpx.AsyncClient(
            transport=transport or GuardedTransport(backend),
            headers={"User-Agent": USER_AGENT, "Accept": "audio/*, */*;q=0.5", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(read_s, connect=connect_s),
            follow_redirects=False,
            trust_env=False,
            verify=tls_context(),
        ) as client:
            yield cls(client)

    @asynccontextmanager
    async def get(self, url: str, headers: Mapping[str, str] | None = None) -> AsyncIterator[httpx.Response]:
        """Request a file; its body is read inside.

        Raises:
            Unanswered, OSError: there is no answer, or it was cut off.
            UnicodeError: the host's name can't be encoded.
        """
        with translated(), request_log.asked("GET", url, file=True) as exchange:
            async with self._client.stream("GET", url, headers=headers) as response:
                exchange.status = response.status_code
                yield response
