"""Other people's words made safe to show: no pings, no formatting, no tricks with invisible characters."""

import re
import unicodedata
from typing import Final

import discord

MARKS_MAX: Final = 2
"""Combining marks in a row; more are stacked to spill over the neighbours (Zalgo)."""
FILE_NAME_MAX: Final = 40

# discord.py's own escape_markdown leaves marks inside a masked link in force (2.7.1).
_MARKS = re.compile(r"[\\*_~|`\[\]()<>#]")
_LISTS = re.compile(r"^(\s*\d*)([-+.])", re.MULTILINE)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_KEPT = {"\n", "\u200d"}
"""A zero width joiner holds emoji sequences together."""
_TAKE = re.compile(r"-([0-9])\.[a-z0-9]+$")


def plain(text: str) -> str:
    """The text without control, bidi and stacked characters; line breaks stay."""
    kept: list[str] = []
    marks = 0
    for char in unicodedata.normalize("NFC", text):
        category = unicodedata.category(char)
        marks = marks + 1 if category in ("Mn", "Me") else 0
        if marks <= MARKS_MAX and (category not in _INVISIBLE or char in _KEPT):
            kept.append(char)
    return "".join(kept).strip()


def cut(text: str, limit: int) -> str:
    """At most ``limit`` code points, with an ellipsis where something is missing."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def escaped(text: str) -> str:
    """The text as it is, with whatever Discord would format, link or ping taken out of force."""
    quiet = _MARKS.sub(r"\\\g<0>", plain(text))
    return discord.utils.escape_mentions(_LISTS.sub(r"\1\\\2", quiet))


def line(text: str, limit: int) -> str:
    """One safe line of at most ``limit`` characters of the original."""
    return escaped(cut(" ".join(plain(text).split()), limit))


def file_name(title: str, take: int, ending: str) -> str:
    """A name that every system takes: ``neon-rain-1.mp3``."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall("[a-z0-9]+", ascii_only))[:FILE_NAME_MAX].strip("-") or "song"
    return f"{slug}-{take}{ending}"


def take_of(name: str) -> int | None:
    """The take that a file was named for by ``file_name``."""
    found = _TAKE.search(name)
    return None if found is None else int(found[1])
