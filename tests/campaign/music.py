"""The music service of a campaign: quick, in trouble at random, and with books of its own."""

import asyncio
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from random import Random
from typing import Final

from aiohttp import web

from bot.sandbox.server import ENDINGS, Fault, FaultKind, Invalid, Sandbox, Task
from tests.flows.process import MUSIC_KEY

TASK_DELAY_S: Final = 0.2
LATE_MOST_S: Final = 0.3
"""Seconds that a paid request may wait before it is taken, and again before it is answered."""
LATE_SHARE: Final = 0.4
UNCLEAR_SHARE: Final = 0.15
"""The part of the paid requests whose outcome the bot can't know, where that does not open its breaker."""
UNCLEAR: Final = (FaultKind.LOST_ANSWER, FaultKind.LOST_ANSWER, FaultKind.SERVER_ERROR)
FILE_BYTES: Final = 4_500
"""A little more than the least that counts as a song."""

_NUMBER = re.compile(r"\bSong (\d+)\b")
_TASK = re.compile(rb"task ([0-9a-f]{24}) ")


class Given(StrEnum):
    """How a paid request was answered."""

    NOTHING = "nothing"
    """Not answered yet."""
    TASK = "task"
    LOST = "lost"
    """Taken and charged, and the connection closed without an answer."""
    BUSY = "busy"
    """429: clearly not taken."""
    ERROR = "error"
    """500: not taken, but nobody can know that."""
    REFUSED = "refused"
    """400 about the words, on order."""
    INVALID = "invalid"
    """400: not what the documentation asks for."""


@dataclass(eq=False)
class OutgoingMessage:
    """A paid request as it came in. Times are on ``time.monotonic``."""

    number: int
    """Which song was asked for."""
    arrived_at_s: float
    given: Given = Given.NOTHING
    answered_at_s: float | None = None
    task_id: str | None = None


class Music(Sandbox):
    """A task is done as soon as its delay is over, and each file tells whose song it is.

    ``changed`` is called whenever something has happened.
    """

    def __init__(self, changed: Callable[[], None], random: Random) -> None:
        super().__init__(MUSIC_KEY, TASK_DELAY_S, tasks_most=10**9)
        self.posts: list[OutgoingMessage] = []
        """Every paid request, oldest first."""
        self.asked: set[str] = set()
        """Tasks whose status was asked for: whoever asks knows the id."""
        self.answers = 0
        """Paid requests that are over, answered or not."""
        self.polls = 0
        self.downloads = 0
        self._changed = changed
        self._random = random
        self._calm = False
        self._clear_again = True
        self._proofs: set[str] = set()

    def calm(self) -> None:
        """From here on everything goes well."""
        self._calm = True
        self.faults.clear()

    def makes_song(self, task_id: str) -> bool:
        """Whether the task ends with a song."""
        return not self.tasks[task_id].kinds & ENDINGS.keys()

    async def _create(self, request: web.Request) -> web.StreamResponse:
        try:
            asked = json.loads(await request.text())
        except ConnectionError:
            return web.Response(status=HTTPStatus.BAD_REQUEST)  # cut off before it was whole
        post = OutgoingMessage(number_in(asked.get("prompt", "")), time.monotonic())
        self.posts.append(post)
        self._changed()
        await asyncio.sleep(self._late_s())
        self._spoil_next()
        known = len(self.tasks)
        try:
            # The body has been read already: from here to the answer nothing else runs.
            response = await super()._create(request)
        except Invalid:
            post.given = Given.INVALID
            raise
        if len(self.tasks) > known:
            post.task_id = next(reversed(self.tasks))
        post.given = self._given(post, response)
        self._changed()
        if post.given is not Given.LOST:
            await asyncio.sleep(self._late_s())
        if post.given is Given.TASK and post.task_id is not None:
            self._proofs.add(post.task_id)
        post.answered_at_s = time.monotonic()
        self.answers += 1
        self._changed()
        return response

    def _given(self, post: OutgoingMessage, response: web.StreamResponse) -> Given:
        if post.task_id is not None:
            lost = FaultKind.LOST_ANSWER in self.tasks[post.task_id].kinds
            return Given.LOST if lost else Given.TASK
        return {HTTPStatus.TOO_MANY_REQUESTS: Given.BUSY, HTTPStatus.BAD_REQUEST: Given.REFUSED}.get(
            HTTPStatus(response.status), Given.ERROR
        )

    def _late_s(self) -> float:
        late = not self._calm and self._random.random() < LATE_SHARE
        return self._random.uniform(0.0, LATE_MOST_S) if late else 0.0

    def _spoil_next(self) -> None:
        """Order an unclear outcome, but only if a clear one was heard since the last of them.

        Three in a row open the bot's breaker for a minute; a question about a task that was made since
        proves that the bot has heard a clear answer.
        """
        if self._calm or not self._clear_again or self._random.random() >= UNCLEAR_SHARE:
            return
        self._clear_again = False
        self._proofs.clear()
        self.faults.insert(0, Fault(self._random.choice(UNCLEAR)))

    async def _poll(self, request: web.Request) -> web.StreamResponse:
        self.polls += 1
        task_id = request.match_info["id"]
        self.asked.add(task_id)
        self._clear_again = self._clear_again or task_id in self._proofs
        self._changed()
        return await super()._poll(request)

    async def _audio(self, request: web.Request) -> web.StreamResponse:
        self.downloads += 1
        self._changed()
        return await super()._audio(request)

    async def _song(self, task: Task, take: int) -> bytes:
        return f"ID3 task {task.id} take {take} ".encode().ljust(FILE_BYTES, b"\x00")


def number_in(text: str) -> int:
    """Which song a text is about; 0 if it is about none."""
    found = _NUMBER.search(text)
    return 0 if found is None else int(found[1])


def task_of(data: bytes) -> str:
    """Whose song a file is, or nothing."""
    found = _TASK.search(data)
    return "" if found is None else found[1].decode()
