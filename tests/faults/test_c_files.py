"""Files as they arrive at Discord: under their song's name, with tags before untouched audio."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from bot.discord_limits import FILE_SAFE_BYTES
from bot.model import Job, JobState
from bot.music import tags
from bot.music.tags import COVER_SUFFIX, Tags, id3
from bot.pipeline.erasure import Erasure
from tests import make
from tests.doubles.discord.wire import Attachment
from tests.doubles.music import mp3
from tests.faults.evening import Evening
from tests.faults.test_d_discord import DONE
from tests.unit.pipeline.rig import Rig
from tests.unit.pipeline.test_maintenance import maintenance

JPEG = b"\xff\xd8\xff\xe0" + bytes(900)
LYRICS = "one line of lyrics\nand another"
REQUEST = make.custom(title="Straße der 内山", style="city pop", lyrics=LYRICS)
NAMES = ["strasse-der-内山-1.mp3", "strasse-der-内山-2.mp3"]


@pytest.fixture
async def evening(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Evening]:
    async with Evening.begun(rig, monkeypatch) as begun:
        yield begun


def with_covers(rig: Rig, cover: bytes | int = JPEG) -> None:
    """Make the service return a picture for each take, and MP3 takes."""
    pictures = [f"https://audio.example.com/cover-{take}.jpeg" for take in (1, 2)]
    rig.music.audio |= {f"/cover-{take}.jpeg": cover for take in (1, 2)}
    rig.music.audio |= {f"/task-1-{take}.mp3": mp3(take) for take in (1, 2)}

    def answer(_: httpx.Request) -> httpx.Response:
        task = rig.music.tasks["task-1"]
        data = {"id": task.id, "status": "success", "audioUrls": task.urls, "imageUrls": pictures}
        return httpx.Response(200, json={"data": data})

    rig.music.on_poll = [answer]


async def ask(evening: Evening) -> Job:
    job = await evening.ask(request=REQUEST)
    await evening.rig.until(job, DONE)
    return await evening.rig.get(job)


def attached(evening: Evening) -> list[Attachment]:
    (message,) = [one for one in evening.discord.messages if one.attachments]
    return message.attachments


def said(evening: Evening, take: int, *, picture: bytes = b"") -> Tags:
    assert evening.client.user is not None
    return Tags(
        title="Straße der 内山",
        artist=evening.client.user.display_name,
        genre="city pop",
        lyrics=LYRICS,
        comment=f"Made with AI, model {REQUEST.model}",
        track=f"{take}/2",
        picture=picture,
    )


async def test_files_carry_the_songs_name_and_tags(evening: Evening) -> None:
    with_covers(evening.rig)

    await ask(evening)

    files = attached(evening)
    assert NAMES == [file.filename for file in files]
    assert [id3(said(evening, take, picture=JPEG)) + mp3(take) for take in (1, 2)] == [
        file.data for file in files
    ]


@pytest.mark.parametrize("cover", [404, b"<html>", b"", JPEG + bytes(tags.PICTURE_MAX_BYTES)])
async def test_a_song_without_a_usable_cover_is_tagged_without_one(
    evening: Evening, cover: bytes | int
) -> None:
    with_covers(evening.rig, cover)

    await ask(evening)

    assert [id3(said(evening, take)) + mp3(take) for take in (1, 2)] == [
        file.data for file in attached(evening)
    ]


async def test_no_words_are_written_to_the_spool(evening: Evening) -> None:
    with_covers(evening.rig)

    await ask(evening)

    spooled = {path.name.partition("-")[2]: path.read_bytes() for path in evening.rig.spool.folder.iterdir()}
    takes = {f"{take}.mp3": mp3(take) for take in (1, 2)}
    assert takes | {f"{take}{COVER_SUFFIX}": JPEG for take in (1, 2)} == spooled


async def test_a_deletion_removes_the_covers_too(evening: Evening) -> None:
    with_covers(evening.rig)
    job = await ask(evening)
    rig = evening.rig

    await rig.privacy.delete(job.origin.member_id)
    await Erasure(rig.database, rig.spool, now=rig.clock).work()

    assert [] == list(rig.spool.folder.iterdir())


async def test_covers_stay_as_long_as_their_song(evening: Evening) -> None:
    with_covers(evening.rig)
    await ask(evening)
    rig = evening.rig
    names = {path.name for path in rig.spool.folder.iterdir()}

    rig.clock.forward(days=6)
    await maintenance(rig).round()
    kept = {path.name for path in rig.spool.folder.iterdir()}
    rig.clock.forward(days=2)
    await maintenance(rig).round()

    assert (names, []) == (kept, list(rig.spool.folder.iterdir()))


async def test_a_song_that_cannot_be_tagged_is_attached_unchanged(
    evening: Evening, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, said: Tags, max_bytes: int) -> None:  # noqa: ARG001
        raise OSError(28, "No space left on device")

    with_covers(evening.rig)
    monkeypatch.setattr(tags, "tagged", full)

    await ask(evening)

    assert [mp3(1), mp3(2)] == [file.data for file in attached(evening)]


async def test_tags_never_make_a_file_too_large_for_its_server(evening: Evening) -> None:
    with_covers(evening.rig)
    large = mp3(1) + bytes(FILE_SAFE_BYTES - len(mp3(1)))
    evening.rig.music.audio["/task-1-1.mp3"] = large
    evening.discord.attachment_limit_bytes = FILE_SAFE_BYTES

    await ask(evening)

    assert [large, id3(said(evening, 2, picture=JPEG)) + mp3(2)] == [file.data for file in attached(evening)]


async def test_a_song_with_refused_words_has_none_in_its_tags(evening: Evening) -> None:
    with_covers(evening.rig)
    evening.discord.fault("POST", "/channels/*/messages", 400, code=200000)

    await ask(evening)

    words = [word.encode() for word in (LYRICS, "Straße", "city pop")]
    assert [] == [word for word in words for file in attached(evening) if word in file.data]
    assert ["song-1.mp3", "song-2.mp3"] == [file.filename for file in attached(evening)]


async def test_a_copy_from_a_message_is_stored_without_words(rig: Rig) -> None:
    with_covers(rig)
    job = await rig.ask(REQUEST)
    await rig.until(job, JobState.DELIVERED)
    song = await rig.get(job)
    assert song.message_id is not None
    tagged = id3(Tags(title="Straße", lyrics=LYRICS, picture=JPEG)) + mp3(1)
    rig.chat.audio[song.message_id][1] = tagged
    rig.spool.path(song.tracks[0].file).unlink()

    async with rig.song_archive() as archive:
        files = await archive.files(song)

    assert id3(Tags(picture=JPEG)) + mp3(1) == files[0][1].read_bytes()
    assert (
        replace(song.tracks[0], size_bytes=files[0][0].size_bytes, sha256=files[0][0].sha256) == files[0][0]
    )
