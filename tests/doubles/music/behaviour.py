"""Shared behaviour of the doubles of a music service: the sandbox's rules and the books."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from aiohttp import web

from bot.sandbox.faults import FaultKind
from bot.sandbox.http_responses import Invalid
from bot.sandbox.requests import Json, text_of
from bot.sandbox.server import Sandbox
from bot.sandbox.tasks import Task
from tests.doubles.music.books import Given, MusicBooks, PaidRequest


class MusicBehaviour(Sandbox, MusicBooks):
    """The documented API as implemented by the sandbox, with every request recorded.

    Subclasses only decide how requests arrive and when they are answered.
    """

    def __init__(self, key: str = "", delay_s: float = 0.0, *, tasks_max: int = 200) -> None:
        Sandbox.__init__(self, key, delay_s, tasks_max=tasks_max)
        del self._composer  # nothing is composed, and a double with threads could not be copied
        MusicBooks.__init__(self)
        self._current: PaidRequest | None = None
        """The paid request being answered; nothing else runs meanwhile."""

    def arrived(self, body: Json) -> PaidRequest | None:
        """Record a POST; return None for the free one, which is charged to nobody."""
        if not body:
            self.free_questions += 1
            return None
        self.posts += 1
        return self.note_post(text_of(body, "prompt"))

    @contextmanager
    def charged_to(self, paid: PaidRequest | None) -> Iterator[None]:
        """Charge tasks created inside the block to this request."""
        self._current = paid
        try:
            yield
        finally:
            self._current = None

    def create(self, body: Json) -> web.Response | None:
        """Answer as the sandbox does, and record the request's outcome."""
        try:
            response = super().create(body)
        except Invalid:
            if self._current is not None:
                self._current.given = Given.INVALID
            raise
        if self._current is not None:
            status = HTTPStatus.INTERNAL_SERVER_ERROR if response is None else response.status
            self.note_status(self._current, status, lost=response is None)
        return response

    def _begin(self, body: Json, kinds: frozenset[FaultKind]) -> Task:
        task = super()._begin(body, kinds)
        self.note_charge(self._current or self.note_post(text_of(body, "prompt")), task.id)
        return task

    def _compose(self, task: Task) -> asyncio.Future[None]:  # noqa: ARG002
        """Return a completed future, since nothing is composed."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done
