"""Figures for Prometheus: what the database says at the moment, and latencies since the start.

What can be read is read when somebody asks, so it is right after a restart too; only what is gone when it
is over is counted here.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from bot.model import ClosedCause, FailReason, JobId, JobState
from bot.store.totals import Totals

SUBMITTED: Final = ("accepted", "rejected", "busy", "unknown")
POLLED: Final = ("running", "done", "rejected", "notfound", "none")
"""Answers of the music service, by their names in ``music/wire.py``; none: there was no clear one."""
OPEN_MAX: Final = 10_000
"""Songs whose success is remembered until they are posted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What is known of this moment apart from the database."""

    now: datetime
    looked_at: datetime | None
    """When the runner last went through its round."""
    problems: tuple[str, ...]
    """Why the bot is not well."""
    connected: bool
    latencies_s: Mapping[int, float]
    """Between a heartbeat and its answer, by shard."""


class Metrics(Collector):
    """Everything that is measured, in a registry of its own."""

    def __init__(
        self, registry: CollectorRegistry, *, seconds: Callable[[], float] = time.perf_counter
    ) -> None:
        self._registry = registry
        self._seconds = seconds
        self._succeeded_s: dict[int, float] = {}
        self._figures: Totals | None = None
        self._now: Now | None = None
        self._submissions = Histogram(
            "tunesmith_submission_seconds",
            "How long the music API took to answer a paid request, by its answer.",
            ["answer"],
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60),
            registry=registry,
        )
        self._polls = Histogram(
            "tunesmith_poll_seconds",
            "How long the music API took to answer a status query, by its answer.",
            ["answer"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=registry,
        )
        self._delays = Histogram(
            "tunesmith_delivery_delay_seconds",
            "From the answer that a song is done to its message; not for songs that a restart lay between.",
            buckets=(1, 2, 3, 5, 10, 20, 30, 60, 300, 1_800, 21_600),
            registry=registry,
        )
        self._writes = Histogram(
            "tunesmith_database_write_seconds",
            "How long a transaction took that writes, with its wait for the others.",
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
            registry=registry,
        )
        self._lags = Histogram(
            "tunesmith_event_loop_lag_seconds",
            "How much later than asked for the event loop came back, measured once a second.",
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=registry,
        )
        for answers, histogram in ((SUBMITTED, self._submissions), (POLLED, self._polls)):
            for answer in answers:
                histogram.labels(answer)  # a series that is there from the start can be added up
        ProcessCollector(registry=registry)
        registry.register(self)

    # -- what is counted where it happens

    def submitted(self, answer: str, took_s: float) -> None:
        """A paid request was answered, or not."""
        self._submissions.labels(answer).observe(took_s)

    def polled(self, answer: str, took_s: float) -> None:
        """A status query was answered, or not."""
        self._polls.labels(answer).observe(took_s)

    def moved(self, job_id: JobId, state: JobState) -> None:
        """A job came to this state."""
        if state is JobState.READY and len(self._succeeded_s) < OPEN_MAX:
            self._succeeded_s[job_id] = self._seconds()
        elif state in (JobState.DELIVERED, JobState.UNDELIVERED, JobState.FAILED):
            succeeded_s = self._succeeded_s.pop(job_id, None)
            if succeeded_s is not None and state is JobState.DELIVERED:
                self._delays.observe(self._seconds() - succeeded_s)

    def wrote(self, took_s: float) -> None:
        """A transaction was written, or refused."""
        self._writes.observe(took_s)

    def lagged(self, late_s: float) -> None:
        """The event loop came back so much too late."""
        self._lags.observe(max(late_s, 0.0))

    # -- what is shown

    def shown(self, figures: Totals | None, now: Now, accept: str) -> tuple[bytes, str]:
        """The page, in the form that is asked for, and its content type. No figures: they can't be read."""
        self._figures, self._now = figures, now
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type

    def collect(self) -> Iterable[Metric]:
        """What Prometheus's library asks for when it writes the page."""
        if self._now is not None:
            yield from _of_now(self._now)
        up = GaugeMetricFamily("tunesmith_database_readable", "Whether the figures below could be read.")
        up.add_metric([], self._figures is not None)
        yield up
        if self._figures is not None and self._now is not None:
            yield from _of_the_books(self._figures, self._now.now)


def _of_now(now: Now) -> Iterable[Metric]:
    yield GaugeMetricFamily("tunesmith_healthy", "Whether /healthz answers with 200.", value=not now.problems)
    yield GaugeMetricFamily(
        "tunesmith_gateway_connected", "Whether events come in from Discord.", value=now.connected
    )
    latency = GaugeMetricFamily(
        "tunesmith_gateway_latency_seconds", "From a heartbeat to its answer, by shard.", labels=["shard"]
    )
    for shard, latency_s in sorted(now.latencies_s.items()):
        latency.add_metric([str(shard)], latency_s)
    yield latency
    if now.looked_at is not None:
        age_s = (now.now - now.looked_at).total_seconds()
        yield GaugeMetricFamily(
            "tunesmith_last_round_age_seconds", "Since the runner last looked at the jobs.", value=age_s
        )


def _of_the_books(figures: Totals, now: datetime) -> Iterable[Metric]:
    states = GaugeMetricFamily("tunesmith_jobs", "Jobs by where they stand.", labels=["state"])
    for state, jobs in figures.states.items():
        states.add_metric([state], jobs)
    yield states
    outcomes = GaugeMetricFamily(
        "tunesmith_job_outcomes",
        "Jobs by what came of them: delivered, undelivered, or why there is no song.",
        labels=["outcome"],
    )
    for ended in (JobState.DELIVERED, JobState.UNDELIVERED):
        outcomes.add_metric([ended], figures.states[ended])
    for reason, jobs in figures.reasons.items():
        outcomes.add_metric([reason], jobs)
    yield outcomes
    yield CounterMetricFamily(
        "tunesmith_unknown_outcomes",
        "Paid requests of which it can't be known whether the music API took them.",
        value=figures.reasons[FailReason.OUTCOME_UNKNOWN],
    )
    yield GaugeMetricFamily("tunesmith_jobs_parked", "Jobs that wait for the operator.", value=figures.parked)
    yield GaugeMetricFamily(
        "tunesmith_queue_length", "Jobs that wait for their turn.", value=figures.states[JobState.QUEUED]
    )
    oldest = figures.oldest_queued_at
    yield GaugeMetricFamily(
        "tunesmith_queue_oldest_seconds",
        "How long the first of them has waited.",
        value=0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0),
    )
    yield GaugeMetricFamily("tunesmith_credits_held", "Credits of songs in the making.", value=figures.held)
    for name, credits_, what in (
        ("settled", figures.settled, "Credits of songs that were made."),
        ("released", figures.released, "Credits that went back because there was no song."),
        ("refunded", figures.refunded, "Credits of made songs that were given back."),
    ):
        yield CounterMetricFamily(f"tunesmith_credits_{name}", what, value=credits_)
    gate = figures.breaker
    shut = gate.retry_at is not None
    yield GaugeMetricFamily(
        "tunesmith_breaker_open",
        "Whether submissions wait because too many outcomes in a row were unknown.",
        value=shut and gate.closed is None,
    )
    yield GaugeMetricFamily(
        "tunesmith_breaker_unknown_in_a_row", "Unknown outcomes in a row.", value=gate.unknown_in_a_row
    )
    closed = GaugeMetricFamily(
        "tunesmith_service_closed",
        "Whether submissions wait because the music API refuses them.",
        labels=["cause"],
    )
    for cause in ClosedCause:
        closed.add_metric([cause], shut and gate.closed is cause)
    yield closed
