"""A write reports its actual outcome, on both engines, whatever happens on the way."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

import psycopg
import pytest

from bot.database import postgresql, postgresql_writer, sqlite
from bot.database.engine import Database, Tx
from bot.database.facts import fact, remember
from bot.database.postgresql_tx import Tx as ServerTx
from bot.database.postgresql_tx import connect
from bot.errors import StoreBusy, StoreLost
from tests.postgresql import Server

GIVES_UP_S = 0.05


def lost(reason: str) -> NoReturn:
    raise StoreLost(reason, 0.0)


@pytest.fixture(autouse=True)
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make writes give up soon."""
    for engine in (postgresql, sqlite):
        monkeypatch.setattr(engine, "GIVE_UP_AFTER_S", GIVES_UP_S)


@pytest.fixture(params=["sqlite", "postgresql"])
async def either(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    """A database of each engine in turn."""
    if request.param == "sqlite":
        async with sqlite.Database.open(tmp_path / "tunesmith.db") as opened:
            yield opened
    else:
        server: Server = request.getfixturevalue("postgresql_server")
        async with postgresql.Database.open(server.create(), takeover_s=60.0, lost=lost) as on_server:
            yield on_server


@pytest.fixture
def url(postgresql_server: Server) -> str:
    return postgresql_server.create()


@pytest.fixture
async def server(url: str) -> AsyncIterator[postgresql.Database]:
    async with postgresql.Database.open(url, takeover_s=60.0, lost=lost) as opened:
        await until_written(opened, lambda tx: remember(tx, "count", "0"))
        yield opened


def add(tx: Tx) -> None:
    """Add one to a row that counts the commits."""
    remember(tx, "count", str(int(fact(tx, "count") or 0) + 1))


async def count(database: Database) -> int:
    return await database.read(lambda tx: int(fact(tx, "count") or 0))


async def until_written(database: Database, fn: Callable[[Tx], object]) -> None:
    """Retry a write until it succeeds, however short the time limit."""
    while True:
        try:
            await database.write(fn)
        except StoreBusy:
            continue
        return


class Held:
    """A transaction that stands still until it is released."""

    def __init__(self) -> None:
        self.has_begun = threading.Event()
        self.may_go_on = threading.Event()

    def __call__(self, tx: Tx) -> None:
        add(tx)
        self.has_begun.set()
        self.may_go_on.wait(60.0)


async def begun(
    database: Database, fn: Callable[[Tx], None], has_begun: threading.Event
) -> "asyncio.Task[None]":
    """Retry a write until ``has_begun`` is set, however short the time limit."""
    while True:
        writing = asyncio.create_task(database.write(fn))
        looking = asyncio.create_task(asyncio.to_thread(has_begun.wait, 60.0))
        await asyncio.wait((writing, looking), return_when=asyncio.FIRST_COMPLETED)
        if has_begun.is_set():
            await looking
            return writing
        with pytest.raises(StoreBusy):
            await writing
        has_begun.set()
        await looking
        has_begun.clear()


async def test_a_write_that_times_out_while_running_is_awaited(either: Database) -> None:
    held = Held()
    writing = await begun(either, held, held.has_begun)
    done, _ = await asyncio.wait((writing,), timeout=2 * GIVES_UP_S)
    held.may_go_on.set()
    await writing

    assert set() == done
    assert 1 == await count(either)


async def test_a_write_that_timed_out_before_running_never_runs(either: Database) -> None:
    held = Held()
    writing = await begun(either, held, held.has_begun)
    with pytest.raises(StoreBusy):
        await either.write(add)
    held.may_go_on.set()
    await writing
    await until_written(either, lambda tx: remember(tx, "later", "1"))

    assert 1 == await count(either)


async def test_a_write_whose_caller_is_gone_is_completed(either: Database) -> None:
    held = Held()
    writing = await begun(either, held, held.has_begun)
    writing.cancel()
    await asyncio.wait((writing,))
    held.may_go_on.set()
    await until_written(either, lambda tx: remember(tx, "later", "1"))

    assert writing.cancelled()
    assert 1 == await count(either)


# -- commits without an answer


class Loss:
    """Drops the connection at the next commit, and keeps the server unreachable until it is restored."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, committed: bool) -> None:
        self.tries = 0
        self.is_back = threading.Event()
        self.tried = threading.Event()
        self._execute = ServerTx.execute
        self._committed = committed
        self._lost = False

        def execute(tx: ServerTx, sql: str, parameters: object = (), /) -> object:
            return self._run(tx, sql, parameters)

        monkeypatch.setattr(ServerTx, "execute", execute)
        monkeypatch.setattr(postgresql_writer, "connect", self._connect)

    def _run(self, tx: ServerTx, sql: str, parameters: object) -> object:
        if sql != "COMMIT" or self._lost or not self._counts(tx):
            return self._execute(tx, sql, parameters)
        self._lost = True
        if self._committed:
            self._execute(tx, sql)
        tx.connection.close()
        raise psycopg.OperationalError("the connection was lost")

    def _counts(self, tx: ServerTx) -> bool:
        rows = self._execute(tx, "SELECT value FROM fact WHERE name = 'count'").fetchall()
        return [row["value"] for row in rows] not in ([], ["0"])

    def _connect(self, url: str, *, name: str, options: dict[str, str | int]) -> ServerTx:
        if not self.is_back.is_set():
            self.tries += 1
            if self.tries >= 2:
                self.tried.set()
            raise psycopg.OperationalError("the server is out of reach")
        return connect(url, name=name, options=options)


@pytest.mark.parametrize("committed", [True, False])
async def test_a_commit_is_not_reported_before_its_outcome_is_known(
    server: postgresql.Database, monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    loss = Loss(monkeypatch, committed=committed)
    writing = await begun(server, add, loss.tried)
    done, _ = await asyncio.wait((writing,), timeout=2 * GIVES_UP_S)
    loss.is_back.set()
    (outcome,) = await asyncio.gather(writing, return_exceptions=True)
    await until_written(server, lambda tx: remember(tx, "later", "1"))

    assert set() == done
    assert (None if committed else StoreBusy) == (None if outcome is None else type(outcome))
    assert int(committed) == await count(server)


@pytest.mark.parametrize("committed", [True, False])
async def test_closing_during_a_commit_reports_neither_outcome(
    url: str, monkeypatch: pytest.MonkeyPatch, *, committed: bool
) -> None:
    async with postgresql.Database.open(url, takeover_s=60.0, lost=lost) as server:
        await until_written(server, lambda tx: remember(tx, "count", "0"))
        loss = Loss(monkeypatch, committed=committed)
        writing = await begun(server, add, loss.tried)
    await asyncio.wait((writing,))

    assert writing.cancelled()


@contextmanager
def holding(url: str) -> Iterator[postgresql_writer.Writer]:
    """Hold the slot, on this thread."""
    writer = postgresql_writer.Writer(url, takeover_s=60.0)
    try:
        assert writer.attempt()
        yield writer
    finally:
        writer.close()
        writer.thread.shutdown()


def test_an_earlier_holders_commit_proves_nothing(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every holder of a slot counts its transactions from 1."""
    with holding(url) as earlier:
        earlier.run(lambda tx: remember(tx, "count", "0"), 0.0)
    with holding(url) as later:
        Loss(monkeypatch, committed=False).is_back.set()
        with pytest.raises(StoreBusy):
            later.run(add, 0.0)

        assert "0" == later.run(lambda tx: fact(tx, "count"), 0.0)
