"""Check every interaction before it reaches a command, a button or a form.

Discord's own clients send only valid interactions, but stale ones, those of other bot versions and forged
ones still arrive.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final
from weakref import WeakKeyDictionary

import discord
from discord import AppCommandOptionType, app_commands

from bot.lazy import lazy_pattern
from bot.model import GuildId
from bot.refusals import UnknownControl
from bot.services.intake import Intake
from bot.ui.buttons import song_menu
from bot.ui.buttons.base import PersistentButton
from bot.ui.buttons.erase_data import EraseDataButton
from bot.ui.custom_ids import SNOWFLAKE

# https://docs.discord.com/developers/interactions/application-commands#application-command-object-application-command-option-type
INTEGER_MAX: Final = 2**53
"""Maximum of an integer option; negated, its minimum."""
_ID: Final = lazy_pattern(SNOWFLAKE)
SUBCOMMANDS: Final = (
    AppCommandOptionType.subcommand.value,
    AppCommandOptionType.subcommand_group.value,
)
RESOLVED: Final = {
    AppCommandOptionType.user: "users",
    AppCommandOptionType.role: "roles",
    AppCommandOptionType.channel: "channels",
}
"""Field of an interaction that describes the target of an option's id."""
PLAIN: Final = {
    AppCommandOptionType.string: str,
    AppCommandOptionType.integer: int,
    AppCommandOptionType.boolean: bool,
}
REFUSED_BY_COMMAND: Final = frozenset({"model"})
"""Options whose unknown values the command itself refuses, since its refusal can list the valid ones."""
CHANNEL_TYPES: Final = frozenset(type_.value for type_ in discord.ChannelType)
"""Channel types that discord.py knows."""
FOR_EVERYBODY: Final = frozenset({"privacy", "music help"})
"""Commands and command groups that also work in servers the operator does not serve."""

CHARGING_COMMANDS: Final = frozenset({"music create"})
"""Commands that request a song immediately; the accepting transaction checks the server."""

_PARAMETERS: Final[
    WeakKeyDictionary[app_commands.Command[Any, ..., Any], dict[str, app_commands.Parameter]]
] = WeakKeyDictionary()
"""The parameters of each command that has been used, by name."""


def with_known_channel(data: Any) -> Any:  # noqa: ANN401 - Discord's JSON
    """Return an interaction with any unknown channel type treated as a text channel."""
    channel = data.get("channel")
    if not isinstance(channel, dict) or channel.get("type") in CHANNEL_TYPES:
        return data
    return {**data, "channel": {**channel, "type": discord.ChannelType.text.value}}


async def require_served(interaction: discord.Interaction, intake: Intake) -> None:
    """Check that the operator serves the server; let direct messages pass.

    Raises:
        NotServed: the operator does not serve this server.
    """
    if interaction.guild_id is not None:
        await intake.require_served(GuildId(interaction.guild_id))


def is_for_everybody(command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | None) -> bool:
    """Return whether a command also works in an unserved server."""
    name = "" if command is None else command.qualified_name
    return name in FOR_EVERYBODY or name.partition(" ")[0] in FOR_EVERYBODY


def is_charging(command: app_commands.Command[Any, ..., Any] | app_commands.ContextMenu | None) -> bool:
    """Return whether a command requests a song immediately."""
    return command is not None and command.qualified_name in CHARGING_COMMANDS


def button_of(interaction: discord.Interaction, kinds: Iterable[type[PersistentButton]]) -> PersistentButton:
    """Return the pressed button, or the one that a menu choice stands for.

    Raises:
        UnknownControl: this version has no such button.
    """
    data: Mapping[str, Any] = interaction.data or {}
    if data.get("component_type") == discord.ComponentType.select.value:
        choice = song_menu.chosen(data)
        if choice is not None:
            return choice
    if data.get("component_type") == discord.ComponentType.button.value:
        for kind in kinds:
            match = kind.pattern.fullmatch(str(data.get("custom_id", "")))
            if match is not None:
                return kind.from_match(match)
    raise UnknownControl


def is_about_oneself(button: PersistentButton) -> bool:
    """Return whether a button also works in an unserved server."""
    return isinstance(button, EraseDataButton)


def require_valid_options(interaction: discord.Interaction) -> None:
    """Check that a command exists and that each option has a value of its type.

    Raises:
        UnknownControl: the command, an option or a value was never offered.
    """
    command = interaction.command
    if not isinstance(command, app_commands.Command):
        raise UnknownControl
    data: Mapping[str, Any] = interaction.data or {}
    parameters = _parameters_of(command)
    resolved: Mapping[str, Any] = data.get("resolved") or {}
    for option in _leaves(data.get("options") or []):
        parameter = parameters.get(str(option.get("name")))
        if parameter is None or not _is_valid(option, parameter, resolved):
            raise UnknownControl


def _parameters_of(command: app_commands.Command[Any, ..., Any]) -> Mapping[str, app_commands.Parameter]:
    """Return a command's parameters by name; discord.py computes both again each time."""
    parameters = _PARAMETERS.get(command)
    if parameters is None:
        parameters = {parameter.display_name: parameter for parameter in command.parameters}
        _PARAMETERS[command] = parameters
    return parameters


def _leaves(options: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for option in options:
        if option.get("type") in SUBCOMMANDS:
            yield from _leaves(option.get("options") or [])
        else:
            yield option


def _is_valid(
    option: Mapping[str, Any], parameter: app_commands.Parameter, resolved: Mapping[str, Any]
) -> bool:
    value, type_ = option.get("value"), parameter.type
    if option.get("type") != type_.value:
        return False
    if type_ in RESOLVED:
        described = resolved.get(RESOLVED[type_]) or {}
        return isinstance(value, str) and _ID.fullmatch(value) is not None and value in described
    # Not isinstance: True is also an int.
    if type(value) is not PLAIN.get(type_):
        return False
    if isinstance(value, int) and abs(value) > INTEGER_MAX:
        return False
    offered = [choice.value for choice in parameter.choices]
    return not offered or value in offered or parameter.display_name in REFUSED_BY_COMMAND
