"""A tolerant reader of the service's JSON: whatever plainly names a task or its audio is understood.

A paid song must not be lost because a field was spelled or nested in another way. Everything here is bounded
in depth and in number, since the answer comes from outside and is read on the event loop.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import islice
from typing import Final, TypeAlias
from urllib.parse import urlsplit

JsonObject: TypeAlias = Mapping[str, object]

TASK_ID_MAX: Final = 200
"""Maximum length of a task id in characters."""
DEPTH_MAX: Final = 8
"""Maximum nesting at which anything is looked for."""
NODES_MAX: Final = 20_000
"""Maximum number of values of one answer that are looked at."""
FIELDS_MAX: Final = 200
"""Maximum number of fields of one object that are looked at."""
PLACES_MAX: Final = 64
"""Maximum number of objects that are considered as descriptions of the task."""
URLS_MAX: Final = 64
"""Maximum number of addresses that are returned; a song has at most a few takes."""
COVER_URL_MAX: Final = 2_048
"""Maximum length of the address of a picture, in characters."""
COVERS_MAX: Final = 8
"""Maximum number of addresses of pictures that are returned."""
CANDIDATES_MAX: Final = 1_000
"""Maximum number of addresses that are checked."""
URL_MAX: Final = 100_000
"""Maximum length of an address in characters."""
TEXT_MAX: Final = 100_000
"""Maximum length of a text that is searched for addresses, in characters."""
DIGITS_MAX: Final = 200
"""Maximum length of a number that is read as one; Python refuses those of more than 4,300 digits."""
STRINGS_MAX: Final = 3
"""Maximum number of strings around an answer, each JSON in the next one."""
EXACT_MAX: Final = 2**53
"""Bound below which every integer is exact as a floating point number."""
TEXT_JSON_MAX: Final = 16
"""Maximum number of strings in an answer that are read as JSON."""

SOME_ERROR: Final = 0
"""Stands for the status of a body that reports an error without saying which."""

RUNNING: Final = frozenset(
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
        "inprogress",
        "streaming",
        "text_success",
        "first_success",
    ]
)
SUCCESS: Final = frozenset(
    [
        "success",
        "succeed",
        "succeeded",
        "successful",
        "complete",
        "completed",
        "all_success",
        "finish",
        "finished",
        "done",
        "ok",
    ]
)
FAILED: Final = frozenset(
    ["failed", "fail", "failure", "error", "timeout", "expired", "sensitive_word_error"]
)
CANCELED: Final = frozenset(["canceled", "cancelled"])

# Names of fields are compared in lower case and without separators: audioUrls, audio_urls, AudioURLs.
_ID_NAMES: Final = ("taskid", "id")
_OTHER_ID_NAMES: Final = ("taskid", "jobid", "generationid", "uuid", "id")
_BARE_ID_NAMES: Final = ("taskids", "ids", "data", "task", "result")
"""Fields that may hold an id alone or in a list of one."""
_STATUS_NAMES: Final = ("status", "state", "taskstatus")
_FLAG_NAMES: Final = ("finished", "done", "completed", "isfinished", "isdone")
_MESSAGE_NAMES: Final = ("errormessage", "failreason", "message", "msg", "detail", "reason")
_TASK_PLACES: Final = (("data", "task"), ("data",), ("task",), ())
"""Paths to the object that describes the task, the surest first."""
_NESTS: Final = ("data", "task", "result", "response", "output", "results", "resultjson")
_AUDIO_NAMES: Final = (
    *("audiourls", "audiourl", "audios", "audio", "songs", "song", "tracks", "track", "clips", "sunodata"),
    *("output", "outputs", "results", "resulturls", "mp3urls", "files", "urls"),
)
"""Fields for audio: an address, the description of a take, or a list of these; the surest first."""
_ADDRESS_NAMES: Final = (
    *("url", "src", "downloadurl", "sourceaudiourl", "mp3url", "fileurl", "cdnurl", "mediaurl"),
    *("mp3", "file", "link", "href"),
)
"""Fields for the address of a take, which are used for other things elsewhere."""
_COVER_NAMES: Final = frozenset(
    [
        *("imageurls", "imageurl", "images", "image", "imagelargeurl", "coverurls", "coverurl", "cover"),
        *("coverimageurl", "coverimage", "albumart", "artworkurl", "artwork"),
    ]
)
"""Fields for the picture of a take, or of the song."""
_STREAM_NAMES: Final = ("streamaudiourl", "audiostreamurl", "streamurl", "stream", "sourcestreamaudiourl")
_NOT_TASK: Final = frozenset(
    [
        *("error", "errors", "request", "input", "params", "param", "parameters", "meta", "metadata", "user"),
        *("id", "taskid", "account", "options", "model", "usage"),
    ]
)
"""Fields whose content has ids and states that are not the task's."""
_TYPED: Final = frozenset(
    [
        *("prompt", "gptdescriptionprompt", "lyrics", "lyric", "title", "style", "tags", "negativetags"),
        *("request", "input", "params", "param", "parameters", "options", "error", "errors", "errormessage"),
        *("callbackurl", "webhook", "webhookurl", "notifyhook", "uploadurl"),
    ]
)
"""Fields that hold what was sent to the service, or an error: an address in them is not the song's."""

_AUDIO_SUFFIXES: Final = (
    *(".mp3", ".m4a", ".wav", ".flac", ".ogg", ".oga", ".opus", ".aac", ".aif", ".aiff", ".weba", ".mp4a"),
    *(".wave", ".mp2", ".m4b", ".caf"),
)
_OTHER_SUFFIXES: Final = (
    *(".jpg", ".jpeg", ".png", ".webp", ".gif", ".svg", ".avif", ".bmp", ".json", ".txt", ".lrc", ".srt"),
    *(".vtt", ".html", ".htm", ".xml", ".pdf", ".mp4", ".mov", ".zip", ".mid", ".midi"),
)
_URL: Final = re.compile(r"https://(?:(?!https://)[^\s\"'<>\\]){1,2000}", re.IGNORECASE)
_PUNCTUATION: Final = ".,;:!?)]}*_|"
"""Characters that end a sentence or a link in a text, rather than an address."""
_GUARD: Final = re.compile(
    r"[\s\ufeff]*(?:\)\]\}'?,?|while\s*\(1\);|for\s*\(;;\);|(?:event:[^\n]*\n)?data:|[\w.$]{1,64}\((?=\s*[{\[]))?\s*"
)
"""Text before JSON: space, guards against scripts, the beginning of a server-sent event or of a call."""
_BARE_ID: Final = re.compile(r"[^\s<>{}\[\]\"]+")
_NO_IDS: Final = (
    RUNNING | SUCCESS | FAILED | CANCELED | frozenset(["null", "none", "undefined", "true", "false", "nil"])
)


# -- the answer


def parse(body: bytes) -> JsonObject | None:
    """Parse an answer; one that is a list, or JSON in a string, is read as its content.

    None stands for everything that cannot describe a task.
    """
    root = _loads(body)
    for _ in range(STRINGS_MAX):
        if not isinstance(root, str):
            break
        root = _loads(root)
    if isinstance(root, list) and any(isinstance(item, dict) for item in root[:PLACES_MAX]):
        return {"data": root}
    return root if isinstance(root, dict) else None


def _loads(text: str | bytes) -> object:
    try:
        if isinstance(text, bytes):
            text = _decoded(text)
        content = _GUARD.sub("", text, count=1)
        # Whatever follows the first value is not looked at: another one, padding, or the end of a call.
        return _DECODER.raw_decode(content)[0]
    except (ValueError, RecursionError):
        return None


def _decoded(text: bytes) -> str:
    """Decode JSON; text in an encoding that JSON does not have is damaged alone, and the rest is read."""
    encoding = json.detect_encoding(text)
    try:
        return text.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        return text.decode(encoding, "replace")


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS_MAX else digits


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Return an object; of a field that is there twice, the last value that is not empty."""
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name not in fields or value not in (None, "", [], {}):
            fields[name] = value
    return fields


_DECODER: Final = json.JSONDecoder(strict=False, parse_int=_integer, object_pairs_hook=_object)


def _plain(name: str) -> str:
    """Return a field's name as it is compared."""
    return name.replace("_", "").replace("-", "").lower() if len(name) < DIGITS_MAX else ""


def _fields(place: JsonObject) -> dict[str, object]:
    """Return the fields of an object by their compared names; of two spellings, the one with a value."""
    fields: dict[str, object] = {}
    for key, value in islice(place.items(), FIELDS_MAX):
        name = _plain(key)
        if not fields.get(name):
            fields[name] = value
    return fields


def _get(place: JsonObject, *names: str) -> Iterator[object]:
    """Yield the values of these fields, in the order of ``names`` and in any spelling."""
    fields = _fields(place)
    return (fields[name] for name in names if name in fields)


@dataclass(slots=True)
class _Budget:
    """The remaining budget for reading one answer."""

    nodes: int = NODES_MAX
    texts: dict[str, object] = field(default_factory=dict)
    """JSON in strings that was parsed already."""

    def unwrap(self, value: object) -> object:
        """Return the content of JSON in a string."""
        if not isinstance(value, str) or value[:1] not in ("{", "[") or value[-1:] not in ("}", "]"):
            return value
        if value not in self.texts:
            if len(self.texts) >= TEXT_JSON_MAX:
                return value
            self.texts[value] = _loads(value)
        content = self.texts[value]
        return value if content is None else content

    def take(self) -> bool:
        self.nodes -= 1
        return self.nodes >= 0


def _as_object(value: object, budget: _Budget) -> JsonObject | None:
    """Return the value as an object, out of a list of one or a string if need be."""
    value = budget.unwrap(value)
    if isinstance(value, list) and len(value) == 1:
        value = budget.unwrap(value[0])
    return value if isinstance(value, dict) else None


def places(root: JsonObject) -> list[JsonObject]:
    """Return the objects that may describe the task, the surest first."""
    return _places(root, _Budget())


def _places(root: JsonObject, budget: _Budget) -> list[JsonObject]:
    ordered: list[JsonObject] = []
    fields_of: dict[int, dict[str, object]] = {}

    def inner(place: JsonObject, name: str) -> JsonObject | None:
        # By identity: all places are held by the answer or by the budget meanwhile.
        if (fields := fields_of.get(id(place))) is None:
            fields = fields_of[id(place)] = _fields(place)
        return _as_object(fields[name], budget) if name in fields else None

    for path in _TASK_PLACES:
        place: JsonObject | None = root
        for name in path:
            place = None if place is None else inner(place, name)
        if place is not None:
            ordered.append(place)
    level = [place for place in ordered if place is not root] + [root]
    for _ in range(DEPTH_MAX):
        below = [place for outer in level for name in _NESTS if (place := inner(outer, name)) is not None][
            :PLACES_MAX
        ]
        level = [place for place in below if not any(place is known for known in ordered)]
        ordered += level
        if not level or len(ordered) > PLACES_MAX:
            break
    return ordered


# -- the task's id


def task_id(root: JsonObject) -> str | None:
    """Return the id of the task that the answer is about, if it plainly names one."""
    budget = _Budget()
    for place in _places(root, budget):
        for value in _get(place, *_ID_NAMES):
            if (usable := _usable_id(value)) is not None:
                return usable
    ids: dict[str, set[str]] = {name: set() for name in _OTHER_ID_NAMES}
    for name, value in _anywhere(root, budget):
        if name in ids and (usable := _usable_id(value)) is not None:
            ids[name].add(usable)
    return next((next(iter(found)) for found in ids.values() if len(found) == 1), None) or _bare_id(root)


def _bare_id(root: JsonObject) -> str | None:
    """Return the id in {"code": "success", "data": "<id>"}, where nothing reports an error."""
    if error_status(root) is not None:
        return None
    data = next(_get(root, "data"), None)
    holders = [root, data] if isinstance(data, dict) else [root]
    for value in [value for holder in holders for value in _get(holder, *_BARE_ID_NAMES)]:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]  # noqa: PLW2901 - the value itself, out of its list
        usable = _usable_id(value)
        if usable is not None and _BARE_ID.fullmatch(usable) and usable.lower() not in _NO_IDS:
            return usable
    return None


def _usable_id(value: object) -> str | None:
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_MAX:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    value = value.strip(" ") if isinstance(value, str) else value
    if not isinstance(value, str) or len(value) > TASK_ID_MAX or not value.isprintable():
        return None
    return value if value.strip(" .") else None  # dots alone would be folded away from a path


def _anywhere(root: JsonObject, budget: _Budget) -> Iterator[tuple[str, object]]:
    """Yield the fields at any depth, apart from those that are not about the task."""
    stack: list[tuple[object, int]] = [(root, 0)]
    while stack:
        value, depth = stack.pop()
        value = budget.unwrap(value)
        if depth > DEPTH_MAX or not budget.take():
            continue
        if isinstance(value, dict):
            for key, inner in islice(value.items(), FIELDS_MAX):
                name = _plain(key)
                yield name, inner
                if name not in _NOT_TASK:
                    stack.append((inner, depth + 1))
        elif isinstance(value, list):
            stack += [(inner, depth + 1) for inner in value[:PLACES_MAX] if isinstance(inner, dict | list)]


# -- its status


def status_word(root: JsonObject) -> tuple[str, bool]:
    """Return the status of the task in lower case, and whether it is the task's own.

    It is not if it stands at the top of an answer that has a place for the task: there it may be that of the
    query.
    """
    ordered = places(root)
    for place in ordered:
        if place is not root and (word := _word(place)):
            return word, True
    if word := _word_of_takes(ordered):
        return word, True
    return _word(root), len(ordered) == 1


def plain_word(root: JsonObject) -> str:
    """Return the status of the task in lower case, if it stands where the documentation has it.

    A success is read in any shape. A failure ends a paid task, so it is believed only where no list and no
    JSON in a string is on the way.
    """
    for path in (*_TASK_PLACES[:-1], ("result",), ("response",), ()):
        place: object = root
        for name in path:
            place = next(_get(place, name), None) if isinstance(place, dict) else None
        if isinstance(place, dict) and (word := _word(place)):
            return word
    return ""


def _word(place: JsonObject) -> str:
    for value in _get(place, *_STATUS_NAMES):
        if isinstance(value, str) and value.strip():
            return value.strip().lower()
    if any(value is True for value in _get(place, *_FLAG_NAMES)):
        return "finished"
    return ""


def _word_of_takes(ordered: list[JsonObject]) -> str:
    """Return the status of a list of takes: that of the one which is furthest behind."""
    for place in ordered:
        for takes in _get(place, *_NESTS, *_AUDIO_NAMES):
            if not isinstance(takes, list):
                continue
            words = [word for take in takes[:PLACES_MAX] if isinstance(take, dict) and (word := _word(take))]
            finished = [word for word in words if kind_of(word) is SUCCESS]
            behind = [word for word in words if kind_of(word) in (RUNNING, None)]
            if words:
                return (behind or finished or words)[0]
    return ""


def kind_of(word: str) -> frozenset[str] | None:
    """Return which of RUNNING, SUCCESS, FAILED and CANCELED a status means, or None."""
    word = re.sub(r"[\s-]+", "_", word).removeprefix("task_").removeprefix("status_")
    if word.endswith("_failed"):
        return FAILED
    return next((kind for kind in (RUNNING, SUCCESS, FAILED, CANCELED) if word in kind), None)


def has_status(root: JsonObject) -> bool:
    """Return whether any part of the answer has a field for a status."""
    names = {*_STATUS_NAMES, *_FLAG_NAMES}
    return any(name in names for name, _ in _anywhere(root, _Budget()))


def error_status(root: JsonObject) -> int | None:
    """Return the error in a body under a good status: {"code": 402, …}, {"success": false}, …."""
    code = root.get("code")
    if isinstance(code, str) and re.fullmatch(r"-?[0-9]{1,9}", code):
        code = int(code)
    if not isinstance(code, int) or isinstance(code, bool):
        code = 0
    if code >= HTTPStatus.MULTIPLE_CHOICES:
        return code
    good = code == 0 or code >= HTTPStatus.OK
    if good and root.get("success") is not False and not root.get("error"):
        return None
    return SOME_ERROR


def error_codes(root: JsonObject) -> set[str]:
    """Return the codes by which the service names an error, in lower case: "insufficient_quota"."""
    error = next(_get(root, "error"), None)
    holders = [root, error] if isinstance(error, dict) else [root]
    values = [value for holder in holders for value in _get(holder, "code", "type", "errorcode")]
    return {value.strip().lower() for value in values if isinstance(value, str)}


def messages(places: Iterable[JsonObject]) -> Iterator[str]:
    """Yield the texts in which the service says what went wrong, the surest first."""
    described = [_fields(place) for place in places]
    for fields in described:
        for value in (fields.get("error"), fields.get("errors")):
            yield from _texts(value)
    for fields in reversed(described):
        for name in _MESSAGE_NAMES:
            yield from _texts(fields.get(name))


def _texts(value: object) -> Iterator[str]:
    """Yield the text of a message: itself, in an object, or in the first object of a list."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict):
        value = next((text for text in _get(value, "message", "msg", "detail") if isinstance(text, str)), "")
    if isinstance(value, str) and value.strip():
        yield value


# -- its audio


def audio_urls(root: JsonObject, usable: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the usable addresses in fields for audio, each once, in their order.

    An address that streams a song while it is still being made is returned only if there is no other.
    """
    budget, addresses = _Budget(), _Addresses(usable)
    for place in _places(root, budget):
        _collect_object(place, addresses, budget, depth=0, audio=False)
        if addresses.final:
            break  # other places repeat the same takes
    for urls in (addresses.final, addresses.unsure, addresses.streams):
        if urls:
            return tuple(urls)[:URLS_MAX]
    return ()


def any_urls(root: JsonObject, usable: Callable[[str], bool]) -> tuple[str, ...]:
    """Return all usable addresses in the answer whose path ends like an audio file's: the last resort."""
    budget, addresses = _Budget(), _Addresses(usable)
    stack: list[tuple[object, int]] = [(root, 0)]
    while stack and budget.take() and not addresses.full:
        value, depth = stack.pop()
        value = budget.unwrap(value)
        if isinstance(value, str):
            for url in _urls_in(value[:TEXT_MAX]):
                if _suffix(url) in _AUDIO_SUFFIXES:
                    addresses.add(url)
        elif depth > DEPTH_MAX:
            continue
        elif isinstance(value, dict):
            fields = [one for key, one in islice(value.items(), FIELDS_MAX) if _plain(key) not in _TYPED]
            stack += [(one, depth + 1) for one in reversed(fields)]
        elif isinstance(value, list):
            stack += [(one, depth + 1) for one in reversed(value[:CANDIDATES_MAX])]
    return tuple(addresses.final or addresses.streams)[:URLS_MAX]


def _urls_in(text: str) -> Iterator[str]:
    """Yield the addresses in a text, whose slashes may still be escaped."""
    for url in _URL.findall(text.replace("\\/", "/")):
        yield url.rstrip(_PUNCTUATION)


def cover_urls(root: JsonObject, usable: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the usable addresses in fields for cover pictures, each once, in their order."""
    budget, urls = _Budget(), dict[str, None]()
    stack: list[tuple[object, int, bool]] = [(root, 0, False)]
    while stack and budget.take() and len(urls) < COVERS_MAX:
        value, depth, cover = stack.pop()
        value = budget.unwrap(value)
        if isinstance(value, str):
            if cover and len(value) <= COVER_URL_MAX and usable(value.strip()):
                urls[value.strip()] = None
        elif depth > DEPTH_MAX:
            continue
        elif isinstance(value, dict):
            fields = {name: one for name, one in _fields(value).items() if name not in _TYPED}
            nested = [
                (one, depth + 1, name in _COVER_NAMES or (cover and name in _ADDRESS_NAMES))
                for name, one in fields.items()
            ]
            stack += reversed(nested)
        elif isinstance(value, list):
            stack += [(one, depth + 1, cover) for one in reversed(value[:CANDIDATES_MAX])]
    return tuple(urls)


@dataclass(slots=True)
class _Addresses:
    """Usable addresses in the order in which they were met, each once, by how sure they are."""

    usable: Callable[[str], bool]
    final: dict[str, None] = field(default_factory=dict)
    unsure: dict[str, None] = field(default_factory=dict)
    """Addresses that may be of something else, for example of the task itself."""
    streams: dict[str, None] = field(default_factory=dict)
    candidates: int = 0

    @property
    def full(self) -> bool:
        return len(self.final) >= URLS_MAX or self.candidates >= CANDIDATES_MAX

    def add(self, url: str, *, stream: bool = False, unsure: bool = False) -> bool:
        """Add an address; return whether it can be used."""
        url = url.strip()
        if self.full or len(url) > URL_MAX:
            return False
        self.candidates += 1
        if not self.usable(url):
            return False
        kind = self.streams if stream or _is_stream(url) else self.unsure if unsure else self.final
        kind[url] = None
        return kind is self.final


def _collect(value: object, addresses: _Addresses, budget: _Budget, *, depth: int) -> bool:
    """Collect the addresses in the value of a field for audio; return whether a final one was there."""
    if depth > DEPTH_MAX or addresses.full or not budget.take():
        return False
    value = budget.unwrap(value)
    if isinstance(value, str):
        several = value.lower().count("https:") > 1
        urls = list(_urls_in(value[:TEXT_MAX])) if several else [value.replace("\\/", "/")]
        hits = [_suffix(url) not in _OTHER_SUFFIXES and addresses.add(url) for url in urls]
        return any(hits)
    if isinstance(value, list):
        hits = [_collect(item, addresses, budget, depth=depth + 1) for item in value[:CANDIDATES_MAX]]
        return any(hits)
    if isinstance(value, dict):
        return _collect_object(value, addresses, budget, depth=depth + 1, audio=True)
    return False


def _collect_object(
    place: JsonObject, addresses: _Addresses, budget: _Budget, *, depth: int, audio: bool
) -> bool:
    """Collect the addresses in an object: those in the surest of its fields, and any streams.

    ``audio`` tells that the object is in a field for audio, so that its "url" is the address of a take.
    """
    fields = _fields(place)
    for name in _STREAM_NAMES:
        if isinstance(url := fields.get(name), str) and addresses.add(url, stream=True):
            break
    for name in (*_AUDIO_NAMES, *_ADDRESS_NAMES, *_NESTS):
        value = fields.get(name)
        if name in _ADDRESS_NAMES and isinstance(value, str):
            unsure = not audio and name != "sourceaudiourl" and _suffix(value) not in _AUDIO_SUFFIXES
            if _suffix(value) not in _OTHER_SUFFIXES and addresses.add(value, unsure=unsure):
                return True
        elif value and _collect(value, addresses, budget, depth=depth):
            return True
    return False


def _suffix(url: str) -> str:
    try:
        name = urlsplit(url.strip()[:URL_MAX]).path.rpartition("/")[2]
    except ValueError:
        return ""
    return "." + name.rpartition(".")[2].lower() if "." in name else ""


def _is_stream(url: str) -> bool:
    """Return whether a label of the host or a folder of the address begins with "stream"."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    labels = (parts.hostname or "").split(".")[:-2] + parts.path.lower().split("/")[:-1]
    return any(label.startswith("stream") for label in labels)
