"""The unmodified bot as a process, between a local Discord and a local music service."""

import asyncio
import os
import resource
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import ClassVar, Self

from bot.sandbox.server import running
from tests.doubles.discord import BotRequest, Channel, FakeDiscord, Message, Person
from tests.doubles.discord.world import BOT_TOKEN
from tests.doubles.music import MUSIC_KEY, QuickSandbox
from tests.flows.warm_start import Process, WarmStarts

ROOT = Path(__file__).parents[2]
END_WITHIN_S = 30.0
PATIENCE_S = 60.0
"""Timeout of expected events, in seconds; generous, so that a busy machine fails no test."""

FENCE = """
import os, sys

PORTS = os.environ.get("DIALLED_PORTS", "").split()

def watch(event, arguments):
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event == "socket.connect" and isinstance(arguments[1], tuple):
        host = arguments[1][0]
    else:
        return
    if host not in (None, "localhost", "127.0.0.1", "::1"):
        os.write(2, f"the bot dialled {host!r}\\n".encode())
        os._exit(86)
    if event == "socket.connect" and PORTS and str(arguments[1][1]) not in PORTS:
        os.write(2, f"the bot dialled port {arguments[1][1]}\\n".encode())
        os._exit(86)

sys.addaudithook(watch)
"""
"""Code that Python runs before the bot: exit at once on dialling anything but this machine.

With ``DIALLED_PORTS``, only these ports are allowed.
"""


class BotProcess:
    """One ``python -m bot run``. Get it from ``BotProcess.running``."""

    warm_starts: ClassVar[WarmStarts | None] = None
    """The process from which bots are forked; None starts Python for each, as usual."""

    def __init__(self, process: Process) -> None:
        self.lines: list[str] = []
        """Lines written to stdout and stderr."""
        self._process = process
        self._heard = asyncio.Event()
        self._ears = [
            asyncio.create_task(self._listen(stream))
            for stream in (process.stdout, process.stderr)
            if stream is not None
        ]

    @classmethod
    @asynccontextmanager
    async def running(
        cls, folder: Path, command: Sequence[str], settings: Mapping[str, str]
    ) -> AsyncIterator[Self]:
        """Run ``python -m`` with the command, with only these settings, until the block ends.

        ``folder`` has the data that outlives it. A bot still running at the end is killed.
        """
        fence = folder / "fence"
        fence.mkdir(parents=True, exist_ok=True)
        (fence / "sitecustomize.py").write_text(FENCE, "utf-8")
        env = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": os.pathsep.join([str(fence), str(ROOT)]),
            "PYTHONUTF8": "1",
            "DATABASE_URL": f"sqlite:///{folder / 'tunesmith.db'}",
            "SPOOL_DIR": str(folder / "spool"),
            "HTTP_LISTEN": "",  # others run at the same time
        } | dict(settings)
        bot = cls(await cls._started(command, folder, env))
        try:
            yield bot
        finally:
            await bot.kill()

    @classmethod
    def start_warm(cls) -> WarmStarts:
        """Fork bots from now on, until the returned object is closed."""
        cls.warm_starts = WarmStarts([BOT_TOKEN, MUSIC_KEY])
        return cls.warm_starts

    @classmethod
    @contextmanager
    def started_anew(cls) -> Iterator[None]:
        """Start Python for each bot inside, as an operator does."""
        warm_starts, cls.warm_starts = cls.warm_starts, None
        try:
            yield
        finally:
            cls.warm_starts = warm_starts

    @classmethod
    async def _started(cls, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> Process:
        if cls.warm_starts is not None and cls.warm_starts.suits(command, env):
            return await cls.warm_starts.start(command, folder, env)
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", *command),
            cwd=folder,  # without a .env file
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )

    @property
    def log(self) -> str:
        """Everything written so far."""
        return "\n".join(self.lines)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """The exit status, or None while it runs."""
        return self._process.returncode

    def limit_files(self, count: int) -> None:
        """Limit the number of files that it may have open."""
        resource.prlimit(self._process.pid, resource.RLIMIT_NOFILE, (count, count))

    def reset_peak_memory(self) -> None:
        """Reset the peak memory to the current one.

        Source: https://man7.org/linux/man-pages/man5/proc_pid_clear_refs.5.html, read 2026-11-26.
        """
        Path(f"/proc/{self._process.pid}/clear_refs").write_text("5", "ascii")

    def peak_memory_mib(self) -> float:
        """Return its peak memory, in MiB."""
        status = Path(f"/proc/{self._process.pid}/status").read_text("ascii")
        (peak_kib,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")]
        return int(peak_kib) / 1024

    async def until_said(self, words: str, timeout_s: float = PATIENCE_S) -> None:
        """Wait until it has written ``words``."""
        async with asyncio.timeout(timeout_s):
            while words not in self.log:
                self._heard.clear()
                await self._heard.wait()

    def stand_still(self) -> None:
        """Send SIGSTOP: the process keeps its connections and does nothing."""
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Send SIGCONT."""
        self._process.send_signal(signal.SIGCONT)

    async def terminate(self) -> int:
        """Send SIGTERM if it still runs. Return the exit status."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> int:
        """Send SIGKILL if it still runs. Return the exit status."""
        if self._process.returncode is None:
            self._process.kill()
        return await self.ended()

    async def ended(self, timeout_s: float = END_WITHIN_S) -> int:
        """Wait until it has ended by itself. Return the exit status."""
        async with asyncio.timeout(timeout_s):
            status = await self._process.wait()
            await asyncio.gather(*self._ears)
        return status

    async def _listen(self, stream: asyncio.StreamReader) -> None:
        async for line in stream:
            self.lines.append(line.decode().rstrip())
            self._heard.set()


class World:
    """A Discord, a music service and a folder; bots come and go. Get it from ``World.open``."""

    command: Sequence[str] = ("bot", "run")
    """The command for ``python -m``, which a benchmark replaces for comparison."""

    def __init__(self, folder: Path, discord: FakeDiscord, music: QuickSandbox, music_url: str) -> None:
        self.folder = folder
        self.discord = discord
        self.music = music
        self.music_url = music_url

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, *, delay_s: float = 0.0) -> AsyncIterator[Self]:
        """Run both services on free ports; at the end, assert that no unknown route was requested."""
        async with FakeDiscord() as discord:
            music = QuickSandbox(discord.changed, delay_s=delay_s)
            async with running(music) as url:
                yield cls(folder, discord, music, url)
            assert [] == discord.unknown_routes

    @asynccontextmanager
    async def bot(self, **settings: str) -> AsyncIterator[BotProcess]:
        """Run a bot on this world's database once it is connected; kill it at the end if it still runs."""
        connections = self.discord.gateway.connections
        async with self.unconnected_bot(**settings) as bot:
            await self.discord.until(
                lambda: (
                    self.discord.gateway.connections > connections
                    and self.discord.gateway.listening(self.discord.guild.id)
                ),
                PATIENCE_S,
                f"a connection by the bot, which said {bot.log!r}",
            )
            yield bot

    @asynccontextmanager
    async def unconnected_bot(self, **settings: str) -> AsyncIterator[BotProcess]:
        """Run a bot without waiting for its connection."""
        given = {
            "DISCORD_TOKEN": self.discord.token,
            "DISCORD_API_URL": self.discord.url,
            "MUSIC_API_KEY": MUSIC_KEY,
            "MUSIC_API_URL": self.music_url,
            "POLL_PACE": "0.01",
        }
        async with BotProcess.running(self.folder, self.command, given | settings) as bot:
            yield bot

    def room(self) -> tuple[Channel, Person]:
        """Return a channel on a new server, whose credits nobody else spends, and a member there."""
        channel = self.discord.add_channel("songs", guild=self.discord.add_guild())
        return channel, self.discord.add_person("ada")

    def posts(self, channel: Channel) -> list[BotRequest]:
        """Return the bot's requests to post in this channel, in order."""
        path = f"/channels/{channel.id}/messages"
        return [call for call in self.discord.requests if (call.method, call.path) == ("POST", path)]

    def bodies(self, words: str) -> list[dict[str, object]]:
        """Return the bodies of the paid requests with this prompt or title."""
        return [body for body in self.music.requests if words in (body.get("prompt"), body.get("title"))]

    async def next_post(self, channel: Channel) -> Message:
        """Wait for the first message posted there, apart from answers, and return it."""
        return (await self.discord.until(lambda: self.discord.posted(channel), PATIENCE_S, "a post"))[0]
