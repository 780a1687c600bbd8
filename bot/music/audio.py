"""A safe download of audio into the spool: public addresses only, streamed, bounded, judged by its bytes."""

import asyncio
import hashlib
import ipaddress
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import IO, Final, TypeAlias

import httpcore
import httpx

from bot.about import USER_AGENT
from bot.errors import Transient
from bot.music.wire import is_usable, origin_of

AUDIO_MAX_BYTES: Final = 40 * 1024 * 1024
AUDIO_MIN_BYTES: Final = 4 * 1024
"""Anything shorter is no song; error pages and placeholders are."""
DOWNLOAD_S: Final = 120.0
CONNECT_S: Final = 10.0
REDIRECTS_MAX: Final = 5

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""Host and port to the addresses behind them, as text."""

# Source: https://www.iana.org/assignments/ipv6-address-space, read 2026-11-22. What lies outside is
# local, reserved or a translation of IPv4.
_V4 = 4
_V6_UNICAST = ipaddress.ip_network("2000::/3")
# Networks that Python (before 3.13) calls global, and that lead back to a local one or hide an IPv4 address.
_NOT_PUBLIC = (
    ipaddress.ip_network("192.0.0.0/24"),
    ipaddress.ip_network("192.88.99.0/24"),
    ipaddress.ip_network("2001::/32"),
    ipaddress.ip_network("2002::/16"),
    ipaddress.ip_network("3fff::/20"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """A file that lies safely in the spool."""

    file: str
    size_bytes: int
    sha256: str


class NoAudio(Exception):
    """What lies at the address is no song, or nothing lies there; a fresh address may help."""


class SpoolUnwritable(Transient):
    """The disk is full, or the folder can't be written to."""


class _Blocked(httpcore.ConnectError):
    """The name leads to an address that is not public."""


def is_public(address: str) -> bool:
    """Whether a connection to this address goes out to the internet and nowhere else."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    return (
        ip.is_global
        and not ip.is_multicast
        and (ip.version == _V4 or ip in _V6_UNICAST)
        and not any(ip in net for net in _NOT_PUBLIC)
    )


async def resolve(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver gives for ``host``."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(entry[4][0]) for entry in found]


class GuardedBackend(httpcore.AsyncNetworkBackend):
    """Looks a name up once and connects to just the address that it judged, so no second look-up differs."""

    def __init__(self, trusted: str, look_up: Resolve, network: httpcore.AsyncNetworkBackend) -> None:
        self._trusted = trusted
        self._look_up = look_up
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's interface
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection to ``host``, if it is public or the music service's own."""
        if f"{host}:{port}" == self._trusted:
            return await self._network.connect_tcp(host, port, timeout, local_address, socket_options)
        try:
            addresses = await self._look_up(host, port)
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that no name can have
            raise httpcore.ConnectError(f"{host} can't be looked up") from error
        if not addresses or not all(is_public(address) for address in addresses):
            raise _Blocked("not a public address")
        for address in addresses[:-1]:
            try:
                return await self._network.connect_tcp(address, port, timeout, local_address, socket_options)
            except httpcore.ConnectError:
                continue  # an IPv6 address where the host has no IPv6: the next one may answer
        return await self._network.connect_tcp(addresses[-1], port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self,
        path: str,  # noqa: ARG002
        timeout: float | None = None,  # noqa: ASYNC109, ARG002
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002
    ) -> httpcore.AsyncNetworkStream:
        """Never: audio comes over the network."""
        raise _Blocked("not a network address")

    async def sleep(self, seconds: float) -> None:
        """As the network below."""
        await self._network.sleep(seconds)


class _GuardedTransport(httpx.AsyncHTTPTransport):
    """httpx's own transport on a pool whose connections go through the guard."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        ssl_context = httpx.create_ssl_context(trust_env=False)
        super().__init__(verify=ssl_context)
        # httpx has no parameter for httpcore's network_backend (0.28.1); all else of it is wanted.
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=ssl_context,
            max_connections=10,
            max_keepalive_connections=0,
            network_backend=backend,
        )


class AudioSource:
    """Fetches audio files. Get it from ``AudioSource.open``."""

    def __init__(self, client: httpx.AsyncClient, origin: str) -> None:
        self._client = client
        self._origin = origin

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        origin: str,
        look_up: Resolve = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> AsyncIterator["AudioSource"]:
        """A source that trusts ``origin``, the music service's own "scheme://host:port"."""
        trusted = origin.partition("://")[2]
        backend = GuardedBackend(trusted, look_up, network or httpcore.AnyIOBackend())
        async with httpx.AsyncClient(
            transport=transport or _GuardedTransport(backend),
            headers={"User-Agent": USER_AGENT, "Accept": "audio/*, */*;q=0.5", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(30.0, connect=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
        ) as client:
            yield cls(client, origin)

    async def fetch(self, url: str, spool: "Spool", name: str) -> Stored:
        """The audio at ``url``, as a file in the spool that survives a power cut.

        Raises:
            NoAudio: it is refused, missing, empty, too large, too slow, broken off or no audio.
            SpoolUnwritable: the disk is full, or the folder can't be written to.
        """
        try:
            async with asyncio.timeout(DOWNLOAD_S):
                return await self._fetch(url, spool, name)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # UnicodeError is httpx's, about a host name that is none.
            raise NoAudio(f"{type(error).__name__} at {_host(url)}") from error
        except TimeoutError as error:
            raise NoAudio(f"more than {DOWNLOAD_S:.0f} s at {_host(url)}") from error

    async def _fetch(self, url: str, spool: "Spool", name: str) -> Stored:
        for _ in range(REDIRECTS_MAX + 1):
            if not is_usable(url, self._origin):
                raise NoAudio(f"refused address at {_host(url)}")
            async with self._client.stream("GET", url) as response:
                if response.next_request is not None:
                    url = str(response.next_request.url)
                    continue
                if response.status_code != HTTPStatus.OK:
                    raise NoAudio(f"HTTP {response.status_code} at {_host(url)}")
                if response.headers.get("Content-Encoding", "identity").strip().lower() not in (
                    "",
                    "identity",
                ):
                    raise NoAudio(f"compressed audio at {_host(url)}")
                return await spool.store(name, _received(response))
        raise NoAudio(f"more than {REDIRECTS_MAX} redirects")


async def _received(response: httpx.Response) -> AsyncIterator[bytes]:
    """The body as it comes. The network's errors must not be taken for the disk's."""
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except OSError as error:  # ssl's own, which httpcore lets through
        raise NoAudio(f"{type(error).__name__} at {_host(str(response.url))}") from error


class Spool:
    """The folder of finished audio files. A name in it is a whole file that was written to the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, file: str) -> Path:
        """Where a stored file lies."""
        return self.folder / file

    def of_jobs(self, job_ids: Collection[int]) -> list[Path]:
        """The files of these jobs, whole or not: their names begin with the job's id and a hyphen."""
        wanted = {str(job_id) for job_id in job_ids}
        there = self.folder.iterdir() if self.folder.is_dir() else ()
        return [path for path in there if path.name.partition("-")[0] in wanted and "-" in path.name]

    def sync(self) -> None:
        """What was removed from the folder, or put into it, is so also after a power cut."""
        _sync(self.folder)

    async def store(self, name: str, chunks: AsyncIterator[bytes]) -> Stored:
        """Write the chunks to a file called ``name`` with the ending that its bytes ask for.

        Raises:
            NoAudio: the bytes are no audio, or too few or too many.
            SpoolUnwritable: the disk is full, or the folder can't be written to.
        """
        part = self.folder / f"{name}.part"
        try:
            # Not on a thread: one that is called off would make the file after it was removed.
            with _create(part) as file:
                size, sha256, ending = await _copy(chunks, file)
                await asyncio.to_thread(_flush, file)
            await asyncio.to_thread(_rename, part, self.folder / f"{name}{ending}")
        except OSError as error:
            raise SpoolUnwritable(f"{error.strerror}; look at SPOOL_DIR and the free space") from error
        finally:
            with suppress(OSError):
                part.unlink()
        return Stored(file=f"{name}{ending}", size_bytes=size, sha256=sha256)


def _create(path: Path) -> IO[bytes]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path.open("wb")


async def _copy(chunks: AsyncIterator[bytes], file: IO[bytes]) -> tuple[int, str, str]:
    """Size, sha256 and file name ending of what was copied."""
    size, digest, start = 0, hashlib.sha256(), b""
    async for chunk in chunks:
        size += len(chunk)
        if size > AUDIO_MAX_BYTES:
            raise NoAudio(f"more than {AUDIO_MAX_BYTES} bytes")
        if len(start) < _MAGIC_BYTES:
            start += chunk[:_MAGIC_BYTES]
            if len(start) >= _MAGIC_BYTES and ending_of(start) is None:
                raise NoAudio("the bytes are no audio")
        digest.update(chunk)
        await asyncio.to_thread(file.write, chunk)
    ending = ending_of(start)
    if ending is None or size < AUDIO_MIN_BYTES:
        raise NoAudio(f"{size} bytes that are no song")
    return size, digest.hexdigest(), ending


def _flush(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _rename(part: Path, path: Path) -> None:
    part.replace(path)
    _sync(path.parent)  # the name itself has to survive, not only the bytes


def _sync(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


_MAGIC_BYTES = 12


def ending_of(start: bytes) -> str | None:
    """The file name ending for audio that begins with these bytes, or None if it is none that we know."""
    if start.startswith(b"ID3") or _is_mpeg_frame(start):
        return ".mp3"
    if start.startswith(b"RIFF") and start[8:12] == b"WAVE":
        return ".wav"
    if start[4:8] == b"ftyp":
        return ".m4a"
    if start.startswith(b"OggS"):
        return ".ogg"
    if start.startswith(b"fLaC"):
        return ".flac"
    return None


def _is_mpeg_frame(start: bytes) -> bool:
    """Eleven bits of sync, and layer II or III: layer I looks like the mark that UTF-16 text begins with.

    Source: ISO/IEC 11172-3, 2.4.1.3.
    """
    first = int.from_bytes(start[:2])
    return first & 0xFFE0 == 0xFFE0 and first & 0x0006 in (0x0002, 0x0004)  # noqa: PLR2004 - masks of the header


def _host(url: str) -> str:
    """The part of an address that may stand in a log: paths and queries can carry signatures."""
    try:
        return origin_of(url)
    except ValueError:
        return "an address that is none"
