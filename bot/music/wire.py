"""Translate between the vendor's JSON and our own types. Its field names appear nowhere else.

Sources: https://sseedance.com/en/docs/music and https://sseedance.com/en/docs/tasks, read 2026-11-22. They
show no error bodies; whatever else is accepted was seen on the service's upstream and on similar services.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Final, TypeAlias
from urllib.parse import urlsplit

from msgspec import Struct

from bot.lazy import lazy_pattern
from bot.model import ClosedCause, FailReason, SongRequest, TakeDetails, TaskId, Voice
from bot.music import audio_addresses, json_answers, reading
from bot.music.json_answers import JsonObject

MESSAGE_MAX: Final = 300
"""Maximum length of a stored error message, in characters."""
MESSAGE_READ_MAX: Final = 10_000
"""Maximum length of a classified error message, in characters: room for echoed lyrics and a reason."""
ECHO_MIN: Final = 12
"""Minimum length of a run of the member's text that counts as an echo in an error message, in characters."""

_BAD_INPUT: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNPROCESSABLE_ENTITY}
)
_NOT_OPEN_STATUS: Final = frozenset(
    {HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED}
)
_MAYBE_NOT_OPEN: Final = frozenset(
    {HTTPStatus.BAD_REQUEST, HTTPStatus.FORBIDDEN, HTTPStatus.SERVICE_UNAVAILABLE, reading.SOME_ERROR}
)
_KEY_REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_TOO_MANY: Final = (HTTPStatus.TOO_MANY_REQUESTS, 430, 455)

_CREDIT_CODES: Final = frozenset(
    [
        *("insufficient_quota", "insufficient_user_quota", "insufficient_credits", "insufficient_balance"),
        *("insufficient_funds", "billing_not_active", "billing_hard_limit_reached", "payment_required"),
    ]
)
_KEY_CODES: Final = frozenset(
    [
        *("invalid_api_key", "invalid_key", "unauthorized", "account_disabled", "account_suspended"),
        *("account_deactivated", "api_key_expired", "api_key_disabled"),
    ]
)

_NOT_OPEN_WORDS: Final = lazy_pattern(
    r"coming soon|not (yet )?open|preview|not (yet |currently )?available", re.IGNORECASE
)
_CREDIT_WORDS: Final = lazy_pattern(r"\bcredits?\b|\bbalance\b|\binsufficient\b", re.IGNORECASE)
_KEY_WORDS: Final = lazy_pattern(r"\bno auth|invalid (api )?key|unauthori[sz]ed", re.IGNORECASE)
_BUSY_WORDS: Final = lazy_pattern(r"\bbusy\b|overloaded|rate limit|maintenance", re.IGNORECASE)
_MODERATED_WORDS: Final = lazy_pattern(r"sensitive|moderat|\bpolicy\b|copyright|artist name", re.IGNORECASE)
_TASK_WORDS: Final = lazy_pattern(r"task|record|\bjob\b", re.IGNORECASE)
_NOT_FOUND_WORDS: Final = lazy_pattern(r"not found|recordinfo is null", re.IGNORECASE)


class Accepted(Struct, frozen=True):
    """The task exists and has been charged."""

    task_id: TaskId


class Running(Struct, frozen=True):
    """Not ready yet. ``word`` is the status if we do not know it."""

    word: str = ""


class Done(Struct, frozen=True, eq=False):
    """The task succeeded. ``urls`` are its usable audio addresses; there may be none yet."""

    urls: tuple[str, ...]
    details: tuple[TakeDetails, ...] = ()
    """The service's description of the takes, if it gives more than addresses."""
    cost_credits: float | None = None
    """Cost of the task to the operator in the service's own credits, if the service reports it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Done) and (self.urls, self.cost_credits) == (other.urls, other.cost_credits)

    __ne__ = object.__ne__  # the opposite of the above; Struct's own would compare identities

    def __hash__(self) -> int:
        return hash(self.urls)


class Written(Struct, frozen=True):
    """The task wrote lyrics."""

    lyrics: str
    title: str = ""
    cost_credits: float | None = None
    """Cost of the task to the operator in the service's own credits, if the service reports it."""


class Rejected(Struct, frozen=True):
    """A definite refusal: this request will never become a song."""

    reason: FailReason
    detail: str = ""
    closed: ClosedCause | None = None
    """Set if the refusal applies to every request, not to this one alone."""
    suspect: bool = False
    """Whether ``closed`` is only likely: another request may be accepted. See ``MusicClient.confirms``."""


class NotFound(Struct, frozen=True):
    """The service does not know the task, or not yet."""


class Busy(Struct, frozen=True):
    """Certainly not accepted; a later attempt may be."""

    detail: str = ""
    retry_after_s: float | None = None
    offline: bool = False
    """Whether no connection could be made at all."""


class Unknown(Struct, frozen=True):
    """The answer leaves open whether the request was accepted."""

    detail: str = ""


class Open(Struct, frozen=True):
    """The paid endpoint processes requests: it found fault with one that cannot be accepted."""


Submitted: TypeAlias = Accepted | Rejected | Busy | Unknown
Checked: TypeAlias = Running | Done | Rejected | NotFound
LyricsChecked: TypeAlias = Running | Written | Rejected | NotFound


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
        body["options"] = {**options, **extras, **_joined_tags(options, extras)}
    return body


def _joined_tags(options: JsonObject, extras: Mapping[str, str]) -> dict[str, str]:
    """Join what operator and member want to avoid: neither overrides the other."""
    tags = [tag for tag in (options.get("negativeTags"), extras.get("negativeTags")) if tag]
    return {"negativeTags": ", ".join(map(str, tags))} if tags else {}


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
    parsed = json_answers.parse(body)
    code = status
    if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES and parsed is not None:
        task_id = reading.task_id(parsed)
        if task_id is not None:
            return Accepted(task_id)
        inside = reading.error_status(parsed)
        code = status if inside is None else inside
    message = _plain_text(body) if parsed is None else message_of([parsed, json_answers.places(parsed)[0]])
    own_words, message = _without_echo(message, sent), message[:MESSAGE_MAX]
    if (cause := _certainly_closed(code, parsed)) is not None:
        return Rejected(FailReason.CLOSED, message, cause)
    clear = code == reading.SOME_ERROR or HTTPStatus.BAD_REQUEST <= code < HTTPStatus.INTERNAL_SERVER_ERROR
    if clear and _MODERATED_WORDS.search(own_words):
        return Rejected(FailReason.MODERATED, message)
    if (cause := _probably_closed(code, own_words, is_json=parsed is not None)) is not None:
        return Rejected(FailReason.CLOSED, message, cause, suspect=True)
    if code in _TOO_MANY or (
        code == HTTPStatus.SERVICE_UNAVAILABLE
        and (retry_after_s is not None or (parsed is not None and _BUSY_WORDS.search(own_words)))
    ):
        return Busy(message, retry_after_s)
    if code in _BAD_INPUT:
        return Rejected(FailReason.REFUSED, message)
    return Unknown(f"HTTP {status}: {message}" if message else f"HTTP {status}")


def read_checked(status: int, body: bytes, origin: str) -> Checked | Busy:
    """Classify the answer to a status query.

    ``origin`` is the service's own "scheme://host:port", from which audio is accepted even without https.
    ``Busy`` says nothing about the task; ``Rejected`` as closed means that the key is not accepted.
    """
    parsed = json_answers.parse(body)
    whole: JsonObject = {} if parsed is None else parsed
    inside, places = reading.error_status(whole), json_answers.places(whole)
    # The message of a good answer that holds a task is about the query: "msg": "success".
    good = status < HTTPStatus.MULTIPLE_CHOICES and inside is None
    message = _plain_text(body) if parsed is None else message_of(places[:1] if good else [whole, places[0]])
    message = message[:MESSAGE_MAX]
    word, own = reading.status_word(whole)
    kind = reading.kind_of(word)

    def usable(url: str) -> bool:
        return is_usable(url, origin)

    urls = audio_addresses.audio_urls(whole, usable)
    if not urls and (kind is reading.SUCCESS or not word):
        urls = audio_addresses.any_urls(whole, usable)
    if not urls and kind in (reading.FAILED, reading.CANCELED) and reading.plain_word(whole) != word:
        kind = None  # too odd a shape to end a paid task
    if kind is reading.SUCCESS and not own and not urls:
        word, kind = "", None  # likewise: the query succeeded, and nothing is known of the task
    if _KEY_REFUSED & {status, inside}:
        return Rejected(FailReason.CLOSED, message, ClosedCause.BAD_KEY)
    # If a failing server can't find something, it is not the task.
    says_so = (inside or status) < HTTPStatus.INTERNAL_SERVER_ERROR and _NOT_FOUND_WORDS.search(message)
    if HTTPStatus.NOT_FOUND in (status, inside) or (says_so and not word):
        return NotFound()
    if status >= HTTPStatus.MULTIPLE_CHOICES or parsed is None or (inside is not None and not word):
        return Busy(f"HTTP {status}: {message}" if message else f"HTTP {status}")
    if kind is reading.SUCCESS or (kind is reading.FAILED and urls):
        return Done(urls, _with_covers(urls, whole, usable))
    if urls and not word and not reading.has_status(whole):
        # A service that reports no status, and answers with the audio once it is ready.
        return Done(urls, _with_covers(urls, whole, usable))
    if kind is reading.CANCELED:
        return Rejected(FailReason.CANCELED, message)
    if kind is reading.FAILED:
        moderated = word == "sensitive_word_error" or _MODERATED_WORDS.search(message)
        return Rejected(FailReason.MODERATED if moderated else FailReason.UPSTREAM_FAILED, message)
    return Running("" if kind is reading.RUNNING else word or "(none)")


def _with_covers(
    urls: tuple[str, ...], whole: JsonObject, usable: Callable[[str], bool]
) -> tuple[TakeDetails, ...]:
    """Return the takes with their covers, if any: one for each, or one for all."""
    covers = audio_addresses.cover_urls(whole, usable)
    if not covers:
        return ()
    images = covers if len(covers) == len(urls) else covers[:1] * len(urls)
    return tuple(TakeDetails(url=url, image_url=image) for url, image in zip(urls, images, strict=True))


def _certainly_closed(status: int, parsed: JsonObject | None) -> ClosedCause | None:
    """Return why the service accepts no request at all, if the answer is unambiguous."""
    if status == HTTPStatus.PAYMENT_REQUIRED:
        return ClosedCause.NO_CREDITS
    if status == HTTPStatus.UNAUTHORIZED:
        return ClosedCause.BAD_KEY
    codes = set() if parsed is None or status < HTTPStatus.BAD_REQUEST else reading.error_codes(parsed)
    if codes & _CREDIT_CODES:
        return ClosedCause.NO_CREDITS
    return ClosedCause.BAD_KEY if codes & _KEY_CODES else None


def _probably_closed(status: int, message: str, *, is_json: bool) -> ClosedCause | None:
    """Return why the service may accept no request at all.

    One request's words can cause the same answer.
    """
    if _CREDIT_WORDS.search(message):
        return ClosedCause.NO_CREDITS
    if _KEY_WORDS.search(message):
        return ClosedCause.BAD_KEY
    # A 503 that is not JSON may come from a proxy in front of a service that accepted the request.
    says_so = _NOT_OPEN_WORDS.search(message) and (is_json or status != HTTPStatus.SERVICE_UNAVAILABLE)
    if status in _NOT_OPEN_STATUS or (status in _MAYBE_NOT_OPEN and says_so):
        return ClosedCause.NOT_OPEN
    return ClosedCause.BAD_KEY if status == HTTPStatus.FORBIDDEN else None


def is_about_task(status: int, body: bytes, task_id: TaskId) -> bool:
    """Return whether only this service can give this answer about a nonexistent task.

    A wrong path is answered with a 404 too, often in JSON: that proves nothing.
    """
    parsed = json_answers.parse(body)
    if parsed is None:
        return False
    message = message_of([parsed, json_answers.places(parsed)[0]]).lower()
    if status == HTTPStatus.NOT_FOUND or reading.error_status(parsed) is not None or message:
        names_it = _TASK_WORDS.search(message.replace(f"/v1/tasks/{task_id}", "")) is not None
        return names_it and status < HTTPStatus.INTERNAL_SERVER_ERROR
    return status < HTTPStatus.MULTIPLE_CHOICES and bool({"data", "object", "code"} & parsed.keys())


def is_readable(body: bytes) -> bool:
    """Return whether the answer is usable JSON, as all of the service's are."""
    return json_answers.parse(body) is not None


def message_of(places: Iterable[JsonObject]) -> str:
    """Return the vendor's reason as one line, or nothing."""
    text = next(reading.messages(places), "")
    return "" if _is_markup(text) else one_line(text[:MESSAGE_READ_MAX])


def _plain_text(body: bytes) -> str:
    """Return the text of a body without JSON, unless it is a page or truncated JSON."""
    text = body[: 4 * MESSAGE_READ_MAX].decode("utf-8-sig", "replace")
    return (
        "" if _is_markup(text) or text.lstrip().startswith(("{", "[")) else one_line(text[:MESSAGE_READ_MAX])
    )


def one_line(text: str) -> str:
    """Return the text as one line.

    A zero width joiner stays: it holds emoji sequences together.
    """
    return " ".join("".join(char if char.isprintable() or char == "\u200d" else " " for char in text).split())


def _is_markup(text: str) -> bool:
    start = text[:500].lstrip().lower()
    return start.startswith("<") or "<html" in start


def is_moderated(message: str, sent: Iterable[str]) -> bool:
    """Return whether the vendor's own words object to the content.

    ``sent`` may be echoed in them.
    """
    return bool(_MODERATED_WORDS.search(_without_echo(message, sent)))


def echoes(message: str, sent: Iterable[str]) -> bool:
    """Return whether a message has the member's texts, or a part too long for chance."""
    return _without_echo(message, sent) != message.lower()


def _without_echo(message: str, sent: Iterable[str]) -> str:
    """Remove the member's own texts from an error message, so that only the vendor's words are classified."""
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
    """Return whether audio may be downloaded from an address.

    It must be https or of ``origin``, without a password, and no known dead end.
    """
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
