"""Garbage is collected while no member waits."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from bot.ops import memory


class Cycle:
    """An object that only a collection frees."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def collector() -> Iterator[None]:
    """Let nothing else collect garbage meanwhile."""
    gc.disable()
    yield
    gc.enable()


async def test_garbage_is_collected_at_a_quiet_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(memory, "COLLECT_WHEN_QUIET", 1)
    garbage, looked = weakref.ref(Cycle()), asyncio.Event()
    alive: list[bool] = []

    def is_quiet(for_s: float) -> bool:
        alive.append(garbage() is not None)
        if len(alive) == 4:
            looked.set()
        return for_s == memory.QUIET_S and len(alive) == 3

    collecting = asyncio.create_task(memory.collect_when_quiet(is_quiet))
    await looked.wait()
    collecting.cancel()

    assert [True, True, True, False] == alive[:4]


async def test_little_garbage_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LOOK_EVERY_S", 0.0)
    monkeypatch.setattr(memory, "COLLECT_WHEN_QUIET", 10**9)
    garbage, looks = weakref.ref(Cycle()), 0
    looked = asyncio.Event()

    def counts() -> tuple[int, int, int]:
        nonlocal looks
        looks += 1
        if looks == 3:
            looked.set()
        return 5, 0, 0

    monkeypatch.setattr(gc, "get_count", counts)
    collecting = asyncio.create_task(memory.collect_when_quiet(lambda _: True))
    await looked.wait()
    collecting.cancel()

    assert garbage() is not None
