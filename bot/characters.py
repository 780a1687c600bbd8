"""Visibility, line breaks and grapheme clusters in untrusted text."""

from typing import Final

from bot.lazy import lazy_pattern, lazy_unicode_pattern

FILLERS: Final = "\u2800\ufff9-\ufffc\U00013441\U00013442\U00016fe4\U0001d159"
"""Blanks that Unicode classifies as letters, marks or symbols, for use inside a character class."""
# Characters that are never shown (Default_Ignorable_Code_Point), spaces, controls, private-use and unassigned
# characters, and marks, which need a base character.
_UNSEEN: Final = lazy_unicode_pattern(
    rf"[\p{{DI}}\p{{Z}}\p{{Cc}}\p{{Cf}}\p{{Cs}}\p{{Co}}\p{{Cn}}\p{{M}}{FILLERS}]*"
)
_LINE_BREAK: Final = lazy_unicode_pattern("\r\n|[\r\v\f\x85\u2028\u2029]")
_PLAIN_LATIN: Final = lazy_pattern("[ -~¡-¬®-ÿ…]*")
_GRAPHEME: Final = lazy_unicode_pattern(r"\X")
"""One grapheme cluster: an emoji with its parts, or a letter with its accents."""


def is_plain_ascii(text: str) -> bool:
    """Return whether the text consists of printable ASCII only, without line breaks.

    Most texts do and so skip the searches below, each of which takes about ten microseconds.
    """
    return text.isascii() and text.isprintable()


def is_plain_latin(text: str) -> bool:
    """Return the same for the letters and signs of Latin-1 as well, and for an ellipsis.

    None of them joins another or is invisible, and Unicode composes none with the next.
    """
    return _PLAIN_LATIN.fullmatch(text) is not None


def is_blank(text: str) -> bool:
    """Return whether the text has no visible characters."""
    return not text.strip() if is_plain_latin(text) else _UNSEEN.fullmatch(text) is not None


def with_plain_breaks(text: str) -> str:
    """Return the text with every kind of line break replaced by a line feed."""
    return _LINE_BREAK.sub("\n", text)


def storable(text: str) -> str:
    """Return the text trimmed, with plain line feeds, and storable in SQLite and JSON.

    NUL and lone surrogates are removed. A text without visible characters becomes empty.
    """
    if is_plain_ascii(text):
        return text.strip()
    carried = text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")
    return "" if is_blank(carried) else with_plain_breaks(carried).strip()


def graphemes(text: str) -> list[str]:
    """Return the characters as people perceive them, in order."""
    return [match[0] for match in _GRAPHEME.finditer(text)]


def head(text: str, limit: int) -> str:
    """Return the beginning of the text, at most ``limit`` code points long.

    It ends between two graphemes, unless the first alone exceeds the limit. Discord counts code points, too:
    https://github.com/discord/discord-api-docs/issues/1315, read 2026-11-26.
    """
    if len(text) <= limit:
        return text
    if is_plain_latin(text[: limit + 1]):
        return text[:limit]
    end = 0
    for match in _GRAPHEME.finditer(text):
        if match.end() > limit:
            break
        end = match.end()
    return text[: end or limit]


def tail(text: str, limit: int) -> str:
    """Return the text's last whole graphemes, at most ``limit`` code points."""
    begin = len(text)
    for match in _GRAPHEME.finditer(text):
        if len(text) - match.start() <= limit:
            begin = match.start()
            break
    return text[begin:]
