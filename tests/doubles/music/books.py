"""A music service's books: requests, charges and answers."""

import time
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus


class Given(StrEnum):
    """The answer to a paid request."""

    NOTHING = "nothing"
    """Not answered yet."""
    TASK = "task"
    LOST = "lost"
    """Accepted and charged, then the connection was closed without an answer."""
    BUSY = "busy"
    """429: clearly not accepted."""
    ERROR = "error"
    """500: not accepted, but the client cannot know."""
    REFUSED = "refused"
    """400 because of the words, on demand."""
    INVALID = "invalid"
    """400: contradicts the documentation."""


@dataclass(eq=False)
class PaidRequest:
    """A paid request as it arrived. Times are on ``time.monotonic``."""

    prompt: str
    arrived_at_s: float
    given: Given = Given.NOTHING
    answered_at_s: float | None = None
    task_id: str | None = None
    """The task charged for it, if any."""


class MusicBooks:
    """The books, kept in the same way by every double of the service."""

    def __init__(self) -> None:
        self.paid: list[PaidRequest] = []
        """Every paid request, oldest first."""
        self.posts = 0
        self.free_questions = 0
        """Number of POSTs without a body, which are charged to nobody."""
        self.polls = 0
        self.downloads = 0
        self.asked: set[str] = set()
        """Tasks whose status was queried, and whose ids the bot therefore knows."""

    @property
    def charged(self) -> list[str]:
        """Charged tasks, oldest first."""
        return [request.task_id for request in self.paid if request.task_id is not None]

    @property
    def answers(self) -> int:
        """Number of paid requests that are over, answered or not."""
        return sum(request.answered_at_s is not None for request in self.paid)

    def note_post(self, prompt: str) -> PaidRequest:
        """Record that a paid request has arrived."""
        request = PaidRequest(prompt, time.monotonic())
        self.paid.append(request)
        return request

    def note_charge(self, request: PaidRequest, task_id: str) -> None:
        """Record the task charged for a request; a task is charged once."""
        assert task_id not in self.charged
        request.task_id = task_id

    def note_answer(self, request: PaidRequest) -> None:
        """Record that a request is over."""
        request.answered_at_s = time.monotonic()

    def note_status(self, request: PaidRequest, status: int, *, lost: bool = False) -> None:
        """Record a request's outcome from the status of its answer, and whether that answer was lost."""
        given = {HTTPStatus.TOO_MANY_REQUESTS: Given.BUSY, HTTPStatus.BAD_REQUEST: Given.REFUSED}
        if request.task_id is None:
            request.given = given.get(HTTPStatus(status), Given.ERROR)
        else:
            request.given = Given.LOST if lost else Given.TASK

    def note_poll(self, task_id: str) -> None:
        """Record a status query for a task."""
        self.polls += 1
        self.asked.add(task_id)

    def note_download(self) -> None:
        """Record a request for audio."""
        self.downloads += 1
