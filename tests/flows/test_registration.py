"""The commands as registered with Discord: in every language, they are within its limits."""

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import discord
import pytest
from discord.gateway import DiscordWebSocket

from bot import app
from bot.configuration.values import MODEL_NAME_MAX
from bot.discord_limits import CHOICES_MAX
from bot.model import Backend
from bot.settings import Settings
from bot.ui import discord_client
from bot.ui.language import CODES
from tests import make
from tests.doubles.discord import FakeDiscord, limits

MOST: Final = {
    "music_models": tuple(f"v{number}".ljust(MODEL_NAME_MAX, "x") for number in range(CHOICES_MAX)),
    "music_extras": True,
}
"""Settings that make the commands as large as possible."""


@pytest.fixture(params=Backend)
async def sent(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """Return the commands that Discord has accepted at the bot's first start."""
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    async with FakeDiscord() as fake:
        given: dict[str, Any] = MOST | {
            "discord_token": fake.token,
            "discord_api_url": fake.url,
            "music_api_key": "key",
            "kie_api_key": "key",
            "music_backend": request.param,
            "database_url": f"sqlite:///{tmp_path / 'tunesmith.db'}",
            "spool_dir": tmp_path / "spool",
        }
        settings = Settings(**given)
        discord_client.use_api(settings.discord_api_url)
        async with app.assemble(settings, now=make.Clock()) as parts:
            await parts.client.login(fake.token)
            await parts.client.close()
        (put,) = [one for one in fake.requests if (one.method, one.status) == ("PUT", 200)]
    commands: list[dict[str, Any]] = put.json
    return commands


def _named(items: list[dict[str, Any]], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each command, subcommand, option and choice, with its path."""
    for item in items:
        here = f"{path} {item['name']}".strip()
        yield here, item
        yield from _named([*(item.get("options") or []), *(item.get("choices") or [])], here)


async def test_discord_accepts_the_largest_commands_in_every_language(sent: list[dict[str, Any]]) -> None:
    described = {path: one for path, one in _named(sent) if "description" in one}
    untranslated = [
        path for path, one in described.items() if {*CODES} - {"en", *one["description_localizations"]}
    ]

    assert {} == limits.check_commands(sent).found
    assert {"music create", "quota view", "privacy view"} <= set(described)
    assert [] == untranslated


def _first(commands: list[dict[str, Any]], key: str) -> dict[str, Any]:
    """Return the first command, option or choice that has this key."""
    return next(one for _, one in _named(commands) if one.get(key))


def _mixed(commands: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the first command with both required and optional options."""
    return next(
        one
        for _, one in _named(commands)
        if {True, False} == {bool(option.get("required")) for option in one.get("options") or []}
    )


CHANGES: Final[dict[str, Callable[[list[dict[str, Any]]], None]]] = {
    "a name": lambda sent: sent[0].update(name="Music"),
    "a name that is used twice": lambda sent: sent[1].update(name=sent[0]["name"]),
    "a description": lambda sent: _first(sent, "options").update(description="x" * 101),
    "a translation": lambda sent: _first(sent, "description_localizations").update(
        description_localizations={"ja": "x" * 101}
    ),
    "a language": lambda sent: _first(sent, "description_localizations").update(
        description_localizations={"xx": "x"}
    ),
    "too many options": lambda sent: sent[0].update(options=sent[0]["options"] * 26),
    "an optional option first": lambda sent: _mixed(sent)["options"].reverse(),
    "too many choices": lambda sent: _first(sent, "choices").update(
        choices=[{"name": str(number), "value": str(number)} for number in range(26)]
    ),
    "a choice": lambda sent: _first(sent, "choices")["choices"][0].update(name="x" * 101),
    "a value": lambda sent: _first(sent, "choices")["choices"][0].update(value="x" * 6_001),
    "a bound": lambda sent: _first(sent, "max_length").update(max_length=6_001),
    "all together": lambda sent: sent[0].update(
        options=[
            {"type": 3, "name": f"o{number}", "description": "x" * 100, "choices": [
                {"name": "x" * 100, "value": f"{place}".ljust(100, "x")} for place in range(25)
            ]} for number in range(2)
        ]
    ),
    "an unknown field": lambda sent: sent[0].update(nsfw_level=1),
}  # fmt: skip


async def test_a_command_beyond_discords_bounds_would_be_refused(sent: list[dict[str, Any]]) -> None:
    unnoticed = []
    for change, apply in CHANGES.items():
        wrong = copy.deepcopy(sent)
        apply(wrong)
        if not limits.check_commands(wrong).found:
            unnoticed.append(change)

    assert [] == unnoticed
