"""Text overlap: whether an edited text still contains somebody's words. Pure functions."""

import unicodedata
from typing import Final

from bot.lazy import lazy_pattern

RUN: Final = 16
"""Minimum run of equal letters that counts as somebody's words; about three or four words."""
LINE_WORDS: Final = 2
"""Minimum number of words in a line that can belong to somebody."""

_DIRECTION: Final = lazy_pattern(r"\[[^\[\]\n]{0,40}\]")
"""Stage directions such as ``[Chorus]``, which all lyrics share."""
_WORD: Final = lazy_pattern(r"\w+")
_DENSE: Final = "\u2e80"
"""First character of the scripts whose characters count as three letters: Chinese, Japanese, Korean."""


def has_words_of(text: str, original: str) -> bool:
    """Return whether ``text`` contains all of ``original``, one of its lines, or a long run of its letters.

    Case, spaces, punctuation and directions like ``[Chorus]`` are ignored.
    """
    words = [word for line in _lines(text) for word in line]
    lines = _lines(original)
    whole = [word for line in lines for word in line]
    if not words or not whole:
        return False
    joined = f" {' '.join(words)} "
    if words == whole or any(len(line) >= LINE_WORDS and f" {' '.join(line)} " in joined for line in lines):
        return True
    return not _runs(words).isdisjoint(_runs(whole))


def _lines(text: str) -> list[list[str]]:
    plain = unicodedata.normalize("NFKC", _DIRECTION.sub(" ", text)).casefold()
    return [_WORD.findall(line) for line in plain.splitlines()]


def _runs(words: list[str]) -> set[str]:
    letters = "".join(letter * 3 if letter >= _DENSE else letter for word in words for letter in word)
    return {letters[at : at + RUN] for at in range(len(letters) - RUN + 1)}
