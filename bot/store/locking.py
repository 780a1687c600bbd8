"""Row locks for transactions that read first and then write.

On SQLite, a write transaction has the whole database to itself, so there is nothing to lock. On PostgreSQL,
several processes write at the same time, under READ COMMITTED: a transaction locks its server *before* it
reads anything, so that what it has read stays true until its commit. All transactions lock in the same order:
servers ascending, then members, then the day's total, then facts. Jobs are changed by guarded updates only.
"""

from bot.database.engine import Tx
from bot.model import GuildId, MemberNumber


def lock_guild(tx: Tx, guild_id: GuildId) -> None:
    """Lock a server until the end of the transaction, inserting its row if needed."""
    if not _locks_rows(tx):
        return
    locked = tx.execute("SELECT 1 FROM guild WHERE id = ? FOR NO KEY UPDATE", (guild_id,)).fetchone()
    if locked is None:
        tx.execute("INSERT INTO guild (id) VALUES (?) ON CONFLICT DO NOTHING", (guild_id,))
        tx.execute("SELECT 1 FROM guild WHERE id = ? FOR NO KEY UPDATE", (guild_id,))


def lock_guilds_of(tx: Tx, member: MemberNumber) -> None:
    """Lock the servers in which a member has jobs, then the member."""
    if not _locks_rows(tx):
        return
    tx.execute(
        """SELECT 1 FROM guild WHERE id IN (SELECT guild_id FROM job WHERE member_id = ?)
           ORDER BY id FOR NO KEY UPDATE""",
        (member,),
    )
    lock_member(tx, member)


def lock_member(tx: Tx, member: MemberNumber) -> None:
    """Lock a member, so that nothing new can refer to them until the end of the transaction."""
    if _locks_rows(tx):
        tx.execute("SELECT 1 FROM member WHERE id = ? FOR UPDATE", (member,))


def lock_day(tx: Tx, day: int) -> None:
    """Lock a day's total over all servers."""
    if not _locks_rows(tx):
        return
    tx.execute("INSERT INTO day_total (day, credits) VALUES (?, 0) ON CONFLICT DO NOTHING", (day,))
    tx.execute("SELECT 1 FROM day_total WHERE day = ? FOR NO KEY UPDATE", (day,))


def _locks_rows(tx: Tx) -> bool:
    return getattr(tx, "locks_rows", False)
