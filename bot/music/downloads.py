"""Safe downloads of audio into the spool: public addresses only, streamed, with bounds on size and time."""

import asyncio
import hashlib
import logging
from collections.abc import AsyncIterator, Collection
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeVar

from msgspec import Struct

from bot.music.client import CONNECT_S
from bot.music.formats import MAGIC_BYTES, ending_of
from bot.music.lazy_client import LazyClient
from bot.music.queries import Unanswered, error_name
from bot.music.spool import AUDIO_MAX_BYTES, NoAudio, Spool, Stored
from bot.music.tags import PICTURE_MAX_BYTES, picture_type
from bot.music.wire import is_usable, origin_of
from bot.proxies import Proxy

if TYPE_CHECKING:
    import httpcore
    import httpx

    from bot.music.audio_client import AudioClient
    from bot.music.guard import Resolve

DOWNLOAD_S: Final = 120.0
"""Deadline of a whole download, including redirects, in seconds."""
READ_S: Final = 30.0
REDIRECTS_MAX: Final = 5
WASTED_MAX_BYTES: Final = 5 * AUDIO_MAX_BYTES
"""Maximum number of bytes downloaded in vain for a job; later attempts fail at once and for good."""
REMEMBERED_MAX: Final = 1_000
"""Maximum number of addresses and jobs whose refused downloads are remembered."""
COVER_S: Final = 10.0
"""Deadline of a cover's download, in seconds: the song waits for it."""
DIGITS_MAX: Final = 16
"""Maximum length of a trusted Content-Length, in digits."""

_PICTURE_HEADERS: Final = {"Accept": "image/jpeg, image/png"}

T = TypeVar("T")

log = logging.getLogger(__name__)


class AudioSource:
    """Downloads audio files. Get it from ``AudioSource.open``."""

    def __init__(self, client: "LazyClient[AudioClient]", origins: Collection[str]) -> None:
        self._client = client
        self._origins = origins
        # In memory: after a restart, a refused address is downloaded once or twice more.
        self._refused: dict[str, bytes] = {}
        self._wasted_bytes: dict[str, int] = {}

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        *,
        origins: Collection[str],
        look_up: "Resolve | None" = None,
        proxy: Proxy | None = None,
        network: "httpcore.AsyncNetworkBackend | None" = None,
        transport: "httpx.AsyncBaseTransport | None" = None,
    ) -> AsyncIterator["AudioSource"]:
        """Open a source that trusts ``origins``, the services' own "scheme://host:port"."""
        trusted = frozenset(origin.partition("://")[2] for origin in origins)

        def load() -> "AbstractAsyncContextManager[AudioClient]":
            from bot.music.audio_client import AudioClient  # noqa: PLC0415 - by the first download

            return AudioClient.open(
                trusted,
                connect_s=CONNECT_S,
                read_s=READ_S,
                look_up=look_up,
                proxy=proxy,
                network=network,
                transport=transport,
            )

        async with AsyncExitStack() as stack:
            yield cls(LazyClient(stack, load), origins)

    async def fetch(self, url: str, spool: Spool, name: str) -> Stored:
        """Download the audio at ``url`` into the spool, where it survives a power cut.

        Raises:
            NoAudio: the file is refused, missing, empty, too large, too slow, cut off or not audio. The
                error is final if the address is known to be useless.
            SpoolUnwritable: the disk is full, or the folder is not writable.
        """
        job = name.rpartition("-")[0]
        if self._wasted_bytes.get(job, 0) >= WASTED_MAX_BYTES:
            raise NoAudio("too much was downloaded in vain", final=True)
        counter = _Counter()
        try:
            return await self._fetch_in_time(url, spool, name, counter)
        except NoAudio as error:
            _remember(self._wasted_bytes, job, self._wasted_bytes.get(job, 0) + counter.received)
            if error.received:
                digest = hashlib.sha256(error.received).digest()
                error.final |= self._refused.get(url) == digest
                _remember(self._refused, url, digest)
            raise

    async def fetch_cover(self, url: str) -> bytes:
        """Download the JPEG or PNG at ``url``, under the same guard.

        Returns nothing if there is none. A song is as good without a cover, so no failure is retried.
        """
        try:
            async with asyncio.timeout(COVER_S):
                picture = await self._fetch_picture(url)
        except (Unanswered, UnicodeError, OSError) as error:
            log.info("no cover", extra={"error": error_name(error), "host": _host(url)})
            return b""
        return picture if picture_type(picture) else b""

    def _is_usable(self, url: str) -> bool:
        return any(is_usable(url, origin) for origin in self._origins)

    async def _fetch_picture(self, url: str) -> bytes:
        client = await self._client.opened()
        for _ in range(REDIRECTS_MAX + 1):
            if not self._is_usable(url):
                break
            async with client.get(url, _PICTURE_HEADERS) as response:
                if response.next_request is not None:
                    url = str(response.next_request.url)
                    continue
                picture = bytearray()
                if response.status_code == HTTPStatus.OK:
                    async for chunk in response.aiter_raw():
                        picture += chunk
                        if len(picture) > PICTURE_MAX_BYTES:
                            return b""
                return bytes(picture)
        return b""

    async def _fetch_in_time(self, url: str, spool: Spool, name: str, counter: "_Counter") -> Stored:
        try:
            async with asyncio.timeout(DOWNLOAD_S):
                return await self._fetch(url, spool, name, counter)
        except (Unanswered, UnicodeError) as error:
            # httpx raises UnicodeError for a host name that cannot be encoded.
            raise NoAudio(f"{error_name(error)} at {_host(url)}") from error
        except TimeoutError as error:
            raise NoAudio(f"more than {DOWNLOAD_S:.0f} s at {_host(url)}") from error

    async def _fetch(self, url: str, spool: Spool, name: str, counter: "_Counter") -> Stored:
        client = await self._client.opened()
        for _ in range(REDIRECTS_MAX + 1):
            if not self._is_usable(url):
                raise NoAudio(f"refused address at {_host(url)}")
            async with client.get(url) as response:
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
                return await spool.store(name, _chunks(response, counter))
        raise NoAudio(f"more than {REDIRECTS_MAX} redirects")


class _Counter(Struct):
    """Counts the bytes received in one download."""

    received: int = 0


async def _chunks(response: "httpx.Response", counter: _Counter) -> AsyncIterator[bytes]:
    """Yield the body as it arrives, distinguishing network errors from the disk's.

    Audio that announces too large a size is refused without downloading it.
    """
    length = response.headers.get("Content-Length", "")
    too_large = length.isdecimal() and len(length) < DIGITS_MAX and int(length) > AUDIO_MAX_BYTES
    start = b""
    try:
        async for chunk in response.aiter_raw():
            counter.received += len(chunk)
            if too_large and len(start) < MAGIC_BYTES:
                start += chunk[:MAGIC_BYTES]
                if len(start) >= MAGIC_BYTES and ending_of(start) is not None:
                    raise NoAudio(f"{length} bytes at {_host(str(response.url))} are too many", final=True)
            yield chunk
    except OSError as error:  # ssl raises OSErrors that httpcore does not translate
        raise NoAudio(f"{type(error).__name__} at {_host(str(response.url))}") from error


def _remember(memory: dict[str, T], key: str, value: T) -> None:
    """Remember a value, and forget the oldest if there are too many."""
    memory.pop(key, None)
    memory[key] = value
    if len(memory) > REMEMBERED_MAX:
        del memory[next(iter(memory))]


def _host(url: str) -> str:
    """Return the loggable part of an address: paths and queries can carry signatures."""
    try:
        return origin_of(url)
    except ValueError:
        return "an invalid address"
