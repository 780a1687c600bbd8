"""Log lines: for people with colour, or JSON with one object a line; secrets appear in neither.

Every record of the process goes one way, discord.py's and the other libraries' too: its fields are
gathered, its secrets taken out, and then it becomes a line.
"""

import base64
import html
import logging
import math
import os
import re
import sys
import threading
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, Literal, TextIO, cast
from urllib.parse import urlsplit

import structlog
from structlog.contextvars import get_contextvars
from structlog.typing import EventDict, WrappedLogger

log = logging.getLogger(__name__)

Form = Literal["console", "json"]

SUBJECT: Final = ("job_id", "guild_id")
"""Fields that stand right after the event."""
REDACTED: Final = "[redacted]"
CHATTY: Final = ("discord", "httpx", "httpcore", "aiosqlite", "asyncio")
"""Their finer lines hold addresses and what members wrote, or are about every single query."""
FALSE_ALARMS: Final = ("discord.state", "discord.client")
"""They warn at every start of the guilds intent and of voice, which this bot does without."""
WORD_MIN: Final = 4
"""A shorter secret is none: taken out, it would take half the log with it."""
ANYWHERE_MIN: Final = 8
"""A shorter secret is taken out where it stands as a word of its own."""
PREFIX_MIN: Final = 12
"""So much of a long secret's beginning is taken out too: somebody may have cut it off."""
LONG: Final = 24
PART_MIN: Final = 16
"""So long a part of a secret is a secret itself."""
DEPTH_MAX: Final = 12
"""What is nested deeper than that is shown as Python would."""


def configure(level: str, *, form: Form = "console", secrets: Iterable[str] = ()) -> None:
    """From here on everything that is logged is written to stderr, without ``secrets`` in any spelling."""
    handler = _Handler(sys.stderr)
    handler.setFormatter(formatter(form, Redactor(secrets), colors=_takes_colour(sys.stderr)))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level)))
    for name in FALSE_ALARMS:
        logging.getLogger(name).setLevel(logging.ERROR)


def log_uncaught_errors() -> None:
    """Errors that end a thread or the process, and warnings, become lines of the log as well."""
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable
    logging.captureWarnings(capture=True)


def formatter(form: Form, redactor: "Redactor", *, colors: bool = False) -> logging.Formatter:
    """Makes the line of a record, apart from its end."""
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
        # The others would show the values of variables.
        exception_formatter=structlog.dev.plain_traceback,
    )


class _Handler(logging.StreamHandler[TextIO]):
    """Writes lines; a record that can't become one is told without what it may hold of secrets."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """In place of logging's own report, which shows the arguments as they are."""
        if record.name == __name__:
            return  # stderr itself is gone: there is nowhere left to say so
        said = "a line of %s (%s:%d) can't be written as it is (%s): %r %r"
        at = (record.name, record.pathname, record.lineno, sys.exc_info()[1], record.msg, record.args)
        self.handle(logging.LogRecord(__name__, logging.ERROR, __file__, 0, said, at, None))


def _takes_colour(stream: TextIO) -> bool:
    """Source: https://no-color.org, read 2026-11-25."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


# -- fields


def _fields(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Gather a record's fields: time, level, logger, event, job and server, then the rest.

    The rest is the context bound around the work and the record's own ``extra``; where both name a
    field, ``extra`` wins.
    """
    record: logging.LogRecord = event_dict["_record"]
    at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
    fields: EventDict = {
        "timestamp": at.replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "event": event_dict["event"],
    }
    extra = {name: value for name, value in {**vars(record), **event_dict}.items() if name not in _KNOWN}
    context = get_contextvars() | extra
    subject = {name: context.pop(name) for name in SUBJECT if context.get(name) is not None}
    for name, value in (subject | context).items():
        # A library may give a field of its own the name of one of the fixed fields.
        fields[f"{name}_" if name in fields else name] = value
    if record.levelno > logging.INFO and record.threadName != "MainThread":
        fields["thread"] = record.threadName
    if event_dict.get("stack_info"):
        fields["stack"] = event_dict["stack_info"]
    if event_dict.get("exc_info"):
        fields["exc_info"] = event_dict["exc_info"]
    return fields


_KNOWN: Final = {
    *vars(logging.makeLogRecord({})),
    *("message", "asctime", "taskName", "event", "positional_args", "_record", "_from_structlog"),
}


def _on_one_line(_logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
    """Nobody can forge a line or speak to the terminal with what is logged; tracebacks have many lines."""
    for name, value in event_dict.items():
        if isinstance(value, str) and name not in ("exception", "stack"):
            event_dict[name] = _CONTROL.sub(lambda found: repr(found[0])[1:-1], value)
    return event_dict


_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


# -- secrets


class Redactor:
    """Takes secrets out of whatever is to be logged: the given ones, and what has the look of one.

    A processor of structlog's: it gives the fields back as plain values that are safe to write.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        kept = sorted({part for secret in secrets for part in _parts(secret)}, key=len, reverse=True)
        self._secrets = [re.compile(pattern) for pattern in map(_pattern, kept)]

    def __call__(self, _logger: WrappedLogger, _method: str, event_dict: EventDict) -> EventDict:
        """The same fields without secrets."""
        return cast("EventDict", self.value(event_dict))

    def text(self, text: str) -> str:
        """The text with every secret replaced."""
        for secret in self._secrets:
            text = secret.sub(REDACTED, text)
        for shape, put in _SHAPES:
            text = shape.sub(put, text)
        return text

    def value(self, value: object, depth: int = 0) -> object:
        """The value with every secret replaced, made of dicts, lists, texts and numbers."""
        match value:
            case float() if not math.isfinite(value):
                return repr(value)  # JSON has no such number
            case None | bool() | int() | float():
                return value
            case str():
                return self.text(value)
            case Mapping() if depth < DEPTH_MAX:
                return {
                    self.text(str(name)): self._under(name, one, depth + 1) for name, one in value.items()
                }
            case (name, one) if depth < DEPTH_MAX and _is_telltale(name):
                return [self.value(name), self._under(name, one, depth + 1)]
            case list() | tuple() | set() | frozenset() if depth < DEPTH_MAX:
                return [self.value(one, depth + 1) for one in value]
            case _:
                return self.text(repr(value))

    def _under(self, name: object, value: object, depth: int) -> object:
        return REDACTED if _is_telltale(name) and value is not None else self.value(value, depth)


def _is_telltale(name: object) -> bool:
    """Whether a field of this name holds a secret."""
    if isinstance(name, bytes):
        name = name.decode("latin-1")
    return isinstance(name, str) and _TELLTALE.fullmatch(name) is not None


_NAMES: Final = r"[\w-]{0,40}?(?:token|secret|password|api[_-]?key|authorization|cookie|webhook[_-]?url)"
_TELLTALE: Final = re.compile(_NAMES, re.IGNORECASE)
_SLASH: Final = r"(?:\\{0,9}/|%(?:25)*2F)+"
_VALUE: Final = r"[^\s\"'\\,;&<>(){}\[\]]"
_SPACE: Final = r"(?:\s+|\+|%(?:25)*20)"
_SCHEME: Final = rf"(?:(?:bot|bearer|basic|token){_SPACE})?"
_SHAPES: Final = [
    # Discord's addresses: /interactions/ID/TOKEN/callback, /webhooks/ID/TOKEN/messages/…
    (
        re.compile(
            rf"((?:interactions|webhooks){_SLASH}[\w@{{}}-]+{_SLASH})(?:(?!{_SLASH})[^\s\"'?#&<>()\[\],;])+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (
        re.compile(
            rf"((?<![\w-]){_NAMES}(?:\\{{0,9}}[\"'])?\s*(?:[:=]|%(?:25)*3[AD]|(?<=[\"']),)\s*"
            rf"(?:b?\\{{0,9}}[\"'])?{_SCHEME})(?!\[redacted\]){_VALUE}+",
            re.IGNORECASE,
        ),
        rf"\1{REDACTED}",
    ),
    (re.compile(rf"(\b(?:[Bb]earer|BEARER|Basic){_SPACE}){_VALUE}{{4,}}"), rf"\1{REDACTED}"),
    (re.compile(rf"(\bBot{_SPACE}){_VALUE}{{20,}}"), rf"\1{REDACTED}"),
    # A user's name and password in an address, a key in its query.
    (re.compile(r"(://)[^\s/@\"']+@"), rf"\1{REDACTED}@"),
    (re.compile(rf"([?&](?:key|sig|signature)=){_VALUE}+", re.IGNORECASE), rf"\1{REDACTED}"),
    # The tokens themselves, of any bot and any interaction: "interaction:" in base64 and what follows.
    (re.compile(r"\b[MNO][\w-]{22,28}\.[\w-]{6,7}\.[\w-]{27,}"), REDACTED),
    (re.compile(r"aW50ZXJhY3Rpb246[\w+/=-]*"), REDACTED),
]


def _parts(secret: str) -> Iterator[str]:
    """The secret, and what of it is a secret by itself."""
    yield secret
    address = urlsplit(secret) if secret.startswith(("https://", "http://")) else None
    pieces = secret.split(".") if address is None else [address.path, *address.path.split("/")]
    yield from (piece for piece in pieces if len(piece) >= PART_MIN and not piece.isdigit())


def _pattern(secret: str) -> str:
    """Finds a secret as it is, and as addresses, JSON, HTML, Python, hex and base64 spell it."""
    if len(secret) < WORD_MIN:
        return r"(?!)"
    spelled = [_spelled(char) for char in secret]
    whole = _BREAK.join(spelled)
    if len(secret) < ANYWHERE_MIN:
        return rf"(?<!\w){whole}(?!\w)"
    if len(secret) >= LONG and "/" not in secret:  # the beginning of an address is no secret
        rest = "".join(f"(?:{_BREAK}{char}" for char in spelled[PREFIX_MIN:])
        whole = _BREAK.join(spelled[:PREFIX_MIN]) + rest + ")?" * (len(secret) - PREFIX_MIN)
    raw = secret.encode()
    encoded = [raw.hex(), raw.hex().upper(), *_in_base64(raw)]
    return "|".join([whole, *map(re.escape, encoded)])


_BREAK: Final = r"(?:(?:\\{1,9}[rn]|[\r\n])+[ \t]*)?"
"""Somebody may have wrapped the line."""


def _spelled(char: str) -> str:
    # No two of these may match the same text: that would take for ever on a near miss.
    code = ord(char)
    ways = [
        re.escape(char) if char.isalnum() else r"\\{0,9}" + re.escape(char),
        rf"%(?:25)*(?i:{code:02x})",
        rf"\\{{1,9}}(?:x|u00)(?i:{code:02x})",
        rf"&#(?:0*{code}|[xX]0*(?i:{code:x}));",
    ]
    if html.escape(char) != char:
        ways.append(html.escape(char))
    return f"(?:{'|'.join(ways)})"


def _in_base64(raw: bytes) -> Collection[str]:
    """What is the same in base64 wherever in a text the secret stood."""
    found = set()
    for before in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            encoded = encode(bytes(before) + raw).decode()
            first = (0, 2, 3)[before]
            last = len(raw) + before
            found.add(encoded[first : last * 8 // 6])
    return found


# -- what nobody catches


def _uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, traceback)
    else:
        log.critical("the process ends with a bug", exc_info=(kind, error, traceback))


def _uncaught_in_thread(found: threading.ExceptHookArgs) -> None:
    if found.exc_value is not None:
        error = (found.exc_type, found.exc_value, found.exc_traceback)
        log.critical("a thread ends with a bug", exc_info=error)


def _unraisable(found: "sys.UnraisableHookArgs") -> None:
    error = found.exc_value
    log.error("%s", found.err_msg or "an error that nobody can catch", exc_info=error)
