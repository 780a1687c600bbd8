"""The order in which queued jobs are submitted: in turns over the servers and their members."""

import json

from bot.database.engine import Tx
from bot.model import Job
from bot.store.times import milliseconds

# Queued jobs take turns by server, and within a server by member; the longest unserved comes first.
TURNS = """
  SELECT *, ROW_NUMBER() OVER (
           PARTITION BY guild_id
           ORDER BY turn_of_member, member_served NULLS FIRST, created_at, id) AS turn_of_guild
  FROM (SELECT id, guild_id, created_at,
               ROW_NUMBER() OVER (PARTITION BY guild_id, member_id ORDER BY created_at, id) AS turn_of_member,
               (SELECT MAX(submitted_at) FROM job AS served WHERE served.guild_id = job.guild_id
                  AND served.member_id = job.member_id) AS member_served,
               (SELECT MAX(submitted_at) FROM job AS served WHERE served.guild_id = job.guild_id)
                 AS guild_served
        FROM job WHERE state = 'queued' AND {which}) AS waiting"""
_QUEUED = "state = 'queued' AND due_at IS NOT NULL"
TIES_MAX = 8
"""Servers served at the same moment that are compared one by one; with more, the whole queue is read."""
IN_TURN = "turn_of_guild, guild_served NULLS FIRST, created_at, id"


def queue_position(tx: Tx, job: Job) -> int:
    """Return how many queued jobs come before this one.

    Each server's turns are numbered 1, 2, …, and so are each member's within a server. So of every other
    server (or member) the jobs with a lower number than this job's come first, and of those with the same
    number one that was served earlier. That only takes counting; reading all of a long queue in order would
    take the writer milliseconds for each request.
    """
    row = tx.execute(
        "SELECT guild_id, member_id FROM job WHERE id = ? AND state = 'queued' AND due_at IS NOT NULL",
        (job.id,),
    ).fetchone()
    if row is None:
        return 0
    own_guild, place = row["guild_id"], (milliseconds(job.created_at), job.id)
    queued: dict[int, dict[int, int]] = {}
    for guild_id, member_id, count in tx.execute(
        f"SELECT guild_id, member_id, COUNT(*) FROM job WHERE {_QUEUED} GROUP BY guild_id, member_id"
    ):
        queued.setdefault(guild_id, {})[member_id] = count
    turn = _turn_of_guild(tx, queued[own_guild], own_guild, row["member_id"], place)
    totals = {guild_id: sum(counts.values()) for guild_id, counts in queued.items()}
    ahead = turn - 1 + sum(min(total, turn - 1) for one, total in totals.items() if one != own_guild)
    rivals = [one for one, total in totals.items() if total >= turn and one != own_guild]
    if not rivals:
        return ahead
    served: dict[int, int | None] = dict(
        tx.execute(
            """SELECT CAST(value AS BIGINT),
                      (SELECT MAX(submitted_at) FROM job WHERE guild_id = CAST(value AS BIGINT))
               FROM json_each(?)""",
            (json.dumps([own_guild, *rivals]),),
        )
    )
    tied = [one for one in rivals if served[one] == served[own_guild]]
    if len(tied) > TIES_MAX:
        ordered = tx.execute(f"{TURNS.format(which='due_at IS NOT NULL')} ORDER BY {IN_TURN}")
        return [each["id"] for each in ordered].index(job.id)
    ahead += sum(_served_before(served[one], served[own_guild]) for one in rivals)
    return ahead + sum(_at_turn(tx, queued[one], one, turn) < place for one in tied)


def _at_turn(tx: Tx, counts: dict[int, int], guild_id: int, turn: int) -> tuple[int, int]:
    """Return when the job that has this turn of a server was requested, and its number.

    ``counts`` says how many jobs each member has. They take turns until they have none left.
    """
    skipped, turns, members = turn - 1, 0, len(counts)
    for count in sorted(counts.values()):
        if skipped < (count - turns) * members:
            break
        skipped -= (count - turns) * members
        turns, members = count, members - 1
    turn_of_member = turns + skipped // members + 1
    at, number, _ = tx.execute(
        """SELECT job.created_at, job.id,
                  (SELECT MAX(submitted_at) FROM job AS served WHERE served.guild_id = :guild
                     AND served.member_id = job.member_id) AS member_served
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
    tx: Tx, counts: dict[int, int], guild_id: int, member_id: int, place: tuple[int, int]
) -> int:
    """Return which of its server's turns a queued job has, beginning with 1."""
    turn_of_member: int
    (turn_of_member,) = tx.execute(
        f"""SELECT COUNT(*) FROM job WHERE {_QUEUED} AND guild_id = :guild AND member_id = :member
              AND (created_at, id) <= (:at, :id)""",
        {"guild": guild_id, "member": member_id, "at": place[0], "id": place[1]},
    ).fetchone()
    others = {one: count for one, count in counts.items() if one != member_id}
    turn = turn_of_member + sum(min(count, turn_of_member - 1) for count in others.values())
    rivals = [one for one, count in others.items() if count >= turn_of_member]
    if not rivals:
        return turn
    served: dict[int, int | None] = dict(
        tx.execute(
            """SELECT CAST(value AS BIGINT),
                      (SELECT MAX(submitted_at) FROM job
                       WHERE guild_id = :guild AND member_id = CAST(value AS BIGINT))
               FROM json_each(:members)""",
            {"guild": guild_id, "members": json.dumps([member_id, *rivals])},
        )
    )
    for other in rivals:
        if served[other] != served[member_id]:
            turn += _served_before(served[other], served[member_id])
            continue
        (at, number) = tx.execute(
            f"""SELECT created_at, id FROM job WHERE {_QUEUED} AND guild_id = :guild AND member_id = :other
                ORDER BY created_at, id LIMIT 1 OFFSET :skipped""",
            {"guild": guild_id, "other": other, "skipped": turn_of_member - 1},
        ).fetchone()
        turn += (at, number) < place
    return turn


def _served_before(one: int | None, other: int | None) -> bool:
    """Return whether one was served earlier than the other; who was never served comes first."""
    return other is not None and (one is None or one < other)
