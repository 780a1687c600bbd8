"""The music service behind httpx's transport, answering by a script. It keeps the shared books."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import unquote

import httpx

from tests.doubles.music.books import MusicBooks, PaidRequest
from tests.doubles.music.variants import Packed, Variants

AUDIO = "https://audio.example.com"
SONG = b"ID3" + bytes(range(256)) * 32


@dataclass
class Task:
    """One paid task and how it stands."""

    id: str
    body: dict[str, object]
    status: str = "processing"
    urls: list[str] = field(default_factory=list)
    error: str | None = None


class MusicService(MusicBooks):
    """The documented API. Each POST that it takes is paid for, whether or not its answer arrives."""

    def __init__(self) -> None:
        super().__init__()
        self.tasks: dict[str, Task] = {}
        self.polled: list[str] = []
        """The path of each status query as it came."""
        self.on_post: list[Callable[[httpx.Request], httpx.Response]] = []
        """What the next POSTs meet in place of a normal answer, in order."""
        self.on_poll: list[Callable[[httpx.Request], httpx.Response]] = []
        self.free_questions = 0
        self.to_free_question: Callable[[httpx.Request], httpx.Response] = answers(422, message="no provider")
        self.closed_for_all = True
        """Whether a refusal is about every request, and not about the one that met it."""
        self.audio: dict[str, bytes | int] = {}
        """By path: other bytes than a song, or an HTTP status."""
        self.audio_base = AUDIO
        """Where the audio of new tasks lies."""
        self.takes = 2
        self.variants: Variants | None = None
        """How answers are spelled, if not as documented."""
        self.done_at_once = True
        self.hangs: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None
        self._current: PaidRequest | None = None
        """The paid request that is being answered; nothing else runs meanwhile."""
        self.broken: str | None = None
        """Requests whose address or body has this text meet an error that nobody expects."""

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
        task = Task(id=f"task-{len(self.tasks) + 1}", body=json.loads(request.content))
        task.urls = [f"{self.audio_base}/{task.id}-{number}.mp3" for number in range(1, self.takes + 1)]
        if self.done_at_once:
            task.status = "success"
        self.tasks[task.id] = task
        self.note_charge(self._current or self.note_post(str(task.body.get("prompt", ""))), task.id)
        return task

    def accepted(self, request: httpx.Request) -> httpx.Response:
        task = self.take(request)
        if self.variants is not None:
            return _response(self.variants.submitted(task.id))
        return httpx.Response(200, json={"id": task.id, "data": {"id": task.id, "status": "pending"}})

    def lost_answer(self, request: httpx.Request) -> httpx.Response:
        """Taken and charged, and then the connection breaks."""
        self.take(request)
        raise httpx.ReadError("reset")

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
        if request.method == "POST" and request.content == b"{}":
            # The free question: a service that is closed answers it as it answered the request before it.
            self.free_questions += 1
            return self.to_free_question(request)
        if request.method == "POST":
            return self._answer_post(request)
        self.note_poll(unquote(request.url.raw_path.decode().rsplit("/", 1)[-1]))
        self.polled.append(request.url.raw_path.decode())
        if self.on_poll:
            return self.on_poll.pop(0)(request)
        task = self.tasks.get(unquote(request.url.raw_path.decode().rsplit("/", 1)[-1]))
        if task is None:
            return httpx.Response(404, json={"message": "task not found"})
        if self.variants is not None:
            urls = task.urls if task.status == "success" else []
            return _response(self.variants.queried(task.id, task.status, urls, task.error))
        data = {"id": task.id, "status": task.status, "errorMessage": task.error}
        return httpx.Response(
            200, json={"data": data | {"audioUrls": task.urls if task.status == "success" else []}}
        )

    def _answer_post(self, request: httpx.Request) -> httpx.Response:
        self.posts += 1
        self._current = current = self.note_post(str(json.loads(request.content).get("prompt", "")))
        answer = self.on_post.pop(0) if self.on_post else self.accepted
        self.to_free_question = answers(422, message="provider is required")
        charged = len(self.tasks)
        try:
            response = answer(request)
            if self.closed_for_all and charged == len(self.tasks):
                self.to_free_question = answer
        except httpx.HTTPError:
            self.note_status(current, HTTPStatus.INTERNAL_SERVER_ERROR, lost=True)
            raise
        else:
            self.note_status(current, response.status_code)
            return response
        finally:
            self.note_answer(current)
            self._current = None


def _response(packed: Packed) -> httpx.Response:
    # A stream: httpx would otherwise decode the body that it is given.
    return httpx.Response(200, headers=packed.headers, stream=httpx.ByteStream(packed.body))


def answers(status: int, **body: object) -> Callable[[httpx.Request], httpx.Response]:
    """A fixed answer."""
    return lambda _: httpx.Response(status, json=body)


def raises(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    """No answer, but this error."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer
