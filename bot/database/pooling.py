"""Detect a connection pooler in transaction mode, which shares sessions between clients."""

from contextlib import closing

from bot.database.postgresql_errors import refusing
from bot.database.postgresql_tx import connect


def shares_sessions(url: str) -> bool:
    """Return whether two simultaneous connections share a session on the server.

    Behind a pooler in transaction mode they do, and a slot's lock then belongs to nobody in particular.

    Raises:
        StartRefused: the server can't be reached.
    """
    question = "SELECT pg_backend_pid()"
    with (
        refusing(),
        closing(connect(url, name="tunesmith doctor", options={})) as one,
        closing(connect(url, name="tunesmith doctor", options={})) as other,
    ):
        return bool(one.execute(question).fetchone()[0] == other.execute(question).fetchone()[0])
