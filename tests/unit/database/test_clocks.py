"""A process only continues another's work if its clock agrees with the server's."""

import time
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from bot.checks import Verdict
from bot.database import clocks, slots
from bot.database.postgresql import Database
from bot.database.postgresql_writer import Writer
from bot.errors import StartRefused
from bot.ops.doctor import postgresql as server_checks
from bot.ops.doctor.runner import run_checks
from tests.postgresql import Server

SESSIONS = """SELECT COUNT(*) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()"""
PATIENCE_S = 30.0


@pytest.fixture
def url(postgresql_server: Server) -> str:
    return postgresql_server.create()


def wrong_by(seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "wall_clock", lambda: datetime.now(UTC) + timedelta(seconds=seconds))


def until_sessions(count: int, url: str) -> None:
    """Wait for sessions to end: a closed one holds its locks until the server has noticed."""
    deadline_s = time.monotonic() + PATIENCE_S
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute(SESSIONS).fetchone() != (count,):
            assert time.monotonic() < deadline_s


@pytest.mark.parametrize(("off_s", "side"), [(3_600.0, "ahead of"), (-3_600.0, "behind")])
async def test_a_wrong_clock_is_refused_before_a_slot_is_taken(
    url: str, monkeypatch: pytest.MonkeyPatch, off_s: float, side: str
) -> None:
    wrong_by(off_s, monkeypatch)

    with pytest.raises(
        StartRefused, match=rf"DATABASE_URL: this .* 3,[56]\d\d s {side} the .*; sync both with NTP"
    ):
        async with Database.open(url):
            pass


async def test_a_slightly_wrong_clock_is_accepted(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong_by(clocks.APART_MAX.total_seconds() / 2, monkeypatch)

    async with Database.open(url) as database:
        assert database.share.leads


def test_a_standby_with_a_wrong_clock_takes_nothing_over(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """While it stood by, its time advanced by an hour unknown to the server."""
    holder, standby = (Writer(url, takeover_s=60.0) for _ in range(2))
    steady_s = slots.steady_s
    try:
        assert holder.attempt()
        assert not standby.attempt()
        holder.close()
        until_sessions(1, url)
        monkeypatch.setattr(slots, "steady_s", lambda: steady_s() + 3_600.0)
        with pytest.raises(StartRefused, match="ahead of"):
            standby.attempt()
    finally:
        standby.close()
        for writer in (holder, standby):
            writer.thread.shutdown()


async def test_the_doctor_names_a_wrong_clock(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_checks, "MUST_BE_ON", ())
    wrong_by(-3_600.0, monkeypatch)

    checks = {check.name: check async for check in run_checks(server_checks.check_specs(url))}

    assert Verdict.FAILURE is checks["database"].verdict
    assert "behind the server's" in checks["database"].finding
