"""The doctor's verdicts on Discord's answers."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from bot import doctor
from bot.checks import Check, Verdict
from bot.settings import Settings
from bot.ui import discord_checks
from tests.doubles.discord import FakeDiscord

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE
INVITE = "https://discord.com/oauth2/authorize?client_id=5&scope=bot+applications.commands&permissions=274878024704"


@pytest.fixture
async def commands(tmp_path: Path) -> Sequence[discord_checks.Payload]:
    """The commands that this version registers."""
    settings = Settings(discord_token="token", music_api_key="key", spool_dir=tmp_path / "spool")  # type: ignore[arg-type,call-arg] # texts are read
    return await doctor.commands(settings)


async def asked(
    discord: FakeDiscord, commands: Sequence[discord_checks.Payload], token: str = ""
) -> dict[str, Check]:
    found = await discord_checks.ask(discord.url, token or discord.token, commands)
    return {check.name: check for check in found.checks}


async def test_an_unknown_token_names_its_variable_and_not_its_value() -> None:
    async with FakeDiscord() as discord:
        found = await asked(discord, [], "hunter2")

    assert [FAILURE, WARNING, WARNING] == [check.verdict for check in found.values()]
    assert "DISCORD_TOKEN is not accepted" in found["token"].finding
    assert "hunter2" not in str(found)


async def test_an_unreachable_discord_names_its_variable() -> None:
    found = await discord_checks.ask("http://127.0.0.1:9", "hunter2", [])

    assert [FAILURE, WARNING, WARNING] == [check.verdict for check in found.checks]
    assert "DISCORD_API_URL" in found.checks[0].finding
    assert found.ahead is None


async def test_the_time_is_read_from_discords_answer() -> None:
    async with FakeDiscord() as discord:
        found = await discord_checks.ask(discord.url, discord.token, [])

    assert found.ahead is not None
    assert abs(found.ahead.total_seconds()) < 5


APPLICATIONS = {
    "as it should be": ({}, OK, "anybody may invite it"),
    "a private one": ({"bot_public": False}, OK, "only its owner may invite it"),
    "an endpoint for commands": ({"interactions_endpoint_url": "https://x"}, FAILURE, "remove that address"),
    "a code grant": ({"bot_require_code_grant": True}, FAILURE, "turn off Requires OAuth2 Code Grant"),
    "no servers": ({"integration_types_config": {"1": {}}}, FAILURE, "turn on Guild Install"),
    "people too": ({"integration_types_config": {"0": {}, "1": {}}}, WARNING, "turn off User Install"),
    "privileged intents": ({"flags": 1 << 18}, OK, "privileged intents are on but not needed"),
}


@pytest.mark.parametrize(("given", "verdict", "words"), APPLICATIONS.values(), ids=APPLICATIONS)
def test_an_application_unusable_by_members_is_reported(
    given: dict[str, object], verdict: Verdict, words: str
) -> None:
    whole = {"id": "5", "bot_public": True, "flags": 0, "integration_types_config": {"0": {}}}

    found = discord_checks.examine_application(whole | given)

    assert (verdict, True) == (found.verdict, words in found.finding)
    assert found.finding.endswith(f"invite it with {INVITE}")


async def test_commands_are_compared_and_never_registered(commands: Sequence[discord_checks.Payload]) -> None:
    async with FakeDiscord() as discord:
        before = (await asked(discord, commands))["commands"]
        puts = discord.command_puts
        discord.commands = [as_discord_has_it(one, number) for number, one in enumerate(commands)]
        after = (await asked(discord, commands))["commands"]

    assert (WARNING, True) == (before.verdict, "not registered: /music" in before.finding)
    assert (OK, 0) == (after.verdict, puts)


def as_discord_has_it(command: discord_checks.Payload, number: int = 1) -> dict[str, Any]:
    """Add Discord's own fields, and remove those that it omits."""
    kept = {name: value for name, value in command.items() if name != "contexts"}
    if kept.get("default_member_permissions") is not None:
        kept["default_member_permissions"] = str(kept["default_member_permissions"])
    added = {"id": str(number), "version": "1", "application_id": "5", "contexts": [0]}
    return kept | added | {"options": [without_defaults(one) for one in command["options"]]}


def without_defaults(option: discord_checks.Payload) -> dict[str, Any]:
    kept = {name: value for name, value in option.items() if value not in (False, None, [])}
    if "options" in kept:
        kept["options"] = [without_defaults(one) for one in kept["options"]]
    return kept


def options(command: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the options of /music create, the prompt first."""
    create: dict[str, list[dict[str, Any]]] = next(
        one for one in command["options"] if one["name"] == "create"
    )
    return create["options"]


CHANGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "another description": lambda one: one.update(description="Something else"),
    "an option less": lambda one: options(one).pop(),
    "an option more": lambda one: one["options"].append(one["options"][0]),
    "no longer required": lambda one: options(one)[0].pop("required"),
    "another length": lambda one: options(one)[0].update(max_length=10),
    "choices that are gone": lambda one: options(one)[2].pop("choices"),
    "another permission": lambda one: one.update(default_member_permissions="8"),
    "for people too": lambda one: one.update(integration_types=[0, 1]),
    "another language": lambda one: one.update(name_localizations={"de": "musik"}),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_command_of_another_version_is_reported(
    change: Callable[[dict[str, Any]], object], commands: Sequence[discord_checks.Payload]
) -> None:
    music = next(one for one in commands if one["name"] == "music")
    theirs = as_discord_has_it(music)

    change(theirs)

    assert "not of this version: /music" in discord_checks.examine_commands([music], [theirs]).finding


def test_a_command_unknown_to_this_version_is_reported(
    commands: Sequence[discord_checks.Payload],
) -> None:
    found = discord_checks.examine_commands(commands[:1], [as_discord_has_it(one) for one in commands])

    assert (WARNING, True) == (found.verdict, "unknown: /privacy, /quota;" in found.finding)
