"""Connections to the music service through a proxy.

The tunnel is opened below HTTP, as part of connecting. So the paid request is written only into a tunnel
that leads to the service, and any earlier failure raises an error that proves that nothing was sent.
"""

import asyncio
import base64
from collections.abc import Iterable
from typing import Final

import anyio
import h11
import httpcore
import httpx
from httpcore._backends.anyio import (
    AnyIOStream,  # no public class wraps an existing stream
)
from python_socks import ProxyError, ProxyType
from python_socks.async_.anyio.v2 import Proxy as SocksProxy

from bot.about import USER_AGENT
from bot.music.tls import tls_context
from bot.proxies import Proxy, ProxyKind

REPLY_MAX_BYTES: Final = 16 * 1024
"""Maximum size of a proxy's answer to CONNECT, in bytes."""
_FAILED: Final = (
    httpcore.NetworkError,
    httpcore.TimeoutException,
    h11.RemoteProtocolError,
    ProxyError,
    OSError,
    anyio.BrokenResourceError,
    anyio.EndOfStream,
)
"""Errors while a tunnel is being opened."""


class ProxiedBackend(httpcore.AsyncNetworkBackend):
    """Connects through a proxy, which also resolves the names."""

    def __init__(self, proxy: Proxy) -> None:
        self._proxy = proxy
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Return a stream to ``host`` through the proxy.

        Raises:
            httpcore.ConnectError, httpcore.ConnectTimeout: there is no tunnel; nothing was sent to ``host``.
        """
        try:
            async with asyncio.timeout(timeout):
                if self._proxy.kind is ProxyKind.SOCKS5:
                    return await self._connect_by_socks(host, port)
                proxy = self._proxy
                stream = await self._network.connect_tcp(
                    proxy.host, proxy.port, None, local_address, socket_options
                )
                try:
                    if proxy.kind is ProxyKind.HTTPS:
                        stream = await stream.start_tls(tls_context(), proxy.host)
                    await _open_tunnel(stream, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
                except BaseException:  # re-raised; the connection must not stay
                    await stream.aclose()
                    raise
                return stream
        except TimeoutError as error:
            raise httpcore.ConnectTimeout(f"{self._proxy.address} is too slow") from error
        except _FAILED as error:
            # Only the type is reported: the text may come from the proxy.
            raise httpcore.ConnectError(f"{self._proxy.address}: {type(error).__name__}") from error

    async def _connect_by_socks(self, host: str, port: int) -> httpcore.AsyncNetworkStream:
        proxy = SocksProxy(
            ProxyType.SOCKS5,
            self._proxy.host,
            self._proxy.port,
            self._proxy.user or None,
            self._proxy.password or None,
            rdns=True,
        )
        return AnyIOStream((await proxy.connect(host, port)).anyio_stream)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's interface
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - httpcore's interface
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: a Unix socket is on this machine."""
        raise httpcore.ConnectError("no proxy leads to a Unix socket")

    async def sleep(self, seconds: float) -> None:
        """Sleep as the wrapped backend does."""
        await self._network.sleep(seconds)


class ProxiedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport on a connection pool that connects through a proxy."""

    def __init__(self, proxy: Proxy, limits: httpx.Limits) -> None:
        super().__init__(verify=tls_context())
        # httpx 0.28.1 has no parameter for httpcore's network_backend. Only the pool is replaced: the
        # translation of errors and streams stays httpx's.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls_context(),
            max_connections=limits.max_connections,
            max_keepalive_connections=limits.max_keepalive_connections,
            keepalive_expiry=limits.keepalive_expiry,
            network_backend=ProxiedBackend(proxy),
        )


def direct_or_through(proxy: Proxy | None, limits: httpx.Limits) -> httpx.AsyncBaseTransport:
    """Return a transport through the proxy, or a direct one."""
    if proxy is not None:
        return ProxiedTransport(proxy, limits)
    return httpx.AsyncHTTPTransport(verify=tls_context(), trust_env=False, limits=limits)


async def _open_tunnel(stream: httpcore.AsyncNetworkStream, proxy: Proxy, target: str) -> None:
    """Ask an HTTP proxy to connect the stream to ``target``.

    Raises:
        httpcore.ConnectError, h11.RemoteProtocolError: the proxy did not connect it.
    """
    headers = [("Host", target), ("User-Agent", USER_AGENT)]
    if proxy.user:
        pair = base64.b64encode(f"{proxy.user}:{proxy.password}".encode()).decode()
        headers.append(("Proxy-Authorization", f"Basic {pair}"))
    protocol = h11.Connection(h11.CLIENT, max_incomplete_event_size=REPLY_MAX_BYTES)
    request = h11.Request(method="CONNECT", target=target, headers=headers)
    await stream.write((protocol.send(request) or b"") + (protocol.send(h11.EndOfMessage()) or b""))
    while not isinstance(event := protocol.next_event(), h11.Response):
        if event is h11.NEED_DATA:
            protocol.receive_data(await stream.read(REPLY_MAX_BYTES))
        elif not isinstance(event, h11.InformationalResponse):
            raise httpcore.ConnectError("no answer")
    if not httpx.codes.is_success(event.status_code):
        raise httpcore.ConnectError(f"HTTP {event.status_code}")
    if protocol.trailing_data[0]:
        # The client starts TLS, so nothing can have come from the service yet.
        raise httpcore.ConnectError("more than an answer")
