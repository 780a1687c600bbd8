"""Map Discord's errors to the pipeline's: not now, not there, or posted already."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http import HTTPStatus
from typing import Final, assert_never

import aiohttp
import discord

from bot.errors import Transient
from bot.pipeline.courier import AlreadyPosted, ContentRefused, NoAccess, NoHistory
from bot.ui.discord_errors import UNKNOWN_MESSAGE, Meaning, meaning_of, readable_answers, reopen_for_all
from bot.ui.text import cut

BANNED_S: Final = 60.0
"""Delay after a 401, or a 429 without a time, in seconds: Discord bans addresses that keep sending."""
BANNED_MAX_S: Final = 3_600.0
REFUSAL_MAX: Final = 200
"""Maximum length of a logged refusal, in characters."""
SLOW_MODE_S: Final = 15.0
"""Delay in slow mode if Discord does not give one, in seconds."""


class Doing(Enum):
    """The purpose of a request, which determines the meaning of Discord's refusal."""

    UPLOADING = auto()
    SENDING = auto()
    LOOKING = auto()
    FETCHING = auto()
    EDITING = auto()


class FilesTooLarge(Exception):
    """The files are too large for this channel; nothing was posted."""


@contextmanager
def translated(client: discord.Client, doing: Doing) -> Iterator[None]:
    """Translate discord.py's errors to the pipeline's; other errors propagate as bugs."""
    if client.is_closed() or client.user is None:
        raise Transient("Discord: not connected")
    try:
        with readable_answers():
            yield
    except asyncio.CancelledError:
        reopen_for_all(client)
        raise
    except RuntimeError as error:
        # Raised by aiohttp when the session is closed during a request.
        if not client.is_closed():
            raise
        raise Transient("Discord: disconnected") from error
    except discord.RateLimited as error:
        raise Transient("rate limited", error.retry_after) from error
    except discord.HTTPException as error:
        raise _meaning(error, doing) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        reopen_for_all(client)
        raise Transient(f"Discord: {type(error).__name__}") from error


def _meaning(error: discord.HTTPException, doing: Doing) -> Exception:
    """Return the meaning of a refusal for the pipeline."""
    refusal = f"HTTP {error.status}, code {error.code}"
    posting = doing in (Doing.UPLOADING, Doing.SENDING)
    meaning = meaning_of(error)
    if doing is Doing.FETCHING and error.status < HTTPStatus.INTERNAL_SERVER_ERROR:
        if error.status == HTTPStatus.TOO_MANY_REQUESTS:
            return Transient(f"Discord: {refusal}", _wait_s(error))
        return NoAccess(refusal)  # the file server sends no codes; there are other sources
    match meaning:
        case Meaning.SIZE:
            return FilesTooLarge(refusal) if doing is Doing.UPLOADING else NoAccess(refusal)
        case Meaning.MESSAGE:
            return AlreadyPosted(refusal) if posting and error.code == UNKNOWN_MESSAGE else NoAccess(refusal)
        case Meaning.PLACE | Meaning.PERSON:
            unreadable = doing is Doing.LOOKING and error.status == HTTPStatus.FORBIDDEN
            return NoHistory(refusal) if unreadable else NoAccess(refusal)
        case Meaning.CONTENT:
            return ContentRefused(cut(f"{refusal}: {error.text}", REFUSAL_MAX))
        case Meaning.SLOW_MODE:
            return Transient(f"Discord: {refusal}", _wait_s(error, SLOW_MODE_S))
        case Meaning.WEATHER:
            banned = error.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.TOO_MANY_REQUESTS)
            return Transient(f"Discord: {refusal}", _wait_s(error) if banned else None)
        case _:
            assert_never(meaning)


def _wait_s(error: discord.HTTPException, least_s: float = BANNED_S) -> float:
    """Return the wait: Discord bans addresses that keep sending after a 401 or 429."""
    header = error.response.headers.get("Retry-After", "")
    return min(max(float(header), least_s), BANNED_MAX_S) if header.isdecimal() else least_s
