"""The wait of a process for a database that another process works on."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from msgspec import Struct


class Stopped(Exception):
    """The process was asked to stop while it stood by."""


class Standby(Struct, frozen=True, kw_only=True):
    """Behaviour of a process until the database is its own."""

    stop: asyncio.Event
    """Ends the wait."""
    shown: Callable[[], AbstractAsyncContextManager[object]] = nullcontext
    """Entered while the process stands by: its health page."""
