"""The pipeline for its tests."""

from pathlib import Path

import pytest

from bot.store.database import Database
from tests.jobs.rig import Rig
from tests.make import Clock


@pytest.fixture
def rig(database: Database, tmp_path: Path, clock: Clock) -> Rig:
    return Rig(database, tmp_path / "spool", clock)
