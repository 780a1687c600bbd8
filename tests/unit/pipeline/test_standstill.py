"""A process that stood still neither pays nor posts, because another may have the database by now."""

import pytest

from bot.model import JobState
from tests.unit.pipeline.rig import Rig


@pytest.fixture
def late(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Make the process unsure whether it still owns the database; undo to make it sure again."""
    monkeypatch.setattr(type(rig.database), "may_act", lambda _: False)
    return monkeypatch


async def test_nothing_is_paid_after_a_standstill(rig: Rig, late: pytest.MonkeyPatch) -> None:
    job = await rig.ask()
    await rig.step(job)

    assert 0 == rig.music.posts
    assert JobState.QUEUED is await rig.state(job)

    late.undo()
    await rig.until(job, JobState.DELIVERED)
    assert 1 == rig.music.posts


async def test_nothing_is_posted_after_a_standstill(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.STORED)
    monkeypatch.setattr(type(rig.database), "may_act", lambda _: False)
    await rig.step(job)

    assert [] == rig.chat.posts
    assert JobState.DELIVERING is await rig.state(job)

    monkeypatch.undo()
    await rig.until(job, JobState.DELIVERED)
    assert 1 == len(rig.chat.posts)
    assert {"hold": 1, "settle": 1} == await rig.books()
