"""Submission order of queued jobs: servers take turns, and so do the members of a server."""

import json
from collections.abc import Mapping
from typing import TypeAlias

from bot.database.engine import Tx
from bot.model import GuildId, Job, JobId, MemberNumber
from bot.store.times import milliseconds

_Turn: TypeAlias = tuple[int, bool, int, int, JobId]
QUEUED = "state = 'queued' AND due_at IS NOT NULL"
SERVED = "submitted_at IS NOT NULL"
"""SQL condition of the indexes that find when a server or member was last served."""
TIES_MAX = 8
"""Maximum number of servers with the same last service that are compared one by one.

With more, the whole queue is read.
"""


def in_turn(tx: Tx, which: str, values: Mapping[str, object]) -> list[JobId]:
    """Return the queued jobs that meet a condition, in submission order.

    They take turns by server, and within a server by member; the longest unserved goes first.
    """
    waiting = tx.execute(
        f"""SELECT id, guild_id, member_id, created_at FROM job WHERE {QUEUED} AND {which}
            ORDER BY guild_id, member_id, created_at, id""",
        values,
    ).fetchall()
    members = _served(tx, "guild_id, member_id", which, values)
    guilds = _served(tx, "guild_id", which, values)
    by_guild: dict[GuildId, list[tuple[_Turn, JobId]]] = {}
    turn, last = 0, None
    for job_id, guild, member, at in waiting:
        turn = turn + 1 if last == (guild, member) else 1
        last = (guild, member)
        by_guild.setdefault(guild, []).append((_turn(turn, members[last], at, job_id), job_id))
    order: list[tuple[_Turn, JobId]] = []
    for guild, turns in by_guild.items():
        served = guilds[(guild,)]
        for number, ((_, _, _, at, _), job_id) in enumerate(sorted(turns)):
            order.append((_turn(number, served, at, job_id), job_id))
    return [job_id for _, job_id in sorted(order)]


def _turn(number: int, served: int | None, at: int, job_id: JobId) -> "_Turn":
    """Return the sort key of a turn; those never served come before all others."""
    return (number, served is not None, served or 0, at, job_id)


def _served(
    tx: Tx, columns: str, which: str, values: Mapping[str, object]
) -> dict[tuple[int, ...], int | None]:
    """Return when each waiting server, or each waiting member of a server, was last served."""
    same = " AND ".join(f"served.{name} = waiting.{name}" for name in columns.split(", "))
    rows = tx.execute(
        f"""SELECT {columns},
                   (SELECT MAX(submitted_at) FROM job AS served WHERE {same} AND {SERVED}) AS served
            FROM (SELECT DISTINCT {columns} FROM job WHERE {QUEUED} AND {which}) AS waiting""",
        values,
    )
    return {tuple(row)[:-1]: row["served"] for row in rows}


def positions(tx: Tx) -> dict[JobId, int]:
    """Return for each queued job how many others come before it."""
    return {job_id: place for place, job_id in enumerate(in_turn(tx, "TRUE", {}))}


def queue_position(tx: Tx, job: Job) -> int:
    """Return how many queued jobs come before this one.

    Each server's turns are numbered 1, 2, …, and so are each member's within a server. So the jobs ahead of
    this one are those of other servers (or members) with a lower turn number, and those with the same number
    whose server was served earlier. Counting them is enough; reading a long queue in order would cost the
    writer milliseconds per request.
    """
    place = (milliseconds(job.created_at), job.id)
    row = tx.execute(
        f"""SELECT guild_id, member_id,
                  (SELECT COUNT(*) FROM job WHERE {QUEUED} AND guild_id = own.guild_id
                     AND member_id = own.member_id AND (created_at, id) <= (:at, :id)) AS turn
           FROM job AS own WHERE id = :id AND {QUEUED}""",
        {"at": place[0], "id": job.id},
    ).fetchone()
    if row is None:
        return 0
    own_guild = row["guild_id"]
    queued: dict[GuildId, dict[MemberNumber, int]] = {}
    for guild_id, member_id, count in tx.execute(
        f"SELECT guild_id, member_id, COUNT(*) FROM job WHERE {QUEUED} GROUP BY guild_id, member_id"
    ):
        queued.setdefault(guild_id, {})[member_id] = count
    turn = _turn_of_guild(tx, queued[own_guild], own_guild, row["member_id"], row["turn"], place)
    totals = {guild_id: sum(counts.values()) for guild_id, counts in queued.items()}
    ahead = turn - 1 + sum(min(total, turn - 1) for one, total in totals.items() if one != own_guild)
    rivals = [one for one, total in totals.items() if total >= turn and one != own_guild]
    if not rivals:
        return ahead
    served: dict[int, int | None] = dict(
        tx.execute(
            f"""SELECT CAST(value AS BIGINT),
                      (SELECT MAX(submitted_at) FROM job
                       WHERE guild_id = CAST(value AS BIGINT) AND {SERVED})
               FROM json_each(?)""",
            (json.dumps([own_guild, *rivals]),),
        )
    )
    tied = [one for one in rivals if served[one] == served[own_guild]]
    if len(tied) > TIES_MAX:
        return in_turn(tx, "TRUE", {}).index(job.id)
    ahead += sum(_served_before(served[one], served[own_guild]) for one in rivals)
    return ahead + sum(_at_turn(tx, queued[one], one, turn) < place for one in tied)


def _at_turn(tx: Tx, counts: Mapping[MemberNumber, int], guild_id: GuildId, turn: int) -> tuple[int, JobId]:
    """Return the request time and the id of the job at this turn of a server.

    ``counts`` has each member's number of jobs. Members take turns until they have none left.
    """
    skipped, turns, members = turn - 1, 0, len(counts)
    for count in sorted(counts.values()):
        if skipped < (count - turns) * members:
            break
        skipped -= (count - turns) * members
        turns, members = count, members - 1
    turn_of_member = turns + skipped // members + 1
    at, number, _ = tx.execute(
        f"""SELECT job.created_at, job.id,
                  (SELECT MAX(submitted_at) FROM job AS served WHERE served.guild_id = :guild
                     AND served.member_id = job.member_id AND {SERVED}) AS member_served
           FROM json_each(:members) AS waiting JOIN job ON job.id = (
             SELECT nth.id FROM job AS nth WHERE nth.state = 'queued' AND nth.due_at IS NOT NULL
               AND nth.guild_id = :guild AND nth.member_id = CAST(waiting.value AS BIGINT)
             ORDER BY nth.created_at, nth.id LIMIT 1 OFFSET :before)
           ORDER BY member_served NULLS FIRST, job.created_at, job.id LIMIT 1 OFFSET :skipped""",
        {
            "guild": guild_id,
            "members": json.dumps([one for one, count in counts.items() if count >= turn_of_member]),
            "before": turn_of_member - 1,
            "skipped": skipped % members,
        },
    ).fetchone()
    return at, number


def _turn_of_guild(
    tx: Tx,
    counts: Mapping[MemberNumber, int],
    guild_id: GuildId,
    member: MemberNumber,
    turn_of_member: int,
    place: tuple[int, JobId],
) -> int:
    """Return a queued job's turn within its server, beginning with 1.

    ``turn_of_member`` is its turn among its member's jobs there.
    """
    others = {one: count for one, count in counts.items() if one != member}
    turn = turn_of_member + sum(min(count, turn_of_member - 1) for count in others.values())
    rivals = [one for one, count in others.items() if count >= turn_of_member]
    if not rivals:
        return turn
    served: dict[int, int | None] = dict(
        tx.execute(
            f"""SELECT CAST(value AS BIGINT),
                      (SELECT MAX(submitted_at) FROM job
                       WHERE guild_id = :guild AND member_id = CAST(value AS BIGINT) AND {SERVED})
               FROM json_each(:members)""",
            {"guild": guild_id, "members": json.dumps([member, *rivals])},
        )
    )
    earlier: int
    (earlier,) = tx.execute(
        """SELECT COUNT(*) FROM json_each(:tied) AS waiting JOIN job ON job.id = (
             SELECT nth.id FROM job AS nth WHERE nth.state = 'queued' AND nth.due_at IS NOT NULL
               AND nth.guild_id = :guild AND nth.member_id = CAST(waiting.value AS BIGINT)
             ORDER BY nth.created_at, nth.id LIMIT 1 OFFSET :skipped)
           WHERE (job.created_at, job.id) < (:at, :id)""",
        {
            "tied": json.dumps([other for other in rivals if served[other] == served[member]]),
            "guild": guild_id,
            "skipped": turn_of_member - 1,
            "at": place[0],
            "id": place[1],
        },
    ).fetchone()
    return turn + earlier + sum(_served_before(served[other], served[member]) for other in rivals)


def _served_before(one: int | None, other: int | None) -> bool:
    """Return whether one was served earlier than the other; never served counts as earliest."""
    return other is not None and (one is None or one < other)
