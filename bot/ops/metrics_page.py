"""Prometheus metrics: the current totals of the database, and latencies since the start.

Whatever the database holds is read at each scrape, so that it survives a restart. Only latencies, which are
recorded nowhere else, are counted in this process.
"""

from collections.abc import Iterable
from datetime import datetime
from math import inf
from typing import cast

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from bot.database.share import EVERYTHING, Share
from bot.model import ClosedCause, FailReason, JobState
from bot.ops.metrics import Histogram, Metrics, Now
from bot.store.totals import Totals
from bot.store.upstream import BalanceWarning, Upstream


def render(
    metrics: Metrics,
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
    registry = CollectorRegistry()
    for histogram in metrics.histograms:
        registry.register(_Recorded(histogram))
    ProcessCollector(registry=registry)
    registry.register(_Current(metrics.total_credits_max, totals, now, upstream, leads=share.leads))
    encode, content_type = choose_encoder(accept)
    if share.is_whole:
        return encode(registry), content_type
    return encode(cast("CollectorRegistry", _OfSlot(registry, share.slot))), content_type


class _Recorded(Collector):
    """A histogram of this process, as the client library's own would show it."""

    def __init__(self, histogram: Histogram) -> None:
        self._histogram = histogram

    def collect(self) -> Iterable[Metric]:
        """Yield the histogram."""
        own = self._histogram
        labels = [own.label] if own.label else []
        family = HistogramMetricFamily(own.name, own.description, labels=labels)
        bounds = ["+Inf" if bound == inf else str(float(bound)) for bound in own.bounds]
        for value, series in own.series.items():
            key = [value] if own.label else []
            family.add_metric(key, list(zip(bounds, series.counts(), strict=True)), series.sum)
            family.add_sample(f"{own.name}_created", dict(zip(labels, key, strict=True)), series.began_s)
        yield family


class _Current(Collector):
    """The metrics read at a scrape."""

    def __init__(
        self,
        total_credits_max: int,
        totals: Totals | None,
        now: Now,
        upstream: Upstream | None,
        *,
        leads: bool,
    ) -> None:
        self._total_credits_max = total_credits_max
        self._totals = totals
        self._now = now
        self._upstream = upstream
        self._leads = leads

    def collect(self) -> Iterable[Metric]:
        """Yield them; prometheus_client calls this."""
        yield from _of_now(self._now)
        if not self._leads:
            return
        readable = GaugeMetricFamily("tunesmith_database_readable", "Whether the totals below could be read.")
        readable.add_metric([], self._totals is not None)
        yield readable
        if self._totals is not None:
            yield from _of_totals(self._totals, self._now.now)
            yield GaugeMetricFamily(
                "tunesmith_credits_month",
                "Credits that all servers together have used or hold in this calendar month (UTC).",
                value=self._totals.month,
            )
            yield GaugeMetricFamily(
                "tunesmith_credits_month_max", "TOTAL_CREDITS_MAX.", value=self._total_credits_max
            )
        if self._upstream is not None:
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
