"""Errors of a PostgreSQL server: which ones are temporary, and how to report them without the password."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from bot.errors import StartRefused

COLLISIONS: Final = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
"""Errors of transactions that conflicted; the one that was rolled back is run again."""
MOMENTARY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    # The server has become a replica.
    psycopg.errors.ReadOnlySqlTransaction,
    # The process froze in a transaction, and the server ended the session.
    psycopg.errors.IdleInTransactionSessionTimeout,
)
"""Temporary errors: the session is gone, or the server cannot do this now."""
NOT_YET: Final = ("starting up", "shutting down", "recovery", "too many", "remaining connection slots")
"""Phrases with which the server refuses a session that it may accept later."""


def sentence(error: psycopg.Error) -> str:
    """Return the server's message on one line. It names host and user, but never the password."""
    return " ".join(str(error).split()) or type(error).__name__


def is_final(error: psycopg.Error) -> bool:
    """Return whether the server has answered, and will give the same answer later."""
    words = str(error)
    return "FATAL" in words and not any(phrase in words for phrase in NOT_YET)


@contextmanager
def refusing() -> Iterator[None]:
    """Turn a server error into a refusal to start."""
    try:
        yield
    except psycopg.Error as error:
        raise refusal(error) from None


def refusal(error: psycopg.Error) -> StartRefused:
    """Return the refusal for an operator whose database can't be used."""
    if isinstance(error, psycopg.ProgrammingError):  # its message may contain the address and its password
        return StartRefused("DATABASE_URL: PostgreSQL can't parse the address; check its spelling.")
    return StartRefused(
        f"DATABASE_URL: the PostgreSQL database can't be used ({sentence(error)}); check the server and the "
        "address."
    )
