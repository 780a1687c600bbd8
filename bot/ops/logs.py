"""Log output: a console format for people, or JSON with one object per line; never with secrets.

Every record takes the same path, including those of discord.py and other libraries: its fields are
gathered, secrets are redacted, and the result is rendered as a line.
"""

import logging
import os
import re
import sys
import threading
from collections.abc import Iterable
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Literal, TextIO

import structlog
from structlog.contextvars import get_contextvars
from structlog.typing import EventDict, WrappedLogger

from bot.ops.log_thread import CONTEXT, LogThread
from bot.ops.redaction import Redactor

log = logging.getLogger(__name__)

Form = Literal["console", "json"]

SUBJECT: Final = {"job_id": "job", "guild_id": "guild"}
"""Fields shown right after the event, with their names in a line."""
CHATTY: Final = ("discord", "httpx", "httpcore", "aiosqlite", "asyncio")
"""Loggers whose debug lines contain URLs and members' texts, or report every single query."""
FALSE_ALARMS: Final = ("discord.state", "discord.client")
"""Loggers that warn at every start about the guilds intent and voice, which this bot does not use."""
STANDARD_ATTRIBUTES: Final = {
    *vars(logging.makeLogRecord({})),
    *("message", "asctime", "taskName", "event", "positional_args", "_record", "_from_structlog"),
    CONTEXT,
}
CONTROL_CHARACTERS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def configure(
    level: str, *, form: Form = "console", secrets: Iterable[str] = (), threaded: bool = False
) -> None:
    """Write all log records to stderr from now on, with ``secrets`` redacted in any encoding.

    With ``threaded``, lines are rendered and written on a thread of their own.
    """
    handler = _Handler(sys.stderr)
    handler.setFormatter(formatter(form, Redactor(secrets), colors=_supports_color(sys.stderr)))
    logging.basicConfig(level=level, handlers=[LogThread(handler) if threaded else handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for name in FALSE_ALARMS:
        logging.getLogger(name).setLevel(logging.ERROR)


def log_uncaught_errors() -> None:
    """Also log Python's warnings, and errors that end a thread or the process."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    logging.captureWarnings(capture=True)


def formatter(form: Form, redactor: Redactor, *, colors: bool = False) -> logging.Formatter:
    """Return a formatter that renders a record as a line without its terminator."""
    return structlog.stdlib.ProcessorFormatter(
        processors=[
            _fields,
            structlog.processors.format_exc_info,
            redactor,
            *([structlog.processors.JSONRenderer()] if form == "json" else [_on_one_line, _console(colors)]),
        ],
        pass_foreign_args=True,
    )


def _console(colors: bool) -> structlog.dev.ConsoleRenderer:
    return structlog.dev.ConsoleRenderer(
        colors=colors,
        pad_event_to=0,
        sort_keys=False,
        # structlog's other formatters show the values of variables.
        exception_formatter=structlog.dev.plain_traceback,
    )


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; a record that can't be rendered is reported with its secrets redacted."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Replace logging's own report, which shows the arguments unredacted."""
        if record.name == __name__:
            return  # stderr itself is gone, so there is nowhere left to report to
        report = logging.LogRecord(
            __name__, logging.ERROR, __file__, 0, "log record not formatted", None, None
        )
        vars(report).update(
            source=record.name,
            at=f"{record.pathname}:{record.lineno}",
            error=str(sys.exc_info()[1]),
            template=record.msg,
            arguments=repr(record.args),
        )
        self.handle(report)


def _supports_color(stream: TextIO) -> bool:
    """Return whether to colour the output. Source: https://no-color.org, read 2026-11-25."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# -- fields


def _fields(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Gather a record's fields: time, level, logger, event, job and server, then the rest.

    The rest is the bound context and the record's own ``extra``, which takes precedence.
    """
    record: logging.LogRecord = event_dict["_record"]
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields: EventDict = {
        "timestamp": at.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": event_dict["event"],
    }
    extra = {
        name: value
        for name, value in {**vars(record), **event_dict}.items()
        if name not in STANDARD_ATTRIBUTES
    }
    bound = vars(record).get(CONTEXT)
    context = (get_contextvars() if bound is None else bound) | extra
    subject = {label: context.pop(name) for name, label in SUBJECT.items() if context.get(name) is not None}
    for name, value in (subject | context).items():
        # A library's field may have the name of one of the fixed fields.
        fields[f"{name}_" if name in fields else name] = value
    if record.levelno > logging.INFO and record.threadName != "MainThread":
        fields["thread"] = record.threadName
    if event_dict.get("stack_info"):
        fields["stack"] = event_dict["stack_info"]
    if event_dict.get("exc_info"):
        fields["exc_info"] = event_dict["exc_info"]
    return fields


def _on_one_line(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Escape control characters, so that logged text can neither forge a line nor control the terminal.

    Tracebacks keep their line breaks.
    """
    for name, value in event_dict.items():
        if isinstance(value, str) and name not in ("exception", "stack"):
            event_dict[name] = CONTROL_CHARACTERS.sub(lambda match: repr(match[0])[1:-1], value)
    return event_dict


# -- uncaught errors


def _uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        log.critical("process crashed", exc_info=(kind, error, traceback))


def _uncaught_in_thread(hook_args: threading.ExceptHookArgs) -> None:
    if hook_args.exc_value is not None:
        error = (hook_args.exc_type, hook_args.exc_value, hook_args.exc_traceback)
        log.critical("thread crashed", exc_info=error)


def _unraisable(hook_args: "sys.UnraisableHookArgs") -> None:
    log.error("error ignored by Python", extra={"during": hook_args.err_msg}, exc_info=hook_args.exc_value)
