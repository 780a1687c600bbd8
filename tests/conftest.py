"""Fixtures for all tests."""

import gc
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from bot.lazy import lazy
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
else:
    app, cards, server = lazy("bot.app"), lazy("bot.pipeline.cards"), lazy("bot.sandbox.server")
    postgresql, sqlite = lazy("bot.database.postgresql"), lazy("bot.database.sqlite")
    sqlite_connections = lazy("bot.database.sqlite_connections")
    sharding, payloads = lazy("bot.ui.sharding"), lazy("tests.payloads")
    process = lazy("tests.flows.process")
    simcord_state = lazy("simcord.backend.state")
    server_of_postgresql = lazy("tests.postgresql")

pytest_plugins = ("tests.selection", "tests.order")

COLLECT_AFTER = 10_000
"""New objects that trigger a collection of the youngest generation; Python's default takes 2% of all time."""

PATIENCE_S = 30.0
"""Timeout of a write on a server in tests that are not about its deadline, in seconds."""
UNHURRIED_S = 3_600.0
"""``TAKEOVER_S`` in tests that are not about it: busy cores must not stop a process from paying."""

TINY_SONG = b"ID3" + bytes(range(256)) * 32

# One thread for numpy: the workers occupy all cores.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

# Everything imported or collected stays alive.
gc.disable()

# A shell starts background jobs with SIGINT ignored, which the processes that tests interrupt would inherit.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Let coverage.py look at all modules before it starts in a worker."""
    if config.pluginmanager.has_plugin("_cov"):
        # When it starts in a worker, coverage.py inspects all modules, which imports the lazy ones before
        # it can measure them. The controller measures them here.
        for module in list(sys.modules.values()):
            hasattr(module, "__file__")


@pytest.hookimpl(trylast=True)
def pytest_collection_finish() -> None:
    """Exempt long-lived objects from garbage collection, where they take a tenth of its time."""
    gc.freeze()
    gc.enable()
    gc.set_threshold(COLLECT_AFTER, *gc.get_threshold()[1:])


@pytest.fixture(scope="session", autouse=True)
def warm_starts() -> Iterator[None]:
    """Fork bots from a warm process in the default run; any other run starts Python for each."""
    if not make.is_quick():
        yield
        return
    warm_starts = process.BotProcess.start_warm()
    yield
    warm_starts.close()
    process.BotProcess.warm_starts = None


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


@pytest.fixture
def tiny_songs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace composing with silence, and edit cards without waiting."""
    monkeypatch.setattr(server, "song", lambda *args, **_: TINY_SONG + repr(args).encode())
    monkeypatch.setattr(cards, "EDIT_EVERY", timedelta(milliseconds=50))
