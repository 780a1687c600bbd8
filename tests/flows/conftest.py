"""The real bot on a simulated Discord, with a sandbox that composes nothing."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from bot.jobs import runner
from bot.playground.world import World
from bot.sandbox import server

TINY_SONG = b"ID3" + bytes(range(256)) * 32


@pytest.fixture
def tiny_songs(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox composes nothing, and cards are edited at once."""
    monkeypatch.setattr(server, "song", lambda *args, **_: TINY_SONG + repr(args).encode())
    monkeypatch.setattr(runner, "CARD_EVERY", timedelta(milliseconds=50))


@pytest.fixture
async def world(tmp_path: Path, tiny_songs: None) -> AsyncIterator[World]:  # noqa: ARG001 - it is set up
    async with World.open(tmp_path, delay_s=0.0, pace=0.005) as opened:
        yield opened
