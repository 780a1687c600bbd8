"""Members' ratings of songs: one rating each, the ranking, and the effect of a deletion."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from bot.database.sqlite import Tx
from bot.model import DiscordUserId, GuildId, Job, JobId, JobState, MemberNumber
from bot.store import erasure, job_cards, members, ratings, server_erasure
from bot.store.ratings import Tally
from bot.store.reconcile import reconcile
from tests.make import CHANNEL, GUILD, MEMBER, NOW, OTHER
from tests.unit.store.rows import added, found, put, settled

WEEK_AGO = NOW - timedelta(days=7)
ELSEWHERE = GuildId(GUILD + 1)
RATER = 20_000
"""Discord id of the first of many raters."""


def song(tx: Tx, *, at: datetime = NOW, direct: bool = False, **changes: Any) -> Job:  # noqa: ANN401 - those of make.origin
    """Return a delivered song with its message."""
    job = added(tx, at=at, **changes)
    settled(tx, job)
    put(tx, job, JobState.DELIVERED, due=False)
    tx.execute(
        """UPDATE job SET message_id = :id, delivery_channel_id = :channel, delivery_direct = :direct,
                          delivery_started_at = state_since WHERE id = :id""",
        {"id": job.id, "channel": CHANNEL, "direct": int(direct)},
    )
    return found(tx, job)


def number(tx: Tx, discord_id: int = MEMBER) -> MemberNumber:
    return members.member_number(tx, DiscordUserId(discord_id))


def rated(tx: Tx, job: Job, likes: int, dislikes: int = 0) -> Job:
    """Let a number of members rate the song."""
    for rater in range(likes + dislikes):
        ratings.rate(tx, job.id, number(tx, RATER + rater), NOW, liked=rater < likes)
    return job


def best(tx: Tx, guild_id: GuildId = GUILD) -> list[JobId]:
    return [one.job_id for one in ratings.best(tx, guild_id, WEEK_AGO, 50)]


@pytest.mark.parametrize(
    ("presses", "stands", "tally"),
    [
        ([True], True, (1, 0)),
        ([False], False, (0, 1)),
        ([True, True], None, (0, 0)),
        ([False, False], None, (0, 0)),
        ([True, False], False, (0, 1)),
        ([False, True], True, (1, 0)),
        ([True, True, True], True, (1, 0)),
    ],
)
def test_a_member_has_one_rating_of_a_song(
    tx: Tx, presses: list[bool], stands: bool | None, tally: tuple[int, int]
) -> None:
    job = song(tx)
    ratings.rate(tx, job.id, number(tx, OTHER), NOW, liked=True)

    rows = [ratings.rate(tx, job.id, number(tx), NOW, liked=liked) for liked in presses]

    likes, dislikes = tally
    assert (stands, stands) == (rows[-1], ratings.rating(tx, job.id, number(tx)))
    assert Tally(likes=likes + 1, dislikes=dislikes) == ratings.tally(tx, job.id)


def test_more_ratings_with_the_same_share_rank_higher(tx: Tx) -> None:
    one, many = rated(tx, song(tx), 1), rated(tx, song(tx), 8)
    mixed = rated(tx, song(tx), 5, 4)
    loud, loved = rated(tx, song(tx), 19, 11), rated(tx, song(tx), 9, 1)

    assert [many.id, loved.id, loud.id, mixed.id, one.id] == best(tx)


def test_a_tie_is_broken_by_time_and_then_by_id(tx: Tx) -> None:
    late, early = song(tx), song(tx, at=NOW - timedelta(hours=1))
    same = song(tx)
    for job in (late, early, same):
        rated(tx, job, 2, 1)

    assert [early.id, *sorted([late.id, same.id])] == best(tx)


def test_only_liked_songs_of_this_server_and_this_week_are_ranked(tx: Tx) -> None:
    rated(tx, song(tx, at=WEEK_AGO - timedelta(milliseconds=1)), 3)
    rated(tx, song(tx, guild_id=ELSEWHERE), 3)
    rated(tx, song(tx), 0, 3)
    song(tx)
    first = rated(tx, song(tx, at=WEEK_AGO), 1)

    assert [first.id] == best(tx)


def test_a_song_without_a_message_in_the_server_is_not_ranked(tx: Tx) -> None:
    rated(tx, song(tx, direct=True), 3)
    deleted = rated(tx, song(tx), 3)
    undelivered = rated(tx, song(tx), 3)
    tx.execute("UPDATE job SET state = 'undelivered' WHERE id = ?", (undelivered.id,))
    assert [deleted.id] == best(tx)

    assert deleted.message_id is not None
    job_cards.message_gone(tx, deleted.id, deleted.message_id, NOW)

    assert [] == best(tx)


def test_a_song_rated_in_a_private_thread_is_not_ranked(tx: Tx) -> None:
    hidden, shown = rated(tx, song(tx), 3), rated(tx, song(tx), 1)

    ratings.rate(tx, hidden.id, number(tx), NOW, liked=True, listed=False)

    assert [shown.id] == best(tx)


def test_only_finished_songs_of_the_server_are_rated(tx: Tx) -> None:
    there, waiting, failed, erased = song(tx), added(tx), added(tx), song(tx, member_id=OTHER)
    put(tx, failed, JobState.FAILED)
    erasure.erase(tx, number(tx, OTHER), NOW)

    assert [True, False, False, False] == [
        ratings.may_be_rated(tx, GUILD, job.id) for job in (there, waiting, failed, erased)
    ]
    assert [False, False] == [
        ratings.may_be_rated(tx, ELSEWHERE, there.id),
        ratings.may_be_rated(tx, GUILD, JobId(1)),
    ]


@pytest.mark.parametrize("whose", ["song", "rating"])
def test_a_deletion_removes_ratings_of_the_songs_and_by_the_member(tx: Tx, whose: str) -> None:
    mine, theirs = song(tx), song(tx, member_id=OTHER)
    for job in (mine, theirs):
        for person in (MEMBER, OTHER):
            ratings.rate(tx, job.id, number(tx, person), NOW, liked=True)

    erasure.erase(tx, number(tx, MEMBER if whose == "song" else OTHER), NOW)

    left = theirs if whose == "song" else mine
    assert [left.id] == best(tx)
    assert [(left.id, 1)] == [
        tuple(row) for row in tx.execute("SELECT job_id, COUNT(*) FROM rating GROUP BY job_id")
    ]


def test_a_member_who_only_rated_leaves_nothing_after_a_deletion(tx: Tx) -> None:
    job = song(tx, member_id=OTHER)
    ratings.rate(tx, job.id, number(tx), NOW, liked=True)

    erasure.erase(tx, number(tx), NOW)

    assert Tally(likes=0, dislikes=0) == ratings.tally(tx, job.id)
    assert members.NOBODY == members.known_member(tx, MEMBER)


def test_ratings_are_deleted_with_the_texts_of_the_song(tx: Tx) -> None:
    job = rated(tx, song(tx), 2)

    erasure.drop_outlived(tx, [job.id])

    assert ([], False) == (best(tx), ratings.may_be_rated(tx, GUILD, job.id))


def test_a_forgotten_server_loses_its_ratings_and_mere_raters(
    tx: Tx, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_erasure, "BATCH_MAX", 2)
    rated(tx, song(tx), 3)
    there = song(tx, guild_id=ELSEWHERE, member_id=OTHER)
    ratings.rate(tx, there.id, number(tx, RATER), NOW, liked=True)
    before = server_erasure.stored(tx, GUILD).members

    server_erasure.begin(tx, GUILD, NOW)
    while server_erasure.erase_batch(tx, GUILD, NOW):
        continue

    known = [row[0] for row in tx.execute("SELECT discord_id FROM member WHERE discord_id IS NOT NULL")]
    assert 3 == before
    assert sorted([OTHER, RATER]) == sorted(known)
    assert [there.id] == best(tx, ELSEWHERE)


def test_tallies_equal_a_count_of_the_ratings(tx: Tx) -> None:
    songs = [rated(tx, song(tx), likes, dislikes) for likes, dislikes in ((3, 2), (0, 1), (1, 0))]
    ratings.rate(tx, songs[0].id, number(tx, RATER), NOW, liked=False, listed=False)
    ratings.rate(tx, songs[2].id, number(tx, RATER), NOW, liked=True)
    ratings.drop_of_member(tx, number(tx, RATER + 1))

    rows = tx.execute("SELECT job_id, likes, dislikes, unlisted FROM song_tally").fetchall()
    assert {(songs[0].id, 1, 3, 1), (songs[1].id, 0, 1, 0)} == {tuple(row) for row in rows}
    assert () == reconcile(tx).findings


def test_a_wrong_tally_is_detected(tx: Tx) -> None:
    one = rated(tx, song(tx), 2)
    tx.execute("UPDATE song_tally SET likes = likes - 1")

    assert (f"job {one.id}: the counted ratings differ from the members' ratings",) == reconcile(tx).findings
