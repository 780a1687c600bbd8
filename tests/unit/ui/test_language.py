"""No language lacks a text, uses other variables, or exceeds Discord's limits."""

import ast
import asyncio
from importlib.resources import files
from pathlib import Path

import discord
import pytest
from fluent.syntax import FluentParser
from fluent.syntax import ast as ftl
from fluent.syntax.visitor import Visitor

from bot.ui import language
from bot.ui.language import CODES, ENGLISH, Translator, described, language_of

LIMITS = {
    "command": 100,
    "option": 100,
    "choice": 100,
    "button": 80,
    "form": 45,
    "field": 45,
    "hint": 100,
    "card": 256,
    "pool": 256,
    "quota": 256,
    "explain": 256,
    "help": 800,
}
"""Maximum lengths by the prefix of a text's name, in characters; others are parts of messages. Five help
texts share an embed.

Sources: https://docs.discord.com/developers/interactions/application-commands, …/components/reference and
…/resources/message, read 2026-11-25."""
MESSAGE_MAX = 2_000
LONGEST: dict[str, object] = {"credits": "1,000,000,000 credits", "number": 4, "most": 5_000, "length": 5_000}
SOURCES = sorted(Path("bot/ui").rglob("*.py"))


class Facts(Visitor):
    """The variables of a text."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def visit_VariableReference(self, node: ftl.VariableReference) -> None:  # noqa: N802 - its name there
        self.names.add(node.id.name)


def texts(code: str) -> dict[str, set[str]]:
    """Return the variables of each text, by its name."""
    source = (files("bot.ui") / "languages" / f"{code}.ftl").read_text("utf-8")
    found: dict[str, set[str]] = {}
    for entry in FluentParser().parse(source).body:
        assert not isinstance(entry, ftl.Junk), entry.content
        if isinstance(entry, ftl.Message):
            assert entry.id.name not in found, f"{entry.id.name} is there twice"
            facts = Facts()
            facts.visit(entry)
            found[entry.id.name] = facts.names
    return found


ENGLISH_TEXTS = texts(CODES[0])


def told(code: str, name: str) -> str:
    """Return the text with long values."""
    facts = {fact: LONGEST.get(fact, 1_000) for fact in ENGLISH_TEXTS[name]}
    return language_of(code)(name, **facts)  # type: ignore[arg-type] # texts and numbers


@pytest.mark.parametrize("code", CODES[1:])
def test_a_language_has_the_texts_order_and_facts_of_the_first_one(code: str) -> None:
    assert list(ENGLISH_TEXTS) == list(texts(code))
    assert ENGLISH_TEXTS == texts(code)


@pytest.mark.parametrize("code", CODES[1:])
def test_a_language_is_not_a_copy_of_the_first_one(code: str) -> None:
    same = [
        name for name in ENGLISH_TEXTS if len(told(code, name)) > 25 and told(code, name) == in_english(name)
    ]

    assert [] == same


def in_english(name: str) -> str:
    return told(CODES[0], name)


@pytest.mark.parametrize("code", CODES)
def test_no_text_is_longer_than_discord_accepts(code: str) -> None:
    long = {
        name: len(text)
        for name in ENGLISH_TEXTS
        if not 0 < len(text := told(code, name)) <= LIMITS.get(name.partition("-")[0], MESSAGE_MAX)
    }

    assert {} == long


@pytest.mark.parametrize("code", CODES)
def test_commands_and_buttons_keep_their_names_in_every_text(code: str) -> None:
    """Names that members type are not translated."""
    for name in ENGLISH_TEXTS:
        typed = [part for part in in_english(name).split("`")[1::2] if part.startswith("/")]

        assert sorted(typed) == sorted(
            part for part in told(code, name).split("`")[1::2] if part.startswith("/")
        )


def test_every_text_is_used_and_every_used_text_exists() -> None:
    whole, beginnings = set[str](), set[str]()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole.add(node.value)
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                beginnings.add(str(node.values[0].value))
    beginnings = {one for one in beginnings if one.endswith("-")}
    unused = [
        name
        for name in ENGLISH_TEXTS
        if name not in whole and not any(name.startswith(one) for one in beginnings)
    ]

    assert [] == unused


@pytest.mark.parametrize(
    ("locale", "code"),
    [
        ("de", "de"),
        ("ja", "ja"),
        ("en-US", "en"),
        ("en-GB", "en"),
        ("pt-BR", "en"),
        ("", "en"),
        (None, "en"),
        (discord.Locale.german, "de"),
    ],
)
def test_members_with_another_language_get_english(locale: str | discord.Locale | None, code: str) -> None:
    assert code == language_of(locale).code


def test_a_text_with_missing_facts_raises_and_shows_no_gap() -> None:
    with pytest.raises(LookupError):
        ENGLISH("credits")
    with pytest.raises(LookupError):
        ENGLISH("there is no such text")


def test_numbers_are_formatted_by_language() -> None:
    assert ["12,345", "12.345", "12,345"] == [language_of(code)("number", number=12_345) for code in CODES]


def test_discord_receives_descriptions_in_every_language_and_names_in_none() -> None:
    context: object = None

    def asked(text: discord.app_commands.locale_str, locale: discord.Locale) -> str | None:
        return asyncio.run(Translator().translate(text, locale, context))  # type: ignore[arg-type]

    text = described("command-music")
    assert ENGLISH("command-music") == text.message
    assert language.LANGUAGES["de"]("command-music") == asked(text, discord.Locale.german)
    assert language.LANGUAGES["ja"]("command-music") == asked(text, discord.Locale.japanese)
    assert None is asked(text, discord.Locale.british_english)
    assert None is asked(text, discord.Locale.french)
    assert None is asked(discord.app_commands.locale_str("music"), discord.Locale.german)
