"""Connections to public addresses only.

A task's audio addresses come from outside, so a download must not become a way into the operator's
network. The address is checked at connect time, where no second look-up can return another one.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Collection, Iterable
from typing import Final, TypeAlias

import httpcore
import httpx

from bot.music.tls import tls_context

CONNECTIONS_MAX: Final = 10

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Resolves a host and a port to IP addresses, as text."""

_V4: Final = 4
# Source: https://www.iana.org/assignments/ipv6-address-space, read 2026-11-22. Everything outside this
# block is local, reserved or a translation of IPv4.
_V6_UNICAST: Final = ipaddress.ip_network("2000::/3")
# Source: https://www.iana.org/assignments/iana-ipv4-special-registry and
# https://www.iana.org/assignments/iana-ipv6-special-registry, read 2026-11-22. Networks that Python calls
# global before 3.13 although they lead back to a local network or embed an IPv4 address.
_NOT_PUBLIC: Final = (
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("192.88.99.0/24"),
    ipaddress.ip_network("2001::/32"),
    ipaddress.ip_network("2002::/16"),
    ipaddress.ip_network("3fff::/20"),
)


class _Blocked(httpcore.ConnectError):
    """The name resolves to an address that is not public."""


def is_public(address: str) -> bool:
    """Return whether a connection to this IP address can only reach the internet."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (
        ip.is_global
        and not ip.is_multicast
        and (ip.version == _V4 or ip in _V6_UNICAST)
        and not any(ip in net for net in _NOT_PUBLIC)
    )


async def resolve(host: str, port: int) -> list[str]:
    """Resolve ``host`` with the system's resolver."""
    infos = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(info[4][0]) for info in infos]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Resolves a name once and connects to exactly the address that was checked (no DNS rebinding)."""

    def __init__(
        self,
        trusted: Collection[str],
        look_up: Resolve,
        network: httpcore.AsyncNetworkBackend,
        *,
        proxied: bool = False,
    ) -> None:
        self._proxied = proxied
        self._trusted = trusted
        self._look_up = look_up
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to ``host`` if it is public or a music service's own."""
        if f"{host}:{port}" in self._trusted:
            return await self._network.connect_tcp(host, port, timeout, local_address, socket_options)
        try:
            addresses = await self._look_up(host, port)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that is not valid in a host name
            if self._proxied and isinstance(error, OSError):
                # Behind a proxy, a machine may resolve only its own network's names, and this is not one.
                # The address is https: a certificate for the name proves that the proxy leads outside.
                return await self._network.connect_tcp(host, port, timeout, local_address, socket_options)
            raise httpcore.ConnectError(f"{host} can't be looked up") from error
        # All must be public: a name with one private address is a trap, whichever address would be used.
        if not addresses or not all(is_public(address) for address in addresses):
            raise _Blocked("not a public address")
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue  # for example an IPv6 address on a host without IPv6
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002 - httpcore's interface
        timeout: float | None = None,  # noqa: ASYNC109, ARG002 - httpcore's interface
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - httpcore's interface
    ) -> httpcore.AsyncNetworkStream:
        """Refuse: audio never comes through a Unix socket."""
        raise _Blocked("not a network address")

    async def sleep(self, seconds: float) -> None:
        """Sleep as the wrapped backend does."""
        await self._network.sleep(seconds)


class GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport on a connection pool that uses the guarded backend."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        super().__init__(verify=tls_context())
        # httpx 0.28.1 has no parameter for httpcore's network_backend. Only the pool is replaced: the
        # translation of errors and streams stays httpx's.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls_context(),
            max_connections=CONNECTIONS_MAX,
            max_keepalive_connections=0,
            network_backend=backend,
        )
