"""Render and write log lines on a thread of their own, so that no member's answer waits for them."""

import logging
import queue
import threading
from typing import Final

from structlog.contextvars import get_contextvars

QUEUED_MAX: Final = 1_000
"""Records that wait to be written; whoever logs more waits, as for a terminal that is slow."""
AT_ONCE: Final = logging.ERROR
"""Level from which a line is written before its caller goes on."""
STOP_S: Final = 1.0
"""How long the end of the process waits for the thread, once everything is written, in seconds."""
CONTEXT: Final = "_context"
"""Attribute of a record with the fields that were bound around the work that logged it."""
_PLAIN: Final = (str, int, float, bool, type(None))


class LogThread(logging.Handler):
    """Hands records to ``target`` on a thread, in their order.

    A record is written by its caller if its values might change meanwhile, which is rare, or if it is an
    error, after which the process may end. ``logging`` itself writes what is queued when the process ends.
    """

    def __init__(self, target: logging.Handler) -> None:
        super().__init__()
        self._target = target
        self._records: queue.Queue[logging.LogRecord | None] = queue.Queue(QUEUED_MAX)
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def createLock(self) -> None:  # noqa: N802 - logging's name
        """Do without a lock: the queue has one, and the thread itself may log while somebody waits for it."""
        self.lock = None

    def handle(self, record: logging.LogRecord) -> bool:
        """Queue the record, or write it here where no thread will."""
        # The thread is gone after the end of logging, and in the child of a fork.
        if threading.current_thread() is self._thread or not self._thread.is_alive():
            return bool(self._target.handle(record))
        return bool(super().handle(record))

    def emit(self, record: logging.LogRecord) -> None:
        """Queue the record with what belongs to the caller's context, or write it behind the queue."""
        vars(record)[CONTEXT] = context = get_contextvars()
        if record.levelno < AT_ONCE and _is_fixed(record, context):
            self._records.put(record)
        else:
            self.flush()
            self._target.handle(record)

    def flush(self) -> None:
        """Wait until everything that was logged is written."""
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._records.join()

    def close(self) -> None:
        """Write what is left and end the thread."""
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
    """Return whether nothing that the record refers to can change."""
    if record.args or record.exc_info or not isinstance(record.msg, str):
        return False
    values = (*vars(record).values(), *context.values())
    return all(isinstance(value, _PLAIN) or value in ((), context) for value in values)
