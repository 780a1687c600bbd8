"""A proxy to the music service: the paid request leaves through a tunnel, or provably does not leave."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import httpcore
import httpx
import pytest

from bot.music import client as clients
from bot.music import proxy as proxies
from bot.music import wire
from bot.music.client import MusicClient
from bot.music.guard import GuardedBackend
from bot.music.proxy import REPLY_MAX_BYTES, ProxiedBackend
from bot.music.sseedance import Sseedance
from bot.proxies import Proxy, parse_proxy
from tests import make
from tests.doubles.proxy import CERTIFICATE, ProxyServer, server_context

KEY = "sk-test-0123456789"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def listening(serve: Serve, context: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Run a server on a free port, and close its connections with it."""
    tasks: set[asyncio.Task[None]] = set()

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            # asyncio would report connections that end by cancellation.
            with suppress(asyncio.CancelledError):
                await serve(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def connected(url: str, proxy: Proxy) -> AsyncIterator[MusicClient]:
    async with MusicClient.open(
        url=url, key=KEY, contract=Sseedance(), now=make.Clock(), proxy=proxy
    ) as client:
        yield client


@pytest.fixture
def trusting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the certificate of the service's double, and no other."""
    context = ssl.create_default_context(cafile=str(CERTIFICATE))
    monkeypatch.setattr(proxies, "tls_context", lambda: context)


@asynccontextmanager
async def service(answer: bytes) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Run a music service over TLS. Yield its port and the requests that it receives."""
    requests = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(answer), answer))
        await writer.drain()

    async with listening(serve, server_context()) as port:
        yield port, requests


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
@pytest.mark.parametrize("login", [None, ("ada", "lovelace")])
async def test_a_paid_request_reaches_the_service_in_a_tunnel(
    kind: str, login: tuple[str, str] | None
) -> None:
    async with (
        ProxyServer.open(kind, login) as server,
        service(b'{"taskId": "task-1"}') as (port, requests),
        connected(f"https://service.test:{port}", parse_proxy(server.url)) as client,
    ):
        answer = await client.submit(make.prompt())

    assert [("service.test", port)] == server.targets
    assert 1 == len(requests)
    assert not isinstance(answer, wire.Busy)
    assert b"proxy-" not in requests[0].lower()


@pytest.mark.usefixtures("trusting")
async def test_an_untrusted_server_behind_the_proxy_gets_no_request() -> None:
    async with (
        ProxyServer.open("socks5") as server,
        service(b"{}") as (port, requests),
        connected(f"https://stranger.test:{port}", parse_proxy(server.url)) as client,
    ):
        answer = await client.submit(make.prompt())

    assert wire.Busy("ConnectError", offline=True) == answer
    assert [] == requests


async def test_a_proxy_whose_certificate_is_not_trusted_is_sent_nothing() -> None:
    async with (
        ProxyServer.open("https", ("ada", "lovelace")) as server,
        connected("https://service.test", parse_proxy(server.url)) as client,
    ):
        answer = await client.submit(make.prompt())

    assert wire.Busy("ConnectError", offline=True) == answer
    assert ([], 0) == (server.targets, server.refused)


# -- no tunnel


def answering(*parts: bytes) -> Serve:
    """Return a handler that reads the first bytes, writes these and hangs up."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        for part in parts:
            writer.write(part)
            await writer.drain()

    return serve


async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
    """Read without ever answering."""
    while await reader.read(4096):
        continue


UNUSABLE = {
    "hangs up": answering(),
    "no HTTP": answering(b"hello\r\n\r\n"),
    "half an answer": answering(b"HTTP/1.1 200 OK\r\n"),
    "refusal": answering(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno"),
    "broken gateway": answering(b"HTTP/1.1 502 Bad Gateway\r\n\r\n"),
    "login wanted": answering(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n"),
    "redirect": answering(b"HTTP/1.1 302 Found\r\nLocation: http://login.example/\r\n\r\n"),
    "more than an answer": answering(b"HTTP/1.1 200 OK\r\n\r\n<html>"),
    "endless": answering(*[b"HTTP/1.1 200 OK\r\n", *[b"X: y\r\n" * 1000] * (REPLY_MAX_BYTES // 1000)]),
    "no SOCKS": answering(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    "no method": answering(b"\x05\xff"),
    "SOCKS4": answering(b"\x00\x5a\x00\x00\x00\x00\x00\x00"),
    "unreachable": answering(b"\x05\x00", b"\x05\x04\x00\x01\x00\x00\x00\x00\x00\x00"),
    "odd address": answering(b"\x05\x00", b"\x05\x00\x00\x09\x00\x00\x00\x00\x00\x00"),
}


@pytest.mark.parametrize("case", UNUSABLE)
@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_without_a_tunnel_nothing_was_sent(case: str, kind: str) -> None:
    async with listening(UNUSABLE[case]) as port:
        proxy = parse_proxy(f"{kind}://127.0.0.1:{port}")
        async with connected("https://service.test", proxy) as client:
            answer = await client.submit(make.prompt())

    assert isinstance(answer, wire.Busy), answer
    assert answer.offline


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_without_a_proxy_nothing_was_sent(kind: str) -> None:
    async with listening(silent) as port:
        pass
    async with connected("https://service.test", parse_proxy(f"{kind}://127.0.0.1:{port}")) as client:
        answer = await client.submit(make.prompt())

    assert wire.Busy("ConnectError", offline=True) == answer


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_a_silent_proxy_times_out_before_anything_is_sent(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "CONNECT_S", 0.05)
    async with (
        listening(silent) as port,
        connected("https://service.test", parse_proxy(f"{kind}://127.0.0.1:{port}")) as client,
    ):
        answer = await client.submit(make.prompt())

    assert wire.Busy("ConnectTimeout", offline=True) == answer


@pytest.mark.usefixtures("trusting")
@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
async def test_a_wrong_password_is_not_repeated(kind: str) -> None:
    async with ProxyServer.open(kind, ("ada", "lovelace")) as server:
        proxy = parse_proxy(server.url.replace("lovelace", "hunter2"))
        with pytest.raises(httpcore.ConnectError) as refused:
            await ProxiedBackend(proxy).connect_tcp("service.test", 443, 5.0)

    assert "hunter2" not in str(refused.value)
    assert 1 == server.refused


async def test_a_unix_socket_is_never_reached_through_a_proxy() -> None:
    proxy = parse_proxy("http://127.0.0.1:1")
    with pytest.raises(httpcore.ConnectError):
        await ProxiedBackend(proxy).connect_unix_socket("/run/secret.sock")


# -- audio


@pytest.mark.parametrize(
    ("addresses", "targets"),
    [(["93.184.216.34"], ["93.184.216.34"]), (["10.0.0.1"], []), (None, ["cdn.test"])],
)
async def test_audio_through_a_proxy_comes_from_public_addresses(
    addresses: list[str] | None, targets: list[str]
) -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        if addresses is None:
            raise OSError("no such name")
        return addresses

    async with listening(silent) as port, ProxyServer.open("socks5") as server:
        guarded = GuardedBackend([], look_up, ProxiedBackend(parse_proxy(server.url)), proxied=True)
        try:
            stream = await guarded.connect_tcp("cdn.test", port, 5.0)
            await stream.aclose()
        except httpcore.ConnectError:
            assert not targets

    assert targets == [host for host, _ in server.targets]


async def test_audio_without_a_proxy_requires_a_resolvable_name() -> None:
    async def look_up(_host: str, _port: int) -> list[str]:
        raise OSError("no such name")

    guarded = GuardedBackend([], look_up, httpcore.AnyIOBackend())
    with pytest.raises(httpcore.ConnectError, match=r"cdn\.test can't be looked up"):
        await guarded.connect_tcp("cdn.test", 443, 5.0)


def test_the_limits_of_a_client_hold_through_a_proxy() -> None:
    limits = httpx.Limits(max_connections=20, max_keepalive_connections=0)
    transport = proxies.direct_or_through(parse_proxy("http://127.0.0.1:1"), limits)

    assert isinstance(transport, proxies.ProxiedTransport)
    assert (20, 0) == (transport._pool._max_connections, transport._pool._max_keepalive_connections)
