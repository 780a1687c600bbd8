"""Other people's words, made safe to show."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.ui.text import cut, escaped, line, plain


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("plain words", "plain words"),
        ("a\u202eb\u2066c\u200bd", "abcd"),
        ("nul\x00 bell\x07", "nul bell"),
        ("Z\u0351\u0352\u0357\u035b\u0363a", "Z\u0351\u0352a"),
        ("e\u0301", "é"),
        ("👨\u200d👩\u200d👧", "👨\u200d👩\u200d👧"),
        ("Städte 夜の雨", "Städte 夜の雨"),
    ],
)
def test_invisible_and_stacked_characters_are_taken_out(typed: str, shown: str) -> None:
    assert shown == plain(typed)


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        (
            "**bold** _it_ ~~gone~~ `code` ||hidden||",
            r"\*\*bold\*\* \_it\_ \~\~gone\~\~ \`code\` \|\|hidden\|\|",
        ),
        ("@everyone @here", "@\u200beveryone @\u200bhere"),
        ("<@1> <#2> <t:3:R>", r"\<@1\> \<\#2\> \<t:3:R\>"),
        ("[**x** [y](z)](https://evil.example)", r"\[\*\*x\*\* \[y\]\(z\)\]\(https://evil.example\)"),
        ("- one\n1. two\n-# small", "\\- one\n1\\. two\n\\-\\# small"),
        ("# head", r"\# head"),
        ("> quote", r"\> quote"),
    ],
)
def test_marks_lose_their_force(typed: str, shown: str) -> None:
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
