"""Fixtures for all tests."""

import gc
import itertools
import os
import signal
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import hypothesis
import pytest

from bot.lazy import lazy
from bot.model import Backend
from tests import make
from tests.make import Clock

# Neither xdist's controller nor the short runs of the mutation tests need them, and they take a second.
if TYPE_CHECKING:
    from simcord.backend import state as simcord_state

    from bot import app
    from bot.database import postgresql, sqlite, sqlite_connections
    from bot.database.sqlite import Database
    from bot.pipeline import cards
    from bot.sandbox import server
    from bot.ui import sharding
    from tests import payloads
    from tests import postgresql as server_of_postgresql
    from tests.flows import process
    from tests.unit.pipeline import rig as pipeline
else:
    app, cards, server = lazy("bot.app"), lazy("bot.pipeline.cards"), lazy("bot.sandbox.server")
    postgresql, sqlite = lazy("bot.database.postgresql"), lazy("bot.database.sqlite")
    sqlite_connections = lazy("bot.database.sqlite_connections")
    sharding, payloads = lazy("bot.ui.sharding"), lazy("tests.payloads")
    process = lazy("tests.flows.process")
    simcord_state = lazy("simcord.backend.state")
    server_of_postgresql, pipeline = lazy("tests.postgresql"), lazy("tests.unit.pipeline.rig")

# One thread for numpy: the workers occupy all cores.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# Everything imported or collected stays alive.
gc.disable()

# A shell starts background jobs with SIGINT ignored, which the processes that tests interrupt would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

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

Case = TypeVar("Case")

WHOLE = "whole"
"""Key by which the controller tells its workers whether the whole suite runs."""

STEADY = "steady"
"""Name of the Hypothesis profile used by every run."""

OF_AN_ENGINE = {"server_url", "tx", "postgresql_server"}
"""Fixtures that depend on the chosen engine. Tests without any behave the same on SQLite and on a server."""

WORKERS = 2 * (os.cpu_count() or 1)
"""Number of processes that run tests; half of them begin with tests that wait for processes."""

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

COLLECT_AFTER = 10_000
"""New objects that trigger a collection of the youngest generation; Python's default takes 2% of all time."""

ALL_CASES = ("tests/rules/",)
"""Path prefixes of tests whose cases are files of the repository; none is skipped."""

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


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options for the music service's contract and the database engine."""
    parser.addoption("--contract", choices=list(Backend), default=Backend.SSEEDANCE.value)
    parser.addoption("--engine", choices=("sqlite", "postgresql"), default="sqlite")
    parser.addoption(
        "--restarts", action="store_true", help="start the bot anew before each press in tests/flows"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Reduce Hypothesis' examples in the default run; any other run tries all."""
    if config.pluginmanager.has_plugin("_cov"):
        # When it starts in a worker, coverage.py inspects all modules, which imports the lazy ones before
        # it can measure them. The controller measures them here.
        for module in list(sys.modules.values()):
            hasattr(module, "__file__")
    # Both measure time, and busy cores stretch it.
    steady = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow]}
    hypothesis.settings.register_profile(STEADY, hypothesis.settings(), **steady)
    hypothesis.settings.load_profile(STEADY)
    if quick(config):
        fewer = hypothesis.settings().max_examples // make.QUICKER
        hypothesis.settings.register_profile(make.QUICK, max_examples=fewer)
        hypothesis.settings.load_profile(make.QUICK)


def quick(config: pytest.Config) -> bool:
    """Return whether this is the default run."""
    return bool(config.getoption("markexpr") == "not campaign")


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
    if quick(config) and is_whole(config) and not test.startswith(ALL_CASES):
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
    workers = config.workerinput["workercount"] if hasattr(config, "workerinput") else 1
    campaigns = [item for item in items if item.get_closest_marker("campaign")]
    campaigns.sort(key=lambda item: not item.nodeid.startswith(LONG))
    others = set(items).difference(campaigns)
    items[:] = [*in_turn([item for item in items if item in others], workers), *campaigns]


def cases_max(config: pytest.Config, test: str, cases: int) -> int:
    """Return how many of a test's cases this run tries."""
    if config.getoption("--engine") != "sqlite":
        return CASES_ON_A_SERVER_MAX
    if is_whole(config):
        return COSTLY_CASES_OF_ALL_MAX if test.startswith(COSTLY_IN_ALL) else CASES_MAX
    return COSTLY_CASES_MAX if test.startswith(COSTLY) else cases


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


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exempt long-lived objects from garbage collection, where they take a tenth of its time."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])


@pytest.fixture(scope="session", autouse=True)
def warm_starts(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fork bots from a warm process in the default run; any other run starts Python for each."""
    if not quick(request.config):
        yield
        return
    warm_starts = process.BotProcess.start_warm()
    yield
    warm_starts.close()
    process.BotProcess.warm_starts = None


PATIENCE_S = 30.0
"""Timeout of a write on a server in tests that are not about its deadline, in seconds."""
UNHURRIED_S = 3_600.0
"""``TAKEOVER_S`` in tests that are not about it: busy cores must not stop a process from paying."""


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def nothing_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip flushing commits to disk: no test here cuts the power."""
    pragmas = (*sqlite_connections.PRAGMAS, "PRAGMA synchronous = OFF")
    monkeypatch.setattr(sqlite_connections, "PRAGMAS", pragmas)


@pytest.fixture(scope="session")
def blank_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A new database, created once."""
    path = tmp_path_factory.mktemp("store") / "tunesmith.db"
    sqlite_connections.connect(path).close()
    return path.read_bytes()


@pytest.fixture(scope="session")
def postgresql_server() -> "Iterator[server_of_postgresql.Server]":
    """A PostgreSQL server of this test process."""
    if server_of_postgresql.programs() is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    with server_of_postgresql.serving(in_memory=True) as server:
        yield server


@pytest.fixture
def postgresql_url(
    postgresql_server: "server_of_postgresql.Server", monkeypatch: pytest.MonkeyPatch
) -> Iterator[str]:
    """The URL of a database for one test, with patient timeouts."""
    # Accepting a request takes forty statements, and other tests compete for the cores.
    monkeypatch.setattr(postgresql, "GIVE_UP_AFTER_S", PATIENCE_S)
    with postgresql_server.lent() as url:
        yield url


@pytest.fixture
def server_url(request: pytest.FixtureRequest) -> str | None:
    """The URL of this test's database; None on SQLite, which uses a file."""
    if request.config.getoption("--engine") == "sqlite":
        return None
    return cast("str", request.getfixturevalue("postgresql_url"))


@pytest.fixture
def database_url(
    server_url: str | None, tmp_path: Path, blank_file: bytes, monkeypatch: pytest.MonkeyPatch
) -> str | None:
    """The argument for SimCord's ``World.open``; None for a file of its own."""
    payloads.translate_once(monkeypatch)
    if server_url is None:
        (tmp_path / "tunesmith.db").write_bytes(blank_file)
    else:
        # SimCord does not recommend a number of shards.
        monkeypatch.setattr(app, "sharding", lambda *_: sharding.Sharding())
        # SimCord measures the three seconds for an answer in real time, however busy the cores are.
        simulated = simcord_state.Backend
        after = simulated.iso_after
        monkeypatch.setattr(simulated, "iso_after", lambda self, s: after(self, max(s, PATIENCE_S)))
    return server_url


@pytest.fixture
async def database(
    server_url: str | None,
    tmp_path: Path,
    blank_file: bytes,
    nothing_is_flushed: None,  # noqa: ARG001
) -> "AsyncIterator[Database]":
    if server_url is not None:
        async with postgresql.Database.open(server_url, takeover_s=UNHURRIED_S) as opened:
            yield cast("Database", opened)  # the tests' name for it
        return
    path = tmp_path / "tunesmith.db"
    path.write_bytes(blank_file)
    async with sqlite.Database.open(path) as opened_file:
        yield opened_file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Return the number of processes for ``-n auto``."""
    return WORKERS


TINY_SONG = b"ID3" + bytes(range(256)) * 32


@pytest.fixture
def tiny_songs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace composing with silence, and edit cards without waiting."""
    monkeypatch.setattr(server, "song", lambda *args, **_: TINY_SONG + repr(args).encode())
    monkeypatch.setattr(cards, "EDIT_EVERY", timedelta(milliseconds=50))
