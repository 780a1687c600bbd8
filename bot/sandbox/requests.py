"""Read requests to the documented music API, and check them against its documentation."""

import json
from collections.abc import Mapping

from aiohttp import web

from bot.sandbox.faults import FaultKind
from bot.sandbox.http_responses import Invalid

Json = dict[str, object]

PROVIDERS = ("kie",)
FIELDS = ("provider", "model", "prompt", "customMode", "title", "style", "lyrics", "instrumental", "options")
"""Source: https://sseedance.com/en/docs/music, section Request body, read 2026-11-22."""

FIELD_TYPES: dict[str, tuple[type, str]] = {
    "customMode": (bool, "true or false"),
    "instrumental": (bool, "true or false"),
    "options": (dict, "an object"),
}
"""Types of the fields that are not strings, with the words for them in an error message."""

PROMPT_CHARACTERS_MAX = 500
TITLE_CHARACTERS_MAX = 80
STYLE_AND_LYRICS_CHARACTERS_MAX = {
    "V5": (1_000, 5_000),
    "V4_5PLUS": (1_000, 5_000),
    "V4_5ALL": (1_000, 5_000),
    "V4_5": (1_000, 5_000),
    "V4": (200, 3_000),
    "V3_5": (200, 3_000),
}
"""Maximum length of style and lyrics for each model.

Source: https://docs.kie.ai/suno-api/generate-music, read 2026-11-22.
"""


async def json_body(request: web.Request) -> Json:
    """Read the body of a request.

    Raises:
        Invalid: The body is not a JSON object.
    """
    try:
        body = json.loads(await request.read())
    except (ValueError, RecursionError) as error:
        raise Invalid("body", "the body is not JSON") from error
    if not isinstance(body, dict):
        raise Invalid("body", "the body must be a JSON object")
    return body


def text_of(body: Json, name: str) -> str:
    """Return a field if it is a string, otherwise an empty string."""
    value = body.get(name)
    return value if isinstance(value, str) else ""


def ordered_by(body: Json) -> frozenset[FaultKind]:
    """Return the faults that a request asks for in its own text, such as `[fail]`."""
    text = " ".join(text_of(body, name) for name in ("prompt", "title", "style", "lyrics")).casefold()
    return frozenset(kind for kind in FaultKind if f"[{kind}]" in text)


def validate(body: Json, models: Mapping[str, tuple[int, int]]) -> None:
    """Check a request against the documentation.

    Raises:
        Invalid: A field is unknown, missing, of the wrong type or too long.
    """
    for name, value in body.items():
        if name not in FIELDS:
            raise Invalid(name, f"{name} is not a known field")
        field_type, description = FIELD_TYPES.get(name, (str, "a string"))
        if not isinstance(value, field_type):
            raise Invalid(name, f"{name} must be {description}")
    for name in _required(body):
        if not text_of(body, name).strip():
            mode = "custom" if body.get("customMode") else "normal"
            raise Invalid(name, f"{name} is required in {mode} mode")
    for name, allowed in (("provider", PROVIDERS), ("model", tuple(models))):
        if text_of(body, name) not in allowed:
            raise Invalid(name, f"{name} must be one of {', '.join(allowed)}")
    style, lyrics = models[text_of(body, "model")]
    limits = {
        "prompt": PROMPT_CHARACTERS_MAX,
        "title": TITLE_CHARACTERS_MAX,
        "style": style,
        "lyrics": lyrics,
    }
    for name, limit in limits.items():
        if len(text_of(body, name)) > limit:
            raise Invalid(
                name, f"{name} must have at most {limit} characters, not {len(text_of(body, name))}"
            )


def _required(body: Json) -> tuple[str, ...]:
    """Return the names of the fields that are required in this mode."""
    if not body.get("customMode"):
        return ("provider", "model", "prompt")
    if body.get("instrumental"):
        return ("provider", "model", "title", "style")
    return ("provider", "model", "title", "style", "lyrics")
