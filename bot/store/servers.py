"""The operator's reports: servers with their usage, and unfinished jobs."""

from datetime import datetime
from typing import Final

from msgspec import Struct, field

from bot.balance import Balance, Period
from bot.database.engine import Tx
from bot.database.facts import fact, remember
from bot.model import GuildId, JobId
from bot.store import ledger, lyrics_calls, server_erasure, times
from bot.store.job_rows import SONGS
from bot.store.ledger import Defaults
from bot.store.times import milliseconds, moment

SHARE_WARNED: Final = 80
"""Share of the operator's total at which they are warned, in percent."""
SHARE_REACHED: Final = 100
"""Share of the operator's total at which no more songs are made, in percent."""
TOTAL_FACT: Final = "share of the total"
"""Name of the fact with the month and the share of the operator's last warning."""
_UNFINISHED = "state NOT IN ('delivered', 'explained', 'undelivered')"


class ServerPolicy(Struct, frozen=True, kw_only=True):
    """Servers that the operator's settings serve."""

    listed: frozenset[GuildId] = field(default_factory=frozenset)
    """Servers to serve. If any are listed, others are served only if the operator allows them."""
    serves_new: bool = True
    """Whether to serve servers that the operator has never mentioned, if none are listed."""

    @property
    def is_open(self) -> bool:
        """Whether every server that invites the bot gets credits."""
        return self.serves_new and not self.listed


SERVE_ALL = ServerPolicy()


class Server(Struct, frozen=True, kw_only=True):
    """One server's credits and songs."""

    id: GuildId
    balance: Balance
    paused: bool
    songs: int
    """Finished songs, over all time."""
    open_jobs: int
    asked_at: datetime | None
    """When the last song was requested."""
    allowed: bool | None
    """Whether the operator allowed or denied the server with `tunesmith servers`; None if neither."""


class OpenJob(Struct, frozen=True, kw_only=True):
    """A job that still needs the bot or a person."""

    id: JobId
    guild_id: GuildId
    state: str
    parked: str | None
    """Why the bot has stopped working on the job by itself."""
    price: int
    tries: int
    created_at: datetime
    due_at: datetime | None


def servers(tx: Tx, defaults: Defaults, now: datetime) -> list[Server]:
    """Return every known server, the most recently active first."""
    rows = tx.execute(
        f"""SELECT guild.id, guild.paused, server_rule.allowed, MAX(job.created_at) AS asked_at,
                   COUNT(*) FILTER (WHERE state IN ({SONGS})) AS songs,
                   COUNT(*) FILTER (WHERE {_UNFINISHED}) AS open_jobs
            FROM guild LEFT JOIN job ON job.guild_id = guild.id
                       LEFT JOIN server_rule ON server_rule.guild_id = guild.id
            GROUP BY guild.id, server_rule.allowed ORDER BY asked_at DESC NULLS LAST, guild.id"""
    ).fetchall()
    return [
        Server(
            id=row["id"],
            balance=ledger.balance(tx, row["id"], defaults, now),
            paused=row["paused"] is not None,
            songs=row["songs"],
            open_jobs=row["open_jobs"],
            asked_at=None if row["asked_at"] is None else moment(row["asked_at"]),
            allowed=None if row["allowed"] is None else bool(row["allowed"]),
        )
        for row in rows
    ]


def open_jobs(tx: Tx) -> list[OpenJob]:
    """Return unfinished jobs, parked ones included, oldest first."""
    rows = tx.execute(f"SELECT * FROM job WHERE {_UNFINISHED} ORDER BY created_at, id").fetchall()
    return [
        OpenJob(
            id=row["id"],
            guild_id=row["guild_id"],
            state=row["state"],
            parked=row["parked"],
            price=row["price"],
            tries=row["tries"],
            created_at=moment(row["created_at"]),
            due_at=None if row["due_at"] is None else moment(row["due_at"]),
        )
        for row in rows
    ]


def is_known(tx: Tx, guild_id: GuildId) -> bool:
    """Return whether the server has a row."""
    return tx.execute("SELECT 1 FROM guild WHERE id = ?", (guild_id,)).fetchone() is not None


def guild_of(tx: Tx, job_id: JobId) -> GuildId | None:
    """Return the server of a job, or None if the job does not exist."""
    row = tx.execute("SELECT guild_id FROM job WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else GuildId(row["guild_id"])


def parked(tx: Tx, job_id: JobId) -> str | None:
    """Return why the job is parked, or None."""
    row = tx.execute("SELECT parked FROM job WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else row["parked"]


def is_served(tx: Tx, guild_id: GuildId, policy: ServerPolicy) -> bool:
    """Return whether new songs are made for the server.

    The operator's command takes precedence over the settings. A server that is waiting for erasure gets no
    new songs.
    """
    if server_erasure.is_leaving(tx, guild_id):
        return False
    row = tx.execute("SELECT allowed FROM server_rule WHERE guild_id = ?", (guild_id,)).fetchone()
    if row is not None:
        return bool(row["allowed"])
    return guild_id in policy.listed or policy.is_open


def set_allowed(tx: Tx, guild_id: GuildId, now: datetime, *, allowed: bool) -> None:
    """Allow or deny a server, overriding the settings."""
    tx.execute(
        """INSERT INTO server_rule (guild_id, allowed, changed_at) VALUES (?, ?, ?)
           ON CONFLICT (guild_id) DO UPDATE
             SET allowed = excluded.allowed, changed_at = excluded.changed_at""",
        (guild_id, int(allowed), milliseconds(now)),
    )


def credits_this_month(tx: Tx, now: datetime) -> int:
    """Return the cost of all servers' songs and lyrics in this calendar month (UTC), in credits.

    This includes held credits, and refunded ones: the operator has paid for those songs.
    """
    first, after = times.period_days(Period.MONTH, now)
    (total,) = tx.execute(
        "SELECT COALESCE(SUM(credits), 0) FROM day_total WHERE day >= ? AND day < ?", (first, after)
    ).fetchone()
    return int(total) + lyrics_calls.credits_this_month(tx, now)


def newly_passed(tx: Tx, total_max: int, price: int, now: datetime) -> int | None:
    """Return the share of the operator's total newly passed this month, in percent, and record it.

    The total counts as reached once another song at ``price`` would exceed it.
    """
    used = credits_this_month(tx, now)
    passed = SHARE_REACHED if used + price > total_max else 0
    if not passed and used * SHARE_REACHED >= SHARE_WARNED * total_max:
        passed = SHARE_WARNED
    first, _ = times.period_days(Period.MONTH, now)
    month, _, share = (fact(tx, TOTAL_FACT) or "").partition(":")
    recorded = int(share) if month == str(first) else 0
    if passed > recorded:
        remember(tx, TOTAL_FACT, f"{first}:{passed}")
    return passed if passed > recorded else None


def next_month(now: datetime) -> datetime:
    """Return when the next calendar month begins (UTC)."""
    _, after = times.period_days(Period.MONTH, now)
    return times.start_of(after)
