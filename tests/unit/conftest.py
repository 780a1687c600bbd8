"""Fixtures for the pipeline."""

from pathlib import Path

import pytest

from bot.database.sqlite import Database
from tests.make import Clock
from tests.unit.pipeline.rig import Rig


@pytest.fixture
def rig(database: Database, tmp_path: Path, clock: Clock) -> Rig:
    return Rig(database, tmp_path / "spool", clock)
