"""The choice of the next queued song."""

import random
from datetime import timedelta

import pytest

from bot.database.sqlite import Tx
from bot.model import Backend, Job, JobState
from bot.store import jobs, queue_order
from tests.make import GUILD, MEMBER, NOW
from tests.unit.store.rows import EPOCH, HORIZON, added, claim_due, put
from tests.unit.store.test_jobs import SECOND

QUEUED = frozenset({JobState.QUEUED})
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
        FROM job WHERE state = 'queued' AND due_at IS NOT NULL) AS waiting
  ORDER BY turn_of_guild, guild_served NULLS FIRST, created_at, id"""

"""The order of the queue, formulated differently than in the store."""


def asked(tx: Tx, second: int, guild: int = GUILD, member: int = MEMBER) -> Job:
    return added(tx, at=NOW + second * SECOND, due_at=NOW, guild_id=guild, member_id=member)


def next_ones(tx: Tx, limit: int = 100) -> list[int]:
    """Claim the next jobs and return them."""
    claimed = claim_due(tx, QUEUED, EPOCH, NOW, HORIZON, limit)
    for second, job in enumerate(claimed):
        count = tx.execute("SELECT COUNT(submitted_at) FROM job").fetchone()[0]
        at = NOW + timedelta(milliseconds=count)
        change = jobs.JobChange(submitted_at=at, backend=Backend.SSEEDANCE)
        assert jobs.move(tx, job, JobState.SUBMITTING, now=NOW + second * SECOND, due_at=NOW, **change)
    return [job.id for job in claimed]


def test_fifty_songs_of_one_server_do_not_delay_the_first_of_another(tx: Tx) -> None:
    many = [asked(tx, n) for n in range(50)]
    one = asked(tx, 60, guild=GUILD + 1)

    assert [many[0].id, one.id, many[1].id, many[2].id] == next_ones(tx, 4)


def test_long_queues_elsewhere_do_not_delay_a_new_servers_first_song(tx: Tx) -> None:
    for guild in range(4):
        for n in range(10):
            asked(tx, n, guild=GUILD + guild)
    next_ones(tx, 4)
    one = asked(tx, 60, guild=GUILD + 9)

    assert one.id == next_ones(tx, 4)[0]


def test_the_members_of_a_server_take_turns(tx: Tx) -> None:
    first, second, third = (asked(tx, n, member=1) for n in range(3))
    other = asked(tx, 9, member=2)

    assert [first.id, other.id, second.id, third.id] == next_ones(tx)


def test_the_member_served_longest_ago_comes_first(tx: Tx) -> None:
    asked(tx, 0)
    asked(tx, 1, guild=GUILD + 1)
    next_ones(tx, 1)
    again = asked(tx, 2)
    other = asked(tx, 3, guild=GUILD + 1)

    assert [again.id, other.id] == next_ones(tx)[-2:]


def test_a_single_member_is_served_in_the_order_of_the_requests(tx: Tx) -> None:
    made = [asked(tx, n) for n in (2, 0, 1)]

    assert [made[1].id, made[2].id, made[0].id] == next_ones(tx)


@pytest.mark.parametrize("limit", [0, 1, 2])
def test_at_most_the_requested_number_is_claimed(tx: Tx, limit: int) -> None:
    for n in range(3):
        asked(tx, n)

    assert limit == len(next_ones(tx, limit))


def test_the_place_in_the_queue_counts_turns(tx: Tx) -> None:
    many = [asked(tx, n) for n in range(3)]
    one = asked(tx, 60, guild=GUILD + 1)

    assert [0, 2, 3, 1] == [queue_order.queue_position(tx, job) for job in [*many, one]]
    assert 0 == queue_order.queue_position(tx, put(tx, one, JobState.RUNNING))


def in_order(tx: Tx) -> list[int]:
    """Return the queued jobs in the order in which they are claimed."""
    return [row["id"] for row in tx.execute(TURNS)]


@pytest.mark.parametrize("seed", range(25))
def test_every_place_in_the_queue_matches_the_order(tx: Tx, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - no secret
    guilds, members = chance.randint(1, 4), chance.randint(1, 4)
    made = []
    for n in range(chance.randint(1, 24)):
        guild, member = GUILD + chance.randrange(guilds), 1 + chance.randrange(members)
        made.append(asked(tx, chance.choice([n, n // 3]), guild=guild, member=member))
        if chance.random() < 0.3:
            next_ones(tx, 1)
    queued = [job for job in made if job.id in in_order(tx)]

    assert {id_: place for place, id_ in enumerate(in_order(tx))} == {
        job.id: queue_order.queue_position(tx, job) for job in queued
    }
