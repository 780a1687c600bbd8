"""The command line itself: its imports, its exit statuses, and commands with missing packages."""

import ast
import importlib
import importlib.metadata
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot import cli, setup
from bot.commands import probes, simulations
from bot.database.postgresql import EXIT_LOST
from tests.flows.process import ROOT

LATE = ["bot.cli", *(f"bot.commands.{one.stem}" for one in (ROOT / "bot" / "commands").glob("[a-z]*.py"))]
"""Modules that import others on first use."""
HEAVY = ("aiohttp", "asyncio", "discord", "httpx", "numpy", "rich.console", "sqlite3", "structlog")


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["jobs", "retry", "--help"]])
def test_help_imports_nothing_slow(words: list[str]) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "bot", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)  # noqa: S603 - our own
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr, re.MULTILINE))

    assert [] == [name for name in HEAVY if name in imported]
    assert "typer" in imported


@pytest.mark.parametrize("name", LATE)
def test_every_lazily_imported_module_is_the_type_checked_one(name: str) -> None:
    """A type checker and the program get the names from the same modules."""
    module = importlib.import_module(name)
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    (branch,) = [node for node in tree.body if isinstance(node, ast.If)]
    seen = {}
    for node in branch.body:
        for alias in node.names if isinstance(node, ast.Import | ast.ImportFrom) else []:
            package = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            seen[alias.asname or alias.name] = package + alias.name
    bound = {name: sys.modules[source] for name, source in seen.items() if source in sys.modules}

    assert {name: source.__name__ for name, source in bound.items()} == {
        name: vars(module)[name].__name__ for name in bound
    }
    assert {"OperatorActions"} >= set(seen) - set(bound)


@pytest.mark.parametrize(
    ("command", "extra", "missing"),
    [
        (command, extra, module)
        for command, extra in (("demo", "demo"), ("sandbox", "demo"), ("playground", "playground"))
        for module in simulations.EXTRAS[extra]
    ],
)
def test_a_command_with_missing_packages_says_what_to_install(
    command: str, extra: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulations, "find_spec", lambda name: None if name == missing else object())
    result = CliRunner().invoke(cli.cli, [command])

    assert 1 == result.exit_code
    assert result.stderr.startswith(f"`tunesmith {command}` needs the extra `{extra}`: install ")
    assert 1 == result.stderr.count("\n")


def test_the_modules_of_an_extra_match_its_packages() -> None:
    wanted = importlib.metadata.requires("tunesmith") or []
    packages = {re.split(r"[\[<>=; ]", line)[0] for line in wanted if "extra == 'demo'" in line}

    assert {*simulations.EXTRAS["demo"]} == packages
    assert {*simulations.EXTRAS["playground"]} == packages | {"av"}  # simcord's own extra brings av


# -- exit statuses


@pytest.mark.parametrize("words", [[], ["jobs"], ["servers"]])
def test_each_listed_command_has_a_whole_sentence(words: list[str]) -> None:
    listing = CliRunner().invoke(cli.cli, [*words, "--help"]).output.partition("Commands:\n")[2]
    sentences = [line.strip() for line in listing.partition("\n\n")[0].splitlines()]

    assert len(sentences) >= 3
    assert [] == [line for line in sentences if not line.endswith(".") or line.endswith("..")]


def test_the_exit_statuses_are_in_the_help_and_in_the_documentation() -> None:
    shown = " ".join(CliRunner().invoke(cli.cli, ["--help"]).output.split())
    table = re.findall(r"^\| (\d+) \|", (ROOT / "docs" / "operating.md").read_text("utf-8"), re.MULTILINE)

    assert cli.EXIT_STATUSES in shown
    assert table == re.findall(r"(?<![-\w])(\d+) ", cli.EXIT_STATUSES)
    assert [str(probes.PROBE_UNEXPECTED), str(EXIT_LOST), str(setup.INTERRUPTED)] == table[3:]
    assert str(setup.NO_ANSWERS) == table[2]
    assert setup.INTERRUPTED == 128 + signal.SIGINT


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--help"], 0),
        (["--version"], 0),
        (["run"], 1),
        (["doctor"], 1),
        (["config"], 1),
        (["jobs"], 1),
        (["nonsense"], 2),
        (["run", "--nonsense"], 2),
        (["jobs", "retry"], 2),
        (["jobs", "retry", "one"], 2),
        (["init"], 2),
        (["probe", "--pay"], 1),
    ],
)
def test_each_outcome_has_its_exit_status(
    words: list[str], status: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LOG_LEVEL", "INFO")
    for name in ("DISCORD_TOKEN", "MUSIC_API_KEY", "KIE_API_KEY", "MUSIC_BACKEND"):
        monkeypatch.delenv(name, raising=False)
    result = CliRunner().invoke(cli.cli, words)

    assert status == result.exit_code, result.output
