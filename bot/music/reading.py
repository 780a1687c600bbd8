"""Parse answers about a task leniently: its id, its status, and what went wrong.

A paid song must not be lost because a field is spelled or nested differently: whatever plainly names a
task is understood.
"""

import re
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Final

from bot.lazy import lazy_pattern
from bot.model import TaskId
from bot.music.audio_addresses import AUDIO_NAMES
from bot.music.json_answers import (
    NESTS,
    PLACES_MAX,
    TASK_PLACES,
    Budget,
    JsonObject,
    anywhere,
    fields_of,
    places,
    places_within,
    values_of,
)

TASK_ID_MAX: Final = 200
"""Maximum length of a task id, in characters."""
EXACT_MAX: Final = 2**53
"""Bound below which every integer is exact in floating point."""

SOME_ERROR: Final = 0
"""Placeholder for the status of a body that reports an unspecified error."""

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

_ID_NAMES: Final = ("taskid", "id")
_OTHER_ID_NAMES: Final = ("taskid", "jobid", "generationid", "uuid", "id")
_BARE_ID_NAMES: Final = ("taskids", "ids", "data", "task", "result")
"""Fields that may hold an id alone or in a list of one."""
_STATUS_NAMES: Final = ("status", "state", "taskstatus")
_FLAG_NAMES: Final = ("finished", "done", "completed", "isfinished", "isdone")
_MESSAGE_NAMES: Final = ("errormessage", "failreason", "message", "msg", "detail", "reason")
_BARE_ID: Final = lazy_pattern(r"[^\s<>{}\[\]\"]+")
_NO_IDS: Final = (
    RUNNING | SUCCESS | FAILED | CANCELED | frozenset(["null", "none", "undefined", "true", "false", "nil"])
)


def task_id(root: JsonObject) -> TaskId | None:
    """Return the id of the task that the answer is about, if it plainly names one."""
    budget = Budget()
    for place in places_within(root, budget):
        for value in values_of(place, *_ID_NAMES):
            if (usable := _usable_id(value)) is not None:
                return usable
    ids: dict[str, set[TaskId]] = {name: set() for name in _OTHER_ID_NAMES}
    for name, value in anywhere(root, budget):
        if name in ids and (usable := _usable_id(value)) is not None:
            ids[name].add(usable)
    return next((next(iter(named)) for named in ids.values() if len(named) == 1), None) or _bare_id(root)


def _bare_id(root: JsonObject) -> TaskId | None:
    """Return the id in {"code": "success", "data": "<id>"}, unless it is an error."""
    if error_status(root) is not None:
        return None
    data = next(values_of(root, "data"), None)
    holders = [root, data] if isinstance(data, dict) else [root]
    for value in [value for holder in holders for value in values_of(holder, *_BARE_ID_NAMES)]:
        if isinstance(value, list) and len(value) == 1:
            value = value[0]  # noqa: PLW2901 - the value itself, out of its list
        usable = _usable_id(value)
        if usable is not None and _BARE_ID.fullmatch(usable) and usable.lower() not in _NO_IDS:
            return usable
    return None


def _usable_id(value: object) -> TaskId | None:
    if isinstance(value, float) and value.is_integer() and abs(value) < EXACT_MAX:
        value = int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    value = value.strip(" ") if isinstance(value, str) else value
    if not isinstance(value, str) or len(value) > TASK_ID_MAX or not value.isprintable():
        return None
    return TaskId(value) if value.strip(" .") else None  # dots alone would be folded away from a path


# -- its status


def status_word(root: JsonObject) -> tuple[str, bool]:
    """Return the status in lower case, and whether it is certainly the task's own.

    A status at the top of an answer that has a separate place for the task may be the query's.
    """
    ordered = places(root)
    for place in ordered:
        if place is not root and (word := _word(place)):
            return word, True
    if word := _word_of_takes(ordered):
        return word, True
    return _word(root), len(ordered) == 1


def plain_word(root: JsonObject) -> str:
    """Return the task's status in lower case, if it is in its documented place.

    A success is read in any shape. A failure ends a paid task, so it is believed only if it is not inside
    a list or JSON in a string.
    """
    for path in (*TASK_PLACES[:-1], ("result",), ("response",), ()):
        place: object = root
        for name in path:
            place = next(values_of(place, name), None) if isinstance(place, dict) else None
        if isinstance(place, dict) and (word := _word(place)):
            return word
    return ""


def _word(place: JsonObject) -> str:
    for value in values_of(place, *_STATUS_NAMES):
        if isinstance(value, str) and value.strip():
            return value.strip().lower()
    if any(value is True for value in values_of(place, *_FLAG_NAMES)):
        return "finished"
    return ""


def _word_of_takes(ordered: list[JsonObject]) -> str:
    """Return the status of a list of takes: that of the one furthest behind."""
    for place in ordered:
        for takes in values_of(place, *NESTS, *AUDIO_NAMES):
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
    """Return whether any part of the answer has a status field."""
    names = {*_STATUS_NAMES, *_FLAG_NAMES}
    return any(name in names for name, _ in anywhere(root, Budget()))


# -- what went wrong


def error_status(root: JsonObject) -> int | None:
    """Return the error in a body: {"code": 402, …}, {"success": false}, ….

    It may come with a good HTTP status.
    """
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
    """Return the service's codes for an error, in lower case: "insufficient_quota"."""
    error = next(values_of(root, "error"), None)
    holders = [root, error] if isinstance(error, dict) else [root]
    values = [value for holder in holders for value in values_of(holder, "code", "type", "errorcode")]
    return {value.strip().lower() for value in values if isinstance(value, str)}


def messages(places: Iterable[JsonObject]) -> Iterator[str]:
    """Yield the service's error messages, the most reliable first."""
    described = [fields_of(place) for place in places]
    for fields in described:
        for value in (fields.get("error"), fields.get("errors")):
            yield from _texts(value)
    for fields in reversed(described):
        for name in _MESSAGE_NAMES:
            yield from _texts(fields.get(name))


def _texts(value: object) -> Iterator[str]:
    """Yield a message's text: itself, or from an object or a list's first object."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict):
        value = next(
            (text for text in values_of(value, "message", "msg", "detail") if isinstance(text, str)), ""
        )
    if isinstance(value, str) and value.strip():
        yield value
