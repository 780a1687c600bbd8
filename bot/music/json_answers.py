"""A tolerant reader of the service's JSON: the objects that may describe a task, and their fields.

Everything here is bounded in depth and in number, since the answer comes from outside and is read on the
event loop.
"""

import json
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Final, TypeAlias

from msgspec import Struct, field

from bot.lazy import lazy_pattern

JsonObject: TypeAlias = Mapping[str, object]

DEPTH_MAX: Final = 8
"""Maximum nesting depth that is searched."""
NODES_MAX: Final = 20_000
"""Maximum number of values examined per answer."""
FIELDS_MAX: Final = 200
"""Maximum number of fields examined per object."""
PLACES_MAX: Final = 64
"""Maximum number of objects considered as descriptions of the task."""
DIGITS_MAX: Final = 200
"""Maximum digits of a number that is parsed as one; Python refuses those of more than 4,300 digits."""
STRINGS_MAX: Final = 3
"""Maximum number of nested JSON strings around an answer."""
TEXT_JSON_MAX: Final = 16
"""Maximum number of strings in an answer that are parsed as JSON."""

# Names of fields are compared in lower case and without separators: audioUrls, audio_urls, AudioURLs.
TASK_PLACES: Final = (("data", "task"), ("data",), ("task",), ())
"""Paths to the object that describes the task, the most reliable first."""
NESTS: Final = ("data", "task", "result", "response", "output", "results", "resultjson")
_NOT_TASK: Final = frozenset(
    [
        *("error", "errors", "request", "input", "params", "param", "parameters", "meta", "metadata", "user"),
        *("id", "taskid", "account", "options", "model", "usage"),
    ]
)
"""Fields whose ids and states are not the task's."""
_GUARD: Final = lazy_pattern(
    r"[\s\ufeff]*(?:\)\]\}'?,?|while\s*\(1\);|for\s*\(;;\);|(?:event:[^\n]*\n)?data:|[\w.$]{1,64}\((?=\s*[{\[]))?\s*"
)
"""Text before JSON: space, guards against scripts, the start of a server-sent event or a function call."""


def parse(body: bytes) -> JsonObject | None:
    """Parse an answer; a list, or JSON in a string, is read as its content.

    Returns None for anything that cannot describe a task.
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
        decoder = json.JSONDecoder(strict=False, parse_int=_integer, object_pairs_hook=_object)
        # Anything after the first value is ignored: another one, padding, or the end of a function call.
        return decoder.raw_decode(content)[0]
    except (ValueError, RecursionError):
        return None


def _decoded(text: bytes) -> str:
    """Decode JSON; bytes in an encoding that JSON does not have are replaced."""
    encoding = json.detect_encoding(text)
    try:
        return text.decode(encoding, "surrogatepass")
    except UnicodeDecodeError:
        return text.decode(encoding, "replace")


def _integer(digits: str) -> int | str:
    return int(digits) if len(digits) <= DIGITS_MAX else digits


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """Build an object; the last non-empty value of a repeated field counts."""
    fields: dict[str, object] = {}
    for name, value in pairs:
        if name not in fields or value not in (None, "", [], {}):
            fields[name] = value
    return fields


def plain_name(name: str) -> str:
    """Return a field's name in the form used for comparison."""
    return name.replace("_", "").replace("-", "").lower() if len(name) < DIGITS_MAX else ""


def fields_of(place: JsonObject) -> dict[str, object]:
    """Return an object's fields by plain name; of two spellings, one with a value."""
    fields: dict[str, object] = {}
    for key, value in islice(place.items(), FIELDS_MAX):
        name = plain_name(key)
        if not fields.get(name):
            fields[name] = value
    return fields


def values_of(place: JsonObject, *names: str) -> Iterator[object]:
    """Yield the values of these fields in any spelling, in the order of ``names``."""
    fields = fields_of(place)
    return (fields[name] for name in names if name in fields)


class Budget(Struct):
    """The remaining budget for reading one answer."""

    nodes: int = NODES_MAX
    texts: dict[str, object] = field(default_factory=dict)
    """Contents of JSON strings already parsed."""

    def unwrap(self, value: object) -> object:
        """Return the content of a JSON string, or any other value as it is."""
        if not isinstance(value, str) or value[:1] not in ("{", "[") or value[-1:] not in ("}", "]"):
            return value
        if value not in self.texts:
            if len(self.texts) >= TEXT_JSON_MAX:
                return value
            self.texts[value] = _loads(value)
        content = self.texts[value]
        return value if content is None else content

    def take(self) -> bool:
        """Return whether one more value may be examined."""
        self.nodes -= 1
        return self.nodes >= 0


def _as_object(value: object, budget: Budget) -> JsonObject | None:
    """Return the value as an object, unwrapped from a list of one or from a string."""
    value = budget.unwrap(value)
    if isinstance(value, list) and len(value) == 1:
        value = budget.unwrap(value[0])
    return value if isinstance(value, dict) else None


def places(root: JsonObject) -> list[JsonObject]:
    """Return the objects that may describe the task, the most reliable first."""
    return places_within(root, Budget())


def places_within(root: JsonObject, budget: Budget) -> list[JsonObject]:
    """Return what ``places`` does, within a budget."""
    ordered: list[JsonObject] = []
    by_identity: dict[int, dict[str, object]] = {}

    def inner(place: JsonObject, name: str) -> JsonObject | None:
        # Keyed by identity: the answer or the budget keeps all places alive meanwhile.
        if (fields := by_identity.get(id(place))) is None:
            fields = by_identity[id(place)] = fields_of(place)
        return _as_object(fields[name], budget) if name in fields else None

    for path in TASK_PLACES:
        place: JsonObject | None = root
        for name in path:
            place = None if place is None else inner(place, name)
        if place is not None:
            ordered.append(place)
    level = [place for place in ordered if place is not root] + [root]
    for _ in range(DEPTH_MAX):
        below = [place for outer in level for name in NESTS if (place := inner(outer, name)) is not None][
            :PLACES_MAX
        ]
        level = [place for place in below if not any(place is other for other in ordered)]
        ordered += level
        if not level or len(ordered) > PLACES_MAX:
            break
    return ordered


def anywhere(root: JsonObject, budget: Budget) -> Iterator[tuple[str, object]]:
    """Yield the fields at any depth, except inside those that are not about the task."""
    stack: list[tuple[object, int]] = [(root, 0)]
    while stack:
        value, depth = stack.pop()
        value = budget.unwrap(value)
        if depth > DEPTH_MAX or not budget.take():
            continue
        if isinstance(value, dict):
            for key, inner in islice(value.items(), FIELDS_MAX):
                name = plain_name(key)
                yield name, inner
                if name not in _NOT_TASK:
                    stack.append((inner, depth + 1))
        elif isinstance(value, list):
            stack += [(inner, depth + 1) for inner in value[:PLACES_MAX] if isinstance(inner, dict | list)]
