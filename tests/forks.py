"""Run the tests in forks of the process that has collected them.

Each of xdist's workers imports and collects everything, which takes as long as hundreds of tests. It still
handles runs that measure coverage, and runs with a given number of workers (``-n 4``).
"""

import itertools
import os
import random
import selectors
import struct
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import execnet
import pytest

NAME = "forks"
"""Name of the plugin."""
LENGTH = struct.Struct("=I")
"""Head of a message: the length of the rest, in bytes."""
CHUNK = struct.Struct("=II")
"""Entry of a queue: the index of its first test in the list of all tests, and of the one after its last."""
CHUNK_MAX = 25
"""Maximum number of tests that a worker takes at a time.

They are of one file, since most fixtures of a file or of a session are built by each worker that needs them.
"""
CHUNKS_PER_WORKER_MIN = 4
"""Minimum number of times that each worker takes tests, so that none is left alone with the last of them."""
PIPE_BYTES_MIN = 1 << 16
"""Default capacity of a pipe on Linux.

Source: https://man7.org/linux/man-pages/man7/pipe.7.html, read 2026-11-26.
"""
READ_MAX_BYTES = 1 << 20
"""Maximum number of bytes of a worker's messages to read at a time."""


class Queue:
    """Tests waiting for a worker, as ranges of indices in a pipe from which all processes read.

    It is filled before the first fork, so that the pipe ends once the last chunk has been taken.
    """

    def __init__(self, chunks: Iterable[range]) -> None:
        written = b"".join(CHUNK.pack(chunk.start, chunk.stop) for chunk in chunks)
        self._taken_from, put_in = os.pipe()
        if len(written) > PIPE_BYTES_MIN:
            import fcntl  # noqa: PLC0415 - of few runs

            fcntl.fcntl(put_in, fcntl.F_SETPIPE_SZ, len(written))
        os.write(put_in, written)
        os.close(put_in)

    def take(self) -> range | None:
        """Take the next tests; return None if none are left."""
        taken = os.read(self._taken_from, CHUNK.size)
        return range(*CHUNK.unpack(taken)) if taken else None

    def clear(self) -> None:
        """Discard all remaining chunks."""
        while os.read(self._taken_from, PIPE_BYTES_MIN):
            pass


def chunks_of(items: Sequence[pytest.Item], workers: int) -> Iterator[range]:
    """Divide the tests into the chunks that workers take."""
    size = max(1, min(CHUNK_MAX, len(items) // (workers * CHUNKS_PER_WORKER_MIN)))
    start = 0
    for _, of_file in itertools.groupby(items, lambda item: item.nodeid.partition("::")[0]):
        end = start + len(list(of_file))
        yield from (range(first, min(first + size, end)) for first in range(start, end, size))
        start = end


class Worker:
    """The parent's end of a fork: its reports, and whether it has exited successfully."""

    def __init__(self, pid: int, reports_from: int) -> None:
        self.pid = pid
        self.reports_from = reports_from
        self.running: str | None = None
        """The test in progress, if any."""
        self.ended = False
        self._unread = b""

    def messages(self) -> Iterator[Any] | None:
        """Read its messages; return None if it has closed its end."""
        read = os.read(self.reports_from, READ_MAX_BYTES)
        self._unread += read
        return self._complete() if read else None

    def _complete(self) -> Iterator[Any]:
        while len(self._unread) >= LENGTH.size:
            end = LENGTH.size + LENGTH.unpack_from(self._unread)[0]
            if len(self._unread) < end:
                break
            message, self._unread = self._unread[LENGTH.size : end], self._unread[end:]
            yield execnet.loads(message)


class Sender:
    """A fork's plugin, which sends the parent the reports for the terminal and the counts."""

    def __init__(self, config: pytest.Config, descriptor: int) -> None:
        self._config = config
        self._descriptor = descriptor

    def send(self, *message: object) -> None:
        """Write one message."""
        data = execnet.dumps(message)
        with os.fdopen(self._descriptor, "wb", closefd=False) as pipe:
            pipe.write(LENGTH.pack(len(data)) + data)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Send a report."""
        hook = self._config.hook
        self.send("report", hook.pytest_report_to_serializable(config=self._config, report=report))


class Forks:
    """A plugin that runs the collected tests in forks.

    ``waiting`` has the path prefixes of tests that leave the cores idle.
    """

    def __init__(self, config: pytest.Config, workers: int, waiting: Sequence[str]) -> None:
        self._config = config
        self._count = workers
        self._waiting = tuple(waiting)
        self._unfinished: dict[str, pytest.Item] = {}

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run the tests, or leave it to pytest if there is nothing to distribute."""
        if session.testsfailed or self._config.option.collectonly or len(session.items) < self._count:
            return None
        terminal = self._config.pluginmanager.getplugin("terminalreporter")
        if terminal is not None:
            terminal.showfspath = False  # files are interleaved
        self._unfinished = {item.nodeid: item for item in session.items}
        base = self._config._tmp_path_factory.getbasetemp()  # type: ignore[attr-defined]
        waiting: list[range] = []
        busy: list[range] = []
        for chunk in chunks_of(session.items, self._count):
            waits = session.items[chunk.start].nodeid.startswith(self._waiting)
            (waiting if waits else busy).append(chunk)
        queues = [Queue(waiting), Queue(busy)]
        workers: list[Worker] = []
        try:
            for number in range(self._count):
                # Half of them begin with the tests that wait, and leave the cores to the others.
                in_turn = queues if number % 2 == 0 else queues[::-1]
                workers.append(self._forked(session, base / f"worker-{number}", in_turn))
            self._listen(session, workers, queues)
        finally:
            for worker in workers:
                os.close(worker.reports_from)
            # After an interrupt, which Ctrl-C sends to all; otherwise they end once they can't report.
            for worker in workers:
                if not worker.ended:
                    os.waitpid(worker.pid, 0)
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    def _forked(self, session: pytest.Session, folder: Path, queues: Sequence[Queue]) -> Worker:
        sys.stdout.flush()
        sys.stderr.flush()
        reports_from, reports_to = os.pipe()
        pid = os.fork()
        if pid:
            os.close(reports_to)
            return Worker(pid, reports_from)
        status = 1
        try:
            os.close(reports_from)
            run(session, folder, queues, Sender(session.config, reports_to))
            status = 0
        except (KeyboardInterrupt, BrokenPipeError):
            pass  # the parent has been interrupted, too
        except BaseException:  # noqa: BLE001 - whatever it is, the parent's code above must not go on here
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)

    def _listen(self, session: pytest.Session, workers: Sequence[Worker], queues: Sequence[Queue]) -> None:
        """Forward the workers' reports until all have exited. A dead worker's tests count as failures."""
        with selectors.DefaultSelector() as selector:
            for worker in workers:
                selector.register(worker.reports_from, selectors.EVENT_READ, worker)
            while selector.get_map():
                for key, _ in selector.select():
                    messages = key.data.messages()
                    if messages is None:
                        selector.unregister(key.fd)
                        self._ended(key.data)
                        continue
                    for message in messages:
                        self._received(key.data, *message)
                if session.shouldfail or session.shouldstop:
                    for queue in queues:
                        queue.clear()
        if not (session.shouldfail or session.shouldstop):
            for item in list(self._unfinished.values()):
                self._failed(item, "no process has run it to its end")

    def _received(self, worker: Worker, kind: str, content: Any) -> None:  # noqa: ANN401 - of any type
        hook = self._config.hook
        if kind == "began":
            worker.running = content
        elif kind == "ended":
            worker.running = None
            item = self._unfinished.pop(content)
            hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        else:
            report = hook.pytest_report_from_serializable(config=self._config, data=content)
            hook.pytest_runtest_logreport(report=report)

    def _ended(self, worker: Worker) -> None:
        _, ended = os.waitpid(worker.pid, 0)
        worker.ended = True
        status = os.waitstatus_to_exitcode(ended)
        if worker.running is not None:
            self._failed(self._unfinished.pop(worker.running), f"its process ended with {status}")
        elif status:
            raise RuntimeError(f"a process of tests ended with {status}, and its reason is above")

    def _failed(self, item: pytest.Item, reason: str) -> None:
        report = pytest.TestReport(
            item.nodeid, item.location, {}, "failed", f"{item.nodeid}: {reason}", "call"
        )
        self._config.hook.pytest_runtest_logreport(report=report)


def run(session: pytest.Session, folder: Path, queues: Sequence[Queue], sender: Sender) -> None:
    """Work through the queues as a worker, one after the other, until both are empty."""
    config = session.config
    folder.mkdir(mode=0o700)
    config._tmp_path_factory._basetemp = folder  # type: ignore[attr-defined]
    # Replace state inherited from the parent: its terminal, the file that captures its output, and the
    # seed.
    config.pluginmanager.unregister(name="terminalreporter")
    config.pluginmanager.register(sender)
    capture = config.pluginmanager.getplugin("capturemanager")
    if capture is not None and capture.is_globally_capturing():
        capture.stop_global_capturing()
        capture.start_global_capturing()
        capture.suspend_global_capture()
    random.seed()
    indices = (index for queue in queues for chunk in iter(queue.take, None) for index in chunk)
    at = next(indices, None)
    try:
        while at is not None and not (session.shouldfail or session.shouldstop):
            after = next(indices, None)
            item, nextitem = session.items[at], None if after is None else session.items[after]
            sender.send("began", item.nodeid)
            config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)
            sender.send("ended", item.nodeid)
            at = after
    finally:
        # If it has had as many failures as were asked for, nobody else is to begin another test.
        for queue in queues:
            queue.clear()
        session._setupstate.teardown_exact(None)
        config._ensure_unconfigure()
