"""A bot forked from a process that has imported it is equivalent to one started by Python."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.flows.process import BotProcess
from tests.flows.warm_start import WarmStarts


class Always(WarmStarts):
    """Forks every command."""

    @staticmethod
    def suits(*_: object) -> bool:
        return True


@pytest.fixture(scope="module")
def always() -> Iterator[WarmStarts]:
    warm_starts = Always()
    yield warm_starts
    warm_starts.close()


async def shown(
    folder: Path, end: str, warm_starts: WarmStarts | None
) -> tuple[int, dict[str, Any], list[str]]:
    """Run the program that shows itself. Return its exit status and output."""
    with BotProcess.started_anew():
        BotProcess.warm_starts = warm_starts
        async with BotProcess.running(folder, ("tests.flows.shows_itself", end), {"A_SETTING": "é"}) as bot:
            status = await bot.ended()
    (line,) = [line for line in bot.lines if line.startswith("{")]
    return status, json.loads(line), [line for line in bot.lines if line.startswith("ValueError")]


@pytest.mark.parametrize(("end", "status"), [("none", 0), ("status", 3), ("signal", -9), ("error", 1)])
async def test_a_fork_is_indistinguishable_from_a_start(
    end: str, status: int, tmp_path: Path, always: WarmStarts
) -> None:
    expected = await shown(tmp_path, end, None)

    assert status == expected[0]
    assert expected == await shown(tmp_path, end, always)


@pytest.mark.parametrize("name", ["PYTHONHASHSEED", "SSL_CERT_FILE", "TZ"])
def test_variables_read_by_python_at_startup_rule_out_a_fork(name: str) -> None:
    assert WarmStarts.suits(("bot", "run"), {"DISCORD_TOKEN": "x", "PYTHONPATH": "/"})
    assert not WarmStarts.suits(("bot", "run"), {"DISCORD_TOKEN": "x", name: "x"})
    assert not WarmStarts.suits(("other",), {})
