"""The totals kept by the schema equal the results of a scan of all songs."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import cast

from bot.balance import Period
from bot.database.postgresql_writer import Writer
from bot.database.sqlite import Tx
from bot.model import Backend, FailReason, JobState
from bot.store import ledger, reports, spent_totals, times
from bot.store.ledger import Defaults
from bot.store.reconcile import reconcile
from bot.store.times import EPOCH
from bot.store.totals import Totals, totals
from tests import make
from tests.make import NOW
from tests.postgresql import Server
from tests.unit.store.rows import added, found, put, released, settled

PATHS = (
    (),
    (JobState.SUBMITTING,),
    (JobState.SUBMITTING, JobState.RUNNING, JobState.READY),
    (JobState.SUBMITTING, JobState.FAILED, JobState.EXPLAINED),
    (JobState.SUBMITTING, JobState.RUNNING, JobState.READY, JobState.STORED, JobState.DELIVERING),
)


def shown(tx: Tx) -> Totals:
    return totals(tx, NOW, Backend.SSEEDANCE)


def scanned(tx: Tx) -> Counter[str]:
    rows = tx.execute("SELECT state, COUNT(*) AS songs FROM job GROUP BY state").fetchall()
    return Counter({row["state"]: row["songs"] for row in rows})


def on_its_way(tx: Tx, path: tuple[JobState, ...]) -> None:
    """Bring a song with its credits as far as the path goes."""
    job = added(tx)
    for state in path:
        job = put(tx, job, state)
        if state is JobState.FAILED:
            released(tx, job)
        elif state is JobState.STORED:
            settled(tx, job)


def test_totals_equal_the_results_of_a_scan(tx: Tx) -> None:
    paths = [path for index, path in enumerate(PATHS) for _ in range(index + 1)]
    for path in paths:
        on_its_way(tx, path)

    price, ended = make.job().price_credits, Counter(path[-1] if path else JobState.QUEUED for path in paths)
    sums = shown(tx)
    assert scanned(tx) == Counter({state.value: songs for state, songs in sums.states.items() if songs})
    assert ended[JobState.EXPLAINED] == sums.reasons[FailReason.UPSTREAM_FAILED]
    assert price * ended[JobState.EXPLAINED] == sums.released
    assert price * ended[JobState.DELIVERING] == sums.settled
    assert price * len(paths) - sums.released - sums.settled == sums.held
    assert () == reconcile(tx).findings


def test_parked_and_refunded_songs_are_counted_as_well(tx: Tx) -> None:
    on_its_way(tx, PATHS[-1])
    job = found(tx, added(tx))
    tx.execute("UPDATE job SET parked = 'bug', due_at = NULL WHERE id = ?", (job.id,))
    (made,) = tx.execute("SELECT id FROM job WHERE state = 'delivering'").fetchone()
    ledger.refund(tx, made, make.entry("a gift"), NOW)

    sums = shown(tx)
    assert (1, job.price_credits, None) == (sums.parked, sums.refunded, sums.oldest_queued_at)
    tx.execute("UPDATE job SET parked = NULL WHERE id = ?", (job.id,))
    assert 0 == shown(tx).parked
    assert () == reconcile(tx).findings


def test_a_wrong_total_is_detected(tx: Tx) -> None:
    added(tx)
    tx.execute("UPDATE song_total SET songs = songs + 1 WHERE name = 'queued'")

    sentence = "songs of queued: the totals are off by 1 songs and 0 credits"
    assert (sentence,) == reconcile(tx).findings


def test_spent_credits_are_added_up_by_week_and_month(tx: Tx) -> None:
    days = [date(2026, 2, 28), date(2026, 3, 1), date(2026, 3, 2), date(2024, 2, 29), date(2024, 12, 31)]
    numbers = [(day - EPOCH).days for day in days for _ in range(2)]
    for number in numbers:
        job = added(tx, at=datetime.combine(EPOCH + timedelta(days=number), time(12), UTC))
        settled(tx, job)
    ledger.refund(tx, job.id, make.entry("a gift"), NOW)

    price = make.job().price_credits
    spent = Counter(
        (period, times.period_of(Period(period), number)[0])
        for number in numbers[:-1]
        for period in ("week", "month")
    )
    rows = tx.execute("SELECT period, first_day, credits FROM spent_total").fetchall()
    assert {key: price * count for key, count in spent.items()} == {(row[0], row[1]): row[2] for row in rows}
    assert [] == [sentence for sentence in reconcile(tx).findings if "spent" in sentence]


def test_a_wrong_sum_of_spent_credits_is_detected(tx: Tx) -> None:
    on_its_way(tx, PATHS[-1])
    tx.execute("UPDATE spent_total SET credits = credits + 1 WHERE period = 'month'")

    price = make.job().price_credits
    (sentence,) = reconcile(tx).findings
    assert sentence.endswith(f"all months: {price + 1} credits are counted as spent, but {price} used")


def test_the_top_members_of_a_period_are_those_of_its_days(tx: Tx) -> None:
    for at in (NOW, NOW - timedelta(days=1), NOW - timedelta(days=6), NOW - timedelta(days=40)):
        for number in range(3):
            for _ in range(number + 1):
                settled(tx, added(tx, at=at, member_id=make.MEMBER + number))

    for period in Period:
        balance = ledger.balance(tx, make.GUILD, Defaults(allowance=1000, period=period), NOW)
        summed = reports.top_members(tx, make.GUILD, balance.days[0], 2)
        assert summed == spent_totals.top_of_period(tx, make.GUILD, balance, 2)
        assert 2 == len(summed)


def test_each_slot_counts_in_its_own_rows(postgresql_server: Server) -> None:
    """Two slots that change one row would wait for each other's commits."""
    url = postgresql_server.create()
    writers = [Writer(url, takeover_s=60.0, processes=2) for _ in range(2)]
    try:
        for slot, writer in enumerate(writers):
            assert writer.attempt()
            for _ in range(slot + 1):
                writer.run(lambda tx: added(cast("Tx", tx)), 0.0)
        rows = writers[0].run(
            lambda tx: tx.execute(
                "SELECT writer, songs FROM song_total WHERE name = 'queued' ORDER BY writer"
            ).fetchall(),
            0.0,
        )

        assert [(0, 1), (1, 2)] == [tuple(row) for row in rows]
        assert 3 == writers[0].run(lambda tx: shown(cast("Tx", tx)), 0.0).states[JobState.QUEUED]
    finally:
        for writer in writers:
            writer.close()
            writer.thread.shutdown()
