"""Calls to the music service, and the meaning of their outcomes."""

import asyncio
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Final, TypeAlias, TypeVar
from urllib.parse import urljoin

from msgspec import Struct

from bot.about import USER_AGENT
from bot.errors import Transient, Unauthorized
from bot.model import ClosedCause, SongRequest, TaskId
from bot.music import wire
from bot.music.connections import Connections, open_connections
from bot.music.contract import Contract, LyricsDrafts
from bot.music.encodings import TooLarge, decode
from bot.music.queries import (
    ANSWER_MAX_BYTES,
    Answer,
    NotSent,
    Queries,
    Unanswered,
    error_name,
)
from bot.proxies import Proxy

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

CONNECT_S: Final = 10.0
POST_S: Final = 60.0
"""Deadline of the paid request, in seconds, from connecting to the last byte read; httpx has none."""
CHECK_S: Final = 60.0
"""Deadline of a status query, in seconds. It can take tens: the service may copy files while it answers."""
FREE_S: Final = 10.0
"""Deadline of the free question, in seconds; the job whose answer it checks waits for it."""
FREE_ANSWER_S: Final = 60.0
"""How long the answer to the free question is reused, in seconds: at most one question a minute is sent."""
KEY_MIN: Final = 8
"""Minimum length at which the key is redacted: a shorter one may occur in a task id or a field name."""
NO_TASK: Final = TaskId("no-such-task")
"""A task id that the service never assigns."""

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_BROKEN = (Unanswered, OSError, TooLarge)
"""Errors that leave the outcome open. ssl raises OSErrors, some of which httpcore does not translate."""

Timed: TypeAlias = Callable[[str, float], None]
"""Called with the kind of answer to a call, and its duration in seconds."""
T = TypeVar("T")


class Probe(Struct, frozen=True, kw_only=True):
    """The service's answer to a free query."""

    status: int
    checked: wire.Checked | wire.Busy
    readable: bool
    """Whether the answer was a JSON object, as all of the service's are."""
    proven: bool
    """Whether the answer is about the task: only this service's endpoint can give it, after the key."""
    correction: str
    """Corrected address of the service, if the answer or the address itself reveals it; else empty."""
    ahead: timedelta | None
    """How far the service's clock is ahead of ours, if the answer was dated."""


class MusicClient:
    """A client of the music service. Get it from ``MusicClient.open``."""

    def __init__(
        self,
        connections: Connections,
        *,
        conceal: Callable[[bytes], bytes],
        url: str,
        contract: Contract,
        now: Callable[[], datetime],
        submitted: Timed,
        checked: Timed,
    ) -> None:
        self.origin = wire.origin_of(url)
        self._url = url.rstrip("/")
        self._posts = connections.posts
        self._queries = connections.queries
        self._conceal = conceal
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
        transport: "httpx.AsyncBaseTransport | None" = None,
        submitted: Timed = lambda _answer, _took_s: None,
        checked: Timed = lambda _answer, _took_s: None,
    ) -> AsyncIterator["MusicClient"]:
        """Open a client for the service at ``url``.

        ``transport`` replaces the network and the proxy.

        ``submitted`` and ``checked`` are called after every call with the kind of answer (the name of its
        class in ``wire`` in lower case, or "none") and its duration in seconds.
        """
        headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "Accept-Encoding": "identity",
            "User-Agent": USER_AGENT,
        }

        def conceal(body: bytes) -> bytes:
            # An error message may repeat the key, and messages are logged and shown.
            return body.replace(key.encode(), b"[key]") if len(key) >= KEY_MIN else body

        async with open_connections(
            headers, connect_s=CONNECT_S, post_s=POST_S, query_s=CHECK_S, proxy=proxy, transport=transport
        ) as connections:
            yield cls(
                connections,
                conceal=conceal,
                url=url,
                contract=contract,
                now=now,
                submitted=submitted,
                checked=checked,
            )

    async def prepare(self) -> None:
        """Load what sends paid requests. Until then, the first one would wait half a second for it."""
        await self._posts.opened()

    async def submit(self, request: SongRequest) -> wire.Submitted:
        """Send the one paid request and return its outcome. It is never repeated here."""
        return await _timed(self._submit(request), self._submitted)

    async def _submit(self, request: SongRequest) -> wire.Submitted:
        sent = (request.prompt, request.title, request.style, request.lyrics, request.avoid)
        return await self._pay(self.contract.body(request), sent)

    async def submit_lyrics(self, drafts: LyricsDrafts, about: str) -> wire.Submitted:
        """Send the one paid request for lyrics and return its outcome.

        It is never repeated here.
        """
        return await self._pay(drafts.body(about), (about,))

    async def _pay(self, body: dict[str, object], sent: tuple[str, ...]) -> wire.Submitted:
        try:
            async with asyncio.timeout(POST_S):
                status, answer, headers = await self._post(self._url + self.contract.submit_path, body)
        except NotSent as error:
            return wire.Busy(error_name(error), offline=True)
        except _BROKEN as error:
            return wire.Unknown(error_name(error))
        return self.contract.read_submitted(status, answer, sent, self._retry_after_s(headers))

    async def confirms(self, rejected: wire.Rejected) -> bool:
        """Return whether the service is closed to all requests, as ``rejected`` suggests.

        It is if our free question gets the same answer. One member's words can trip a firewall or look
        like a message about the account, and must not stop the bot for everybody.
        """
        answer = await self.ask_whether_open()
        return (
            isinstance(answer, wire.Rejected)
            and answer.closed is rejected.closed
            and _comparable(answer.detail) == _comparable(rejected.detail)
        )

    async def ask_whether_open(self) -> wire.Open | wire.Rejected | wire.Unknown:
        """Ask the paid endpoint a free question: a request without any required field.

        ``Rejected`` gives the reason if it is closed. An answer is reused for ``FREE_ANSWER_S``.
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
        except _BROKEN as error:
            return wire.Unknown(error_name(error))
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

    async def check(self, task_id: TaskId) -> wire.Checked:
        """Return the status of a task.

        Raises:
            Transient: there was no answer about the task; ask again later.
            Unauthorized: the service does not accept the key.
        """
        return await _timed(self._check(task_id), self._checked)

    async def _check(self, task_id: TaskId) -> wire.Checked:
        status, answer, headers = await self._status_of(task_id)
        checked = self.contract.read_checked(status, answer, self.origin)
        if isinstance(checked, wire.Busy):
            raise Transient(f"status query: {checked.detail}", self._retry_after_s(headers))
        self._require_key(status, checked)
        return checked

    async def check_lyrics(self, drafts: LyricsDrafts, task_id: TaskId) -> wire.LyricsChecked:
        """Return the status of a lyrics task.

        Raises:
            Transient: there was no answer about the task; ask again later.
            Unauthorized: the service does not accept the key.
        """
        # Lyrics are rare, and their queries keep no connection open.
        status, answer, headers = await self._status_of(task_id, await self._posts.opened())
        checked = drafts.read(status, answer)
        if isinstance(checked, wire.Busy):
            raise Transient(f"status query: {checked.detail}", self._retry_after_s(headers))
        self._require_key(status, checked)
        return checked

    async def _status_of(
        self, task_id: TaskId, queries: Queries | None = None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        """Send a status query.

        Raises:
            Transient: there was no answer.
        """
        try:
            async with asyncio.timeout(CHECK_S):
                return await self._ask(self._url + self.contract.task_path(task_id), queries)
        except _BROKEN as error:
            raise Transient(f"status query: {error_name(error)}") from error

    def _require_key(self, status: int, checked: wire.Checked | wire.LyricsChecked) -> None:
        if isinstance(checked, wire.Rejected) and checked.closed is ClosedCause.BAD_KEY:
            raise Unauthorized(f"status query: HTTP {status}; check {self.contract.key_setting}")

    async def probe(self) -> Probe:
        """Query a task that cannot exist, which costs nothing.

        Raises:
            Transient: there was no answer.
        """
        try:
            async with asyncio.timeout(CHECK_S):
                status, answer, headers = await self._ask(self._url + self.contract.task_path(NO_TASK))
        except _BROKEN as error:
            raise Transient(error_name(error)) from error
        return Probe(
            status=status,
            checked=self.contract.read_checked(status, answer, self.origin),
            readable=wire.is_readable(answer),
            proven=wire.is_about_task(status, answer, NO_TASK),
            correction=self._correction(headers.get("Location", "") if status in _REDIRECTS else ""),
            ahead=self._ahead(headers),
        )

    async def balance(self) -> float | None:
        """Return the operator's balance in the service's own credits, if reported.

        Raises:
            Transient: there was no answer.
        """
        if self.contract.balance_path is None:
            return None
        try:
            async with asyncio.timeout(CHECK_S):
                _, answer, _ = await self._ask(self._url + self.contract.balance_path)
        except _BROKEN as error:
            raise Transient(f"balance query: {error_name(error)}") from error
        return self.contract.read_balance(answer)

    def _correction(self, location: str) -> str:
        """Return the intended address: without a trailing /v1, or where a redirect leads."""
        address = self._url + self.contract.task_path(NO_TASK)
        try:
            target = urljoin(address, location).partition("?")[0].rstrip("/")
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
        posts = await self._posts.opened()
        return self._read(await posts.post(url, json))

    async def _ask(self, url: str, queries: Queries | None = None) -> tuple[int, bytes, Mapping[str, str]]:
        return self._read(await (queries or self._queries).get(url))

    def _read(self, answer: Answer) -> tuple[int, bytes, Mapping[str, str]]:
        """Return status, decoded body and headers; the body is bounded in size."""
        encoding = answer.headers.get("Content-Encoding", "")
        body = decode(answer.body, encoding, ANSWER_MAX_BYTES)
        return answer.status, self._conceal(body), answer.headers

    def _retry_after_s(self, headers: Mapping[str, str]) -> float | None:
        """Parse Retry-After, in seconds or as an HTTP date; negative if it has passed."""
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
    """Strip an error message of what differs between two requests: numbers and ids."""
    return re.sub(r"[0-9a-f-]{8,}|[0-9]+|\s+", " ", message.lower()).strip()
