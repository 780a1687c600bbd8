"""How many status queries may be under way: as many as the music service answers well."""

from typing import Final

POLLS_MIN: Final = 16
"""Status queries that may always be under way."""
POLLS_MAX: Final = 256
"""Maximum number of status queries under way, however well they are answered."""


class PollWindow:
    """A number that grows while queries wait for room and are answered, and is halved by failures.

    Queries are free, and only as many are under way as keep up with what is due: ten thousand songs take 260
    queries a second, which is one at a time where the service answers in 4 ms, and 260 where it takes 1 s.
    A service that fails gets fewer.
    """

    def __init__(self) -> None:
        self.size = POLLS_MIN
        """How many may be under way now."""
        self.is_short = False
        """Whether more were due than there was room for."""
        self._old = 0
        """Queries from before the size was halved that are still under way."""

    def answered(self) -> None:
        """Record an answer of the service."""
        self._old = max(self._old - 1, 0)
        if self.is_short:
            self.size = min(self.size + 1, POLLS_MAX)

    def failed(self) -> None:
        """Record that the service gave no answer."""
        if self._old:
            self._old -= 1
        else:
            self._old, self.size = self.size, max(self.size // 2, POLLS_MIN)
