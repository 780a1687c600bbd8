"""Guess the encoding of a short text without a byte order mark that is not UTF-8.

General-purpose detectors need more text than a song has, and know a hundred encodings, most of which nobody
uses for lyrics. Here, a few candidates compete, and the most plausible reading wins: in double-byte
encodings, common characters have lead bytes of their own; in the others, letters are judged by their case and
neighbours.
"""

import functools
from collections.abc import Callable, Iterator
from typing import Final

from msgspec import Struct

from bot.lazy import lazy_unicode_pattern

SCORE_MIN: Final = 0.2
"""Minimum average weight of a plausible text, from -1 to 1."""
COMMON: Final = 1.0
"""Weight of a character that is typical of the encoding."""
CAPITAL: Final = 0.8
"""Factor for a capital that follows another."""
SELDOM: Final = 0.3
"""Weight of an infrequent letter, in alphabets whose frequent ones are known."""
SIGN: Final = 0.4
"""Weight of punctuation, which reveals little about the encoding."""
RARE: Final = -0.4
"""Weight of a character that is rare in ordinary texts."""
ODD: Final = -1.0
"""Weight of a character that suggests a wrong guess."""
SAMPLE_MAX: Final = 2_000
"""Maximum number of characters to weigh; more would add nothing and block the event loop."""
CYRILLIC_RUN_MAX: Final = 1_000
LATIN_RUN_MAX: Final = 2
"""Maximum run of accented letters in Western and Central European languages."""
DOUBLE: Final = 2
"""Length of a character in a double-byte encoding, in bytes."""
LEADS_KEPT: Final = 4_096
"""Number of characters whose lead bytes are cached."""
END_OF_FILE: Final = "\x1a"
"""End-of-file character that some old programs append to a text."""

_CONTROL: Final = lazy_unicode_pattern("[\x00-\x08\x0e-\x19\x1b-\x1f\x7f]")
_NO_CHARACTER: Final = lazy_unicode_pattern(r"[\p{Co}\p{Cn}]")
_CYRILLIC: Final = frozenset("абвгдеёжзийклмнопрстуфхцчшщъыьэюяіїєґў")
_FREQUENT: Final = frozenset("оеаинтсрвлкм")
"""Two thirds of the letters in Russian texts; reading KOI8 as Windows-1251 swaps cases and letters."""
_WESTERN: Final = frozenset("äöüßéèêëàâáãçîïíìôóòõúùûœñåæø")
_CENTRAL: Final = frozenset("ąćęłńóśźżáčďéěíňřšťúůýžöőüűäľĺŕôâăîşţß")
_PUNCTUATION: Final = frozenset("\u2018\u2019“”„«»\u2039\u203a\u2013—…°№·\u00a0€")
_CJK_PUNCTUATION: Final = range(0x3000, 0x3020)
_FULL_WIDTH: Final = range(0xFF01, 0xFF5F)
_KANA: Final = range(0x3041, 0x30FF)
_HALF_WIDTH: Final = range(0xFF61, 0xFFA0)
_LEADS: Final = {
    "euc_kr": range(0xB0, 0xC9),
    "gb2312": range(0xB0, 0xD8),
    "big5": range(0xA4, 0xC7),
    "shift_jis": range(0x88, 0x98),
}
"""Lead bytes of the common characters, which these standards put first."""


class DecodedText(Struct, frozen=True, kw_only=True):
    """Decoded bytes."""

    text: str
    encoding: str
    """The encoding's common name."""
    guessed: bool


def guess(content: bytes) -> DecodedText | None:
    """Return the most plausible reading of the bytes; None if none looks like writing."""
    best, best_score = None, SCORE_MIN
    for name, codec, weights in _candidates():
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        if has_controls(text) or _NO_CHARACTER.search(text):
            continue
        each = list(weights(text[:SAMPLE_MAX]))
        score = sum(each) / len(each) if each else 0.0
        if score > best_score:
            best, best_score = DecodedText(text=text, encoding=name, guessed=True), score
    return best


@functools.cache
def _candidates() -> tuple[tuple[str, str, Callable[[str], Iterator[float]]], ...]:
    """Return encodings by name, codec and weigher. Of two equally good fits, the first wins."""
    return (
        ("EUC-KR", "cp949", _double_byte("euc_kr")),
        ("GBK", "gb18030", _double_byte("gb2312")),
        ("EUC-JP", "euc_jp", _double_byte("shift_jis", has_kana=True)),
        ("Big5", "cp950", _double_byte("big5")),
        ("ISO-2022-JP", "iso2022_jp", _double_byte("shift_jis", has_kana=True)),
        ("Shift-JIS", "cp932", _double_byte("shift_jis", has_kana=True)),
        ("Windows-1251", "cp1251", _alphabet(_CYRILLIC, run_max=CYRILLIC_RUN_MAX)),
        ("KOI8", "koi8_u", _alphabet(_CYRILLIC, run_max=CYRILLIC_RUN_MAX)),
        ("Windows-1252", "cp1252", _alphabet(_WESTERN, run_max=LATIN_RUN_MAX)),
        ("Windows-1250", "cp1250", _alphabet(_CENTRAL, run_max=LATIN_RUN_MAX)),
        ("UTF-16", "utf-16-le", _wide),
        ("UTF-16", "utf-16-be", _wide),
    )


def has_controls(text: str) -> bool:
    """Return whether the text has control characters that ordinary text never has."""
    return _CONTROL.search(text) is not None


@functools.lru_cache(maxsize=LEADS_KEPT)
def _lead(char: str, codec: str) -> int:
    """Return the lead byte of a double-byte character; 0 for others."""
    try:
        encoded = char.encode(codec)
    except UnicodeEncodeError:
        return 0
    return encoded[0] if len(encoded) == DOUBLE else 0


def _double_byte(codec: str, *, has_kana: bool = False) -> Callable[[str], Iterator[float]]:
    """Return the weigher for an encoding with lead bytes for common characters."""

    def weights(text: str) -> Iterator[float]:
        for before, char, after in _neighbours(text):
            if char.isascii():
                continue
            if _is_punctuation(char):
                yield SIGN
            elif ord(char) in _HALF_WIDTH:
                yield ODD
            elif ord(char) in _KANA:
                yield COMMON if has_kana else RARE
            else:
                next_to_latin = _is_ascii_word(before + after)
                yield COMMON if _lead(char, codec) in _LEADS[codec] and not next_to_latin else RARE

    return weights


def _alphabet(letters: frozenset[str], run_max: int) -> Callable[[str], Iterator[float]]:
    """Return the weigher for an alphabet with at most ``run_max`` letters in a row."""

    def weights(text: str) -> Iterator[float]:
        run = 0
        for before, char, after in _neighbours(text):
            run = run + 1 if char.isalpha() and not char.isascii() else 0
            if char.isascii():
                continue
            if _is_punctuation(char):
                yield COMMON if before.isalpha() and after.isalpha() else SIGN
            elif char.lower() not in letters:
                yield RARE
            elif (
                run > run_max
                or (before.islower() and char.isupper())
                or (char.islower() and after.isupper())
                or (letters is _CYRILLIC and _is_ascii_word(before + after))
            ):
                yield ODD
            else:
                weight = COMMON if letters is not _CYRILLIC or char.lower() in _FREQUENT else SELDOM
                yield weight * CAPITAL if char.isupper() and before.isupper() else weight

    return weights


def _wide(text: str) -> Iterator[float]:
    """Yield the weights for UTF-16, in which every character has two bytes."""
    for char in text:
        if char.isascii() or any(char.lower() in letters for letters in (_CYRILLIC, _WESTERN, _CENTRAL)):
            yield COMMON
        elif _is_punctuation(char):
            yield SIGN
        else:
            common = ord(char) in _KANA or any(_lead(char, codec) in leads for codec, leads in _LEADS.items())
            yield COMMON if common else RARE


def _is_punctuation(char: str) -> bool:
    return char in _PUNCTUATION or ord(char) in _CJK_PUNCTUATION or ord(char) in _FULL_WIDTH


def _neighbours(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield each character with its neighbours, in order."""
    return zip(" " + text[:-1], text, text[1:] + " ", strict=True)


def _is_ascii_word(chars: str) -> bool:
    return any(char.isascii() and char.isalnum() for char in chars)
