"""Compute waits and backoffs, as pure functions of ages and counts."""

from collections.abc import Callable
from datetime import timedelta

JITTER = 0.1
"""Fraction by which waits vary, so that jobs started together do not stay in step."""
LONGEST_STEP = timedelta(minutes=60)
"""Maximum wait of any step; a due time further away means that the clock was set back."""


class Pacer:
    """Varies waits by the jitter; ``pace`` scales those between two requests to the music service.

    ``vary`` returns a number between -1 and 1.
    """

    def __init__(self, pace: float, vary: Callable[[], float]) -> None:
        self._pace = pace
        self._vary = vary

    def paced(self, wait_s: float) -> timedelta:
        """Return a wait between two requests to the music service."""
        return self.varied(wait_s * self._pace)

    def paced_s(self, wait_s: float) -> float:
        """Return a wait between two requests to the music service, without jitter."""
        return wait_s * self._pace

    def varied(self, wait_s: float) -> timedelta:
        """Return the wait with jitter."""
        return timedelta(seconds=wait_s * (1.0 + JITTER * self._vary()))

    def lengthened_s(self, wait_s: float) -> float:
        """Return the wait with jitter that only lengthens it."""
        return wait_s * (1.0 + JITTER * abs(self._vary()))


def poll_wait_s(age_s: float) -> float:
    """Return the seconds until the next status query for a task of this age.

    Queries go out at 10, 20 and 30 s, then every 5 s until 4 min, then at 5 % of the age up to 30 s, and
    after 60 min every 5 min. For the measured durations of real tasks, this means a mean delay of 2.8 s
    at 15 queries per task.
    """
    if age_s < 27:  # noqa: PLR2004 - the third query, give or take the jitter
        return 10.0
    if age_s < 4 * 60:
        return 5.0
    if age_s < 60 * 60:
        return min(30.0, 0.05 * age_s)
    return 5 * 60.0


def backoff_s(failures: int, first_s: float, max_s: float) -> float:
    """Return the wait after consecutive failures: ``first_s``, doubling to ``max_s``."""
    return min(max_s, first_s * 2.0 ** min(max(failures - 1, 0), 30))


def clamp_s(asked_s: float | None, min_s: float, max_s: float) -> float:
    """Return the requested wait within bounds, or ``min_s`` if none was requested."""
    return min_s if asked_s is None else min(max(asked_s, min_s), max_s)
