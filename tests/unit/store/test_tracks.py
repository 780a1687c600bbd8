"""The tracks of jobs: takes, their files, and which of these may be removed."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.database.sqlite import Tx
from bot.model import Job, JobState
from bot.store import tracks
from tests.make import NOW
from tests.unit.store.rows import EPOCH, VIOLATED, added, claimed, found, put, track


def takes(tx: Tx, job: Job) -> list[int]:
    return [there.take for there in found(tx, job).tracks]


@pytest.mark.parametrize(
    ("hashes", "left"),
    [
        ("", []),
        ("a", [1]),
        ("ab", [1, 2]),
        ("aa", [1]),
        ("aba", [1, 2]),
        ("aabb", [1, 3]),
        ("aaaa", [1]),
        ("abcd", [1, 2, 3, 4]),
    ],
)
def test_takes_with_the_same_bytes_are_one_track(tx: Tx, hashes: str, left: list[int]) -> None:
    job, other = added(tx), added(tx)
    for take, sha256 in enumerate(hashes, start=1):
        tracks.add_track(tx, job, track(take, sha256=sha256))
    tracks.add_track(tx, other, track(1, sha256="a"))

    tracks.drop_equal_tracks(tx, job.id)

    assert left == takes(tx, job)
    assert [1] == takes(tx, other)


def test_a_late_take_from_an_earlier_attempt_changes_nothing(tx: Tx) -> None:
    job = added(tx)
    (first,) = claimed(tx)
    (second,) = claimed(tx, epoch=EPOCH + 1)

    assert [False, True] == [tracks.add_track(tx, one, track(1)) for one in (first, second)]
    assert not tracks.add_track(tx, first, track(1, sha256="late"))
    assert (track(1),) == found(tx, job).tracks


def test_a_refetched_take_replaces_itself(tx: Tx) -> None:
    job = added(tx)
    tracks.add_track(tx, job, track(1))

    tracks.add_track(tx, job, track(1, size_bytes=6_000, sha256="new"))

    assert (track(1, size_bytes=6_000, sha256="new"),) == found(tx, job).tracks


@pytest.mark.parametrize("odd", [{"take": 0}, {"take": 5}, {"size_bytes": 0}])
def test_the_schema_rejects_an_impossible_track(tx: Tx, odd: dict[str, object]) -> None:
    job = added(tx)

    with pytest.raises(VIOLATED):
        tracks.add_track(tx, job, replace(track(), **odd))


def test_files_may_be_removed_some_time_after_the_end_of_their_job(tx: Tx) -> None:
    for number, state in enumerate(JobState):
        job = put(tx, added(tx, channel_id=number), state)
        tracks.add_track(tx, job, track(file=f"{state}.mp3"))
    every = frozenset(f"{state}.mp3" for state in JobState)
    over = frozenset({"delivered.mp3", "undelivered.mp3", "explained.mp3"})

    assert (every, frozenset[str]()) == tracks.files(tx, every, NOW)
    assert (every, over) == tracks.files(tx, every, NOW + timedelta(seconds=1))


def test_files_not_asked_about_are_not_searched_for(tx: Tx) -> None:
    tracks.add_track(tx, put(tx, added(tx), JobState.DELIVERED), track(file="a.mp3"))

    assert (frozenset(), frozenset()) == tracks.files(tx, ["b.mp3", "a.mp3.part"], NOW + timedelta(seconds=1))


def test_a_file_that_was_fetched_again_is_recorded_under_its_take(tx: Tx) -> None:
    job = added(tx)
    tracks.add_track(tx, job, track())
    again = track(file="1.wav", size_bytes=6_000, sha256="b", url="https://files.example/2")

    assert tracks.found_again(tx, job.id, again)
    assert (again,) == found(tx, job).tracks


def test_a_track_deleted_meanwhile_stays_deleted(tx: Tx) -> None:
    job = added(tx)

    assert not tracks.found_again(tx, job.id, track())
    assert () == found(tx, job).tracks
