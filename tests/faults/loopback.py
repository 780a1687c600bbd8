"""The music service's double behind a real socket, for faults that need a real connection."""

import asyncio
import itertools
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TypeAlias

import httpx

from tests.doubles.in_process import AUDIO, MusicService
from tests.unit.pipeline.rig import Rig


class Exchange:
    """A request as it arrived, and the connection on which it awaits its answer."""

    def __init__(self, music: MusicService, request: httpx.Request, writer: asyncio.StreamWriter) -> None:
        self.music = music
        self.request = request
        self._writer = writer

    async def answer(self) -> bytes:
        """Return the service's regular answer, as sent over the wire."""
        posts = self.music.posts
        answered = raw(await self.music._answer(self.request))
        self.music.posts = posts  # it was counted on arrival
        return answered

    async def send(self, content: bytes) -> None:
        self._writer.write(content)
        await self._writer.drain()

    def reset(self) -> None:
        """Reset the connection, so that the peer reads an error instead of an end."""
        linger = struct.pack("ii", 1, 0)
        self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()


Meet: TypeAlias = Callable[[Exchange], Awaitable[None]]
"""A handler that replaces the normal answer; the connection is closed afterwards."""


class Loopback:
    """A local server. Get it from ``Loopback.open``."""

    def __init__(self, music: MusicService, listener: socket.socket) -> None:
        self.music = music
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.connections = 0
        self.seen: list[tuple[int, str, str]] = []
        """Connection, method and path of each request."""
        self.on_post: list[Meet] = []
        self._met_by_post: Meet | None = None
        self.on_poll: list[Meet] = []
        self.on_audio: list[Meet] = []
        self.idles_s: float | None = None
        """Idle time after which an answered connection is closed, in seconds; None keeps it open."""
        self.answers_per_connection: int | None = None
        """Number of answers after which the next request resets the connection; None for no limit."""
        self.blurts: bytes | None = None
        """Data sent on every connection before closing it, without reading; None to read requests."""
        self._listener = listener
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[object]] = set()

    @classmethod
    @asynccontextmanager
    async def open(cls, rig: Rig, *, listening: bool = True) -> AsyncIterator["Loopback"]:
        """Serve the rig's music service and its audio on their own port, which may be closed at first."""
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            server = cls(rig.music, listener)
            rig.url = server.url
            rig.api_over, rig.audio_over = lambda: None, dict
            rig.music.audio_base = f"{server.url}/audio"
            try:
                if listening:
                    await server.listen()
                yield server
            finally:
                await server._close()

    async def listen(self) -> None:
        """Accept connections from now on."""
        self._server = await asyncio.start_server(self._serve, sock=self._listener)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.connections += 1
        number = self.connections
        try:
            if self.blurts is not None:
                await reader.read(10)
                writer.write(self.blurts)
                return
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError, ValueError):
                for answered in itertools.count():
                    if not await self._exchange(number, reader, writer, answered):
                        break
                    if self.idles_s is not None:
                        await asyncio.sleep(self.idles_s)
                        break
        finally:
            self._serving.discard(task)
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def _exchange(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answered: int
    ) -> bool:
        """Handle one request. Return whether the connection is kept."""
        request = await _read(reader, self.url)
        self.seen.append((number, request.method, request.url.raw_path.decode()))
        if request.url.path.startswith("/audio/"):
            request = httpx.Request("GET", AUDIO + request.url.path.removeprefix("/audio"))
            meets = self.on_audio
        else:
            meets = self.on_post if request.method == "POST" else self.on_poll
        exchange = Exchange(self.music, request, writer)
        if answered == self.answers_per_connection:
            exchange.reset()
            return False
        if request.method == "POST" and request.content == b"{}" and self._met_by_post is not None:
            await self._met_by_post(exchange)  # a closed service answers the free question alike
            return False
        self.music.posts += request.method == "POST"
        if meets is self.on_post:
            self._met_by_post = meets[0] if meets else None
        if not meets:
            await exchange.send(await exchange.answer())
            return True
        await meets.pop(0)(exchange)
        return False


async def _read(reader: asyncio.StreamReader, base: str) -> httpx.Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.rstrip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = dict(line.split(": ", 1) for line in lines)
    length = int({name.lower(): value for name, value in headers.items()}.get("content-length", "0"))
    return httpx.Request(method, base + target, headers=headers, content=await reader.readexactly(length))


def raw(response: httpx.Response) -> bytes:
    """Return a whole answer as sent over the wire."""
    return wire(response.status_code, response.content)


def wire(status: int, content: bytes = b"", **headers: str) -> bytes:
    """Return an answer with this status and content, and with a length unless headers set one."""
    fields = {"Content-Length": str(len(content))} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content
