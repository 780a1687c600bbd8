"""Other people's words, made safe to show."""

import unicodedata

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from bot.characters import head, is_plain_latin, tail
from bot.ui.text import (
    MARKS_MAX,
    SCRIPT_MARKS_MAX,
    TIBETAN_MARKS_MAX,
    cut,
    escaped,
    label,
    line,
    plain,
)

AS_TYPED = {
    "Persian": "می\u200cخواهم",
    "a Persian letter's first form": "ه\u200d",
    "Arabic with vowels": "مُحَمَّدٌ",
    "Hindi joined": "क\u094d\u200dष",
    "Hindi not joined": "क\u094d\u200cष",
    "Bengali": "র\u200d\u09cdয",
    "Sinhala": "ශ\u0dca\u200dරී",
    "Tamil": "தமிழ்",
    "Thai": "น้ำ ก็ ปี้",
    "Khmer": "ក្រុម",
    "Burmese": "မြန်မာ",
    "Tibetan": "བསྒྲུབས ཧཱུྃ",
    "Hebrew with points and accents": "שָׁ֣לוֹם",
    "Vietnamese": "Việt Nam ữ ậ",
    "Chinese variant": "葛\U000e0100",
    "a family": "👨\u200d👩\u200d👧\u200d👦",
    "an astronaut with a skin tone": "👩🏽\u200d🚀",
    "the rainbow flag": "🏳\ufe0f\u200d🌈",
    "the flag of England": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "a country's flag": "🇩🇪",
    "keycaps": "1\ufe0f\u20e3#\ufe0f\u20e3",
    "a heart on fire": "❤\ufe0f\u200d🔥",
    "text style": "☺\ufe0e",
    "an emoji of 2024": "\U0001fae9",
    "lines": "one\n\ntwo",
}
STACKS = {"Latin": ("Z", MARKS_MAX), "Thai": ("ก", SCRIPT_MARKS_MAX), "Tibetan": ("ཧ", TIBETAN_MARKS_MAX)}
MARKS = {
    "Latin": "\u0351\u0352\u0357\u035b",
    "Thai": "\u0e47\u0e48\u0e34\u0e4d",
    "Tibetan": "\u0f71\u0f74\u0f83\u0f90",
}


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("plain words", "plain words"),
        ("a\u202eb\u2066c\u200bd", "abcd"),
        ("nul\x00 bell\x07", "nul bell"),
        ("Z\u0351\u0352\u0357\u035b\u0363a", "Z\u0351\u0352a"),
        ("e\u0301", "é"),
        ("a\u200cb a\u200db \u200d", "ab ab"),
        ("👍\u200d a\u200d👍", "👍 a👍"),
        ("می\u200c\u200c\u200dخ \u200cو", "می\u200cخ و"),
        ("x\ufe0f\ufe0f ✈\ufe0f\ufe0f", "x ✈\ufe0f"),
        ("\U000e0067rain 🏴\U000e0067\U000e0067", "rain 🏴"),
        ("a\u3164b\u00adc\u034fd", "abcd"),
        ("ก\u0e47\u0e47\u0e47", "ก\u0e47"),
        ("\u2800 \u0301", ""),
        ("Städte 夜の雨", "Städte 夜の雨"),
    ],
)
def test_invisible_and_stacked_characters_are_removed(typed: str, shown: str) -> None:
    assert shown == plain(typed)


@pytest.mark.parametrize("text", AS_TYPED.values(), ids=AS_TYPED.keys())
def test_characters_needed_by_scripts_and_emoji_are_kept(text: str) -> None:
    assert unicodedata.normalize("NFC", text) == plain(text)


@pytest.mark.parametrize("script", STACKS)
@pytest.mark.parametrize("between", ["", "\u200d", "\u200c", "\u034f", "\u200b"])
def test_marks_on_one_character_are_bounded(script: str, between: str) -> None:
    base, limit = STACKS[script]
    stacked = base + between.join(MARKS[script] * 20)

    assert 1 + limit >= len(plain(stacked))
    assert plain(stacked).startswith(base)


@given(st.text())
def test_making_a_text_plain_twice_changes_nothing(text: str) -> None:
    assert plain(text) == plain(plain(text))


@pytest.mark.parametrize("text", [text for text in AS_TYPED.values() if "\n" not in text])
def test_a_text_is_cut_between_graphemes(text: str) -> None:
    characters = regex.findall(r"\X", text * 3)
    longest = max(map(len, characters))

    cuts = [cut(text * 3, limit).removesuffix("…") for limit in range(longest + 1, len(text * 3))]
    tails = [tail(text * 3, limit) for limit in range(longest + 1, len(text * 3))]

    assert cuts
    for shown in cuts:
        kept = regex.findall(r"\X", shown)
        assert characters[: len(kept)] == kept
    for shown in tails:
        kept = regex.findall(r"\X", shown)
        assert characters[len(characters) - len(kept) :] == kept


@given(st.text(), st.integers(1, 20))
def test_a_head_a_tail_and_a_cut_keep_to_their_limit(text: str, limit: int) -> None:
    assert text.startswith(head(text, limit))
    assert text.endswith(tail(text, limit))
    assert limit >= max(len(head(text, limit)), len(tail(text, limit)), len(cut(text, limit)))
    assert text == cut(text, max(len(text), 1))


def test_a_label_is_one_line_without_anything_invisible() -> None:
    assert "one two *three*…" == label("one\u202e\n two\t*three*\u200b four", 16)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (
            "**bold** _it_ ~~gone~~ `code` ||hidden||",
            r"\*\*bold\*\* \_it\_ \~\~gone\~\~ \`code\` \|\|hidden\|\|",
        ),
        ("@everyone @here", "@\u200beveryone @\u200bhere"),
        ("<@1> <#2> <t:3:R>", r"\<@1\> \<\#2\> \<t:3:R\>"),
        ("[**x** [y](z)](https://evil.example)", r"\[\*\*x\*\* \[y\]\(z\)\]\(https:\//evil.example\)"),
        ("- one\n1. two\n-# small", "\\- one\n1\\. two\n\\-\\# small"),
        ("# head", r"\# head"),
        ("> quote", r"\> quote"),
    ],
)
def test_formatting_marks_are_disarmed(typed: str, shown: str) -> None:
    assert shown == escaped(typed)


def test_a_line_is_one_line_and_is_cut_before_it_is_escaped() -> None:
    assert "one two…" == line("one\ntwo\n\n# three", 9)
    assert "12345" == cut("12345", 5)
    assert "1234…" == cut("123456", 5)


@given(st.text())
def test_no_text_pings_or_links(text: str) -> None:
    shown = line(text, 100)

    assert "@everyone" not in shown
    assert "@here" not in shown
    assert "\n" not in shown
    assert "\x00" not in shown


def test_plain_latin_is_kept_next_to_other_scripts() -> None:
    latin = "".join(char for char in map(chr, range(0x3000)) if is_plain_latin(char))

    assert f"あ{latin}あ" == plain(f"あ{latin}あ")
    assert latin.strip() == plain(latin)
