"""Whether a pooler gives the sessions of this program to whoever has a transaction."""

from contextlib import closing

from bot.database.postgresql_errors import refusing
from bot.database.postgresql_tx import connect


def shares_sessions(url: str) -> bool:
    """Return whether two connections that are open at once have the same session on the server.

    A pooler in transaction mode does that: the lock of a slot is then anybody's.

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
