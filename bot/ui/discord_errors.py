"""The meaning of Discord's refusals, derived from their JSON codes.

Only codes that name a place concern a place. Everything else with 401, 403, 404, 429 or 5xx is weather: for
minutes at a time, Discord's own edge has answered like that on every route.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from http import HTTPStatus
from typing import Final

import aiohttp
import discord

# https://docs.discord.com/developers/topics/opcodes-and-status-codes#json-json-error-codes, read 2026-11-25
UNKNOWN_MESSAGE: Final = 10008
UNKNOWN_INTERACTION: Final = 10062
ALREADY_ACKNOWLEDGED: Final = 40060
UNANSWERABLE: Final = frozenset({UNKNOWN_INTERACTION, ALREADY_ACKNOWLEDGED})
"""Codes of interactions that can't be answered: too late, or answered already."""
UNKNOWN_WEBHOOK: Final = 10015
NO_ANSWER: Final = frozenset({UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK})
"""Codes of an interaction whose answer has no message."""
DISCORD_ERRORS: Final = (discord.HTTPException, discord.RateLimited, aiohttp.ClientError)
"""Errors that only a request to Discord raises."""
NETWORK_ERRORS: Final = (*DISCORD_ERRORS, TimeoutError, OSError)
"""All errors that a request to Discord may raise."""
WEATHER_STATUSES: Final = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.REQUEST_TIMEOUT,
        HTTPStatus.TOO_MANY_REQUESTS,
    }
)


class Meaning(Enum):
    """The subject of a refusal."""

    PLACE = auto()
    """The channel, thread or server is gone, or the bot can't post there."""
    PERSON = auto()
    """The member accepts no direct messages from the bot."""
    MESSAGE = auto()
    """The message is gone, or can no longer be edited."""
    CONTENT = auto()
    """This content is refused; other content may be accepted."""
    SIZE = auto()
    """The files are too large."""
    SLOW_MODE = auto()
    """The channel accepts the next message only later."""
    WEATHER = auto()
    """Unrelated to the request: the same one may succeed later."""


MEANINGS: Final[dict[int, Meaning]] = {
    10003: Meaning.PLACE,  # unknown channel
    10004: Meaning.PLACE,  # unknown server
    40007: Meaning.PLACE,  # the bot is banned from the server
    50001: Meaning.PLACE,  # missing access
    50008: Meaning.PLACE,  # not a text channel
    50013: Meaning.PLACE,  # missing permissions
    50024: Meaning.PLACE,  # not possible in this type of channel
    50083: Meaning.PLACE,  # archived thread
    160002: Meaning.PLACE,  # a reply without permission to read the history
    160005: Meaning.PLACE,  # locked thread
    10013: Meaning.PERSON,  # unknown user
    50007: Meaning.PERSON,  # accepts no direct messages
    50033: Meaning.PERSON,  # invalid recipient
    50278: Meaning.PERSON,  # shares no server with the bot
    UNKNOWN_MESSAGE: Meaning.MESSAGE,
    50005: Meaning.MESSAGE,  # somebody else's message
    30046: Meaning.MESSAGE,  # too many edits of an old message
    20009: Meaning.CONTENT,  # explicit content
    200000: Meaning.CONTENT,  # blocked by AutoMod
    200001: Meaning.CONTENT,  # title blocked by AutoMod
    240000: Meaning.CONTENT,  # a harmful link
    40005: Meaning.SIZE,
    20016: Meaning.SLOW_MODE,
    20028: Meaning.SLOW_MODE,
}


class UnreadableAnswer(aiohttp.ClientPayloadError):
    """Discord's answer is malformed and can't be read by discord.py: as good as no answer."""


def meaning_of(error: discord.HTTPException) -> Meaning:
    """Return the subject of a refusal; a 400 without a known code is about content."""
    if error.status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return Meaning.SIZE
    code: object = error.code  # a body may have anything here
    if isinstance(code, int) and code in MEANINGS:
        return MEANINGS[code]
    if error.status in WEATHER_STATUSES or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return Meaning.WEATHER
    return Meaning.CONTENT


@contextmanager
def readable_answers() -> Iterator[None]:
    """Turn discord.py's failures to parse an answer into ``UnreadableAnswer``.

    Discord's proxies answer with JSON that lacks ``retry_after``, with lists, or with HTML labelled as JSON;
    discord.py 2.7.1 raises whatever error results.
    """
    try:
        yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        if not is_unreadable_answer(error):
            raise
        raise UnreadableAnswer(type(error).__name__) from error


def is_unreadable_answer(error: BaseException) -> bool:
    """Return whether the error is discord.py's, raised while it read an answer."""
    if isinstance(error, UnreadableAnswer):
        return True
    if not isinstance(error, (AttributeError, LookupError, TypeError, ValueError)):
        return False
    modules = []
    traceback = error.__traceback__
    while traceback is not None:
        modules.append(str(traceback.tb_frame.f_globals.get("__name__", "")))
        traceback = traceback.tb_next
    in_request = any(module in ("discord.http", "discord.webhook.async_") for module in modules)
    return in_request and not modules[-1].startswith("bot.")


def reopen_for_all(client: discord.Client) -> None:
    """Unblock requests after one that waited out a global rate limit was cancelled.

    discord.py (2.7.1) blocks all requests during the wait, and a cancelled one never unblocks them.
    """
    client.http._global_over.set()  # noqa: SLF001
