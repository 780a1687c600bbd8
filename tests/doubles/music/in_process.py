"""The music service behind httpx's transport: the shared behaviour, with scripts in place of answers.

A script is a fault at the wire. Without one, a request is answered by the sandbox's rules.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import unquote

import httpx
from aiohttp import web
from yarl import URL

from bot.model import TaskId
from bot.sandbox.faults import FaultKind
from bot.sandbox.http_responses import Invalid, created
from bot.sandbox.requests import Json
from bot.sandbox.tasks import Task as SandboxTask
from tests.doubles.music.behaviour import MusicBehaviour
from tests.doubles.music.books import PaidRequest
from tests.doubles.music.variants import Packed, Variants

AUDIO = "https://audio.example.com"
SONG = b"ID3" + bytes(range(256)) * 32

Script: TypeAlias = Callable[[httpx.Request], httpx.Response]
"""The response to a request in place of a normal answer."""


@dataclass
class Task(SandboxTask):
    """A paid task whose progress is set by the test, not by a clock."""

    body: Json = field(default_factory=dict)
    status: str = "processing"
    urls: list[str] = field(default_factory=list)
    error: str | None = None


class MusicService(MusicBehaviour):
    """The documented API. Each accepted POST is charged, whether or not its answer arrives.

    Audio is on another host, as with the real service, and its content is set by ``audio``.
    """

    tasks: dict[str, Task]  # type: ignore[assignment] # all tasks are made by _new_task

    def __init__(self) -> None:
        super().__init__(tasks_max=10**9)
        self.polled: list[str] = []
        """The path of each status query as it arrived."""
        self.on_post: list[Script] = []
        """Scripts for the next paid requests, in order."""
        self.on_poll: list[Script] = []
        self.closed_for_all = True
        """Whether a scripted refusal concerns every request, not just the one that received it."""
        self.audio: dict[str, bytes | int] = {}
        """By path: bytes in place of a song, or an HTTP status."""
        self.audio_base = AUDIO
        """Base URL of the audio of new tasks."""
        self.takes = 2
        self.variants: Variants | None = None
        """Shapes of the answers; None for the documented ones."""
        self.done_at_once = True
        self.hangs: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None
        self.broken: str | None = None
        """Text in the address or body of requests that fail with an unexpected error."""
        self._closed_by: Script | None = None
        """The script that refused the latest paid request, and also refuses the free one."""

    @property
    def transport(self) -> httpx.MockTransport:
        async def answer(request: httpx.Request) -> httpx.Response:
            whole = await self._answer(request)
            # As from a network: neither read nor decoded yet.
            content = b"".join([chunk async for chunk in whole.stream])  # type: ignore[union-attr]
            return httpx.Response(whole.status_code, headers=whole.headers, stream=httpx.ByteStream(content))

        return httpx.MockTransport(answer)

    def take(self, request: httpx.Request) -> Task:
        """Accept and charge a request."""
        task = self._begin(json.loads(request.content), frozenset())
        assert isinstance(task, Task)
        return task

    def accepted(self, request: httpx.Request) -> httpx.Response:
        task = self.take(request)
        if self.variants is not None:
            return _response(self.variants.submitted(task.id))
        return _from_aiohttp(created(task))

    def lost_answer(self, request: httpx.Request) -> httpx.Response:
        """Accept and charge a request, then break the connection."""
        self.take(request)
        raise httpx.ReadError("reset")

    def _new_task(self, body: Json, kinds: frozenset[FaultKind]) -> Task:
        number = self.tasks_created + 1
        fields = vars(super()._new_task(body, kinds)) | {"id": f"task-{number}"}
        return Task(
            **fields,
            body=body,
            status="success" if self.done_at_once else "processing",
            urls=[f"{self.audio_base}/task-{number}-{take}.mp3" for take in range(1, self.takes + 1)],
        )

    def _status(self, task: SandboxTask) -> tuple[str, str | None]:
        assert isinstance(task, Task)
        return task.status, task.error

    def _urls(self, task: SandboxTask, origin: URL) -> list[str]:  # noqa: ARG002
        assert isinstance(task, Task)
        return list(task.urls)

    async def _answer(self, request: httpx.Request) -> httpx.Response:
        if self.broken is not None and self.broken in f"{request.method} {request.url} {request.content!r}":
            raise RuntimeError("a bug")
        if self.hangs is not None:
            return await self.hangs(request)
        if request.url.host == "audio.example.com":
            self.note_download()
            content = self.audio.get(request.url.path, SONG + request.url.path.encode())
            return (
                httpx.Response(content) if isinstance(content, int) else httpx.Response(200, content=content)
            )
        if request.method == "POST":
            return self._answer_post(request)
        path = request.url.raw_path.decode()
        task_id = unquote(path.rsplit("/", 1)[-1])
        self.note_poll(task_id)
        self.polled.append(path)
        if self.on_poll:
            return self.on_poll.pop(0)(request)
        task = self.tasks.get(task_id)
        if self.variants is not None and task is not None:
            urls = task.urls if task.status == "success" else []
            return _response(self.variants.queried(task.id, task.status, urls, task.error))
        return _from_aiohttp(self.poll(TaskId(task_id), URL(str(request.url)).origin()))

    def _answer_post(self, request: httpx.Request) -> httpx.Response:
        paid = self.arrived(json.loads(request.content))
        if paid is None:
            return (self._closed_by or self._by_the_rules)(request)
        self._closed_by = None
        try:
            with self.charged_to(paid):
                if not self.on_post:
                    return self._by_the_rules(request)
                return self._by_script(paid, self.on_post.pop(0), request)
        finally:
            self.note_answer(paid)

    def _by_the_rules(self, request: httpx.Request) -> httpx.Response:
        try:
            response = self.create(json.loads(request.content))
        except Invalid as invalid:
            response = invalid.response()
        if response is None:
            raise httpx.ReadError("reset")
        return _from_aiohttp(response)

    def _by_script(self, paid: PaidRequest, script: Script, request: httpx.Request) -> httpx.Response:
        try:
            response = script(request)
        except httpx.HTTPError:
            self.note_status(paid, HTTPStatus.INTERNAL_SERVER_ERROR, lost=True)
            raise
        if self.closed_for_all and paid.task_id is None:
            self._closed_by = script
        self.note_status(paid, response.status_code)
        return response


def _from_aiohttp(response: web.Response) -> httpx.Response:
    """Convert a response of aiohttp's to one of httpx's."""
    assert isinstance(response.body, bytes)
    return httpx.Response(response.status, headers=response.headers, content=response.body)


def _response(packed: Packed) -> httpx.Response:
    # A stream, since httpx decodes a body that it is given.
    return httpx.Response(200, headers=packed.headers, stream=httpx.ByteStream(packed.body))


def answers(status: int, **body: object) -> Script:
    """Return a script that gives a fixed answer."""
    return lambda _: httpx.Response(status, json=body)


def raises(error: Exception) -> Script:
    """Return a script that raises this error instead of answering."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer
