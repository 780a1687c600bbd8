"""Free queries to the music service: hundreds a second while thousands of songs are in progress.

Direct ones go through aiohttp, whose parser is compiled: a query takes 0.26 ms of processor time there and
1.3 ms in httpx, whose pool also checks every connection before each request. Paid requests stay with
httpx, whose errors reveal whether a byte was sent; a query may simply be repeated.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final, Protocol

import aiohttp
from msgspec import Struct
from yarl import URL

from bot import request_log
from bot.music.encodings import TooLarge
from bot.music.tls import tls_context

ANSWER_MAX_BYTES: Final = 1024 * 1024
"""Maximum size of an answer in bytes, as received and when decompressed."""
QUERIES_AT_ONCE_MAX: Final = 256
"""Maximum number of connections for queries."""


class Answer(Struct, frozen=True, kw_only=True):
    """An answer as it was received."""

    status: int
    headers: Mapping[str, str]
    """By case-insensitive name."""
    body: bytes
    """Not decompressed."""


class Unanswered(Exception):
    """There is no answer, and the request may have been received. The text is the error's name."""


class NotSent(Unanswered):
    """No byte of the request was sent."""


def error_name(error: BaseException) -> str:
    """Return the name of an error, even of one that was translated."""
    return str(error) if isinstance(error, Unanswered) else type(error).__name__


class Queries(Protocol):
    """Sends GET requests with the key, and follows no redirects: the key must not travel."""

    async def get(self, url: str) -> Answer:
        """Return the answer.

        Raises:
            Unanswered, OSError, TooLarge: there is no usable answer.
        """
        ...


class Direct:
    """Queries on direct connections. Get it from ``Direct.open``."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    @classmethod
    @asynccontextmanager
    async def open(
        cls, headers: Mapping[str, str], *, connect_s: float, read_s: float
    ) -> AsyncIterator["Direct"]:
        """Open connections with these headers and deadlines."""
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=QUERIES_AT_ONCE_MAX),
            headers=headers,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # it would have no limit
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect_s, sock_read=read_s),
        )
        async with session:
            yield cls(session)

    async def get(self, url: str) -> Answer:
        """Return the answer."""
        address = URL(url, encoded=True)  # the contract has quoted the task's id
        secure = tls_context() if address.scheme == "https" else True
        try:
            with request_log.asked("GET", url) as exchange:
                async with self._session.get(address, allow_redirects=False, ssl=secure) as response:
                    exchange.status = response.status
                    body = await bounded(response.content.iter_any())
                    return Answer(status=response.status, headers=response.headers, body=body)
        except aiohttp.ClientError as error:
            raise Unanswered(type(error).__name__) from error


async def bounded(chunks: AsyncIterator[bytes]) -> bytes:
    """Join the parts of an answer.

    Raises:
        TooLarge: the answer exceeds ``ANSWER_MAX_BYTES``.
    """
    received = bytearray()
    async for chunk in chunks:
        received += chunk
        if len(received) > ANSWER_MAX_BYTES:
            raise TooLarge
    return bytes(received)
