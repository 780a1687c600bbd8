"""The errors of a PostgreSQL server: which of them pass, and how each is said without the password."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg

from bot.errors import StartRefused

COLLISIONS: Final = (psycopg.errors.SerializationFailure, psycopg.errors.DeadlockDetected)
"""Two transactions were in each other's way: the one that was rolled back is run again."""
MOMENTARY: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    # The server has become a replica.
    psycopg.errors.ReadOnlySqlTransaction,
    # The process stood still in a transaction, and the server has ended the session.
    psycopg.errors.IdleInTransactionSessionTimeout,
)
"""The session is gone, or the server cannot do it now."""
NOT_YET: Final = ("starting up", "shutting down", "recovery", "too many", "remaining connection slots")
"""Words with which the server refuses a session now that it may accept later."""


def sentence(error: psycopg.Error) -> str:
    """Return the server's words on one line. They name host and user, and never the password."""
    return " ".join(str(error).split()) or type(error).__name__


def is_final(error: psycopg.Error) -> bool:
    """Return whether the server has answered, and will not answer otherwise later."""
    words = str(error)
    return "FATAL" in words and not any(phrase in words for phrase in NOT_YET)


@contextmanager
def refusing() -> Iterator[None]:
    """Turn an error of the server into a refusal to start."""
    try:
        yield
    except psycopg.Error as error:
        raise refusal(error) from None


def refusal(error: psycopg.Error) -> StartRefused:
    """Return the sentence for an operator whose database can't be used."""
    if isinstance(error, psycopg.ProgrammingError):  # its words may repeat the address with its password
        return StartRefused(
            "DATABASE_URL: PostgreSQL does not understand the address; check how it is written."
        )
    return StartRefused(
        f"DATABASE_URL: the PostgreSQL database can't be used ({sentence(error)}); check the server and the "
        "address."
    )
