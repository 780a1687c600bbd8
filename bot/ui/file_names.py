"""Names of attached files: the song's title, in a form that every system accepts."""

import unicodedata
from typing import Final

from bot.lazy import lazy_pattern

TITLE_CHARS_MAX: Final = 40
"""Maximum length of a title in a file name, in user-perceived characters."""
TITLE_MAX_BYTES: Final = 120
"""Maximum length of a title in a file name, in bytes; file systems accept names of 143 bytes or more."""
MARKS_MAX: Final = 4
"""Maximum number of combining marks on one character."""
CLUSTER_MAX: Final = 8
"""Maximum number of code points in a cluster of joined consonants."""

_FOLDED: Final = str.maketrans(
    {
        "æ": "ae",
        "œ": "oe",
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ħ": "h",
        "ŧ": "t",
        "\u0131": "i",
    }
)
"""Latin letters without a removable accent; ß becomes ss by case folding."""
_FILLERS: Final = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u3164\uffa0")
"""Invisible letters and marks."""
_VARIATIONS: Final = lazy_pattern("[\u180b-\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef]")
_SEPARATOR: Final = "-"
_VIRAMA: Final = 9
"""Combining class of marks that join two consonants of an Indic script into one character."""
_RESERVED: Final = frozenset({"con", "prn", "aux", "nul"})
"""Device names on Windows, regardless of anything after their first full stop."""
_TAKE: Final = lazy_pattern(r"-([0-9])\.[a-z0-9]+$")


def file_name(title: str, take: int, ending: str) -> str:
    """Return a take's file name: ``neon-rain-1.mp3``, ``内山-1.mp3``, ``strasse-1.mp3``.

    Letters and digits of every script stay, in lower case; Latin ones lose their accents. Nothing else
    remains: no path separators, controls, bidirectional marks, full stops or spaces.
    """
    name = _cut(_clusters(_folded(title))).strip(_SEPARATOR)
    return f"{'song' if name in _RESERVED else name or 'song'}-{take}{ending}"


def take_of(name: str) -> int | None:
    """Return the take number from a name made by ``file_name``."""
    match = _TAKE.search(name)
    return None if match is None else int(match[1])


def _folded(title: str) -> str:
    """Return the title in lower case, with Latin letters as ASCII where possible."""
    text = unicodedata.normalize("NFKC", title).casefold().translate(_FOLDED)
    chars: list[str] = []
    base = ""
    for char in unicodedata.normalize("NFD", text):
        if not unicodedata.combining(char):
            base = char
        elif base.isascii():
            continue
        chars.append(char)
    return unicodedata.normalize("NFC", "".join(chars))


def _clusters(text: str) -> list[str]:
    """Return user-perceived characters, with separators in place of all else."""
    clusters: list[str] = []
    for char in text:
        kind = unicodedata.category(char)[0]
        if char in _FILLERS or _VARIATIONS.match(char) or char == "\u200d":
            continue
        joined = bool(clusters) and clusters[-1] != _SEPARATOR
        if kind == "M" and joined:
            if len(clusters[-1]) <= MARKS_MAX:
                clusters[-1] += char
        elif kind in "LN" and joined and _continues(clusters[-1]):
            clusters[-1] += char
        elif kind in "LN":
            clusters.append(char)
        elif joined:
            clusters.append(_SEPARATOR)
    return clusters


def _continues(cluster: str) -> bool:
    return len(cluster) < CLUSTER_MAX and unicodedata.combining(cluster[-1]) == _VIRAMA


def _cut(clusters: list[str]) -> str:
    """Return as many of the characters as a file name may have."""
    name, size = "", 0
    for cluster in clusters[:TITLE_CHARS_MAX]:
        size += len(cluster.encode())
        if size > TITLE_MAX_BYTES:
            break
        name += cluster
    return name
