"""The pipeline under faults: real sockets where they matter, and a secret key that must not leak."""

import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path

import discord
import pytest
from structlog.contextvars import get_contextvars

from bot import lifecycle
from bot.configuration.sources import is_typo
from bot.database.sqlite import Database
from bot.ops import logs
from bot.settings import accepted_names
from tests.make import Clock
from tests.unit.pipeline.rig import Rig

pytest.register_assert_rewrite("tests.faults.promise")

from tests.faults.loopback import Loopback  # noqa: E402 - after the line above

TOKEN = "MTA5s3cr3tThatNobodyMayRead"
KEY = "sk-live-0123456789abcdef"
CONFIGURED = {
    "DISCORD_TOKEN": TOKEN,
    "MUSIC_API_KEY": KEY,
    "DISCORD_API_URL": "http://127.0.0.1:9/api/v10",
    "MUSIC_API_URL": "http://127.0.0.1:9",
    "HTTP_LISTEN": "",
}


def _with_what_is_bound(record: logging.LogRecord) -> bool:
    record.bound = get_contextvars()
    return True


@pytest.fixture(autouse=True)
def everything_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="bot")
    # Context bound around the work is only known while the record is created.
    caplog.handler.addFilter(_with_what_is_bound)


@pytest.fixture
def rig(database: Database, tmp_path: Path, clock: Clock) -> Rig:
    made = Rig(database, tmp_path / "spool", clock)
    made.key = KEY
    return made


@pytest.fixture
async def loopback(rig: Rig) -> AsyncIterator[Loopback]:
    """The music service on a real port."""
    async with Loopback.open(rig) as server:
        yield server


@pytest.fixture
def configured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment in which the bot would start, isolated from other settings and from the network."""
    for name in list(os.environ):
        if name.upper() in accepted_names() or any(
            is_typo(name.upper(), right) for right in accepted_names()
        ):
            monkeypatch.delenv(name)
    for name, value in CONFIGURED.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path / 'tunesmith.db'}")
    monkeypatch.setenv("SPOOL_DIR", str(tmp_path / "spool"))
    monkeypatch.chdir(tmp_path)
    # Patch whatever a start changes for the whole process, and stop it where its work would begin.
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(logs, "configure", lambda *_, **__: None)
    monkeypatch.setattr(logs, "log_uncaught_errors", lambda: None)
    monkeypatch.setattr(lifecycle, "_work", started)


async def started(*_: object) -> None:
    """Fail because the bot has started its work."""
    raise AssertionError("it started")
