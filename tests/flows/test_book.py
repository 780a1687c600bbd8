"""The operator's book: each unmarked command runs, here or in the named test."""

import asyncio
import os
import re
import shlex
import shutil
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.cli import cli
from bot.database.sqlite import Database
from bot.model import JobState
from bot.ops.backup import backup
from tests import make
from tests.rules.documents import ROOT, SHOWN
from tests.unit.pipeline.rig import Rig

GUILD, JOB = "81384788765712384", "4711"
"""The server and the job in the examples."""
RUN_ELSEWHERE = {
    "tunesmith run": "tests/flows/test_run.py",
    "tunesmith doctor": "tests/flows/test_operator.py",
}
SERVING = ("tunesmith playground", "tunesmith sandbox --port 8090")
"""Commands that serve until Ctrl-C; their first line contains the address."""
START_S, END_S = 60.0, 20.0
SHOWN_UNMARKED = {
    command for block, command in SHOWN if not block.marked and command.startswith("tunesmith ")
}
RUN_HERE = sorted(SHOWN_UNMARKED - RUN_ELSEWHERE.keys() - set(SERVING))


@pytest.fixture(scope="module")
def evening(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[JobState, int]]:
    """Return a folder with a finished song, a parked job and a backup, and a job in each state."""
    folder = tmp_path_factory.mktemp("evening")
    return folder, asyncio.run(_an_evening(folder))


async def _an_evening(folder: Path) -> dict[JobState, int]:
    async with Database.open(folder / "tunesmith.db") as database:
        rig = Rig(database, folder / "spool", make.Clock())
        delivered = await rig.ask()
        await rig.until(delivered, JobState.DELIVERED)
        rig.music.done_at_once = False
        parked = await rig.ask()
        await rig.until(parked, JobState.RUNNING)
        rig.clock.forward(hours=25)
        await rig.round()
    (folder / "data").mkdir()
    backup(folder / "tunesmith.db", folder / "data" / "backup.db", lambda *_: None)
    return {JobState.DELIVERED: delivered.id, JobState.RUNNING: parked.id}


@pytest.mark.parametrize("command", RUN_HERE)
def test_a_command_of_the_book_succeeds(
    command: str,
    evening: tuple[Path, dict[JobState, int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder, job_ids = evening
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    for setting, value in {
        "DISCORD_TOKEN": "a-token",
        "MUSIC_API_KEY": "a-key",
        "DATABASE_URL": "sqlite:///tunesmith.db",
        "SPOOL_DIR": "spool",
    }.items():
        monkeypatch.setenv(setting, value)
    job_id = job_ids[JobState.DELIVERED if "refund" in command else JobState.RUNNING]
    words = shlex.split(command.replace(GUILD, str(make.GUILD)).replace(JOB, str(job_id)))

    result = CliRunner().invoke(cli, words[1:])

    assert (0, "") == (result.exit_code, result.stderr)


@pytest.mark.parametrize("command", SERVING)
async def test_a_command_that_serves_does_so_until_ctrl_c(command: str, tmp_path: Path) -> None:
    # Any free port, because 8090 may be in use on this machine.
    words = shlex.split(command.replace("8090", "0"))
    environ = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", *words[1:]), cwd=tmp_path, env=environ, stdout=PIPE, stderr=PIPE
    )
    try:
        assert process.stdout is not None
        async with asyncio.timeout(START_S):
            line = (await process.stdout.readline()).decode()
        process.send_signal(signal.SIGINT)
        async with asyncio.timeout(END_S):
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()

    assert re.search(r"http://127\.0\.0\.1:\d+", line)
    assert "Traceback" not in errors.decode()
    assert 0 == process.returncode


def test_each_other_command_is_still_in_the_book_and_its_test_exists() -> None:
    shown = "\n".join(command for _, command in SHOWN)

    assert [] == [command for command in (*RUN_ELSEWHERE, *SERVING) if command not in shown]
    assert [] == [path for path in RUN_ELSEWHERE.values() if not (ROOT / path).exists()]
