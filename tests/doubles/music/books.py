"""The books of a music service: requests, charges and answers."""

import time
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus


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
class PaidRequest:
    """A paid request as it came in. Times are on ``time.monotonic``."""

    prompt: str
    arrived_at_s: float
    given: Given = Given.NOTHING
    answered_at_s: float | None = None
    task_id: str | None = None
    """The task that was charged for it, if any."""


class MusicBooks:
    """The books, kept by every double of the service in the same way."""

    def __init__(self) -> None:
        self.paid: list[PaidRequest] = []
        """Every paid request that was read, oldest first."""
        self.posts = 0
        self.free_questions = 0
        """POSTs without a body, which are charged to nobody."""
        self.polls = 0
        self.downloads = 0
        self.asked: set[str] = set()
        """Tasks whose status was asked for: whoever asks knows the id."""

    @property
    def charged(self) -> list[str]:
        """The tasks that were charged, oldest first."""
        return [request.task_id for request in self.paid if request.task_id is not None]

    @property
    def answers(self) -> int:
        """Paid requests that are over, answered or not."""
        return sum(request.answered_at_s is not None for request in self.paid)

    def note_post(self, prompt: str) -> PaidRequest:
        """Record that a paid request has arrived."""
        request = PaidRequest(prompt, time.monotonic())
        self.paid.append(request)
        return request

    def note_charge(self, request: PaidRequest, task_id: str) -> None:
        """Record the task that a request is charged for; one task is charged once."""
        assert task_id not in self.charged
        request.task_id = task_id

    def note_answer(self, request: PaidRequest) -> None:
        """Record that a request is over."""
        request.answered_at_s = time.monotonic()

    def note_status(self, request: PaidRequest, status: int, *, lost: bool = False) -> None:
        """Record how a request ended by the status of its answer, and whether that answer was lost."""
        given = {HTTPStatus.TOO_MANY_REQUESTS: Given.BUSY, HTTPStatus.BAD_REQUEST: Given.REFUSED}
        if request.task_id is None:
            request.given = given.get(HTTPStatus(status), Given.ERROR)
        else:
            request.given = Given.LOST if lost else Given.TASK

    def note_poll(self, task_id: str) -> None:
        """Record that the status of a task was asked for."""
        self.polls += 1
        self.asked.add(task_id)

    def note_download(self) -> None:
        """Record that audio was asked for."""
        self.downloads += 1
