"""The documents: their links, paths, commands, settings and messages are those of the program."""

import ast
import functools
import importlib
import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from bot import settings
from bot.cli import cli
from tests.rules.documents import DOCUMENTS, PAGES, ROOT, SHOWN, blocks, name

README_LINES_MAX = 130
BOUND = re.compile(
    r"^\| .+ \| (?P<value>\d+)(?: (?P<unit>[KM]iB))? \| `(?P<constant>bot\.[\w.]+)` \|$", re.MULTILINE
)
UNIT_BYTES = {None: 1, "KiB": 1024, "MiB": 1024**2}
LANGUAGES = {"console", "text"}
LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
OURS = sorted({command for _, command in SHOWN if command.startswith("tunesmith ")})
MODULES = sorted(
    {
        module
        for document in DOCUMENTS
        for module in re.findall(r"(?:^|`)python -m ([\w.]+)", document.read_text("utf-8"), re.MULTILINE)
    }
)


def anchors(document: Path) -> set[str]:
    """The anchors of a page's headings, as the site names them."""
    titles = re.findall(r"^#+ (.+)$", document.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"\s+", "-", re.sub(r"[^\w\s-]", "", title).strip().lower()) for title in titles}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_relative_link_leads_somewhere(document: Path) -> None:
    broken = []
    for match in LINK.finditer(document.read_text("utf-8")):
        place, _, anchor = match["target"].partition("#")
        if re.match(r"[a-z]+:", place):
            continue
        target = (document.parent / place) if place else document
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(match["target"])

    assert [] == broken


@pytest.mark.parametrize("document", DOCUMENTS, ids=name)
def test_every_path_that_a_document_names_exists(document: Path) -> None:
    paths = re.findall(r"`((?:bot|tests|bench|docs|deploy)/[\w./-]+)`", document.read_text("utf-8"))

    assert [] == [path for path in paths if not (ROOT / path).exists()]


def test_every_page_is_in_the_navigation_once() -> None:
    config = tomllib.loads((ROOT / "zensical.toml").read_text("utf-8"))
    listed = [page for entry in config["project"]["nav"] for page in entry.values()]

    assert sorted(page.name for page in PAGES) == sorted(listed)


def test_every_block_says_what_it_is() -> None:
    assert [] == [
        f"{name(block.document)}: {block.body[:40]}" for block in blocks() if block.language not in LANGUAGES
    ]


def test_every_command_is_checked_or_says_why_not() -> None:
    assert [] == [
        f"{name(block.document)}: {command}"
        for block, command in SHOWN
        if not block.marked and not command.startswith(("tunesmith ", "python -m "))
    ]


@pytest.mark.parametrize("command", OURS)
def test_every_command_of_ours_can_be_given(command: str) -> None:
    words = shlex.split(command)[1:]
    found: Any = typer.main.get_command(cli)
    while words and words[0] in getattr(found, "commands", ()):
        found = found.commands[words.pop(0)]

    # Parses the options and arguments, and raises UsageError for what the command does not take.
    found.make_context(command, list(words))
    assert not (words and hasattr(found, "commands"))


@pytest.mark.parametrize("module", MODULES)
def test_every_module_that_is_run_exists(module: str) -> None:
    assert importlib.util.find_spec(module) is not None


# -- the README


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= README_LINES_MAX


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """``.ci/run`` takes it from there, by its form; there has to be exactly one."""
    form = re.compile(r"^python3 -m venv .*/uv run pytest$", re.MULTILINE)

    assert 1 == len(form.findall((ROOT / "README.md").read_text("utf-8")))
    assert "grep -x 'python3 -m venv .*/uv run pytest' README.md" in (ROOT / ".ci" / "run").read_text("utf-8")


# -- tables


def defaults() -> dict[str, str]:
    """Name and default of every setting, as ``.env.example`` has them."""
    return dict(
        re.findall(r"^([A-Z_]+)=(.*)$", (ROOT / ".env.example").read_text("utf-8"), flags=re.MULTILINE)
    )


def test_the_configuration_page_has_every_setting_with_its_default() -> None:
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (\S+) \|", (ROOT / "docs" / "configuration.md").read_text("utf-8"), re.MULTILINE
    )
    listed = {setting: default.strip("`").replace("none", "") for setting, default in rows}
    required = {"DISCORD_TOKEN": "required", "MUSIC_API_KEY": "required"}

    assert sorted(settings.names()) == sorted(setting for setting, _ in rows)
    assert defaults() | required == listed


def written(node: ast.AST) -> str | None:
    """A text in the source, with … for what is filled in; None for everything else."""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


@functools.cache
def texts() -> set[str]:
    """Every text in the program, with … for what is filled in; Fluent's messages too."""
    found = set()
    for path in (ROOT / "bot").rglob("*.py"):
        found |= {written(node) or "" for node in ast.walk(ast.parse(path.read_text("utf-8")))}
    english = (ROOT / "bot" / "ui" / "languages" / "en.ftl").read_text("utf-8")
    return found | {re.sub(r"\{[^}]*\}", "…", line) for line in english.splitlines()}


def quoted() -> list[str]:
    """The first column of the tables in the page about troubles."""
    page = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
    rows = re.findall(r"^\| (?:`([^`]+)`|“([^”]+)”)", page, re.MULTILINE)
    return [code or speech for code, speech in rows]


@pytest.mark.parametrize("message", quoted())
def test_every_message_that_is_explained_is_one_of_ours(message: str) -> None:
    # The name of a setting is filled in by the program too.
    pieces = [piece.strip(" ();:,") for piece in re.sub(r"^[A-Z]+(?:_[A-Z]+)+\b", "…", message).split("…")]
    program = texts()

    assert [] == [piece for piece in pieces if piece and not any(piece in text for text in program)]


def refusals_of_a_start() -> Iterator[str]:
    """The sentences with which a start is refused; those about a setting's value say what to do."""
    for path in (ROOT / "bot").rglob("*.py"):
        if path.parent.name == "configuration" or path.name == "setup.py":
            continue
        source = path.read_text("utf-8")
        for node in ast.walk(ast.parse(source)) if "StartRefused(" in source else ():
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "StartRefused":
                yield from filter(None, map(written, node.args))


def test_every_refusal_of_a_start_is_explained() -> None:
    rows = [[part for piece in row.split("…") if (part := piece.strip(" ();:,."))] for row in quoted()]
    unexplained = [
        sentence
        for sentence in refusals_of_a_start()
        if not any(row and all(piece in sentence for piece in row) for row in rows)
    ]

    assert [] == unexplained


def test_the_documented_bounds_are_those_of_the_program() -> None:
    page = (ROOT / "docs" / "privacy-and-security.md").read_text("utf-8")
    rows = {row["constant"]: int(row["value"]) * UNIT_BYTES[row["unit"]] for row in BOUND.finditer(page)}
    constants = {}
    for path in rows:
        module, _, constant = path.rpartition(".")
        constants[path] = getattr(importlib.import_module(module), constant)

    assert page.count("| `bot.") == len(rows) > 0
    assert constants == rows
