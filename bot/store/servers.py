"""What the one who hosts the bot reads: servers with what they used, and jobs that are not at their end."""

from dataclasses import dataclass
from datetime import datetime

from bot.database.sqlite import Tx
from bot.model import Balance, GuildId, JobId
from bot.store import ledger
from bot.store.ledger import Defaults
from bot.store.times import moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One server's credits and songs."""

    id: int
    balance: Balance
    paused: bool
    songs: int
    """That came to be, ever."""
    open_jobs: int
    asked_at: datetime | None
    """When the last song was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenJob:
    """A job for which something is still to be done, by the bot or by a person."""

    id: int
    guild_id: GuildId
    state: str
    parked: str | None
    """Why the bot does nothing more by itself."""
    price: int
    tries: int
    created_at: datetime
    due_at: datetime | None


_SONGS = "'stored', 'delivering', 'delivered', 'undelivered'"
_UNFINISHED = "state NOT IN ('delivered', 'explained', 'undelivered')"


def servers(tx: Tx, defaults: Defaults, now: datetime) -> list[Server]:
    """Every server that the books know; who asked last comes first."""
    rows = tx.execute(
        f"""SELECT guild.id, guild.paused, MAX(job.created_at) AS asked_at,
                   COUNT(*) FILTER (WHERE state IN ({_SONGS})) AS songs,
                   COUNT(*) FILTER (WHERE {_UNFINISHED}) AS open_jobs
            FROM guild LEFT JOIN job ON job.guild_id = guild.id
            GROUP BY guild.id ORDER BY asked_at DESC NULLS LAST, guild.id"""
    ).fetchall()
    return [
        Server(
            id=row["id"],
            balance=ledger.balance(tx, row["id"], defaults, now),
            paused=row["paused"] is not None,
            songs=row["songs"],
            open_jobs=row["open_jobs"],
            asked_at=None if row["asked_at"] is None else moment(row["asked_at"]),
        )
        for row in rows
    ]


def open_jobs(tx: Tx) -> list[OpenJob]:
    """Jobs that are not at their end, the oldest first; parked ones too."""
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
    """Whether the books know this server."""
    return tx.execute("SELECT 1 FROM guild WHERE id = ?", (guild_id,)).fetchone() is not None


def guild_of(tx: Tx, job_id: JobId) -> int | None:
    """The server of a job, if there is such a job."""
    row = tx.execute("SELECT guild_id FROM job WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else int(row["guild_id"])


def parked(tx: Tx, job_id: JobId) -> str | None:
    """Why the bot does nothing more for this job by itself."""
    row = tx.execute("SELECT parked FROM job WHERE id = ?", (job_id,)).fetchone()
    return None if row is None else row["parked"]
