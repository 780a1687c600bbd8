"""Marks say that the file may still contain deleted data, until it has been scrubbed."""

from bot.database.sqlite import Tx
from bot.store import scrub
from bot.store.scrub import Deleted


def test_what_was_cleaned_is_marked_no_more(tx: Tx) -> None:
    scrub.mark(tx, Deleted.ERASED)
    scrub.mark(tx, Deleted.DROPPED)

    seen = scrub.marks(tx)
    scrub.cleaned(tx, seen)

    assert set(Deleted) == set(seen)
    assert {} == scrub.marks(tx)


def test_a_mark_that_was_made_during_a_cleaning_stays(tx: Tx) -> None:
    scrub.mark(tx, Deleted.ERASED)
    seen = scrub.marks(tx)

    scrub.mark(tx, Deleted.ERASED)
    scrub.cleaned(tx, seen)

    assert [Deleted.ERASED] == list(scrub.marks(tx))
