"""Choose the tests and cases that a run tries; ``conftest.py`` loads this plugin."""

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import hypothesis
import pytest

from bot.lazy import lazy
from bot.model import Backend
from tests import make

# xdist's controller does not need it.
if TYPE_CHECKING:
    from tests.unit.pipeline import rig as pipeline
else:
    pipeline = lazy("tests.unit.pipeline.rig")

Case = TypeVar("Case")

CAMPAIGNS: dict[str, str | tuple[str, ...]] = {
    "tests/unit/pipeline/test_kills.py": "",
    "tests/unit/pipeline/test_pipeline.py": (
        "test_a_queued_request_expires_after_an_hour",
        "test_after_an_outage_songs_arrive_once",
        "test_audio_missing_for_six_hours",
        "test_hours_of_failing_status_queries",
    ),
    "tests/unit/store/test_crash_model.py": "",
    "tests/flows/test_campaign.py": "",
    "tests/flows/test_failover.py": "",
    "tests/flows/test_fleet.py": "",
    "tests/flows/test_playground.py": "test_no_click_of_hundreds",
    "tests/mutation/test_mutations.py": (
        "test_a_broken_rule_is_noticed",
        "test_an_unbroken_rule_is_not_noticed",
        "test_tests_that_cannot_run",
        "test_the_tests_run_on_the_copy",
    ),
    "tests/faults/test_e_database.py": "test_a_kill_in_a_migration",
    "tests/monitoring/test_monitoring.py": "test_the_tests_of_the_alerts_notice_a_wrong_threshold",
    "tests/unit/database/test_released.py": "test_a_kill_over_the_copy",
    "tests/unit/ops/test_move.py": "test_a_kill",
    "tests/unit/ops/test_restored.py": "test_a_promoted",
    "tests/faults/test_d_discord.py": "test_a_song_that_is_sent_through_a_storm",
    "tests/faults/test_d_discord_answers.py": "test_an_error_body_of_any_form",
}
"""Paths and name prefixes of campaigns: tests that try one thing at every possible instant, or for hours.

Those of ``test_pipeline.py`` take hundreds of rounds; ``tests/faults/`` has a shorter test of each fault.
Those of ``test_mutations.py`` run pytest on copies of the project, as only ``.ci/run`` does.

The default run skips them; ``.ci/run`` and ``uv run pytest -m campaign`` run them.
"""

WHOLE = "whole"
"""Key by which the controller tells its workers whether the whole suite runs."""

STEADY = "steady"
"""Name of the Hypothesis profile used by every run."""

OF_AN_ENGINE = {"server_url", "tx", "postgresql_server"}
"""Fixtures that depend on the chosen engine. Tests without any behave the same on SQLite and on a server."""

CASES_MAX = 4
"""Maximum number of cases per test in a run of the whole suite. Runs of named files try all cases."""
COSTLY_CASES_MAX = 2
"""Maximum number of cases per costly test in a run of named files, e.g. an evening of the whole pipeline."""
COSTLY_CASES_OF_ALL_MAX = 1
"""Maximum number of cases per costly test in a run of the whole suite.

A costly case takes a hundred times as long as another: the default run tries more of the others instead.
"""
CASES_ON_A_SERVER_MAX = 1
"""Maximum number of cases per test in a run on a server, where each costs three times as much."""

COSTLY = (
    "tests/faults/",
    "tests/mutation/",
    "tests/unit/database/test_ownership.py",
    "tests/unit/pipeline/",
    "tests/unit/ops/test_commands.py",
    "tests/unit/ops/test_doctor.py",
    "tests/unit/ops/test_move.py",
    "tests/unit/sandbox/test_composer.py",
    "tests/unit/ui/test_bounds.py",
    "tests/unit/ui/test_chart.py",
    "tests/unit/music/test_client.py::test_a_bomb",
    "tests/unit/music/test_formats.py::test_audio_behind_junk",
    "tests/unit/test_settings.py::test_a_padded_value",
    "tests/unit/test_sources.py::test_quotes",
    "tests/unit/music/test_kie.py::test_random",
    "tests/unit/music/test_reading.py",
)
"""Path prefixes of tests with costly cases. Cases beyond the maximum are campaigns."""

COSTLY_IN_ALL = (
    *COSTLY,
    "tests/flows/",
    "tests/unit/database/",
    "tests/unit/doubles/",
    "tests/unit/ops/test_backup.py",
    "tests/unit/ops/test_contract_probe.py",
    "tests/unit/ops/test_restored.py",
    "tests/unit/services/test_privacy.py",
    "tests/unit/services/test_songs.py",
    "tests/unit/test_cli.py",
    "tests/unit/ui/test_discord_checks.py",
    "tests/unit/ui/test_fluent.py",
    "tests/unit/ui/test_language.py",
    "tests/unit/ui/test_places.py",
)
"""Path prefixes of tests with cases that are costly next to all others, such as the start of a bot."""

ALL_CASES = ("tests/rules/",)
"""Path prefixes of tests whose cases are files of the repository; none is skipped."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options for the music service's contract and the database engine."""
    parser.addoption("--contract", choices=list(Backend), default=Backend.SSEEDANCE.value)
    parser.addoption("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.addoption(
        "--restarts", action="store_true", help="start the bot anew before each press in tests/flows"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Reduce Hypothesis' examples in the default run; any other run tries all."""
    # Both measure time, and busy cores stretch it.
    steady = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
    hypothesis.settings.register_profile(STEADY, hypothesis.settings(), **steady)
    hypothesis.settings.load_profile(STEADY)
    if config.getoption("markexpr") == "not campaign":
        fewer = hypothesis.settings().max_examples // make.QUICKER
        hypothesis.settings.register_profile(make.QUICK, max_examples=fewer)
        hypothesis.settings.load_profile(make.QUICK)


def is_whole(config: pytest.Config) -> bool:
    """Return whether the whole suite runs, not just named files."""
    if hasattr(config, "workerinput"):
        return bool(config.workerinput[WHOLE])
    return config.args_source is pytest.Config.ArgsSource.TESTPATHS


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:  # noqa: ANN401 - xdist's, which has no types
    """Tell each worker of xdist whether the run is whole: workers are always given files."""
    node.workerinput[WHOLE] = is_whole(node.config)


@pytest.hookimpl(trylast=True)
def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Leave out what the default run does not try, before pytest makes 5,000 items of it in each worker."""
    config = metafunc.config
    test, cases = metafunc.definition.nodeid, metafunc._calls
    if make.is_quick() and is_whole(config) and not test.startswith(ALL_CASES):
        cases[:] = representatives(cases, cases_max(config, test, len(cases)))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the campaigns, and select the contract and the engine."""
    contract = Backend(config.getoption("--contract"))
    if contract is not Backend.SSEEDANCE:
        pipeline.Rig.backend = contract
        items[:] = [item for item in items if "rig" in fixtures_of(item) or "/faults/" not in item.nodeid]
    on_a_server = config.getoption("--engine") != "sqlite"
    if on_a_server:
        items[:] = [item for item in items if not OF_AN_ENGINE.isdisjoint(fixtures_of(item))]
    cases: dict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if contract is not Backend.SSEEDANCE and item.get_closest_marker("documented"):
            item.add_marker(pytest.mark.skip(reason="about an answer that only the documented service gives"))
        if on_a_server and item.get_closest_marker("sqlite"):
            item.add_marker(pytest.mark.skip(reason="about SQLite's file"))
        file, _, test = item.nodeid.partition("::")
        if file in CAMPAIGNS and test.startswith(CAMPAIGNS[file]):
            item.add_marker(pytest.mark.campaign)
        elif not item.nodeid.startswith(ALL_CASES):
            cases[item.nodeid.partition("[")[0]].append(item)
    for test, listed in cases.items():
        chosen = representatives(listed, cases_max(config, test, len(listed)))
        for item in set(listed).difference(chosen):
            item.add_marker(pytest.mark.campaign)


def cases_max(config: pytest.Config, test: str, cases: int) -> int:
    """Return how many of a test's cases this run tries."""
    if config.getoption("--engine") != "sqlite":
        return CASES_ON_A_SERVER_MAX
    if is_whole(config):
        return COSTLY_CASES_OF_ALL_MAX if test.startswith(COSTLY_IN_ALL) else CASES_MAX
    return COSTLY_CASES_MAX if test.startswith(COSTLY) else cases


def fixtures_of(item: pytest.Item) -> Sequence[str]:
    """Return the names of all fixtures that a test uses, directly or indirectly."""
    return item.fixturenames if isinstance(item, pytest.Function) else ()


def representatives(cases: Sequence[Case], cases_max: int) -> Sequence[Case]:
    """Return a few of a test's cases, spread evenly over its list, in which similar cases are neighbours.

    From a product of lists, pick from a diagonal, on which no value of a list is repeated, if that is enough.
    """
    if len(cases) <= cases_max:
        return cases
    diagonal: list[Case] = []
    seen: set[tuple[str, int]] = set()
    for case in cases:
        callspec: Any = getattr(case, "callspec", case)
        values = set(callspec.indices.items())
        if not seen & values:
            diagonal.append(case)
            seen |= values
    pool = cases if len(diagonal) < cases_max else diagonal
    last = len(pool) - 1
    return [pool[last * n // max(1, cases_max - 1)] for n in range(cases_max)]
