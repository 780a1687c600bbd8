"""Fields of the settings: how each is parsed, what it is for, and whether it is secret."""

from collections.abc import Callable, Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any, Final

import attrs

QUOTES: Final = ("'", '"')

Reader = Callable[[str], Any]
"""Parses a text. Raises ValueError with the rest of a sentence that starts with the setting's name."""
Validator = Callable[[Any, "attrs.Attribute[Any]", Any], None]
"""Checks a setting against the valid ones before it. Raises like a reader."""


class Secret:
    """A text that is shown only on request."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def get_secret_value(self) -> str:
        """Return the text."""
        return self._text

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)


class Missing(ValueError):
    """A required setting has no value."""


def setting(
    reader: Reader,
    *,
    description: str,
    default: Any = attrs.NOTHING,  # noqa: ANN401 - of the field's type
    validator: Validator | None = None,
    secret: bool = False,
) -> Any:  # noqa: ANN401 - as attrs.field
    """Return a field that accepts a text to parse, or the value itself."""
    return attrs.field(
        default=default,
        converter=partial(_convert, Secret if secret else None, reader),
        validator=validator,
        metadata={"description": description, "secret": secret},
    )


def _convert(wrap: type[Secret] | None, reader: Reader, value: object) -> object:
    if not isinstance(value, str):
        return value
    if value != value.strip():
        raise ValueError("has a space at the start or end; remove it")
    if value.startswith(QUOTES) and value[-1] == value[0]:
        raise ValueError("is in quotes, which `docker run --env-file` keeps; remove them")
    return wrap(reader(value)) if wrap is not None else reader(value)


def read(model: type[Any], texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, ValueError]]:
    """Parse the texts. Return the values, and the first error of each invalid or missing field."""
    values, errors, before = {}, {}, SimpleNamespace()
    for field in attrs.fields(model):
        try:
            if field.name in texts and field.converter is not None:
                value = values[field.name] = field.converter(texts[field.name])
            elif field.default is attrs.NOTHING:
                raise Missing
            else:
                value = field.default
            if field.validator is not None:
                field.validator(before, field, value)
            setattr(before, field.name, value)
        except ValueError as error:
            errors[field.name] = error
    return values, errors
