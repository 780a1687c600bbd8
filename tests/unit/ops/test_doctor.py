"""The reconciliation of the ledger, and the doctor that prints it."""

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.checks import Check, Verdict
from bot.cli import cli
from bot.database.sqlite import Database, Tx
from bot.model import JobState
from bot.ops.doctor.local import database_checks
from bot.ops.doctor.runner import CheckSpec, ok, on_a_thread, run_checks
from bot.store.reconcile import reconcile
from tests import make
from tests.unit.pipeline.rig import Rig

TAMPERINGS = [
    "UPDATE usage SET allowance_used = allowance_used + 1 WHERE member_id <> 0",
    "UPDATE usage SET allowance_used = allowance_used + 1 WHERE member_id = 0",
    "UPDATE usage SET bonus_held = bonus_held + 1",
    "DELETE FROM usage",
    "UPDATE guild SET bonus = bonus + 1",
    "UPDATE job SET price = price + 1, allowance_part = allowance_part + 1",
    "UPDATE job SET state = 'queued'",
    "UPDATE job SET day = day + 1",
    "DROP TRIGGER ledger_is_never_shortened; DELETE FROM ledger WHERE kind = 'settle'",
    "DROP TRIGGER ledger_is_never_shortened; DELETE FROM ledger WHERE kind = 'hold'",
    "DROP TRIGGER ledger_is_never_edited; UPDATE ledger SET bonus = bonus + 1 WHERE kind = 'grant'",
    "DROP TRIGGER ledger_is_never_edited; UPDATE ledger SET allowance = 9 WHERE kind = 'settle'",
]


@pytest.fixture
def rig(database: Database, tmp_path: Path, clock: make.Clock) -> Rig:
    return Rig(database, tmp_path / "spool", clock)


async def fill_ledger(rig: Rig) -> None:
    """Create a grant, a song, a failure and a running job."""
    await rig.credits.set_allowance(make.GUILD, 15, None, make.entry())
    await rig.credits.grant(make.GUILD, 50, make.entry("a good evening"))
    await rig.until(await rig.ask(), JobState.DELIVERED)
    rig.music.takes = 0
    await rig.until(await rig.ask(), JobState.EXPLAINED)
    await rig.ask()


async def test_a_sound_ledger_reconciles(rig: Rig) -> None:
    await fill_ledger(rig)

    totals = await rig.database.read(reconcile)

    assert () == totals.findings
    assert (10, 10, 10, 3) == (totals.held, totals.settled, totals.released, totals.jobs)


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_every_kind_of_tampering_with_the_ledger_is_found(rig: Rig, tampering: str) -> None:
    await fill_ledger(rig)

    def tamper(tx: Tx) -> None:
        for statement in tampering.split(";"):
            tx.execute(statement)

    await rig.database.write(tamper)

    assert () != (await rig.database.read(reconcile)).findings


async def test_the_doctor_checks_the_database_of_a_running_bot(rig: Rig, tmp_path: Path) -> None:
    await fill_ledger(rig)

    checks = [check async for check in run_checks(database_checks(tmp_path / "tunesmith.db"))]

    assert [
        (Verdict.OK, "database"),
        (Verdict.OK, "ledger"),
    ] == [(check.verdict, check.name) for check in checks]
    assert "counters, ledger and jobs agree: 7 entries for 3 jobs in 1 servers" in checks[1].finding


def test_the_doctor_reports_problems_and_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_TOKEN", "a-token")
    monkeypatch.setenv("MUSIC_API_KEY", "a-key")
    (tmp_path / "broken.db").write_bytes(b"no database" * 1_000)

    missing = CliRunner().invoke(cli, ["doctor", "--ledger"])
    monkeypatch.setenv("DATABASE_URL", "sqlite:///broken.db")
    broken = CliRunner().invoke(cli, ["doctor", "--ledger"])
    monkeypatch.delenv("DISCORD_TOKEN")
    unset = CliRunner().invoke(cli, ["doctor"])

    assert (0, "warning") == (missing.exit_code, missing.output.split()[0])
    assert (1, "failure") == (broken.exit_code, broken.output.split()[0])
    assert 1 == unset.exit_code
    assert "DISCORD_TOKEN is missing" in unset.output


def spec(run: Callable[[], Awaitable[list[Check]]], within_s: float = 5.0) -> CheckSpec:
    return CheckSpec(name="a check", within_s=within_s, run=run, advice="look at it")


async def test_a_check_that_hangs_fails_at_its_deadline_and_delays_no_other() -> None:
    async def hangs() -> list[Check]:
        return await on_a_thread(threading.Event().wait)  # type: ignore[arg-type]

    async def answers() -> list[Check]:
        return [ok("another", "well")]

    checks = [check async for check in run_checks([spec(hangs, 0.05), spec(answers)])]

    assert [
        Check(verdict=Verdict.FAILURE, name="a check", finding="no answer within 0 s; look at it"),
        ok("another", "well"),
    ] == checks


@pytest.mark.parametrize("threaded", [False, True])
async def test_a_check_that_raises_is_a_failure_without_its_secrets(threaded: bool) -> None:
    def breaks() -> list[Check]:
        raise RuntimeError("the token is hunter2")

    async def broken() -> list[Check]:
        return await on_a_thread(breaks) if threaded else breaks()

    (check,) = [check async for check in run_checks([spec(broken)])]

    assert Verdict.FAILURE is check.verdict
    assert check.finding.startswith("the check itself failed (RuntimeError in test_doctor.py, line ")
    assert "hunter2" not in check.finding
