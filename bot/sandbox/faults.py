"""Faults that a sandbox injects, on request or by the words of a member."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Literal


class FaultKind(StrEnum):
    """Injectable faults. A request triggers one with its value in square brackets, such as `[fail]`."""

    CLOSED = "closed"
    """404: the endpoint is announced but not open yet."""
    NO_CREDITS = "no credits"
    """402."""
    UNAUTHORIZED = "unauthorized"
    """401."""
    BUSY = "busy"
    """429 with Retry-After. A request that asks for it is refused once; its repetition is accepted."""
    MODERATED = "moderated"
    """400: sensitive words."""
    SERVER_ERROR = "server error"
    """500 with an HTML page."""
    LOST_ANSWER = "lost answer"
    """The task is created and charged, but the connection closes without a response."""
    FAIL = "fail"
    """The task fails with a reason."""
    CANCELED = "canceled"
    """The task is cancelled."""
    SLOW = "slow"
    """The task takes ten times as long."""
    ONE_TAKE = "one take"
    """The task succeeds with one song."""
    EMPTY_SUCCESS = "empty success"
    """The task succeeds, but the first two responses that say so have no URLs."""
    EMPTY_AUDIO = "empty audio"
    """200 with an empty body. A request that asks for it gets it on the first download of each song."""


REFUSALS: dict[FaultKind, tuple[HTTPStatus, str]] = {
    FaultKind.CLOSED: (
        HTTPStatus.NOT_FOUND,
        "Music generation is coming soon. This endpoint is not open yet.",
    ),
    FaultKind.UNAUTHORIZED: (HTTPStatus.UNAUTHORIZED, "Invalid API key."),
    FaultKind.NO_CREDITS: (HTTPStatus.PAYMENT_REQUIRED, "Insufficient credits."),
    FaultKind.BUSY: (HTTPStatus.TOO_MANY_REQUESTS, "Too many requests. Please try again later."),
    FaultKind.MODERATED: (HTTPStatus.BAD_REQUEST, "The request contains sensitive words."),
    FaultKind.SERVER_ERROR: (HTTPStatus.INTERNAL_SERVER_ERROR, "Internal Server Error"),
}
"""Faults that refuse a request, in the order in which a service would detect them.

The vendor documents no errors; these follow the format of its other endpoints.
"""

ENDINGS: dict[FaultKind, tuple[str, str | None]] = {
    FaultKind.FAIL: ("failed", "The music model could not make a song of this request."),
    FaultKind.CANCELED: ("canceled", None),
}
"""Faults that end a task without songs, with its status and errorMessage."""


@dataclass(frozen=True)
class InjectedFault:
    """A fault to inject: what goes wrong, where, and how many times."""

    kind: FaultKind
    times: int = 1
    """Number of requests it will still affect."""
    on: Literal["create", "poll", "audio"] = "create"
    """Which requests it affects: the POST of a task, the GET of a task, or the GET of a song.

    The kinds from FAIL to EMPTY_SUCCESS concern a task and apply to `create` only.
    """
