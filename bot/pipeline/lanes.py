"""The lanes of the runner: which jobs each of them handles, and how many at a time."""

from enum import Enum
from typing import Final

from bot.model import JobState


class Lane(Enum):
    """Kinds of work of the runner. No lane takes up another's capacity."""

    SUBMITTING = "submitting"
    POLLING = "polling"
    FETCHING = "fetching"
    POSTING = "posting"
    CARDS = "cards"
    ALERTS = "alerts"
    ANNOUNCEMENTS = "announcements"
    ERASURES = "erasures"


STATES: Final = {
    Lane.SUBMITTING: frozenset({JobState.QUEUED, JobState.SUBMITTING}),
    Lane.POLLING: frozenset({JobState.RUNNING}),
    Lane.FETCHING: frozenset({JobState.READY}),
    Lane.POSTING: frozenset({JobState.STORED, JobState.DELIVERING, JobState.FAILED, JobState.UNDELIVERED}),
}
"""The job states that each lane handles."""
AT_ONCE: Final = {Lane.SUBMITTING: 4, Lane.FETCHING: 4, Lane.POSTING: 256}
"""Maximum number of concurrent jobs per lane; in the posting lane, ``SendTurns`` limits the sends.
The polling lane has a ``PollWindow``."""
