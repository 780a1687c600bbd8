from datetime import timedelta

import pytest

from bot.database.sqlite import Tx
from bot.store import refusals
from tests.make import NOW

SECOND = timedelta(seconds=1)


def test_a_refused_interaction_is_known_until_it_is_swept(tx: Tx) -> None:
    refusals.remember(tx, 1, NOW)
    refusals.remember(tx, 1, NOW + SECOND)

    early = refusals.sweep(tx, NOW + refusals.KEEP)
    known = refusals.is_refused(tx, 1)
    late = refusals.sweep(tx, NOW + refusals.KEEP + SECOND)

    assert (0, True, 1) == (early, known, late)
    assert not refusals.is_refused(tx, 1)


def test_one_transaction_drops_a_bounded_number(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "SWEEP_MAX", 4)
    for number in range(10):
        refusals.remember(tx, number, NOW)

    dropped = [refusals.sweep(tx, NOW + 2 * refusals.KEEP) for _ in range(4)]

    assert [4, 4, 2, 0] == dropped


def test_setting_the_clock_back_does_not_keep_rows_for_ever(tx: Tx) -> None:
    refusals.remember(tx, 1, NOW + timedelta(days=365))

    assert 1 == refusals.sweep(tx, NOW)


@pytest.mark.sqlite
def test_old_rows_are_found_by_their_age(tx: Tx) -> None:
    plan = tx.execute(
        "EXPLAIN QUERY PLAN SELECT interaction_id FROM refused_interaction WHERE refused_at < 1 LIMIT 9"
    ).fetchall()

    assert ["SEARCH refused_interaction USING COVERING INDEX refused_interaction_by_age (refused_at<?)"] == [
        row["detail"] for row in plan
    ]
