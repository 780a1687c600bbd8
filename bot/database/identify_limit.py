"""Rate limit for the IDENTIFYs that all processes' shards send to Discord's gateway.

Discord accepts one IDENTIFY per bucket every five seconds, whichever process sends it, and drops the others.
A process asks here before it sends one. There is no queue: a process that has to wait asks again, so that one
that ends while waiting delays nobody.
"""

from typing import Final

from bot.database.engine import Tx

APART_MS: Final = 5_000
"""Interval between two IDENTIFYs of one bucket, in milliseconds by the server's clock.
Source: https://docs.discord.com/developers/events/gateway#rate-limiting, read 2026-11-26."""
TABLE: Final = """CREATE TABLE IF NOT EXISTS identify (
  bucket BIGINT PRIMARY KEY,
  at BIGINT NOT NULL  -- last turn, in epoch milliseconds of the server
)"""


def take_turn(tx: Tx, bucket: int) -> float:
    """Take the bucket's turn and return 0, or return the seconds until the next one."""
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
