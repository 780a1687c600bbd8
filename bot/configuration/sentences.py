"""Sentences about settings: what to correct, and each value as it is written."""

import json
import re
from typing import Final

from pydantic import BaseModel
from pydantic_core import ErrorDetails

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
    """Say that several settings are missing."""
    listed = f"{', '.join(names[:-1])} and {names[-1]}"
    return f"{listed} are missing; set them in the environment or in .env, or run `tunesmith init`."


def sentence(error: ErrorDetails, model: type[BaseModel]) -> str:
    """Say what to correct, with the variable's name and without its value."""
    context = error.get("ctx", {})
    name = str(error["loc"][0]).upper()
    match error["type"]:
        case "missing":
            field = model.model_fields[name.lower()]
            return f"{name} is missing; set it in the environment or in .env. {field.description}"
        case "value_error":
            return f"{name} {context['error']}."
        case "enum" | "literal_error":
            return f"{name} must be one of {context['expected']}.".replace("'", "")
        case "greater_than_equal" | "greater_than":
            bound = "at least" if "ge" in context else "more than"
            return f"{name} must be {bound} {next(iter(context.values()))}."
        case "less_than_equal":
            return f"{name} must be at most {context['le']}."
        case "int_parsing" | "int_from_float" | "int_type" | "int_parsing_size":
            return f"{name} must be a whole number."
        case "bool_parsing" | "bool_type":
            return f"{name} must be on or off."
        case "float_parsing" | "finite_number":
            return f"{name} must be a number."
        case _:
            return f"{name} has an invalid value ({error['type']})."
