"""Translation between the vendor's JSON and our own types. Its field names appear nowhere else.

Sources: https://sseedance.com/en/docs/music and https://sseedance.com/en/docs/tasks, read 2026-11-22. They
show no error bodies; whatever else is accepted was seen on the service's upstream and on similar services.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from bot.model import ClosedCause, FailReason, SongRequest, Voice

JsonObject: TypeAlias = Mapping[str, object]

TASK_ID_MAX: Final = 200
"""Maximum length of a task id in characters."""
MESSAGE_MAX: Final = 300
"""Maximum length of an error message that is kept, in characters."""
MESSAGE_READ_MAX: Final = 10_000
"""Maximum length of an error message that is classified: an echo of the lyrics and a reason fit in."""
ECHO_MIN: Final = 12
"""Minimum length at which a run of the member's own text in an error message counts as an echo of it."""

_RUNNING: Final = frozenset(
    [
        "pending",
        "processing",
        "queued",
        "queuing",
        "waiting",
        "submitted",
        "running",
        "generating",
        "in_progress",
        "streaming",
        "text_success",
        "first_success",
    ]
)
_SUCCESS: Final = frozenset(["success", "succeeded", "complete", "completed"])
_FAILED: Final = frozenset(["failed", "fail", "error", "timeout", "expired", "sensitive_word_error"])
_CANCELED: Final = frozenset(["canceled", "cancelled"])

_SOME_ERROR: Final = 0
"""Stands for the status of a body that reports an error without saying which."""
_BAD_INPUT: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
_NOT_OPEN_STATUS: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)
_MAYBE_NOT_OPEN: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE, _SOME_ERROR}
)
_KEY_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_TOO_MANY: Final = (HTTPStatus.TOO_MANY_REQUESTS, 430, 455)

_NOT_OPEN_WORDS: Final = re.compile(
    r"coming soon|not (yet )?open|preview|not (yet |currently )?available", re.IGNORECASE
)
_CREDIT_WORDS: Final = re.compile(r"\bcredits?\b|\bbalance\b|\binsufficient\b", re.IGNORECASE)
_KEY_WORDS: Final = re.compile(r"\bno auth|invalid (api )?key|unauthori[sz]ed", re.IGNORECASE)
_BUSY_WORDS: Final = re.compile(r"\bbusy\b|overloaded|rate limit|maintenance", re.IGNORECASE)
_MODERATED_WORDS: Final = re.compile(r"sensitive|moderat|\bpolicy\b|copyright|artist name", re.IGNORECASE)
_NOT_FOUND_WORDS: Final = re.compile(r"not found|recordinfo is null", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Accepted:
    """The task exists and has been charged."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Running:
    """Not ready yet. ``word`` is the status if it is one that we do not know."""

    word: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeDetails:
    """What the service says about one take beside its audio address. Nothing of it is trusted."""

    url: str
    upstream_id: str = ""
    title: str = ""
    image_url: str = ""
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """The task succeeded. ``urls`` are its usable audio addresses; there may be none yet."""

    urls: tuple[str, ...]
    details: tuple[TakeDetails, ...] = ()
    """What is known about the takes, where the service says more than addresses."""
    cost_credits: float | None = None
    """What the task cost the operator, in the service's own credits, where it says so."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A definite refusal: this request will never become a song."""

    reason: FailReason
    detail: str = ""
    closed: ClosedCause | None = None
    """Set if the refusal applies to every request and not to this one alone."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The service does not know the task, or not yet."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Certainly not accepted; a later attempt may be."""

    detail: str = ""
    retry_after_s: float | None = None
    offline: bool = False
    """Whether no connection could be made at all."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer leaves open whether the request was accepted."""

    detail: str = ""


Submitted: TypeAlias = Accepted | Rejected | Busy | Unknown
Checked: TypeAlias = Running | Done | Rejected | NotFound


def generation(request: SongRequest, provider: str, options: JsonObject) -> dict[str, object]:
    """Build the body of the paid POST: the documented keys that apply, and no others."""
    body: dict[str, object] = {"provider": provider, "model": request.model}
    if request.custom:
        body |= {"customMode": True, "title": request.title, "style": request.style}
        if not request.instrumental:
            body["lyrics"] = request.lyrics
    else:
        body["prompt"] = request.prompt
    body["instrumental"] = request.instrumental
    extras = _extras(request)
    if options or extras:
        body["options"] = {**options, **extras}
    return body


def _extras(request: SongRequest) -> dict[str, str]:
    """Build the model-specific options that the member chose.

    Source: https://docs.kie.ai/suno-api/generate-music, read 2026-11-22: a voice needs custom mode.
    """
    extras = {"negativeTags": request.avoid} if request.avoid else {}
    if request.custom and not request.instrumental and request.voice is not None:
        extras["vocalGender"] = {Voice.FEMALE: "f", Voice.MALE: "m"}[request.voice]
    return extras


def read_submitted(status: int, body: bytes, sent: Iterable[str], retry_after_s: float | None) -> Submitted:
    """Classify the answer to the paid POST.

    ``sent`` are the member's texts: an error message may echo them, and they must not be classified.
    """
    parsed = json_object(body)
    code = status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES and parsed is not None:
        task_id = task_id_of(parsed)
        if task_id is not None:
            return Accepted(task_id)
        inside = _status_inside(parsed)
        code = status if inside is None else inside
    message = message_of(parsed) if parsed is not None else _plain_text(body)
    own_words, message = _without_echo(message, sent), message[:MESSAGE_MAX]
    if (cause := _closed(code, own_words, is_json=parsed is not None)) is not None:
        return Rejected(FailReason.CLOSED, message, cause)
    if code in _TOO_MANY or (
        code == HTTPStatus.SERVICE_UNAVAILABLE
        and (retry_after_s is not None or (parsed is not None and _BUSY_WORDS.search(own_words)))
    ):
        return Busy(message, retry_after_s)
    clear = code == _SOME_ERROR or HTTPStatus.BAD_REQUEST <= code < HTTPStatus.INTERNAL_SERVER_ERROR
    if clear and _MODERATED_WORDS.search(own_words):
        return Rejected(FailReason.MODERATED, message)
    if code in _BAD_INPUT:
        return Rejected(FailReason.REFUSED, message)
    return Unknown(f"HTTP {status}: {message}" if message else f"HTTP {status}")


def read_checked(status: int, body: bytes, origin: str) -> Checked | Busy:
    """Classify the answer to a status query.

    ``origin`` is the service's own "scheme://host:port", from where audio is accepted without https too.
    ``Busy`` says nothing about the task; ``Rejected`` as closed means that the key is not accepted.
    """
    parsed = json_object(body)
    whole = {} if parsed is None else parsed
    inside, task = _status_inside(whole), _payload(whole)
    # The message of a good answer that holds a task is about the query: "msg": "success".
    good = status < HTTPStatus.MULTIPLE_CHOICES and inside is None
    message = (_plain_text(body) if parsed is None else message_of(task if good else whole))[:MESSAGE_MAX]
    urls = _urls(task.get("audioUrls") or whole.get("audioUrls"), origin)
    word = _word(task) or _word(whole)
    if word in _SUCCESS and not _word(task) and not urls:
        word = ""  # likewise: the query succeeded, and nothing is known of the task
    if _KEY_REFUSED & {status, inside}:
        return Rejected(FailReason.CLOSED, message, ClosedCause.BAD_KEY)
    # What a failing server cannot find is not the task.
    says_so = (inside or status) < HTTPStatus.INTERNAL_SERVER_ERROR and _NOT_FOUND_WORDS.search(message)
    if HTTPStatus.NOT_FOUND in (status, inside) or (says_so and not word):
        return NotFound()
    if status >= HTTPStatus.MULTIPLE_CHOICES or parsed is None or (inside is not None and not word):
        return Busy(f"HTTP {status}: {message}" if message else f"HTTP {status}")
    failed = word in _FAILED or word.endswith("_failed")
    if word in _SUCCESS or (failed and urls):
        return Done(urls)
    if word in _CANCELED:
        return Rejected(FailReason.CANCELED, message)
    if failed:
        moderated = word == "sensitive_word_error" or _MODERATED_WORDS.search(message)
        return Rejected(FailReason.MODERATED if moderated else FailReason.UPSTREAM_FAILED, message)
    return Running("" if word in _RUNNING else word or "(none)")


def _closed(status: int, message: str, *, is_json: bool) -> ClosedCause | None:
    """Return why the service accepts no request at all, if that is what the answer means."""
    if status == HTTPStatus.PAYMENT_REQUIRED or _CREDIT_WORDS.search(message):
        return ClosedCause.NO_CREDITS
    if status == HTTPStatus.UNAUTHORIZED or _KEY_WORDS.search(message):
        return ClosedCause.BAD_KEY
    # A 503 that is not JSON may come from a proxy in front of a service that accepted the request.
    says_so = _NOT_OPEN_WORDS.search(message) and (is_json or status != HTTPStatus.SERVICE_UNAVAILABLE)
    if status in _NOT_OPEN_STATUS or (status in _MAYBE_NOT_OPEN and says_so):
        return ClosedCause.NOT_OPEN
    if status == HTTPStatus.FORBIDDEN and not _MODERATED_WORDS.search(message):
        return ClosedCause.BAD_KEY
    return None


def json_object(body: bytes) -> JsonObject | None:
    """Parse a JSON object; None if the body is anything else."""
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def is_readable(body: bytes) -> bool:
    """Return whether the answer is a JSON object, as all of the service's are."""
    return json_object(body) is not None


def _payload(parsed: JsonObject) -> JsonObject:
    """Return the part about the task: ``data`` if that is an object, else the whole answer."""
    data = parsed.get("data")
    return data if isinstance(data, dict) else parsed


def task_id_of(parsed: JsonObject) -> str | None:
    """Return the task's id, if the answer has one that can be sent back."""
    for place in (_payload(parsed), parsed):
        for name in ("id", "taskId", "task_id"):
            value = place.get(name)
            if isinstance(value, int) and not isinstance(value, bool):
                value = str(value)
            # Dots alone would be folded away from a path.
            if (
                isinstance(value, str)
                and len(value) <= TASK_ID_MAX
                and value.isprintable()
                and value.strip(" .")
            ):
                return value
    return None


def _word(place: JsonObject) -> str:
    word = place.get("status")
    return word.strip().lower() if isinstance(word, str) else ""


def _status_inside(parsed: JsonObject) -> int | None:
    """Return the error in a body under a good status: {"code": 402, …}, {"success": false}, …."""
    code = parsed.get("code")
    if isinstance(code, str) and re.fullmatch(r"-?[0-9]{1,9}", code):
        code = int(code)
    if not isinstance(code, int) or isinstance(code, bool):
        code = 0
    if code >= HTTPStatus.MULTIPLE_CHOICES:
        return code
    good = code == 0 or code >= HTTPStatus.OK
    if good and parsed.get("success") is not False and not parsed.get("error"):
        return None
    return _SOME_ERROR


def message_of(parsed: JsonObject) -> str:
    """Return the vendor's reason as one line, or nothing."""
    texts: list[object] = []
    for place in (parsed, _payload(parsed)):
        error = place.get("error")
        texts.append(error.get("message") if isinstance(error, dict) else error)
    texts += [
        place.get(name)
        for place in (_payload(parsed), parsed)
        for name in ("errorMessage", "message", "msg", "detail")
    ]
    text = next((text for text in texts if isinstance(text, str) and text.strip()), "")
    return "" if _is_markup(text) else one_line(text[:MESSAGE_READ_MAX])


def _plain_text(body: bytes) -> str:
    """Return the text of a body that is not a JSON object, unless it is a page or truncated JSON."""
    text = body[: 4 * MESSAGE_READ_MAX].decode("utf-8-sig", "replace")
    return (
        "" if _is_markup(text) or text.lstrip().startswith(("{", "[")) else one_line(text[:MESSAGE_READ_MAX])
    )


def one_line(text: str) -> str:
    """Return the text as one line. A zero width joiner stays: it holds emoji sequences together."""
    return " ".join("".join(char if char.isprintable() or char == "\u200d" else " " for char in text).split())


def _is_markup(text: str) -> bool:
    start = text[:500].lstrip().lower()
    return start.startswith("<") or "<html" in start


def is_moderated(message: str, sent: Iterable[str]) -> bool:
    """Return whether the vendor's own words object to the content. ``sent`` may be echoed in them."""
    return bool(_MODERATED_WORDS.search(_without_echo(message, sent)))


def _without_echo(message: str, sent: Iterable[str]) -> str:
    """Remove the member's own texts from an error message: only the vendor's words are classified."""
    message = message.lower()
    for text in sent:
        echo = one_line(text).lower()
        if not echo:
            continue
        message = re.sub(rf"(?<!\w){re.escape(echo)}(?!\w)", "\n", message)
        # The echo may be cut off at either end, so runs of it count too.
        runs = {echo[at : at + ECHO_MIN] for at in range(len(echo) - ECHO_MIN + 1)}
        chars = list(message)
        for at in range(len(message) - ECHO_MIN + 1):
            if message[at : at + ECHO_MIN] in runs:
                chars[at : at + ECHO_MIN] = "\n" * ECHO_MIN
        message = "".join(chars)
    return message


def _urls(value: object, origin: str) -> tuple[str, ...]:
    """Return the usable addresses in their order, each once."""
    urls = [url.strip() for url in (value if isinstance(value, list) else [value]) if isinstance(url, str)]
    return tuple(dict.fromkeys(url for url in urls if is_usable(url, origin)))


def origin_of(url: str) -> str:
    """Return the "scheme://host:port" of an address, always with the port.

    Raises:
        ValueError: the address is not absolute.
    """
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else {"https": 443, "http": 80}.get(parts.scheme)
    if not parts.hostname or port is None:
        raise ValueError("not an absolute http address")
    return f"{parts.scheme}://{parts.hostname}:{port}"


def is_usable(url: str, origin: str) -> bool:
    """Return whether audio may be downloaded there: https or ``origin``, no password, no known dead end."""
    try:
        here, parts = origin_of(url), urlsplit(url)
    except ValueError:
        return False
    return (
        (parts.scheme == "https" or here == origin)
        and "@" not in parts.netloc
        and url.isprintable()
        and not parts.path.endswith("/None.mp3")
        and not parts.path.startswith("/api/forbidden")
    )
