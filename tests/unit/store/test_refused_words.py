"""Refused words are found as whole words in any script, and nowhere else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.store.refused_words import REFUSED_WORD_MAX, first_in, folded

FOUND = (
    *(("rock", "I ROCK!"), ("rock", "これはrockです"), ("rock", "_rock_"), ("rock", "ro\u200bck")),
    *(("straße", "STRASSE"), ("café", "cafe\u0301"), ("ＲＯＣＫ", "rock"), ("bad word", "BAD\u3000 word")),
    *(("雨", "夜の雨の歌"), ("アイ", "アイ を"), ("ｱｲ", "アイ"), ("노래", "내 노래!"), ("наш", "НАШ дом")),
    *(("c++", "c++ song"), ("😀", "hi😀"), ("İ", "i\u0307"), ("เพลง", "ฟังเพลงนี้")),
)
NOT_FOUND = (
    *(("rock", "rocket"), ("rock", "shamrock"), ("rock", "rock2"), ("ass", "class"), ("cafe", "café")),
    *(
        ("アイ", "アイス"),
        ("ラー", "ラーメン"),
        ("か", "が"),
        ("노래", "노래방"),
        ("наш", "ваш"),
        ("ก", "กำ"),
    ),
    *(("bad word", "bad, word"), ("a.b", "axb")),
)


@pytest.mark.parametrize(("word", "text"), FOUND)
def test_a_word_is_found_whatever_its_case_width_and_script(word: str, text: str) -> None:
    assert folded(word) == first_in(["", text], [folded("zebra"), folded(word)])


@pytest.mark.parametrize(("word", "text"), NOT_FOUND)
def test_a_part_of_a_word_does_not_match(word: str, text: str) -> None:
    assert None is first_in([text], [folded(word)])


@given(st.text(min_size=1, max_size=REFUSED_WORD_MAX), st.lists(st.text(max_size=20), max_size=3))
@settings(max_examples=60, deadline=None)
def test_any_refused_word_is_found_on_its_own(word: str, others: list[str]) -> None:
    compared = folded(word)

    assert compared == folded(compared)
    if compared:
        assert compared == first_in([*others, f" {word} "], [compared]) or first_in(others, [compared])
