"""Make other people's text safe to show: no pings, no formatting, no invisible characters."""

import re
import unicodedata
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import discord

from bot.characters import head, is_blank, is_plain_latin, with_plain_breaks
from bot.lazy import lazy_pattern, lazy_unicode_pattern

if TYPE_CHECKING:
    import regex

MARKS_MAX: Final = 2
"""Maximum number of combining marks kept per character; more would cover adjacent lines (Zalgo)."""
SCRIPT_MARKS_MAX: Final = 5
"""The same for scripts that need several, like a Hebrew letter with dots, vowel and accent."""
TIBETAN_MARKS_MAX: Final = 8
"""The same for Tibetan, which stacks letters; Unicode counts the lower ones as marks."""

# discord.py's own escape_markdown does not escape marks inside a masked link (2.7.1).
_MARKS = lazy_pattern(r"[\\*_~|`\[\]()<>#]")
# Clients and Discord itself find links and invitations in the raw text. A backslash before the slash stays
# invisible, and neither recognises an address that contains one.
_LINKS = lazy_pattern(r"(:|\.[^\s/]{2,64})/")
_LISTS = lazy_pattern(r"^(\s*\d*)([-+.])", re.MULTILINE)
# One line, like most titles, that begins with a letter and has no character that any rule looks for.
_HARMLESS = lazy_pattern(r"[^\W\d_][^\\*_~|`\[\]()<>#/@\n]*")
_FEW_MARKS: Final = r"\p{Latn}\p{Grek}\p{Cyrl}\p{Armn}\p{Geor}\p{Han}\p{Hira}\p{Kana}\p{Hang}\p{Common}"
_JOINED: Final = (
    r"[\p{Arab}\p{Syrc}\p{Mand}\p{Nkoo}\p{Mong}\p{Phag}\p{Adlm}\p{Rohg}\p{Deva}\p{Beng}\p{Guru}\p{Gujr}\p{Orya}"
    r"\p{Taml}\p{Telu}\p{Knda}\p{Mlym}\p{Sinh}\p{Khmr}\p{Mymr}\p{Tibt}\p{Bali}\p{Java}\p{Sund}\p{Cham}\p{Newa}]"
)
"""Letters and marks of scripts in which a joiner or non-joiner changes the word."""
_EMOJI_BEFORE: Final = r"\p{ExtPict}[\ufe0f\p{Emoji_Modifier}]*"
# Each keeps its first group, if it has one, and drops the rest.
_UNNEEDED: Final = (
    # Tags, except in a regional flag: a black flag, the region's letters, and an end.
    lazy_unicode_pattern(
        r"(\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f)|[\U000e0000-\U000e007f]"
    ),
    # Joiners in a row: the first one is enough.
    lazy_unicode_pattern(r"([\u200c\u200d])[\u200c\u200d]+"),
    # Joiners, unless between emoji or in a script that uses them.
    lazy_unicode_pattern(
        rf"((?<={_EMOJI_BEFORE})\u200d(?=\p{{ExtPict}})|(?<={_JOINED}[\u064b-\u0655\u0670]*)\u200d"
        rf"|(?<={_JOINED}[\u064b-\u0655\u0670]*)\u200c(?={_JOINED}))|[\u200c\u200d]"
    ),
    # Variation selectors on characters without variants.
    lazy_unicode_pattern(
        r"((?<=\p{Emoji})[\ufe0e\ufe0f]|(?<=[\p{Han}\p{S}\p{Mymr}\p{Phag}])[\ufe00-\ufe0d\U000e0100-\U000e01ef]"
        r"|(?<=\p{Mong})[\u180b-\u180d\u180f])|\p{Variation_Selector}"
    ),
    # Characters never shown by themselves, controls and private characters; line breaks stay.
    lazy_unicode_pattern(
        r"(\n|[\u200c\u200d\p{Variation_Selector}\U000e0030-\U000e007f\p{Prepended_Concatenation_Mark}])"
        r"|[\p{DI}\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}]"
    ),
)
_WITH_MARKS: Final = lazy_unicode_pattern(r"(?s)(?P<base>.)(?P<marks>[\p{Mn}\p{Me}\u200c\u200d]{2,})")
_FEW: Final = lazy_unicode_pattern(rf"[{_FEW_MARKS}]")
_TIBETAN: Final = lazy_unicode_pattern(r"\p{Tibetan}")


def plain(text: str) -> str:
    """Return the text without control, bidi and stacked characters; line breaks stay.

    Joiners, variation selectors and tags stay where a script or an emoji needs them. A text without visible
    characters becomes empty.
    """
    if is_plain_latin(text):
        return text.strip()
    text = with_plain_breaks(unicodedata.normalize("NFC", text)).replace("\t", " ")
    for pattern in _UNNEEDED:
        text = pattern.sub(lambda match: match[1] or "", text)
    return "" if is_blank(text) else _WITH_MARKS.sub(_bounded, text).strip()


def _bounded(match: "regex.Match[str]") -> str:
    """Return a character with the marks its script needs, none twice in a row."""
    base: str = match["base"]
    limit = TIBETAN_MARKS_MAX if _TIBETAN.match(base) else MARKS_MAX if _FEW.match(base) else SCRIPT_MARKS_MAX
    marks = [mark for before, mark in pairwise(base + match["marks"]) if mark != before]
    return base + "".join(marks[:limit])


def cut(text: str, limit: int) -> str:
    """Return whole graphemes of at most ``limit`` code points, ellipsis included."""
    return text if len(text) <= limit else head(text, limit - 1).rstrip() + "…"


def cut_lines(text: str, limit: int) -> str:
    """Return as many whole lines as fit, and an ellipsis; cut a single long line."""
    if len(text) <= limit:
        return text
    end = text.rfind("\n", 0, max(limit - 1, 0))
    return cut(text, limit) if end <= 0 else f"{text[:end]}\n…"


def escaped(text: str) -> str:
    """Return the text with everything escaped that Discord would format, link or ping."""
    text = plain(text)
    if _HARMLESS.fullmatch(text):  # four times faster than the search for each
        return text
    unformatted = _LINKS.sub(r"\1\\/", _MARKS.sub(r"\\\g<0>", text))
    return discord.utils.escape_mentions(_LISTS.sub(r"\1\\\2", unformatted))


def label(text: str, limit: int) -> str:
    """Return one line of at most ``limit`` characters, for places without formatting."""
    return cut(" ".join(plain(text).split()), limit)


def line(text: str, limit: int) -> str:
    """Return one safe line of at most ``limit`` characters of the original."""
    return escaped(label(text, limit))
