"""The pipeline under faults: real sockets where they matter, and a key that must show nowhere."""

import functools
import logging
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from bot.store.database import Database
from tests.jobs.rig import Rig
from tests.make import Clock

pytest.register_assert_rewrite("tests.faults.promise")

from tests.faults.loopback import Loopback  # noqa: E402 - after the line above

KEY = "sk-live-0123456789abcdef"


@functools.cache
def one_ssl_context(**_: object) -> ssl.SSLContext:
    """Made once: reading the certificates takes longer than many a test."""
    return httpx.create_ssl_context(trust_env=False)


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.fixture
def rig(database: Database, tmp_path: Path, clock: Clock) -> Rig:
    made = Rig(database, tmp_path / "spool", clock)
    made.key = KEY
    return made


@pytest.fixture
async def loopback(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Loopback]:
    """The music service on a real port; each new process would read the certificates anew."""
    context = one_ssl_context()
    monkeypatch.setattr("httpx._transports.default.create_ssl_context", lambda **_: context)
    monkeypatch.setattr("httpx.create_ssl_context", lambda **_: context)
    async with Loopback.open(rig) as server:
        yield server
