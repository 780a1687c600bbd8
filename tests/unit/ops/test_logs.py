"""The format of log lines, and attempts to get secrets past the redaction."""

import base64
import html
import io
import json
import logging
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import pytest
from multidict import CIMultiDict
from structlog.contextvars import bound_contextvars

from bot.ops import logs, redaction
from bot.ops.log_thread import LogThread
from bot.ops.logs import Form
from bot.ops.redaction import REDACTED, Redactor

TOKEN = "MTA5s3cr3tThatNobody.GxYz12.MayRead_0123456789-abcdefghijklm"
KEY = 'sk-live/0123+456="789\\abc'
HOOK = "https://discord.com/api/webhooks/109876543210987654/w3bh00k-T0ken_thatNobodyMayRead"
SHORT = "hunter2"
SECRETS = (TOKEN, KEY, HOOK, SHORT)
NEEDLES = ("MayRead", "0123+456", "0123%2B456", "w3bh00k", "hunter2", "nt3ract")
INTERACTION = "aNt3ractionT0ken-of_15minutes"
FORMS: tuple[Form, Form] = ("console", "json")


class Lines:
    """A separate logger and its output."""

    def __init__(self, form: Form, *, colors: bool = False) -> None:
        self.stream = io.StringIO()
        self.log = logging.getLogger(f"tests.{form}.{id(self)}")
        self.log.setLevel(logging.DEBUG)
        self.log.propagate = False
        self.handler = logs._Handler(self.stream)
        self.handler.setFormatter(logs.formatter(form, Redactor(SECRETS), colors=colors))
        self.log.addHandler(self.handler)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.text.splitlines()]

    def one(self) -> dict[str, Any]:
        (found,) = self.objects()
        return found


@pytest.fixture(params=FORMS)
def lines(request: pytest.FixtureRequest) -> Lines:
    return Lines(request.param)


@pytest.fixture
def in_json() -> Lines:
    return Lines("json")


@pytest.fixture
def console() -> Lines:
    return Lines("console")


def fail(error: Exception) -> None:
    raise error


# -- the form


def test_a_line_of_json_is_one_object_with_its_fields_in_order(in_json: Lines) -> None:
    in_json.log.info("hello %s", "world", extra={"size_bytes": 7})
    found = in_json.one()

    assert ["timestamp", "level", "logger", "event", "size_bytes"] == list(found)
    assert ("info", in_json.log.name, "hello world", 7) == (
        found["level"],
        found["logger"],
        found["event"],
        found["size_bytes"],
    )
    assert found["timestamp"].endswith("Z")


def test_a_line_names_its_job(in_json: Lines) -> None:
    in_json.log.info("state changed", extra={"to": "running", "job_id": 2**53 - 1})
    found = in_json.one()

    assert ["timestamp", "level", "logger", "event", "job", "to"] == list(found)
    assert (2**53 - 1, "running") == (found["job"], found["to"])


def test_extra_fields_override_bound_context(in_json: Lines) -> None:
    with bound_contextvars(job_id=5, guild_id=7, shard=1):
        in_json.log.info("submission rejected", extra={"retry_in_s": 12, "job_id": 6})
    found = in_json.one()

    assert ["job", "guild", "shard", "retry_in_s"] == list(found)[4:]
    assert (6, 7, 1, 12) == (found["job"], found["guild"], found["shard"], found["retry_in_s"])


def test_extra_fields_are_shown_to_people(console: Lines) -> None:
    with bound_contextvars(job_id=5):
        console.log.info("submission rejected", extra={"retry_in_s": 12, "detail": "too many"})

    assert "submission rejected" in console.text
    assert "job=5 retry_in_s=12 detail='too many'" in console.text


def test_extra_fields_are_redacted(lines: Lines) -> None:
    lines.log.info("request failed", extra={"detail": f"sent {TOKEN}", "api_key": INTERACTION, "to": [KEY]})

    assert_clean(lines.text)
    assert INTERACTION not in lines.text


def test_lines_of_a_library_name_their_job_and_their_server(in_json: Lines) -> None:
    with bound_contextvars(job_id=5, guild_id=109876543210987654):
        in_json.log.warning("we are being rate limited")
    in_json.log.warning("nobody's")
    during, after = in_json.objects()

    assert (5, 109876543210987654) == (during["job"], during["guild"])
    assert {"job", "guild"}.isdisjoint(after)


def test_a_traceback_is_part_of_its_single_line(in_json: Lines) -> None:
    try:
        try:
            fail(ValueError("the cause"))
        except ValueError as cause:
            raise RuntimeError("the bug") from cause
    except RuntimeError:
        in_json.log.exception("step failed", extra={"job_id": 5})
    found = in_json.one()

    assert "ValueError: the cause" in found["exception"]
    assert found["exception"].endswith("RuntimeError: the bug")
    assert "step failed" not in found["exception"]


def test_a_stack_is_part_of_its_single_line(in_json: Lines) -> None:
    in_json.log.info("here", stack_info=True)

    assert "test_a_stack_is_part_of_its_single_line" in in_json.one()["stack"]


def test_values_unknown_to_json_are_shown_as_python_would(in_json: Lines) -> None:
    in_json.log.info("odd", extra={"a": {1: object, "b": [float("nan"), b"x", {2}]}, "half": "\ud83d"})

    assert {"1": "<class 'object'>", "b": ["nan", "b'x'", [2]]} == in_json.one()["a"]
    assert "NaN" not in in_json.text


def test_a_field_of_a_library_does_not_replace_one_of_ours(in_json: Lines) -> None:
    in_json.log.info("ours", extra={"event": "theirs", "level": "theirs", "timestamp": 1})
    found = in_json.one()

    assert ("ours", "info") == (found["event"], found["level"])


def test_a_line_for_people_has_its_time_level_words_and_fields(console: Lines) -> None:
    console.log.info("job state: %s", "running", extra={"job_id": 5})

    assert "[info" in console.text
    assert "job state: running" in console.text
    assert "job=5" in console.text
    assert "\x1b" not in console.text


def test_a_terminal_gets_colours() -> None:
    colourful = Lines("console", colors=True)
    colourful.log.error("red")

    assert "\x1b[" in colourful.text


@pytest.mark.parametrize(
    ("terminal", "environment", "coloured"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colours_are_only_for_terminals_that_want_them(
    terminal: bool, environment: Mapping[str, str], coloured: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    stream = io.StringIO()
    monkeypatch.setattr(stream, "isatty", lambda: terminal)

    assert coloured == logs._supports_color(stream)


def test_a_traceback_for_people_shows_no_variables(console: Lines) -> None:
    kept_to_itself = "a variable's value"
    try:
        fail(RuntimeError("the bug"))
    except RuntimeError:
        console.log.exception("step failed", extra={"job_id": 5})

    assert "\nRuntimeError: the bug" in console.text
    assert kept_to_itself not in console.text


@pytest.mark.parametrize("hostile", ["a\nforged line", "a\r\x1b[2Jb", "a\u2028b", "a\u202eb", "a\x85b"])
def test_words_can_neither_forge_a_line_nor_control_the_terminal(lines: Lines, hostile: str) -> None:
    lines.log.info("the service says %s", hostile, extra={"more": hostile})

    assert 1 == len(lines.text.splitlines())
    assert {"\x1b", "\u202e"}.isdisjoint(lines.text)


def test_a_record_with_the_wrong_arguments_is_reported_and_not_lost(lines: Lines) -> None:
    lines.handler.handle(logging.LogRecord("theirs", logging.INFO, "x.py", 1, "%d songs", (TOKEN,), None))

    assert "songs" in lines.text
    assert "log record not formatted" in lines.text
    assert_clean(lines.text)


def test_a_closed_stream_raises_nothing(lines: Lines) -> None:
    lines.stream.close()

    lines.log.info("into the void")


# -- secrets


def assert_clean(text: str) -> None:
    """Assert that no secret and no revealing part of one is in the output."""
    assert [] == [one for one in (*SECRETS, *NEEDLES) if one in text]


def hexed(secret: str) -> str:
    return secret.encode().hex()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "quoted": lambda secret: quote(secret, safe=""),
    "quoted, small": lambda secret: quote(secret, safe="").replace("%2F", "%2f").replace("%2B", "%2b"),
    "quoted twice": lambda secret: quote(quote(secret, safe=""), safe=""),
    "quoted wholly": lambda secret: "".join(f"%{ord(char):02x}" for char in secret),
    "as a form": lambda secret: urlencode({"q": secret}),
    "plus": quote_plus,
    "repr": repr,
    "bytes": lambda secret: repr(secret.encode()),
    "json": json.dumps,
    "json twice": lambda secret: json.dumps(json.dumps(secret)),
    "unicode": lambda secret: "".join(f"\\u{ord(char):04x}" for char in secret),
    "html": html.escape,
    "hex": hexed,
    "base64": lambda secret: base64.b64encode(secret.encode()).decode(),
    "base64, within": lambda secret: base64.b64encode(f"bot:{secret}:x".encode()).decode(),
    "base64, within and safe": lambda secret: base64.urlsafe_b64encode(f"u:{secret}".encode()).decode(),
    "wrapped": lambda secret: "\n    ".join(secret[at : at + 20] for at in range(0, len(secret), 20)),
    "within words": lambda secret: f"x{secret}y",
}


@pytest.mark.parametrize("secret", [TOKEN, KEY, HOOK], ids=["token", "key", "hook"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_secret_is_removed_in_every_spelling(lines: Lines, secret: str, spelling: str) -> None:
    spelled = SPELLINGS[spelling](secret)
    lines.log.info("it is %s!", spelled)
    lines.log.info(f"it is {spelled}!")  # noqa: G004 - libraries do this
    lines.log.info("more", extra={"found": spelled, "deep": [{"a": ({"b": spelled},)}]})

    assert [] == [one for one in {spelled, secret, *NEEDLES} if one in lines.text]
    assert lines.text.count(REDACTED) >= 4


CHARACTER_SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "another": lambda _: "z",
    "url": lambda char: f"%{ord(char):02x}",
    "python": lambda char: f"\\x{ord(char):02x}",
    "escaped": lambda char: f"\\{char}",
    "html": html.escape,
    "html by number": lambda char: f"&#{ord(char)};",
    "before a line feed": lambda char: f"{char}\n  ",
    "before a carriage return": lambda char: f"{char}\r",
    "before an escaped line feed": lambda char: f"{char}\\n",
}


@pytest.mark.parametrize("secret", ['a&b<c>"de', "a&b<c>'-abcdefghijklmnopqrst", "a/b&", "abc"])
@pytest.mark.parametrize("spelling", CHARACTER_SPELLINGS)
def test_a_text_is_searched_whenever_it_may_contain_a_secret(secret: str, spelling: str) -> None:
    spell = CHARACTER_SPELLINGS[spelling]
    texts = [
        f"it is {(secret[:place] + spell(secret[place]) + secret[place + 1 :])[:end]}"
        for place in range(len(secret))
        for end in (None, 20, 12, 3)
    ]

    assert [re.sub(redaction._pattern(secret), REDACTED, text) for text in texts] == [
        redaction._Secret(secret).removed_from(text) for text in texts
    ]


@contextmanager
def raised(secret: str) -> Iterator[BaseException]:
    """Return an error with the secret in its causes, notes and context."""
    try:
        try:
            try:
                fail(KeyError(secret))
            except KeyError:
                raise ValueError({"headers": {"Authorization": f"Bearer {secret}"}})  # noqa: B904
        except ValueError as cause:
            error = RuntimeError(f"GET {secret} failed")
            error.add_note(f"sent: {secret!r}")
            raise error from cause
    except RuntimeError as found:
        yield found


@pytest.mark.parametrize("secret", SECRETS, ids=["token", "key", "hook", "short"])
def test_a_secret_is_removed_from_errors_and_their_tracebacks(lines: Lines, secret: str) -> None:
    with raised(secret) as error:
        lines.log.error("it broke: %s", error, exc_info=error)
        group = ExceptionGroup(f"all of {secret}", [ValueError(secret)])
        lines.log.error("they broke: %r", group, exc_info=group)

    assert "RuntimeError" in lines.text
    assert "ValueError" in lines.text
    assert_clean(lines.text)


def test_a_secret_in_a_source_line_is_removed(lines: Lines) -> None:
    try:
        json.loads("hunter2")
    except ValueError:
        lines.log.exception("it broke")

    assert_clean(lines.text)


def test_a_secret_assembled_from_arguments_is_removed(lines: Lines) -> None:
    lines.log.info("%s%s and %s", TOKEN[:30], TOKEN[30:], {"nested": [KEY]})

    assert_clean(lines.text)


@pytest.mark.parametrize("length", [14, 20, 40, 55])
def test_the_beginning_of_a_secret_is_removed_too(lines: Lines, length: int) -> None:
    lines.log.info("unknown word %.*r", length, TOKEN)
    lines.log.info("cut: %s…", TOKEN[:length])

    assert TOKEN[: min(length, 20) - 1] not in lines.text


def test_the_last_part_of_a_token_is_a_secret_by_itself(lines: Lines) -> None:
    lines.log.info("signed %s", TOKEN.rpartition(".")[2])
    lines.log.info("posting to %s", HOOK.rpartition("/")[2])

    assert_clean(lines.text)


def test_a_secret_used_as_a_field_name_is_removed(lines: Lines) -> None:
    lines.log.info("odd", extra={"found": {TOKEN: 1, (KEY,): 2}, HOOK: 3})

    assert_clean(lines.text)


def test_a_short_secret_is_only_removed_as_a_whole_word(lines: Lines) -> None:
    lines.log.info("the key hunter2 and the hunter22 and hunters")

    assert f"the key {REDACTED} and the hunter22 and hunters" in lines.text


@pytest.mark.parametrize(
    "address",
    [
        f"https://discord.com/api/v10/interactions/109876543210987654/{INTERACTION}/callback",
        f"https://discord.com/api/v10/interactions/1/{INTERACTION}/callback?with_response=true",
        f"https://discord.com/api/v10/webhooks/1/{INTERACTION}/messages/@original",
        f"https://discord.com/api/webhooks/1/{INTERACTION}",
        f"https://discord.com/api/webhooks/1/{INTERACTION}?wait=true&thread_id=5",
        f"/webhooks/1/{INTERACTION}/slack",
        f"webhooks/1/{INTERACTION}",
        f"POST /API/V10/WEBHOOKS/1/{INTERACTION} HTTP/1.1",
        f"https://proxy.example/?to={quote(f'/webhooks/1/{INTERACTION}/messages', safe='')}",
        f"https://proxy.example/?to={quote(quote(f'/interactions/1/{INTERACTION}/callback', safe=''))}",
        rf"https:\/\/discord.com\/api\/webhooks\/1\/{INTERACTION}\/messages",
        f"http://127.0.0.1:8081/api/v10/webhooks//1//{INTERACTION}",
    ],
)
def test_the_token_in_a_discord_url_is_removed(lines: Lines, address: str) -> None:
    lines.log.info("asked %s", address)
    lines.log.info("asked", extra={"url": address, "calls": [{"url": address}]})
    try:
        fail(OSError(f"can't reach {address}"))
    except OSError:
        lines.log.exception("it broke")

    assert INTERACTION not in lines.text
    assert lines.text.lower().count("webhooks") + lines.text.lower().count("interactions") >= 4


@pytest.mark.parametrize(
    "shown",
    [
        f"Authorization: Bearer {INTERACTION}",
        f"authorization: {INTERACTION}",
        f"Authorization: Bot {INTERACTION}",
        f"Authorization=Basic%20{INTERACTION}",
        f"{{'Authorization': 'Bot {INTERACTION}'}}",
        f'{{"authorization": "{INTERACTION}"}}',
        f'{{\\"authorization\\": \\"Bearer {INTERACTION}\\"}}',
        f"[(b'Authorization', b'Bearer {INTERACTION}')]",
        f"[('authorization', '{INTERACTION}')]",
        f"<CIMultiDict('Authorization': 'Bearer {INTERACTION}')>",
        f"sent Bearer {INTERACTION} and more",
        f"sent bearer  {INTERACTION}",
        f"sent Bot {INTERACTION}",
        f"{{'op': 2, 'd': {{'token': '{INTERACTION}', 'intents': 0}}}}",
        f"{{'token': 'Bot {INTERACTION}'}}",
        f"DISCORD_TOKEN={INTERACTION}",
        f"MUSIC_API_KEY = '{INTERACTION}'",
        f"x-api-key: {INTERACTION}",
        f"client_secret={INTERACTION}&a=b",
        f"https://audio.example/a.mp3?key={INTERACTION}&b=1",
        f"https://me:{INTERACTION}@example.com/",
        f"Interaction(token={INTERACTION!r}, id=1)",
    ],
)
def test_text_that_looks_like_a_secret_is_removed(lines: Lines, shown: str) -> None:
    lines.log.info("found %s there", shown)

    assert INTERACTION not in lines.text
    assert "there" in lines.text


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization": INTERACTION},
        {"headers": {"Authorization": f"Bearer {INTERACTION}"}},
        {"headers": CIMultiDict({"authorization": INTERACTION})},
        {"headers": MappingProxyType({b"X-Api-Key": INTERACTION.encode()})},
        {"headers": [("Authorization", INTERACTION), [b"Cookie", INTERACTION]]},
        {"payload": {"d": {"token": INTERACTION, "data": {"custom_id": "x"}}}},
        {"interaction_token": INTERACTION},
        {"options": [{"webhook_url": {"anything": [INTERACTION]}}]},
    ],
)
def test_a_field_with_a_revealing_name_is_removed(lines: Lines, fields: dict[str, object]) -> None:
    lines.log.info("sent", extra=fields)

    assert INTERACTION not in lines.text
    assert REDACTED in lines.text


def test_endless_values_are_shown_in_part(lines: Lines) -> None:
    endless: dict[str, Any] = {"token": TOKEN}
    endless["again"] = [endless]
    lines.log.info("round", extra={"found": endless})

    assert_clean(lines.text)


@pytest.mark.parametrize(
    "line",
    [
        "job 5: queued in server 109876543210987654",
        "ledger: 5 entries and 3 jobs add up",
        "connected as Tunesmith#0001",
        "the bot is connected, basic things are well",
        "DISCORD_TOKEN is missing; copy the bot's token again.",
        "commands registered",
        "GET https://discord.com/api/v10/channels/1/messages/2",
        "status query: HTTP 500; check MUSIC_API_KEY",
    ],
)
def test_other_words_are_unchanged(lines: Lines, line: str) -> None:
    lines.log.info("%s", line)

    assert line in lines.text


def test_a_log_without_known_secrets_removes_lookalikes() -> None:
    assert f"Bearer {REDACTED}" == Redactor(()).text(f"Bearer {INTERACTION}")


@pytest.mark.parametrize(
    "long",
    [
        "\\",
        "\\n",
        "\n",
        " ",
        "/",
        "token",
        "token_",
        "Bearer ",
        "://",
        "&#0",
        "webhooks/",
        "%25",
        TOKEN[:11],
        KEY[:-1],
    ],
)
def test_no_text_takes_long_to_redact(long: str) -> None:
    redactor, text = Redactor(SECRETS), long * (50_000 // len(long))
    began_s = time.process_time()
    redactor.text(text)

    assert time.process_time() - began_s < 1.0


# -- the whole process


@pytest.fixture
def process(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[[], str]]:
    """Return this process's log output. Restore the logging configuration afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    named = {name: logging.getLogger(name).level for name in (*logs.CHATTY, *logs.FALSE_ALARMS)}
    monkeypatch.setattr(root, "handlers", [])
    for holder, name in ((sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook")):
        monkeypatch.setattr(holder, name, getattr(holder, name))
    yield lambda: capsys.readouterr().err
    logging.captureWarnings(capture=False)
    for handler in root.handlers:
        handler.close()
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, before in named.items():
        logging.getLogger(name).setLevel(before)


def test_other_libraries_write_in_the_same_form(process: Callable[[], str]) -> None:
    logs.configure("DEBUG", form="json", secrets=SECRETS)
    logging.getLogger("discord.http").warning("We are being rate limited. %s", HOOK)
    logging.getLogger("discord.gateway").debug("too fine")
    logging.getLogger("discord.client").warning("PyNaCl is not installed")
    (found,) = [json.loads(line) for line in process().splitlines()]

    assert ("discord.http", "warning") == (found["logger"], found["level"])
    assert_clean(found["event"])


def test_an_uncaught_exception_becomes_a_line(process: Callable[[], str]) -> None:
    logs.configure("INFO", form="json", secrets=SECRETS)
    logs.log_uncaught_errors()

    def breaks() -> None:
        raise RuntimeError(TOKEN)

    thread = threading.Thread(target=breaks)
    thread.start()
    thread.join()
    with raised(KEY) as error:
        sys.excepthook(type(error), error, error.__traceback__)
    written = process()
    found = [json.loads(line) for line in written.splitlines()]

    assert ["thread crashed", "process crashed"] == [one["event"] for one in found]
    assert all("RuntimeError" in one["exception"] for one in found)
    assert_clean(written)


def test_lines_keep_their_order_and_their_context_on_the_log_thread(process: Callable[[], str]) -> None:
    logs.configure("INFO", form="json", secrets=SECRETS, threaded=True)
    some = logging.getLogger("bot.some")
    for number in range(50):
        with bound_contextvars(job_id=number):
            some.info("step taken", extra={"answer": TOKEN})
            some.info("takes %s", [number])
            some.error("step failed")
    logging.getLogger().handlers[0].flush()
    written = process()
    found = [json.loads(line) for line in written.splitlines()]

    assert [number for number in range(50) for _ in range(3)] == [one["job"] for one in found]
    assert ["step taken", "takes [0]", "step failed"] == [one["event"] for one in found[:3]]
    assert_clean(written)


def test_a_line_is_rendered_outside_its_callers_thread(process: Callable[[], str]) -> None:
    logs.configure("INFO", form="json", threaded=True)
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, LogThread)
    threads, render = [], handler._target.format

    def format_(record: logging.LogRecord) -> str:
        threads.append(threading.current_thread().name)
        return render(record)

    handler._target.format = format_  # type: ignore[method-assign]
    logging.getLogger("bot.some").info("step taken", extra={"took_s": 1.5})
    logging.getLogger("bot.some").debug("step begun")
    handler.flush()

    assert ["log"] == threads
    assert "step taken" in process()


def test_lines_logged_after_the_end_of_logging_are_written_too(process: Callable[[], str]) -> None:
    logs.configure("INFO", form="json", threaded=True)
    handler = logging.getLogger().handlers[0]
    logging.getLogger("bot.some").info("stopping")
    handler.close()
    logging.getLogger("bot.some").info("stopped")

    assert ["stopping", "stopped"] == [json.loads(line)["event"] for line in process().splitlines()]


def test_the_end_of_a_process_loses_no_line() -> None:
    source = """
import logging
from bot.ops import logs
logs.configure("INFO", form="json", threaded=True)
for number in range(500):
    logging.getLogger("bot.some").info("step taken", extra={"number": number})
raise SystemExit(3)
"""
    command = [sys.executable, "-c", source]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False)  # noqa: S603 - our own

    assert 3 == ended.returncode
    assert [*range(500)] == [json.loads(line)["number"] for line in ended.stderr.splitlines()]


def test_an_interrupt_is_not_logged_as_a_bug(process: Callable[[], str]) -> None:
    logs.configure("INFO", form="json")
    logs.log_uncaught_errors()
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)

    assert "crashed" not in process()
