"""The order in which queued jobs are submitted: in turns over the servers and their members."""

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
    turn_of_guild = _turn_of_guild(tx, job, row["guild_id"], row["member_id"])
    ahead, own_served = turn_of_guild - 1, None
    others: list[int | None] = []
    for guild_id, count, served in tx.execute(
        f"""SELECT guild_id, COUNT(*) AS count, CASE WHEN COUNT(*) >= :turn THEN (
                SELECT MAX(submitted_at) FROM job AS served
                WHERE served.guild_id = job.guild_id) END AS served
            FROM job WHERE {_QUEUED} GROUP BY guild_id""",
        {"turn": turn_of_guild},
    ):
        if guild_id == row["guild_id"]:
            own_served = served
        else:
            ahead += min(count, turn_of_guild - 1)
            if count >= turn_of_guild:
                others.append(served)
    if own_served in others:  # which of the two jobs was requested earlier has to be read
        ordered = tx.execute(f"{TURNS.format(which='due_at IS NOT NULL')} ORDER BY {IN_TURN}")
        return [each["id"] for each in ordered].index(job.id)
    return ahead + sum(_served_before(served, own_served) for served in others)


def _turn_of_guild(tx: Tx, job: Job, guild_id: int, member_id: int) -> int:
    """Return which of its server's turns a queued job has, beginning with 1."""
    place = {"guild": guild_id, "member": member_id, "at": milliseconds(job.created_at), "id": job.id}
    (turn_of_member,) = tx.execute(
        f"""SELECT COUNT(*) FROM job WHERE {_QUEUED} AND guild_id = :guild AND member_id = :member
              AND (created_at, id) <= (:at, :id)""",
        place,
    ).fetchone()
    counts = {
        other: (count, served)
        for other, count, served in tx.execute(
            f"""SELECT member_id, COUNT(*) AS count, CASE WHEN COUNT(*) >= :turn THEN (
                    SELECT MAX(submitted_at) FROM job AS served
                    WHERE served.guild_id = :guild AND served.member_id = job.member_id) END AS served
                FROM job WHERE {_QUEUED} AND guild_id = :guild GROUP BY member_id""",
            {"guild": guild_id, "turn": turn_of_member},
        )
    }
    _, own_served = counts.pop(member_id)
    turn: int = turn_of_member
    for other, (count, served) in counts.items():
        turn += min(count, turn_of_member - 1)
        if count < turn_of_member:
            continue
        if served != own_served:
            turn += _served_before(served, own_served)
            continue
        (at, number) = tx.execute(
            f"""SELECT created_at, id FROM job WHERE {_QUEUED} AND guild_id = :guild AND member_id = :other
                ORDER BY created_at, id LIMIT 1 OFFSET :skipped""",
            {"guild": guild_id, "other": other, "skipped": turn_of_member - 1},
        ).fetchone()
        turn += (at, number) < (place["at"], place["id"])
    return turn


def _served_before(one: int | None, other: int | None) -> bool:
    """Return whether one was served earlier than the other; who was never served comes first."""
    return other is not None and (one is None or one < other)
