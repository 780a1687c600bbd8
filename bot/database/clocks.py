"""Whether this machine's clock agrees with the server's.

Processes on several machines go on with each other's work by times in the database: when a message was begun
decides whether it may be repeated. Who takes over judges that by its own clock, so none may be far off.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.database.engine import Tx
from bot.errors import StartRefused

APART_MAX: Final = timedelta(seconds=20)
"""How far a machine's clock may be from the server's. A message is repeated within 60 s of its beginning, and
Discord recognises it for minutes: two machines at the opposite ends of this still keep within that."""
_SERVER: Final = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def wall_clock() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)


def apart(tx: Tx, now: Callable[[], datetime]) -> timedelta:
    """Return how far ``now`` is ahead of the server's clock, at least; the answer takes a while to come."""
    before = now()
    server = datetime.fromtimestamp(tx.execute(_SERVER).fetchone()[0] / 1000, UTC)
    after = now()
    if before <= server <= after:
        return timedelta()
    return before - server if before > server else after - server


def difference(off: timedelta) -> str:
    """Return by how much a clock is off that is so far ahead of the server's."""
    return f"{abs(off).total_seconds():,.0f} s {'ahead of' if off > timedelta() else 'behind'}"


def refuse_apart(tx: Tx, now: Callable[[], datetime]) -> None:
    """Refuse to work by a clock that is too far from the server's.

    Raises:
        StartRefused: it is.
    """
    off = apart(tx, now)
    if abs(off) > APART_MAX:
        raise StartRefused(
            f"DATABASE_URL: this machine's clock is {difference(off)} the database server's; set both by NTP."
        )
