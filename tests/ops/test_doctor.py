"""The proof of the books, and the doctor who prints it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.model import JobState
from bot.ops.doctor import Verdict, examine
from bot.store.database import Database, Tx
from bot.store.proof import prove
from tests import make
from tests.jobs.rig import Rig

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


async def some_books(rig: Rig) -> None:
    """A grant, a song, a failure and a job that is still running."""
    await rig.purse.set_allowance(make.GUILD, 15, None, make.entry())
    await rig.purse.grant(make.GUILD, 50, make.entry("a good evening"))
    await rig.until(await rig.ask(), JobState.DELIVERED)
    rig.music.takes = 0
    await rig.until(await rig.ask(), JobState.EXPLAINED)
    await rig.ask()


async def test_good_books_are_proved(rig: Rig) -> None:
    await some_books(rig)

    proof = await rig.database.read(prove)

    assert proof.findings == ()
    assert (proof.held, proof.settled, proof.released, proof.jobs) == (10, 10, 10, 3)


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_every_way_to_tamper_with_the_books_is_found(rig: Rig, tampering: str) -> None:
    await some_books(rig)

    def tamper(tx: Tx) -> None:
        for statement in tampering.split(";"):
            tx.execute(statement)

    await rig.database.write(tamper)

    assert (await rig.database.read(prove)).findings != ()


async def test_the_doctor_examines_beside_a_running_bot(rig: Rig, tmp_path: Path) -> None:
    await some_books(rig)

    checks = list(examine(tmp_path / "tunesmith.db"))

    assert [(check.verdict, check.name) for check in checks] == [
        (Verdict.OK, "database"),
        (Verdict.OK, "ledger"),
    ]
    assert "counters = ledger = jobs: 7 entries for 3 jobs in 1 servers" in checks[1].finding


def test_the_doctor_says_what_is_wrong_and_ends_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_TOKEN", "a-token")
    monkeypatch.setenv("MUSIC_API_KEY", "a-key")
    (tmp_path / "broken.db").write_bytes(b"no database" * 1_000)

    missing = CliRunner().invoke(cli, ["doctor"])
    monkeypatch.setenv("DATABASE_URL", "sqlite:///broken.db")
    broken = CliRunner().invoke(cli, ["doctor", "--ledger"])
    monkeypatch.delenv("DISCORD_TOKEN")
    unset = CliRunner().invoke(cli, ["doctor"])

    assert (missing.exit_code, missing.output.split()[0]) == (0, "warning")
    assert (broken.exit_code, broken.output.split()[0]) == (1, "failure")
    assert unset.exit_code == 1
    assert "DISCORD_TOKEN is missing" in unset.output
