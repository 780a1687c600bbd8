"""A copy of the project in which one rule is broken, and what the tests say about it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COPIED = ("bot", "tests", "pyproject.toml")
END_WITHIN_S = 120.0

# No plugins but the one that the tests need: loading the others takes longer than most of the tests.
PYTEST = (
    *(sys.executable, "-m", "pytest", "-q", "-x", "--import-mode=importlib"),
    *("-o", "addopts=", "-p", "no:cacheprovider", "-p", "pytest_asyncio.plugin"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """One rule, and a change of the source that breaks it."""

    rule: str
    """What holds as long as nothing is changed."""
    file: str
    """In ``bot/``."""
    edits: tuple[tuple[str, str], ...]
    """Old texts, each of which is there once when its turn comes, and new ones."""
    noticed_by: tuple[str, ...]
    """Tests, as node ids in ``tests/``, of which at least one has to fail."""

    def applied_to(self, source: str) -> str:
        """The source of the file with the rule broken.

        Raises:
            ValueError: an old text is not there, or more than once: the table is out of date.
        """
        for old, new in self.edits:
            if (count := source.count(old)) != 1:
                raise ValueError(f"bot/{self.file} has {count} times {old!r}")
            source = source.replace(old, new)
        return source

    def apply(self, folder: Path) -> None:
        """Break the rule in the copy in ``folder``."""
        path = folder / "bot" / self.file
        path.write_text(self.applied_to(path.read_text("utf-8")), "utf-8")
        # What was compiled of it may pass for this one's: it is told by its second and its size.
        shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of running tests."""

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


def copy(source: Path, folder: Path) -> Path:
    """The project at ``source``, as far as the tests need it, in the new ``folder``."""
    folder.mkdir()
    for name in COPIED:
        if (source / name).is_dir():
            shutil.copytree(source / name, folder / name)
        else:
            shutil.copy2(source / name, folder / name)
    return folder


def run(folder: Path, node_ids: Iterable[str]) -> Verdict:
    """Run these tests on the copy in ``folder``, with nothing of what started this process around them."""
    around = ("PYTEST", "PYTHON", "COV")  # an installed bot, options, coverage: they would decide the verdict
    env = {name: value for name, value in os.environ.items() if not name.startswith(around)}
    env |= {"PYTHONPATH": str(folder), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    began_s = time.monotonic()
    with subprocess.Popen(  # noqa: S603 - pytest, on what this repository names
        [*PYTEST, f"--basetemp={folder / 'temporary'}", *(f"tests/{node_id}" for node_id in node_ids)],
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        status: int | None
        try:
            output, _ = process.communicate(timeout=END_WITHIN_S)
            status = process.returncode
        except subprocess.TimeoutExpired:
            output, status = "", None
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # with what the tests have started
    return Verdict(status=status, took_s=time.monotonic() - began_s, output=output)


def tried(mutation: Mutation, source: Path, folder: Path) -> Verdict:
    """What the tests say about ``mutation``, in a copy of the project at ``source`` in a new ``folder``."""
    mutation.apply(copy(source, folder))
    return run(folder, mutation.noticed_by)
