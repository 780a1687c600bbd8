"""Order the tests so that the cores stay busy to the end; ``conftest.py`` loads this plugin."""

import itertools
import os
from collections.abc import Sequence

import pytest

WORKERS = 2 * (os.cpu_count() or 1)
"""Number of processes that run tests; half of them begin with tests that wait for processes."""

WAITING = (
    "tests/flows/",
    "tests/faults/test_e_",
    "tests/faults/test_f_",
    "tests/unit/database/",
    "tests/unit/ops/test_move.py",
    "tests/unit/ops/test_restored.py",
)
"""Path prefixes of tests that wait for processes or timers and leave the cores idle."""
LONG = ("tests/unit/pipeline/test_kills.py", "tests/unit/store/test_crash_model.py")
"""Path prefixes of campaigns of up to half a minute each, which come first: the last one would run alone."""


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of processes for ``-n auto``."""
    return WORKERS


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests, once ``selection.py`` has marked the campaigns."""
    workers = config.workerinput["workercount"] if hasattr(config, "workerinput") else 1
    campaigns = [item for item in items if item.get_closest_marker("campaign")]
    campaigns.sort(key=lambda item: not item.nodeid.startswith(LONG))
    others = set(items).difference(campaigns)
    items[:] = [*in_turn([item for item in items if item in others], workers), *campaigns]


def in_turn(items: Sequence[pytest.Item], workers: int) -> Sequence[pytest.Item]:
    """Order the tests so that the cores stay busy to the end.

    xdist gives each worker an equal part of the list. Half of the workers begin with the tests that wait,
    and leave the cores to the others.
    """
    waiting = [item for item in items if item.nodeid.startswith(WAITING)]
    busy = (item for item in items if not item.nodeid.startswith(WAITING))
    those_that_wait = max(1, workers // 2)
    order: list[pytest.Item] = []
    for number in range(workers):
        part = waiting[number::those_that_wait] if number < those_that_wait else []
        order += [*part, *itertools.islice(busy, max(0, len(items) // workers - len(part)))]
    return [*order, *busy]
