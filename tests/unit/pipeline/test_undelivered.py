"""A song that could not be posted is retried automatically, and never posted twice."""

from bot.model import Job, JobState
from tests import make
from tests.unit.pipeline.rig import Rig
from tests.unit.pipeline.test_maintenance import maintenance

DONE, KEPT = JobState.DELIVERED, JobState.UNDELIVERED
AN_HOUR_S = 3_600


async def nowhere(rig: Rig) -> Job:
    """Return a song accepted by neither its channel nor its member."""
    rig.chat.closed_channels = {make.CHANNEL}
    rig.chat.closed_members = {make.MEMBER}
    job = await rig.ask()
    await rig.until(job, KEPT)
    return job


async def unsure(rig: Rig) -> Job:
    """Return a posted song that cannot be known to be posted: no answer, and an unreadable history."""
    job = await rig.ask()
    rig.chat.on_send = ["lost"]
    rig.chat.no_history = True
    rig.chat.nonces_kept = False
    await rig.until(job, JobState.DELIVERING)
    rig.clock.forward(seconds=60)
    await rig.until(job, KEPT)
    return job


async def hours(rig: Rig, count: int) -> list[int]:
    """Run maintenance for some hours. Return those in which it checked the channel."""
    keeper, looks = maintenance(rig), []
    for hour in range(1, count + 1):
        rig.clock.forward(seconds=AN_HOUR_S)
        rig.chat.looked = []
        await keeper.round()
        await rig.rest(30)
        looks += [hour] * ((make.CHANNEL, True) in rig.chat.looked)
    return looks


async def test_an_undelivered_song_is_posted_once_there_is_a_place(rig: Rig) -> None:
    job = await nowhere(rig)
    await hours(rig, 2)
    rig.chat.closed_channels = set()

    await hours(rig, 1)

    assert (DONE, [make.CHANNEL]) == (await rig.state(job), [post.channel_id for post in rig.chat.posts])
    assert {"hold": 1, "settle": 1} == await rig.books()


async def test_an_undelivered_song_is_retried_hourly_then_daily_then_not(rig: Rig) -> None:
    job = await nowhere(rig)
    sends = rig.chat.sends

    looks = await hours(rig, 24 * 8)

    assert list(range(1, 24)) == [hour for hour in looks if hour < 24]
    assert [1] * 6 == [sum(24 * day <= hour < 24 * (day + 1) for hour in looks) for day in range(1, 7)]
    assert 24 * 7 > max(looks)
    assert (KEPT, sends) == (await rig.state(job), rig.chat.sends)


async def test_a_readable_place_that_accepts_nothing_is_given_up(rig: Rig) -> None:
    job = await nowhere(rig)
    rig.chat.closed_channels = set()
    rig.chat.on_send = ["closed"] * 200

    looks = await hours(rig, 24 * 8)

    assert (KEPT, []) == (await rig.state(job), rig.chat.posts)
    assert 30 >= len(looks)


async def test_a_song_that_arrived_unnoticed_is_found_and_not_reposted(rig: Rig) -> None:
    job = await unsure(rig)
    rig.chat.no_history = False

    await hours(rig, 1)

    assert (DONE, 1, 1) == (await rig.state(job), len(rig.chat.posts), rig.chat.sends)


async def test_nothing_is_posted_automatically_without_a_readable_history(rig: Rig) -> None:
    job = await unsure(rig)

    await hours(rig, 24 * 2)

    assert (KEPT, 1, 1) == (await rig.state(job), len(rig.chat.posts), rig.chat.sends)


async def test_an_outage_during_a_retry_postpones_it(rig: Rig) -> None:
    job = await nowhere(rig)
    rig.chat.down = True
    await hours(rig, 1)
    rig.chat.down, rig.chat.closed_channels = False, set()

    await hours(rig, 1)

    assert (DONE, 1) == (await rig.state(job), len(rig.chat.posts))


async def test_a_song_whose_files_are_gone_is_left_to_a_person(rig: Rig) -> None:
    job = await nowhere(rig)
    for path in rig.spool.folder.iterdir():
        path.unlink()
    rig.chat.closed_channels = set()

    await hours(rig, 2)

    assert (KEPT, []) == (await rig.state(job), rig.chat.posts)


async def test_an_erased_song_is_not_retried(rig: Rig) -> None:
    job = await nowhere(rig)
    rig.chat.closed_channels = set()
    await rig.privacy.delete(job.origin.member_id)

    assert [] == await hours(rig, 2)


async def test_a_person_need_not_wait_for_the_next_retry(rig: Rig) -> None:
    job = await nowhere(rig)
    rig.chat.closed_channels = set()

    await rig.intake.post_again(job.id, job.origin.guild_id)
    await rig.rest(30)

    assert (DONE, 1) == (await rig.state(job), len(rig.chat.posts))
