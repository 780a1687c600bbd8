"""The vendor's JSON to our words and back. Its field names stand nowhere else.

Source: https://sseedance.com/en/docs/music and /en/docs/tasks, read 2026-11-22. The documentation shows
no error bodies; what is accepted beyond it was seen on this service's upstream and its neighbours.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias
from urllib.parse import urlsplit

from bot.model import ClosedCause, FailReason, SongRequest, Voice

JsonObject: TypeAlias = Mapping[str, object]

TASK_ID_MAX = 200
MESSAGE_MAX = 300
"""Characters of the vendor's own words that are kept."""
JUDGED_MAX = 10_000
"""Characters of the vendor's own words that are looked at; an echo of lyrics and a reason fit in."""
ECHO_MIN = 12
"""A run of our own text this long, found in an error message, is an echo and not the vendor's word."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The task exists and is paid for."""

    task_id: str


@dataclass(frozen=True, slots=True)
class Running:
    """Not ready yet. ``word`` is the status if it is one that we do not know."""

    word: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """The audio is there, at these https addresses; possibly none is usable yet."""

    urls: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rejected:
    """A clear no: there will be no song from this request."""

    reason: FailReason
    detail: str = ""
    closed: ClosedCause | None = None
    """Set where the no holds for every request, not for this one."""


@dataclass(frozen=True, slots=True)
class NotFound:
    """The service does not know the task, or does not know it yet."""


@dataclass(frozen=True, slots=True)
class Busy:
    """Not taken, for sure; another try may be."""

    detail: str = ""
    retry_after_s: float | None = None
    offline: bool = False
    """Whether no connection came about at all."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """The answer leaves open whether the request was taken."""

    detail: str = ""


Submitted: TypeAlias = Accepted | Rejected | Busy | Unknown
Checked: TypeAlias = Running | Done | Rejected | NotFound


def generation(request: SongRequest, provider: str, options: JsonObject) -> dict[str, object]:
    """The body of the paid POST: the documented keys that apply, and no others."""
    body: dict[str, object] = {"provider": provider, "model": request.model}
    if request.custom:
        body |= {"customMode": True, "title": request.title, "style": request.style}
        if not request.instrumental:
            body["lyrics"] = request.lyrics
    else:
        body["prompt"] = request.prompt
    body["instrumental"] = request.instrumental
    wishes = _wishes(request)
    if options or wishes:
        body["options"] = {**options, **wishes, **_joined_tags(options, wishes)}
    return body


def _joined_tags(options: JsonObject, wishes: Mapping[str, str]) -> dict[str, str]:
    """Return what the operator and the member want to avoid, joined: neither overrides the other."""
    tags = [tag for tag in (options.get("negativeTags"), wishes.get("negativeTags")) if tag]
    return {"negativeTags": ", ".join(map(str, tags))} if tags else {}


def _wishes(request: SongRequest) -> dict[str, str]:
    """The model's extras that a member has asked for.

    Source: https://docs.kie.ai/suno-api/generate-music, read 2026-11-22: the voice is for the custom mode.
    """
    wishes = {"negativeTags": request.avoid} if request.avoid else {}
    if request.custom and not request.instrumental and request.voice is not None:
        wishes["vocalGender"] = {Voice.FEMALE: "f", Voice.MALE: "m"}[request.voice]
    return wishes


def read_submitted(status: int, body: bytes, sent: Iterable[str], retry_after_s: float | None) -> Submitted:
    """What the answer to the POST means; ``sent`` are the member's texts that may be echoed in it."""
    parsed = _object(body)
    judged = status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES and parsed is not None:
        task_id = _task_id(parsed)
        if task_id is not None:
            return Accepted(task_id)
        inside = _status_inside(parsed)
        judged = status if inside is None else inside
    said = _message(parsed) if parsed is not None else _plain_text(body)
    own_words, said = _without_echo(said, sent), said[:MESSAGE_MAX]
    if (cause := _closed(judged, own_words, is_json=parsed is not None)) is not None:
        return Rejected(FailReason.CLOSED, said, cause)
    if judged in _TOO_MANY or (
        judged == HTTPStatus.SERVICE_UNAVAILABLE
        and (retry_after_s is not None or (parsed is not None and _BUSY_WORDS.search(own_words)))
    ):
        return Busy(said, retry_after_s)
    clear = judged == _SOME_ERROR or HTTPStatus.BAD_REQUEST <= judged < HTTPStatus.INTERNAL_SERVER_ERROR
    if clear and _MODERATED_WORDS.search(own_words):
        return Rejected(FailReason.MODERATED, said)
    if judged in _BAD_INPUT:
        return Rejected(FailReason.REFUSED, said)
    return Unknown(f"HTTP {status}: {said}" if said else f"HTTP {status}")


def read_checked(status: int, body: bytes, origin: str) -> Checked | Busy:
    """What the answer to a status query means.

    ``origin`` is the service's own "scheme://host:port", where audio may lie without https too.
    ``Busy`` says nothing about the task; ``Rejected`` as closed means that the key is not accepted.
    """
    parsed = _object(body)
    whole = {} if parsed is None else parsed
    inside, task = _status_inside(whole), _payload(whole)
    # Beside a task, the words of a good answer are about the question: "msg": "success".
    good = status < HTTPStatus.MULTIPLE_CHOICES and inside is None
    said = (_plain_text(body) if parsed is None else _message(task if good else whole))[:MESSAGE_MAX]
    urls = _urls(task.get("audioUrls") or whole.get("audioUrls"), origin)
    word = _word(task) or _word(whole)
    if word in _SUCCESS and not _word(task) and not urls:
        word = ""  # likewise: the question succeeded, the task tells nothing
    if _KEY_REFUSED & {status, inside}:
        return Rejected(FailReason.CLOSED, said, ClosedCause.BAD_KEY)
    # What a server that is down can't find is not the task.
    says_so = (inside or status) < HTTPStatus.INTERNAL_SERVER_ERROR and _NOT_FOUND_WORDS.search(said)
    if HTTPStatus.NOT_FOUND in (status, inside) or (says_so and not word):
        return NotFound()
    if status >= HTTPStatus.MULTIPLE_CHOICES or parsed is None or (inside is not None and not word):
        return Busy(f"HTTP {status}: {said}" if said else f"HTTP {status}")
    failed = word in _FAILED or word.endswith("_failed")
    if word in _SUCCESS or (failed and urls):
        return Done(urls)
    if word in _CANCELED:
        return Rejected(FailReason.CANCELED, said)
    if failed:
        moderated = word == "sensitive_word_error" or _MODERATED_WORDS.search(said)
        return Rejected(FailReason.MODERATED if moderated else FailReason.UPSTREAM_FAILED, said)
    return Running("" if word in _RUNNING else word or "(none)")


_RUNNING = frozenset(
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
_SUCCESS = frozenset(["success", "succeeded", "complete", "completed"])
_FAILED = frozenset(["failed", "fail", "error", "timeout", "expired", "sensitive_word_error"])
_CANCELED = frozenset(["canceled", "cancelled"])

_SOME_ERROR = 0
"""In place of a status: the body says that it is an error, and not of which kind."""
_BAD_INPUT = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
_NOT_OPEN_STATUS = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)
_MAYBE_NOT_OPEN = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE, _SOME_ERROR}
)
_KEY_REFUSED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_TOO_MANY = (HTTPStatus.TOO_MANY_REQUESTS, 430, 455)

_NOT_OPEN_WORDS = re.compile(
    r"coming soon|not (yet )?open|preview|not (yet |currently )?available", re.IGNORECASE
)
_CREDIT_WORDS = re.compile(r"\bcredits?\b|\bbalance\b|\binsufficient\b", re.IGNORECASE)
_KEY_WORDS = re.compile(r"\bno auth|invalid (api )?key|unauthori[sz]ed", re.IGNORECASE)
_BUSY_WORDS = re.compile(r"\bbusy\b|overloaded|rate limit|maintenance", re.IGNORECASE)
_MODERATED_WORDS = re.compile(r"sensitive|moderat|\bpolicy\b|copyright|artist name", re.IGNORECASE)
_NOT_FOUND_WORDS = re.compile(r"not found|recordinfo is null", re.IGNORECASE)


def _closed(status: int, said: str, *, is_json: bool) -> ClosedCause | None:
    """Why the service takes no request at all, if that is what the answer says."""
    if status == HTTPStatus.PAYMENT_REQUIRED or _CREDIT_WORDS.search(said):
        return ClosedCause.NO_CREDITS
    if status == HTTPStatus.UNAUTHORIZED or _KEY_WORDS.search(said):
        return ClosedCause.BAD_KEY
    # A 503 that is no JSON may come from a proxy in front of a service that took the request.
    says_so = _NOT_OPEN_WORDS.search(said) and (is_json or status != HTTPStatus.SERVICE_UNAVAILABLE)
    if status in _NOT_OPEN_STATUS or (status in _MAYBE_NOT_OPEN and says_so):
        return ClosedCause.NOT_OPEN
    if status == HTTPStatus.FORBIDDEN and not _MODERATED_WORDS.search(said):
        return ClosedCause.BAD_KEY
    return None


def _object(body: bytes) -> JsonObject | None:
    try:
        parsed = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return parsed if isinstance(parsed, dict) else None


def is_readable(body: bytes) -> bool:
    """Whether the answer is a JSON object, as all of the service's are."""
    return _object(body) is not None


def _payload(parsed: JsonObject) -> JsonObject:
    """What the answer says of the task: its ``data`` if that is an object, else all of it."""
    data = parsed.get("data")
    return data if isinstance(data, dict) else parsed


def _task_id(parsed: JsonObject) -> str | None:
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
    """The error status that a body carries under a good one: {"code": 402, …}, {"success": false}, …."""
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


def _message(parsed: JsonObject) -> str:
    """The vendor's reason as one line, or nothing."""
    found: list[object] = []
    for place in (parsed, _payload(parsed)):
        error = place.get("error")
        found.append(error.get("message") if isinstance(error, dict) else error)
    found += [
        place.get(name)
        for place in (_payload(parsed), parsed)
        for name in ("errorMessage", "message", "msg", "detail")
    ]
    text = next((text for text in found if isinstance(text, str) and text.strip()), "")
    return "" if _is_markup(text) else _line(text[:JUDGED_MAX])


def _plain_text(body: bytes) -> str:
    """The words of a body that is no JSON object: none if it is a page, or JSON that was cut off."""
    text = body[: 4 * JUDGED_MAX].decode("utf-8-sig", "replace")
    return "" if _is_markup(text) or text.lstrip().startswith(("{", "[")) else _line(text[:JUDGED_MAX])


def _line(text: str) -> str:
    """One line; a zero width joiner stays, since it holds emoji sequences together."""
    return " ".join("".join(char if char.isprintable() or char == "\u200d" else " " for char in text).split())


def _is_markup(text: str) -> bool:
    start = text[:500].lstrip().lower()
    return start.startswith("<") or "<html" in start


def _without_echo(said: str, sent: Iterable[str]) -> str:
    """What the vendor said without the member's own words in it: those must not be judged."""
    said = said.lower()
    for text in sent:
        words = _line(text).lower()
        if not words:
            continue
        said = re.sub(rf"(?<!\w){re.escape(words)}(?!\w)", "\n", said)
        runs = {words[at : at + ECHO_MIN] for at in range(len(words) - ECHO_MIN + 1)}
        kept = list(said)
        for at in range(len(said) - ECHO_MIN + 1):
            if said[at : at + ECHO_MIN] in runs:
                kept[at : at + ECHO_MIN] = "\n" * ECHO_MIN
        said = "".join(kept)
    return said


def _urls(value: object, origin: str) -> tuple[str, ...]:
    """The usable addresses, each once, in their order."""
    found = [url.strip() for url in (value if isinstance(value, list) else [value]) if isinstance(url, str)]
    return tuple(dict.fromkeys(url for url in found if is_usable(url, origin)))


def origin_of(url: str) -> str:
    """Its "scheme://host:port", with the port written out.

    Raises:
        ValueError: the address is no absolute one.
    """
    parts = urlsplit(url)
    port = parts.port if parts.port is not None else {"https": 443, "http": 80}.get(parts.scheme)
    if not parts.hostname or port is None:
        raise ValueError("not an absolute http address")
    return f"{parts.scheme}://{parts.hostname}:{port}"


def is_usable(url: str, origin: str) -> bool:
    """Whether audio may be fetched there: https or ``origin``, no password in it, no known dead end."""
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
