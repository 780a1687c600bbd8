"""Connections to Discord through a proxy: a TLS tunnel, even inside TLS, and errors while opening it."""

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from aiohttp import web

from bot.proxies import parse_proxy
from bot.ui import discord_proxy
from tests.doubles.proxy import CERTIFICATE, ProxyServer, server_context

KINDS = ["http", "https", "socks5"]
LOGIN = ("ada", "lovelace")


@pytest.fixture
def trusting() -> ssl.SSLContext:
    """The TLS settings of a client that trusts our certificate and no other."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))


@asynccontextmanager
async def service() -> AsyncIterator[tuple[int, list[web.Request]]]:
    """Run a Discord over TLS. Yield its port and the requests that it receives."""
    requests = []

    async def answer(request: web.Request) -> web.Response:
        requests.append(request)
        return web.Response(text="here")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=server_context()).start()
        yield runner.addresses[0][1], requests
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("kind", KINDS)
async def test_discord_is_reached_through_a_tunnel(kind: str, trusting: ssl.SSLContext) -> None:
    async with ProxyServer.open(kind, LOGIN) as proxy, service() as (port, requests):
        options = discord_proxy.session_options(parse_proxy(proxy.url))
        async with (
            aiohttp.ClientSession(**options) as session,
            session.get(f"https://service.test:{port}/", ssl=trusting) as answer,
        ):
            text = await answer.text()

    assert ("here", [("service.test", port)], 0) == (text, proxy.targets, proxy.refused)
    assert [] == [name for name in requests[0].headers if name.lower().startswith("proxy-")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_refusing_proxy_is_a_connection_error(kind: str, trusting: ssl.SSLContext) -> None:
    async with ProxyServer.open(kind, LOGIN) as proxy:
        options = discord_proxy.session_options(parse_proxy(proxy.url.replace("lovelace", "hunter2")))
        async with aiohttp.ClientSession(**options) as session:
            with pytest.raises(aiohttp.ClientError):
                await session.get("https://service.test:443/", ssl=trusting)

    assert ([], 1) == (proxy.targets, proxy.refused)


async def test_a_proxy_whose_certificate_is_not_trusted_is_sent_nothing() -> None:
    async with (
        ProxyServer.open("https", LOGIN) as proxy,
        aiohttp.ClientSession(**discord_proxy.session_options(parse_proxy(proxy.url))) as session,
    ):
        with pytest.raises(aiohttp.ClientError):
            await session.get("https://service.test:443/")

    assert ([], 0) == (proxy.targets, proxy.refused)
