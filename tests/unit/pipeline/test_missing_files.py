"""A stored song whose files are on no working machine is fetched from the service again."""

from bot.model import JobState
from tests.unit.pipeline.rig import Rig


def wipe(rig: Rig) -> None:
    """Delete the machine's stored files."""
    for path in rig.spool.folder.iterdir():
        path.unlink()


async def test_a_stored_song_is_fetched_again_before_it_is_posted(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.STORED)
    wipe(rig)

    await rig.until(job, JobState.DELIVERED)

    assert [{1, 2}] == [set(audio) for audio in rig.chat.audio.values()]
    assert {"hold": 1, "settle": 1} == await rig.books()


async def test_a_song_whose_send_began_elsewhere_is_fetched_again(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.STORED)
    rig.chat.down = True
    await rig.until(job, JobState.DELIVERING)
    rig.chat.down = False
    wipe(rig)

    await rig.until(job, JobState.DELIVERED)

    assert [{1, 2}] == [set(audio) for audio in rig.chat.audio.values()]


async def test_one_lost_file_is_fetched_and_the_other_kept(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.STORED)
    lost, kept = sorted(rig.spool.of_jobs([job.id]))
    lost.unlink()
    written_at = kept.stat().st_mtime_ns

    await rig.until(job, JobState.DELIVERED)

    assert lost.is_file()
    assert written_at == kept.stat().st_mtime_ns


async def test_a_temporarily_unavailable_file_is_waited_for(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.STORED)
    wipe(rig)
    rig.music.audio = {"/task-1-1.mp3": 503}
    await rig.step(job)
    waiting = await rig.state(job)
    rig.music.audio = {}

    await rig.until(job, JobState.DELIVERED)

    assert JobState.STORED is waiting
    assert [{1, 2}] == [set(audio) for audio in rig.chat.audio.values()]
