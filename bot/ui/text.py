"""Make other people's text safe to show: no pings, no formatting, no invisible characters."""

import re
import unicodedata
from typing import Final

import discord

MARKS_MAX: Final = 2
"""Combining marks in a row that are kept; more would cover the lines around them (Zalgo)."""

# discord.py's own escape_markdown does not escape marks inside a masked link (2.7.1).
_MARKS = re.compile(r"[\\*_~|`\[\]()<>#]")
_LISTS = re.compile(r"^(\s*\d*)([-+.])", re.MULTILINE)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_KEPT = {"\n", "\u200d"}
"""Line breaks, and the zero width joiner, which holds emoji sequences together."""


def plain(text: str) -> str:
    """Return the text without control, bidi and stacked characters; line breaks stay."""
    chars: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= MARKS_MAX and (category not in _INVISIBLE or char in _KEPT):
            chars.append(char)
    return "".join(chars).strip()


def cut(text: str, limit: int) -> str:
    """Return at most ``limit`` code points, with an ellipsis in place of the rest."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def escaped(text: str) -> str:
    """Return the text with everything escaped that Discord would format, link or ping."""
    unformatted = _MARKS.sub(r"\\\g<0>", plain(text))
    return discord.utils.escape_mentions(_LISTS.sub(r"\1\\\2", unformatted))


def line(text: str, limit: int) -> str:
    """Return one safe line of at most ``limit`` characters of the original."""
    return escaped(cut(" ".join(plain(text).split()), limit))
