"""Simulated time that jumps to the next timer when nothing else is happening, with real sockets."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

import aiosqlite
import pytest

from bot.database import postgresql, slots, sqlite_writer
from tests import make

GRACE_S = 0.002
"""Time allowed for the local network to deliver sent data, in seconds."""
HOPS: Final = (
    (aiosqlite.Connection, "_execute"),
    (sqlite_writer.Writer, "settle"),
    (postgresql.Database, "_write"),
    (postgresql.Database, "read"),
)
"""Functions that wait for one of the store's threads."""
BEAT_S: Final = 86_400.0
"""Interval between two beats of a slot, in seconds."""


class Hurry:
    """The time of one event loop. Get it from ``Hurry.on``."""

    def __init__(self, loop: Any) -> None:  # noqa: ANN401 - its parts are private
        self.passed_s = 0.0
        self._began_s: float = loop.time()
        self._select = loop._selector.select
        self._in_threads = 0

    @classmethod
    @contextmanager
    def on(cls, loop: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator["Hurry"]:  # noqa: ANN401
        """Make the loop's timers due as soon as it has nothing else to do, inside the block.

        Covers work on the loop itself and in the threads of the store and the executor.
        """
        hurry = cls(loop)
        in_executor = loop.run_in_executor

        def counted(hop: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def counted_hop(*args: Any) -> Any:  # noqa: ANN401
                hurry._in_threads += 1
                try:
                    return await hop(*args)
                finally:
                    hurry._in_threads -= 1

            return counted_hop

        def counted_call(*args: Any) -> asyncio.Future[Any]:  # noqa: ANN401
            hurry._in_threads += 1
            future: asyncio.Future[Any] = in_executor(*args)
            future.add_done_callback(hurry._back)
            return future

        with monkeypatch.context() as patch:
            for owner, name in HOPS:
                patch.setattr(owner, name, counted(getattr(owner, name)))
            # A beat per second of simulated hours would be most of a server's work.
            patch.setattr(slots, "BEAT_S", BEAT_S)
            patch.setattr(loop, "run_in_executor", counted_call)
            patch.setattr(loop._selector, "select", hurry._wait)
            patch.setattr(loop, "time", hurry._time)
            yield hurry

    def _back(self, _: object) -> None:
        self._in_threads -= 1

    def _time(self) -> float:
        return self._began_s + self.passed_s

    def _wait(self, timeout: float | None = None) -> list[object]:
        """Replace the selector's own ``select``: return events, or nothing after advancing the time."""
        if timeout is not None and timeout <= 0:
            return list(self._select(timeout))
        if timeout is None or self._in_threads:
            return list(self._select(timeout))
        events = list(self._select(GRACE_S))
        if not events:
            self.passed_s += timeout
        return events


class HurriedClock(make.Clock):
    """A ``now()`` in that time; advancing it lets time pass."""

    def __init__(self, hurry: Hurry) -> None:
        self._hurry = hurry

    def __call__(self) -> datetime:
        return make.NOW + timedelta(seconds=self._hurry.passed_s)

    @property
    def now(self) -> datetime:
        return self()

    @now.setter
    def now(self, moment: datetime) -> None:
        self._hurry.passed_s = (moment - make.NOW).total_seconds()
