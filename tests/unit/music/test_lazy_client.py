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
    *("regex._regex", "prometheus_client"),
)
"""Packages that a bot needs only in use, or never."""
NEVER: Final = ("httpx._main", "rich", "click", "pygments")
"""Modules for programs in a terminal."""
STARTING: Final = """
from bot import __main__, lazy
with lazy.left_out(*__main__.UNUSED): from bot import lifecycle, start
"""
USING: Final = """
import asyncio
from bot.model import Backend
from bot.music.backends import plain_contract
from bot.music.client import MusicClient
from bot.music.downloads import AudioSource

async def use():
    kie = plain_contract(Backend.KIE)
    async with (
        MusicClient.open(url="https://kie.test", key="k", contract=kie, now=None) as client,
        AudioSource.open(origins=()) as source,
    ):
        await asyncio.gather(client.prepare(), source._client.opened())

asyncio.run(use())
"""
"""Code that opens the clients that pay for songs and download them."""


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


def modules_after(code: str) -> set[str]:
    """Return the modules that a new process has imported once it has run the code."""
    shown = f"{code}\nimport sys; print(*(name for name, module in sys.modules.items() if module))"
    ran = subprocess.run([sys.executable, "-c", shown], check=True, capture_output=True, text=True)  # noqa: S603 - our own code
    return set(ran.stdout.split())


def test_a_starting_bot_imports_no_library_that_it_needs_later() -> None:
    modules = modules_after(STARTING)

    assert [] == [name for name in NOT_AT_THE_START if name in modules]


def test_requests_import_httpx_without_its_command_line() -> None:
    modules = modules_after(STARTING + USING)

    assert [] == [name for name in NEVER if name in modules]
    assert {"httpx", "httpcore"} <= modules
