"""Debug lines about requests to other machines and their outcomes.

A line has the method, host, path, status and duration. It has no query, headers or body, which contain
secrets and members' texts.
"""

import logging
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final
from urllib.parse import urlsplit

from msgspec import Struct

log = logging.getLogger(__name__)

PATH_MAX: Final = 200
"""Maximum length of a path in the log, in characters."""
_TOKEN: Final = re.compile(r"((?:interactions|webhooks)/[^/]+/)[^/]+")
"""Discord's paths with a token: /interactions/ID/TOKEN/callback, /webhooks/ID/TOKEN/messages/…"""
_ENDING: Final = re.compile(r"\.\w{1,5}$")


class Exchange(Struct, kw_only=True):
    """A request in progress, and the status of its response once known."""

    status: int | None = None


@contextmanager
def asked(method: str, url: str, *, file: bool = False) -> Iterator[Exchange]:
    """Log the request made in the block.

    The path of a ``file`` is left out: its name may be a song's title.
    """
    exchange = Exchange()
    began_s = time.perf_counter()
    try:
        yield exchange
    finally:
        error = sys.exc_info()[0]
        problem = None if error is None else error.__name__
        record(method, url, time.perf_counter() - began_s, status=exchange.status, error=problem, file=file)


def is_wanted() -> bool:
    """Return whether these lines are logged at all."""
    return log.isEnabledFor(logging.DEBUG)


def record(
    method: str, url: str, took_s: float, *, status: int | None, error: str | None = None, file: bool = False
) -> None:
    """Log a finished request, with the status of its response or the name of an error."""
    if not is_wanted():
        return
    try:
        parts = urlsplit(url)
        host, path = parts.netloc.rpartition("@")[2], parts.path
    except ValueError:
        host, path = "?", ""
    if file:
        ending = _ENDING.search(path)
        path = f"/…{ending[0] if ending else ''}"
    fields: dict[str, object] = {
        "method": method,
        "host": host,
        "path": _TOKEN.sub(r"\1…", path)[:PATH_MAX],
        "took_s": round(took_s, 3),
    }
    if status is not None:
        fields["status"] = status
    if error is not None:
        fields["error"] = error
    log.debug("request ended", extra=fields)
