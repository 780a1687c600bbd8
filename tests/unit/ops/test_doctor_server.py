"""The doctor's checks of a PostgreSQL server."""

import pytest

from bot.database.postgresql import Database
from bot.model import Check, Verdict
from bot.ops.doctor import server
from bot.ops.doctor.runner import run_checks
from bot.store import ledger
from tests import make
from tests.postgresql import Server


async def found(url: str) -> dict[str, Check]:
    return {check.name: check async for check in run_checks(server.check_specs(url))}


async def test_a_server_that_would_lose_commits_is_a_failure(postgresql_server: Server) -> None:
    # The tests' server does not flush.
    checks = await found(postgresql_server.create())

    assert Verdict.FAILURE is checks["database"].verdict
    assert "fsync is off" in checks["database"].finding
    assert Verdict.OK is checks["ledger"].verdict


async def test_a_good_server_is_shown_with_its_bot(
    postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MUST_BE_ON", ())
    url = postgresql_server.create()
    async with Database.open(url):
        checks = await found(url)

    assert Verdict.OK is checks["database"].verdict
    assert "PostgreSQL 1" in checks["database"].finding
    assert "works on it, 0 standing by" in checks["database"].finding


async def test_an_empty_database_is_fine_before_the_first_start(
    postgresql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MUST_BE_ON", ())

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


async def test_a_server_out_of_reach_is_named_without_the_password() -> None:
    checks = await found("postgresql://tunesmith:hunter2hunter2@127.0.0.1:1/songs")

    assert [Verdict.FAILURE] * 2 == [check.verdict for check in checks.values()]
    assert not any("hunter2" in check.finding for check in checks.values())
