"""Songs that cannot be stored are delivered as a link, at once and once."""

import pytest

from bot.model import ChannelId, InteractionId, Job, JobState
from bot.music import downloads, spool
from bot.pipeline.courier import MessageKind
from bot.store import jobs
from bot.store.reconcile import reconcile
from tests.doubles.in_process import SONG
from tests.unit.pipeline.rig import Rig

WAV = b"RIFF\x00\x00\x00\x00WAVE"


async def delivered(rig: Rig, *contents: bytes) -> tuple[list[bool], int]:
    """Return whether each take of a delivered song is a link, and the number of downloads."""
    rig.music.audio = {f"/task-1-{take}.mp3": content for take, content in enumerate(contents, start=1)}
    job = await rig.ask()
    async with rig.process() as runner:
        await rig.rest(60, runner)
    song = await rig.get(job)
    reconciliation = await rig.database.read(reconcile)

    assert (JobState.DELIVERED, 1) == (song.state, len(rig.chat.of(MessageKind.SONG, job.id)))
    assert () == reconciliation.findings
    assert (10, 0) == ((await rig.balance()).used, (await rig.balance()).held)
    return [track.linked for track in song.tracks], rig.music.downloads


async def test_a_song_over_the_limit_is_a_link_after_one_download(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "AUDIO_MAX_BYTES", 100_000)
    monkeypatch.setattr(downloads, "AUDIO_MAX_BYTES", 100_000)

    assert ([True, False], 2) == await delivered(rig, WAV + bytes(200_000), SONG)


@pytest.mark.parametrize("content", [b"<html>Open this page</html>" + b" " * 9_000, b'{"error": "gone"}'])
async def test_a_file_twice_found_not_to_be_audio_becomes_a_link(content: bytes, rig: Rig) -> None:
    assert ([False, True], 3) == await delivered(rig, SONG, content)


async def test_an_empty_download_is_retried_and_not_linked(rig: Rig) -> None:
    rig.music.audio = {"/task-1-1.mp3": b"", "/task-1-2.mp3": b""}
    job = await rig.ask()
    async with rig.process() as runner:
        for _ in range(8):
            await rig.rest(1, runner)
        assert JobState.READY is await rig.state(job)
        rig.music.audio.clear()
        await rig.rest(60, runner)

    assert [False, False] == [track.linked for track in (await rig.get(job)).tracks]


async def test_a_linked_song_is_reposted_without_a_download(rig: Rig) -> None:
    await delivered(rig, b"<html>1</html>", b"<html>2</html>")
    downloads_before = rig.music.downloads
    job = await only_job(rig)

    async with rig.song_archive() as archive:
        copy = await archive.post(job, ChannelId(555), InteractionId(9_001))

    assert (0, downloads_before) == (copy.missing, rig.music.downloads)


async def only_job(rig: Rig) -> Job:
    row = await rig.database.read(lambda tx: tx.execute("SELECT id FROM job").fetchone())
    found = await rig.database.read(lambda tx: jobs.get(tx, row["id"]))
    assert found is not None
    return found
