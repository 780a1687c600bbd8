"""Serve kie.ai's jobs API on localhost, with the traps its clients have encountered.

Errors arrive with HTTP 200 and a code in the body, the result is JSON inside a string, a task is unknown
immediately after its creation, stream URLs have an empty body, and the balance has a fraction. Words in
square brackets ask for more: ``[code 433]`` for any code in the body, ``[replaced address]`` for audio that
has moved by the time it is fetched.
"""

import hashlib
import json
import re
import secrets
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from http import HTTPStatus
from typing import Literal

from aiohttp import web

from bot.sandbox.faults import FaultKind
from bot.sandbox.http_responses import Invalid, hang_up, page
from bot.sandbox.lyrics import drafts_of
from bot.sandbox.requests import (
    PROMPT_CHARACTERS_MAX,
    STYLE_AND_LYRICS_CHARACTERS_MAX,
    TITLE_CHARACTERS_MAX,
    Json,
    json_body,
    ordered_by,
    text_of,
)
from bot.sandbox.server import REQUESTS_MAX, SLOWDOWN, Sandbox
from bot.sandbox.tasks import Task

ACCEPTED_MODEL = "ai-music-api/generate"
ACCEPTED_LYRICS_MODEL = "ai-music-api/generate-lyrics"
LYRICS_PROMPT_MAX = 200
"""Maximum length of the prompt for lyrics, in characters."""
LYRICS_DELAY_MAX_S = 1.5
"""Maximum time to write lyrics, in seconds; shorter if songs are faster."""
COST_CREDITS = 12
"""Credits per task, as charged on 2026-10-05."""
LYRICS_COST_CREDITS = 0.4
"""Credits per lyrics task, as charged on 2026-10-06."""
BALANCE_CREDITS = 1_000.6
"""Credits on the account when the sandbox starts."""
MODELS = {
    "V6": (1_000, 5_000),
    "V6_MINI": (1_000, 5_000),
    "V6_WILD": (1_000, 5_000),
    **STYLE_AND_LYRICS_CHARACTERS_MAX,
}
"""Maximum length of style and lyrics for each model, in characters."""
DURATION_S = (10, 360)
"""Shortest and longest duration that may be requested."""
OPTIONS = {"negativeTags": "negative_tags", "vocalGender": "vocal_gender", "duration": "duration"}
"""kie's fields that are options of the documented contract, which knows no duration."""
STATES = {"pending": "waiting", "processing": "generating", "success": "success"}
FAILED_CODE = "501"
COVER_PIXELS = 256
"""Width and height of a cover picture."""
TITLE_WORDS = 4
"""Number of prompt words in the title of a song requested without one."""
ORDERED_CODE = re.compile(r"\[code (\d{3})\]")
"""Marker that requests a code in the answer, such as `[code 433]`."""
ORDERED_REPLACEMENT = "[replaced address]"
"""Marker that requests song addresses that are outdated when first fetched."""
MESSAGES = {
    HTTPStatus.NOT_FOUND: "Not Found",
    433: "The sub-key usage exceeds limit",
    HTTPStatus.NOT_IMPLEMENTED: "Generation Failed",
    531: "Server Generation Failed, credits refunded",
}
"""Messages of requested codes. 404 and 501 refuse one request and do not mean a closed endpoint."""
CLOSING_CODES = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, 433})
"""Codes that a closed account returns for every request, even an empty one."""
VALIDATION_AS_500 = ("This field is required", "not within the range of allowed options")
"""Validation errors that arrive with code 500, as seen on 2026-09-28."""
REFUSALS: dict[FaultKind, tuple[int, str]] = {
    FaultKind.CLOSED: (HTTPStatus.UNAUTHORIZED, "You do not have access permissions"),
    FaultKind.UNAUTHORIZED: (HTTPStatus.UNAUTHORIZED, "You do not have access permissions"),
    FaultKind.NO_CREDITS: (HTTPStatus.PAYMENT_REQUIRED, "Credits insufficient"),
    FaultKind.BUSY: (
        HTTPStatus.TOO_MANY_REQUESTS,
        "Your call frequency is too high.",
    ),
    FaultKind.MODERATED: (HTTPStatus.BAD_REQUEST, "Song Description contained sensitive words"),
}


@dataclass
class LyricsTask:
    """A task that writes lyrics."""

    id: str
    prompt: str
    kinds: frozenset[FaultKind]
    created_s: float
    queried: bool = False
    """Whether its status has been queried before."""


class KieSandbox(Sandbox):
    """The sandbox with kie's contract. Account and faults are those of the documented API."""

    key_setting = "KIE_API_KEY"
    url_setting = "KIE_API_URL"
    models = ("V6", "V6_MINI")
    accepted_models = MODELS
    credits_per_task = COST_CREDITS
    _closing: tuple[int, str] | None = None
    """The answer to the latest request if it closes the account; an empty request gets it as well."""

    @cached_property
    def lyrics_requests(self) -> list[str]:
        """Prompts of the latest requests for lyrics, refused ones included, oldest first."""
        return []

    @cached_property
    def lyrics_tasks(self) -> dict[str, LyricsTask]:
        """Tasks that write lyrics, oldest first."""
        return {}

    lyrics_created = 0
    """Tasks that have been charged for lyrics."""

    def application(self) -> web.Application:
        """Return the service as a web application."""
        app = super().application()
        app.router.add_post("/api/v1/jobs/createTask", self._create_job)
        app.router.add_get("/api/v1/jobs/recordInfo", self._record)
        app.router.add_get("/api/v1/chat/credit", self._credit)
        app.router.add_get("/cover/{id}-{take:[1-9]}.png", self._cover)
        app.router.add_get("/stream/{id}-{take:[1-9]}", self._stream)
        return app

    async def _create_job(self, request: web.Request) -> web.StreamResponse:
        if not self._admits(request):
            return _answer(*REFUSALS[FaultKind.UNAUTHORIZED])
        body = await json_body(request)
        fields = body.get("input")
        fields = fields if isinstance(fields, dict) else {}
        if not body and self._closing is not None:
            return _answer(*self._closing)
        if body.get("model") == ACCEPTED_LYRICS_MODEL:
            return self._create_lyrics(request, fields)
        kinds = self._ordered(fields)
        self._closing = None
        if refusal := _refusal(fields, kinds):
            self._closing = refusal if refusal[0] in CLOSING_CODES else None
            return _answer(*refusal)
        if FaultKind.SERVER_ERROR in kinds:
            return page()
        try:
            _validate(body, fields)
        except Invalid as error:
            as_500 = any(words in str(error) for words in VALIDATION_AS_500)
            code = HTTPStatus.INTERNAL_SERVER_ERROR if as_500 else HTTPStatus.UNPROCESSABLE_ENTITY
            return _answer(code, str(error))
        task = self._begin(as_documented(fields), kinds)
        if ORDERED_REPLACEMENT in _words(fields):
            task.outdated_polls = 1
        if FaultKind.LOST_ANSWER in kinds:
            return hang_up(request)
        return _answer(HTTPStatus.OK, "success", {"taskId": task.id, "recordId": secrets.token_hex(8)})

    def _create_lyrics(self, request: web.Request, fields: Json) -> web.StreamResponse:
        prompt = text_of(fields, "prompt")
        busy_before = {FaultKind.BUSY} if prompt in self.lyrics_requests else set()
        kinds = (ordered_by({"prompt": prompt}) - busy_before) | self._faults_for("create")
        self.lyrics_requests.append(prompt)
        del self.lyrics_requests[:-REQUESTS_MAX]
        self._closing = None
        if refusal := _refusal(fields, kinds):
            self._closing = refusal if refusal[0] in CLOSING_CODES else None
            return _answer(*refusal)
        if FaultKind.SERVER_ERROR in kinds:
            return page()
        if not 0 < len(prompt.strip()) <= LYRICS_PROMPT_MAX:
            return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, "Please enter a prompt of up to 200 characters.")
        task = LyricsTask(secrets.token_hex(12), prompt, kinds, self._clock())
        self.lyrics_tasks[task.id] = task
        self.lyrics_created += 1
        while len(self.lyrics_tasks) > self.tasks_max:
            del self.lyrics_tasks[next(iter(self.lyrics_tasks))]
        if FaultKind.LOST_ANSWER in kinds:
            return hang_up(request)
        return _answer(HTTPStatus.OK, "success", {"taskId": task.id, "recordId": secrets.token_hex(8)})

    def _lyrics_record(self, task: LyricsTask) -> web.Response:
        if not task.queried:
            task.queried = True
            return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, "recordInfo is null")
        delay_s = min(self.delay_s, LYRICS_DELAY_MAX_S) * (SLOWDOWN if FaultKind.SLOW in task.kinds else 1)
        failed = FaultKind.FAIL in task.kinds
        done = self._clock() - task.created_s >= delay_s
        state = "generating" if not done else "fail" if failed else "success"
        record: Json = {
            "taskId": task.id,
            "model": ACCEPTED_LYRICS_MODEL,
            "state": state,
            "param": json.dumps({"input": {"prompt": task.prompt}}),
            "resultJson": "",
            "failCode": FAILED_CODE if state == "fail" else "",
            "failMsg": "Generation Failed" if state == "fail" else "",
        }
        if state == "success":
            record["creditsConsumed"] = LYRICS_COST_CREDITS
            record["resultJson"] = json.dumps({"resultObject": {"lyricsData": drafts_of(task.prompt)}})
        return _answer(HTTPStatus.OK, "success", record)

    def _ordered(self, fields: Json) -> frozenset[FaultKind]:
        body = as_documented(fields)
        by_text = ordered_by(body) - ({FaultKind.BUSY} if body in self.requests else set())
        self.requests.append(body)
        del self.requests[:-REQUESTS_MAX]
        return by_text | self._faults_for("create")

    def _spoiled(self, request: web.Request, on: Literal["poll", "audio"]) -> web.StreamResponse | None:
        if on == "audio":
            return super()._spoiled(request, on)
        for kind in self._faults_for(on):
            if kind in REFUSALS:
                return _answer(*REFUSALS[kind])
            if kind is FaultKind.SERVER_ERROR:
                return page()
            if kind is FaultKind.LOST_ANSWER:
                return hang_up(request)
        return None

    async def _audio(self, request: web.Request) -> web.StreamResponse:
        if "outdated" in request.query:
            return _answer(HTTPStatus.NOT_FOUND, "The file has moved", status=HTTPStatus.NOT_FOUND)
        return await super()._audio(request)

    async def _record(self, request: web.Request) -> web.StreamResponse:
        if not self._admits(request):
            return _answer(*REFUSALS[FaultKind.UNAUTHORIZED])
        if spoiled := self._spoiled(request, "poll"):
            return spoiled
        lyrics = self.lyrics_tasks.get(request.query.get("taskId", ""))
        if lyrics is not None:
            return self._lyrics_record(lyrics)
        task = self.tasks.get(request.query.get("taskId", ""))
        if task is None or not task.queried:
            if task is not None:
                task.queried = True
            return _answer(HTTPStatus.UNPROCESSABLE_ENTITY, "recordInfo is null")
        status, error = self._status(task)
        record: Json = {
            "taskId": task.id,
            "model": ACCEPTED_MODEL,
            "state": STATES.get(status, "fail"),
            "param": json.dumps({"input": {"prompt": task.prompt, "lyrics": task.lyrics}}),
            "resultJson": "",
            "failCode": "" if status in STATES else FAILED_CODE,
            "failMsg": "" if status in STATES else error or "Generation Failed",
        }
        if status == "success":
            record["creditsConsumed"] = COST_CREDITS
            if task.empty_polls:
                task.empty_polls -= 1
            else:
                record["resultJson"] = json.dumps(self._result(request, task))
        return _answer(HTTPStatus.OK, "success", record)

    def _result(self, request: web.Request, task: Task) -> Json:
        origin = request.url.origin()
        suffix = "?outdated" if task.outdated_polls else ""
        task.outdated_polls = 0
        songs = [
            {
                "id": f"{task.id}-{take}",
                "audio_url": str(origin / "audio" / f"{task.id}-{take}.mp3") + suffix,
                "stream_audio_url": str(origin / "stream" / f"{task.id}-{take}"),
                "image_url": str(origin / "cover" / f"{task.id}-{take}.png"),
                "title": task.title or " ".join(task.words.split()[:TITLE_WORDS]).title(),
                "tags": task.prompt if task.title else "",
                "duration": task.lengths_s.get(take),
                "model_name": task.model,
            }
            for take in range(1, task.takes + 1)
        ]
        return {"code": HTTPStatus.OK, "data": songs, "task_id": task.id}

    async def _credit(self, request: web.Request) -> web.StreamResponse:
        if not self._admits(request):
            return _answer(*REFUSALS[FaultKind.UNAUTHORIZED])
        spent = COST_CREDITS * self.tasks_created + LYRICS_COST_CREDITS * self.lyrics_created
        left = max(0.0, BALANCE_CREDITS - spent)
        return _answer(HTTPStatus.OK, "success", round(left, 1))

    async def _cover(self, request: web.Request) -> web.Response:
        if request.match_info["id"] not in self.tasks:
            return _answer(HTTPStatus.NOT_FOUND, "No such picture", status=HTTPStatus.NOT_FOUND)
        return web.Response(body=cover(request.path), content_type="image/png")

    async def _stream(self, _request: web.Request) -> web.Response:
        return web.Response(content_type="audio/mpeg")  # 200 with an empty body, as seen on 2026-08-28


def cover(seed: str) -> bytes:
    """Return a PNG picture: a blend of two colours that follow from the text.

    Source: https://www.w3.org/TR/png-3, sections 5.3 and 11.2.
    """
    first, last = hashlib.sha256(seed.encode()).digest()[:3], hashlib.sha256(seed.encode()).digest()[3:6]
    rows = b"".join(
        b"\x00"
        + bytes(a + (b - a) * y // COVER_PIXELS for a, b in zip(first, last, strict=True)) * COVER_PIXELS
        for y in range(COVER_PIXELS)
    )
    header = struct.pack(">IIBBBBB", COVER_PIXELS, COVER_PIXELS, 8, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    packed = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(packed)


def _answer(code: int, message: str, data: object = None, *, status: int = HTTPStatus.OK) -> web.Response:
    return web.json_response({"code": int(code), "msg": message, "data": data}, status=status)


def _words(fields: Json) -> str:
    """Return what the member wrote, in lower case."""
    return " ".join(text_of(fields, name) for name in ("prompt", "title", "style", "lyrics")).casefold()


def _refusal(fields: Json, kinds: frozenset[FaultKind]) -> tuple[int, str] | None:
    """Return the code and the message with which this request is refused, if it is."""
    for kind, refusal in REFUSALS.items():
        if kind in kinds:
            return refusal
    if ordered := ORDERED_CODE.search(_words(fields)):
        code = int(ordered[1])
        return code, MESSAGES.get(code, f"Error {code}")
    return None


def as_documented(fields: Json) -> Json:
    """Translate a request into the field names of the documented contract."""
    lyrics = text_of(fields, "lyrics") or (text_of(fields, "prompt") if fields.get("custom_mode") else "")
    options = {name: fields[theirs] for name, theirs in OPTIONS.items() if theirs in fields}
    return {
        "provider": "kie",
        "model": text_of(fields, "model"),
        "prompt": "" if fields.get("custom_mode") else text_of(fields, "prompt"),
        "customMode": fields.get("custom_mode") is True,
        "title": text_of(fields, "title"),
        "style": text_of(fields, "style"),
        "lyrics": lyrics,
        "instrumental": fields.get("instrumental") is True,
        **({"options": options} if options else {}),
    }


def _validate(body: Json, fields: Json) -> None:
    """Check a request against kie's documentation.

    Raises:
        Invalid: A field is missing, of the wrong type or too long.
    """
    if body.get("model") != ACCEPTED_MODEL:
        raise Invalid("model", "The model is not supported")
    for name in ("custom_mode", "instrumental"):
        if not isinstance(fields.get(name), bool):
            raise Invalid(name, f"{name}: This field is required")
    model = text_of(fields, "model")
    if model not in MODELS:
        raise Invalid("model", "model is not within the range of allowed options")
    style, lyrics = MODELS[model]
    limits = {"title": TITLE_CHARACTERS_MAX, "style": style, "lyrics": lyrics}
    required = ["title", "style"] if fields["custom_mode"] else ["prompt"]
    if not fields["custom_mode"]:
        limits["prompt"] = PROMPT_CHARACTERS_MAX
    elif not fields["instrumental"]:
        required.append("lyrics" if model.startswith("V6") else "prompt")
    for name in required:
        if not text_of(fields, name).strip():
            raise Invalid(name, f"Please enter {name}.")
    for name, limit in limits.items():
        if len(text_of(fields, name)) > limit:
            raise Invalid(name, f"{name} is longer than {limit} characters")
    duration = fields.get("duration")
    if duration is not None and not (
        isinstance(duration, int) and DURATION_S[0] <= duration <= DURATION_S[1] and fields["custom_mode"]
    ):
        raise Invalid("duration", "duration is not within the range of allowed options")
