"""Each text fits the place where the source uses it, with the longest facts, in every language."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.ui.language import CODES
from tests.unit.ui.test_language import told

SOURCES = sorted(Path("bot/ui").rglob("*.py"))
PLACES: dict[tuple[str, str], int] = {
    ("Button", "label"): 80,
    ("Label", "text"): 45,
    ("Label", "description"): 100,
    ("_field", "hint"): 100,
    ("RadioGroupOption", "label"): 100,
    ("SelectOption", "label"): 100,
    ("SelectOption", "description"): 100,
    ("__init__", "placeholder"): 100,
    ("__init__", "title"): 45,
    ("Choice", "name"): 100,
    ("command", "description"): 100,
    ("Command", "description"): 100,
    ("FittedEmbed", "title"): 256,
    ("FittedEmbed", "description"): 4_096,
    ("add_field", "name"): 256,
    ("add_field", "value"): 1_024,
    ("set_footer", "text"): 2_048,
    ("_post", "content"): 2_000,
}
"""Calls and arguments that take a text, with Discord's limit in characters.

Sources: https://docs.discord.com/developers/components/reference, …/resources/message and
…/interactions/application-commands, read 2026-11-25."""
BUTTON_MAX = 80
DESCRIPTION_MAX = 100
INNER = frozenset({"say", "append", "text", "_text"})
"""Calls that build a part of a longer text, or a picture."""


def called(node: ast.Call) -> str:
    match node.func:
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
    return ""


def limit_of(call: str, argument: str) -> int | None:
    if call == "describe":
        return DESCRIPTION_MAX
    if call.endswith("Button") and argument.isdigit():
        return BUTTON_MAX
    return PLACES.get((call, argument))


def uses() -> Iterator[tuple[str, str, str, str]]:
    """Yield each text that is an argument of a call: location, call, argument and name."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not isinstance(node, ast.Call):
                continue
            given = [(str(index), value) for index, value in enumerate(node.args)]
            given += [(one.arg or "", one.value) for one in node.keywords]
            for argument, value in given:
                if isinstance(value, ast.Call) and called(value) in {"say", "described"} and value.args:
                    for name in names(value.args[0]):
                        yield f"{path.name}:{value.lineno}", called(node), argument, name


def names(node: ast.expr) -> list[str]:
    """Return the texts that the first argument of ``say`` may name.

    Those named by an f-string are only known at run time; ``tests/flows/wire_limits.py`` checks what is sent.
    """
    match node:
        case ast.Constant(value=str(name)):
            return [name]
        case ast.IfExp(body=first, orelse=second):
            return [*names(first), *names(second)]
    return []


@pytest.mark.parametrize("code", CODES)
def test_every_text_fits_its_place(code: str) -> None:
    long = [
        (where, name, len(text))
        for where, call, argument, name in uses()
        if (limit := limit_of(call, argument)) is not None and not 0 < len(text := told(code, name)) <= limit
    ]

    assert [] == long


def test_the_places_of_keywords_are_known() -> None:
    """A text in a new place needs a line in ``PLACES``; a combination of texts does not count as one."""
    unknown = {
        (call, argument)
        for _, call, argument, _ in uses()
        if call not in INNER and not argument.isdigit() and limit_of(call, argument) is None
    }

    assert set() == unknown
