"""A process that has imported the bot, and forks once for each bot that a test starts.

It runs as a script whose standard input is a socket, with the usual secrets of bots as arguments. A message
on the socket is JSON, ``{"command", "folder", "env"}``, with three descriptors: standard output, standard
error, and a pipe that reports the process id and then the exit status, a line each. It ends when the client
closes the socket.
"""

import atexit
import gc
import importlib
import json
import os
import runpy
import socket
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

MESSAGE_MAX_BYTES = 1 << 17
OF_FIRST_REQUESTS = (
    *("anyio._backends._asyncio", "httpcore._backends.anyio"),
    *("bot.music.audio_client", "bot.music.guard", "bot.music.proxy", "bot.music.through_httpx"),
)
"""Modules that ``run`` imports with its first requests to the music service."""
OF_COMMANDS = (
    "bot.cli",
    "bot.commands.installation",
    "bot.doctor",
    "pydantic.fields",
    "pydantic.type_adapter",
    "rich.progress",
    "typer._adapters",
    "typer.main",
)
"""Modules that the other commands import while parsing their arguments, or before."""


def main() -> None:
    """Import the bot, then fork for each message and run its command in the fork."""
    del sys.path[0]  # this script's folder
    import_bot()
    gc.freeze()
    reporting: set[int] = set()
    with socket.socket(fileno=os.dup(0)) as requests:
        while True:
            message, descriptors, _, _ = socket.recv_fds(requests, MESSAGE_MAX_BYTES, 3)
            if not message:
                break
            fork = os.fork()
            if fork == 0:
                break
            for descriptor in descriptors:
                os.close(descriptor)
            reporting.add(fork)
            reporting -= {ended for each in reporting if (ended := os.waitpid(each, os.WNOHANG)[0])}
    if not message:
        for each in reporting:
            os.waitpid(each, 0)
        return
    become(*descriptors, **json.loads(message))


def import_bot() -> None:
    """Import what ``run`` and the other commands import, without what ``run`` leaves out."""
    package = importlib.import_module("bot")
    program, lazy = importlib.import_module("bot.__main__"), importlib.import_module("bot.lazy")
    with lazy.left_out(*program.UNUSED):
        importlib.import_module("bot.start")
        for name in OF_FIRST_REQUESTS:
            importlib.import_module(name)
    importlib.import_module("bot.lifecycle")  # as run() does after reading the settings
    for name in OF_COMMANDS:
        importlib.import_module(name)
    # These fill caches: the certificates, and the patterns in re and regex.
    importlib.import_module("bot.music.tls").tls_context()
    importlib.import_module("bot.ops.redaction").Redactor(sys.argv[1:]).text("%")  # searched for every secret
    list(importlib.import_module("bot.lazy").compile_patterns())
    assert {"aiohttp", "bot.app", "discord"} <= sys.modules.keys(), "most of a start is left to each fork"
    # Each fork runs it itself.
    del sys.modules["bot.__main__"], package.__main__
    assert 1 == threading.active_count()  # forks do not inherit other threads


def become(out: int, err: int, status: int, *, command: list[str], folder: str, env: dict[str, str]) -> None:
    """Run a module in a fork as if Python had just been started for it, and report its exit."""
    child = os.fork()
    if child:
        os.close(out)
        os.close(err)
        os.write(status, f"{child}\n".encode())
        _, ended = os.waitpid(child, 0)
        os.write(status, f"{os.waitstatus_to_exitcode(ended)}\n".encode())
        os._exit(0)
    os.close(status)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for inner, outer in enumerate((nothing, out, err)):
        os.dup2(outer, inner)
        os.close(outer)
    os.chdir(folder)
    sys.path[:] = [folder, *paths(env), *(path for path in sys.path if path not in paths(os.environ))]
    os.environ.clear()
    os.environ.update(env)
    sys.argv[1:] = command[1:]
    before_all = Path(sys.path[1]) / "sitecustomize.py"
    if before_all.is_file():
        runpy.run_path(str(before_all))
    exit_status: int | str | None = None
    try:
        runpy.run_module(command[0], run_name="__main__", alter_sys=True)
    except SystemExit as ending:
        exit_status = ending.code
    if isinstance(exit_status, str):
        sys.exit(exit_status)
    end(exit_status or 0)


def end(exit_status: int) -> None:
    """Exit as Python does, but without deleting all modules, which copies most of the parent's memory."""
    threading._shutdown()  # type: ignore[attr-defined] # waits for threads, as Python does first
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(exit_status)


def paths(env: Mapping[str, str]) -> list[str]:
    """Return the first entries of Python's import path in an environment."""
    return env["PYTHONPATH"].split(os.pathsep)


if __name__ == "__main__":
    main()
