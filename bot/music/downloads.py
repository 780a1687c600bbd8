"""Safe downloads of audio into the spool: public addresses only, streamed, with bounds on size and time."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

import httpcore
import httpx

from bot.music.client import USER_AGENT
from bot.music.guard import GuardedBackend, GuardedTransport, Resolve, resolve
from bot.music.spool import NoAudio, Spool, Stored
from bot.music.wire import is_usable, origin_of

DOWNLOAD_S: Final = 120.0
"""Deadline of a whole download, redirects included, in seconds."""
CONNECT_S: Final = 10.0
READ_S: Final = 30.0
REDIRECTS_MAX: Final = 5


class AudioSource:
    """Downloads audio files. Get it from ``AudioSource.open``."""

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
        """Open a source that trusts ``origin``, the music service's own "scheme://host:port"."""
        trusted = origin.partition("://")[2]
        backend = GuardedBackend(trusted, look_up, network or httpcore.AnyIOBackend())
        async with httpx.AsyncClient(
            transport=transport or GuardedTransport(backend),
            headers={"User-Agent": USER_AGENT, "Accept": "audio/*, */*;q=0.5", "Accept-Encoding": "identity"},
            timeout=httpx.Timeout(READ_S, connect=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
        ) as client:
            yield cls(client, origin)

    async def fetch(self, url: str, spool: Spool, name: str) -> Stored:
        """Download the audio at ``url`` into the spool, where it survives a power cut.

        Raises:
            NoAudio: it is refused, missing, empty, too large, too slow, broken off or not audio.
            SpoolUnwritable: the disk is full, or the folder is not writable.
        """
        try:
            async with asyncio.timeout(DOWNLOAD_S):
                return await self._fetch(url, spool, name)
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            # httpx raises UnicodeError for a host name that cannot be encoded.
            raise NoAudio(f"{type(error).__name__} at {_host(url)}") from error
        except TimeoutError as error:
            raise NoAudio(f"more than {DOWNLOAD_S:.0f} s at {_host(url)}") from error

    async def _fetch(self, url: str, spool: Spool, name: str) -> Stored:
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
                return await spool.store(name, _chunks(response))
        raise NoAudio(f"more than {REDIRECTS_MAX} redirects")


async def _chunks(response: httpx.Response) -> AsyncIterator[bytes]:
    """Yield the body as it arrives, with network errors told apart from the disk's."""
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except OSError as error:  # ssl raises OSErrors that httpcore does not translate
        raise NoAudio(f"{type(error).__name__} at {_host(str(response.url))}") from error


def _host(url: str) -> str:
    """Return the part of an address that may be logged: paths and queries can carry signatures."""
    try:
        return origin_of(url)
    except ValueError:
        return "an invalid address"
