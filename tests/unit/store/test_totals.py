"""The totals kept by the schema equal the results of a scan of all songs."""

from collections import Counter
from typing import cast

from bot.database.postgresql_writer import Writer
from bot.database.sqlite import Tx
from bot.model import Backend, FailReason, JobState
from bot.store import ledger
from bot.store.reconcile import reconcile
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
