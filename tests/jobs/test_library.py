"""Earlier songs are found, and brought from wherever their audio still is."""

import asyncio

import pytest

from bot.errors import CantPost, NoDirectMessages, SongGone, SongUnknown, Transient
from bot.model import Job, JobState
from tests import make
from tests.jobs.doubles import SONG
from tests.jobs.rig import Rig

ATTACHED = SONG + b"as it was attached"
HERE = 8_001


async def made(rig: Rig) -> Job:
    """A song that was posted."""
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)
    rig.finish()
    await rig.until(job, JobState.DELIVERED)
    return await rig.get(job)


def empty_spool(rig: Rig) -> None:
    for path in rig.spool.folder.iterdir():
        path.unlink()


async def brought(rig: Rig, job: Job) -> list[bytes]:
    """What each take of the song is, as it is brought now."""
    files = await rig.library().files(await rig.get(job))
    assert all(path.stat().st_size == track.size_bytes for track, path in files)
    return [path.read_bytes() for _, path in files]


async def test_a_song_comes_from_the_spool_as_long_as_it_is_there(rig: Rig) -> None:
    job = await made(rig)
    downloads = rig.music.downloads

    assert 2 == len(await brought(rig, job))
    assert downloads == rig.music.downloads


async def test_what_left_the_spool_comes_from_the_message_and_stays_for_the_next_time(rig: Rig) -> None:
    job = await made(rig)
    rig.chat.attachments = {1: ATTACHED + b"1", 2: ATTACHED + b"2"}
    empty_spool(rig)
    downloads = rig.music.downloads

    first = await brought(rig, job)
    rig.chat.attachments = {}

    assert [ATTACHED + b"1", ATTACHED + b"2"] == first == await brought(rig, job)
    assert downloads == rig.music.downloads


@pytest.mark.parametrize("why", ["deleted", "no history", "no file", "no audio", "down"])
async def test_without_the_message_it_comes_from_the_music_service(rig: Rig, why: str) -> None:
    job = await made(rig)
    empty_spool(rig)
    rig.chat.attachments = {} if why == "no file" else {1: b"<html>" * 1_000, 2: b""}
    rig.chat.no_history = why == "no history"
    rig.chat.down = why == "down"
    if why == "deleted":
        rig.chat.posts.clear()

    assert [SONG + b"/task-1-1.mp3", SONG + b"/task-1-2.mp3"] == await brought(rig, job)


async def test_an_address_that_was_replaced_is_asked_for_anew(rig: Rig) -> None:
    job = await made(rig)
    empty_spool(rig)
    rig.music.audio = {"/task-1-1.mp3": 404, "/task-1-2.mp3": 404}
    rig.task.urls = [f"https://audio.example.com/moved-{take}.mp3" for take in (1, 2)]

    assert [SONG + b"/moved-1.mp3", SONG + b"/moved-2.mp3"] == await brought(rig, job)


async def test_what_is_gone_everywhere_is_said_to_be_gone(rig: Rig) -> None:
    job = await made(rig)
    empty_spool(rig)
    rig.music.audio = {"/task-1-1.mp3": 404, "/task-1-2.mp3": 404}

    with pytest.raises(SongGone):
        await brought(rig, job)


async def test_what_may_be_at_a_place_that_is_down_is_not_said_to_be_gone(rig: Rig) -> None:
    job = await made(rig)
    empty_spool(rig)
    rig.music.audio = {"/task-1-1.mp3": 404, "/task-1-2.mp3": 404}
    rig.chat.down = True

    with pytest.raises(Transient):
        await brought(rig, job)


async def test_one_take_that_is_there_is_brought_alone(rig: Rig) -> None:
    job = await made(rig)
    empty_spool(rig)
    rig.music.audio = {"/task-1-1.mp3": 404}

    assert [SONG + b"/task-1-2.mp3"] == await brought(rig, job)


async def test_two_at_once_fetch_a_song_once(rig: Rig) -> None:
    job = await made(rig)
    empty_spool(rig)
    library, downloads = rig.library(), rig.music.downloads

    both = await asyncio.gather(*(library.files(job) for _ in range(2)))

    assert [2, 2] == [len(files) for files in both]
    assert downloads + 2 == rig.music.downloads


async def test_a_copy_moves_no_job_and_no_credit(rig: Rig) -> None:
    job = await made(rig)
    before = await rig.books()

    message_id = await rig.library().post(job, HERE, 1, "ja")

    assert [(HERE, [1, 2], "ja", False)] == rig.chat.copies
    assert (job, before) == (await rig.get(job), await rig.books())
    assert message_id != job.message_id


async def test_a_channel_that_takes_no_message_is_told(rig: Rig) -> None:
    job = await made(rig)
    rig.chat.closed_channels = {HERE}

    with pytest.raises(CantPost):
        await rig.library().post(job, HERE, 1, "")


async def test_a_song_is_sent_directly_once_however_often_somebody_presses(rig: Rig) -> None:
    job = await made(rig)

    sent = [await rig.library().send_to(job, make.OTHER, "de") for _ in range(2)]

    assert sent[0] == sent[1]
    assert sent[0][0] == make.OTHER + rig.chat.direct_offset


async def test_somebody_who_takes_no_direct_messages_is_told(rig: Rig) -> None:
    job = await made(rig)
    rig.chat.closed_members = {make.OTHER}

    with pytest.raises(NoDirectMessages):
        await rig.library().send_to(job, make.OTHER, "")


async def test_only_ones_own_songs_of_a_server_are_found_there(rig: Rig) -> None:
    job = await made(rig)

    assert job == await rig.library().find(make.GUILD, make.MEMBER, str(job.id))
    for guild_id, member_id in ((make.GUILD, make.OTHER), (make.GUILD + 1, make.MEMBER)):
        with pytest.raises(SongUnknown):
            await rig.library().find(guild_id, member_id, str(job.id))


async def test_a_song_in_the_making_stands_with_its_place_in_the_queue(rig: Rig) -> None:
    await rig.ask(reply_to=make.reply_to(member_id=make.OTHER))
    rig.clock.forward(seconds=1)
    job = await rig.ask()

    ((found, facts),) = await rig.library().in_the_making(make.GUILD, make.MEMBER)

    assert (job.id, 1) == (found.id, facts.ahead)
    assert [] == await rig.library().in_the_making(make.GUILD + 1, make.MEMBER)
