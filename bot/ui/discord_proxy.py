"""Connections to Discord through a proxy: REST, gateway, attachments, and the operator's webhook."""

from typing import Any

import aiohttp

from bot.proxies import Proxy, ProxyKind


def connector_through(proxy: Proxy, *, limit: int) -> aiohttp.BaseConnector | None:
    """Return a connector for a SOCKS5 proxy; None for HTTP(S), which aiohttp handles."""
    if proxy.kind is not ProxyKind.SOCKS5:
        return None
    from bot.ui.discord_socks import socks_connector  # noqa: PLC0415 - few use such a proxy

    return socks_connector(proxy, limit=limit)


def http_options(proxy: Proxy | None) -> dict[str, Any]:
    """Return the arguments that give a session or discord.py an HTTP or HTTPS proxy."""
    if proxy is None or proxy.kind is ProxyKind.SOCKS5:
        return {}
    return {"proxy": proxy.url}


def session_options(proxy: Proxy | None, *, limit: int = 10) -> dict[str, Any]:
    """Return the arguments that let an aiohttp session reach Discord through a proxy."""
    if proxy is None:
        return {}
    return {"connector": connector_through(proxy, limit=limit), **http_options(proxy)}
