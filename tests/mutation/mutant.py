"""A copy of the project with one rule broken, and the tests' verdict on it."""

import ast
import functools
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import pytest

from tests.mutation.source import Edit, Place, Within, mutated

ROOT = Path(__file__).parents[2]
COPIED = ("bot", "tests", "pyproject.toml")
END_WITHIN_S = 120.0
UNFINISHED = shutil.ignore_patterns("*.pyc.*")
"""Files that other processes are about to rename: bytecode that is being written."""

# No plugins except the one the tests need: loading the others takes longer than most of the tests.
PYTEST = (
    *("-q", "-x", "--import-mode=importlib"),
    *("-o", "addopts=", "-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin"),
)


IMPORTED = (
    *("aiohttp.web", "aiosqlite", "asyncio", "backports.zstd", "brotli", "discord", "discord.ext.commands"),
    *(
        "filelock",
        "fluent.runtime",
        "httpx",
        "hypothesis.stateful",
        "numpy",
        "PIL.ImageDraw",
        "PIL.ImageFont",
    ),
    *("prometheus_client", "pytest", "regex", "rich.table", "simcord", "structlog"),
    *("PIL.ImageFont", "typer.testing", "unittest.mock", "zoneinfo"),
)
"""The imports that take up most of a start."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One rule, and a change of the source that breaks it."""

    rule: str
    """The rule, which holds in the unchanged source."""
    file: str
    """In ``bot/``."""
    inside: str
    """The qualified name of the edited function or constant; empty for SQL."""
    edits: tuple[Edit, ...]
    """Edits to it, in order."""
    noticed_by: tuple[str, ...]
    """Tests, as node ids in ``tests/``, at least one of which has to fail."""

    def mutated(self, package: Path) -> tuple[Place, str]:
        """Return where the edits fit in ``package``, a folder ``bot/``, and the source with the rule broken.

        Raises:
            StaleError: the edits fit nowhere, or in several places, so the table is out of date.
        """
        return mutated(package, self.file, self.inside, self.edits)

    def named_place(self) -> Place:
        """Return the place named by the table."""
        named = (edit.inside if isinstance(edit, Within) else self.inside for edit in self.edits)
        return Place(self.file, tuple(named) if self.inside else ())

    def missing_tests(self, tests: Path) -> list[str]:
        """Return the tests in ``noticed_by`` that do not exist in the folder ``tests``."""
        named = [(node_id, *node_id.split("::")) for node_id in self.noticed_by]
        return [node_id for node_id, file, name in named if name not in functions_in(tests / file)]

    def apply(self, folder: Path) -> None:
        """Break the rule in the copy in ``folder``."""
        place, source = self.mutated(folder / "bot")
        path = folder / "bot" / place.file
        path.unlink()  # it may be a link to another copy's file
        path.write_text(source, "utf-8")
        # Python recognises compiled code by its source's size and second: it could use that of an old file.
        for compiled in (path.parent / "__pycache__").glob(f"{path.stem}.*"):
            compiled.unlink()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """The result of running tests."""

    status: int | None
    """pytest's exit status; None if it had to be killed."""
    took_s: float
    output: str

    @property
    def passed(self) -> bool:
        """Whether tests ran and all of them passed."""
        return self.status == pytest.ExitCode.OK

    @property
    def noticed(self) -> bool:
        """Whether a test failed; being unable to run any does not count."""
        return self.status == pytest.ExitCode.TESTS_FAILED


@functools.cache
def functions_in(path: Path) -> frozenset[str]:
    """Return the names of a module's functions, or none if there is no such file."""
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def copy(source: Path, folder: Path, *, linked: bool = False) -> Path:
    """Copy the parts of the project at ``source`` that the tests need to the new ``folder``.

    Linked files are those of ``source``, on the same file system, and may be replaced but not modified.
    """
    folder.mkdir()
    copy_file = os.link if linked else shutil.copy2
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name, ignore=UNFINISHED, copy_function=copy_file)
        else:
            copy_file(source / name, folder / name)
    return folder


class Pytest:
    """Runs pytest on copies in turn, each in a new process. Get it from ``Pytest.ready``."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    @classmethod
    @contextmanager
    def ready(cls, imported: Iterable[str] = IMPORTED) -> Iterator[Self]:
        """Start the process from which others are forked, isolated from the environment of this one."""
        around = (
            "PYTEST",
            "PYTHON",
            "COV",
        )  # an installed bot, options, coverage: they would affect the verdict
        env = {name: value for name, value in os.environ.items() if not name.startswith(around)}
        with subprocess.Popen(  # noqa: S603 - a script of this folder
            [sys.executable, Path(__file__).with_name("warm.py"), *imported],
            env=env | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as server:
            yield cls(server)

    def run(self, folder: Path, node_ids: Iterable[str]) -> Verdict:
        """Run these tests on the copy in ``folder``."""
        began_s = time.monotonic()
        arguments = [*PYTEST, f"--basetemp={folder / 'temporary'}", *(f"tests/{name}" for name in node_ids)]
        output = folder / "output"
        assert self._server.stdin is not None
        assert self._server.stdout is not None
        request = [str(folder), arguments, str(output), END_WITHIN_S]
        self._server.stdin.write(f"{json.dumps(request)}\n")
        self._server.stdin.flush()
        status = json.loads(self._server.stdout.readline())
        took_s = time.monotonic() - began_s
        return Verdict(status=status, took_s=took_s, output=output.read_text("utf-8", "replace"))

    def tried(self, mutation: Mutation, source: Path, folder: Path, *, linked: bool = False) -> Verdict:
        """Run the tests of ``mutation`` in a copy of ``source`` in a new ``folder``."""
        mutation.apply(copy(source, folder, linked=linked))
        return self.run(folder, mutation.noticed_by)
