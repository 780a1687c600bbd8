"""Rating songs: which presses count, how often, and the pages of the best."""

from datetime import timedelta

import pytest

from bot.errors import StoreBusy
from bot.model import DiscordUserId, InteractionId, Job, JobId, JobState
from bot.refusals import Leaving, TextsGone, TooManyRatings
from bot.services import ratings as module
from bot.services.ratings import Rated, Ratings
from bot.store import members
from bot.store.ratings import Tally
from tests import make
from tests.make import GUILD, MEMBER, OTHER
from tests.unit.pipeline.rig import Rig

LIKED = Rated(liked=True, tally=Tally(likes=1, dislikes=0))
NOTHING = Rated(liked=None, tally=Tally(likes=0, dislikes=0))


@pytest.fixture
def ratings(rig: Rig) -> Ratings:
    return Ratings(rig.database, now=rig.clock)


async def song(rig: Rig) -> Job:
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)
    return await rig.get(job)


async def test_a_press_that_arrives_twice_counts_once(rig: Rig, ratings: Ratings) -> None:
    job = await song(rig)

    results = [
        await ratings.rate(job.id, GUILD, OTHER, InteractionId(press), liked=True) for press in (1, 1, 2, 2)
    ]

    assert [LIKED, LIKED, NOTHING, NOTHING] == results


async def test_a_press_that_failed_counts_when_it_arrives_again(
    rig: Rig, ratings: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = await song(rig)

    async def busy(_: object) -> None:
        raise StoreBusy("locked")

    with monkeypatch.context() as patch:
        patch.setattr(rig.database, "write", busy)
        with pytest.raises(StoreBusy):
            await ratings.rate(job.id, GUILD, OTHER, InteractionId(1), liked=True)

    assert LIKED == await ratings.rate(job.id, GUILD, OTHER, InteractionId(1), liked=True)


async def test_ratings_of_a_member_are_bounded_in_time(
    rig: Rig, ratings: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "RATINGS_MAX", 3)
    job = await song(rig)
    began = rig.clock()
    for press in range(3):
        await ratings.rate(job.id, GUILD, MEMBER, InteractionId(press), liked=True)
        rig.clock.forward(minutes=1)

    with pytest.raises(TooManyRatings) as refused:
        await ratings.rate(job.id, GUILD, MEMBER, InteractionId(9), liked=True)
    await ratings.rate(job.id, GUILD, OTHER, InteractionId(10), liked=True)
    rig.clock.forward(minutes=7)
    await ratings.rate(job.id, GUILD, MEMBER, InteractionId(9), liked=True)

    assert began + module.RATINGS_WITHIN == refused.value.until
    assert (
        Tally(likes=1, dislikes=0)
        == (await ratings.rate(job.id, GUILD, MEMBER, InteractionId(9), liked=True)).tally
    )


async def test_the_number_of_remembered_presses_is_bounded(
    rig: Rig, ratings: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PRESSES_MAX", 5)
    job = await song(rig)
    for person in range(20):
        await ratings.rate(job.id, GUILD, DiscordUserId(20_000 + person), InteractionId(person), liked=True)
        rig.clock.forward(minutes=11)

    assert (5, 1) == (len(ratings._presses), len(ratings._times))


async def test_rating_an_unknown_song_stores_no_member(rig: Rig, ratings: Ratings) -> None:
    with pytest.raises(TextsGone):
        await ratings.rate(JobId(1), GUILD, OTHER, InteractionId(1), liked=True)

    assert members.NOBODY == await rig.database.read(lambda tx: members.known_member(tx, OTHER))


async def test_a_member_being_deleted_cannot_rate(rig: Rig, ratings: Ratings) -> None:
    theirs = await rig.ask(origin=make.origin(member_id=OTHER))
    await rig.until(theirs, JobState.DELIVERED)
    await rig.ask()
    await rig.privacy.delete(MEMBER)

    with pytest.raises(Leaving):
        await ratings.rate(theirs.id, GUILD, MEMBER, InteractionId(1), liked=True)


async def test_the_best_have_pages_and_a_page_too_far_is_the_last(
    rig: Rig, ratings: Ratings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "BEST_PAGE_MAX", 2)
    monkeypatch.setattr(module, "BEST_MAX", 3)
    songs = []
    for press in range(4):
        songs.append(await song(rig))
        rig.clock.forward(minutes=1)
        await ratings.rate(songs[-1].id, GUILD, OTHER, InteractionId(press), liked=True)

    pages = [await ratings.best(GUILD, page) for page in (0, 1, 2, 10**17)]

    first, second = [(1, songs[0].id), (2, songs[1].id)], [(3, songs[2].id)]
    assert [first, first, second, second] == [
        [(one.place, one.song.id) for one in page.songs] for page in pages
    ]
    assert [(1, True), (1, True), (2, False), (2, False)] == [(page.page, page.more) for page in pages]


async def test_a_song_in_a_private_thread_is_not_among_the_best(rig: Rig, ratings: Ratings) -> None:
    job = await song(rig)

    rated = await ratings.rate(job.id, GUILD, OTHER, InteractionId(1), liked=True, listed=False)

    assert (LIKED, ()) == (rated, (await ratings.best(GUILD)).songs)


async def test_a_song_older_than_a_week_is_no_longer_among_the_best(rig: Rig, ratings: Ratings) -> None:
    job = await song(rig)
    await ratings.rate(job.id, GUILD, OTHER, InteractionId(1), liked=True)
    before = await ratings.best(GUILD)
    rig.clock.now = job.created_at + module.WEEK + timedelta(milliseconds=1)

    assert (1, 0) == (len(before.songs), len((await ratings.best(GUILD)).songs))
