"""Waiting for a database that other processes are using."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, nullcontext

from msgspec import Struct


class Stopped(Exception):
    """The process was asked to stop while standing by."""


class Standby(Struct, frozen=True, kw_only=True):
    """Behaviour of a process while it waits for the database."""

    stop: asyncio.Event
    """Event that ends the wait."""
    shown: Callable[[], AbstractAsyncContextManager[object]] = nullcontext
    """Context entered while the process stands by, such as its health page."""
