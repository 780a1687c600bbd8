"""Marks say that the file may still contain deleted data, until it has been scrubbed."""

from bot.database.sqlite import Tx
from bot.store import scrub
from bot.store.scrub import Deleted


def test_a_scrub_removes_the_mark(tx: Tx) -> None:
    scrub.mark(tx, Deleted.ERASED)
    scrub.mark(tx, Deleted.DROPPED)

    marks = scrub.pending(tx)
    scrub.clear(tx, marks)

    assert set(Deleted) == set(marks)
    assert {} == scrub.pending(tx)


def test_a_mark_made_during_a_scrub_stays(tx: Tx) -> None:
    scrub.mark(tx, Deleted.ERASED)
    marks = scrub.pending(tx)

    scrub.mark(tx, Deleted.ERASED)
    scrub.clear(tx, marks)

    assert [Deleted.ERASED] == list(scrub.pending(tx))
