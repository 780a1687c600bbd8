"""Discord's checks on the commands that an application registers.

Sources: the schema ApplicationCommandUpdateRequest in https://github.com/discord/discord-api-spec, read
2026-11-26, and https://docs.discord.com/developers/interactions/application-commands for
anything missing from the schema.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .limits import FormErrors
    from .wire import Json

COMMANDS_MAX = 100
OPTIONS_MAX = 25
CHOICES_MAX = 25
NAME_MAX = 32
DESCRIPTION_MAX = 100
CHOICE_MAX = 100
VALUE_MAX = 6_000
COMMAND_MAX = 8_000
"""Maximum size of a command's names, descriptions and values, in characters, by the longest localizations."""
INT53 = 2**53 - 1
SUBCOMMAND, GROUP, STRING, INTEGER, CHANNEL, NUMBER, ATTACHMENT = 1, 2, 3, 4, 7, 10, 11
CHAT_INPUT = 1
LOCALES = frozenset(
    [
        *("ar", "bg", "cs", "da", "de", "el", "en-GB", "en-US", "es-419", "es-ES", "fi"),
        *("fr", "he", "hi", "hr", "hu", "id", "it", "ja", "ko", "lt", "nl", "no", "pl"),
        *("pt-BR", "ro", "ru", "sv-SE", "th", "tr", "uk", "vi", "zh-CN", "zh-TW"),
    ]
)
FIELDS = frozenset(
    [
        *("name", "name_localizations", "description", "description_localizations"),
        *("options", "default_member_permissions", "dm_permission", "contexts"),
        *("integration_types", "handler", "type", "id", "nsfw"),
    ]
)
OPTION_FIELDS = frozenset(
    [
        *("type", "name", "name_localizations", "description", "description_localizations"),
        *("required", "options", "autocomplete", "choices", "channel_types", "min_value"),
        *("max_value", "min_length", "max_length"),
    ]
)
_NAME_MARKS = frozenset("-_'")
_SCRIPTS_WITH_MARKS = re.compile(r"[\u0900-\u097f\u0e00-\u0e7f]")


def check(errors: FormErrors, commands: Sequence[Json]) -> None:
    """Record errors in a set of commands."""
    errors.longest("commands", commands, COMMANDS_MAX)
    twice = Counter((one.get("type") or CHAT_INPUT, one.get("name")) for one in commands)
    errors.require("commands", ok=set(twice.values()) <= {1}, why="Command names must be unique")
    for number, command in enumerate(commands):
        _check_command(errors, str(number), command)


def _check_command(errors: FormErrors, path: str, command: Json) -> None:
    kind = command.get("type") or CHAT_INPUT
    _known(errors, path, command, FIELDS)
    if kind == CHAT_INPUT:
        _check_named(errors, path, command)
        _check_options(errors, path, command.get("options") or [], outer=0)
    else:
        errors.require(f"{path}.name", ok=1 <= len(str(command.get("name"))) <= NAME_MAX, why="Invalid name")
        errors.require(f"{path}.description", ok=not command.get("description"), why="Must be empty")
    permissions = command.get("default_member_permissions")
    right = permissions is None or 0 <= int(permissions) < 2**54
    errors.require(f"{path}.default_member_permissions", ok=right, why="Invalid permissions")
    for field, values in (("contexts", {0, 1, 2}), ("integration_types", {0, 1})):
        given = command.get(field)
        one_of = given is None or (given and set(given) <= values and len(set(given)) == len(given))
        errors.require(f"{path}.{field}", ok=bool(one_of), why=f"Must be different ones of {values}.")
    length = sum(_lengths(command))
    errors.require(path, ok=length <= COMMAND_MAX, why=f"Command exceeds maximum size ({length})")


def _check_options(errors: FormErrors, path: str, options: list[Json], *, outer: int) -> None:
    errors.longest(f"{path}.options", options, OPTIONS_MAX)
    names = [one.get("name") for one in options]
    errors.require(f"{path}.options", ok=len(set(names)) == len(names), why="Option names must be unique")
    optional = [not one.get("required") for one in options]
    errors.require(
        f"{path}.options", ok=optional == sorted(optional), why="Required options must be placed first"
    )
    nested = {one.get("type") in (SUBCOMMAND, GROUP) for one in options}
    errors.require(f"{path}.options", ok=len(nested) <= 1, why="Sub-command and option types are exclusive")
    for number, option in enumerate(options):
        _check_option(errors, f"{path}.options.{number}", option, outer=outer)


def _check_option(errors: FormErrors, path: str, option: Json, *, outer: int) -> None:
    kind = option.get("type")
    _known(errors, path, option, OPTION_FIELDS)
    _check_named(errors, path, option)
    errors.require(f"{path}.type", ok=kind in range(SUBCOMMAND, ATTACHMENT + 1), why="Invalid type")
    if kind in (SUBCOMMAND, GROUP):
        errors.require(f"{path}.type", ok=(kind, outer) in {(1, 0), (2, 0), (1, 2)}, why="Wrongly nested")
        _check_options(errors, path, option.get("options") or [], outer=kind)
        return
    choices = option.get("choices") or []
    errors.longest(f"{path}.choices", choices, CHOICES_MAX)
    both = bool(option.get("autocomplete")) and bool(choices)
    errors.require(f"{path}.choices", ok=not both, why="Choices and autocomplete are exclusive")
    values = [one.get("value") for one in choices]
    errors.require(f"{path}.choices", ok=len(set(values)) == len(values), why="Choice values must be unique")
    for number, choice in enumerate(choices):
        _check_choice(errors, f"{path}.choices.{number}", choice, kind)
    for low, high, least, most, kinds in (
        ("min_length", "max_length", 0, VALUE_MAX, {STRING}),
        ("min_value", "max_value", -INT53, INT53, {INTEGER, NUMBER}),
    ):
        bounds = [option[name] for name in (low, high) if option.get(name) is not None]
        right = all(least <= one <= most for one in bounds) and bounds == sorted(bounds)
        errors.require(f"{path}.{low}", ok=right and (not bounds or kind in kinds), why="Invalid bounds")
    channels = option.get("channel_types")
    right = channels is None or (kind == CHANNEL and len(set(channels)) == len(channels))
    errors.require(f"{path}.channel_types", ok=right, why="Invalid channel types")


def _check_choice(errors: FormErrors, path: str, choice: Json, kind: object) -> None:
    _localized(errors, path, choice, "name", CHOICE_MAX)
    value = choice.get("value")
    right = (isinstance(value, str) and len(value) <= VALUE_MAX) if kind == STRING else value is not None
    errors.require(f"{path}.value", ok=right, why="Invalid value")


def _check_named(errors: FormErrors, path: str, item: Json) -> None:
    """Record wrong names and descriptions, in each language."""
    _localized(errors, path, item, "name", NAME_MAX)
    _localized(errors, path, item, "description", DESCRIPTION_MAX)
    for name in (item.get("name"), *(item.get("name_localizations") or {}).values()):
        errors.require(f"{path}.name", ok=_is_command_name(str(name)), why="Command name is invalid")


def _localized(errors: FormErrors, path: str, item: Json, field: str, most: int) -> None:
    errors.require(f"{path}.{field}", ok=bool(item.get(field)), why="This field is required")
    localizations = item.get(f"{field}_localizations") or {}
    unknown = sorted(set(localizations) - LOCALES)
    errors.require(f"{path}.{field}_localizations", ok=not unknown, why=f"Unknown locales: {unknown}")
    for text in (item.get(field), *localizations.values()):
        right = isinstance(text, str) and 1 <= len(text) <= most
        errors.require(f"{path}.{field}", ok=right, why=f"Must be between 1 and {most} in length.")


def _is_command_name(name: str) -> bool:
    """Return whether Discord accepts a name: letters, digits and a few marks, no capital letters.

    Devanagari and Thai also have their own marks.
    """
    good = all(one in _NAME_MARKS or one.isalnum() or _SCRIPTS_WITH_MARKS.match(one) for one in name)
    return good and name == name.lower() and name == unicodedata.normalize("NFC", name)


def _known(errors: FormErrors, path: str, item: Json, fields: frozenset[str]) -> None:
    unknown = sorted(set(item) - fields)
    errors.require(path, ok=not unknown, why=f"Unknown fields: {unknown}")


def _lengths(item: Json) -> Iterator[int]:
    """Yield the character counts that add up to the size of a command."""
    for field in ("name", "description"):
        texts: list[Any] = [item.get(field), *(item.get(f"{field}_localizations") or {}).values()]
        yield max(len(str(text or "")) for text in texts)
    if isinstance(item.get("value"), str):
        yield len(item["value"])
    for inner in (*(item.get("options") or []), *(item.get("choices") or [])):
        yield from _lengths(inner)
