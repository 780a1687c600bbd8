"""The work of a fleet is divided completely: each job, card and file has exactly one slot."""

import pytest

from bot.database.share import EVERYTHING, Share
from bot.database.sqlite import Tx
from bot.model import GuildId, Job, JobState
from bot.store import claims, erasure, job_cards
from tests.make import NOW
from tests.unit.store.rows import ALL, EPOCH, HORIZON, added, claim_due, put

SLOTS = 3
FLEET = [Share(slot=slot, slots=SLOTS) for slot in range(SLOTS)]
PAID_FOR = (JobState.QUEUED, JobState.SUBMITTING)
GUILDS = [GuildId((7 + n) << 22) for n in range(2 * SLOTS)]


def in_each_server(tx: Tx, state: JobState) -> list[Job]:
    """Return a due job in this state for each server."""
    made = [added(tx, guild_id=guild, channel_id=guild + 1) for guild in GUILDS]
    return [put(tx, job, state) for job in made]


@pytest.mark.parametrize("state", [state for state in JobState if state not in PAID_FOR])
def test_each_job_is_claimed_by_the_slot_of_its_server(tx: Tx, state: JobState) -> None:
    in_each_server(tx, state)

    for share in FLEET:
        claimed = claim_due(tx, ALL, EPOCH, NOW, HORIZON, 100, share=share)

        assert {guild for guild in GUILDS if share.owns(guild)} == {job.origin.guild_id for job in claimed}


@pytest.mark.parametrize("state", PAID_FOR)
def test_jobs_to_be_paid_for_are_only_claimed_by_slot_0(tx: Tx, state: JobState) -> None:
    made = in_each_server(tx, state)

    counts = [len(claim_due(tx, ALL, EPOCH, NOW, HORIZON, 100, share=share)) for share in reversed(FLEET)]

    assert [0, 0, len(made)] == counts


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
def test_no_slot_wakes_for_another_slots_work(tx: Tx, state: JobState) -> None:
    job = put(tx, added(tx, guild_id=GUILDS[0], channel_id=1), state)
    tx.execute("UPDATE job SET card_due_at = NULL")
    owner = 0 if state in PAID_FOR else next(one.slot for one in FLEET if one.owns(job.origin.guild_id))

    due = [claims.next_due(tx, EPOCH, share=share) for share in FLEET]

    assert [NOW if slot == owner else None for slot in range(SLOTS)] == due


def test_each_card_is_edited_by_the_slot_of_its_server(tx: Tx) -> None:
    made = in_each_server(tx, JobState.RUNNING)

    cards = [[job.id for job in job_cards.cards_due(tx, NOW, 100, share)] for share in FLEET]

    assert [[job.id for job in made if share.owns(job.origin.guild_id)] for share in FLEET] == [
        sorted(ids, key=[job.id for job in made].index) for ids in cards
    ]


def test_a_slot_wakes_for_the_cards_of_its_own_servers(tx: Tx) -> None:
    put(tx, added(tx, guild_id=GUILDS[0], channel_id=1), JobState.RUNNING, due=False)

    due = [claims.next_due(tx, EPOCH, share=share) for share in FLEET]

    assert [NOW if share.owns(GUILDS[0]) else None for share in FLEET] == due


def test_erased_files_are_removed_by_the_slot_of_their_server(tx: Tx) -> None:
    made = in_each_server(tx, JobState.DELIVERED)
    erasure.blank(tx, [job.id for job in made])

    files = [erasure.files_of(tx, 100, share) for share in FLEET]

    assert [sorted(job.id for job in made if share.owns(job.origin.guild_id)) for share in FLEET] == files


def test_a_process_alone_has_every_server() -> None:
    assert all(EVERYTHING.owns(guild) for guild in GUILDS)
    assert EVERYTHING.leads


@pytest.mark.parametrize("count", [SLOTS, 2 * SLOTS, 5 * SLOTS])
def test_a_server_and_its_shard_belong_to_one_slot(count: int) -> None:
    shards = [share.shards(count) for share in FLEET]

    assert list(range(count)) == sorted(shard for some in shards for shard in some)
    for guild in GUILDS:
        shard = (guild >> 22) % count
        assert [share.owns(guild) for share in FLEET] == [shard in some for some in shards]
