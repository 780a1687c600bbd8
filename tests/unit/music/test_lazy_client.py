"""Clients that are opened on first use."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

from bot.music.lazy_client import LazyClient

NOT_AT_THE_START: Final = (
    *("httpx", "httpcore", "anyio", "h11", "aiohttp_socks", "python_socks"),
    *("dotenv", "pydantic", "typer", "rich", "PIL", "psycopg"),
)
"""Packages that a bot needs only in use, or never."""


class Clients:
    """Counts opened and closed clients."""

    def __init__(self) -> None:
        self.opened = self.closed = 0

    def load(self) -> AbstractAsyncContextManager[int]:
        return self._open()

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[int]:
        self.opened += 1
        yield self.opened
        self.closed += 1


async def test_an_unused_client_is_not_opened() -> None:
    clients = Clients()

    async with AsyncExitStack() as stack:
        LazyClient(stack, clients.load)

    assert (0, 0) == (clients.opened, clients.closed)


async def test_all_callers_share_one_client_which_is_closed_at_the_end() -> None:
    clients = Clients()

    async with AsyncExitStack() as stack:
        late = LazyClient(stack, clients.load)
        got = await asyncio.gather(*(late.opened() for _ in range(3)))

    assert ([1, 1, 1], 1, 1) == (got, clients.opened, clients.closed)


def test_a_starting_bot_imports_no_library_that_it_needs_later() -> None:
    code = "import sys; from bot import __main__\n"
    code += "with __main__._left_out(*__main__.UNUSED): from bot import lifecycle, start\n"
    code += "print(*(name for name, module in sys.modules.items() if module))"

    ran = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)  # noqa: S603 - our own code
    modules = ran.stdout

    assert [] == [name for name in NOT_AT_THE_START if name in modules.split()]
