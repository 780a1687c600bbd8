"""Shared behaviour of the doubles of a music service: the sandbox's rules and the books."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from aiohttp import web

from bot.sandbox.faults import FaultKind
from bot.sandbox.requests import Json, text_of
from bot.sandbox.responses import Invalid
from bot.sandbox.server import Sandbox
from bot.sandbox.tasks import Task
from tests.doubles.music.books import Given, MusicBooks, PaidRequest


class MusicBehaviour(Sandbox, MusicBooks):
    """The documented API as the sandbox understands it, with every request written down.

    A layer on top of it only says how requests arrive and when they are answered.
    """

    def __init__(self, key: str = "", delay_s: float = 0.0, *, tasks_max: int = 200) -> None:
        Sandbox.__init__(self, key, delay_s, tasks_max=tasks_max)
        del self._composer  # nothing is composed, and a double with threads could not be copied
        MusicBooks.__init__(self)
        self._current: PaidRequest | None = None
        """The paid request that is being answered; nothing else runs meanwhile."""

    def arrived(self, body: Json) -> PaidRequest | None:
        """Write down a POST. None: it is the free question, which can be charged to nobody."""
        if not body:
            self.free_questions += 1
            return None
        self.posts += 1
        return self.note_post(text_of(body, "prompt"))

    @contextmanager
    def charged_to(self, paid: PaidRequest | None) -> Iterator[None]:
        """Charge tasks that are begun inside to this request."""
        self._current = paid
        try:
            yield
        finally:
            self._current = None

    def create(self, body: Json) -> web.Response | None:
        """Answer as the sandbox does, and write down what the request came to."""
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
        """Nothing is composed, so it is done already."""
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done
