"""Track whether deleted data may still be present in free pages of the database file.

SQLite overwrites deleted rows (``secure_delete``), but not the copies it made of them when splitting pages.
"""

import secrets
from enum import StrEnum
from typing import Final

from bot.database.engine import Tx
from bot.database.facts import fact, forget, remember

REWRITTEN: Final = ("text", "draft", "song", "track", "coauthor", "member", "forgotten", "lyrics_call")
"""Tables with members' texts or identities, for an engine that rewrites whole tables. Jobs and the ledger are
too large for that."""
PAGE_FACT = "scrubbed page"
"""Name of the fact with the page that the current scrub has reached."""


class Deleted(StrEnum):
    """Kinds of deleted data that may still be in the file. Their values are names of facts."""

    ERASED = "erased"
    """Data of an erased member or server; scrubbed within the hour."""
    DROPPED = "dropped"
    """Expired; scrubbed once a day."""


def mark(tx: Tx, of: Deleted) -> None:
    """Record that deleted data may be in the file. A scrub already in progress won't clear this mark."""
    remember(tx, of, secrets.token_hex(8))


def pending(tx: Tx) -> dict[Deleted, str]:
    """Return the marks of deleted data that may still be in the file, by kind."""
    values = {of: fact(tx, of) for of in Deleted}
    return {of: value for of, value in values.items() if value is not None}


def reach(tx: Tx, page: int) -> None:
    """Record that the scrub has reached this page."""
    remember(tx, PAGE_FACT, str(page))


def clear(tx: Tx, marks: dict[Deleted, str]) -> None:
    """Clear these marks after a scrub, unless they have been set again since."""
    forget(tx, PAGE_FACT)
    for of, value in marks.items():
        if fact(tx, of) == value:
            forget(tx, of)
