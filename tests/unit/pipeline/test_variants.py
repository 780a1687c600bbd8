"""Whatever the shape of the music service's answers: one charge, one song, and the books balance."""

import pytest

from bot.model import Backend, JobState
from tests.unit.pipeline.rig import Rig

ENDED = (JobState.DELIVERED, JobState.EXPLAINED)


@pytest.fixture(params=Backend)
def rig(rig: Rig, request: pytest.FixtureRequest) -> Rig:
    rig.switch(request.param, {request.param})
    return rig


@pytest.mark.parametrize("seed", range(40))
async def test_a_paid_song_arrives_whatever_the_shape_of_the_answers(rig: Rig, seed: int) -> None:
    rig.spell(seed)
    job = await rig.ask()

    await rig.until(job, *ENDED)

    assert (JobState.DELIVERED, 2) == (await rig.state(job), len((await rig.get(job)).tracks))
    assert (1, ["task-1"]) == (rig.music.posts, rig.music.charged)
    assert {"hold": 1, "settle": 1} == await rig.books()


@pytest.mark.parametrize("seed", range(10))
async def test_a_failed_song_is_released_whatever_the_shape_of_the_failure(rig: Rig, seed: int) -> None:
    rig.spell(seed)
    rig.music.done_at_once = False
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)
    rig.task.status, rig.task.error = "failed", "The model could not make a song of this request."

    await rig.until(job, *ENDED)

    assert (JobState.EXPLAINED, {"hold": 1, "release": 1}) == (await rig.state(job), await rig.books())
