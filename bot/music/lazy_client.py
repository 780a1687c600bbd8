"""Clients opened on first use, whose libraries nothing else needs."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Final, Generic, TypeVar

from bot.lazy import left_out
from bot.threads import Threads

T = TypeVar("T")

HTTPX_PROGRAM: Final = "httpx._main"
"""httpx's command line, which imports rich, click and pygments: another 4 MB and half of the import time."""


class LazyClient(Generic[T]):
    """A client that is opened on first use, and closed with the stack."""

    def __init__(self, stack: AsyncExitStack, load: Callable[[], AbstractAsyncContextManager[T]]) -> None:
        """Import and build the client in ``load``.

        It runs on a thread, as imports block the event loop.
        """
        self._stack = stack
        self._load = load
        self._opening = asyncio.Lock()
        self._client: T | None = None

    async def opened(self) -> T:
        """Return the client."""
        async with self._opening:
            if self._client is None:
                threads = Threads("import", 1)
                try:
                    manager = await threads.run(self._loaded)
                finally:
                    threads.close()
                self._client = await self._stack.enter_async_context(manager)
            return self._client

    def _loaded(self) -> AbstractAsyncContextManager[T]:
        with left_out(HTTPX_PROGRAM):
            return self._load()
