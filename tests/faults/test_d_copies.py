"""Faults of Discord while a song is reposted: one message, or a sentence with the reason."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.errors import Transient
from bot.model import ChannelId, DiscordUserId, InteractionId, Job, JobState
from bot.music.spool import AUDIO_MAX_BYTES
from bot.refusals import NoDirectMessages, NoPlaceToPost, SongGone
from bot.services.songs import SongArchive
from bot.store.reconcile import reconcile
from tests.doubles.discord.wire import ATTACH_FILES, READ_MESSAGE_HISTORY, SEND_MESSAGES, VIEW_CHANNEL
from tests.doubles.in_process import SONG
from tests.faults.evening import A_DAY_S, Evening
from tests.faults.promise import is_a_bug
from tests.unit.pipeline.rig import Rig

MESSAGES = "/channels/*/messages"
ONE_MESSAGE = "/channels/*/messages/*"
FILES = "/cdn/*"
GONE = 410
INTERACTION = InteractionId(4_711)


@pytest.fixture
async def evening(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[Evening]:
    async with Evening.begun(rig, monkeypatch) as begun:
        yield begun
        assert () == (await rig.database.read(reconcile)).findings
    assert [] == [record.getMessage() for record in caplog.records if is_a_bug(record)]


@pytest.fixture
def song_archive(evening: Evening) -> SongArchive:
    return evening.client.services.song_archive


@pytest.fixture
async def song(evening: Evening) -> Job:
    """Return a song that was posted in the channel."""
    job = await evening.ask()
    await evening.rig.until(job, JobState.DELIVERED)
    return await evening.rig.get(job)


def empty_spool(evening: Evening) -> None:
    for path in evening.rig.spool.folder.iterdir():
        path.unlink()


def lose_urls(evening: Evening) -> None:
    evening.rig.music.audio = {f"/task-1-{take}.mp3": GONE for take in (1, 2)}


async def takes(song_archive: SongArchive, song: Job) -> list[bytes]:
    return [path.read_bytes() for _, path in await song_archive.files(song)]


BOTH = [SONG + b"/task-1-1.mp3", SONG + b"/task-1-2.mp3"]


# -- fetching


async def test_a_song_is_fetched_from_its_message(
    evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    empty_spool(evening)
    lose_urls(evening)

    assert BOTH == await takes(song_archive, song)


async def test_a_song_sent_directly_is_fetched_from_that_message(
    evening: Evening, song_archive: SongArchive
) -> None:
    job = await evening.ask()
    await evening.rig.until(job, JobState.STORED)
    evening.discord.channel.bot_permissions &= ~SEND_MESSAGES
    await evening.rig.until(job, JobState.DELIVERED)
    empty_spool(evening)
    lose_urls(evening)

    assert BOTH == await takes(song_archive, await evening.rig.get(job))


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 415, 416, 429, 500, 503])
@pytest.mark.parametrize("path", [ONE_MESSAGE, FILES])
async def test_the_music_service_is_tried_next_whatever_discord_answers(
    path: str, status: int, evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    empty_spool(evening)
    fault = evening.discord.fault("GET", path, status, times=None)

    assert BOTH == await takes(song_archive, song)
    assert fault.hits


@pytest.mark.parametrize("kind", ["reset before", "close after", "hang"])
@pytest.mark.parametrize("path", [ONE_MESSAGE, FILES])
async def test_a_song_is_not_called_gone_because_discord_fails(
    path: str, kind: str, evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    empty_spool(evening)
    lose_urls(evening)
    fault = evening.discord.fault("GET", path, kind, times=None)

    with pytest.raises(Transient):
        await song_archive.files(song)
    fault.stop()

    assert BOTH == await takes(song_archive, song)


@pytest.mark.parametrize("permission", [VIEW_CHANNEL, READ_MESSAGE_HISTORY])
async def test_an_unreadable_message_counts_as_missing(
    permission: int, evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    empty_spool(evening)
    lose_urls(evening)
    evening.discord.channel.bot_permissions &= ~permission

    with pytest.raises(SongGone):
        await song_archive.files(song)


async def test_a_file_larger_than_any_song_is_not_requested(
    evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    empty_spool(evening)
    (message,) = evening.discord.posted()
    message.attachments[0].claimed_size_bytes = AUDIO_MAX_BYTES + 1

    assert BOTH == await takes(song_archive, song)
    assert 1 == len([call for call in evening.discord.requests if call.path.startswith("/cdn/")])


# -- posting


async def test_two_presses_at_once_send_a_song_once(
    evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    noah = evening.discord.add_person("noah")

    first, second = await asyncio.gather(
        song_archive.send_to(song, DiscordUserId(noah.id)), song_archive.send_to(song, DiscordUserId(noah.id))
    )

    direct = evening.discord.dm(noah)
    assert first == second
    assert [first.message_id] == [message.id for message in evening.discord.posted(direct)]
    assert 2 == len(evening.sends(direct))


async def test_an_interaction_that_arrives_twice_posts_a_copy_once(
    evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    first = await song_archive.post(song, ChannelId(evening.discord.channel.id), INTERACTION)
    again = await song_archive.post(song, ChannelId(evening.discord.channel.id), INTERACTION)

    assert first == again
    assert [song.message_id, first.message_id] == [one.id for one in evening.discord.posted()]


async def test_a_deleted_copy_is_not_posted_again_for_the_same_press(
    evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    first = await song_archive.send_to(song, DiscordUserId(evening.discord.user.id))
    (message,) = evening.discord.posted(evening.discord.dm(evening.discord.user))
    message.deleted = True

    again = await song_archive.send_to(song, DiscordUserId(evening.discord.user.id))

    assert (message.id, None) == (first.message_id, again.message_id)


async def test_a_send_that_hangs_ends_after_a_minute(
    evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    evening.discord.fault("POST", MESSAGES, "hang before", times=None)
    began_at = evening.rig.clock()

    async with asyncio.timeout(A_DAY_S):
        with pytest.raises(Transient):
            await song_archive.post(song, ChannelId(evening.discord.channel.id), INTERACTION)

    assert 55 < (evening.rig.clock() - began_at).total_seconds() < 65


@pytest.mark.parametrize("permission", [VIEW_CHANNEL, SEND_MESSAGES, ATTACH_FILES])
async def test_a_channel_that_accepts_no_song_is_reported(
    permission: int, evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    evening.discord.channel.bot_permissions &= ~permission

    with pytest.raises(NoPlaceToPost):
        await song_archive.post(song, ChannelId(evening.discord.channel.id), INTERACTION)

    assert [song.message_id] == [one.id for one in evening.discord.posted()]


async def test_a_member_with_closed_direct_messages_gets_that_reason(
    evening: Evening, song_archive: SongArchive, song: Job
) -> None:
    evening.discord.user.accepts_dms = False

    with pytest.raises(NoDirectMessages):
        await song_archive.send_to(song, DiscordUserId(evening.discord.user.id))


async def test_a_song_too_large_for_a_message_is_posted_as_a_link(
    evening: Evening, song_archive: SongArchive
) -> None:
    evening.discord.attachment_limit_bytes = 100 << 20
    evening.rig.music.audio = {"/task-1-1.mp3": SONG + bytes(AUDIO_MAX_BYTES - len(SONG))}
    job = await evening.ask()
    await evening.rig.until(job, JobState.DELIVERED)
    empty_spool(evening)

    copy = await song_archive.post(
        await evening.rig.get(job), ChannelId(evening.discord.channel.id), INTERACTION
    )

    message = evening.discord.posted()[-1]
    assert (copy.message_id, 1) == (message.id, len(message.attachments))
    assert ["Take 1"] == [item["label"] for item in message.buttons() if item.get("url")]
