"""A copy of the project in which one rule is broken, and what the tests say about it."""

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

# No plugins but the one that the tests need: loading the others takes longer than most of the tests.
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
"""What most of the time of a start goes into."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One rule, and a change of the source that breaks it."""

    rule: str
    """What holds as long as nothing is changed."""
    file: str
    """In ``bot/``."""
    inside: str
    """The qualified name of the function or constant that is edited; empty for SQL."""
    edits: tuple[Edit, ...]
    """What is done to it, one after the other."""
    noticed_by: tuple[str, ...]
    """Tests, as node ids in ``tests/``, of which at least one has to fail."""

    def mutated(self, package: Path) -> tuple[Place, str]:
        """Return where the edits fit in ``package``, a folder ``bot/``, and the source with the rule broken.

        Raises:
            StaleError: the edits fit nowhere, or in several places: the table is out of date.
        """
        return mutated(package, self.file, self.inside, self.edits)

    def named_place(self) -> Place:
        """Return the place that the table names."""
        named = (edit.inside if isinstance(edit, Within) else self.inside for edit in self.edits)
        return Place(self.file, tuple(named) if self.inside else ())

    def missing_tests(self, tests: Path) -> list[str]:
        """Return those of ``noticed_by`` that are not in ``tests``, the folder of that name."""
        named = [(node_id, *node_id.split("::")) for node_id in self.noticed_by]
        return [node_id for node_id, file, name in named if name not in functions_in(tests / file)]

    def apply(self, folder: Path) -> None:
        """Break the rule in the copy in ``folder``."""
        place, source = self.mutated(folder / "bot")
        path = folder / "bot" / place.file
        path.unlink()  # it may be a link to the file of another copy
        path.write_text(source, "utf-8")
        # Python recognises compiled code by its source's size and second: an old file could be taken.
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
        """Whether tests were run, and all of them passed."""
        return self.status == pytest.ExitCode.OK

    @property
    def noticed(self) -> bool:
        """Whether a test failed; not being able to run any is something else."""
        return self.status == pytest.ExitCode.TESTS_FAILED


@functools.cache
def functions_in(path: Path) -> frozenset[str]:
    """Return the names of a module's functions; none if there is no such file."""
    if not path.is_file():
        return frozenset()
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(
        node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


def copy(source: Path, folder: Path, *, linked: bool = False) -> Path:
    """The project at ``source``, as far as the tests need it, in the new ``folder``.

    Linked files are the same as in ``source``, on the same file system, and may be replaced but not changed.
    """
    folder.mkdir()
    copy_file = os.link if linked else shutil.copy2
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name, copy_function=copy_file)
        else:
            copy_file(source / name, folder / name)
    return folder


class Pytest:
    """Runs pytest on one copy after the other, each time in a new process. Get it from ``Pytest.ready``."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server

    @classmethod
    @contextmanager
    def ready(cls, imported: Iterable[str] = IMPORTED) -> Iterator[Self]:
        """Start the process that others are forked from, with nothing of what started this one around it."""
        around = (
            "PYTEST",
            "PYTHON",
            "COV",
        )  # an installed bot, options, coverage: they would decide the verdict
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
        """What the tests say about ``mutation``, in a copy of ``source`` in a new ``folder``."""
        mutation.apply(copy(source, folder, linked=linked))
        return self.run(folder, mutation.noticed_by)
