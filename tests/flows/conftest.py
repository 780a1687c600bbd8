"""The real bot on a simulated Discord, with a sandbox that composes nothing."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.playground.world import World


@pytest.fixture
async def world(tmp_path: Path, tiny_songs: None) -> AsyncIterator[World]:  # noqa: ARG001 - it is set up
    async with World.open(tmp_path, delay_s=0.0, pace=0.005) as opened:
        yield opened
