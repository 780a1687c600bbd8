from datetime import timedelta

import pytest

from bot.database.sqlite import Tx
from bot.model import InteractionId
from bot.store import refused_interactions
from tests.make import NOW

SECOND = timedelta(seconds=1)


def test_a_refused_interaction_is_known_until_it_is_swept(tx: Tx) -> None:
    refused_interactions.remember(tx, InteractionId(1), NOW)
    refused_interactions.remember(tx, InteractionId(1), NOW + SECOND)

    early = refused_interactions.sweep(tx, NOW + refused_interactions.KEEP)
    known = refused_interactions.is_refused(tx, InteractionId(1))
    late = refused_interactions.sweep(tx, NOW + refused_interactions.KEEP + SECOND)

    assert (0, True, 1) == (early, known, late)
    assert not refused_interactions.is_refused(tx, InteractionId(1))


def test_one_transaction_drops_a_bounded_number(tx: Tx, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused_interactions, "SWEEP_MAX", 4)
    for number in range(10):
        refused_interactions.remember(tx, InteractionId(number), NOW)

    dropped = [refused_interactions.sweep(tx, NOW + 2 * refused_interactions.KEEP) for _ in range(4)]

    assert [4, 4, 2, 0] == dropped


def test_setting_the_clock_back_does_not_keep_rows_for_ever(tx: Tx) -> None:
    refused_interactions.remember(tx, InteractionId(1), NOW + timedelta(days=365))

    assert 1 == refused_interactions.sweep(tx, NOW)


@pytest.mark.sqlite
def test_old_rows_are_found_by_their_age(tx: Tx) -> None:
    plan = tx.execute(
        "EXPLAIN QUERY PLAN SELECT interaction_id FROM refused_interaction WHERE refused_at < 1 LIMIT 9"
    ).fetchall()

    assert ["SEARCH refused_interaction USING COVERING INDEX refused_interaction_by_age (refused_at<?)"] == [
        row["detail"] for row in plan
    ]
