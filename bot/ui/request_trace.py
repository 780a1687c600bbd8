"""Trace requests to Discord: log each at debug level, and report the time that Discord sends along."""

import time
from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime
from types import SimpleNamespace

import aiohttp

from bot import request_log


class DateHeaders:
    """Reports the time in Discord's answers to ``dated``, once per second."""

    def __init__(self, dated: Callable[[datetime], None]) -> None:
        self._dated = dated
        self._last = ""

    def note(self, header: str) -> None:
        """Report the time in a ``Date`` header; an unreadable one has none."""
        if header == self._last:
            return
        self._last = header
        try:
            date = parsedate_to_datetime(header)
        except (OverflowError, ValueError):  # also a year of twenty digits
            return
        if date.tzinfo is not None:
            self._dated(date)


def trace(noted: Callable[[str], None] = lambda _: None, *, secret_path: bool = False) -> aiohttp.TraceConfig:
    """Return a trace for an HTTP session; ``noted`` receives the ``Date`` header of each answer.

    A ``secret_path`` is not logged.
    """

    async def started(_: object, context: SimpleNamespace, __: aiohttp.TraceRequestStartParams) -> None:
        context.began_s = time.perf_counter()

    async def ended(_: object, context: SimpleNamespace, request: aiohttp.TraceRequestEndParams) -> None:
        took_s = time.perf_counter() - context.began_s
        if request_log.is_wanted():  # formatting a URL takes a while
            status = request.response.status
            request_log.record(request.method, str(request.url), took_s, status=status, file=secret_path)
        noted(request.response.headers.get("Date", ""))

    async def failed(
        _: object, context: SimpleNamespace, request: aiohttp.TraceRequestExceptionParams
    ) -> None:
        took_s = time.perf_counter() - context.began_s
        request_log.record(
            request.method,
            str(request.url),
            took_s,
            status=None,
            error=type(request.exception).__name__,
            file=secret_path,
        )

    config = aiohttp.TraceConfig()
    config.on_request_start.append(started)
    config.on_request_end.append(ended)
    config.on_request_exception.append(failed)
    return config
