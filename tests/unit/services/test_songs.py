"""A song is reposted from wherever it is still available, and no job changes its state."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any
from unittest.mock import AsyncMock

import httpx
import pytest

from bot.database.sqlite import Tx
from bot.errors import StoreBusy, Transient
from bot.model import ChannelId, InteractionId, Job, JobState, Track
from bot.music.spool import AUDIO_MAX_BYTES
from bot.refusals import NoDirectMessages, NoPlaceToPost, NoSuchSong, NotDoneYet, SongGone, TooManyCopies
from bot.services import songs as module
from bot.services.songs import SongArchive
from bot.store.reconcile import reconcile
from tests.doubles.in_process import SONG, answers, raises
from tests.make import CHANNEL, GUILD, MEMBER, OTHER
from tests.unit.pipeline.rig import Rig

HTML = b"<!DOCTYPE html><title>Not found</title>" * 200
OTHER_SONG = b"ID3" + bytes(reversed(range(256))) * 20
WAVE = b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(range(256)) * 32
INTERACTION = InteractionId(4_711)
PATIENCE_S = 5.0


@pytest.fixture
async def song_archive(rig: Rig) -> AsyncIterator[SongArchive]:
    async with rig.song_archive() as opened:
        yield opened


@pytest.fixture
async def song(rig: Rig) -> Job:
    """A delivered song with two takes."""
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)
    rig.music.downloads = rig.music.polls = 0
    return await rig.get(job)


def lose(rig: Rig, song: Job, *takes: int) -> None:
    """Remove these takes, or all, from the spool."""
    for track in song.tracks:
        if track.take in (takes or (1, 2)):
            rig.spool.path(track.file).unlink()


def lose_message(rig: Rig, song: Job) -> None:
    """Delete the message with the song, as a moderator."""
    assert song.message_id is not None
    del rig.chat.audio[song.message_id]


def lose_urls(rig: Rig, song: Job) -> None:
    """Make the music service's audio addresses expire."""
    for track in song.tracks:
        rig.music.audio[httpx.URL(track.url).path] = 410


async def takes(song_archive: SongArchive, song: Job) -> dict[int, bytes]:
    """Return the bytes of each available take, after comparing them with the recorded ones."""
    found = await song_archive.files(song)
    assert [(path.stat().st_size, path.name) for _, path in found] == [
        (track.size_bytes, track.file) for track, _ in found
    ]
    return {track.take: path.read_bytes() for track, path in found}


def audio(rig: Rig, song: Job) -> dict[int, bytes]:
    """Return the files of the song's message."""
    assert song.message_id is not None
    return dict(rig.chat.audio[song.message_id])


# -- sources


async def test_a_song_in_the_spool_is_requested_from_nobody(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    rig.chat.down = True

    assert audio(rig, song) == await takes(song_archive, song)
    assert (0, 0, 0) == (rig.chat.fetches, rig.music.downloads, rig.music.polls)


async def test_a_song_no_longer_in_the_spool_is_restored_from_its_message(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    lose(rig, song)

    first = await takes(song_archive, song)
    again = await takes(song_archive, song)

    assert audio(rig, song) == first == again
    assert (2, 0) == (rig.chat.fetches, rig.music.downloads)
    assert song == await rig.get(song)


async def test_only_missing_takes_are_fetched(rig: Rig, song_archive: SongArchive, song: Job) -> None:
    lose(rig, song, 2)

    assert audio(rig, song) == await takes(song_archive, song)
    assert 1 == rig.chat.fetches


async def test_a_truncated_file_in_the_spool_is_fetched_again(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    rig.spool.path(song.tracks[0].file).write_bytes(SONG[:5_000])

    assert audio(rig, song) == await takes(song_archive, song)


async def test_a_song_without_its_message_comes_from_the_music_service(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    there = audio(rig, song)
    lose(rig, song)
    lose_message(rig, song)

    assert there == await takes(song_archive, song)
    assert (1, 2, 0) == (rig.chat.fetches, rig.music.downloads, rig.music.polls)


@pytest.mark.parametrize("bad", [HTML, b"", b"ID3", b"ID3" + bytes(AUDIO_MAX_BYTES + 1)], ids=len)
async def test_an_attachment_that_is_not_a_song_is_ignored(
    rig: Rig, song_archive: SongArchive, song: Job, bad: bytes
) -> None:
    there = audio(rig, song)
    lose(rig, song)
    assert song.message_id is not None
    rig.chat.audio[song.message_id][1] = bad

    assert there == await takes(song_archive, song)
    assert 1 == rig.music.downloads


async def test_a_take_too_large_for_its_message_comes_from_the_music_service(
    rig: Rig, song_archive: SongArchive
) -> None:
    large = SONG + bytes(AUDIO_MAX_BYTES - len(SONG))
    rig.music.audio["/task-1-2.mp3"] = large
    song = await rig.ask()
    await rig.until(song, JobState.DELIVERED)
    song = await rig.get(song)
    lose(rig, song)
    assert song.message_id is not None
    del rig.chat.audio[song.message_id][2]

    assert {1: SONG + b"/task-1-1.mp3", 2: large} == await takes(song_archive, song)


async def test_changed_addresses_are_queried_once(rig: Rig, song_archive: SongArchive, song: Job) -> None:
    lose(rig, song)
    lose_message(rig, song)
    lose_urls(rig, song)
    rig.task.urls = [url.replace("task-1", "moved") for url in rig.task.urls]
    rig.music.audio["/moved-1.mp3"] = OTHER_SONG
    rig.music.audio["/moved-2.mp3"] = WAVE

    assert {1: OTHER_SONG, 2: WAVE} == await takes(song_archive, song)
    assert 1 == rig.music.polls

    # It is recorded in its current form, even if the type of file has changed.
    tracks = (await rig.get(song)).tracks
    assert [track.url for track in tracks] == rig.task.urls
    assert [f"{song.id}-1.mp3", f"{song.id}-2.wav"] == [track.file for track in tracks]
    assert {1: OTHER_SONG, 2: WAVE} == await takes(song_archive, song)
    assert 1 == rig.music.polls


async def test_one_take_of_two_is_better_than_none(rig: Rig, song_archive: SongArchive, song: Job) -> None:
    there = audio(rig, song)
    lose(rig, song)
    lose_message(rig, song)
    rig.music.audio["/task-1-1.mp3"] = 404

    copy = await song_archive.post(song, CHANNEL, INTERACTION)

    assert {2: there[2]} == await takes(song_archive, song)
    assert (1, 1) == (copy.missing, rig.chat.copies[0].files)


# -- gone


@pytest.mark.parametrize(
    "poll",
    [
        answers(404, message="task not found"),
        answers(200, data={"status": "failed", "errorMessage": "expired"}),
        answers(200, data={"status": "success", "audioUrls": []}),
        answers(200, data={"status": "processing"}),
        None,
    ],
)
async def test_a_song_available_nowhere_is_gone(
    rig: Rig, song_archive: SongArchive, song: Job, poll: Callable[[httpx.Request], httpx.Response] | None
) -> None:
    lose(rig, song)
    lose_message(rig, song)
    lose_urls(rig, song)
    rig.music.on_poll = [poll] if poll is not None else []

    with pytest.raises(SongGone):
        await song_archive.post(song, CHANNEL, INTERACTION)

    # Each address is tried once, even if the music service returns it again.
    assert (1, 2) == (rig.music.polls, rig.music.downloads)
    assert [] == rig.chat.copies
    assert song == await rig.get(song)


async def test_html_from_every_source_is_not_a_song(rig: Rig, song_archive: SongArchive, song: Job) -> None:
    lose(rig, song)
    assert song.message_id is not None
    rig.chat.audio[song.message_id] = {1: HTML, 2: HTML}
    rig.music.audio = {"/task-1-1.mp3": HTML, "/task-1-2.mp3": HTML}

    with pytest.raises(SongGone):
        await song_archive.files(song)

    assert [] == list(rig.spool.folder.iterdir())


async def test_a_song_never_posted_is_not_fetched_from_a_message(rig: Rig, song_archive: SongArchive) -> None:
    rig.chat.closed_channels = {CHANNEL}
    rig.chat.closed_members = {MEMBER}
    job = await rig.ask()
    await rig.until(job, JobState.UNDELIVERED)
    song = await rig.get(job)
    lose(rig, song)

    assert {1: SONG + b"/task-1-1.mp3", 2: SONG + b"/task-1-2.mp3"} == await takes(song_archive, song)


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.RUNNING])
async def test_a_song_in_progress_is_not_done_yet(
    rig: Rig, song_archive: SongArchive, state: JobState
) -> None:
    rig.music.done_at_once = False
    job = await rig.ask()
    await rig.until(job, state)

    with pytest.raises(NotDoneYet):
        await song_archive.post(await rig.get(job), CHANNEL, INTERACTION)


async def test_a_failed_job_is_not_a_song(rig: Rig, song_archive: SongArchive) -> None:
    rig.music.on_post = [answers(400, message="no")]
    rig.chat.down = True
    job = await rig.ask()

    await rig.until(job, JobState.FAILED)
    with pytest.raises(NoSuchSong):
        await song_archive.files(await rig.get(job))
    rig.chat.down = False
    await rig.until(job, JobState.EXPLAINED)
    with pytest.raises(NoSuchSong):
        await song_archive.files(await rig.get(job))


# -- not now


async def test_the_music_service_has_the_song_while_discord_is_down(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    there = audio(rig, song)
    lose(rig, song)
    rig.chat.on_fetch = ["down"]

    assert there == await takes(song_archive, song)
    assert 2 == rig.music.downloads


@pytest.mark.parametrize(
    ("fetch", "poll"),
    [
        ("down", answers(404, message="task not found")),
        ("", raises(httpx.ConnectError("refused"))),
        ("", answers(503)),
        ("", answers(401, message="invalid api key")),
    ],
)
async def test_a_song_is_not_called_gone_while_a_source_is_unavailable(
    rig: Rig,
    song_archive: SongArchive,
    song: Job,
    fetch: str,
    poll: Callable[[httpx.Request], httpx.Response],
) -> None:
    lose(rig, song)
    lose_urls(rig, song)
    there = audio(rig, song)
    rig.chat.on_fetch, rig.music.on_poll = [fetch], [poll]
    if not fetch:
        lose_message(rig, song)

    with pytest.raises(Transient):
        await song_archive.files(song)

    assert song.message_id is not None
    rig.chat.audio[song.message_id] = there
    assert there == await takes(song_archive, song)


async def test_a_song_is_not_gone_because_the_disk_is_full(
    rig: Rig, song_archive: SongArchive, song: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(rig, song)
    with monkeypatch.context() as patch:
        patch.setattr("bot.music.spool._create", _full)
        with pytest.raises(Transient):
            await song_archive.files(song)

    assert (1, 0) == (rig.chat.fetches, rig.music.downloads)
    assert audio(rig, song) == await takes(song_archive, song)


def _full(_: object) -> None:
    raise OSError(28, "No space left on device")


async def test_stored_takes_are_posted_even_if_the_disk_is_full(
    rig: Rig, song_archive: SongArchive, song: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(rig, song, 2)
    monkeypatch.setattr("bot.music.spool._create", _full)

    assert {1: audio(rig, song)[1]} == await takes(song_archive, song)


async def test_fetching_times_out_and_takes_fetched_so_far_are_posted(
    rig: Rig, song_archive: SongArchive, song: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(rig, song)
    lose_message(rig, song)
    monkeypatch.setattr(module, "FETCH_S", 1.0)
    answer = rig.music._answer

    async def second_hangs(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("-2.mp3"):
            return await asyncio.Future()
        rig.music.hangs = None
        try:
            return await answer(request)
        finally:
            rig.music.hangs = second_hangs

    rig.music.hangs = second_hangs

    assert {1: SONG + b"/task-1-1.mp3"} == await takes(song_archive, song)
    assert [f"{song.id}-1.mp3"] == [path.name for path in rig.spool.folder.iterdir()]

    lose(rig, song, 1)
    rig.music.audio["/task-1-1.mp3"] = 404
    with pytest.raises(Transient):
        await song_archive.files(song)


# -- concurrent requests


async def test_two_concurrent_requests_for_a_song_fetch_it_once(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    lose(rig, song)

    first, second = await asyncio.gather(takes(song_archive, song), takes(song_archive, song))

    assert audio(rig, song) == first == second
    assert 2 == rig.chat.fetches


async def test_a_canceled_request_does_not_stop_anothers_fetch(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    lose(rig, song)
    lose_message(rig, song)
    asked, going_on = asyncio.Event(), asyncio.Event()

    async def slow(request: httpx.Request) -> httpx.Response:
        rig.music.hangs = None
        asked.set()
        await going_on.wait()
        return await rig.music._answer(request)

    rig.music.hangs = slow
    first = asyncio.create_task(song_archive.files(song))
    await asked.wait()
    second = asyncio.create_task(takes(song_archive, song))
    first.cancel()

    assert {1: SONG + b"/task-1-1.mp3", 2: SONG + b"/task-1-2.mp3"} == await second
    assert first.cancelled()


async def test_concurrent_fetches_of_files_are_bounded(
    rig: Rig, song_archive: SongArchive, monkeypatch: pytest.MonkeyPatch
) -> None:
    songs = [await rig.ask() for _ in range(6)]
    for job in songs:
        await rig.until(job, JobState.DELIVERED)
    songs = [await rig.get(job) for job in songs]
    fetch, held, under_way = rig.chat.fetch, asyncio.Event(), 0
    is_there, looked, all_looked = song_archive._is_there, 0, asyncio.Event()

    async def held_up(job: Job, take: int, *, max_bytes: int) -> bytes | None:
        nonlocal under_way
        under_way += 1
        await held.wait()
        return await fetch(job, take, max_bytes=max_bytes)

    def look(track: Track) -> bool:
        nonlocal looked
        looked += 1
        if looked == 2 * len(songs):
            all_looked.set()
        return is_there(track)

    monkeypatch.setattr(rig.chat, "fetch", held_up)
    monkeypatch.setattr(song_archive, "_is_there", look)
    for job in songs:
        lose(rig, job)

    getting = [asyncio.create_task(song_archive.files(job)) for job in songs]
    await all_looked.wait()

    assert module.FETCHES_AT_ONCE == under_way
    held.set()
    assert [2] * len(songs) == [len(await task) for task in getting]


async def test_a_song_deleted_during_its_fetch_stays_deleted(
    rig: Rig, song_archive: SongArchive, song: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(rig, song)
    fetch = rig.chat.fetch

    async def forgotten_meanwhile(job: Job, take: int, *, max_bytes: int) -> bytes | None:
        found = await fetch(job, take, max_bytes=max_bytes)
        await rig.database.write(lambda tx: tx.execute("DELETE FROM track WHERE job_id = ?", (job.id,)))
        return found

    monkeypatch.setattr(rig.chat, "fetch", forgotten_meanwhile)

    with pytest.raises(SongGone):
        await song_archive.files(song)

    assert [] == list(rig.spool.folder.iterdir())


# -- posting


def get(song_archive: SongArchive, song: Job, number: int = INTERACTION) -> Awaitable[object]:
    return song_archive.post(song, CHANNEL, InteractionId(number))


async def test_a_song_is_posted_once_for_each_interaction_and_no_job_moves(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    assert await get(song_archive, song) == await get(song_archive, song)
    await get(song_archive, song, INTERACTION + 1)

    assert [(CHANNEL, 2), (CHANNEL, 2)] == [(copy.channel_id, copy.files) for copy in rig.chat.copies]
    assert song == await rig.get(song)
    assert 1 == len(rig.chat.posts)
    assert () == (await rig.database.read(reconcile)).findings


async def test_a_song_is_sent_once_for_presses_in_quick_succession(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    first, second = await asyncio.gather(song_archive.send_to(song, OTHER), song_archive.send_to(song, OTHER))
    await song_archive.send_to(song, MEMBER)

    assert first == second
    there = [OTHER + rig.chat.direct_offset, MEMBER + rig.chat.direct_offset]
    assert there == [copy.channel_id for copy in rig.chat.copies]


async def test_a_deleted_copy_counts_as_posted(rig: Rig, song_archive: SongArchive, song: Job) -> None:
    rig.chat.on_send = ["deleted"]

    copy = await song_archive.post(song, CHANNEL, INTERACTION)

    assert (CHANNEL, None, 0) == (copy.channel_id, copy.message_id, copy.missing)


async def test_closed_direct_messages_are_reported(rig: Rig, song_archive: SongArchive, song: Job) -> None:
    rig.chat.closed_members = {OTHER}

    with pytest.raises(NoDirectMessages):
        await song_archive.send_to(song, OTHER)


async def test_a_channel_that_accepts_no_messages_is_reported(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    rig.chat.closed_channels = {CHANNEL}

    with pytest.raises(NoPlaceToPost):
        await song_archive.post(song, CHANNEL, INTERACTION)


async def test_nothing_is_posted_while_discord_is_down(
    rig: Rig, song_archive: SongArchive, song: Job
) -> None:
    rig.chat.down = True

    with pytest.raises(Transient):
        await song_archive.post(song, CHANNEL, INTERACTION)
    with pytest.raises(Transient):
        await song_archive.send_to(song, OTHER)


# -- looking up


async def test_unfinished_songs_are_listed_with_their_card_facts(rig: Rig, song_archive: SongArchive) -> None:
    rig.music.done_at_once = False
    first = await rig.ask()
    await rig.until(first, JobState.RUNNING)
    rig.clock.forward(minutes=25)
    second = await rig.ask()
    rig.clock.forward(seconds=1)
    third = await rig.ask()

    found = await song_archive.open_jobs(GUILD, MEMBER)

    assert [first.id, second.id, third.id] == [job.id for job, _ in found]
    assert [(0, True), (0, False), (1, False)] == [(facts.ahead, facts.slow) for _, facts in found]
    assert third.created_at + timedelta(minutes=1) == found[2][1].expected_at
    assert [] == await song_archive.open_jobs(GUILD, OTHER)


async def test_members_look_up_the_songs_that_they_requested(song_archive: SongArchive, song: Job) -> None:
    page = await song_archive.songs(GUILD, MEMBER, size=5)

    assert [song.id] == [listed.id for listed in page.songs]
    assert page == await song_archive.songs(GUILD, MEMBER, size=5, word="SYNTH pop")
    assert [song.id] == [
        choice.job_id for choice in (await song_archive.choices(GUILD, MEMBER, "", 25)).songs
    ]
    assert [song.id] == [
        choice.job_id for choice in (await song_archive.choices(GUILD, MEMBER, "warm", 25)).songs
    ]
    assert song == await song_archive.find(GUILD, MEMBER, "last train", AsyncMock())
    with pytest.raises(NoSuchSong):
        await song_archive.find(GUILD, OTHER, str(song.id), AsyncMock())


async def test_a_song_is_not_gone_because_the_database_is_busy(
    rig: Rig, song_archive: SongArchive, song: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(rig, song)

    async def busy(_: Callable[[Tx], object]) -> object:
        raise StoreBusy("locked", 5.0)

    with monkeypatch.context() as patch:
        patch.setattr(rig.database, "write", busy)
        with pytest.raises(Transient):
            await song_archive.files(song)

    assert audio(rig, song) == await takes(song_archive, song)


# -- how many copies at once


async def test_the_number_of_a_members_pending_copies_is_bounded(
    rig: Rig, song: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, posting = asyncio.Event(), 0
    post_copy = rig.chat.post_copy
    refused_or_posting = asyncio.Semaphore(0)

    async def hangs(*arguments: Any, **options: Any) -> int:  # noqa: ANN401 - those of the chat
        nonlocal posting
        posting += 1
        refused_or_posting.release()
        await free.wait()
        return await post_copy(*arguments, **options)

    monkeypatch.setattr(rig.chat, "post_copy", hangs)
    async with rig.song_archive() as song_archive:
        copies = [
            asyncio.create_task(song_archive.post(song, ChannelId(CHANNEL + n), InteractionId(5_000 + n)))
            for n in range(60)
        ]
        for copy in copies:
            copy.add_done_callback(lambda _: refused_or_posting.release())
        async with asyncio.timeout(PATIENCE_S):
            for _ in copies:
                await refused_or_posting.acquire()
        free.set()
        refused = (await asyncio.gather(*copies, return_exceptions=True))[2:]
        after = await song_archive.post(song, CHANNEL, InteractionId(6_000))

    assert [TooManyCopies] * 58 == [type(error) for error in refused]
    assert 3 == posting
    assert CHANNEL == after.channel_id
    assert not song_archive._copies
