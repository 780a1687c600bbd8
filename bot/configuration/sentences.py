"""Text about settings: sentences that say what to correct, and values as written in ``.env``."""

import json
import re
from typing import TYPE_CHECKING, Any, Final

from bot.configuration.fields import Missing

if TYPE_CHECKING:
    import attrs

STRANGERS: Final = (
    "anybody can invite the bot, and every new server gets credits at your expense; set GUILDS or "
    "NEW_GUILDS=none, or turn off Public Bot in the developer portal"
)
USER_INFO: Final = re.compile(r"(://)[^\s/@]+@")
"""A user name and password in a URL."""


def as_written(value: object) -> str:
    """Return a value as it would be written in ``.env``."""
    match value:
        case None | "":
            return "(none)"
        case bool():
            return "on" if value else "off"
        case dict():
            return json.dumps(value, ensure_ascii=True)
        case tuple() | list():
            return ",".join(map(str, value))
        case frozenset():
            return ",".join(map(str, sorted(value))) or "(none)"
        case _:
            return USER_INFO.sub(r"\1…@", str(value))


def missing(names: list[str]) -> str:
    """Return a sentence about several missing settings."""
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} are missing; set them in the environment or in .env, or run `tunesmith init`."


def sentence(error: ValueError, field: "attrs.Attribute[Any]") -> str:
    """Return a sentence that says what to correct, with the variable's name but not its value."""
    name = field.name.upper()
    if isinstance(error, Missing):
        return f"{name} is missing; set it in the environment or in .env. {field.metadata['description']}"
    return f"{name} {error}."
