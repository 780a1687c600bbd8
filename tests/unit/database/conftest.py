"""A database that flushes to disk."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.database.sqlite import Database


@pytest.fixture
async def database(tmp_path: Path, blank_file: bytes) -> AsyncIterator[Database]:
    """A database that flushes its commits to disk, as in production."""
    path = tmp_path / "tunesmith.db"
    path.write_bytes(blank_file)
    async with Database.open(path) as opened:
        yield opened
