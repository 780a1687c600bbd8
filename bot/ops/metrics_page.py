"""Prometheus metrics: the current totals of the database, and latencies since the start.

Whatever the database holds is read at each scrape, so that it survives a restart. Only latencies, which are
recorded nowhere else, are counted in this process.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Final, cast

from msgspec import Struct
from prometheus_client import CollectorRegistry, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from bot.database.share import EVERYTHING, Share
from bot.model import ClosedCause, FailReason, JobId, JobState
from bot.store.totals import Totals
from bot.store.upstream import BalanceWarning, Upstream

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


class Metrics(Collector):
    """All metrics, in a registry of their own."""

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        seconds: Callable[[], float] = time.perf_counter,
        total_credits_max: int = 0,
    ) -> None:
        self._total_credits_max = total_credits_max
        self._registry = registry
        self._seconds = seconds
        self._ready_at_s: dict[int, float] = {}
        self._totals: Totals | None = None
        self._now: Now | None = None
        self._upstream: Upstream | None = None
        self._leads = True
        self._submissions = Histogram(
            "tunesmith_submission_seconds",
            "Time the music API took to answer a paid request, by answer.",
            ["answer"],
            buckets=(0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 30, 60),
            registry=registry,
        )
        self._polls = Histogram(
            "tunesmith_poll_seconds",
            "Time the music API took to answer a status query, by answer.",
            ["answer"],
            buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
            registry=registry,
        )
        self._delays = Histogram(
            "tunesmith_delivery_delay_seconds",
            "Time from learning that a song is finished to posting it, except across a restart.",
            buckets=(1, 2, 3, 5, 10, 20, 30, 60, 300, 1_800, 21_600),
            registry=registry,
        )
        self._writes = Histogram(
            "tunesmith_database_write_seconds",
            "Duration of a write transaction, including its wait for others.",
            buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2),
            registry=registry,
        )
        self._lags = Histogram(
            "tunesmith_event_loop_lag_seconds",
            "How late the event loop resumed a sleeping task, measured once a second.",
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
            registry=registry,
        )
        for answers, histogram in ((SUBMITTED, self._submissions), (POLLED, self._polls)):
            for answer in answers:
                histogram.labels(answer)  # a series that exists from the start can be summed
        ProcessCollector(registry=registry)
        registry.register(self)

    # -- recorded when it happens

    def submitted(self, answer: str, took_s: float) -> None:
        """Record the answer to a paid request."""
        self._submissions.labels(answer).observe(took_s)

    def polled(self, answer: str, took_s: float) -> None:
        """Record the answer to a status query."""
        self._polls.labels(answer).observe(took_s)

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

    # -- rendered at a scrape

    def render(
        self,
        totals: Totals | None,
        now: Now,
        accept: str,
        upstream: Upstream | None = None,
        share: Share = EVERYTHING,
    ) -> tuple[bytes, str]:
        """Return the page in the accepted format and its content type.

        ``totals`` is None if unreadable, ``upstream`` also if the music service reports no balance. In a
        fleet, each metric has the label ``slot``, and only the leader shows what is the same for all.
        """
        self._totals, self._now, self._upstream, self._leads = totals, now, upstream, share.leads
        encode, content_type = choose_encoder(accept)
        if share.is_whole:
            return encode(self._registry), content_type
        return encode(cast("CollectorRegistry", _OfSlot(self._registry, share.slot))), content_type

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics read at a scrape; prometheus_client calls this."""
        if self._now is not None:
            yield from _of_now(self._now)
        if not self._leads:
            return
        readable = GaugeMetricFamily("tunesmith_database_readable", "Whether the totals below could be read.")
        readable.add_metric([], self._totals is not None)
        yield readable
        if self._totals is not None and self._now is not None:
            yield from _of_totals(self._totals, self._now.now)
            yield GaugeMetricFamily(
                "tunesmith_credits_month",
                "Credits that all servers together have used or hold in this calendar month (UTC).",
                value=self._totals.month,
            )
            yield GaugeMetricFamily(
                "tunesmith_credits_month_max", "TOTAL_CREDITS_MAX.", value=self._total_credits_max
            )
        if self._upstream is not None and self._now is not None:
            yield from _of_upstream(self._upstream, self._now.now)


class _OfSlot:
    """A registry's metrics, labelled with the slot of a fleet."""

    def __init__(self, registry: CollectorRegistry, slot: int) -> None:
        self._registry = registry
        self._slot = str(slot)

    def collect(self) -> Iterable[Metric]:
        """Yield the metrics, each sample with the label."""
        for metric in self._registry.collect():
            metric.samples = [
                sample._replace(labels={**sample.labels, "slot": self._slot}) for sample in metric.samples
            ]
            yield metric


def _of_now(now: Now) -> Iterable[Metric]:
    yield GaugeMetricFamily("tunesmith_healthy", "Whether /healthz answers with 200.", value=not now.problems)
    yield GaugeMetricFamily(
        "tunesmith_gateway_connected", "Whether events arrive from Discord.", value=now.connected
    )
    latency = GaugeMetricFamily(
        "tunesmith_gateway_latency_seconds",
        "Time from a heartbeat to its acknowledgement, by shard.",
        labels=["shard"],
    )
    for shard, latency_s in sorted(now.latencies_s.items()):
        latency.add_metric([str(shard)], latency_s)
    yield latency
    if now.last_round_at is not None:
        age_s = (now.now - now.last_round_at).total_seconds()
        yield GaugeMetricFamily(
            "tunesmith_last_round_age_seconds",
            "Time since the job runner last completed a round.",
            value=age_s,
        )


def _of_totals(totals: Totals, now: datetime) -> Iterable[Metric]:
    states = GaugeMetricFamily("tunesmith_jobs", "Jobs by state.", labels=["state"])
    for state, jobs in totals.states.items():
        states.add_metric([state], jobs)
    yield states
    outcomes = GaugeMetricFamily(
        "tunesmith_job_outcomes",
        "Finished jobs by outcome: delivered, undelivered, or the reason for the failure.",
        labels=["outcome"],
    )
    for ended in (JobState.DELIVERED, JobState.UNDELIVERED):
        outcomes.add_metric([ended], totals.states[ended])
    for reason, jobs in totals.reasons.items():
        outcomes.add_metric([reason], jobs)
    yield outcomes
    yield CounterMetricFamily(
        "tunesmith_unknown_outcomes",
        "Paid requests for which it is unknown whether the music API accepted them.",
        value=totals.reasons[FailReason.OUTCOME_UNKNOWN],
    )
    yield GaugeMetricFamily("tunesmith_jobs_parked", "Jobs waiting for the operator.", value=totals.parked)
    yield GaugeMetricFamily("tunesmith_queue_length", "Queued jobs.", value=totals.states[JobState.QUEUED])
    oldest = totals.oldest_queued_at
    yield GaugeMetricFamily(
        "tunesmith_queue_oldest_seconds",
        "Age of the oldest queued job.",
        value=0.0 if oldest is None else max((now - oldest).total_seconds(), 0.0),
    )
    yield GaugeMetricFamily("tunesmith_credits_held", "Credits held for unfinished songs.", value=totals.held)
    for name, credits_, what in (
        ("settled", totals.settled, "Credits charged for finished songs."),
        ("released", totals.released, "Credits returned for failed songs."),
        ("refunded", totals.refunded, "Credits of finished songs that were refunded."),
    ):
        yield CounterMetricFamily(f"tunesmith_credits_{name}", what, value=credits_)
    breaker = totals.breaker
    is_shut = breaker.retry_at is not None
    yield GaugeMetricFamily(
        "tunesmith_breaker_open",
        "Whether submissions are paused after too many unknown outcomes in a row.",
        value=is_shut and breaker.closed is None,
    )
    yield GaugeMetricFamily(
        "tunesmith_breaker_unknown_in_a_row", "Unknown outcomes in a row.", value=breaker.unknown_in_a_row
    )
    closed = GaugeMetricFamily(
        "tunesmith_service_closed",
        "Whether submissions are paused because the music API refuses them.",
        labels=["cause"],
    )
    for cause in ClosedCause:
        closed.add_metric([cause], is_shut and breaker.closed is cause)
    yield closed


def _of_upstream(upstream: Upstream, now: datetime) -> Iterable[Metric]:
    """Yield the balance at the music service, once read, and the amounts it is compared with."""
    if upstream.reading is not None:
        yield GaugeMetricFamily(
            "tunesmith_upstream_balance",
            "The operator's balance at the music service, in the service's own credits.",
            value=upstream.reading.credits,
        )
        yield GaugeMetricFamily(
            "tunesmith_upstream_balance_age_seconds",
            "Time since the balance was last read.",
            value=max((now - upstream.reading.at).total_seconds(), 0.0),
        )
    if upstream.songs is not None:
        yield GaugeMetricFamily(
            "tunesmith_upstream_songs", "Songs that the balance pays for.", value=upstream.songs
        )
    yield GaugeMetricFamily(
        "tunesmith_credits_sold",
        "Credits that members of all servers can still spend, and those of queued songs.",
        value=upstream.sold.credits,
    )
    if upstream.sold.songs is not None:
        yield GaugeMetricFamily(
            "tunesmith_songs_sold",
            "Songs that members of all servers can still request, and queued songs.",
            value=upstream.sold.songs,
        )
    warnings = GaugeMetricFamily(
        "tunesmith_upstream_warning", "Whether the balance is low, or oversold.", labels=["cause"]
    )
    for cause in BalanceWarning:
        warnings.add_metric([cause], cause in upstream.warnings)
    yield warnings
    yield CounterMetricFamily(
        "tunesmith_upstream_charged_credits",
        "What the music service charged for finished songs, in its own credits.",
        value=upstream.charged_credits,
    )
    yield CounterMetricFamily(
        "tunesmith_upstream_charged_songs",
        "Finished songs whose charge the music service reported.",
        value=upstream.charged_songs,
    )
