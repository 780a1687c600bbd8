"""Check whether a music service still answers as this bot expects: ``tunesmith probe``.

Every check but the song is free. Answers are saved without the key, ids and texts, so that they can be
attached to a report and replayed as a fixture. The container's health check is ``probe.py``.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

import httpx
from msgspec import Struct, field

from bot.errors import Transient, Unauthorized
from bot.model import Backend, SongRequest
from bot.music import wire
from bot.music.backends import OFFERS
from bot.music.client import NO_TASK, MusicClient
from bot.music.contract import Contract
from bot.music.encodings import TooLarge, decode
from bot.music.queries import ANSWER_MAX_BYTES

SONG_PROMPT: Final = "Calm solo piano, slow"
POLL_S: Final = 5.0
"""Interval between status queries for the paid song, in seconds."""
SONG_S: Final = 600.0
"""How long to wait for the song to finish, in seconds."""
ANSWERS_MAX: Final = 200
"""Maximum number of answers in one file."""
TEXT_MAX: Final = 300
"""Maximum length of a saved text, in characters."""
FORMAT: Final = 1
KEPT_NAMES: Final = frozenset(
    {"code", "msg", "message", "error", "type", "state", "status", "failcode", "failmsg", "errormessage"}
    | {"model", "model_name", "object", "mediatype", "provider"}
)
"""Names of fields whose text is saved, in lower case. All other text is replaced."""
ID_NAME: Final = re.compile(r"(^|_)id$|Id$|ID$|user|account|email|team|customer", re.ASCII)
ID_TEXT: Final = re.compile(r"[\w.+-]+@[\w-]+\.\w+|\b(?=\w*\d)[\w-]{8,}\b", re.ASCII)
"""Possible ids and addresses in a message."""
JSON_START: Final = re.compile(r'[\s\ufeff]*[\[{"]')


class Step(StrEnum):
    """A request to the service."""

    BALANCE = "balance"
    NO_TASK = "status of a task that does not exist"
    REFUSED = "request without a title"
    SONG = "song"
    STATUS = "status of the song"


class Finding(Struct, frozen=True, kw_only=True):
    """The answer to a request, and whether it was expected."""

    step: Step
    expected: str
    came: str
    understood: bool


class Answer(Struct):
    """An answer as received."""

    step: Step
    status: int
    body: bytearray = field(default_factory=bytearray)
    encoding: str = ""
    """Its Content-Encoding."""


class Recorder(httpx.AsyncBaseTransport):
    """Records every answer that passes through, as far as its body is read."""

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        self._transport = transport
        self.step = Step.BALANCE
        self.answers: list[Answer] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Forward the request and record its answer."""
        response = await self._transport.handle_async_request(request)
        encoding = response.headers.get("Content-Encoding", "")
        answer = Answer(self.step, response.status_code, encoding=encoding)
        self.answers.append(answer)
        del self.answers[:-ANSWERS_MAX]
        assert isinstance(response.stream, httpx.AsyncByteStream)  # noqa: S101 - for mypy: this is an async transport
        response.stream = _Copied(response.stream, answer.body)
        return response

    async def aclose(self) -> None:
        """Close the transport."""
        await self._transport.aclose()


class _Copied(httpx.AsyncByteStream):
    def __init__(self, stream: httpx.AsyncByteStream, copy: bytearray) -> None:
        self._stream = stream
        self._copy = copy

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._copy += chunk
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def check_for_free(client: MusicClient, recorder: Recorder) -> list[Finding]:
    """Make the requests that cost nothing."""
    findings = []
    for step in (Step.BALANCE, Step.NO_TASK, Step.REFUSED):
        if step is Step.BALANCE and client.contract.balance_path is None:
            continue
        recorder.step = step
        came = await _ask(client, step)
        findings.append(_finding(step, came))
    return findings


async def buy_song(
    client: MusicClient,
    recorder: Recorder,
    *,
    sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    clock_s: Callable[[], float] = time.monotonic,
) -> list[Finding]:
    """Submit one song, which is charged, and query its status until it is finished."""
    recorder.step = Step.SONG
    request = SongRequest(
        model=OFFERS[client.contract.backend].cheapest_model, prompt=SONG_PROMPT, instrumental=True
    )
    submitted = await client.submit(request)
    findings = [_finding(Step.SONG, submitted)]
    if not isinstance(submitted, wire.Accepted):
        return findings
    recorder.step = Step.STATUS
    ends_s = clock_s() + SONG_S
    checked: object = wire.Running()
    while clock_s() < ends_s:
        checked = await _answer(client.check(submitted.task_id))
        if isinstance(checked, wire.Rejected | Unauthorized):
            break
        if isinstance(checked, wire.Done) and checked.urls:
            break
        await sleep(POLL_S)
    return [*findings, _finding(Step.STATUS, checked)]


async def _ask(client: MusicClient, step: Step) -> object:
    if step is Step.BALANCE:
        return await _answer(client.balance())
    if step is Step.NO_TASK:
        return await _answer(client.check(NO_TASK))
    return await client.submit(untitled(client.contract.backend))


async def _answer(question: Awaitable[object]) -> object:
    try:
        return await question
    except (Transient, Unauthorized) as error:
        return error


def untitled(backend: Backend) -> SongRequest:
    """Return a request that a service must refuse before it costs anything."""
    return SongRequest(
        model=OFFERS[backend].cheapest_model, custom=True, style="piano", title="", instrumental=True
    )


def _finding(step: Step, came: object) -> Finding:
    expected, understood = {
        Step.BALANCE: ("a number of credits", isinstance(came, float)),
        Step.NO_TASK: ("not found", isinstance(came, wire.NotFound)),
        Step.REFUSED: ("refused", isinstance(came, wire.Rejected) and came.closed is None),
        Step.SONG: ("accepted", isinstance(came, wire.Accepted)),
        Step.STATUS: ("done, with audio", isinstance(came, wire.Done) and bool(came.urls)),
    }[step]
    return Finding(step=step, expected=expected, came=describe(came), understood=understood)


def describe(came: object) -> str:
    """Describe how this bot interprets an answer, without ids and texts."""
    match came:
        case float():
            return "a balance"
        case None:
            return "no balance"
        case wire.Rejected(reason=reason, closed=closed):
            return f"rejected: {reason}" if closed is None else f"rejected: {reason}, {closed}"
        case wire.Done(urls=urls):
            return f"done, {len(urls)} takes"
        case Transient() | Unauthorized():
            return f"no usable answer: {type(came).__name__.lower()}"
        case _:
            return type(came).__name__.lower()


def read(contract: Contract, step: Step, status: int, body: bytes, origin: str) -> str:
    """Describe how this bot interprets a saved answer."""
    came: object
    if step is Step.BALANCE:
        came = contract.read_balance(body)
    elif step in (Step.NO_TASK, Step.STATUS):
        came = contract.read_checked(status, body, origin)
    else:
        came = contract.read_submitted(status, body, (), None)
    return describe(came)


def replay(contract: Contract, saved: Mapping[str, object]) -> list[tuple[str, str]]:
    """Parse saved answers again. Return how each was interpreted then, and how it is now."""
    answers, origin = saved["answers"], str(saved["origin"])
    assert isinstance(answers, list)  # noqa: S101 - our own format
    pairs = []
    for answer in answers:
        body = str(answer["body"]).encode()
        pairs.append(
            (str(answer["read_as"]), read(contract, Step(answer["step"]), answer["status"], body, origin))
        )
    return pairs


def document(
    contract: Contract, origin: str, answers: Sequence[Answer], *, secrets: Sequence[str]
) -> dict[str, object]:
    """Return the document to save: the answers without ``secrets``, ids and texts."""
    redaction = _Redaction((*secrets, SONG_PROMPT))
    saved: list[dict[str, object]] = []
    for answer in answers:
        body = redaction.body(_decoded(answer))
        read_as = read(contract, answer.step, answer.status, body.encode(), origin)
        entry: dict[str, object] = {
            "step": answer.step.value,
            "status": answer.status,
            "body": body,
            "read_as": read_as,
        }
        if not saved or saved[-1] != entry:
            saved.append(entry)
    return {"format": FORMAT, "service": contract.backend.value, "origin": origin, "answers": saved}


def _decoded(answer: Answer) -> bytes:
    try:
        return decode(bytes(answer.body), answer.encoding, ANSWER_MAX_BYTES)
    except TooLarge:
        return b""


class _Redaction:
    """Replaces each id and address by a name of its own, so that the structure stays recognisable."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._secrets = [secret for secret in secrets if secret]
        self._names: dict[str, str] = {}

    def body(self, body: bytes) -> str:
        try:
            text = body.decode(json.detect_encoding(body))
            return json.dumps(self._value("", json.loads(text)))
        except (ValueError, RecursionError):
            text = body.decode("utf-8", "replace")
        # The start of a web page is kept; truncated JSON may contain texts anywhere.
        return "[redacted]" if JSON_START.match(text) else self._message(text)

    def _value(self, name: str, value: object) -> object:
        match value:
            case dict():
                return {self._key(key): self._value(key, inner) for key, inner in value.items()}
            case list():
                return [self._value(name, inner) for inner in value]
            case str():
                return self._text(name, value)
            case bool() | None:
                return value
            case _:
                return 0 if ID_NAME.search(name) else value

    def _key(self, name: str) -> str:
        """Return the name of a field, or a replacement if it is an id."""
        return self._name(name, "id") if ID_TEXT.fullmatch(name) else name

    def _text(self, name: str, text: str) -> str:
        if text.lstrip().startswith(("{", "[")):
            try:
                return json.dumps(self._value(name, json.loads(text)))
            except (ValueError, RecursionError):
                return "[redacted]"
        if text.startswith(("http://", "https://")):
            return self._address(text)
        if not text:
            return text
        if ID_NAME.search(name):
            return self._name(text, "id")
        return self._message(text) if name.lower() in KEPT_NAMES else "[redacted]"

    def _address(self, text: str) -> str:
        parts = urlsplit(text)
        ending = parts.path.rpartition(".")[2]
        suffix = f".{ending}" if re.fullmatch(r"[a-z0-9]{1,4}", ending) else ""
        host = parts.netloc.rpartition("@")[2]
        return f"{parts.scheme}://{host}/{self._name(text, 'file')}{suffix}"

    def _name(self, text: str, kind: str) -> str:
        return self._names.setdefault(text, f"{kind}-{len(self._names) + 1}")

    def _message(self, text: str) -> str:
        for secret in self._secrets:
            text = re.sub(re.escape(secret), "[redacted]", text, flags=re.IGNORECASE)
        return ID_TEXT.sub("[id]", text[:TEXT_MAX])
