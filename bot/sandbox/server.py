"""Serve the documented music API on localhost, with faults on request and an account of its own."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import lru_cache
from http import HTTPStatus
from typing import Literal

from aiohttp import web
from yarl import URL

from bot.model import TaskId
from bot.sandbox import composer, mp3
from bot.sandbox.faults import ENDINGS, REFUSALS, FaultKind, InjectedFault
from bot.sandbox.http_responses import created, error_response, errors_as_json, hang_up, refusal
from bot.sandbox.requests import (
    STYLE_AND_LYRICS_CHARACTERS_MAX,
    Json,
    json_body,
    ordered_by,
    text_of,
    validate,
)
from bot.sandbox.synthesis import RATE_HZ
from bot.sandbox.tasks import TAKES, Task
from bot.threads import Threads

CREDITS_PER_TASK = 10
"""Source: https://sseedance.com/en/docs/music, section Credits, read 2026-11-22."""
PENDING_SHARE = 0.25
"""Share of a task's delay that it spends pending, before it is processed."""
SLOWDOWN = 10
"""Factor on the delay of a task with the fault SLOW."""
EMPTY_POLLS = 2
"""Number of answers without URLs that the fault EMPTY_SUCCESS causes."""
BODY_BYTES_MAX = 64 * 1024
REQUESTS_MAX = 1_000
"""Maximum number of request bodies kept for inspection."""
SONGS_CACHED = 48
"""Number of cached songs of about 0.9 MB each. An evicted song is recomposed bit for bit."""
SHUTDOWN_S = 0.5


class Sandbox:
    """A music service with tasks, faults and an account. `running` serves it on a port.

    Args:
        key: The bearer token that requests must carry. If empty, every request is admitted.
        delay_s: Seconds until a task completes.
        faults: Faults to start with. The attribute `faults` may be changed at any time.
        tasks_max: Number of tasks kept. Older ones are dropped with their songs.
        clock: A monotonic clock, in seconds.
    """

    key_setting = "MUSIC_API_KEY"
    """The bot's setting for the key of the service that this sandbox stands in for."""
    url_setting = "MUSIC_API_URL"
    """The bot's setting for the address of that service."""
    models = ("V5", "V4_5")
    """Models that a playground offers."""
    accepted_models: Mapping[str, tuple[int, int]] = STYLE_AND_LYRICS_CHARACTERS_MAX
    """Models that a request may name, with the maximum length of style and lyrics in characters."""
    credits_per_task = CREDITS_PER_TASK

    def __init__(
        self,
        key: str = "",
        delay_s: float = 6.0,
        *,
        faults: Iterable[InjectedFault] = (),
        tasks_max: int = 200,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.key = key
        self.delay_s = delay_s
        self.faults = list(faults)
        self._refused: FaultKind | None = None
        """The refusal of the latest request, which an empty probe gets as well."""
        self.tasks_max = tasks_max
        self.tasks: dict[str, Task] = {}
        """The stored tasks, oldest first."""
        self.tasks_created = 0
        self.credits_charged = 0
        self.requests: list[Json] = []
        """Bodies of the latest POSTs, including refused ones, oldest first."""
        self._clock = clock
        self._composing: dict[str, asyncio.Future[None]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._composer = Threads("composer", 1)

    def application(self) -> web.Application:
        """Return the service as a web application. Run one application at a time."""
        app = web.Application(middlewares=[errors_as_json], client_max_size=BODY_BYTES_MAX)
        app.router.add_post("/v1/music/generations", self._create)
        app.router.add_get("/v1/tasks/{id}", self._poll)
        app.router.add_get("/audio/{id}-{take:[1-9]}.mp3", self._audio)
        app.router.add_get("/sandbox/books", self._show_books)
        app.cleanup_ctx.append(self._lifetime)
        return app

    def books(self) -> Json:
        """Return what `GET /sandbox/books` shows: tasks created, credits charged, and requests."""
        return {
            "tasksCreated": self.tasks_created,
            "creditsCharged": self.credits_charged,
            "requests": list(self.requests),
        }

    async def composed(self) -> None:
        """Wait until no song is being composed."""
        await asyncio.gather(*self._unfinished().values(), return_exceptions=True)

    def _unfinished(self) -> dict[str, asyncio.Future[None]]:
        return {task_id: work for task_id, work in self._composing.items() if not work.done()}

    async def _lifetime(self, _app: web.Application) -> AsyncIterator[None]:
        # A lock is bound to the event loop that first waits for it, and a sandbox may run again in another.
        self._one_at_a_time = asyncio.Lock()
        for task in self.tasks.values():
            self._compose(task)
        yield
        unfinished = self._unfinished()
        for task_id, work in unfinished.items():
            work.cancel()
            del self._composing[task_id]
        await asyncio.gather(*unfinished.values(), return_exceptions=True)

    async def _create(self, request: web.Request) -> web.StreamResponse:
        if not self._admits(request):
            return refusal(FaultKind.UNAUTHORIZED)
        return self.create(await json_body(request)) or hang_up(request)

    def create(self, body: Json) -> web.Response | None:
        """Answer the POST of a task. None: the task is created and charged, but the answer is lost.

        Raises:
            Invalid: The request violates the documentation.
        """
        by_text = ordered_by(body) - ({FaultKind.BUSY} if body in self.requests else set())
        if not body and self._refused is not None:
            return refusal(self._refused)  # a closed endpoint gives every request the same answer
        kinds = by_text | self._faults_for("create")
        self.requests.append(body)
        del self.requests[:-REQUESTS_MAX]
        for kind in REFUSALS:
            if kind in kinds:
                self._refused = kind
                return refusal(kind)
        self._refused = None
        validate(body, self.accepted_models)

        task = self._begin(body, kinds)
        return None if FaultKind.LOST_ANSWER in kinds else created(task)

    def _begin(self, body: Json, kinds: frozenset[FaultKind]) -> Task:
        """Create a task, charge for it, and start composing."""
        task = self._new_task(body, kinds)
        self.tasks[task.id] = task
        self.tasks_created += 1
        self.credits_charged += self.credits_per_task
        self._compose(task)
        while len(self.tasks) > self.tasks_max:
            oldest = next(iter(self.tasks))
            del self.tasks[oldest]
            if work := self._composing.pop(oldest, None):
                work.cancel()
        return task

    def _new_task(self, body: Json, kinds: frozenset[FaultKind]) -> Task:
        custom = body.get("customMode") is True
        words = f"{text_of(body, 'style')} {text_of(body, 'title')}" if custom else text_of(body, "prompt")
        task = Task(
            id=secrets.token_hex(12),
            provider=text_of(body, "provider"),
            model=text_of(body, "model"),
            prompt=text_of(body, "prompt") or text_of(body, "style"),
            # Faults are stage directions, so the music is the same with and without them.
            words=re.sub(r"\[[^]]*\]", "", words).strip(),
            lyrics=text_of(body, "lyrics") if custom else "",
            title=text_of(body, "title") if custom else "",
            instrumental=body.get("instrumental") is True,
            kinds=kinds,
            created_s=self._clock(),
            delay_s=self.delay_s * (SLOWDOWN if FaultKind.SLOW in kinds else 1),
            empty_polls=EMPTY_POLLS if FaultKind.EMPTY_SUCCESS in kinds else 0,
        )
        same = [other.version for other in self.tasks.values() if other.music == task.music]
        return replace(task, version=max(same, default=-1) + 1)

    def _compose(self, task: Task) -> asyncio.Future[None]:
        """Return the future that composes the songs, starting it if necessary."""
        if task.id not in self._composing:
            self._composing[task.id] = asyncio.create_task(self._compose_takes(task))
        return self._composing[task.id]

    async def _compose_takes(self, task: Task) -> None:
        for take in range(1, task.takes + 1):
            audio = await self._song(task, take)
            task.lengths_s[take] = round(len(audio) * 8 / (mp3.KILOBITS_PER_S * 1_000), 1)

    async def _song(self, task: Task, take: int) -> bytes:
        async with self._one_at_a_time:
            return await self._composer.run(song, *task.music, task.version * TAKES + take)

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        if not self._admits(request):
            return refusal(FaultKind.UNAUTHORIZED)
        if spoiled := self._spoiled(request, "poll"):
            return spoiled
        return self.poll(TaskId(request.match_info["id"]), request.url.origin())

    def poll(self, task_id: TaskId, origin: URL) -> web.Response:
        """Answer the GET of a task whose songs lie under ``origin``."""
        task = self.tasks.get(task_id)
        if task is None:
            return error_response(HTTPStatus.NOT_FOUND, "Task not found.")
        status, error = self._status(task)
        urls: list[str] = []
        if status == "success" and task.empty_polls:
            task.empty_polls -= 1
        elif status == "success":
            urls = self._urls(task, origin)
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

    def _urls(self, task: Task, origin: URL) -> list[str]:
        return [str(origin / "audio" / f"{task.id}-{take}.mp3") for take in range(1, task.takes + 1)]

    def _status(self, task: Task) -> tuple[str, str | None]:
        """Return a task's status and, if it failed, the reason."""
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
            return error_response(HTTPStatus.NOT_FOUND, "No such song.")
        first_time = take not in task.downloaded
        task.downloaded.add(take)
        if first_time and FaultKind.EMPTY_AUDIO in task.kinds:
            return web.Response(content_type="audio/mpeg")
        return web.Response(body=await self._song(task, take), content_type="audio/mpeg")

    async def _show_books(self, _request: web.Request) -> web.Response:
        return web.json_response(self.books())

    def _admits(self, request: web.Request) -> bool:
        authorization = request.headers.get("Authorization", "").encode()
        return not self.key or secrets.compare_digest(authorization, f"Bearer {self.key}".encode())

    def _faults_for(self, on: str) -> frozenset[FaultKind]:
        """Consume the first injected fault for this kind of request."""
        for index, fault in enumerate(self.faults):
            if fault.on == on:
                if fault.times > 1:
                    self.faults[index] = replace(fault, times=fault.times - 1)
                else:
                    del self.faults[index]
                return frozenset({fault.kind})
        return frozenset()

    def _spoiled(self, request: web.Request, on: Literal["poll", "audio"]) -> web.StreamResponse | None:
        """Return the response of an injected fault for this request, if any."""
        for kind in self._faults_for(on):
            if kind in REFUSALS:
                return refusal(kind)
            if kind is FaultKind.LOST_ANSWER:
                return hang_up(request)
            if kind is FaultKind.EMPTY_AUDIO:
                return web.Response(content_type="audio/mpeg")
        return None


@lru_cache(maxsize=SONGS_CACHED)
def song(words: str, lyrics: str, title: str, instrumental: bool, take: int) -> bytes:
    """Return a finished mp3, deterministically.

    The first call with given arguments takes about half a second.
    """
    music = composer.compose(words, lyrics=lyrics, instrumental=instrumental, take=take)
    return mp3.encode(music.samples, RATE_HZ, title)


@asynccontextmanager
async def running(sandbox: Sandbox, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a sandbox for the duration of the block; yield its base URL, such as `http://127.0.0.1:8765`.

    Port 0 picks a free port. A sandbox may be served again later and still has its tasks.
    """
    runner = web.AppRunner(sandbox.application(), access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
