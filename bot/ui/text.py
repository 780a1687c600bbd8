"""Make other people's text safe to show: no pings, no formatting, no invisible characters."""

import re
import unicodedata
from typing import Final

import discord

MARKS_MAX: Final = 2
"""Combining marks in a row that are kept; more would cover the lines around them (Zalgo)."""
FILE_NAME_MAX: Final = 40
"""Characters of a title in a file name."""

# discord.py's own escape_markdown does not escape marks inside a masked link (2.7.1).
_MARKS = re.compile(r"[\\*_~|`\[\]()<>#]")
# Clients and Discord itself find links and invitations in the text as it was sent. A backslash ahead of the
# slash stays invisible, and neither of them finds an address with one in it.
_LINKS = re.compile(r"(:|\.[^\s/]{2,64})/")
_LISTS = re.compile(r"^(\s*\d*)([-+.])", re.MULTILINE)
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn"}
_KEPT = {"\n", "\u200d"}
"""Line breaks, and the zero width joiner, which holds emoji sequences together."""
_TAKE = re.compile(r"-([0-9])\.[a-z0-9]+$")


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


def cut_lines(text: str, limit: int) -> str:
    """Return as many whole lines as fit, with an ellipsis for the rest; one long line is cut within."""
    if len(text) <= limit:
        return text
    end = text.rfind("\n", 0, max(limit - 1, 0))
    return cut(text, limit) if end <= 0 else f"{text[:end]}\n…"


def escaped(text: str) -> str:
    """Return the text with everything escaped that Discord would format, link or ping."""
    unformatted = _LINKS.sub(r"\1\\/", _MARKS.sub(r"\\\g<0>", plain(text)))
    return discord.utils.escape_mentions(_LISTS.sub(r"\1\\\2", unformatted))


def line(text: str, limit: int) -> str:
    """Return one safe line of at most ``limit`` characters of the original."""
    return escaped(cut(" ".join(plain(text).split()), limit))


def file_name(title: str, take: int, ending: str) -> str:
    """Return a file name that every system accepts: ``neon-rain-1.mp3``."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    slug = "-".join(re.findall("[a-z0-9]+", ascii_only))[:FILE_NAME_MAX].strip("-") or "song"
    return f"{slug}-{take}{ending}"


def take_of(name: str) -> int | None:
    """Return the take in a name made by ``file_name``."""
    match = _TAKE.search(name)
    return None if match is None else int(match[1])
