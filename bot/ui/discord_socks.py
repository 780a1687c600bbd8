"""Connections to Discord through a SOCKS5 proxy."""

from typing import Any

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError
from python_socks import ProxyType

from bot.proxies import Proxy


class ProxyFailed(aiohttp.ClientConnectionError):
    """The proxy is unreachable or does not connect; a ClientError like other connection failures."""


class _SocksConnector(ProxyConnector):
    async def _wrap_create_connection(self, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - aiohttp's own
        try:
            return await super()._wrap_create_connection(*args, **kwargs)
        except (ProxyConnectionError, ProxyError, ProxyTimeoutError) as error:
            # Its text may come from the proxy.
            raise ProxyFailed(type(error).__name__) from error


def socks_connector(proxy: Proxy, *, limit: int) -> aiohttp.BaseConnector:
    """Return a connector through the proxy, which also resolves host names."""
    return _SocksConnector(
        proxy.host,
        proxy.port,
        ProxyType.SOCKS5,
        proxy.user or None,
        proxy.password or None,
        rdns=True,
        limit=limit,
    )
