"""Render and write log lines on a thread of their own, so that they never delay a member's answer."""

import logging
import queue
import threading
from typing import Final

from structlog.contextvars import get_contextvars

QUEUED_MAX: Final = 1_000
"""Maximum number of queued records. Beyond it, logging blocks its caller, as a slow terminal would."""
AT_ONCE: Final = logging.ERROR
"""Lowest level at which logging blocks until the line is written."""
STOP_S: Final = 1.0
"""How long to wait for the thread at exit, once everything is written, in seconds."""
CONTEXT: Final = "_context"
"""Attribute of a record that holds the fields bound in its caller's context."""
_PLAIN: Final = (str, int, float, bool, type(None))


class LogThread(logging.Handler):
    """Passes records to ``target`` on a thread, in order.

    A record is written by its caller if its values might change in the meantime, which is rare, or if it is
    an error, after which the process may end. ``logging`` itself flushes the queue at exit.
    """

    def __init__(self, target: logging.Handler) -> None:
        super().__init__()
        self._target = target
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(QUEUED_MAX)
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Do without a lock: the queue has one, and the thread itself may log while a caller waits for it."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Queue the record, or write it directly if the thread can't."""
        # The thread is gone after logging has shut down, and in a forked child.
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            return bool(self._target.handle(record))
        return bool(super().handle(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record with its caller's context, or write it once the queue is empty."""
        vars(record)[CONTEXT] = context = get_contextvars()
        if record.levelno < AT_ONCE and _is_fixed(record, context):
            self._records.put(record)
        else:
            self.flush()
            self._target.handle(record)

    def flush(self) -> None:
        """Wait until everything logged so far is written."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._records.join()

    def close(self) -> None:
        """Write the remaining records and stop the thread."""
        if self._thread.is_alive():
            self._records.put(None)
            self._thread.join(STOP_S)
        super().close()

    def _write_all(self) -> None:
        while (record := self._records.get()) is not None:
            try:
                self._target.handle(record)
            finally:
                self._records.task_done()
        self._records.task_done()


def _is_fixed(record: logging.LogRecord, context: dict[str, object]) -> bool:
    """Return whether the record refers only to values that can't change."""
    if record.args or record.exc_info or not isinstance(record.msg, str):
        return False
    values = (*vars(record).values(), *context.values())
    return all(isinstance(value, _PLAIN) or value in ((), context) for value in values)
