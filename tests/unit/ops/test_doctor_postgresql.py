"""The doctor's checks of a PostgreSQL server."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest

from bot.checks import Check, Verdict
from bot.database.postgresql import Database
from bot.database.postgresql_tx import connect
from bot.database.slots import this_process
from bot.database.standby import Standby, Stopped
from bot.ops.doctor import postgresql as server_checks
from bot.ops.doctor.runner import run_checks
from bot.store import ledger
from tests import make
from tests.postgresql import Server


async def found(url: str) -> dict[str, Check]:
    return {check.name: check async for check in run_checks(server_checks.check_specs(url))}


async def test_a_server_that_would_lose_commits_is_a_failure(postgresql_server: Server) -> None:
    # The tests' server does not flush.
    url = postgresql_server.create()
    checks = [check async for check in run_checks(server_checks.check_specs(url))]

    failures = [check.finding.partition(",")[0] for check in checks if check.verdict is Verdict.FAILURE]
    assert ["fsync is off", "full_page_writes is off"] == failures
    assert [Verdict.OK] == [check.verdict for check in checks if check.name == "ledger"]


async def test_a_good_server_is_shown_with_its_bot(
    postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "MUST_BE_ON", ())
    url = postgresql_server.create()
    async with Database.open(url):
        checks = await found(url)

    assert Verdict.OK is checks["database"].verdict
    assert "PostgreSQL 1" in checks["database"].finding
    assert f"0: {this_process()}; 0 standing by" == checks["slots"].finding
    assert Verdict.OK is checks["sessions"].verdict


async def test_an_empty_database_is_fine_before_the_first_start(
    postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "MUST_BE_ON", ())

    checks = await found(postgresql_server.create(template="template0"))

    assert "empty; the first `tunesmith run` fills it" in checks["database"].finding


async def test_counters_that_differ_are_a_failure(postgresql_server: Server) -> None:
    url = postgresql_server.create()
    async with Database.open(url) as database:
        await database.write(lambda tx: ledger.grant(tx, make.GUILD, 50, make.entry("a gift"), make.NOW))
        await database.write(lambda tx: tx.execute("UPDATE guild SET bonus = 49"))

    checks = await found(url)

    assert Verdict.FAILURE is checks["ledger"].verdict
    assert f"server {make.GUILD}" in checks["ledger"].finding


async def test_an_unreachable_server_is_named_without_its_password() -> None:
    checks = await found("postgresql://tunesmith:hunter2hunter2@127.0.0.1:1/songs")

    assert [Verdict.FAILURE] * 4 == [check.verdict for check in checks.values()]
    assert not any("hunter2" in check.finding for check in checks.values())


async def test_slots_and_standbys_are_shown(
    postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = postgresql_server.create()
    stop = asyncio.Event()

    async def stand_by() -> None:
        async with Database.open(url, processes=2, standby=Standby(stop=stop)):
            raise AssertionError

    monkeypatch.setattr(server_checks, "SESSIONS_FREE_MIN", 1_000)
    async with Database.open(url, processes=2), Database.open(url, processes=2):
        waiting = asyncio.create_task(stand_by())
        while "1 standing by" not in (checks := await found(url))["slots"].finding:
            pass  # it is not connected yet
        stop.set()
        with pytest.raises(Stopped):
            await waiting

    assert Verdict.OK is checks["slots"].verdict
    assert f"0: {this_process()}, 1: {this_process()}; 1 standing by" == checks["slots"].finding
    assert Verdict.WARNING is checks["sessions"].verdict


async def test_a_vacant_slot_is_a_warning(postgresql_server: Server) -> None:
    url = postgresql_server.create()
    async with Database.open(url, processes=2):
        async with Database.open(url, processes=2):
            pass
        checks = await found(url)

    assert Verdict.WARNING is checks["slots"].verdict
    assert "1: nobody; nobody serves a part of the servers" in checks["slots"].finding


async def test_a_restored_database_is_a_failure(
    postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_checks, "MUST_BE_ON", ())
    url = postgresql_server.create()
    async with Database.open(url):
        pass
    with closing(connect(url, name="tests", options={})) as tx:
        tx.execute("UPDATE fact SET value = 'another' WHERE name = 'identity'")

    checks = await found(url)

    assert Verdict.FAILURE is checks["database"].verdict
    assert "run `tunesmith restored`" in checks["database"].finding


async def test_a_pooler_in_transaction_mode_is_a_failure(postgresql_server: Server) -> None:
    url = postgresql_server.create()
    async with pooling(postgresql_server.folder, url) as pooled:
        check = [spec for spec in server_checks.check_specs(pooled) if spec.name == "sessions"]
        checks = [found async for found in run_checks(check)]

    assert [Verdict.FAILURE] == [check.verdict for check in checks]
    assert "session mode" in checks[0].finding


@asynccontextmanager
async def pooling(folder: Path, url: str) -> AsyncIterator[str]:
    """Run a pooler that lends one session of the server to all of its clients in turn."""
    name = url.partition("@/")[2].partition("?")[0]
    from_server, to_server = await asyncio.open_unix_connection(folder / ".s.PGSQL.5432")
    greeting = b""

    async def until_idle() -> bytes:
        """Return the server's output until it waits for the next statement."""
        said = b""
        while True:
            head = await from_server.readexactly(5)
            said += head + await from_server.readexactly(int.from_bytes(head[1:], "big") - 4)
            if head.startswith(b"Z"):
                return said

    async def serve(client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        nonlocal greeting
        size = await client.readexactly(4)
        startup = size + await client.readexactly(int.from_bytes(size, "big") - 4)
        if not greeting:
            to_server.write(startup)
            greeting = await until_idle()
        to_client.write(greeting)
        while (kind := await client.read(1)) not in (b"", b"X"):
            size = await client.readexactly(4)
            to_server.write(kind + size + await client.readexactly(int.from_bytes(size, "big") - 4))
            if kind in (b"Q", b"S"):  # a query, or the end of several messages
                to_client.write(await until_idle())
        to_client.close()

    with tempfile.TemporaryDirectory() as place:
        async with await asyncio.start_unix_server(serve, f"{place}/.s.PGSQL.5432"):
            yield f"postgresql://tunesmith@/{name}?host={place}"
        to_server.close()
