"""Latencies since the start, which /metrics shows and nothing else records.

``bot.ops.metrics_page`` renders them for Prometheus. Nothing here needs its client library, which takes 2 MiB
of memory and a thirtieth of the time until the bot is ready.
"""

import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import accumulate
from math import inf
from typing import Final

from msgspec import Struct

from bot.model import JobId, JobState

SUBMITTED: Final = ("accepted", "rejected", "busy", "unknown")
POLLED: Final = ("running", "done", "rejected", "notfound", "none")
"""Answers of the music service, named as in ``music/wire.py``; none: no clear answer."""
OPEN_MAX: Final = 10_000
"""Maximum number of finished songs whose delivery is timed at once."""


class Now(Struct, frozen=True, kw_only=True):
    """The current state, apart from what is in the database."""

    now: datetime
    last_round_at: datetime | None
    """When the runner last completed a round."""
    problems: tuple[str, ...]
    """Why the bot is not healthy."""
    connected: bool
    latencies_s: Mapping[int, float]
    """Time from a heartbeat to its acknowledgement, by shard."""


class Series:
    """Observations counted by size."""

    def __init__(self, buckets: int) -> None:
        self.began_s = time.time()
        self.sum = 0.0
        self._counts = [0] * buckets

    def count(self, bucket: int, size: float) -> None:
        """Count an observation."""
        self._counts[bucket] += 1
        self.sum += size

    def counts(self) -> list[int]:
        """Return how many observations are within each bound."""
        return list(accumulate(self._counts))


class Histogram:
    """Observations counted by size, separately for each value of a label if it has one."""

    def __init__(
        self,
        name: str,
        description: str,
        bounds: tuple[float, ...],
        *,
        label: str = "",
        values: tuple[str, ...] = ("",),
    ) -> None:
        self.name = name
        self.description = description
        self.label = label
        self.bounds = (*bounds, inf)
        """Upper bounds of the buckets."""
        # A series that exists from the start can be summed.
        self.series = {value: Series(len(self.bounds)) for value in values}
        """The observations by value of the label."""

    def observe(self, size: float, value: str = "") -> None:
        """Count an observation under a value of the label."""
        series = self.series.get(value)
        if series is None:
            series = self.series[value] = Series(len(self.bounds))
        series.count(bisect_left(self.bounds, size), size)


class Metrics:
    """All latencies of this process."""

    def __init__(
        self, *, seconds: Callable[[], float] = time.perf_counter, total_credits_max: int = 0
    ) -> None:
        self.total_credits_max = total_credits_max
        self._seconds = seconds
        self._ready_at_s: dict[int, float] = {}
        self._submissions = Histogram(
            "tunesmith_submission_seconds",
            "Time the music API took to answer a paid request, by answer.",
            (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60),
            label="answer",
            values=SUBMITTED,
        )
        self._polls = Histogram(
            "tunesmith_poll_seconds",
            "Time the music API took to answer a status query, by answer.",
            (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            label="answer",
            values=POLLED,
        )
        self._delays = Histogram(
            "tunesmith_delivery_delay_seconds",
            "Time from learning that a song is finished to posting it, except across a restart.",
            (1, 2, 3, 5, 10, 20, 30, 60, 300, 1_800, 21_600),
        )
        self._writes = Histogram(
            "tunesmith_database_write_seconds",
            "Duration of a write transaction, including its wait for others.",
            (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
        )
        self._lags = Histogram(
            "tunesmith_event_loop_lag_seconds",
            "How late the event loop resumed a sleeping task, measured once a second.",
            (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
        )
        self.histograms = (self._submissions, self._polls, self._delays, self._writes, self._lags)

    def submitted(self, answer: str, took_s: float) -> None:
        """Record the answer to a paid request."""
        self._submissions.observe(took_s, answer)

    def polled(self, answer: str, took_s: float) -> None:
        """Record the answer to a status query."""
        self._polls.observe(took_s, answer)

    def moved(self, job_id: JobId, state: JobState) -> None:
        """Record that a job reached this state."""
        if state is JobState.READY and len(self._ready_at_s) < OPEN_MAX:
            self._ready_at_s[job_id] = self._seconds()
        elif state in (JobState.DELIVERED, JobState.UNDELIVERED, JobState.FAILED):
            ready_at_s = self._ready_at_s.pop(job_id, None)
            if ready_at_s is not None and state is JobState.DELIVERED:
                self._delays.observe(self._seconds() - ready_at_s)

    def wrote(self, took_s: float) -> None:
        """Record the duration of a write, whether it succeeded or not."""
        self._writes.observe(took_s)

    def lagged(self, late_s: float) -> None:
        """Record the lag of the event loop."""
        self._lags.observe(max(late_s, 0.0))
