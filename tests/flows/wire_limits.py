"""Discord's limits on what the bot sends, checked in every request of every flow.

Sources: https://docs.discord.com/developers/components/reference, …/resources/message and
…/interactions/application-commands, read 2026-11-25.
"""

from collections.abc import Iterator
from typing import Any

BUTTON, TEXT_DISPLAY, LABEL = 2, 10, 18
"""Component types."""
CONTENT_MAX, EMBEDS_MAX = 2_000, 6_000
TITLE_MAX, DESCRIPTION_MAX, NAME_MAX, VALUE_MAX, FOOTER_MAX, FIELDS_MAX = 256, 4_096, 256, 1_024, 2_048, 25
LIMITS = {"label": 100, "placeholder": 100, "custom_id": 100, "description": 100}
"""Maximum lengths of the texts of a component or option, in characters, unless its type has its own."""


def beyond(body: object) -> list[str]:
    """Return the violations in a request's body."""
    return list(_beyond(body)) if isinstance(body, dict) else []


def _beyond(body: dict[str, Any]) -> Iterator[str]:
    inner = body.get("data")
    data: dict[str, Any] = inner if isinstance(inner, dict) else body
    yield from _over("content", data.get("content"), CONTENT_MAX)
    yield from _over("form", data.get("title"), 45)
    whole = 0
    for embed in data.get("embeds") or []:
        texts = [
            ("embed title", embed.get("title"), TITLE_MAX),
            ("embed description", embed.get("description"), DESCRIPTION_MAX),
            ("footer", (embed.get("footer") or {}).get("text"), FOOTER_MAX),
        ]
        for field in embed.get("fields") or []:
            texts += [("field name", field["name"], NAME_MAX), ("field value", field["value"], VALUE_MAX)]
        for name, text, limit in texts:
            yield from _over(name, text, limit)
            whole += len(text or "")
        if len(embed.get("fields") or []) > FIELDS_MAX:
            yield "too many fields"
    if whole > EMBEDS_MAX:
        yield f"embeds of {whole} characters"
    yield from _components(data.get("components") or [])
    for choice in data.get("choices") or []:
        yield from _over("choice", choice["name"], 100)


def _components(nodes: list[dict[str, Any]]) -> Iterator[str]:
    for node in nodes:
        own = {"label": {BUTTON: 80, LABEL: 45}.get(node.get("type", 0), LIMITS["label"])}
        for key, limit in (LIMITS | own).items():
            yield from _over(f"{key} of a component", node.get(key), limit)
        yield from _components([*(node.get("components") or []), *(node.get("options") or [])])
        if isinstance(node.get("component"), dict):
            yield from _components([node["component"]])


def _over(name: str, text: object, limit: int) -> Iterator[str]:
    if isinstance(text, str) and len(text) > limit:
        yield f"{name} of {len(text)} characters instead of {limit}: {text[:40]}…"
