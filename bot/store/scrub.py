"""That the file may have remains of what is no longer in its rows, until it has been cleaned.

SQLite overwrites what it deletes (``secure_delete``), but not the copies that it made when it split pages.
"""

import secrets
from enum import StrEnum

from bot.database.sqlite import Tx
from bot.store.facts import fact, forget, remember


class Deleted(StrEnum):
    """Of what there may be remains; the names of facts."""

    ERASED = "erased"
    """Of what a member deleted: they go at once."""
    DROPPED = "dropped"
    """Of what became too old: they go once a day."""


def mark(tx: Tx, of: Deleted) -> None:
    """Deleted are in the file from now on; a cleaning that has begun before does not count."""
    remember(tx, of, secrets.token_hex(8))


def marks(tx: Tx) -> dict[Deleted, str]:
    """What there may be remains of, each with the mark of the last time."""
    found = {of: fact(tx, of) for of in Deleted}
    return {of: value for of, value in found.items() if value is not None}


def cleaned(tx: Tx, seen: dict[Deleted, str]) -> None:
    """The file has been cleaned since these marks were made."""
    for of, value in seen.items():
        if fact(tx, of) == value:
            forget(tx, of)
