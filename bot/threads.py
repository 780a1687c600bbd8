"""Threads for blocking work, apart by its kind: what is slow in one kind does not hold up the others."""

import asyncio
import contextvars
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

REPORTS: Final = 4
"""Threads on which members' and managers' reports read the database."""
SPOOL_FILES: Final = 4
"""Threads that write, move and remove files of the spool."""
ATTACHMENTS: Final = 2
"""Threads that draw charts, and as many that tag songs."""
NAMES: Final = 8
"""Threads that look up host names. One name takes one thread, however many wait for it."""

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A few threads for one kind of blocking work. Work that finds none free waits for one."""

    def __init__(self, kind: str, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=f"tunesmith-{kind}")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Return what ``work`` returns on one of the threads. Cancelling ends the wait and not the work."""
        context = contextvars.copy_context()
        call = partial(context.run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def close(self) -> None:
        """Take no more work; what has begun ends by itself."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class NameLookups:
    """Looks up host names for a whole event loop, one thread for each name at a time.

    httpx and aiohttp look up on asyncio's default threads, which aiohttp also reads files on. The lookups
    of a name whose servers are silent take 10 s and more each, and would soon have taken all of them.
    """

    def __init__(self, look_up: Callable[..., Any] = socket.getaddrinfo) -> None:
        self._look_up = look_up
        self._threads = Threads("names", NAMES)
        self._pending: dict[tuple[object, ...], asyncio.Task[Any]] = {}

    async def getaddrinfo(
        self,
        host: object,
        port: object,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - the event loop's interface
        proto: int = 0,
        flags: int = 0,
    ) -> Any:  # noqa: ANN401 - as in socket
        """Look up a name as ``loop.getaddrinfo`` does, or wait for whoever does already."""
        key = (host, port, family, type, proto, flags)
        task = self._pending.get(key)
        if task is None:
            task = asyncio.create_task(self._threads.run(self._look_up, *key), name="name lookup")
            self._pending[key] = task
            task.add_done_callback(partial(self._done, key))
        # Whoever gives up must not cancel the lookup for the others.
        return await asyncio.shield(task)

    def _done(self, key: tuple[object, ...], task: asyncio.Task[Any]) -> None:
        del self._pending[key]
        if not task.cancelled():
            task.exception()  # looked at, also if nobody waits any more


def keep_names_apart(loop: asyncio.AbstractEventLoop, lookups: NameLookups | None = None) -> None:
    """Make everything in the event loop, libraries included, look up names on threads of their own."""
    loop.getaddrinfo = (lookups or NameLookups()).getaddrinfo  # type: ignore[method-assign]
