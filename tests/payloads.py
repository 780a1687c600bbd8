"""Translate the command payload once per test process, for all clients with the same commands.

discord.py requests each text in each of its 34 locales, and hundreds of tests start a client.
"""

import json
from typing import Any

import pytest

from bot.ui.discord_client import TunesmithClient

_translated: dict[str, str] = {}
"""Translated payloads by their English form, both as JSON."""

_translate = TunesmithClient.payload


async def _payload(client: TunesmithClient) -> list[dict[str, Any]]:
    commands = client.tree.get_commands()
    english = json.dumps([command.to_dict(client.tree) for command in commands])
    if english not in _translated:
        _translated[english] = json.dumps(await _translate(client))
    payload: list[dict[str, Any]] = json.loads(_translated[english])
    return payload


def translate_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make clients with the same commands share translations."""
    monkeypatch.setattr(TunesmithClient, "payload", _payload)
