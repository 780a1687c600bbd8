"""The real bot on a simulated Discord, with a sandbox that composes nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import simcord

from bot import app
from bot.database import postgresql
from bot.playground.world import World
from bot.ui.sharding import ALL_SHARDS
from tests.conftest import PATIENCE_S
from tests.flows.wire_limits import beyond
from tests.payloads import translate_once


@pytest.fixture
async def world(
    tmp_path: Path,
    tiny_songs: None,  # noqa: ARG001 - it is set up
    nothing_is_flushed: None,  # noqa: ARG001 - it is set up
    request: pytest.FixtureRequest,
    blank_file: bytes,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[World]:
    translate_once(monkeypatch)
    (tmp_path / "tunesmith.db").write_bytes(blank_file)
    url: str | None = None
    if request.config.getoption("--engine") == "postgresql":
        monkeypatch.setattr(postgresql, "GIVE_UP_AFTER_S", PATIENCE_S)
        # SimCord does not say how many shards it recommends.
        monkeypatch.setattr(app, "sharding", lambda *_: ALL_SHARDS)
        url = request.getfixturevalue("postgresql_server").create()
    async with World.open(tmp_path, delay_s=0.0, pace=0.005, database_url=url) as opened:
        if request.config.getoption("--restarts"):
            restart_before_each_press(opened, monkeypatch)
        yield opened
        requests = opened.env.http_requests
        too_long = [one for request in requests for one in beyond(request.json)]
    assert [] == too_long


def restart_before_each_press(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Start the bot anew before each button that is pressed and each form that is sent."""

    def restarted(act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @wraps(act)
        async def acting(*args: object, **options: object) -> object:
            await world.restart()
            return await act(*args, **options)

        return acting

    for name in ("click", "submit_modal"):
        monkeypatch.setattr(simcord.MemberActor, name, restarted(getattr(simcord.MemberActor, name)))
