"""A local proxy for HTTP, HTTPS or SOCKS5 that records the requested destinations.

Whatever the host name, it connects to this machine: resolving names is the proxy's job.
"""

import asyncio
import base64
import ipaddress
import re
import ssl
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

END_OF_HEAD = b"\r\n\r\n"
CERTIFICATE = Path(__file__).parent / "tls" / "certificate.pem"
"""Self-signed, for service.test and 127.0.0.1."""


def server_context() -> ssl.SSLContext:
    """Return the TLS settings of a server with our certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE, CERTIFICATE.with_name("key.pem"))
    return context


@dataclass
class ProxyServer:
    """Use it with ``ProxyServer.open``."""

    kind: str
    login: tuple[str, str] | None
    port: int = 0
    targets: list[tuple[str, int]] = field(default_factory=list)
    """Host and port of each connection."""
    refused: int = 0
    """Number of connections without the right user name and password."""
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @asynccontextmanager
    async def open(cls, kind: str, login: tuple[str, str] | None = None) -> AsyncIterator[Self]:
        """Listen on a free port until the block ends."""
        proxy = cls(kind, login)
        server = await asyncio.start_server(
            proxy._serve, "127.0.0.1", 0, ssl=server_context() if kind == "https" else None
        )
        proxy.port = server.sockets[0].getsockname()[1]
        try:
            yield proxy
        finally:
            server.close()
            for task in list(proxy._tasks):
                task.cancel()
            await asyncio.gather(*proxy._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """URL of the proxy, for clients."""
        login = "" if self.login is None else f"{self.login[0]}:{self.login[1]}@"
        return f"{self.kind}://{login}127.0.0.1:{self.port}"

    @property
    def ports(self) -> set[int]:
        """Ports of all connections."""
        return {port for _, port in self.targets}

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            # Cancelled connections end like any other: asyncio logs what a connection callback raises.
            with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await (self._socks if self.kind == "socks5" else self._http)(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _http(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(END_OF_HEAD)
        if self.login is not None:
            pair = base64.b64encode(":".join(self.login).encode())
            if b"proxy-authorization: basic " + pair.lower() not in head.lower():
                self.refused += 1
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
                return
        method, target, _ = head.split(b" ", 2)
        found = re.fullmatch(r"(?:http://)?([^/:]+):(\d+)(?:/.*)?", target.decode())
        assert found is not None, head
        host, port = found[1], int(found[2])
        if method == b"CONNECT":
            # In two parts, as some proxies respond.
            writer.write(b"HTTP/1.1 200 Connection established\r\n")
            await writer.drain()
            await asyncio.sleep(0)
            await self._join(host, port, reader, writer, b"Via: 1.1 double\r\n\r\n")
        else:
            # The service also accepts an absolute URL, so the request is forwarded unchanged.
            await self._join(host, port, reader, writer, b"", head)

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        _, count = await reader.readexactly(2)
        methods = await reader.readexactly(count)
        method = 0 if self.login is None else 2
        if method not in methods:
            self.refused += 1
            writer.write(b"\x05\xff")
            return
        writer.write(bytes([5, method]))
        if self.login is not None:
            login = []
            await reader.readexactly(1)
            for _ in range(2):
                (length,) = await reader.readexactly(1)
                login.append((await reader.readexactly(length)).decode())
            if tuple(login) != self.login:
                self.refused += 1
                writer.write(b"\x01\x01")
                return
            writer.write(b"\x01\x00")
        _, _, _, kind = await reader.readexactly(4)
        if kind == 3:
            (length,) = await reader.readexactly(1)
            host = (await reader.readexactly(length)).decode()
        else:
            host = str(ipaddress.ip_address(await reader.readexactly(4 if kind == 1 else 16)))
        (port,) = struct.unpack("!H", await reader.readexactly(2))
        await self._join(host, port, reader, writer, b"\x05\x00\x00\x01\x7f\x00\x00\x01\x00\x00")

    async def _join(
        self,
        host: str,
        port: int,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answer: bytes,
        head: bytes = b"",
    ) -> None:
        self.targets.append((host, port))
        there, back = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(answer)
            back.write(head)
            ways = [asyncio.create_task(_copy(reader, back)), asyncio.create_task(_copy(there, writer))]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        finally:
            back.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
