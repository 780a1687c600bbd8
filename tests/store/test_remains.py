"""That the file may have remains is known until it has been cleaned."""

from bot.store import remains
from bot.store.database import Tx
from bot.store.remains import Remains


def test_what_was_cleaned_is_marked_no_more(tx: Tx) -> None:
    remains.mark(tx, Remains.ERASED)
    remains.mark(tx, Remains.DROPPED)

    seen = remains.marks(tx)
    remains.cleaned(tx, seen)

    assert set(Remains) == set(seen)
    assert {} == remains.marks(tx)


def test_a_mark_that_was_made_during_a_cleaning_stays(tx: Tx) -> None:
    remains.mark(tx, Remains.ERASED)
    seen = remains.marks(tx)

    remains.mark(tx, Remains.ERASED)
    remains.cleaned(tx, seen)

    assert [Remains.ERASED] == list(remains.marks(tx))
