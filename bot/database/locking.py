"""Row locks of a transaction that looks first and then acts.

On SQLite a transaction that writes has the whole database to itself, so there is nothing to lock. On
PostgreSQL several processes write at the same time, under READ COMMITTED: a transaction locks the server that
it is about *before* it looks at anything, so that what it has seen stays true until its commit. The order is
the same for all: servers ascending, then members, then the day's total, then facts. Jobs are changed by
guarded updates alone.
"""

import sqlite3
from collections.abc import Iterable

from bot.database.engine import Tx


def lock_guilds(tx: Tx, guild_ids: Iterable[int]) -> None:
    """Lock servers that are known, until the end of the transaction."""
    if isinstance(tx, sqlite3.Connection):
        return
    for guild_id in sorted(set(guild_ids)):
        tx.execute("SELECT 1 FROM guild WHERE id = ? FOR NO KEY UPDATE", (guild_id,))


def lock_member(tx: Tx, member: int) -> None:
    """Lock a member: nothing new can refer to them until the end of the transaction."""
    if not isinstance(tx, sqlite3.Connection):
        tx.execute("SELECT 1 FROM member WHERE id = ? FOR UPDATE", (member,))


def lock_day(tx: Tx, day: int) -> None:
    """Lock the total of all servers for a day."""
    if isinstance(tx, sqlite3.Connection):
        return
    tx.execute("INSERT INTO day_total (day, credits) VALUES (?, 0) ON CONFLICT DO NOTHING", (day,))
    tx.execute("SELECT 1 FROM day_total WHERE day = ? FOR NO KEY UPDATE", (day,))
