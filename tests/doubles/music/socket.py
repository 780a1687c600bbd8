"""The music service on a local port: the sandbox's server around the shared behaviour."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from aiohttp import web

from bot.sandbox.kie import STATES, KieSandbox, as_documented
from bot.sandbox.requests import Json
from bot.sandbox.tasks import Task
from tests.doubles.music.behaviour import MusicBehaviour
from tests.doubles.music.books import Given, PaidRequest
from tests.doubles.music.variants import MOVED, Packed, Variants

MUSIC_KEY = "a-key-that-nobody-reads"


def mp3(take: int) -> bytes:
    """Return about 5 KiB of silence, different for each take: MPEG-1 layer III, 128 kbit/s, 44.1 kHz."""
    return (b"\xff\xfb\x90\x00" + bytes(413)) * (12 + take)


STATUSES: Final = {state: status for status, state in STATES.items()} | {"fail": "failed"}
"""The documented status for each of kie's states."""


def _is_answer(response: web.StreamResponse) -> bool:
    """Return whether a response is a regular answer of the service, not a fault."""
    return response.status == HTTPStatus.OK and response.content_type == "application/json"


def _response(packed: Packed) -> web.Response:
    return web.Response(body=packed.body, headers=packed.headers)


class QuickSandbox(MusicBehaviour):
    """A music service whose tasks finish as soon as their delay is over.

    ``changed`` is called after every event.
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
        self._changed = changed

    def application(self) -> web.Application:
        """Return the sandbox's application, which also wakes waiting tests after each request."""
        application = super().application()
        application.on_response_prepare.append(self._asked)
        return application

    async def _asked(self, _request: web.Request, _response: web.StreamResponse) -> None:
        self._changed()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        return await self._paid_for(request, super()._create)

    async def _paid_for(
        self, request: web.Request, create: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Record a POST in the books around the sandbox's own answer to it."""
        try:
            body = json.loads(await request.text())
        except ConnectionError:
            return web.Response(status=HTTPStatus.BAD_REQUEST)  # cut off before it was complete
        paid = self.arrived(self._as_documented(body))
        self._changed()
        await self._before_taking()
        with self.charged_to(paid):
            # The body has been read already, so nothing else runs until the answer.
            response = await create(request)
        if (
            self.variants is not None
            and paid is not None
            and paid.task_id is not None
            and _is_answer(response)
        ):
            response = _response(self.variants.submitted(paid.task_id))
        self._changed()
        if paid is not None:
            await self._before_answering(paid)
            self.note_answer(paid)
            self._changed()
        return response

    def _as_documented(self, body: Json) -> Json:
        """Return the body of a POST with the field names of the documented contract."""
        return body

    async def _before_taking(self) -> None:
        """Wait or inject a fault before a paid request is accepted."""

    async def _before_answering(self, paid: PaidRequest) -> None:
        """Wait before answering a paid request that was accepted or refused."""

    def _asked_for(self, task_id: str) -> None:
        """Record a status query."""
        self.note_poll(task_id)
        self._changed()

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        task_id = request.match_info["id"]
        self._asked_for(task_id)
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
            # Returned, because the sandbox turns exceptions into JSON without an address.
            there = str(request.url.with_query({MOVED: "1"}))
            return web.Response(status=HTTPStatus.FOUND, headers={"Location": there})
        self.note_download()
        self._changed()
        response = await super()._audio(request)
        if self.variants is not None and isinstance(response, web.Response) and response.body:
            response.content_type = self.variants.audio_type(task_id)
        return response

    async def _song(self, task: Task, take: int) -> bytes:  # noqa: ARG002
        return mp3(take)

    def finish(self) -> None:
        """Let the tasks in progress finish."""
        for task in self.tasks.values():
            task.delay_s = 0.0


class QuickKieSandbox(QuickSandbox, KieSandbox):
    """The same for kie's contract, including its traps."""

    async def _create_job(self, request: web.Request) -> web.StreamResponse:
        return await self._paid_for(request, self._created_job)

    async def _created_job(self, request: web.Request) -> web.StreamResponse:
        response = await super()._create_job(request)
        paid = self._current
        if paid is None:
            return response
        # Errors arrive with HTTP 200 and a code in the body; a dropped connection has none.
        whole = isinstance(response, web.Response) and response.body is not None
        code = _code_of(response) if whole else None
        self.note_status(paid, code or response.status, lost=not whole)
        if paid.task_id is None and code in (
            HTTPStatus.UNPROCESSABLE_ENTITY,
            HTTPStatus.INTERNAL_SERVER_ERROR,
        ):
            paid.given = Given.INVALID
        return response

    async def _record(self, request: web.Request) -> web.StreamResponse:
        task_id = request.query.get("taskId", "")
        self._asked_for(task_id)
        response = await super()._record(request)
        if (
            self.variants is None
            or not isinstance(response, web.Response)
            or _code_of(response) != HTTPStatus.OK
        ):
            return response
        told = json.loads(response.text or "")["data"]
        songs = json.loads(told["resultJson"])["data"] if told["resultJson"] else []
        return _response(
            self.variants.queried(
                task_id, STATUSES[told["state"]], [song["audio_url"] for song in songs], told["failMsg"]
            )
        )

    def _as_documented(self, body: Json) -> Json:
        fields = body.get("input")
        return as_documented(fields) if isinstance(fields, dict) else {}


def _code_of(response: web.StreamResponse) -> int | None:
    """Return the code in the body of kie's answer."""
    assert isinstance(response, web.Response)
    if response.content_type != "application/json":
        return None
    code: int = json.loads(response.text or "")["code"]
    return code
