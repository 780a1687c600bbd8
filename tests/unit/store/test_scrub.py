"""That the file may have remains is known until it has been cleaned."""

from bot.database.sqlite import Tx
from bot.store import scrub
from bot.store.scrub import Remains


def test_what_was_cleaned_is_marked_no_more(tx: Tx) -> None:
    scrub.mark(tx, Remains.ERASED)
    scrub.mark(tx, Remains.DROPPED)

    seen = scrub.marks(tx)
    scrub.cleaned(tx, seen)

    assert set(Remains) == set(seen)
    assert {} == scrub.marks(tx)


def test_a_mark_that_was_made_during_a_cleaning_stays(tx: Tx) -> None:
    scrub.mark(tx, Remains.ERASED)
    seen = scrub.marks(tx)

    scrub.mark(tx, Remains.ERASED)
    scrub.cleaned(tx, seen)

    assert [Remains.ERASED] == list(scrub.marks(tx))
