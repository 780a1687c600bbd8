"""The pace at which the shards of all processes identify themselves at Discord's gateway.

Discord takes one IDENTIFY of each bucket in five seconds, whichever process it comes from, and drops the
others. Whoever wants to send one asks here first. Nobody queues: who has to wait asks again, so that a
process that ends while it waits holds up nobody.
"""

from typing import Final

from bot.database.engine import Tx

APART_MS: Final = 5_000
"""Interval between two IDENTIFYs of one bucket, in milliseconds, as the server's clock counts it.
Source: https://docs.discord.com/developers/events/gateway#rate-limiting, read 2026-11-26."""
TABLE: Final = """CREATE TABLE IF NOT EXISTS identify (
  bucket BIGINT PRIMARY KEY,
  at BIGINT NOT NULL  -- last turn, in epoch milliseconds of the server
)"""


def take_turn(tx: Tx, bucket: int) -> float:
    """Take the bucket's turn and return 0, or return the seconds until there is one."""
    (now_ms,) = tx.execute("SELECT CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)").fetchone()
    taken = tx.execute(
        """INSERT INTO identify (bucket, at) VALUES (:bucket, :now)
           ON CONFLICT (bucket) DO UPDATE SET at = excluded.at
             WHERE identify.at <= excluded.at - :apart OR identify.at > excluded.at + :apart
           RETURNING bucket""",
        {"bucket": bucket, "now": now_ms, "apart": APART_MS},
    ).fetchone()
    if taken is not None:
        return 0.0
    (at_ms,) = tx.execute("SELECT at FROM identify WHERE bucket = ?", (bucket,)).fetchone()
    return max((int(at_ms) + APART_MS - now_ms) / 1000, 0.0) or 0.001
