"""Runs in forks count, show and stop tests as a single process does."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CONFTEST = """
from tests.forks import Forks

def pytest_configure(config):
    config.pluginmanager.register(Forks(config, workers=2, waiting=()))
"""
TESTS = """
import os
import pytest

@pytest.mark.parametrize("number", range(40))
def test_good(number, tmp_path):
    assert [] == list(tmp_path.iterdir())

def test_bad():
    print("what it wrote")
    assert os.getpid() == 0
"""
CONFTEST_THAT_SHOWS_AN_END = f"""{CONFTEST}
    config.add_cleanup(lambda: (config.rootpath / "ended").touch())
"""
TESTS_AFTER_A_FAILURE = """
import time
from pathlib import Path

import pytest

def test_bad():
    assert False

@pytest.mark.parametrize("number", range(40))
def test_good(number):
    while not Path("ended").exists():
        time.sleep(0.01)
"""
LONG_TESTS = """
import os
import threading
from pathlib import Path

import pytest

@pytest.fixture(scope="session")
def built():
    yield
    Path(f"torn-down-{os.getpid()}").touch()

@pytest.mark.parametrize("number", range(4))
def test_long(number, built):
    Path(f"running-{os.getpid()}").touch()
    threading.Event().wait(60)
"""
COMMAND = [sys.executable, "-m", "pytest", "--import-mode=importlib", "--basetemp=temporary", "."]
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
PATIENCE_S = 60.0


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "conftest.py").write_text(CONFTEST, "utf-8")
    (tmp_path / "test_them.py").write_text(TESTS, "utf-8")
    return tmp_path


def run(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - this Python
        [*COMMAND, *options], cwd=folder, env=ENVIRONMENT, text=True, capture_output=True, check=False
    )


def test_a_failure_in_a_fork_is_shown_with_its_output(folder: Path) -> None:
    ended = run(folder)

    assert 1 == ended.returncode
    assert "1 failed, 40 passed" in ended.stdout
    assert "assert os.getpid() == 0" in ended.stdout
    assert 1 == ended.stdout.count("\nwhat it wrote\n")


@pytest.mark.parametrize(
    ("how", "counted"),
    [
        pytest.param("os._exit(0)", "ended with 0", id="in a test, by itself"),
        pytest.param("os.kill(os.getpid(), 9)", "ended with -9", id="in a test, by a signal"),
    ],
)
def test_a_crashed_fork_fails_its_tests(folder: Path, how: str, counted: str) -> None:
    with (folder / "test_them.py").open("a", encoding="utf-8") as tests:
        tests.write(f"\n@pytest.fixture\ndef death():\n    {how}\n\ndef test_dies(death):\n    pass\n")

    ended = run(folder, "-k", "test_dies or good and (39 or 38 or 37)")

    assert 1 == ended.returncode
    assert f"test_dies: its process {counted}" in ended.stdout
    assert 4 == counts(ended.stdout)["failed"] + counts(ended.stdout).get("passed", 0)


def test_no_test_starts_after_the_maximum_number_of_failures(folder: Path) -> None:
    (folder / "conftest.py").write_text(CONFTEST_THAT_SHOWS_AN_END, "utf-8")
    (folder / "test_them.py").write_text(TESTS_AFTER_A_FAILURE, "utf-8")

    ended = run(folder, "-x")

    assert 1 == ended.returncode
    assert "stopping after 1 failure" in ended.stdout
    # Those that the other fork had taken: it has one part of the tests and the first of the next.
    assert 2 * 5 >= counts(ended.stdout).get("passed", 0)


def test_an_error_when_a_fork_ends_fails_the_run(folder: Path) -> None:
    with (folder / "conftest.py").open("a", encoding="utf-8") as conftest:
        conftest.write(
            "    parent = os.getpid()\n    config.add_cleanup(lambda: 1 / (os.getpid() == parent))\n"
        )
        conftest.write("\nimport os\n")

    ended = run(folder, "-k", "good")

    assert 0 != ended.returncode
    assert "ZeroDivisionError" in ended.stderr


def test_an_interrupt_ends_all_forks_and_tears_their_fixtures_down(folder: Path) -> None:
    (folder / "test_them.py").write_text(LONG_TESTS, "utf-8")
    with subprocess.Popen(  # noqa: S603 - this Python
        COMMAND, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, start_new_session=True
    ) as process:
        deadline_s = time.monotonic() + PATIENCE_S
        while 2 > len(list(folder.glob("running-*"))) and time.monotonic() < deadline_s:
            time.sleep(0.01)

        os.killpg(process.pid, signal.SIGINT)

        assert pytest.ExitCode.INTERRUPTED == process.wait(PATIENCE_S)
    assert 2 == len(list(folder.glob("running-*")))
    assert 2 == len(list(folder.glob("torn-down-*")))


def counts(output: str) -> dict[str, int]:
    """Return the counts of pytest's last line."""
    words = output.splitlines()[-1].replace(",", "").split()
    return {word: int(count) for count, word in itertools.pairwise(words) if count.isdecimal()}
