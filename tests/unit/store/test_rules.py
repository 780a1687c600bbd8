"""Operations that the schema alone allows only once, whatever the code does."""

import pytest

from bot.database.sqlite import Tx
from bot.store import ledger
from tests import make
from tests.unit.store import rows
from tests.unit.store.rows import VIOLATED


def test_a_change_of_credits_counts_once_for_its_interaction(tx: Tx) -> None:
    entry = make.entry("for the party")
    ledger.grant(tx, make.GUILD, 50, entry, make.NOW)

    with pytest.raises(VIOLATED, match=r"ledger\.interaction_id|ledger_changed_once"):
        ledger.grant(tx, make.GUILD, 50, entry, make.NOW)


def test_the_schema_allows_each_member_one_retry_of_a_failure(tx: Tx) -> None:
    failed, first, again = (rows.added(tx) for _ in range(3))
    other = rows.added(tx, member_id=make.OTHER)
    tries = "UPDATE job SET retry_of = ? WHERE id = ?"
    for job in (first, other):
        tx.execute(tries, (failed.id, job.id))

    with pytest.raises(VIOLATED, match=r"job\.retry_of|job_retried_once"):
        tx.execute(tries, (failed.id, again.id))


def test_a_song_is_refunded_once(tx: Tx) -> None:
    refund = """INSERT INTO ledger (at, kind, guild_id, day, job_id, member_id)
                VALUES (1, 'refund', 7001, 5, 13, 2)"""
    tx.execute("INSERT INTO guild (id) VALUES (7001)")
    tx.execute(refund)

    with pytest.raises(VIOLATED):
        tx.execute(refund)
