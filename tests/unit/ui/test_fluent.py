"""``ui/fluent.py`` formats texts as the reference implementation of Fluent does."""

import re
from importlib.resources import files

import pytest
from fluent.runtime import FluentBundle, FluentResource

from bot.ui import fluent
from bot.ui.language import CODES, RULES, Language

NUMBERS = (0, 1, 2, 999, 1_000, -1_234, 1_234_567)


def source_of(code: str) -> str:
    return (files("bot.ui") / "languages" / f"{code}.ftl").read_text("utf-8")


def bundle(code: str, source: str) -> FluentBundle:
    reference = FluentBundle([code], use_isolating=False)
    reference.add_resource(FluentResource(source))
    return reference


def expected(reference: FluentBundle, name: str, facts: dict[str, str | int]) -> str:
    value = reference.get_message(name).value
    assert value is not None
    text, errors = reference.format_pattern(value, dict(facts))
    assert [] == errors
    return str(text)


@pytest.mark.parametrize("code", CODES)
def test_every_text_is_formatted_like_the_reference_does(code: str) -> None:
    source = source_of(code)
    reference, say = bundle(code, source), Language(code)
    for name, message in re.findall(r"^([a-z][a-z0-9-]*) =((?:.*\n(?![a-z#]))*.*)", source, re.MULTILINE):
        names = set(re.findall(r"\$([a-z][a-z0-9_-]*)", message))
        # The reference compares a text with the plural category of a variant like [0].
        texts = [] if re.search(r"\[\d", message) else re.findall(r"\[([a-z0-9-]+)\]", message)
        for value in (*NUMBERS, "x", *texts):
            facts: dict[str, str | int] = dict.fromkeys(names, value)

            assert expected(reference, name, facts) == say(name, **facts)


@pytest.mark.parametrize(
    "source",
    [
        "a =  one line  ",
        "a =\n    two\n      lines\n\n    and more\n",
        "a = first\n     second\n   third\n# a comment\n",
        "a = { $n ->\n [0] none\n [one] one of\n  two lines\n *[other] { $n } of them\n} left\n",
        'a = { " " }after a blank{ " " }\n',
        'a =\n  { " " }two\n   lines { " " }\n\n',
        "a = at { $n ->\n [one] x\n *[other] { $n ->\n  [2] two\n  *[other] many\n }\n} after",
    ],
)
@pytest.mark.parametrize("code", CODES)
def test_lines_and_choices_are_parsed_like_the_reference_does(code: str, source: str) -> None:
    for number in NUMBERS:
        found = fluent.render(fluent.parse(source), {"n": number}, RULES[code])

        assert expected(bundle(code, source), "a", {"n": number}) == found


@pytest.mark.parametrize(
    "source", ["a = { -term }", 'a = { "" }', "a = x\n    .attribute = y", "a = { $n -> }"]
)
def test_unsupported_syntax_is_refused(source: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - it quotes the text
        fluent.render(fluent.parse(source), {}, RULES["en"])


def test_a_missing_fact_is_an_error() -> None:
    with pytest.raises(LookupError):
        Language("en")("credits")


def test_an_unknown_text_name_is_an_error() -> None:
    with pytest.raises(LookupError):
        Language("en")("no-such-text")
