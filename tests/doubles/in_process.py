"""Both outside worlds in process: a music service behind httpx's transport, and a chat. Each keeps books."""

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote

import httpx

from bot.errors import Transient
from bot.model import Delivery, Job, JobState, Track
from bot.pipeline.courier import AlreadyPosted, CardFacts, MessageKind, NoAccess, NoHistory
from bot.store.budget_alerts import BudgetAlert

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


class MusicService:
    """The documented API. Each POST that it takes is paid for, whether or not its answer arrives."""

    def __init__(self) -> None:
        self.tasks: dict[str, Task] = {}
        self.posts = 0
        self.polls = 0
        self.polled: list[str] = []
        """The path of each status query as it came."""
        self.downloads = 0
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
        self.done_at_once = True
        self.hangs: Callable[[httpx.Request], Awaitable[httpx.Response]] | None = None
        self.broken: str | None = None
        """Requests whose address or body has this text meet an error that nobody expects."""

    @property
    def transport(self) -> httpx.MockTransport:
        async def answer(request: httpx.Request) -> httpx.Response:
            whole = await self._answer(request)
            # As it comes from a network: not read yet.
            return httpx.Response(
                whole.status_code, headers=whole.headers, stream=httpx.ByteStream(whole.content)
            )

        return httpx.MockTransport(answer)

    def take(self, request: httpx.Request) -> Task:
        """Take and charge a request."""
        task = Task(id=f"task-{len(self.tasks) + 1}", body=json.loads(request.content))
        task.urls = [f"{self.audio_base}/{task.id}-{number}.mp3" for number in range(1, self.takes + 1)]
        if self.done_at_once:
            task.status = "success"
        self.tasks[task.id] = task
        return task

    def accepted(self, request: httpx.Request) -> httpx.Response:
        task = self.take(request)
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
            self.downloads += 1
            content = self.audio.get(request.url.path, SONG + request.url.path.encode())
            return (
                httpx.Response(content) if isinstance(content, int) else httpx.Response(200, content=content)
            )
        if request.method == "POST" and request.content == b"{}":
            # The free question: a service that is closed answers it as it answered the request before it.
            self.free_questions += 1
            return self.to_free_question(request)
        if request.method == "POST":
            self.posts += 1
            answer = self.on_post.pop(0) if self.on_post else self.accepted
            self.to_free_question = answers(422, message="provider is required")
            charged = len(self.tasks)
            response = answer(request)
            if self.closed_for_all and charged == len(self.tasks):
                self.to_free_question = answer
            return response
        self.polls += 1
        self.polled.append(request.url.raw_path.decode())
        if self.on_poll:
            return self.on_poll.pop(0)(request)
        task = self.tasks.get(unquote(request.url.raw_path.decode().rsplit("/", 1)[-1]))
        if task is None:
            return httpx.Response(404, json={"message": "task not found"})
        data = {"id": task.id, "status": task.status, "errorMessage": task.error}
        return httpx.Response(
            200, json={"data": data | {"audioUrls": task.urls if task.status == "success" else []}}
        )


def answers(status: int, **body: object) -> Callable[[httpx.Request], httpx.Response]:
    """A fixed answer."""
    return lambda _: httpx.Response(status, json=body)


def raises(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    """No answer, but this error."""

    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


@dataclass
class OutgoingMessage:
    """One message that the chat keeps."""

    id: int
    job_id: int
    kind: MessageKind
    channel_id: int
    nonce: str
    files: int
    text: str = ""


class Chat:
    """A courier whose chat takes each nonce once, as Discord does for some minutes."""

    def __init__(self) -> None:
        self.posts: list[OutgoingMessage] = []
        self.cards: list[tuple[int, JobState]] = []
        self.sends = 0
        self.on_send: list[str] = []
        """What the next sends meet: "lost" is stored without an answer, "down" is not even stored, …"""
        self.closed_channels: set[int] = set()
        self.closed_members: set[int] = set()
        self.no_history = False
        self.down = False
        """Whether nothing at all gets through."""
        self.direct_offset = 500_000
        self.broken_job: int | None = None
        self.looked: list[tuple[int, bool]] = []
        """Where earlier messages were looked for, and whether ever since the job was asked for."""
        self.known_cards: dict[int, int] = {}
        self.nonces_kept = True
        self.alerts: dict[int, BudgetAlert] = {}
        """Each is kept once, as its nonce sees to it."""
        self.on_alert: list[str] = []
        self.alert_sends = 0
        self.copies: list[OutgoingMessage] = []
        """What somebody asked for once more."""
        self.audio: dict[int, dict[int, bytes]] = {}
        """The files of each message that brought a song, by take."""
        self.on_fetch: list[str] = []
        """What the next fetches meet: "down", or nothing that stands against them."""
        self.fetches = 0

    def of(self, kind: MessageKind, job_id: int | None = None) -> list[OutgoingMessage]:
        return [post for post in self.posts if post.kind is kind and job_id in (None, post.job_id)]

    async def post_song(
        self, job: Job, files: Sequence[tuple[Track, Path]], where: Delivery, nonce: str
    ) -> int:
        assert all(track.linked or path.stat().st_size == track.size_bytes for track, path in files)
        posted = self._post(job, MessageKind.SONG, where, nonce, len(files))
        self.audio[posted] = {track.take: path.read_bytes() for track, path in files if not track.linked}
        return posted

    async def post_copy(
        self,
        job: Job,
        files: Sequence[tuple[Track, Path]],
        channel_id: int,
        nonce: str,
        *,
        locale: str,
        direct: bool,
    ) -> int:
        del locale, direct
        assert all(track.linked or path.stat().st_size == track.size_bytes for track, path in files)
        meets = self.on_send.pop(0) if self.on_send else ""
        if meets == "down" or self.down:
            raise Transient("Discord: HTTP 503")
        if meets == "deleted":
            raise AlreadyPosted
        if channel_id in self.closed_channels or channel_id - self.direct_offset in self.closed_members:
            raise NoAccess
        known = next((copy for copy in self.copies if copy.nonce == nonce), None)
        if known is None:
            kind = MessageKind.SONG
            known = OutgoingMessage(1_000 + len(self.copies), job.id, kind, channel_id, nonce, len(files))
            self.copies.append(known)
        return known.id

    async def fetch(self, job: Job, take: int, *, max_bytes: int) -> bytes | None:
        self.fetches += 1
        if self.down or (self.on_fetch and self.on_fetch.pop(0) == "down"):
            raise Transient("Discord: HTTP 503")
        if job.message_id not in self.audio:
            raise NoAccess
        audio = self.audio[job.message_id].get(take)
        return None if audio is None or len(audio) > max_bytes else audio

    async def post_notice(self, job: Job, where: Delivery, nonce: str) -> int:
        return self._post(job, MessageKind.NOTICE, where, nonce, 0)

    def _post(self, job: Job, kind: MessageKind, where: Delivery, nonce: str, files: int) -> int:
        self.sends += 1
        if job.id == self.broken_job:
            raise RuntimeError("a bug")
        meets = self.on_send.pop(0) if self.on_send else ""
        if meets == "down" or self.down:
            raise Transient("Discord: HTTP 503")
        if meets == "limited":
            raise Transient("rate limited", 600.0)
        if meets == "deleted":
            raise AlreadyPosted
        if (
            meets == "closed"
            or where.channel_id in self.closed_channels
            or where.channel_id - self.direct_offset in self.closed_members
        ):
            raise NoAccess
        known = next((post for post in self.posts if post.nonce == nonce), None) if self.nonces_kept else None
        if known is None:
            known = OutgoingMessage(len(self.posts) + 1, job.id, kind, where.channel_id, nonce, files)
            self.posts.append(known)
        if meets == "lost":
            raise Transient("Discord: the answer was lost")
        return known.id

    async def post_alert(self, alert: BudgetAlert) -> None:
        self.alert_sends += 1
        meets = self.on_alert.pop(0) if self.on_alert else ""
        if meets == "closed":
            raise NoAccess
        self.alerts[alert.id] = alert
        if meets == "lost":
            raise Transient("Discord: the answer was lost")

    async def find(self, job: Job, kind: MessageKind, where: Delivery, *, ever: bool = False) -> int | None:
        self.looked.append((where.channel_id, ever))
        if self.down:
            raise Transient("Discord: HTTP 503")
        if self.no_history:
            raise NoHistory
        if where.channel_id in self.closed_channels:
            raise NoAccess
        found = [post.id for post in self.of(kind, job.id) if post.channel_id == where.channel_id]
        return found[0] if found else None

    async def find_card(self, job: Job) -> int | None:
        return self.known_cards.get(job.origin.interaction_id)

    async def open_direct(self, member_id: int) -> int:
        return member_id + self.direct_offset

    async def update_card(self, job: Job, facts: CardFacts) -> None:
        del facts
        self.cards.append((job.id, job.state))
