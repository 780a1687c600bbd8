"""The real bot on a simulated Discord, with a sandbox that composes nothing."""

from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from pathlib import Path
from typing import Any

import pytest
import simcord

from bot.playground.world import World
from tests.flows.wire_limits import beyond


@pytest.fixture
async def world(
    tmp_path: Path,
    tiny_songs: None,  # noqa: ARG001 - it is set up
    nothing_is_flushed: None,  # noqa: ARG001 - it is set up
    database_url: str | None,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[World]:
    async with World.open(tmp_path, delay_s=0.0, pace=0.005, database_url=database_url) as opened:
        if request.config.getoption("--restarts"):
            restart_before_each_press(opened, monkeypatch)
        yield opened
        requests = opened.env.http_requests
        too_long = [one for request in requests for one in beyond(request.json)]
    assert [] == too_long


@pytest.fixture
def ada(world: World) -> simcord.MemberActor:
    """A manager."""
    return world.add_member("Ada", manager=True)


@pytest.fixture
def mia(world: World) -> simcord.MemberActor:
    """A member."""
    return world.add_member("Mia")


def restart_before_each_press(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Restart the bot before each button press and form submission."""

    def restarted(act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @wraps(act)
        async def acting(*args: object, **options: object) -> object:
            await world.restart()
            return await act(*args, **options)

        return acting

    for name in ("click", "submit_modal"):
        monkeypatch.setattr(simcord.MemberActor, name, restarted(getattr(simcord.MemberActor, name)))
