"""Parse the subset of Fluent used by ``languages/``: text, facts, and selection by a fact.

The reference implementation pulls in Babel, whose locale data occupies 7 MiB and takes a tenth of the startup
time; a test compares the two on every message. Functions, terms, attributes and nested references are not
supported.

Source: https://projectfluent.org/fluent/guide/, and the grammar in
https://github.com/projectfluent/fluent/blob/main/spec/fluent.ebnf, read 2026-11-26.
"""

from collections.abc import Callable, Mapping
from typing import Final

from msgspec import Struct

from bot.lazy import lazy_pattern

Fact = str | int
FACT: Final = lazy_pattern(r"\{\s*\$([a-z][a-z0-9_-]*)\s*(\}|->)")
"""The beginning of a placeable: a fact to write, or to select by."""
LITERAL: Final = lazy_pattern(r'\{\s*"([^"\\\n]+)"\s*\}')
"""Quoted text, which keeps its blanks at the ends of a pattern."""
VARIANT: Final = lazy_pattern(r"\s*(\*?)\[\s*([a-z0-9_-]+)\s*\] *")
TEXT: Final = lazy_pattern(r"[^{}\n]+")
BREAK: Final = lazy_pattern(r"(?:\r?\n *)*\n( *)")
"""Line breaks, with the indentation of the next non-empty line."""


class _Write(Struct, frozen=True):
    """A fact, written into the text."""

    fact: str


class _Choice(Struct, frozen=True):
    """One of several patterns, chosen by a fact."""

    fact: str
    variants: dict[str, "Pattern"]
    default: str


class _Break(Struct, frozen=True):
    """Line breaks, and the indentation of the next line."""

    count: int
    indent: int


class _Literal(Struct, frozen=True):
    """Text whose blanks are all kept."""

    text: str


Pattern = tuple[str | _Write | _Choice, ...]


class Rules(Struct, frozen=True):
    """How a language formats numbers and selects plurals."""

    thousands: str
    category: Callable[[int], str]

    def number(self, number: int) -> str:
        """Return a whole number in the language's format."""
        return str(number) if -1000 < number < 1000 else f"{number:,}".replace(",", self.thousands)  # noqa: PLR2004


def parse(source: str) -> Pattern:
    """Return the pattern of a message, which begins with its name.

    Raises:
        ValueError: it uses unsupported Fluent syntax.
    """
    pattern, end = _pattern(source, source.index("=") + 1, within=False)
    rest = [line for line in source[end:].splitlines() if line.strip() and not line.startswith("#")]
    if rest:
        raise ValueError(rest[0])
    return pattern


def render(pattern: Pattern, facts: Mapping[str, Fact], rules: Rules) -> str:
    """Return a pattern's text with these facts filled in.

    Raises:
        LookupError: a fact is missing.
    """
    texts = []
    for part in pattern:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, _Write):
            fact = facts[part.fact]
            texts.append(fact if isinstance(fact, str) else rules.number(fact))
        else:
            texts.append(render(_chosen(part, facts[part.fact], rules), facts, rules))
    return "".join(texts)


def _chosen(choice: _Choice, fact: Fact, rules: Rules) -> Pattern:
    variant = choice.variants.get(str(fact))
    if variant is None and not isinstance(fact, str):
        variant = choice.variants.get(rules.category(fact))
    return choice.variants[choice.default] if variant is None else variant


def _pattern(source: str, at: int, *, within: bool) -> tuple[Pattern, int]:
    """Parse a pattern from ``at``.

    ``within`` a choice, it ends at the next variant or the closing brace.
    """
    parts: list[str | _Literal | _Write | _Choice | _Break] = []
    while at < len(source):
        if (text := TEXT.match(source, at)) is not None:
            parts.append(text[0])
            at = text.end()
        elif (literal := LITERAL.match(source, at)) is not None:
            parts.append(_Literal(literal[1]))
            at = literal.end()
        elif (opened := FACT.match(source, at)) is not None:
            at = opened.end()
            if opened[2] == "}":
                parts.append(_Write(opened[1]))
            else:
                choice, at = _choice(source, at, opened[1])
                parts.append(choice)
        elif (broken := BREAK.match(source, at)) is not None:
            following = source[broken.end() : broken.end() + 1]
            if (within and following in "*[}") or (not within and not broken[1]):
                break
            if following and following in ".[*":  # an attribute, or a variant outside a choice
                raise ValueError(source[broken.end() : broken.end() + 40])
            parts.append(_Break(broken[0].count("\n"), len(broken[1])))
            at = broken.end()
        elif within and source[at] == "}":
            break
        else:
            raise ValueError(source[at : at + 40])
    return _dedented(parts), at


def _choice(source: str, at: int, fact: str) -> tuple[_Choice, int]:
    variants: dict[str, Pattern] = {}
    default = ""
    while (key := VARIANT.match(source, at)) is not None:
        variants[key[2]], at = _pattern(source, key.end(), within=True)
        default = key[2] if key[1] else default
    end = source.index("}", at)
    if not default or source[at:end].strip():
        raise ValueError(source[at : at + 40])
    return _Choice(fact, variants, default), end + 1


def _dedented(parts: list[str | _Literal | _Write | _Choice | _Break]) -> Pattern:
    """Return the parts without common indentation and surrounding blanks."""
    if parts and isinstance(parts[0], str):
        parts[0] = parts[0].lstrip(" ")
    while parts and parts[0] == "":
        parts.pop(0)
    shared = min((part.indent for part in parts if isinstance(part, _Break)), default=0)
    if parts and isinstance(parts[0], _Break):
        parts.pop(0)
    while parts:
        if isinstance(last := parts[-1], str):
            parts[-1] = last.rstrip(" \r")
        if parts[-1] != "" and not isinstance(parts[-1], _Break):
            break
        parts.pop()
    merged: list[str | _Write | _Choice] = []
    for part in parts:
        text: str | _Write | _Choice
        match part:
            case _Break(count, indent):
                text = "\n" * count + " " * (indent - shared)
            case _Literal(text):
                pass
            case _:
                text = part
        if isinstance(text, str) and merged and isinstance(merged[-1], str):
            merged[-1] += text
        else:
            merged.append(text)
    return tuple(part for part in merged if part != "")
