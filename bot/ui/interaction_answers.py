"""Send the answer to an interaction on one of aiohttp's connections, without its request objects.

A member waits for this request, and discord.py and aiohttp would spend four times as long on it (2.7.1,
3.14.5), more than on the rest of a command. Anything but a plain success is handled as discord.py would.
"""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

import aiohttp
import discord
import yarl
from aiohttp.http_exceptions import HttpProcessingError
from discord.http import MultipartParameters, Route
from discord.webhook.async_ import AsyncWebhookAdapter
from msgspec import Struct
from msgspec.json import Decoder
from multidict import CIMultiDictProxy

from bot import request_log
from bot.ui import fast_json
from bot.ui.discord_errors import UnreadableAnswer

if TYPE_CHECKING:
    from discord.types.interactions import InteractionCallback

SESSION_S: Final = 300.0
"""Timeout for an answer if the HTTP session has none, in seconds; aiohttp's default."""
SERVER_ERROR_WAIT_S: Final = 1.0
"""Wait before an answer is sent again after a server error, as in discord.py, in seconds."""
AGAIN_WITHIN_S: Final = 60.0
"""Maximum time for all further attempts after a server error or a rate limit, in seconds."""
REPLY_MAX: Final = 1024 * 1024
"""Maximum length of Discord's reply, in bytes; a full message takes some 30 KiB."""
RESETS: Final = frozenset({54, 10054})
"""Error numbers of a reset connection on macOS and Windows, after which discord.py sends again."""

REFUSALS: Final[dict[int, type[discord.HTTPException]]] = {
    HTTPStatus.FORBIDDEN: discord.Forbidden,
    HTTPStatus.NOT_FOUND: discord.NotFound,
}
"""Errors for statuses that have one of their own, as in discord.py."""


class _Callback(Struct):
    """The part of Discord's reply that names the message; the message itself is not decoded."""

    interaction: dict[str, Any]


class _Reply(Struct, frozen=True):
    """Discord's reply, as far as discord.py's errors read it."""

    status: int
    reason: str
    headers: CIMultiDictProxy[str]
    body: bytes


class _Origin(Struct, frozen=True):
    """The server that answers go to, for one HTTP session."""

    base: str
    session: aiohttp.ClientSession
    request: aiohttp.ClientRequest
    """A request that names the server to aiohttp's connector. It is never sent."""
    path: str
    host: str
    connecting: aiohttp.ClientTimeout
    """The session's timeout, for a new connection."""


_CALLBACK: Final = Decoder(_Callback)


class AnswerAdapter(AsyncWebhookAdapter):
    """discord.py's adapter for interactions, with a shorter path for answers without files.

    ``dated`` receives the ``Date`` header of each reply.
    """

    def __init__(self, user_agent: str, dated: Callable[[str], None] = lambda _: None) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # discord.py's
        self._user_agent = user_agent
        self._dated = dated
        self._origin: _Origin | None = None

    async def create_interaction_response(
        self,
        interaction_id: int,
        token: str,
        *,
        session: aiohttp.ClientSession,
        proxy: str | None = None,
        proxy_auth: aiohttp.BasicAuth | None = None,
        params: MultipartParameters,
    ) -> "InteractionCallback":
        """Send the answer. Returns Discord's reply without the message.

        Raises:
            UnreadableAnswer: Discord's reply is malformed.
        """
        if not params.files and proxy is None:
            path = f"/interactions/{interaction_id}/{quote(token, safe='')}/callback"
            try:
                reply = await self._post(session, path, fast_json.encoded(params.payload))
            except aiohttp.ClientOSError as error:
                if error.errno not in RESETS:
                    raise
                return await self._again(SERVER_ERROR_WAIT_S, interaction_id, token, session, params)
            if HTTPStatus.OK <= reply.status < HTTPStatus.MULTIPLE_CHOICES:
                return _callback_of(reply)
            # Redirects are left to aiohttp.
            if reply.status >= HTTPStatus.BAD_REQUEST:
                return await self._again(_wait_s(reply), interaction_id, token, session, params)
        content = await super().create_interaction_response(
            interaction_id, token, session=session, proxy=proxy, proxy_auth=proxy_auth, params=params
        )
        return _readable(content)

    async def _again(
        self,
        wait_s: float,
        interaction_id: int,
        token: str,
        session: aiohttp.ClientSession,
        params: MultipartParameters,
    ) -> "InteractionCallback":
        try:
            async with asyncio.timeout(AGAIN_WITHIN_S):
                await asyncio.sleep(wait_s)
                return _readable(
                    await super().create_interaction_response(
                        interaction_id, token, session=session, params=params
                    )
                )
        except TimeoutError as error:
            raise aiohttp.ServerTimeoutError("no further attempt succeeded in time") from error

    async def _post(self, session: aiohttp.ClientSession, path: str, body: bytes) -> _Reply:
        if session.closed:
            raise RuntimeError("Session is closed")  # as aiohttp does
        origin = self._origin
        if origin is None or origin.session is not session or origin.base != Route.BASE:
            origin = self._origin = _origin_of(Route.BASE, session)
        head = (
            f"POST {origin.path}{path}?with_response=1 HTTP/1.1\r\nHost: {origin.host}\r\nAccept: */*\r\n"
            f"User-Agent: {self._user_agent}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        began_s = time.perf_counter()
        status, problem = None, None
        try:
            reply = await _exchange(origin, head.encode("ascii") + body)
            status = reply.status
        except BaseException as error:
            problem = type(error).__name__
            raise
        finally:
            if request_log.is_wanted():
                took_s = time.perf_counter() - began_s
                request_log.record("POST", Route.BASE + path, took_s, status=status, error=problem)
        self._dated(reply.headers.get("Date", ""))
        return reply


async def _exchange(origin: _Origin, request: bytes) -> _Reply:
    """Send the request on a pooled connection, and read the reply."""
    connector, timeout = origin.session.connector, origin.connecting
    assert connector is not None  # noqa: S101 - only a closed session has none
    loop = asyncio.get_running_loop()
    expires_at_s = loop.time() + (timeout.total or SESSION_S)
    try:
        connection = await connector.connect(origin.request, traces=[], timeout=timeout)
    except TimeoutError as error:  # as aiohttp does; only its own errors count as Discord's
        raise aiohttp.ConnectionTimeoutError(f"Connection timeout to host {origin.host}") from error
    expiry: asyncio.TimerHandle | None = None
    try:
        protocol, transport = connection.protocol, _open(connection.transport)
        assert protocol is not None  # noqa: S101 - it has just been connected
        # Cheaper than asyncio.timeout. To the caller, the connection is lost.
        expiry = loop.call_at(expires_at_s, transport.abort)
        protocol.set_response_params(read_until_eof=True)
        transport.write(request)
        status = HTTPStatus.CONTINUE.value
        while status < HTTPStatus.OK:
            message, payload = await protocol.read()
            status = message.code
            _refuse_upgrade(status)
        body = await _whole(payload)
    except HttpProcessingError as error:
        connection.close()
        raise UnreadableAnswer(type(error).__name__) from error
    except BaseException:
        connection.close()
        raise
    finally:
        if expiry is not None:
            expiry.cancel()
    connection.release()
    return _Reply(status, message.reason, message.headers, body)


def _refuse_upgrade(status: int) -> None:
    if status == HTTPStatus.SWITCHING_PROTOCOLS:  # no other status follows
        raise UnreadableAnswer("SwitchingProtocols")


async def _whole(payload: aiohttp.StreamReader) -> bytes:
    parts: list[bytes] = []
    length = 0
    while part := await payload.readany():
        parts.append(part)
        length += len(part)
        if length > REPLY_MAX:
            raise UnreadableAnswer("TooLong")
    return b"".join(parts)


def _open(transport: asyncio.Transport | None) -> asyncio.Transport:
    if transport is None or transport.is_closing():
        raise aiohttp.ClientConnectionResetError("Cannot write to closing transport")
    return transport


def _origin_of(base: str, session: aiohttp.ClientSession) -> _Origin:
    url = yarl.URL(base)
    request = aiohttp.ClientRequest("POST", url, loop=asyncio.get_running_loop(), session=session)
    total_s = session.timeout.total or SESSION_S
    timeout = aiohttp.ClientTimeout(total=total_s, connect=total_s, sock_connect=session.timeout.sock_connect)
    return _Origin(base, session, request, url.raw_path.rstrip("/"), request.headers["Host"], timeout)


def _callback_of(reply: _Reply) -> "InteractionCallback":
    try:
        content: Any = {"interaction": _CALLBACK.decode(reply.body).interaction}
    except (RecursionError, ValueError):  # also if only the message has what msgspec refuses: lone surrogates
        content = None
    try:
        return _readable(_content_of(reply) if content is None else content)
    except (RecursionError, ValueError) as error:
        raise UnreadableAnswer(type(error).__name__) from error


def _readable(content: Any) -> "InteractionCallback":  # noqa: ANN401 - any JSON, or text
    """Return the part of a reply that discord.py reads of an answer that was sent.

    It does so outside of its requests, where an error counts as a bug.
    """
    try:
        interaction = content["interaction"]
        int(interaction["id"])
        int(interaction.get("response_message_id") or 0)
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        raise UnreadableAnswer(type(error).__name__) from error
    return cast("InteractionCallback", {"interaction": interaction})


def _wait_s(reply: _Reply) -> float:
    """Return the wait before another attempt, or raise the error of a final refusal."""
    if reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return SERVER_ERROR_WAIT_S
    try:
        content = _content_of(reply)
        # Without that header, the refusal comes from the network in front of Discord.
        if reply.status == HTTPStatus.TOO_MANY_REQUESTS and reply.headers.get("Via"):
            wait_s = float(content["retry_after"])
            if wait_s <= AGAIN_WITHIN_S:  # false for NaN as well
                return wait_s
        refusal = REFUSALS.get(reply.status, discord.HTTPException)(
            cast("aiohttp.ClientResponse", reply), content
        )
    except (AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        raise UnreadableAnswer(type(error).__name__) from error
    raise refusal


def _content_of(reply: _Reply) -> Any:  # noqa: ANN401 - any JSON, or text
    text = reply.body.decode("utf-8")
    return fast_json.decoded(text) if reply.headers.get("Content-Type") == "application/json" else text
