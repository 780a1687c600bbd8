import pytest
from tests.jobs.rig import Rig
from bot.model import JobState
@pytest.mark.parametrize("n", range(100))
async def test_nothing(rig: Rig, n: int) -> None:
    pass
@pytest.mark.parametrize("n", range(100))
async def test_rounds(rig: Rig, n: int) -> None:
    for _ in range(10): await rig.round()
@pytest.mark.parametrize("n", range(100))
async def test_whole(rig: Rig, n: int) -> None:
    await rig.until(await rig.ask(), JobState.DELIVERED)
@pytest.mark.parametrize("n", range(100))
async def test_plain(n: int) -> None:
    pass
