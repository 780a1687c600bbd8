"""The limit on concurrent status queries: as many as the music service handles well."""

from typing import Final

POLLS_MIN: Final = 16
"""Number of concurrent status queries that are always allowed."""
POLLS_MAX: Final = 256
"""Maximum number of concurrent status queries, however well they are answered."""


class PollWindow:
    """A limit that grows while due queries exceed it and are answered, and is halved by failures.

    Queries are free, and only as many run at once as are needed to keep up: ten thousand songs take 260
    queries a second, which is one at a time if the service answers in 4 ms, and 260 if it takes 1 s.
    A failing service gets fewer.
    """

    def __init__(self) -> None:
        self.size = POLLS_MIN
        """The current limit."""
        self.is_short = False
        """Whether more queries were due than fit."""
        self._old = 0
        """Number of queries still in flight from before the size was halved."""

    def answered(self) -> None:
        """Record an answer from the service."""
        self._old = max(self._old - 1, 0)
        if self.is_short:
            self.size = min(self.size + 1, POLLS_MAX)

    def failed(self) -> None:
        """Record that the service gave no answer."""
        if self._old:
            self._old -= 1
        else:
            self._old, self.size = self.size, max(self.size // 2, POLLS_MIN)
