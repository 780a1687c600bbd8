"""Turn the names of commands in a text into mentions that can be clicked.

Source: https://docs.discord.com/developers/reference#message-formatting, read 2026-11-26.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import discord

_NAMED: Final = re.compile(r"`/(?P<name>(?P<group>[a-z]+)(?: [a-z]+)?)`")


def clickable(client: discord.Client, text: str) -> str:
    """Return the text with each command in it as a mention, as far as Discord's ids of them are known."""
    ids: Mapping[str, int] = getattr(client, "command_ids", {})

    def mention(match: re.Match[str]) -> str:
        command_id = ids.get(match["group"])
        return match[0] if command_id is None else f"</{match['name']}:{command_id}>"

    return _NAMED.sub(mention, text)


def ids_of(registered: object) -> dict[str, int]:
    """Return the ids in Discord's answer to a registration, by the commands' names; read liberally."""
    commands: list[Any] = registered if isinstance(registered, list) else []
    found = ((one.get("name"), str(one.get("id", ""))) for one in commands if isinstance(one, dict))
    return {str(name): int(id_) for name, id_ in found if name and id_.isascii() and id_.isdecimal()}


def note_of(digest: str, ids: Mapping[str, int]) -> str:
    """Return what is kept of a registration: the digest of the commands, and their ids."""
    return f"{digest} {json.dumps(dict(ids), sort_keys=True)}"


def read_note(note: str | None) -> tuple[str, dict[str, int]]:
    """Return the digest and the ids of ``note_of``; a digest of an earlier version without ids is none."""
    digest, _, ids = (note or "").partition(" ")
    return (digest, json.loads(ids)) if ids else ("", {})
