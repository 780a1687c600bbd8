"""The calls to the music service, with httpx's errors translated into our own."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias, TypeVar
from urllib.parse import urljoin

import aiohttp
import httpx

from bot import request_log
from bot.about import USER_AGENT
from bot.errors import Transient, Unauthorized
from bot.model import ClosedCause, SongRequest
from bot.music import wire
from bot.music.contract import Contract, LyricsDrafts
from bot.music.encodings import TooLarge, decode
from bot.music.proxy import direct_or_through
from bot.music.queries import ANSWER_MAX_BYTES, Answer, Direct, Queries, ThroughHttpx, bounded
from bot.proxies import Proxy

log = logging.getLogger(__name__)

CONNECT_S: Final = 10.0
POST_S: Final = 60.0
"""Deadline of the paid request in seconds, from connecting to the last byte read; httpx has none."""
CHECK_S: Final = 60.0
"""Deadline of a status query in seconds. It can take tens: the service may copy files while it answers."""
FREE_S: Final = 10.0
"""Deadline of the free question in seconds; the job whose answer it checks waits for it."""
FREE_ANSWER_S: Final = 60.0
"""How long the answer to the free question holds, in seconds: refused requests cause one a minute at most."""
PROXIED_CHECKS_MAX: Final = 20
"""Maximum number of connections for queries through a proxy."""
KEY_MIN: Final = 8
"""Minimum length at which the key is redacted: a shorter one may be part of a task id or a field name."""
NO_TASK: Final = "no-such-task"
"""A task id that the service never assigns."""

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_NEVER_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.InvalidURL,
    httpx.UnsupportedProtocol,
)
"""Errors that prove that no byte of the request was sent."""
_BROKEN = (httpx.HTTPError, aiohttp.ClientError, OSError, TooLarge)
"""Errors that leave the outcome open. ssl raises OSErrors, some of which httpcore does not translate."""

Timed: TypeAlias = Callable[[str, float], None]
"""Called with the kind of answer to a call, and how many seconds it took."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """The answer of the service to a free query."""

    status: int
    checked: wire.Checked | wire.Busy
    readable: bool
    """Whether the answer was a JSON object, as all of the service's are."""
    proven: bool
    """Whether the answer is about the task, which only this service's endpoint can say, after the key."""
    correction: str
    """Corrected address of the service, if the answer or the address itself reveals it; else empty."""
    ahead: timedelta | None
    """How far its clock is ahead of ours, if the answer was dated."""


class MusicClient:
    """A client of the music service. Get it from ``MusicClient.open``."""

    def __init__(
        self,
        posts: httpx.AsyncClient,
        queries: Queries,
        *,
        url: str,
        contract: Contract,
        now: Callable[[], datetime],
        submitted: Timed,
        checked: Timed,
    ) -> None:
        self.origin = wire.origin_of(url)
        self._url = url.rstrip("/")
        self._posts = posts
        self._queries = queries
        self.contract = contract
        self._now = now
        self._submitted = submitted
        self._checked = checked
        self._asking = asyncio.Lock()
        self._free_answer: wire.Open | wire.Rejected | wire.Unknown | None = None
        self._asked_at_s = 0.0
        self._free_is_paid = False

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        url: str,
        key: str,
        contract: Contract,
        now: Callable[[], datetime],
        proxy: Proxy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        submitted: Timed = lambda _answer, _took_s: None,
        checked: Timed = lambda _answer, _took_s: None,
    ) -> AsyncIterator["MusicClient"]:
        """Open a client for the service at ``url``. ``transport`` replaces the network and the proxy.

        ``submitted`` and ``checked`` are called after every call with the kind of answer (the name of its
        class in ``wire`` in lower case, or "none") and the seconds that it took.
        """
        headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
        }
        async with AsyncExitStack() as stack:
            # A kept-alive connection can be closed by the server at any moment, and a POST that meets that
            # has an unknown outcome: 259 of 1,500, against 3 on fresh connections.
            posts = httpx.AsyncClient(
                headers=headers,
                timeout=httpx.Timeout(POST_S, connect=CONNECT_S),
                follow_redirects=False,  # the key must not travel
                trust_env=False,  # nor be replaced by a ~/.netrc
                transport=transport or direct_or_through(proxy, httpx.Limits(max_keepalive_connections=0)),
            )
            await stack.enter_async_context(posts)
            queries: Queries
            if transport is None and proxy is None:
                queries = await stack.enter_async_context(
                    Direct.open(headers, connect_s=CONNECT_S, read_s=CHECK_S)
                )
            else:
                client = httpx.AsyncClient(
                    headers=headers,
                    timeout=httpx.Timeout(CHECK_S, connect=CONNECT_S),
                    follow_redirects=False,
                    trust_env=False,
                    transport=transport
                    or direct_or_through(proxy, httpx.Limits(max_connections=PROXIED_CHECKS_MAX)),
                )
                queries = ThroughHttpx(await stack.enter_async_context(client))
            yield cls(
                posts,
                queries,
                url=url,
                contract=contract,
                now=now,
                submitted=submitted,
                checked=checked,
            )

    async def submit(self, request: SongRequest) -> wire.Submitted:
        """Send the one paid request and return its outcome. It is never repeated here."""
        return await _timed(self._submit(request), self._submitted)

    async def _submit(self, request: SongRequest) -> wire.Submitted:
        sent = (request.prompt, request.title, request.style, request.lyrics, request.avoid)
        return await self._pay(self.contract.body(request), sent)

    async def submit_lyrics(self, drafts: LyricsDrafts, about: str) -> wire.Submitted:
        """Send the one paid request for lyrics and return its outcome. It is never repeated here."""
        return await self._pay(drafts.body(about), (about,))

    async def _pay(self, body: dict[str, object], sent: tuple[str, ...]) -> wire.Submitted:
        try:
            async with asyncio.timeout(POST_S):
                status, answer, headers = await self._post(self._url + self.contract.submit_path, body)
        except _NEVER_LEFT as error:
            return wire.Busy(type(error).__name__, offline=True)
        except _BROKEN as error:
            return wire.Unknown(type(error).__name__)
        return self.contract.read_submitted(status, answer, sent, self._retry_after_s(headers))

    async def confirms(self, rejected: wire.Rejected) -> bool:
        """Return whether the service is closed for every request, as ``rejected`` suggests.

        It is if a free question of ours gets the same answer. One member's words can trip a firewall or look
        like a message about the account, and must not stop the bot for everybody.
        """
        answer = await self.ask_whether_open()
        return (
            isinstance(answer, wire.Rejected)
            and answer.closed is rejected.closed
            and _comparable(answer.detail) == _comparable(rejected.detail)
        )

    async def ask_whether_open(self) -> wire.Open | wire.Rejected | wire.Unknown:
        """Ask the paid endpoint a question that costs nothing: a request without any of the needed fields.

        ``Rejected`` tells why it is closed. An answer holds for ``FREE_ANSWER_S``.
        """
        async with self._asking:
            if self._free_answer is None or time.monotonic() - self._asked_at_s >= FREE_ANSWER_S:
                self._free_answer = await self._ask_whether_open()
                self._asked_at_s = time.monotonic()
            return self._free_answer

    async def _ask_whether_open(self) -> wire.Open | wire.Rejected | wire.Unknown:
        if self._free_is_paid:
            return wire.Unknown("the service accepts empty requests")
        try:
            async with asyncio.timeout(FREE_S):
                status, answer, headers = await self._post(self._url + self.contract.submit_path, {})
        except (*_NEVER_LEFT, *_BROKEN) as error:
            return wire.Unknown(type(error).__name__)
        submitted = self.contract.read_submitted(status, answer, (), self._retry_after_s(headers))
        match submitted:
            case wire.Rejected(closed=None):
                return wire.Open()
            case wire.Rejected() | wire.Unknown():
                return submitted
            case wire.Busy(detail=detail):
                return wire.Unknown(detail)
            case wire.Accepted(task_id=task_id):
                self._free_is_paid = True
                log.error("empty request accepted", extra={"task_id": task_id})
                return wire.Open()

    async def check(self, task_id: str) -> wire.Checked:
        """Return the status of a task.

        Raises:
            Transient: there was no answer about the task; ask again later.
            Unauthorized: the service does not accept the key.
        """
        return await _timed(self._check(task_id), self._checked)

    async def _check(self, task_id: str) -> wire.Checked:
        status, answer, headers = await self._status_of(task_id)
        checked = self.contract.read_checked(status, answer, self.origin)
        if isinstance(checked, wire.Busy):
            raise Transient(f"status query: {checked.detail}", self._retry_after_s(headers))
        self._require_key(status, checked)
        return checked

    async def check_lyrics(self, drafts: LyricsDrafts, task_id: str) -> wire.LyricsChecked:
        """Return the status of a task that writes lyrics.

        Raises:
            Transient: there was no answer about the task; ask again later.
            Unauthorized: the service does not accept the key.
        """
        # Lyrics are rare, and their queries keep no connection open.
        status, answer, headers = await self._status_of(task_id, ThroughHttpx(self._posts))
        checked = drafts.read(status, answer)
        if isinstance(checked, wire.Busy):
            raise Transient(f"status query: {checked.detail}", self._retry_after_s(headers))
        self._require_key(status, checked)
        return checked

    async def _status_of(
        self, task_id: str, queries: Queries | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Send a status query.

        Raises:
            Transient: there was no answer.
        """
        try:
            async with asyncio.timeout(CHECK_S):
                return await self._ask(self._url + self.contract.task_path(task_id), queries)
        except (*_BROKEN, httpx.InvalidURL) as error:
            raise Transient(f"status query: {type(error).__name__}") from error

    def _require_key(self, status: int, checked: wire.Checked | wire.LyricsChecked) -> None:
        if isinstance(checked, wire.Rejected) and checked.closed is ClosedCause.BAD_KEY:
            raise Unauthorized(f"status query: HTTP {status}; check {self.contract.key_setting}")

    async def probe(self) -> Probe:
        """Ask for a task that cannot exist, which costs nothing.

        Raises:
            Transient: there was no answer.
        """
        try:
            async with asyncio.timeout(CHECK_S):
                status, answer, headers = await self._ask(self._url + self.contract.task_path(NO_TASK))
        except (*_BROKEN, httpx.InvalidURL) as error:
            raise Transient(type(error).__name__) from error
        return Probe(
            status=status,
            checked=self.contract.read_checked(status, answer, self.origin),
            readable=wire.is_readable(answer),
            proven=wire.is_about_task(status, answer, NO_TASK),
            correction=self._correction(headers.get("Location", "") if status in _REDIRECTS else ""),
            ahead=self._ahead(headers),
        )

    async def balance(self) -> float | None:
        """Return what is left on the operator's account, in the service's own credits, where it says so.

        Raises:
            Transient: there was no answer.
        """
        if self.contract.balance_path is None:
            return None
        try:
            async with asyncio.timeout(CHECK_S):
                _, answer, _ = await self._ask(self._url + self.contract.balance_path)
        except (*_BROKEN, httpx.InvalidURL) as error:
            raise Transient(f"balance query: {type(error).__name__}") from error
        return self.contract.read_balance(answer)

    def _correction(self, location: str) -> str:
        """Return the address that is meant: without a trailing /v1, or where a redirect leads."""
        asked = self._url + self.contract.task_path(NO_TASK)
        try:
            target = urljoin(asked, location).partition("?")[0].rstrip("/")
            wire.origin_of(target)
        except ValueError:
            return ""
        base = re.sub(r"(/v1)+$", "", target.removesuffix(self.contract.task_path(NO_TASK).partition("?")[0]))
        return "" if base == self._url or "@" in base or NO_TASK in base else base

    def _ahead(self, headers: Mapping[str, str]) -> timedelta | None:
        try:
            at = parsedate_to_datetime(headers.get("Date", ""))
        except (ValueError, OverflowError):
            return None
        return at.replace(tzinfo=at.tzinfo or UTC) - self._now()

    async def _post(self, url: str, json: object) -> tuple[int, bytes, Mapping[str, str]]:
        with request_log.asked("POST", url) as exchange:
            async with self._posts.stream("POST", url, json=json) as response:
                exchange.status = response.status_code
                # Raw: httpx would decompress without a limit.
                body = await bounded(response.aiter_raw())
                answer = Answer(status=response.status_code, headers=response.headers, body=body)
                return self._read(answer)

    async def _ask(self, url: str, queries: Queries | None = None) -> tuple[int, bytes, Mapping[str, str]]:
        with request_log.asked("GET", url) as exchange:
            answer = await (queries or self._queries).get(url)
            exchange.status = answer.status
            return self._read(answer)

    def _read(self, answer: Answer) -> tuple[int, bytes, Mapping[str, str]]:
        """Return status, body and headers, with no more of the body than an answer may have."""
        encoding = answer.headers.get("Content-Encoding", "")
        body = decode(answer.body, encoding, ANSWER_MAX_BYTES)
        # An error message may repeat the key, and messages are logged and shown.
        key = self._posts.headers["Authorization"].removeprefix("Bearer ").encode()
        if len(key) >= KEY_MIN:
            body = body.replace(key, b"[key]")
        return answer.status, body, answer.headers

    def _retry_after_s(self, headers: Mapping[str, str]) -> float | None:
        """Read Retry-After, in seconds or as an HTTP date; negative if that is past."""
        value = headers.get("Retry-After", "").strip()
        if re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", value):
            return float(value)
        try:
            at = parsedate_to_datetime(value)
        except (ValueError, OverflowError):
            return None
        return (at.replace(tzinfo=at.tzinfo or UTC) - self._now()).total_seconds()


async def _timed(call: Awaitable[T], report: Timed) -> T:
    """Await the call and report how long it took, even if it raises."""
    began_s, name = time.perf_counter(), "none"
    try:
        answer = await call
        name = type(answer).__name__.lower()
    finally:
        report(name, time.perf_counter() - began_s)
    return answer


def _comparable(message: str) -> str:
    """Return an error message without what differs between two requests: numbers and their ids."""
    return re.sub(r"[0-9a-f-]{8,}|[0-9]+|\s+", " ", message.lower()).strip()
