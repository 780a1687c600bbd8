"""The short path of an answer to Discord, tested on a socket that replies with exact bytes."""

import asyncio
import json
import logging
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import aiohttp
import discord
import pytest
from discord.http import MultipartParameters, Route

from bot.ui import interaction_answers, request_trace
from bot.ui.discord_errors import UnreadableAnswer
from bot.ui.interaction_answers import AnswerAdapter
from tests.doubles.proxy import CERTIFICATE, server_context

if TYPE_CHECKING:
    from datetime import datetime

    from discord.types.interactions import InteractionCallback

MESSAGE = {"id": "7", "type": 2, "response_message_id": "9"}
BODY = json.dumps(
    {"interaction": MESSAGE, "resource": {"type": 4, "message": {"content": "\ud800"}}}
).encode()
BARRED = b'{"message": "Unknown interaction", "code": 10062}'
TOKEN = "abc"
DATE = "Thu, 26 Nov 2026 20:00:00 GMT"


def reply(status: str, body: bytes, *headers: str, kind: str = "application/json") -> bytes:
    """Return a whole reply with a Content-Length."""
    lines = [f"HTTP/1.1 {status}", f"Content-Type: {kind}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


def limited(retry_after_s: float) -> bytes:
    """Return Discord's reply to one request too many."""
    body = json.dumps({"message": "limited", "retry_after": retry_after_s}).encode()
    return reply("429 Too Many Requests", body, "Via: 1.1 google")


OK = reply("200 OK", BODY, f"Date: {DATE}")
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n"
    + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (BODY[:20], BODY[20:], b""))
)
LAST = reply("200 OK", BODY, "Connection: close")
MOVED = reply("307 Temporary Redirect", b"", "Location: /api/v10/elsewhere")


class Server:
    """Replies to each request with the next bytes; without any, it hangs up."""

    def __init__(self, *replies: bytes) -> None:
        self.replies = list(replies)
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.connections = 0
        self.requested = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while self.replies:
                first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").split("\r\n")[:-2]
                headers = dict(line.split(": ", 1) for line in lines)
                body = await reader.readexactly(int(headers["Content-Length"]))
                self.requests.append((first, headers, json.loads(body)))
                self.requested.set()
                writer.write(self.replies.pop(0))
                await writer.drain()
        except asyncio.IncompleteReadError:
            return  # the client has closed it
        finally:
            writer.close()


Answer = Callable[..., Any]


@asynccontextmanager
async def opened(
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    *,
    total_s: float = 60.0,
    dated: Callable[[str], None] | None = None,
) -> AsyncIterator[tuple[Answer, list[str]]]:
    """Yield a function that answers an interaction, and the dates that it reports."""
    monkeypatch.setattr(interaction_answers, "SERVER_ERROR_WAIT_S", 0.0)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    monkeypatch.setattr(Route, "BASE", f"http://127.0.0.1:{port}/api/v10")
    dates: list[str] = []
    adapter = AnswerAdapter("Bot/1", dated or dates.append)

    timeout = aiohttp.ClientTimeout(total=total_s)

    async with listening, aiohttp.ClientSession(timeout=timeout) as session:

        async def answer(token: str = TOKEN, content: str = "hello") -> "InteractionCallback":
            params = MultipartParameters({"type": 4, "data": {"content": content}}, None, None)
            return await adapter.create_interaction_response(7, token, session=session, params=params)

        answer.session = session  # type: ignore[attr-defined]
        yield answer, dates


@pytest.mark.parametrize("replied", [OK, CHUNKED, LAST, b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK])
async def test_an_answer_is_sent_once_and_its_message_known(
    replied: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(replied)

    async with opened(server, monkeypatch) as (answer, _):
        found = await answer("a b/?", "Süß \ud83c")

    ((first, headers, body),) = server.requests
    assert {"interaction": MESSAGE} == found
    assert "POST /api/v10/interactions/7/a%20b%2F%3F/callback?with_response=1 HTTP/1.1" == first
    assert {"type": 4, "data": {"content": "Süß \ud83c"}} == body
    assert Route.BASE.split("/")[2] == headers["Host"]
    assert ("Bot/1", "application/json") == (headers["User-Agent"], headers["Content-Type"])


@pytest.mark.parametrize(("first", "connections"), [(OK, 1), (CHUNKED, 1), (LAST, 2)])
async def test_a_connection_is_kept_unless_discord_closes_it(
    first: bytes, connections: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(first, OK)

    async with opened(server, monkeypatch) as (answer, _):
        await answer()
        await answer()

    assert (connections, 2) == (server.connections, len(server.requests))


@pytest.mark.parametrize(
    "replied",
    [
        reply("204 No Content", b"", "Connection: close"),
        reply("200 OK", b"[]"),
        reply("200 OK", b'{"interaction": 5}'),
        reply("200 OK", b'{"interaction": {}}'),
        reply("200 OK", b'{"interaction": {"id": []}}'),
        reply("200 OK", b'{"interaction": {"id": "7", "response_message_id": "x"}}'),
        reply("200 OK", b"[" * 100_000),
        reply("403 Forbidden", b"[" * 100_000),
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        reply("200 OK", b"<html>"),
        reply("200 OK", b"\xff"),
        reply("200 OK", BODY, "Content-Length: 3"),
        b"SSH-2.0 server\r\n\r\n",
        reply("429 Too Many Requests", b"[]", "Via: 1.1 google"),
        reply("429 Too Many Requests", b'{"retry_after": null}', "Via: 1.1 google"),
        reply("403 Forbidden", b"<html>"),
        reply("403 Forbidden", b'{"message": 5, "code": "x"}'),
    ],
)
async def test_a_malformed_reply_is_as_good_as_none(replied: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(replied)

    async with opened(server, monkeypatch) as (answer, _):
        with pytest.raises(UnreadableAnswer):
            await answer()

    assert 1 == len(server.requests)


@pytest.mark.parametrize(
    "replied",
    [
        reply("204 No Content", b"", kind="text/html"),
        reply("200 OK", b"[]"),
        reply("200 OK", b'{"interaction": {}}'),
    ],
)
@pytest.mark.parametrize("refused", [[reply("503 Service Unavailable", b"{}")], [MOVED, MOVED]])
async def test_a_malformed_reply_to_a_further_attempt_is_as_good_as_none(
    refused: list[bytes], replied: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(*refused, replied)

    async with opened(server, monkeypatch) as (answer, _):
        with pytest.raises(UnreadableAnswer):
            await answer()

    assert [] == server.replies


@pytest.mark.parametrize(
    ("replied", "kind", "code", "text"),
    [
        (reply("404 Not Found", BARRED), discord.NotFound, 10062, "Unknown interaction"),
        (reply("403 Forbidden", BARRED), discord.Forbidden, 10062, "Unknown interaction"),
        (reply("400 Bad Request", BARRED), discord.HTTPException, 10062, "Unknown interaction"),
        (reply("429 Too Many Requests", b"banned", kind="text/html"), discord.HTTPException, 0, "banned"),
        (limited(86_400), discord.HTTPException, 0, "limited"),
        (limited(float("nan")), discord.HTTPException, 0, "limited"),
    ],
)
async def test_a_refusal_is_discord_pys_error(
    replied: bytes,
    kind: type[discord.HTTPException],
    code: int,
    text: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(replied)

    async with opened(server, monkeypatch) as (answer, _):
        with pytest.raises(kind) as raised:
            await answer()

    assert (kind, code, text) == (type(raised.value), raised.value.code, raised.value.text)
    assert int(replied.split()[1]) == raised.value.status
    assert 1 == len(server.requests)


@pytest.mark.parametrize(
    "replied",
    [
        reply("503 Service Unavailable", b"<html>"),
        reply("500 Internal Server Error", b""),
        reply("429 Too Many Requests", b'{"retry_after": 0.0}', "Via: 1.1 google"),
        MOVED,
    ],
)
async def test_an_answer_that_was_not_taken_is_sent_again(
    replied: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Server(*[replied] * (2 if replied is MOVED else 1), OK)

    async with opened(server, monkeypatch) as (answer, _):
        found = await answer()

    assert MESSAGE == found["interaction"]
    assert [] == server.replies


async def test_an_answer_is_encrypted_for_the_server_with_discords_certificate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(OK, OK)
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=server_context())
    port = listening.sockets[0].getsockname()[1]
    monkeypatch.setattr(Route, "BASE", f"https://127.0.0.1:{port}/api/v10")
    params = MultipartParameters({"type": 4}, None, None)
    trusting = ssl.create_default_context(cafile=str(CERTIFICATE))

    async with (
        listening,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trusting)) as session,
        aiohttp.ClientSession() as strict,
    ):
        adapter = AnswerAdapter("Bot/1")
        for _ in range(2):
            await adapter.create_interaction_response(7, TOKEN, session=session, params=params)
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await adapter.create_interaction_response(7, TOKEN, session=strict, params=params)

    assert 2 == len(server.requests)


async def test_an_answer_without_a_reply_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(b"", OK)

    async with opened(server, monkeypatch) as (answer, _):
        server.replies.pop()
        with pytest.raises(aiohttp.ClientError):
            await answer()

    assert 1 == len(server.requests)


@pytest.mark.parametrize("begun", [b"", b"HTTP/1.1 200 OK\r\n", OK[:-1]])
async def test_an_endless_reply_is_a_connection_error(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(begun, OK)

    async with opened(server, monkeypatch, total_s=0.05) as (answer, _):
        with pytest.raises(aiohttp.ClientError):
            await answer()

    assert 1 == len(server.requests)


async def test_a_reply_without_end_is_read_only_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interaction_answers, "REPLY_MAX", len(BODY))
    server = Server(b"HTTP/1.1 200 OK\r\n\r\n" + BODY + b" ", OK)

    async with opened(server, monkeypatch) as (answer, _):
        with pytest.raises(UnreadableAnswer, match="TooLong"):
            await answer()
        found = await answer()

    assert (MESSAGE, 2) == (found["interaction"], server.connections)


async def test_an_unreachable_server_is_a_connection_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(*_: object) -> None:
        raise TimeoutError

    server = Server(OK)

    async with opened(server, monkeypatch) as (answer, _):
        monkeypatch.setattr(aiohttp.TCPConnector, "_create_connection", silent)
        with pytest.raises(aiohttp.ConnectionTimeoutError):
            await answer()


@pytest.mark.parametrize(("number", "sent"), [(54, 1), (10054, 1), (104, 0)])
async def test_an_answer_is_sent_again_after_the_resets_that_discord_py_knows(
    number: int, sent: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, failures = aiohttp.TCPConnector.connect, [aiohttp.ClientOSError(number, "reset")]

    async def reset_once(
        self: aiohttp.TCPConnector, request: aiohttp.ClientRequest, **_: object
    ) -> aiohttp.connector.Connection:
        if failures:
            raise failures.pop()
        return await connect(self, request, [], aiohttp.ClientTimeout())

    server = Server(OK)

    async with opened(server, monkeypatch) as (answer, _):
        monkeypatch.setattr(aiohttp.TCPConnector, "connect", reset_once)
        with suppress(aiohttp.ClientOSError):
            await answer()

    assert sent == len(server.requests)


async def test_connecting_and_the_reply_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, connect = asyncio.get_running_loop(), aiohttp.TCPConnector.connect
    call_at, late_s, timers = loop.call_at, 40.0, list[float]()

    async def slow(
        self: aiohttp.TCPConnector, request: aiohttp.ClientRequest, **_: object
    ) -> aiohttp.connector.Connection:
        connection = await connect(self, request, [], aiohttp.ClientTimeout())
        began_at_s = loop.time()
        monkeypatch.setattr(loop, "time", lambda: began_at_s + late_s)
        return connection

    def noted(when: float, callback: Callable[..., object], *args: object) -> asyncio.TimerHandle:
        if getattr(callback, "__name__", "") == "abort":
            timers.append(when)
        return call_at(when, callback, *args)

    server = Server(OK)

    async with opened(server, monkeypatch, total_s=60.0) as (answer, _):
        began_at_s = loop.time()
        monkeypatch.setattr(aiohttp.TCPConnector, "connect", slow)
        monkeypatch.setattr(loop, "call_at", noted)
        await answer()

    (expires_at_s,) = timers
    assert began_at_s + 60.0 == pytest.approx(expires_at_s, abs=late_s / 2)


async def test_further_attempts_share_one_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interaction_answers, "AGAIN_WITHIN_S", 0.01)
    server = Server(reply("503 Service Unavailable", b"<html>"), b"HTTP/1.1 200 OK\r\n", OK)

    async with opened(server, monkeypatch) as (answer, _):
        with pytest.raises(aiohttp.ServerTimeoutError, match="in time"):
            await answer()


async def test_a_cancelled_answer_leaves_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(b"HTTP/1.1 200 OK\r\n", OK)

    async with opened(server, monkeypatch) as (answer, _):
        asking = asyncio.create_task(answer())
        await server.requested.wait()
        asking.cancel()
        await asyncio.wait([asking])
        found = await answer()

    assert (MESSAGE, 2) == (found["interaction"], server.connections)


async def test_a_closed_session_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(OK)

    async with opened(server, monkeypatch) as (answer, _):
        await answer.session.close()  # type: ignore[attr-defined]
        with pytest.raises(RuntimeError, match="closed"):
            await answer()

    assert [] == server.requests


@pytest.mark.parametrize(
    "date",
    [
        "",
        "today",
        "Thu, 26 Nov 99999999999999999999 20:00:00 GMT",
        "Thu, 26 Nov 2026 20:00:00 +99999999999999999999",
    ],
)
async def test_an_unreadable_date_loses_no_answer(date: str, monkeypatch: pytest.MonkeyPatch) -> None:
    dates: list[datetime] = []
    server = Server(reply("200 OK", BODY, f"Date: {date}"))

    async with opened(server, monkeypatch, dated=request_trace.DateHeaders(dates.append).note) as (answer, _):
        found = await answer()

    assert (MESSAGE, []) == (found["interaction"], dates)


async def test_each_reply_is_logged_and_its_date_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "bot.request_log")
    server = Server(OK, b"")

    async with opened(server, monkeypatch) as (answer, dates):
        await answer("secret")
        with pytest.raises(aiohttp.ClientError):
            await answer("secret")

    lines = [vars(record) for record in caplog.records if record.message == "request ended"]
    assert [DATE] == dates
    assert ["/api/v10/interactions/7/…/callback"] * 2 == [line["path"] for line in lines]
    assert [200, "ServerDisconnectedError"] == [lines[0]["status"], lines[1]["error"]]
