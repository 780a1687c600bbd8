"""Connections to Discord through a proxy: REST, gateway, attachments, and the operator's webhook."""

from typing import Any

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError
from python_socks import ProxyType

from bot.proxies import Proxy, ProxyKind


class ProxyFailed(aiohttp.ClientConnectionError):
    """The proxy can't be reached, or does not connect. A ClientError, as of every other connection."""


class _SocksConnector(ProxyConnector):
    async def _wrap_create_connection(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - aiohttp's own
        try:
            return await super()._wrap_create_connection(*args, **kwargs)
        except (ProxyConnectionError, ProxyError, ProxyTimeoutError) as error:
            # Its text may come from the proxy.
            raise ProxyFailed(type(error).__name__) from error


def connector_through(proxy: Proxy, *, limit: int) -> aiohttp.BaseConnector | None:
    """Return a connector to Discord by SOCKS5, or None for HTTP and HTTPS, which aiohttp does itself."""
    if proxy.kind is not ProxyKind.SOCKS5:
        return None
    return _SocksConnector(
        proxy.host,
        proxy.port,
        ProxyType.SOCKS5,
        proxy.user or None,
        proxy.password or None,
        rdns=True,
        limit=limit,
    )


def http_options(proxy: Proxy | None) -> dict[str, Any]:
    """Return what a session or discord.py is given for a proxy by HTTP or HTTPS."""
    if proxy is None or proxy.kind is ProxyKind.SOCKS5:
        return {}
    return {"proxy": proxy.url}


def session_options(proxy: Proxy | None, *, limit: int = 10) -> dict[str, Any]:
    """Return what an aiohttp session is given to reach Discord through a proxy."""
    if proxy is None:
        return {}
    return {"connector": connector_through(proxy, limit=limit), **http_options(proxy)}
