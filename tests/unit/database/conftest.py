"""A database that flushes to disk."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.database.sqlite import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    """A database that flushes its commits to disk, as in production."""
    async with Database.open(tmp_path / "tunesmith.db") as opened:
        yield opened
