"""Bots as processes that do not repeat all imports, which take nine tenths of a start."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

ROOT = Path(__file__).parents[2]
READ_BY_PYTHON = ("PYTHON", "SSL_", "TZ", "LC_", "LANG", "TYPER_", "PYDANTIC_")
"""Prefixes of environment variables that are read before the bot runs, or while it is imported."""
SAME_FOR_ALL = ("PYTHONPATH", "PYTHONUTF8")


class Process(Protocol):
    """The common interface of asyncio's ``Process`` and a warm one."""

    pid: int
    stdout: asyncio.StreamReader | None
    stderr: asyncio.StreamReader | None

    @property
    def returncode(self) -> int | None:
        """The exit status, or minus the signal that ended it; None while it runs."""

    def send_signal(self, signal: int, /) -> None:
        """Send a signal to it, if it still runs."""

    def kill(self) -> None:
        """Send SIGKILL to it, if it still runs."""

    async def wait(self) -> int:
        """Wait for its end. Return its exit status."""


class Pipe(asyncio.StreamReaderProtocol):
    """A pipe's output, and whether it has ended and been closed."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()
        self.closed = asyncio.Event()
        super().__init__(self.reader)

    @classmethod
    async def of(cls, descriptor: int) -> "Pipe":
        """Read from a descriptor."""
        connect = asyncio.get_running_loop().connect_read_pipe
        _, pipe = await connect(cls, os.fdopen(descriptor, "rb", 0))
        return pipe

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by asyncio when it closes the pipe."""
        super().connection_lost(exc)
        self.closed.set()


class WarmProcess:
    """A fork of a process that has imported the bot. Get it from ``WarmStarts.start``."""

    def __init__(self, pid: int, out: Pipe, err: Pipe, status: Pipe) -> None:
        self.pid = pid
        self.stdout: asyncio.StreamReader | None = out.reader
        self.stderr: asyncio.StreamReader | None = err.reader
        self.returncode: int | None = None
        self._ended = asyncio.create_task(self._until_ended(status, (out, err, status)))

    def send_signal(self, signal: int, /) -> None:
        """Send a signal to it, if it still runs."""
        if self.returncode is None:
            os.kill(self.pid, signal)

    def kill(self) -> None:
        """Send SIGKILL to it, if it still runs."""
        self.send_signal(signal.SIGKILL)

    async def wait(self) -> int:
        """Wait for its end. Return its exit status."""
        return await asyncio.shield(self._ended)

    async def _until_ended(self, status: Pipe, pipes: Sequence[Pipe]) -> int:
        ended = self.returncode = int(await status.reader.readline())
        for pipe in pipes:
            await pipe.closed.wait()
        return ended


class WarmStarts:
    """Forks bots from a process that has imported everything and is started with the first of them.

    ``secrets`` are those of most bots.
    """

    def __init__(self, secrets: Sequence[str] = ()) -> None:
        self._secrets = secrets
        self._server: subprocess.Popen[bytes] | None = None
        self._requests: socket.socket | None = None

    def close(self) -> None:
        """End the process from which bots are forked."""
        if self._server is not None and self._requests is not None:
            self._requests.close()
            self._server.wait()

    @staticmethod
    def suits(command: Sequence[str], env: Mapping[str, str]) -> bool:
        """Return whether a start is independent of what Python does before running the bot."""
        special = [name for name in env if name.startswith(READ_BY_PYTHON) and name not in SAME_FOR_ALL]
        return command[0] == "bot" and not special

    async def start(self, command: Sequence[str], folder: Path, env: Mapping[str, str]) -> WarmProcess:
        """Start ``python -m`` and the command in a folder, with this environment and no other."""
        ends = [os.pipe() for _ in range(3)]
        message = {"command": list(command), "folder": str(folder), "env": dict(env)}
        socket.send_fds(self._ready(), [json.dumps(message).encode()], [written for _, written in ends])
        for _, written in ends:
            os.close(written)
        out, err, status = [await Pipe.of(read) for read, _ in ends]
        return WarmProcess(int(await status.reader.readline()), out, err, status)

    def _ready(self) -> socket.socket:
        if self._requests is None:
            self._requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._server = subprocess.Popen(  # noqa: S603 - a script of this folder
                    [sys.executable, str(Path(__file__).with_name("warm.py")), *self._secrets],
                    env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT), "PYTHONUTF8": "1"},
                    stdin=theirs.fileno(),
                )
        return self._requests
