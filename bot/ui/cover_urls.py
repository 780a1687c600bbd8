"""The addresses of covers, as far as Discord can fetch them."""

import re
from typing import Final
from urllib.parse import urlsplit

from bot.discord_limits import EMBED_URL_MAX
from bot.lazy import lazy_pattern
from bot.model import Job
from bot.music.wire import is_usable

ORDINARY_URL: Final = lazy_pattern(r"https://[\w.-]+(:\d+)?/[\w!$%&'()*+,./:;=?@~-]*", re.ASCII)
"""A URL that Discord accepts; any other makes it refuse the whole message."""
LOCAL_NAMES: Final = frozenset({"local", "localhost", "internal", "lan", "home", "arpa"})
"""Host name suffixes that are unreachable from outside."""


def cover_url(job: Job) -> str | None:
    """Return a cover's URL that Discord can fetch: ordinary, and on a named host."""
    for take in job.takes:
        url = take.image_url
        if (
            len(url) <= EMBED_URL_MAX
            and ORDINARY_URL.fullmatch(url)
            and is_usable(url, "")
            and _has_public_name(url)
        ):
            return url
    return None


def _has_public_name(url: str) -> bool:
    """Return whether a host has a public domain name: no IP address or local name."""
    top = (urlsplit(url).hostname or "").rpartition(".")
    return bool(top[0]) and not top[2].isdecimal() and ":" not in top[2] and top[2] not in LOCAL_NAMES
