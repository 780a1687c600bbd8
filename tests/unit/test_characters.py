"""Visible characters, and line breaks."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.characters import graphemes, head, is_blank, is_plain_latin, storable, with_plain_breaks
from bot.model import SongRequest

BLANKS = {
    "nothing": "",
    "spaces": " \u00a0\u3000\u2003\t\n",
    "zero width": "\u200b\u200c\u200d\u2060\ufeff",
    "Hangul fillers": "\u3164\u115f\u1160\uffa0",
    "an empty Braille cell": "\u2800",
    "soft hyphens": "\u00ad\u00ad",
    "variation selectors": "\ufe0f\ufe0e\U000e0100",
    "tags": "\U000e0067\U000e0062\U000e007f",
    "bidi controls": "\u202a\u202e\u2066\u2069\u200e\u200f\u061c",
    "marks without a letter": "\u0301\u20dd\u093e",
    "controls": "\x00\x07\x1b\x85",
    "Khmer vowels that are not shown": "\u17b4\u17b5",
    "Mongolian separators": "\u180b\u180e",
    "an object's place": "\ufffc",
    "a blank hieroglyph": "\U00013441",
    "a musical null": "\U0001d159\U0001d173",
    "a grapheme joiner": "\u034f",
    "private characters": "\ue000",
    "what is no character": "\uffff\U0001fffe",
    "a lone surrogate": "\ud800",
}


@pytest.mark.parametrize("text", BLANKS.values(), ids=BLANKS.keys())
def test_a_text_without_visible_characters_is_empty(text: str) -> None:
    assert is_blank(text)
    assert "" == storable(text)
    assert "" == storable(f"{text}\r\n{text}")


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "…",
        "🎵",
        "❤\ufe0f",
        "1\ufe0f\u20e3",
        "夜",
        "ㅋ",
        "⠁",
        "می\u200cخواهم",
        "🏴\U000e0067\U000e007f",
        "-",
    ],
)
def test_visible_text_stays_as_typed(text: str) -> None:
    assert not is_blank(text)
    assert text == storable(text)


@given(st.characters(categories=["Cc", "Cf", "Cs", "Co", "Zs", "Zl", "Zp", "Mn", "Mc", "Me"]))
def test_invisible_characters_alone_are_not_a_text(char: str) -> None:
    assert is_blank(char)


@given(st.characters(categories=["L", "N", "P", "S"], codec="utf-8"))
def test_a_visible_character_is_a_text(char: str) -> None:
    names = ("FILLER", "BLANK", "NULL NOTEHEAD", "REPLACEMENT")
    assert any(name in unicodedata.name(char, "") for name in names) or not is_blank(char)


@pytest.mark.parametrize("line_break", ["\r\n", "\r", "\n", "\x85", "\u2028", "\u2029", "\v", "\f"])
def test_every_kind_of_line_break_becomes_a_line_feed(line_break: str) -> None:
    request = SongRequest(model="V5", **dict.fromkeys(TEXTS, f"one{line_break}{line_break}two{line_break}"))  # type: ignore[arg-type]

    assert "one\n\ntwo" == storable(f"one{line_break}{line_break}two{line_break}")
    assert {"one\n\ntwo"} == {getattr(request.cleaned(), name) for name in TEXTS}


@given(st.text(alphabet="a\r\n\x85\u2028\u2029\v\f"))
def test_line_breaks_are_neither_lost_nor_doubled(text: str) -> None:
    assert text.replace("\r\n", "\n").count("a") == with_plain_breaks(text).count("a")
    assert len(text.replace("\r\n", "\n")) == len(with_plain_breaks(text))
    assert with_plain_breaks(text) == with_plain_breaks(with_plain_breaks(text))


TEXTS = ("prompt", "title", "style", "lyrics", "avoid")


def test_plain_latin_is_visible_and_never_combines() -> None:
    plain = [char for char in map(chr, range(0x3000)) if is_plain_latin(char)]

    assert "".join(plain) == unicodedata.normalize("NFC", "".join(plain))
    assert [] == [char for char in plain if len(graphemes(f"{char}あ")) < 2]
    assert [" "] == [char for char in plain if is_blank(f"{char}\u3000")]


def test_a_beginning_never_splits_a_letter_from_its_accents() -> None:
    assert "Caf" == head("Cafe\u0301 und mehr", 4)
    assert "Café" == head("Café und mehr", 4)
