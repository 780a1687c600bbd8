"""Track whether deleted data may still be present in free pages of the database file.

SQLite overwrites deleted rows (``secure_delete``), but not the copies that it made when it split pages.
"""

import secrets
from enum import StrEnum

from bot.database.sqlite import Tx
from bot.store.facts import fact, forget, remember


class Deleted(StrEnum):
    """Kinds of deleted data that may still be in the file. The values are names of facts."""

    ERASED = "erased"
    """Deleted by a member: scrubbed at once."""
    DROPPED = "dropped"
    """Expired: scrubbed once a day."""


def mark(tx: Tx, of: Deleted) -> None:
    """Record that deleted data may be in the file; a scrub that is already running does not count."""
    remember(tx, of, secrets.token_hex(8))


def marks(tx: Tx) -> dict[Deleted, str]:
    """Return the marks of deleted data that may still be in the file."""
    found = {of: fact(tx, of) for of in Deleted}
    return {of: value for of, value in found.items() if value is not None}


def cleaned(tx: Tx, seen: dict[Deleted, str]) -> None:
    """Clear these marks: the file has been rewritten since they were set."""
    for of, value in seen.items():
        if fact(tx, of) == value:
            forget(tx, of)
