"""Thread pools for blocking work, one per kind, so that slow work of one kind does not delay the others."""

import asyncio
import contextvars
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, ParamSpec, TypeVar

REPORTS: Final = 4
"""Number of threads on which members' and managers' reports read the database."""
SPOOL_FILES: Final = 4
"""Number of threads that write, move and remove files in the spool."""
ATTACHMENTS: Final = 2
"""Number of threads that draw charts, and of threads that tag songs."""
NAMES: Final = 8
"""Number of threads that look up host names. A name takes one thread, however many callers wait for it."""

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A thread pool for one kind of blocking work, which queues while no thread is free."""

    def __init__(self, kind: str, count: int) -> None:
        self._executor = ThreadPoolExecutor(count, thread_name_prefix=f"tunesmith-{kind}")

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run ``work`` on one of the threads and return its result.

        Cancelling ends only the wait.
        """
        context = contextvars.copy_context()
        call = partial(context.run, work, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    def close(self) -> None:
        """Refuse new work and drop what is queued, without waiting for what is running."""
        self._executor.shutdown(wait=False, cancel_futures=True)


class NameLookups:
    """Looks up host names for a whole event loop, with one thread per name at a time.

    httpx and aiohttp look up names on asyncio's default threads, on which aiohttp also reads files. Lookups
    of a name whose servers are silent take 10 s and more each, and would soon occupy all of these threads.
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
        """Look up a name as ``loop.getaddrinfo`` does, or join a lookup in progress."""
        key = (host, port, family, type, proto, flags)
        task = self._pending.get(key)
        if task is None:
            task = asyncio.create_task(self._threads.run(self._look_up, *key), name="name lookup")
            self._pending[key] = task
            task.add_done_callback(partial(self._done, key))
        # A caller that gives up must not cancel the lookup for the others.
        return await asyncio.shield(task)

    def _done(self, key: tuple[object, ...], task: asyncio.Task[Any]) -> None:
        del self._pending[key]
        if not task.cancelled():
            task.exception()  # retrieved even if nobody waits any more


def keep_names_apart(loop: asyncio.AbstractEventLoop, lookups: NameLookups | None = None) -> None:
    """Look up names on dedicated threads for this event loop, libraries included."""
    loop.getaddrinfo = (lookups or NameLookups()).getaddrinfo  # type: ignore[method-assign]
