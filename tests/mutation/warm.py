"""A process that has imported what the tests import from elsewhere, and forks once for each run of pytest.

Started as a script, so that it has imported nothing of the project, of which each run takes its own copy.
Reads one request a line, ``[folder, arguments, output, deadline in seconds]``, and answers each with one
line: pytest's exit status, or null if it had to be killed.
"""

import importlib
import json
import os
import signal
import sys
import warnings
from pathlib import Path

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


def main() -> None:
    """Import, then serve until the other end closes its pipe."""
    del sys.path[0]  # this folder, as that of the script
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others, at their import
        for name in IMPORTED:
            importlib.import_module(name)
    # Its signal is waited for: see below.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for line in sys.stdin:
        folder, arguments, output, within_s = json.loads(line)
        child = os.fork()
        if child == 0:
            run(Path(folder), arguments, Path(output))
        sys.stdout.write(f"{json.dumps(status_of(child, within_s))}\n")
        sys.stdout.flush()


def status_of(child: int, within_s: float) -> int | None:
    """Wait for ``child`` to end. None if it took longer, or ended by a signal."""
    ended = signal.sigtimedwait({signal.SIGCHLD}, within_s)
    if ended is None:
        os.killpg(child, signal.SIGKILL)  # with what the tests have started
    _, status = os.waitpid(child, 0)
    if ended is None:
        signal.sigtimedwait({signal.SIGCHLD}, 0)  # of the one that was killed
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


def run(folder: Path, arguments: list[str], output: Path) -> None:
    """Become a process as if it had been started in ``folder``, and run pytest there."""
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGCHLD})
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    written = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(written, 1)
    os.dup2(written, 2)
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder)
    sys.path.insert(0, str(folder))
    status = 70  # as EX_SOFTWARE, if pytest itself breaks
    try:
        status = int(importlib.import_module("pytest").main(arguments))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
