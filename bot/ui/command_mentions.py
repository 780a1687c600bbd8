"""Turn command names in a text into clickable mentions.

Source: https://docs.discord.com/developers/reference#message-formatting, read 2026-11-26.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import discord

from bot.lazy import lazy_pattern

_NAMED: Final = lazy_pattern(r"`/(?P<name>(?P<group>[a-z]+)(?: [a-z]+)?)`")


def clickable(client: discord.Client, text: str) -> str:
    """Return the text with mentions for all commands whose Discord ids are known."""
    ids: Mapping[str, int] = getattr(client, "command_ids", {})

    def mention(match: re.Match[str]) -> str:
        command_id = ids.get(match["group"])
        return match[0] if command_id is None else f"</{match['name']}:{command_id}>"

    return _NAMED.sub(mention, text)


def ids_of(registered: object) -> dict[str, int]:
    """Return the ids by command name from Discord's answer, parsed leniently."""
    commands: list[Any] = registered if isinstance(registered, list) else []
    pairs = ((one.get("name"), str(one.get("id", ""))) for one in commands if isinstance(one, dict))
    return {str(name): int(id_) for name, id_ in pairs if name and id_.isascii() and id_.isdecimal()}


def note_of(digest: str, ids: Mapping[str, int]) -> str:
    """Return a registration as a note to store: its digest and the command ids."""
    return f"{digest} {json.dumps(dict(ids), sort_keys=True)}"


def read_note(note: str | None) -> tuple[str, dict[str, int]]:
    """Return the digest and ids of a ``note_of``.

    Returns neither for a note of an earlier version, which has no ids.
    """
    digest, _, ids = (note or "").partition(" ")
    return (digest, json.loads(ids)) if ids else ("", {})
