"""The music service behind httpx's transport: the shared behaviour, and scripts that stand in for an answer.

A script is a fault at the wire. Where there is none, a request is answered by the sandbox's own rules.
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

from bot.sandbox.faults import FaultKind
from bot.sandbox.requests import Json
from bot.sandbox.responses import Invalid, created
from bot.sandbox.tasks import Task as SandboxTask
from tests.doubles.music.behaviour import MusicBehaviour
from tests.doubles.music.books import PaidRequest
from tests.doubles.music.variants import Packed, Variants

AUDIO = "https://audio.example.com"
SONG = b"ID3" + bytes(range(256)) * 32

Script: TypeAlias = Callable[[httpx.Request], httpx.Response]
"""What a request meets in place of a normal answer."""


@dataclass
class Task(SandboxTask):
    """One paid task, whose progress is what a test says and not what a clock says."""

    body: Json = field(default_factory=dict)
    status: str = "processing"
    urls: list[str] = field(default_factory=list)
    error: str | None = None


class MusicService(MusicBehaviour):
    """The documented API. Each POST that it takes is paid for, whether or not its answer arrives.

    Audio lies with another host, as the real service's does, and is what ``audio`` says.
    """

    tasks: dict[str, Task]  # type: ignore[assignment] # all tasks are made by _new_task

    def __init__(self) -> None:
        super().__init__(tasks_max=10**9)
        self.polled: list[str] = []
        """The path of each status query as it came."""
        self.on_post: list[Script] = []
        """What the next paid requests meet, in order."""
        self.on_poll: list[Script] = []
        self.closed_for_all = True
        """Whether a scripted refusal is about every request, and not about the one that met it."""
        self.audio: dict[str, bytes | int] = {}
        """By path: other bytes than a song, or an HTTP status."""
        self.audio_base = AUDIO
        """Where the audio of new tasks lies."""
        self.takes = 2
        self.variants: Variants | None = None
        """How answers are spelled, if not as documented."""
        self.done_at_once = True
        self.hangs: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None
        self.broken: str | None = None
        """Requests whose address or body has this text meet an error that nobody expects."""
        self._closed_by: Script | None = None
        """The refusal of the latest paid request, which the free question gets as well."""

    @property
    def transport(self) -> httpx.MockTransport:
        async def answer(request: httpx.Request) -> httpx.Response:
            whole = await self._answer(request)
            # As it comes from a network: not read yet, and not decoded.
            content = b"".join([chunk async for chunk in whole.stream])  # type: ignore[union-attr]
            return httpx.Response(whole.status_code, headers=whole.headers, stream=httpx.ByteStream(content))

        return httpx.MockTransport(answer)

    def take(self, request: httpx.Request) -> Task:
        """Take and charge a request."""
        task = self._begin(json.loads(request.content), frozenset())
        assert isinstance(task, Task)
        return task

    def accepted(self, request: httpx.Request) -> httpx.Response:
        task = self.take(request)
        if self.variants is not None:
            return _response(self.variants.submitted(task.id))
        return _from_aiohttp(created(task))

    def lost_answer(self, request: httpx.Request) -> httpx.Response:
        """Taken and charged, and then the connection breaks."""
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
        return _from_aiohttp(self.poll(task_id, URL(str(request.url)).origin()))

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
    """Return the same response as the other library has it."""
    assert isinstance(response.body, bytes)
    return httpx.Response(response.status, headers=response.headers, content=response.body)


def _response(packed: Packed) -> httpx.Response:
    # A stream: httpx would otherwise decode the body that it is given.
    return httpx.Response(200, headers=packed.headers, stream=httpx.ByteStream(packed.body))


def answers(status: int, **body: object) -> Script:
    """A fixed answer."""
    return lambda _: httpx.Response(status, json=body)


def raises(error: Exception) -> Script:
    """No answer, but this error."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer
