"""Serve the documented music API on localhost, with faults to order and books of its own."""

import asyncio
import json
import re
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import lru_cache
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from bot.sandbox import composer, mp3
from bot.sandbox.instruments import RATE_HZ

Json = dict[str, object]

CREDITS_PER_TASK = 10
"""Source: https://sseedance.com/en/docs/music, section Credits, read 2026-11-22."""

PROVIDERS = ("kie",)
FIELDS = ("provider", "model", "prompt", "customMode", "title", "style", "lyrics", "instrumental", "options")
"""Source: https://sseedance.com/en/docs/music, section Request body, read 2026-11-22."""

PROMPT_CHARACTERS_MOST = 500
TITLE_CHARACTERS_MOST = 80
STYLE_AND_LYRICS_CHARACTERS_MOST = {
    "V5": (1_000, 5_000),
    "V4_5PLUS": (1_000, 5_000),
    "V4_5ALL": (1_000, 5_000),
    "V4_5": (1_000, 5_000),
    "V4": (200, 3_000),
    "V3_5": (200, 3_000),
}
"""Models and their limits. Source: https://docs.kie.ai/suno-api/generate-music, read 2026-11-22."""

TAKES = 2
PENDING_SHARE = 0.25
"""The part of the delay for which a task waits before it is processed."""
SLOWDOWN = 10
EMPTY_POLLS = 2
RETRY_AFTER_S = 2
BODY_BYTES_MOST = 64 * 1024
REQUESTS_MOST = 1_000
SONGS_CACHED = 48
"""About 0.9 MB each; a song that fell out of the cache is composed again, and is the same."""
SHUTDOWN_S = 0.5

_TYPES: dict[str, tuple[type, str]] = {
    "customMode": (bool, "true or false"),
    "instrumental": (bool, "true or false"),
    "options": (dict, "an object"),
}


class FaultKind(StrEnum):
    """What can go wrong; the value in square brackets among a request's words orders it for that request."""

    CLOSED = "closed"
    """404: the endpoint is announced, not open."""
    NO_CREDITS = "no credits"
    """402."""
    UNAUTHORIZED = "unauthorized"
    """401."""
    BUSY = "busy"
    """429 with Retry-After; ordered by words, only the first time that these words come."""
    MODERATED = "moderated"
    """400 about sensitive words."""
    SERVER_ERROR = "server error"
    """500 with a page of HTML."""
    LOST_ANSWER = "lost answer"
    """The work is done and charged, and the connection closes without an answer."""
    FAIL = "fail"
    """The task fails, with a reason."""
    CANCELED = "canceled"
    """The task ends canceled."""
    SLOW = "slow"
    """The task takes ten times as long."""
    ONE_TAKE = "one take"
    """The task succeeds with one song."""
    EMPTY_SUCCESS = "empty success"
    """The task succeeds, but the first two answers that say so have no URLs."""
    EMPTY_AUDIO = "empty audio"
    """200 without a byte; ordered by words, for the first download of each song."""


@dataclass(frozen=True)
class Fault:
    """A fault to order: what goes wrong, where, and how many times."""

    kind: FaultKind
    times: int = 1
    """Requests that it still spoils."""
    on: Literal["create", "poll", "audio"] = "create"
    """Which requests: the POST of a task, the GET of a task, or the GET of a song.

    The kinds from FAIL to EMPTY_SUCCESS are about a task and mean something on `create` alone.
    """


@dataclass
class Task:
    """A generation task as the service keeps it."""

    id: str
    provider: str
    model: str
    prompt: str
    words: str
    """What the music follows from."""
    lyrics: str
    title: str
    instrumental: bool
    kinds: frozenset[FaultKind]
    created_s: float
    """On the sandbox's clock."""
    delay_s: float
    """Seconds from creation to its end, if composing takes no longer."""
    empty_polls: int = 0
    """Answers without URLs that success still has to give."""
    downloaded: set[int] = field(default_factory=set)
    """Takes that somebody asked for."""
    queried: bool = False
    """Whether its status was asked for before; a service may not know a new task at once."""

    @property
    def takes(self) -> int:
        """Songs that the task makes."""
        if self.kinds & ENDINGS.keys():
            return 0
        return 1 if FaultKind.ONE_TAKE in self.kinds else TAKES


class Invalid(Exception):
    """The request is not what the documentation asks for."""

    def __init__(self, name: str, message: str) -> None:
        super().__init__(message)
        self.name = name
        """The field to blame."""


class Sandbox:
    """A music service with tasks, faults and books; `running` puts it on a port.

    Args:
        key: The bearer token that requests must carry; empty lets everybody in.
        delay_s: Seconds until a task ends.
        faults: Faults to begin with; `faults` is a list to be changed at any time.
        tasks_most: Tasks kept; older ones are dropped with their songs.
        clock: Seconds that only grow.
    """

    def __init__(
        self,
        key: str = "",
        delay_s: float = 6.0,
        *,
        faults: Iterable[Fault] = (),
        tasks_most: int = 200,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = key
        self.delay_s = delay_s
        self.faults = list(faults)
        self._refused: FaultKind | None = None
        self.tasks_most = tasks_most
        self.tasks: dict[str, Task] = {}
        """The tasks kept, oldest first."""
        self.tasks_created = 0
        self.credits_charged = 0
        self.requests: list[Json] = []
        """Bodies of POSTs, refused ones too, oldest first; the last 1,000."""
        self._clock = clock
        self._composing: dict[str, asyncio.Task[None]] = {}
        self._one_at_a_time = asyncio.Lock()

    def application(self) -> web.Application:
        """Give the service as a web application; one application at a time."""
        app = web.Application(middlewares=[_errors_as_json], client_max_size=BODY_BYTES_MOST)
        app.router.add_post("/v1/music/generations", self._create)
        app.router.add_get("/v1/tasks/{id}", self._poll)
        app.router.add_get("/audio/{id}-{take:[1-9]}.mp3", self._audio)
        app.router.add_get("/sandbox/books", self._show_books)
        app.cleanup_ctx.append(self._lifetime)
        return app

    def books(self) -> Json:
        """Give what was created, charged and asked for, as `GET /sandbox/books` does."""
        return {
            "tasksCreated": self.tasks_created,
            "creditsCharged": self.credits_charged,
            "requests": list(self.requests),
        }

    async def composed(self) -> None:
        """Return when no song is being composed."""
        await asyncio.gather(*self._unfinished().values(), return_exceptions=True)

    def _unfinished(self) -> dict[str, asyncio.Task[None]]:
        return {name: work for name, work in self._composing.items() if not work.done()}

    async def _lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        # A lock belongs to the loop that first waits for it, and a sandbox may be run again in another.
        self._one_at_a_time = asyncio.Lock()
        for task in self.tasks.values():
            self._compose(task)
        yield
        unfinished = self._unfinished()
        for name, work in unfinished.items():
            work.cancel()
            del self._composing[name]
        await asyncio.gather(*unfinished.values(), return_exceptions=True)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if not self._admits(request):
            return _refusal(FaultKind.UNAUTHORIZED)
        body = await json_body(request)
        by_words = ordered_by(body) - ({FaultKind.BUSY} if body in self.requests else set())
        if not body and self._refused is not None:
            return _refusal(self._refused)  # a closed endpoint answers every request alike
        kinds = by_words | self._faults_for("create")
        self.requests.append(body)
        del self.requests[:-REQUESTS_MOST]
        for kind in REFUSALS:
            if kind in kinds:
                self._refused = kind
                return _refusal(kind)
        self._refused = None
        _validate(body)

        task = self._begin(body, kinds)
        if FaultKind.LOST_ANSWER in kinds:
            return hang_up(request)
        return web.json_response(
            {
                "id": task.id,
                "object": "music.generation.task",
                "status": "pending",
                "data": {"id": task.id, "mediaType": "music", "status": "pending", "audioUrls": []},
            }
        )

    def _begin(self, body: Json, kinds: frozenset[FaultKind]) -> Task:
        """Charge for a task and start on it."""
        custom = body.get("customMode") is True
        words = f"{text_of(body, 'style')} {text_of(body, 'title')}" if custom else text_of(body, "prompt")
        task = Task(
            id=secrets.token_hex(12),
            provider=text_of(body, "provider"),
            model=text_of(body, "model"),
            prompt=text_of(body, "prompt") or text_of(body, "style"),
            # Faults are stage directions: the music is the same with and without them.
            words=re.sub(r"\[[^]]*\]", "", words).strip(),
            lyrics=text_of(body, "lyrics") if custom else "",
            title=text_of(body, "title") if custom else "",
            instrumental=body.get("instrumental") is True,
            kinds=kinds,
            created_s=self._clock(),
            delay_s=self.delay_s * (SLOWDOWN if FaultKind.SLOW in kinds else 1),
            empty_polls=EMPTY_POLLS if FaultKind.EMPTY_SUCCESS in kinds else 0,
        )
        self.tasks[task.id] = task
        self.tasks_created += 1
        self.credits_charged += CREDITS_PER_TASK
        self._compose(task)
        while len(self.tasks) > self.tasks_most:
            oldest = next(iter(self.tasks))
            del self.tasks[oldest]
            if work := self._composing.pop(oldest, None):
                work.cancel()
        return task

    def _compose(self, task: Task) -> asyncio.Task[None]:
        """Give the work on a task's songs, begun if it was not."""
        if task.id not in self._composing:
            self._composing[task.id] = asyncio.create_task(self._compose_takes(task))
        return self._composing[task.id]

    async def _compose_takes(self, task: Task) -> None:
        for take in range(1, task.takes + 1):
            await self._song(task, take)

    async def _song(self, task: Task, take: int) -> bytes:
        async with self._one_at_a_time:
            return await asyncio.to_thread(song, task.words, task.lyrics, task.title, task.instrumental, take)

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        if not self._admits(request):
            return _refusal(FaultKind.UNAUTHORIZED)
        if spoiled := self._spoiled(request, "poll"):
            return spoiled
        task = self.tasks.get(request.match_info["id"])
        if task is None:
            return _error(HTTPStatus.NOT_FOUND, "Task not found.")
        status, error = self._status(task)
        urls: list[str] = []
        if status == "success" and task.empty_polls:
            task.empty_polls -= 1
        elif status == "success":
            origin = request.url.origin()
            urls = [str(origin / "audio" / f"{task.id}-{take}.mp3") for take in range(1, task.takes + 1)]
        return web.json_response(
            {
                "object": "task",
                "data": {
                    "id": task.id,
                    "mediaType": "music",
                    "provider": task.provider,
                    "model": task.model,
                    "prompt": task.prompt,
                    "status": status,
                    "imageUrls": [],
                    "videoUrls": [],
                    "audioUrls": urls,
                    "errorMessage": error,
                },
            }
        )

    def _status(self, task: Task) -> tuple[str, str | None]:
        """Tell a task's status and, if it failed, why."""
        work = self._compose(task)
        elapsed_s = self._clock() - task.created_s
        if elapsed_s < task.delay_s * PENDING_SHARE:
            return "pending", None
        if elapsed_s >= task.delay_s and task.kinds & ENDINGS.keys():
            return next(ending for kind, ending in ENDINGS.items() if kind in task.kinds)
        if elapsed_s < task.delay_s or not work.done():
            return "processing", None
        if work.cancelled() or work.exception():
            return "failed", "The sandbox could not compose this song."
        return "success", None

    async def _audio(self, request: web.Request) -> web.StreamResponse:
        if spoiled := self._spoiled(request, "audio"):
            return spoiled
        task = self.tasks.get(request.match_info["id"])
        take = int(request.match_info["take"])
        if task is None or take > task.takes or self._status(task)[0] != "success":
            return _error(HTTPStatus.NOT_FOUND, "No such song.")
        first_time = take not in task.downloaded
        task.downloaded.add(take)
        if first_time and FaultKind.EMPTY_AUDIO in task.kinds:
            return web.Response(content_type="audio/mpeg")
        return web.Response(body=await self._song(task, take), content_type="audio/mpeg")

    async def _show_books(self, _request: web.Request) -> web.Response:
        return web.json_response(self.books())

    def _admits(self, request: web.Request) -> bool:
        given = request.headers.get("Authorization", "").encode()
        return not self.key or secrets.compare_digest(given, f"Bearer {self.key}".encode())

    def _faults_for(self, on: str) -> frozenset[FaultKind]:
        """Use up one of the faults ordered for such a request; the first in the list comes first."""
        for index, fault in enumerate(self.faults):
            if fault.on == on:
                if fault.times > 1:
                    self.faults[index] = replace(fault, times=fault.times - 1)
                else:
                    del self.faults[index]
                return frozenset({fault.kind})
        return frozenset()

    def _spoiled(self, request: web.Request, on: Literal["poll", "audio"]) -> web.StreamResponse | None:
        """Give the answer of a fault ordered for this request, if there is one."""
        for kind in self._faults_for(on):
            if kind in REFUSALS:
                return _refusal(kind)
            if kind is FaultKind.LOST_ANSWER:
                return hang_up(request)
            if kind is FaultKind.EMPTY_AUDIO:
                return web.Response(content_type="audio/mpeg")
        return None


@lru_cache(maxsize=SONGS_CACHED)
def song(words: str, lyrics: str, title: str, instrumental: bool, take: int) -> bytes:
    """Give a finished mp3, the same for the same arguments; about half a second of work the first time."""
    music = composer.compose(words, lyrics=lyrics, instrumental=instrumental, take=take)
    return mp3.encode(music.samples, RATE_HZ, title)


@asynccontextmanager
async def running(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a sandbox while the block runs; gives its base URL, such as `http://127.0.0.1:8765`.

    Port 0 takes a free one. A sandbox may be run again later and still knows its tasks.
    """
    runner = web.AppRunner(sandbox.application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


REFUSALS: dict[FaultKind, tuple[HTTPStatus, str]] = {
    FaultKind.CLOSED: (
        HTTPStatus.NOT_FOUND,
        "Music generation is coming soon. This endpoint is not open yet.",
    ),
    FaultKind.UNAUTHORIZED: (HTTPStatus.UNAUTHORIZED, "Invalid API key."),
    FaultKind.NO_CREDITS: (HTTPStatus.PAYMENT_REQUIRED, "Insufficient credits."),
    FaultKind.BUSY: (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests. Please try again later."),
    FaultKind.MODERATED: (HTTPStatus.BAD_REQUEST, "The request contains sensitive words."),
    FaultKind.SERVER_ERROR: (HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"),
}
"""Faults that refuse a request, in the order in which a service would notice them.

The vendor documents no errors; these are the shapes that its neighbours have.
"""


ENDINGS: dict[FaultKind, tuple[str, str | None]] = {
    FaultKind.FAIL: ("failed", "The music model could not make a song of this request."),
    FaultKind.CANCELED: ("canceled", None),
}
"""Faults that end a task without songs: its status and its errorMessage."""


def _refusal(kind: FaultKind) -> web.Response:
    status, message = REFUSALS[kind]
    if kind is FaultKind.SERVER_ERROR:
        return page()
    response = _error(status, message)
    if kind is FaultKind.BUSY:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def page() -> web.Response:
    """Return an HTTP 500 with a page of HTML."""
    status, message = REFUSALS[FaultKind.SERVER_ERROR]
    text = f"<!DOCTYPE html><html><head><title>{message}</title></head><body>{message}</body></html>"
    return web.Response(status=status, text=text, content_type="text/html")


def _error(status: int, message: str, name: str | None = None) -> web.Response:
    return web.json_response({"error": {"message": message, "param": name}}, status=status)


def hang_up(request: web.Request) -> web.StreamResponse:
    """Close the connection; the answer that the caller must return goes nowhere."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


@web.middleware
async def _errors_as_json(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except Invalid as invalid:
        return _error(HTTPStatus.BAD_REQUEST, str(invalid), invalid.name)
    except web.HTTPException as refused:
        return _error(refused.status, refused.reason)


async def json_body(request: web.Request) -> Json:
    """Read the body of a request.

    Raises:
        Invalid: it is not a JSON object.
    """
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise Invalid("body", "the body is not JSON") from error
    if not isinstance(body, dict):
        raise Invalid("body", "the body must be a JSON object")
    return body


def text_of(body: Json, name: str) -> str:
    """Return a field if it is a text, else the empty text."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def ordered_by(body: Json) -> frozenset[FaultKind]:
    """Find the faults that a request's own words order, such as `[fail]`."""
    said = " ".join(text_of(body, name) for name in ("prompt", "title", "style", "lyrics")).casefold()
    return frozenset(kind for kind in FaultKind if f"[{kind}]" in said)


def _validate(body: Json) -> None:
    """Check a request against the documentation.

    Raises:
        Invalid: A field is unknown, missing, of the wrong type or too long.
    """
    for name, value in body.items():
        if name not in FIELDS:
            raise Invalid(name, f"{name} is not a known field")
        wanted, called = _TYPES.get(name, (str, "a string"))
        if not isinstance(value, wanted):
            raise Invalid(name, f"{name} must be {called}")
    for name in _required(body):
        if not text_of(body, name).strip():
            mode = "custom" if body.get("customMode") else "normal"
            raise Invalid(name, f"{name} is required in {mode} mode")
    for name, known in (("provider", PROVIDERS), ("model", tuple(STYLE_AND_LYRICS_CHARACTERS_MOST))):
        if text_of(body, name) not in known:
            raise Invalid(name, f"{name} must be one of {', '.join(known)}")
    style, lyrics = STYLE_AND_LYRICS_CHARACTERS_MOST[text_of(body, "model")]
    limits = {
        "prompt": PROMPT_CHARACTERS_MOST,
        "title": TITLE_CHARACTERS_MOST,
        "style": style,
        "lyrics": lyrics,
    }
    for name, most in limits.items():
        if len(text_of(body, name)) > most:
            raise Invalid(name, f"{name} must have at most {most} characters, not {len(text_of(body, name))}")


def _required(body: Json) -> tuple[str, ...]:
    """Name the fields that a request of this mode must have."""
    if not body.get("customMode"):
        return ("provider", "model", "prompt")
    if body.get("instrumental"):
        return ("provider", "model", "title", "style")
    return ("provider", "model", "title", "style", "lyrics")
