"""kie.ai's jobs API, spoken to directly.

Sources: https://docs.kie.ai, the pages of the jobs API and of ``ai-music-api/generate`` as of 2026-10-07, and
answers recorded by its clients in October 2026. kie's older Suno API is not used: it needs a callback
address, which would receive the members' words.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from http import HTTPStatus
from typing import Final
from urllib.parse import quote

from bot.lazy import lazy_pattern
from bot.model import Backend, ClosedCause, FailReason, SongRequest, TakeDetails, TaskId, Voice
from bot.music import audio_addresses, json_answers, reading, wire
from bot.music.contract import SUBMITS_MAX, SUBMITS_WINDOW, Capabilities, LyricsDrafts, Offer
from bot.music.json_answers import JsonObject
from bot.music.text_limits import TextLimits

TASK_MODEL: Final = "ai-music-api/generate"
LYRICS_MODEL: Final = "ai-music-api/generate-lyrics"
LYRICS_ABOUT_MAX: Final = 200
"""Maximum length of the prompt for lyrics, in characters."""
LYRICS_COST: Final = 0.4
"""Price of one lyrics task in credits, as charged on 2026-10-06."""
LYRICS_READ_MAX: Final = 20_000
"""Maximum length of lyrics read from one answer, in characters."""
_LYRICS_DEPTH_MAX: Final = 4
"""Maximum depth searched for lyrics; seen in ``resultObject.lyricsData`` on 2026-10-06."""
MODELS: Final[Mapping[str, TextLimits]] = {
    "V6": TextLimits(),
    "V6_MINI": TextLimits(),
    "V6_WILD": TextLimits(),
}
"""The models on sale, with their text limits."""
RETIRED_MODELS: Final = frozenset({"V3_5", "V4", "V4_5", "V4_5PLUS", "V4_5ALL", "V5", "V5_5"})
"""Models that kie marks as discontinued; all but V3_5 are still accepted."""
TAKES_READ_MAX: Final = 50
"""Maximum number of takes read from one answer."""
DURATION_DEFAULT_S: Final = 180
"""Default length in custom mode, in seconds: without one, songs of 20 s were seen."""
SONG_COST: Final = 12.0
"""Price of one task with two takes in credits, as charged on 2026-10-05; 1 credit is about $0.005."""

_REFUSED_CODES: Final = frozenset({400, 404, 405, 409, 413, 422, 451, 501, 505, 531})
"""Codes in the body that refuse this request alone. 404 and 501 do not mean that the endpoint is closed."""
_BUSY_CODES: Final = frozenset({429, 430, 455})
_KEY_LIMIT_CODE: Final = 433
"""Code for a key whose limit, set by the operator, is used up."""
_VALIDATION_WORDS: Final = lazy_pattern(
    r"this field is required|not within the range of allowed options", re.IGNORECASE
)
"""A failed validation is reported as code 500 with these words."""
_RUNNING: Final = frozenset({"waiting", "queuing", "queueing", "generating"})
_LYRICS_FIELD_MODELS: Final = "V6"
"""Prefix of the models that accept lyrics as ``lyrics``; older ones accept them as ``prompt``."""
_DURATION_MODELS: Final = ("V6", "V5_5")
"""Prefixes of the models that accept a duration."""

_AVOID: Final = "\nAvoid: "
"""Separator between a prompt and what to avoid."""

OFFER: Final = Offer(
    name="kie.ai",
    standing="open today",
    is_open=True,
    key_page="https://kie.ai/api-key",
    speaks=lambda _, options: Kie(options=options),
    url="https://api.kie.ai",
    models=("V6", "V6_MINI", "V6_WILD"),
    cheapest_model="V6_MINI",
    song_price="12 credits of your account, about $0.06",
)


def lyrics_body(about: str) -> dict[str, object]:
    """Build the JSON body of the request for lyrics."""
    return {"model": LYRICS_MODEL, "input": {"prompt": about}}


def read_lyrics(status: int, body: bytes) -> wire.LyricsChecked | wire.Busy:
    """Read the answer to a status query about lyrics."""
    parsed = json_answers.parse(body)
    task = None if parsed is None else parsed.get("data")
    if parsed is None or not isinstance(task, Mapping) or not isinstance(task.get("state"), str):
        checked = wire.read_checked(status, body, "")  # an error, or "recordInfo is null"
        return wire.Running() if isinstance(checked, wire.Done) else checked
    state = str(task["state"]).strip().lower()
    if state in ("fail", "failed"):
        return _failed(task)
    if reading.kind_of(state) is not reading.SUCCESS:
        return wire.Running("" if state in _RUNNING else state or "(none)")
    for draft in _drafts(_unpacked(task.get("resultJson")), _LYRICS_DEPTH_MAX):
        text = draft.get("text")
        if isinstance(text, str) and text.strip():
            return wire.Written(
                text[:LYRICS_READ_MAX], _text(draft.get("title")), _number(task.get("creditsConsumed"))
            )
    return wire.Running("success without lyrics")


class Kie:
    """The contract of https://api.kie.ai."""

    backend: Final = Backend.KIE
    key_setting: Final = "KIE_API_KEY"
    url_setting: Final = "KIE_API_URL"
    capabilities: Final = Capabilities(
        avoid=True,
        voice=True,
        duration=True,
        duration_models=_DURATION_MODELS,
        avoid_in_prompt_max=TextLimits().prompt - len(_AVOID),
        balance=True,
        lyrics=LyricsDrafts(about_max=LYRICS_ABOUT_MAX, cost=LYRICS_COST, body=lyrics_body, read=read_lyrics),
    )
    models: Final = MODELS
    retired_models: Final = RETIRED_MODELS
    usual_takes: Final = 2
    submits_max: Final = SUBMITS_MAX
    submits_window: Final = SUBMITS_WINDOW
    submit_path: Final = "/api/v1/jobs/createTask"
    balance_path: Final[str | None] = "/api/v1/chat/credit"
    song_cost: Final[float | None] = SONG_COST

    def __init__(self, *, options: JsonObject | None = None) -> None:
        self._options = options or {}

    def body(self, request: SongRequest) -> dict[str, object]:
        """Build the JSON body of the paid POST."""
        fields: dict[str, object] = {
            "custom_mode": request.custom,
            "instrumental": request.instrumental,
            "model": request.model,
        }
        if not request.custom:
            # Only custom songs have a field for it; in a prompt it is put into words rather than dropped.
            avoid = f"{_AVOID}{request.avoid}" if request.avoid else ""
            return {"model": TASK_MODEL, "input": fields | {"prompt": request.prompt + avoid}}
        fields |= {"title": request.title, "style": request.style}
        if not request.instrumental:
            name = "lyrics" if request.model.startswith(_LYRICS_FIELD_MODELS) else "prompt"
            fields[name] = request.lyrics
            if request.voice is not None:
                fields["vocal_gender"] = {Voice.FEMALE: "f", Voice.MALE: "m"}[request.voice]
        if self.capabilities.takes_duration(request.model):
            fields["duration"] = request.duration_s or DURATION_DEFAULT_S
        avoid = ", ".join(
            text
            for text in (self._options.get("negative_tags"), request.avoid)
            if isinstance(text, str) and text
        )
        options = dict(self._options) | ({"negative_tags": avoid} if avoid else {})
        # The operator's options may set another default duration; the member's choice takes precedence.
        sets_default = "duration" in options and request.duration_s is None
        duration = {"duration": options["duration"]} if sets_default else {}
        return {"model": TASK_MODEL, "input": options | fields | duration}

    def task_path(self, task_id: TaskId) -> str:
        """Return the path that reports a task's status."""
        return f"/api/v1/jobs/recordInfo?taskId={quote(task_id, safe='')}"

    def read_submitted(
        self, status: int, body: bytes, sent: Iterable[str], retry_after_s: float | None
    ) -> wire.Submitted:
        """Read the answer to the paid POST.

        The code in the body decides, since HTTP 200 can carry any.
        """
        parsed = json_answers.parse(body)
        code = None if parsed is None else _code(parsed)
        # Only 200 is documented for success; an answer that names a task and no error counts as one, too.
        if parsed is not None and code != HTTPStatus.OK and reading.error_status(parsed) is None:
            task_id = reading.task_id(parsed) if status < HTTPStatus.MULTIPLE_CHOICES else None
            if task_id is not None:
                return wire.Accepted(task_id)
        if parsed is None or code is None:
            match status:
                case HTTPStatus.UNAUTHORIZED:
                    return wire.Rejected(FailReason.CLOSED, "HTTP 401", ClosedCause.BAD_KEY)
                case HTTPStatus.PAYMENT_REQUIRED:
                    return wire.Rejected(FailReason.CLOSED, "HTTP 402", ClosedCause.NO_CREDITS)
                case HTTPStatus.TOO_MANY_REQUESTS:
                    return wire.Busy("HTTP 429", retry_after_s)
                case _:
                    return wire.Unknown(f"HTTP {status}, no readable code")
        message = wire.message_of([parsed])
        detail = message[: wire.MESSAGE_MAX]
        if code == HTTPStatus.OK and status < HTTPStatus.MULTIPLE_CHOICES:
            task_id = reading.task_id(parsed)
            return wire.Unknown("accepted without a task id") if task_id is None else wire.Accepted(task_id)
        if code == HTTPStatus.UNAUTHORIZED:
            return wire.Rejected(FailReason.CLOSED, detail, ClosedCause.BAD_KEY)
        if code in (HTTPStatus.PAYMENT_REQUIRED, _KEY_LIMIT_CODE):
            return wire.Rejected(FailReason.CLOSED, detail, ClosedCause.NO_CREDITS)
        if code in _BUSY_CODES:
            return wire.Busy(detail, retry_after_s)
        invalid = code == HTTPStatus.INTERNAL_SERVER_ERROR and _VALIDATION_WORDS.search(message)
        if code in _REFUSED_CODES or invalid:
            moderated = wire.is_moderated(message, sent)
            return wire.Rejected(FailReason.MODERATED if moderated else FailReason.REFUSED, detail)
        return wire.Unknown(f"code {code}: {detail}" if detail else f"code {code}")

    def read_checked(self, status: int, body: bytes, origin: str) -> wire.Checked | wire.Busy:
        """Read the answer to a status query."""
        parsed = json_answers.parse(body)
        task = None if parsed is None else parsed.get("data")
        if parsed is None or not isinstance(task, Mapping) or not isinstance(task.get("state"), str):
            return wire.read_checked(status, body, origin)  # an error, "recordInfo is null", another shape
        state = str(task["state"]).strip().lower()
        takes = tuple(
            take for take in dict.fromkeys(_takes(task.get("resultJson"))) if wire.is_usable(take.url, origin)
        )
        if state in ("fail", "failed") and not takes:
            return _failed(task)
        if reading.kind_of(state) not in (reading.SUCCESS, reading.FAILED):
            return wire.Running("" if state in _RUNNING else state or "(none)")
        if not takes:
            return wire.read_checked(status, body, origin)  # an address may be elsewhere in the answer
        return wire.Done(
            tuple(dict.fromkeys(take.url for take in takes)), takes, _number(task.get("creditsConsumed"))
        )

    def read_balance(self, body: bytes) -> float | None:
        """Read the balance, a number with a fraction; negative for an overdrawn account."""
        parsed = json_answers.parse(body)
        if parsed is None or _code(parsed) != HTTPStatus.OK:
            return None
        return _finite(parsed.get("data"))


def _code(parsed: JsonObject) -> int | None:
    code = parsed.get("code")
    if isinstance(code, str) and re.fullmatch(r"[0-9]{1,4}", code):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def _failed(task: JsonObject) -> wire.Rejected:
    """Return why a task failed, from its record."""
    text = task.get("failMsg")
    text = text if isinstance(text, str) else ""
    reason = FailReason.MODERATED if wire.is_moderated(text, ()) else FailReason.UPSTREAM_FAILED
    return wire.Rejected(reason, wire.one_line(text)[: wire.MESSAGE_MAX])


def _unpacked(result: object) -> object:
    """Return the content of ``resultJson``, JSON in a string; None if invalid."""
    if not isinstance(result, str):
        return result
    try:
        return json.loads(result)
    except (ValueError, RecursionError):
        return None


def _drafts(box: object, depth: int) -> Iterator[JsonObject]:
    """Yield the objects in a container at any level, the outermost first."""
    if isinstance(box, Mapping):
        yield box
    inner = list(box.values()) if isinstance(box, Mapping) else box if isinstance(box, list) else []
    for one in inner[:TAKES_READ_MAX] if depth else ():
        yield from _drafts(one, depth - 1)


def _number(value: object) -> float | None:
    number = _finite(value)
    return None if number is None or number < 0 else number


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # JSON allows integers of any size
        return None
    return number if abs(number) < float("inf") else None


def _takes(result: object) -> Iterator[TakeDetails]:
    """Read the takes from ``resultJson``, but never their stream addresses."""
    songs = _unpacked(result)
    for name in ("data", "data", "sunoData", "resultUrls"):
        if isinstance(songs, Mapping) and songs.get(name):
            songs = songs[name]
    for song in songs[:TAKES_READ_MAX] if isinstance(songs, list) else ():
        if isinstance(song, str):
            yield TakeDetails(url=song.strip())
        elif isinstance(song, Mapping):
            url = song.get("audio_url") or song.get("audioUrl")
            if isinstance(url, str):
                yield TakeDetails(
                    url=url.strip(),
                    upstream_id=_text(song.get("id")),
                    title=_text(song.get("title")),
                    image_url=_address(song.get("image_url") or song.get("imageUrl")),
                    duration_s=_number(song.get("duration")),
                )


def _address(value: object) -> str:
    """Return a picture's address, or nothing if too long: a part would lead nowhere."""
    return value.strip() if isinstance(value, str) and len(value) <= audio_addresses.COVER_URL_MAX else ""


def _text(value: object) -> str:
    return wire.one_line(value)[: wire.MESSAGE_MAX] if isinstance(value, str) else ""
