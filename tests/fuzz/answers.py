"""Random answers to the paid request and to status queries, with their only honest interpretation."""

import gzip
import json
import random
import string
from dataclasses import dataclass
from typing import Final

from bot.model import ClosedCause, FailReason, TaskId
from bot.music import encodings, wire
from bot.music.kie import Kie

KIE: Final = Kie()
ORIGIN: Final = "https://music.example:443"
MAX_BYTES: Final = 1024 * 1024

ID_NAMES: Final = ("id", "taskId", "task_id", "task-id", "TaskID")
AUDIO_NAMES: Final = (
    "audioUrls",
    "audio_urls",
    "audios",
    "songs",
    "tracks",
    "output",
    "results",
    "AudioURLs",
)
ADDRESS_NAMES: Final = ("url", "audioUrl", "audio_url", "src")
SUCCESS: Final = (
    "success",
    "SUCCESS",
    "succeeded",
    "complete",
    "Completed",
    "finished",
    "ok",
    "done",
    "Done",
)
NAMES: Final = (
    *(*ID_NAMES, *AUDIO_NAMES, *ADDRESS_NAMES),
    *("data", "task", "result", "response", "resultJson", "sunoData", "status", "state", "error", "code"),
    *("message", "msg", "success", "prompt", "detail", "streamAudioUrl", "errorMessage", "finished"),
)
ODD_TEXTS: Final = (
    *(*SUCCESS, "failed", "pending", "402", "-1", "", "²", "\ud800", "not found", "coming soon"),
    *("https://a.example/1.mp3", "http://a.example/1.mp3", "https://[", "{}", '{"id":"x"}', "[" * 50),
)
ODD_VALUES: Final = (None, True, False, 0, -1, 200, 402, 404, 1.5, 10**30, 10**400, float("inf"))
REFUSALS: Final = (
    *("no", "", "Prompt is insufficient", "The lyrics name production credits", "coming soon", "not found"),
    *("Unauthorized words", "model is not available", "The credits were refunded", "no balance of styles"),
    *("invalid key signature in the song", "server busy", "preview is not open", "maintenance"),
)
"""Messages next to a code of kie's: the code decides, whatever they say."""
MODERATED: Final = ("contains sensitive words", "an artist name is not allowed", "copyright")
INVALID: Final = ("title: This field is required", "model is not within the range of allowed options")
STATUSES: Final = (200, 200, 200, 201, 202, 301, 400, 401, 402, 403, 404, 405, 422, 429, 455, 500, 502, 503)


@dataclass(frozen=True, slots=True)
class Named:
    """An answer that clearly names one task or its audio."""

    body: bytes
    task_id: str
    urls: tuple[str, ...]


def accepted(rng: random.Random) -> Named:
    """Return an answer to the paid request in a random shape."""
    task_id = "".join(rng.choices(string.ascii_lowercase + string.digits + "-_:", k=rng.randint(6, 40)))
    value: object = int(rng.randint(10**6, 10**18)) if rng.random() < 0.2 else task_id
    name = rng.choice(ID_NAMES)
    described = {name: value, **_noise(rng)}
    shape = rng.randrange(9)
    root: object = [
        described,
        {"data": described},
        {"data": [described]},
        {"data": value},
        {"task": described},
        {"data": {"task": described}},
        {"data": json.dumps(described)},
        [described],
        {"result": {"response": described}},
    ][shape]
    if isinstance(root, dict):
        root |= _noise(rng)
    return Named(_encoded(rng, root), str(value), ())


def finished(rng: random.Random) -> Named:
    """Return an answer to a status query of a finished task in a random shape."""
    urls = tuple(
        f"https://{rng.choice(('cdn', 'files', 'a.b'))}.example/{rng.randint(0, 10**9)}-{take}{suffix}"
        for take in range(rng.randint(1, 4))
        for suffix in [rng.choice((".mp3", ".m4a", ".wav", "", ".mp3?sig=a%2Fb", ".flac"))]
    )
    shape = rng.randrange(3)
    takes: object = list(urls)
    if shape:
        takes = [_take(rng, url) for url in urls]
        if shape > 1 and len(urls) == 1 and rng.random() < 0.5:
            takes = _take(rng, urls[0])
    status = {rng.choice(("status", "state")): rng.choice(SUCCESS)}
    held: dict[str, object] = {rng.choice(AUDIO_NAMES): takes}
    nested: object = held
    for _ in range(rng.randint(0, 2)):
        key = rng.choice(("result", "response", "sunoData", "resultJson", "result_json", "data"))
        nested = {key: json.dumps(nested) if rng.random() < 0.3 else nested}
    assert isinstance(nested, dict)
    root: object = [
        {**nested, **status},
        {"data": {**nested, **status}},
        {"data": [{**nested, **status}]},
        {"task": {**nested, **status}},
        {"data": {"task": {**nested, **status}}},
        {"data": json.dumps({**nested, **status})},
        {"code": 200, "msg": "success", "data": {**nested, **status}},
    ][rng.randrange(7)]
    return Named(_encoded(rng, root), "", urls)


def _take(rng: random.Random, url: str) -> dict[str, object]:
    take: dict[str, object] = {
        "title": "Neon Rain",
        "duration": 61.5,
        "imageUrl": "https://img.example/1.jpg",
    }
    take[rng.choice(ADDRESS_NAMES)] = url
    if rng.random() < 0.4:
        take["streamAudioUrl"] = "https://stream.example.com/live"
    if rng.random() < 0.3:
        take["id"] = f"clip-{rng.randint(0, 99)}"
    items = list(take.items())
    rng.shuffle(items)
    return dict(items)


def _noise(rng: random.Random) -> dict[str, object]:
    fields: list[tuple[str, object]] = [
        ("code", 200),
        ("object", "music.generation.task"),
        ("msg", "success"),
        ("model", "V5"),
        ("created_at", 1_764_000_000),
        ("extra", {"deep": [1, None, {"x": []}]}),
        ("message", ""),
        ("error", None),
    ]
    return dict(rng.sample(fields, rng.randint(0, 4)))


def _encoded(rng: random.Random, root: object) -> bytes:
    body = json.dumps(root, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1))).encode()
    how = rng.randrange(10)
    if how == 0:
        return b"\xef\xbb\xbf" + body
    if how == 1:
        return gzip.compress(body)
    return body


def odd(rng: random.Random) -> bytes:
    """Return an arbitrary answer."""
    how = rng.randrange(8)
    if how == 0:
        return rng.randbytes(rng.randint(0, 300))
    body = json.dumps(_value(rng, 0)).encode()
    if how == 1:
        return body[: rng.randint(0, len(body))]
    if how == 2:
        at = rng.randint(0, len(body))
        return body[:at] + rng.randbytes(rng.randint(1, 8)) + body[at:]
    if how == 3:
        return gzip.compress(body)[: rng.randint(2, 300)]
    return body


def _value(rng: random.Random, depth: int) -> object:
    kind = rng.randrange(10 if depth < 5 else 7)
    if kind < 3:
        return rng.choice(ODD_TEXTS)
    if kind < 7:
        return rng.choice(ODD_VALUES)
    if kind == 7:
        return [_value(rng, depth + 1) for _ in range(rng.randint(0, 4))]
    return {rng.choice(NAMES): _value(rng, depth + 1) for _ in range(rng.randint(0, 6))}


def examine(seed: int) -> list[str]:
    """Feed one answer of each kind to each reader; return the errors."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, no secret
    problems: list[str] = []
    named = accepted(rng)
    submitted = wire.read_submitted(rng.choice((200, 201, 202)), _decoded(named.body), (), None)
    if submitted != wire.Accepted(TaskId(named.task_id)):
        problems.append(f"seed {seed}: {named.task_id!r} read as {submitted} from {named.body[:300]!r}")
    submitted = KIE.read_submitted(200, _decoded(named.body), (), None)
    if submitted != wire.Accepted(TaskId(named.task_id)):
        problems.append(f"seed {seed}: kie: {named.task_id!r} read as {submitted} from {named.body[:300]!r}")
    named = finished(rng)
    checked = wire.read_checked(200, _decoded(named.body), ORIGIN)
    if checked != wire.Done(named.urls):
        problems.append(f"seed {seed}: {named.urls} read as {checked} from {named.body[:600]!r}")
    checked = KIE.read_checked(200, _decoded(named.body), ORIGIN)
    if checked != wire.Done(named.urls):
        problems.append(f"seed {seed}: kie: {named.urls} read as {checked} from {named.body[:600]!r}")
    for _ in range(3):
        body, status = odd(rng), rng.choice(STATUSES)
        decoded = _decoded(body)
        after_post = wire.read_submitted(status, decoded, ("la la", "coming soon"), None)
        if isinstance(after_post, wire.Accepted) and not 200 <= status < 300:
            problems.append(f"seed {seed}: accepted under HTTP {status}: {body[:300]!r}")
        wire.read_checked(status, decoded, ORIGIN)
        after_post = KIE.read_submitted(status, decoded, ("la la", "coming soon"), None)
        if isinstance(after_post, wire.Accepted) and not 200 <= status < 300:
            problems.append(f"seed {seed}: kie: accepted under HTTP {status}: {body[:300]!r}")
        KIE.read_checked(status, decoded, ORIGIN)
    return problems


def examine_kie(seed: int) -> list[str]:
    """Feed answers in kie's form, and odd ones, to kie's readers; return the errors."""
    rng = random.Random(seed)  # noqa: S311 - reproducible, no secret
    contract, problems = Kie(), []
    task = f"{rng.getrandbits(48):012x}"
    body = json.dumps({"code": 200, "msg": "success", "data": {"taskId": task}}).encode()
    submitted = contract.read_submitted(200, body, (), None)
    if submitted != wire.Accepted(TaskId(task)):
        problems.append(f"seed {seed}: {task} read as {submitted}")
    urls = tuple(f"https://{seed}.example/{take}.mp3" for take in range(rng.randint(1, 3)))
    songs: list[dict[str, object]] = [
        {rng.choice(("audio_url", "audioUrl")): url, "id": _value(rng, 4), "duration": _value(rng, 4)}
        | {"stream_audio_url": "https://s.example/x", "title": _value(rng, 4), "image_url": _value(rng, 4)}
        for url in urls
    ]
    shapes: list[dict[str, object]] = [
        {"data": songs},
        {"data": {"sunoData": songs}},
        {"data": {"data": songs}},
    ]
    shapes = [rng.choice(shapes) | {"code": 200}, {"resultUrls": list(urls)}]
    result = rng.choice(shapes)
    record: dict[str, object] = {"taskId": task, "state": "success", "resultJson": json.dumps(result)}
    record |= {"creditsConsumed": _value(rng, 4), "failCode": _value(rng, 4), "failMsg": ""}
    body = json.dumps({"code": 200, "msg": "success", "data": record}).encode()
    checked = contract.read_checked(200, body, ORIGIN)
    if not isinstance(checked, wire.Done) or checked.urls != urls:
        problems.append(f"seed {seed}: {urls} read as {checked} from {body[:600]!r}")
    problems += [f"seed {seed}: {problem}" for problem in _misread_codes(rng)]
    for _ in range(3):
        decoded, status = _decoded(odd(rng)), rng.choice(STATUSES)
        contract.read_submitted(status, decoded, ("la la", "coming soon"), None)
        contract.read_checked(status, decoded, ORIGIN)
        contract.read_balance(decoded)
        odd_record = json.dumps({"code": 200, "data": {"state": "success", "resultJson": _value(rng, 0)}})
        contract.read_checked(status, odd_record.encode(), ORIGIN)
        contract.read_balance(json.dumps({"code": 200, "data": _value(rng, 4)}).encode())
    return problems


def _misread_codes(rng: random.Random) -> list[str]:
    """Answer with the codes whose meaning at kie differs; return the misread ones."""
    problems: list[str] = []
    for code in (404, 501, 433, 500):
        words = rng.choice(rng.choice((REFUSALS, REFUSALS, MODERATED, INVALID)))
        root: dict[str, object] = {
            "code": rng.choice((code, str(code))),
            "msg": words,
            "data": rng.choice((None, {}, [], "")),
        }
        body = _encoded(rng, dict(rng.sample(list(root.items()), 3)))
        submitted = KIE.read_submitted(rng.choice((200, 200, code)), _decoded(body), ("la la",), None)
        if submitted != (expected := _meant(code, words)):
            problems.append(f"code {code}, {words!r} read as {submitted}, not as {expected}")
        checked = KIE.read_checked(200, _decoded(body), ORIGIN)
        kind = wire.NotFound if code == 404 or (words == "not found" and code == 433) else wire.Busy
        if type(checked) is not kind:
            problems.append(f"query: code {code}, {words!r} read as {checked}")
        record: dict[str, object] = {
            "taskId": "281e",
            "state": rng.choice(("fail", "failed")),
            "failMsg": words,
        }
        record |= {"failCode": rng.choice((code, str(code))), "resultJson": rng.choice(("", None, "{}"))}
        body = _encoded(rng, {"code": 200, "msg": "success", "data": record})
        reason = FailReason.MODERATED if words in MODERATED else FailReason.UPSTREAM_FAILED
        if (failed := KIE.read_checked(200, _decoded(body), ORIGIN)) != wire.Rejected(reason, words):
            problems.append(f"failCode {code}, {words!r} read as {failed}")
    return problems


def _meant(code: int, words: str) -> wire.Submitted:
    """Return the meaning of one of these codes for the paid request."""
    if code == 433:
        return wire.Rejected(FailReason.CLOSED, words, ClosedCause.NO_CREDITS)
    if code == 500 and words not in INVALID:
        return wire.Unknown(f"code 500: {words}" if words else "code 500")
    reason = FailReason.MODERATED if words in MODERATED else FailReason.REFUSED
    return wire.Rejected(reason, words)


def _decoded(body: bytes) -> bytes:
    return encodings.decode(body, "", MAX_BYTES)
