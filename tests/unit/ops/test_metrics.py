"""The metrics, and their agreement with the ledger."""

import asyncio
import re
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace
from prometheus_client.parser import text_string_to_metric_families

from bot.database.share import Share
from bot.database.sqlite import Database
from bot.model import Backend, DiscordUserId, FailReason, JobId, JobState
from bot.ops.metrics import Metrics, Now
from bot.ops.metrics_page import render
from bot.store import jobs
from bot.store.reconcile import reconcile
from bot.store.totals import Totals, totals
from bot.store.upstream import BalanceReading, Sold, Upstream
from tests import make
from tests.doubles.in_process import answers
from tests.unit.pipeline.rig import Rig

ROOT = Path(__file__).parents[3]

WELL = Now(now=make.NOW, last_round_at=make.NOW, problems=(), connected=True, latencies_s={0: 0.05})
Shown = dict[str, float]
BALANCE = Upstream(
    backend=Backend.KIE,
    reading=BalanceReading(credits=987.6, at=make.NOW - timedelta(minutes=3)),
    songs=82,
    sold=Sold(credits=830, songs=83),
    charged_credits=30.5,
    charged_songs=2,
)


@pytest.fixture
def rig(database: Database, tmp_path: Path, clock: make.Clock) -> Rig:
    return Rig(database, tmp_path / "spool", clock)


def read(
    metrics: Metrics,
    found: Totals | None,
    now: Now = WELL,
    accept: str = "",
    balance: Upstream | None = None,
) -> Shown:
    """Return every sample of the page by its name and labels, as written there."""
    body, _ = render(metrics, found, now, accept, balance)
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
    }


async def page(rig: Rig, now: Now = WELL) -> Shown:
    sums = await rig.database.report(lambda tx: totals(tx, WELL.now, Backend.SSEEDANCE))
    return read(rig.metrics, sums, now)


async def test_every_series_of_an_empty_bot_is_zero(rig: Rig) -> None:
    shown = await page(rig)

    assert [0.0] * len(JobState) == [shown[f"tunesmith_jobs[{state}]"] for state in JobState]
    assert [0.0] * len(FailReason) == [shown[f"tunesmith_job_outcomes[{reason}]"] for reason in FailReason]
    assert 0.0 == shown["tunesmith_submission_seconds_count[accepted]"]
    assert 0.0 == shown["tunesmith_poll_seconds_count[done]"]
    assert 1.0 == shown["tunesmith_database_readable"]
    assert "process_resident_memory_bytes" in shown


async def test_the_documentation_names_every_metric(rig: Rig) -> None:
    sums = await rig.database.report(lambda tx: totals(tx, WELL.now, Backend.SSEEDANCE))
    body, _ = render(rig.metrics, sums, WELL, "", BALANCE)
    names = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(body.decode())
        if family.name.startswith("tunesmith_") and not family.name.endswith("_created")
    }
    page_text = (ROOT / "docs" / "monitoring.md").read_text("utf-8")
    named = set(re.findall(r"`(tunesmith_[a-z_]+)", page_text))

    assert names == named


async def test_the_balance_is_shown_with_its_age_and_thresholds(rig: Rig) -> None:
    shown = read(rig.metrics, None, balance=BALANCE)

    assert {
        "balance": 987.6,
        "balance_age_seconds": 180.0,
        "songs": 82.0,
        "warning[low]": 0.0,
        "warning[oversold]": 1.0,
        "charged_credits_total": 30.5,
        "charged_songs_total": 2.0,
    } == {
        name.removeprefix("tunesmith_upstream_"): value
        for name, value in shown.items()
        if name.startswith("tunesmith_upstream_") and not name.endswith("_created")
    }
    assert (830.0, 83.0) == (shown["tunesmith_credits_sold"], shown["tunesmith_songs_sold"])


async def test_an_unknown_balance_is_not_shown_as_zero(rig: Rig) -> None:
    unread = replace(BALANCE, reading=None, songs=None)
    unread_shown, none_shown = (read(rig.metrics, None, balance=found) for found in (unread, None))

    assert not {"tunesmith_upstream_balance", "tunesmith_upstream_songs"} & set(unread_shown)
    assert [] == [name for name in none_shown if "upstream" in name or name.endswith("_sold")]


async def test_songs_and_credits_match_the_books(rig: Rig) -> None:
    await rig.until(await rig.ask(), JobState.DELIVERED)
    rig.music.takes = 0
    await rig.until(await rig.ask(), JobState.EXPLAINED)
    rig.music.takes = 2
    running = await rig.ask()
    await rig.until(running, JobState.RUNNING)
    await rig.ask()
    shown = await page(rig)
    reconciliation = await rig.database.read(reconcile)

    assert (1.0, 1.0, 1.0, 1.0) == tuple(
        shown[f"tunesmith_jobs[{state}]"] for state in ("delivered", "explained", "running", "queued")
    )
    assert (1.0, 1.0, 0.0) == tuple(
        shown[f"tunesmith_job_outcomes[{outcome}]"] for outcome in ("delivered", "upstream_failed", "lost")
    )
    assert 1.0 == shown["tunesmith_queue_length"]
    assert (reconciliation.held, reconciliation.settled, reconciliation.released) == tuple(
        shown[f"tunesmith_credits_{name}"] for name in ("held", "settled_total", "released_total")
    )
    assert (20, 10, 10) == (reconciliation.held, reconciliation.settled, reconciliation.released)


async def test_metrics_of_the_books_are_correct_after_a_restart(rig: Rig, tmp_path: Path) -> None:
    await rig.until(await rig.ask(), JobState.DELIVERED)
    after = Rig(rig.database, tmp_path / "spool", rig.clock)
    shown = await page(after)

    assert (1.0, 10.0) == (shown["tunesmith_jobs[delivered]"], shown["tunesmith_credits_settled_total"])


async def test_a_refund_is_counted_and_does_not_unsettle(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)
    await rig.credits.refund(make.GUILD, job.id, make.entry("it was noise"))
    shown = await page(rig)

    assert (10.0, 10.0) == (
        shown["tunesmith_credits_settled_total"],
        shown["tunesmith_credits_refunded_total"],
    )


async def test_the_age_of_the_first_song_in_the_queue_is_shown(rig: Rig) -> None:
    await rig.ask()
    rig.clock.forward(seconds=30)
    await rig.ask()
    later = Now(
        now=rig.clock.forward(seconds=12),
        last_round_at=None,
        problems=("x",),
        connected=False,
        latencies_s={},
    )
    shown = await page(rig, later)

    assert 42.0 == shown["tunesmith_queue_oldest_seconds"]
    assert (0.0, 0.0) == (shown["tunesmith_healthy"], shown["tunesmith_gateway_connected"])
    assert "tunesmith_last_round_age_seconds" not in shown
    assert "tunesmith_gateway_latency_seconds[0]" not in shown


async def test_parked_jobs_are_counted(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)
    found = await rig.get(job)
    await rig.database.write(
        lambda tx: jobs.move(tx, found, JobState.RUNNING, now=rig.clock(), due_at=None, parked="slow")
    )

    assert 1.0 == (await page(rig))["tunesmith_jobs_parked"]


async def test_unknown_outcomes_open_the_breaker_and_both_are_shown(rig: Rig) -> None:
    rig.music.on_post = [rig.music.lost_answer] * 3
    for number in range(3):
        asked = make.prompt(f"words {number}"), make.origin(member_id=DiscordUserId(make.MEMBER + number))
        await rig.until(await rig.ask(*asked), JobState.EXPLAINED)
    shown = await page(rig)

    assert (3.0, 1.0, 3.0) == (
        shown["tunesmith_unknown_outcomes_total"],
        shown["tunesmith_breaker_open"],
        shown["tunesmith_breaker_unknown_in_a_row"],
    )
    assert 3.0 == shown["tunesmith_submission_seconds_count[unknown]"]
    assert 0.0 == shown["tunesmith_service_closed[not_open]"]


async def test_a_closed_service_is_shown_with_its_cause(rig: Rig) -> None:
    rig.music.on_post = [answers(401, message="invalid key")]
    await rig.until(await rig.ask(), JobState.EXPLAINED)
    shown = await page(rig)

    assert (1.0, 0.0, 0.0) == (
        shown["tunesmith_service_closed[bad_key]"],
        shown["tunesmith_service_closed[no_credits]"],
        shown["tunesmith_breaker_open"],
    )


async def test_requests_are_timed_by_their_answers(rig: Rig) -> None:
    await rig.until(await rig.ask(), JobState.DELIVERED)
    shown = await page(rig)

    assert (1.0, 0.0) == (
        shown["tunesmith_submission_seconds_count[accepted]"],
        shown["tunesmith_submission_seconds_count[unknown]"],
    )
    assert shown["tunesmith_poll_seconds_count[done]"] >= 1.0
    assert shown["tunesmith_submission_seconds_sum[accepted]"] > 0.0


async def test_a_query_without_an_answer_is_timed_too(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)
    rig.music.on_poll = [answers(500)]
    await rig.step(job)

    assert 1.0 == (await page(rig))["tunesmith_poll_seconds_count[none]"]


async def test_the_delay_is_from_success_to_the_message(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.READY)
    rig.clock.forward(seconds=7)
    await rig.until(job, JobState.DELIVERED)
    shown = await page(rig)

    assert (1.0, 7.0) == (
        shown["tunesmith_delivery_delay_seconds_count"],
        shown["tunesmith_delivery_delay_seconds_sum"],
    )


def counted(metrics: Metrics) -> float:
    return read(metrics, None)["tunesmith_delivery_delay_seconds_count"]


@pytest.mark.parametrize("end", [JobState.FAILED, JobState.UNDELIVERED])
def test_a_song_that_is_not_delivered_has_no_delay(end: JobState) -> None:
    metrics = Metrics()
    for state in (JobState.READY, end, JobState.DELIVERED):
        metrics.moved(JobId(1), state)

    assert 0.0 == counted(metrics)


def test_a_song_finished_before_the_restart_has_no_delay() -> None:
    metrics = Metrics()
    metrics.moved(JobId(1), JobState.DELIVERED)

    assert 0.0 == counted(metrics)


def test_an_unreadable_figure_is_left_out_and_the_others_stay() -> None:
    metrics = Metrics()
    metrics.wrote(0.3)
    metrics.lagged(-0.001)
    shown = read(metrics, None)

    assert (0.0, 1.0) == (
        shown["tunesmith_database_readable"],
        shown["tunesmith_database_write_seconds_count"],
    )
    assert (1.0, 0.0) == (
        shown["tunesmith_event_loop_lag_seconds_count"],
        shown["tunesmith_event_loop_lag_seconds_sum"],
    )
    assert not [name for name in shown if name.startswith(("tunesmith_jobs", "tunesmith_credits"))]


def test_an_answer_without_a_series_gets_one() -> None:
    metrics = Metrics()
    metrics.submitted("none", 2.5)
    shown = read(metrics, None)

    assert (0.0, 1.0, 1.0, 2.5) == (
        shown["tunesmith_submission_seconds_bucket[none][1.0]"],
        shown["tunesmith_submission_seconds_bucket[none][2.5]"],
        shown["tunesmith_submission_seconds_count[none]"],
        shown["tunesmith_submission_seconds_sum[none]"],
    )


def test_two_registries_share_nothing() -> None:
    one, other = Metrics(), Metrics()
    one.wrote(0.3)

    assert (1.0, 0.0) == tuple(
        read(metrics, None)["tunesmith_database_write_seconds_count"] for metrics in (one, other)
    )


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8"),
        ("application/openmetrics-text; version=1.0.0", "application/openmetrics-text; version=1.0.0"),
    ],
)
def test_the_page_has_the_requested_format(accept: str, kind: str) -> None:
    body, content_type = render(Metrics(), None, WELL, accept)

    assert content_type.startswith(kind)
    assert b"tunesmith_gateway_connected 1.0" in body


async def test_every_write_is_timed_whatever_its_result(tmp_path: Path) -> None:
    took_s: list[float] = []
    async with Database.open(tmp_path / "t.db", wrote=took_s.append) as database:
        await asyncio.gather(*(database.write(lambda _: None) for _ in range(3)))
        with pytest.raises(ZeroDivisionError):
            await database.write(lambda _: 1 / 0)

    assert 4 == len(took_s)
    assert all(0.0 < took < 2.0 for took in took_s)


async def test_in_a_fleet_each_metric_names_its_slot(rig: Rig) -> None:
    sums = await rig.database.read(lambda tx: totals(tx, make.NOW, rig.backend))

    pages = [
        render(rig.metrics, sums, WELL, "", BALANCE, Share(slot=slot, slots=2))[0].decode() for slot in (0, 1)
    ]

    for slot, body in enumerate(pages):
        samples = [one for family in text_string_to_metric_families(body) for one in family.samples]
        assert {str(slot)} == {sample.labels["slot"] for sample in samples}
        assert "tunesmith_healthy" in body


async def test_only_a_fleets_leader_shows_metrics_common_to_all(rig: Rig) -> None:
    sums = await rig.database.read(lambda tx: totals(tx, make.NOW, rig.backend))

    pages = [
        render(rig.metrics, sums, WELL, "", None, Share(slot=slot, slots=2))[0].decode() for slot in (0, 1)
    ]

    shared = ("tunesmith_jobs{", "tunesmith_credits_held", "tunesmith_database_readable")
    assert [[True] * 3, [False] * 3] == [[name in body for name in shared] for body in pages]
