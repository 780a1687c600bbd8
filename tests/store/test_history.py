"""A member's own songs, in pages and by their words."""

from datetime import timedelta

import pytest

from bot.model import Job, JobState, SongRequest
from bot.store import history, jobs, ledger
from bot.store.database import Tx
from tests import make
from tests.make import GUILD, MEMBER, NOW, OTHER
from tests.store.books import RICH, put


def song(tx: Tx, request: SongRequest | None = None, *, minutes: int = 0, **changes: object) -> Job:
    """A song that was delivered."""
    at = NOW + timedelta(minutes=minutes)
    asked = make.reply_to(**changes)
    job = make.job(id=jobs.new_id(), request=request or make.prompt(), reply_to=asked, created_at=at)
    member = ledger.member_number(tx, asked.member_id)
    held = ledger.hold(tx, job.id, asked.guild_id, member, 10, RICH, at)
    jobs.add(tx, job, held, due_at=at)
    return put(tx, job, JobState.DELIVERED, due=False)


def ids(page: history.SongPage) -> list[int]:
    return [job.id for job in page.songs]


def test_pages_lead_to_each_other_newest_first(tx: Tx) -> None:
    there = [song(tx, minutes=number // 2).id for number in range(7)]
    there.sort(key=lambda job_id: (found_at(tx, job_id), job_id), reverse=True)

    first = history.songs(tx, GUILD, MEMBER, size=3)
    second = history.songs(tx, GUILD, MEMBER, size=3, before_id=ids(first)[-1])
    last = history.songs(tx, GUILD, MEMBER, size=3, before_id=ids(second)[-1])
    back = history.songs(tx, GUILD, MEMBER, size=3, after_id=ids(last)[0])

    assert there == ids(first) + ids(second) + ids(last)
    assert ids(second) == ids(back)
    assert [(False, True), (True, True), (True, False), (True, True)] == [
        (page.newer, page.older) for page in (first, second, last, back)
    ]


def found_at(tx: Tx, job_id: int) -> int:
    return int(tx.execute("SELECT created_at FROM job WHERE id = ?", (job_id,)).fetchone()[0])


@pytest.mark.parametrize(
    ("word", "finds"),
    [
        ("STRASSE", True),
        ("straße", True),
        ("ÄÖÜ", True),
        ("夜の", True),
        ("neon rain", True),
        ("rain neon", True),
        ("rain snow", False),
        ("100%", True),
        ("1%0", False),
        ("_", False),
    ],
)
def test_a_word_is_looked_for_in_every_text_whatever_its_case(tx: Tx, word: str, finds: bool) -> None:
    lyrics = "Auf der Straße\näöü 夜の雨 100%"
    wanted = song(tx, make.custom(title="Neon", style="rain", lyrics=lyrics))
    song(tx, make.prompt("something else"))

    assert ([wanted.id] if finds else []) == ids(history.songs(tx, GUILD, MEMBER, size=5, word=word))


def test_a_page_has_only_ones_own_songs_of_this_server_that_were_made(tx: Tx) -> None:
    own = song(tx)
    song(tx, member_id=OTHER)
    song(tx, guild_id=GUILD + 1)
    put(tx, song(tx), JobState.EXPLAINED)

    assert [own.id] == ids(history.songs(tx, GUILD, MEMBER, size=5))
    assert [own.id] == [one.job_id for one in history.choices(tx, GUILD, MEMBER, "", 25)]


def test_choices_are_the_newest_and_no_more_than_fit(tx: Tx) -> None:
    there = [song(tx, make.prompt(f"rain {number}"), minutes=number).id for number in range(30)]

    found = [one.job_id for one in history.choices(tx, GUILD, MEMBER, "RAIN", 25)]

    assert there[:4:-1] == found


def test_a_title_that_is_a_number_is_found_by_it(tx: Tx) -> None:
    wanted = song(tx, make.custom(title="1999"))
    song(tx, make.custom(title="In 1999 and after"), minutes=1)

    found = history.find(tx, GUILD, MEMBER, " 1999 ")

    assert found is not None
    assert wanted.id == found.id


@pytest.mark.parametrize("typed", ["", "  ", "snow", "9" * 30, "-1"])
def test_what_is_not_there_is_not_found(tx: Tx, typed: str) -> None:
    song(tx, make.custom(title="Rain"))

    assert None is history.find(tx, GUILD, MEMBER, typed)


def test_a_song_without_words_is_still_in_the_list(tx: Tx) -> None:
    old = song(tx)
    tx.execute("DELETE FROM song")

    assert [old.id] == ids(history.songs(tx, GUILD, MEMBER, size=5))
    assert [""] == [one.song for one in history.choices(tx, GUILD, MEMBER, "", 25)]


def test_songs_in_the_making_are_those_that_are_not_done_parked_ones_too(tx: Tx) -> None:
    queued, parked = song(tx, minutes=1), song(tx, minutes=2)
    song(tx)
    tx.execute("UPDATE job SET state = 'queued', due_at = 1 WHERE id = ?", (queued.id,))
    tx.execute("UPDATE job SET state = 'running', parked = 'slow', due_at = NULL WHERE id = ?", (parked.id,))

    assert [queued.id, parked.id] == [job.id for job in history.in_the_making(tx, GUILD, MEMBER)]
