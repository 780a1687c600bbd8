"""The sandbox without its composer, on a port of this machine."""

import json
from collections.abc import Callable
from http import HTTPStatus

from aiohttp import web

from bot.sandbox.server import FaultKind, Invalid, Sandbox, Task
from tests.doubles.music.books import Given, MusicBooks, PaidRequest
from tests.doubles.music.variants import MOVED, Packed, Variants

MUSIC_KEY = "a-key-that-nobody-reads"


def mp3(take: int) -> bytes:
    """About 5 KiB of silence: MPEG-1 layer III, 128 kbit/s, 44.1 kHz; each take has its own bytes."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * (12 + take)


def _is_answer(response: web.StreamResponse) -> bool:
    """Whether it is one of the service's good answers, and no fault."""
    return response.status == HTTPStatus.OK and response.content_type == "application/json"


def _response(packed: Packed) -> web.Response:
    return web.Response(body=packed.body, headers=packed.headers)


class QuickSandbox(Sandbox):
    """A music service whose tasks are done as soon as their delay is over.

    ``changed`` is called whenever something has happened.
    """

    def __init__(
        self,
        changed: Callable[[], None],
        *,
        delay_s: float = 0.0,
        tasks_max: int = 200,
        variants: Variants | None = None,
    ) -> None:
        super().__init__(MUSIC_KEY, delay_s, tasks_max=tasks_max)
        self.variants = variants
        self.ledger = MusicBooks()
        self._changed = changed

    @property
    def polls(self) -> int:
        """How many status queries came."""
        return self.ledger.polls

    def application(self) -> web.Application:
        """As the sandbox's own; whoever waits for something looks again after each request."""
        application = super().application()
        application.on_response_prepare.append(self._asked)
        return application

    async def _asked(self, _request: web.Request, _response: web.StreamResponse) -> None:
        self._changed()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.text())
        except ConnectionError:
            return web.Response(status=HTTPStatus.BAD_REQUEST)  # cut off before it was whole
        self.ledger.posts += 1
        paid = self.ledger.note_post(body.get("prompt", ""))
        self._changed()
        await self._before_taking()
        known = len(self.tasks)
        try:
            # The body has been read already: from here to the answer nothing else runs.
            response = await super()._create(request)
        except Invalid:
            paid.given = Given.INVALID
            raise
        if len(self.tasks) > known:
            self.ledger.note_charge(paid, next(reversed(self.tasks)))
            if self.variants is not None and _is_answer(response):
                response = _response(self.variants.submitted(next(reversed(self.tasks))))
        lost = paid.task_id is not None and FaultKind.LOST_ANSWER in self.tasks[paid.task_id].kinds
        self.ledger.note_status(paid, response.status, lost=lost)
        self._changed()
        await self._before_answering(paid)
        self.ledger.note_answer(paid)
        self._changed()
        return response

    async def _before_taking(self) -> None:
        """Wait, or order a fault, before a paid request is taken."""

    async def _before_answering(self, paid: PaidRequest) -> None:
        """Wait before a paid request that has been taken or refused is answered."""

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        task_id = request.match_info["id"]
        self.ledger.note_poll(task_id)
        self._changed()
        response = await super()._poll(request)
        if self.variants is None or not isinstance(response, web.Response) or not _is_answer(response):
            return response
        told = json.loads(response.text or "")["data"]
        return _response(
            self.variants.queried(task_id, told["status"], told["audioUrls"], told["errorMessage"])
        )

    async def _audio(self, request: web.Request) -> web.StreamResponse:
        task_id = request.match_info["id"]
        if self.variants is not None and self.variants.moves_audio(task_id) and MOVED not in request.query:
            # Not raised: the sandbox turns what is raised into JSON without an address.
            there = str(request.url.with_query({MOVED: "1"}))
            return web.Response(status=HTTPStatus.FOUND, headers={"Location": there})
        self.ledger.note_download()
        self._changed()
        response = await super()._audio(request)
        if self.variants is not None and isinstance(response, web.Response) and response.body:
            response.content_type = self.variants.audio_type(task_id)
        return response

    async def _song(self, task: Task, take: int) -> bytes:  # noqa: ARG002
        return mp3(take)

    def finish(self) -> None:
        """Let the tasks that are under way be done."""
        for task in self.tasks.values():
            task.delay_s = 0.0
