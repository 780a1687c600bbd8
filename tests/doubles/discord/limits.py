"""Discord's validation of what a bot sends, as a tree of form errors.

Source: https://docs.discord.com/developers/resources/message and .../components/reference (2026-08).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import command_limits
from .refusals import Why
from .wire import COMPONENTS_V2, Json, walk

if TYPE_CHECKING:
    from collections.abc import Sequence

_EMBED_LIMITS = {"title": 256, "description": 4096}
_BUTTON = 2
_TEXT_INPUT = 4


class FormErrors:
    """Collects errors by path, and builds Discord's 400/50035 body."""

    def __init__(self) -> None:
        self.found: dict[str, str] = {}

    def longest(self, path: str, value: object, limit: int) -> None:
        """Record a text or list that is longer than its limit."""
        if isinstance(value, (str, list)) and len(value) > limit:
            self.found[path] = f"Must be {limit} or fewer in length."

    def require(self, path: str, *, ok: bool, why: str) -> None:
        """Record any other violation."""
        if not ok:
            self.found[path] = why

    def body(self) -> Json:
        """Return the error body."""
        tree: Json = {}
        for path, why in self.found.items():
            node = tree
            for part in path.split("."):
                node = node.setdefault(part, {})
            node.setdefault("_errors", []).append({"code": "INVALID", "message": why})
        form = Why.INVALID_FORM
        return {"message": form.message, "code": form.code, "errors": tree}


def check_message(payload: Json, filenames: Sequence[str]) -> FormErrors:
    """Return the errors in a message to be created or edited."""
    errors = FormErrors()
    errors.longest("content", payload.get("content"), 2000)
    errors.longest("nonce", payload.get("nonce"), 25)
    errors.require("attachments", ok=len(filenames) <= 10, why="Must be 10 or fewer in length.")
    _check_embeds(errors, payload.get("embeds") or [])
    modern = bool((payload.get("flags") or 0) & COMPONENTS_V2)
    if modern:
        for key in ("content", "embeds"):
            errors.require(
                key, ok=not payload.get(key), why="Not allowed with MessageFlags.IS_COMPONENTS_V2."
            )
    _check_components(errors, payload.get("components") or [], modern=modern)
    allowed = payload.get("allowed_mentions") or {}
    for kind in ("users", "roles"):
        both = kind in allowed.get("parse", []) and allowed.get(kind)
        errors.require(
            "allowed_mentions", ok=not both, why=f"parse:{kind} and {kind}: are mutually exclusive."
        )
    return errors


def check_modal(data: Json) -> FormErrors:
    """Return the errors in a modal."""
    errors = FormErrors()
    components = data.get("components") or []
    errors.longest("title", data.get("title"), 45)
    errors.longest("custom_id", data.get("custom_id"), 100)
    errors.require("title", ok=bool(data.get("title")), why="This field is required")
    errors.require("components", ok=1 <= len(components) <= 5, why="Must be between 1 and 5 in length.")
    for number, item in enumerate(components):
        path = f"data.components.{number}"
        errors.require(path, ok=item.get("type") in {1, 10, 18}, why="Value must be one of (1, 10, 18).")
        errors.longest(f"{path}.label", item.get("label"), 45)
        errors.longest(f"{path}.description", item.get("description"), 100)
    _check_inputs(errors, components)
    return errors


def check_commands(commands: list[Json]) -> FormErrors:
    """Return the errors in a set of commands."""
    errors = FormErrors()
    command_limits.check(errors, commands)
    return errors


def _check_embeds(errors: FormErrors, embeds: list[Json]) -> None:
    errors.longest("embeds", embeds, 10)
    total = 0
    for number, embed in enumerate(embeds):
        path = f"embeds.{number}"
        for key, limit in _EMBED_LIMITS.items():
            errors.longest(f"{path}.{key}", embed.get(key), limit)
            total += len(embed.get(key) or "")
        errors.longest(f"{path}.footer.text", (embed.get("footer") or {}).get("text"), 2048)
        errors.longest(f"{path}.author.name", (embed.get("author") or {}).get("name"), 256)
        errors.longest(f"{path}.fields", embed.get("fields"), 25)
        total += len((embed.get("footer") or {}).get("text") or "")
        total += len((embed.get("author") or {}).get("name") or "")
        for place, one in enumerate(embed.get("fields") or []):
            for key, limit in (("name", 256), ("value", 1024)):
                errors.longest(f"{path}.fields.{place}.{key}", one.get(key), limit)
                errors.require(
                    f"{path}.fields.{place}.{key}", ok=bool(one.get(key)), why="This field is required"
                )
                total += len(one.get(key) or "")
    errors.require("embeds", ok=total <= 6000, why="Embed size exceeds maximum size of 6000")


def _check_components(errors: FormErrors, components: list[Json], *, modern: bool) -> None:
    everything = list(walk(components))
    if modern:
        errors.require("components", ok=len(everything) <= 40, why="Must be 40 or fewer in length.")
    else:
        errors.longest("components", components, 5)
        only_rows = all(item.get("type") == 1 for item in components)
        errors.require("components", ok=only_rows, why="Value must be one of (1,).")
    for item in everything:
        if item.get("type") == 1:
            errors.require(
                "components", ok=1 <= len(item["components"]) <= 5, why="Must be between 1 and 5 in length."
            )
        if item.get("type") == _BUTTON:
            errors.longest("components.label", item.get("label"), 80)
            either = bool(item.get("custom_id")) != bool(item.get("url"))
            errors.require("components.custom_id", ok=either, why="A button has either a custom id or a URL.")
            named = bool(item.get("label") or item.get("emoji"))
            errors.require("components.label", ok=named, why="A button needs a label or an emoji.")
    _check_inputs(errors, components)


def _check_inputs(errors: FormErrors, components: list[Json]) -> None:
    seen: set[str] = set()
    for item in walk(components):
        custom_id = item.get("custom_id")
        if custom_id is not None:
            errors.longest("components.custom_id", custom_id, 100)
            fresh = custom_id not in seen
            errors.require("components.custom_id", ok=fresh, why="Component custom id cannot be duplicated")
            seen.add(custom_id)
        errors.longest(
            "components.placeholder", item.get("placeholder"), 100 if item["type"] == _TEXT_INPUT else 150
        )
        if item["type"] == _TEXT_INPUT:
            limit = min(int(item.get("max_length") or 4000), 4000)
            errors.longest("components.value", item.get("value"), limit)
        options = item.get("options")
        if options is not None:
            errors.longest("components.options", options, 10 if item["type"] in {21, 22} else 25)
            for option in options:
                errors.longest("components.options.label", option.get("label"), 100)
                errors.longest("components.options.value", option.get("value"), 100)
                errors.longest("components.options.description", option.get("description"), 100)
            if item["type"] == 21:
                errors.require(
                    "components.options", ok=len(options) >= 2, why="Must be between 2 and 10 in length."
                )
