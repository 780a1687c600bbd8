"""A process that has imported the tests' external dependencies, and forks once for each run of pytest.

Its arguments name those. It runs as a script, and so has imported nothing from the project, of which each
run uses its own copy. It reads one request per line, ``[folder, arguments, output, deadline in seconds]``,
and answers each with one line: pytest's exit status, or null if it had to be killed.
"""

import importlib
import json
import os
import signal
import sys
import warnings
from pathlib import Path


def main() -> None:
    """Import, then serve until the client closes its pipe."""
    del sys.path[0]  # this script's folder
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of others, at their import
        for name in sys.argv[1:]:
            importlib.import_module(name)
    # Its signal is awaited: see below.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGCHLD})
    for line in sys.stdin:
        folder, arguments, output, within_s = json.loads(line)
        child = os.fork()
        if child == 0:
            run(Path(folder), arguments, Path(output))
        sys.stdout.write(f"{json.dumps(status_of(child, within_s))}\n")
        sys.stdout.flush()


def status_of(child: int, within_s: float) -> int | None:
    """Wait for ``child`` to exit. Return None if it took too long or was ended by a signal."""
    ended = signal.sigtimedwait({signal.SIGCHLD}, within_s)
    if ended is None:
        os.killpg(child, signal.SIGKILL)  # with all processes started by the tests
    _, status = os.waitpid(child, 0)
    if ended is None:
        signal.sigtimedwait({signal.SIGCHLD}, 0)  # of the killed child
    return os.WEXITSTATUS(status) if os.WIFEXITED(status) else None


def run(folder: Path, arguments: list[str], output: Path) -> None:
    """Become a process as if started in ``folder``, and run pytest there."""
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
