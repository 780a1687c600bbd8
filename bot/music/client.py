"""submit() and check(): the two calls of the music service, with httpx's errors turned into ours."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, TypeVar
from urllib.parse import quote

import httpx

from bot.about import USER_AGENT
from bot.errors import Transient, Unauthorized
from bot.model import ClosedCause, SongRequest
from bot.music import wire

ANSWER_MAX_BYTES: Final = 1024 * 1024
CONNECT_S: Final = 10.0
POST_S: Final = 60.0
"""From the first byte sent to the last one read; httpx has no such deadline of its own."""
CHECK_S: Final = 60.0
"""A status query may take tens of seconds: the service may copy files while it answers."""
KEY_MIN: Final = 8
"""A shorter key is no secret, and may well be a part of a task id or a field's name."""

_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
)
"""Errors that prove that no byte of the request was sent."""


Timed = Callable[[str, float], None]
"""Is told how a call was answered, and after how many seconds."""
T = TypeVar("T")
NO_TASK: Final = "no-such-task"
"""A name that the service gives to no task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """How the service answers a question that costs nothing."""

    status: int
    checked: wire.Checked | wire.Busy
    readable: bool
    """Whether it spoke JSON, as the service does."""
    ahead: timedelta | None
    """How far its clock is ahead of ours, if it told the time."""


class _TooMuch(Exception):
    """An answer larger than any that the service has reason to give."""


_BROKEN = (httpx.HTTPError, OSError, _TooMuch)
"""Errors that tell nothing about the request; ssl's own are OSErrors, and httpcore lets some through."""


class MusicClient:
    """The music service behind ``url``. Get it from ``MusicClient.open``."""

    def __init__(
        self,
        posts: httpx.AsyncClient,
        gets: httpx.AsyncClient,
        *,
        url: str,
        provider: str,
        options: wire.JsonObject,
        now: Callable[[], datetime],
        submitted: Timed,
        checked: Timed,
    ) -> None:
        self.origin = wire.origin_of(url)
        self._url = url.rstrip("/")
        self._posts = posts
        self._gets = gets
        self._provider = provider
        self._options = options
        self._now = now
        self._submitted = submitted
        self._checked = checked

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        url: str,
        key: str,
        provider: str,
        options: wire.JsonObject,
        now: Callable[[], datetime],
        transport: httpx.AsyncBaseTransport | None = None,
        submitted: Timed = lambda _answer, _took_s: None,
        checked: Timed = lambda _answer, _took_s: None,
    ) -> AsyncIterator["MusicClient"]:
        """A client that is closed at the end. ``transport`` stands in for the network in tests.

        ``submitted`` and ``checked`` are told of every call how it was answered, and after how many
        seconds: the answer's name in ``wire``, in small letters, or "none".
        """
        headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
        }
        async with (
            # A kept-alive connection that the server closes meanwhile makes a POST's outcome unknown.
            httpx.AsyncClient(
                headers=headers,
                timeout=httpx.Timeout(POST_S, connect=CONNECT_S),
                limits=httpx.Limits(max_keepalive_connections=0),
                follow_redirects=False,  # the key must not travel
                trust_env=False,  # nor be replaced by a ~/.netrc
                transport=transport,
            ) as posts,
            httpx.AsyncClient(
                headers=headers,
                timeout=httpx.Timeout(CHECK_S, connect=CONNECT_S),
                limits=httpx.Limits(max_connections=20),
                follow_redirects=False,
                trust_env=False,
                transport=transport,
            ) as gets,
        ):
            yield cls(
                posts,
                gets,
                url=url,
                provider=provider,
                options=options,
                now=now,
                submitted=submitted,
                checked=checked,
            )

    async def submit(self, request: SongRequest) -> wire.Submitted:
        """What became of the one paid request. It is never repeated here."""
        return await _timed(self._submit(request), self._submitted)

    async def _submit(self, request: SongRequest) -> wire.Submitted:
        body = wire.generation(request, self._provider, self._options)
        try:
            async with asyncio.timeout(POST_S):
                status, answer, headers = await self._call(
                    self._posts, "POST", f"{self._url}/v1/music/generations", json=body
                )
        except _NEVER_LEFT as error:
            return wire.Busy(type(error).__name__, offline=True)
        except _BROKEN as error:
            return wire.Unknown(type(error).__name__)
        sent = (request.prompt, request.title, request.style, request.lyrics, request.avoid)
        return wire.read_submitted(status, answer, sent, self._retry_after_s(headers))

    async def check(self, task_id: str) -> wire.Checked:
        """How the task stands.

        Raises:
            Transient: no answer about the task; ask again later.
            Unauthorized: the service does not accept the key.
        """
        return await _timed(self._check(task_id), self._checked)

    async def _check(self, task_id: str) -> wire.Checked:
        try:
            async with asyncio.timeout(CHECK_S):
                status, answer, headers = await self._call(
                    self._gets, "GET", f"{self._url}/v1/tasks/{quote(task_id, safe='')}"
                )
        except (*_BROKEN, httpx.InvalidURL) as error:
            raise Transient(f"status query: {type(error).__name__}") from error
        checked = wire.read_checked(status, answer, self.origin)
        match checked:
            case wire.Busy(detail=detail):
                raise Transient(f"status query: {detail}", self._retry_after_s(headers))
            case wire.Rejected(closed=ClosedCause.BAD_KEY):
                raise Unauthorized(f"status query: HTTP {status}; check MUSIC_API_KEY")
            case _:
                return checked

    async def probe(self) -> Probe:
        """How the service answers a question about a task that can't exist: nothing is paid for that.

        Raises:
            Transient: there was no answer.
        """
        try:
            async with asyncio.timeout(CHECK_S):
                status, answer, headers = await self._call(
                    self._gets, "GET", f"{self._url}/v1/tasks/{NO_TASK}"
                )
        except (*_BROKEN, httpx.InvalidURL) as error:
            raise Transient(type(error).__name__) from error
        return Probe(
            status=status,
            checked=wire.read_checked(status, answer, self.origin),
            readable=wire.is_readable(answer),
            ahead=self._ahead(headers),
        )

    def _ahead(self, headers: httpx.Headers) -> timedelta | None:
        try:
            at = parsedate_to_datetime(headers.get("Date", ""))
        except (ValueError, OverflowError):
            return None
        return at.replace(tzinfo=at.tzinfo or UTC) - self._now()

    async def _call(
        self, client: httpx.AsyncClient, method: str, url: str, json: object = None
    ) -> tuple[int, bytes, httpx.Headers]:
        """Status, body and headers. The body is read as it comes, so that no answer can fill the memory."""
        async with client.stream(method, url, json=json) as response:
            received = bytearray()
            if response.headers.get("Content-Encoding", "identity").strip().lower() in ("", "identity"):
                async for chunk in response.aiter_raw():
                    received += chunk
                    if len(received) > ANSWER_MAX_BYTES:
                        raise _TooMuch
            return response.status_code, _without_key(bytes(received), client), response.headers

    def _retry_after_s(self, headers: httpx.Headers) -> float | None:
        """The wait that the service asks for: seconds or an HTTP date, negative if it is past."""
        value = headers.get("Retry-After", "").strip()
        if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            return float(value)
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        return (at.replace(tzinfo=at.tzinfo or UTC) - self._now()).total_seconds()


async def _timed(call: Awaitable[T], told: Timed) -> T:
    """What the call comes to; how long that took is told, also where it comes to nothing."""
    began_s, name = time.perf_counter(), "none"
    try:
        answer = await call
        name = type(answer).__name__.lower()
    finally:
        told(name, time.perf_counter() - began_s)
    return answer


def _without_key(answer: bytes, client: httpx.AsyncClient) -> bytes:
    """The answer without the key: an error message may repeat it, and that is logged and shown."""
    key = client.headers["Authorization"].removeprefix("Bearer ").encode()
    return answer.replace(key, b"[key]") if len(key) >= KEY_MIN else answer
