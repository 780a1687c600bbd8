"""Check that this machine's clock agrees with the server's.

Processes on several machines take over each other's work by times in the database: the time at which a send
began decides whether it may be repeated. The process that takes over judges that by its own clock, so no
clock may be far off.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

from bot.database.engine import Tx
from bot.errors import StartRefused

APART_MAX: Final = timedelta(seconds=20)
"""Maximum difference between a machine's clock and the server's. A message is repeated within 60 s of its
beginning, and Discord recognises it for minutes: two machines at opposite extremes still stay within that."""
_SERVER: Final = "SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"


def wall_clock() -> datetime:
    """Return this machine's time."""
    return datetime.now(UTC)


def apart(tx: Tx, now: Callable[[], datetime]) -> timedelta:
    """Return the minimum offset of ``now`` from the server's clock; positive if ``now`` is ahead.

    The exact offset is unknown, because the server's answer takes a while.
    """
    before = now()
    server = datetime.fromtimestamp(tx.execute(_SERVER).fetchone()[0] / 1000, UTC)
    after = now()
    if before <= server <= after:
        return timedelta()
    return before - server if before > server else after - server


def difference(off: timedelta) -> str:
    """Format an offset from the server's clock, such as ``25 s ahead of``."""
    return f"{abs(off).total_seconds():,.0f} s {'ahead of' if off > timedelta() else 'behind'}"


def refuse_apart(tx: Tx, now: Callable[[], datetime]) -> None:
    """Refuse to work if this machine's clock is too far from the server's.

    Raises:
        StartRefused: the clocks differ by more than ``APART_MAX``.
    """
    off = apart(tx, now)
    if abs(off) > APART_MAX:
        raise StartRefused(
            f"DATABASE_URL: this machine's clock is {difference(off)} the database server's; sync both with "
            "NTP."
        )
