"""Draw text of any script: each character in the first of our fonts that has it.

The fonts ship in ``fonts/``, so the picture looks the same on every machine.
"""

import functools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from bot.characters import graphemes, head
from bot.lazy import lazy_unicode_pattern

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

FONTS: Final = (
    "noto-sans.ttf",
    "noto-sans-cjk-jp.otf",
    "noto-emoji.ttf",
    "noto-sans-arabic.ttf",
    "noto-sans-hebrew.ttf",
    "noto-sans-devanagari.ttf",
    "noto-sans-thai.ttf",
    "noto-sans-bengali.ttf",
    "noto-sans-tamil.ttf",
    "noto-sans-georgian.ttf",
    "noto-sans-armenian.ttf",
)
"""The fonts, in order of preference."""
FOLDER: Final = Path(__file__).with_name("fonts")
ELLIPSIS: Final = "…"
TEXT_MAX: Final = 100
"""Maximum number of characters of a text to process; no line of the picture has room for more."""
MISSING: Final = "\U0010ffff"
"""A character that no font has: its glyph is the one for all missing characters."""
_SHAPED: Final = lazy_unicode_pattern(r"[\p{M}\p{DI}\p{Emoji_Modifier}\U000e0020-\U000e007f]")
"""Characters that modify the preceding one and need no glyph of their own."""
_EMOJI: Final = lazy_unicode_pattern(r"\p{Emoji_Presentation}|\p{Emoji}\ufe0f")
_RIGHT_TO_LEFT: Final = lazy_unicode_pattern(r"^[^\p{L}]*[\p{Hebr}\p{Arab}\p{Syrc}\p{Thaa}\p{Nkoo}\p{Adlm}]")


class Run(Struct, frozen=True):
    """Consecutive characters in one font."""

    text: str
    font: "ImageFont.FreeTypeFont"
    width: float


def runs(text: str, size: int) -> list[Run]:
    """Return the text in drawing order, without characters that no font has."""
    parts: list[tuple[str, str]] = []
    for font, grapheme in _lettered(head(text, TEXT_MAX), size):
        if parts and parts[-1][0] == font:
            parts[-1] = (font, parts[-1][1] + grapheme)
        else:
            parts.append((font, grapheme))
    drawn = [Run(part, _face(font, size), _face(font, size).getlength(part)) for font, part in parts]
    return list(reversed(drawn)) if _RIGHT_TO_LEFT.match(text) else drawn


def width(text: str, size: int) -> float:
    """Return the text's width in pixels."""
    return sum(run.width for run in runs(text, size))


def fitting(text: str, size: int, width_max: float) -> str:
    """Return as many whole graphemes as fit, with an ellipsis for the rest."""
    if width(text, size) <= width_max:
        return text
    graphemes_ = graphemes(head(text, TEXT_MAX))
    while graphemes_ and width("".join(graphemes_).rstrip() + ELLIPSIS, size) > width_max:
        graphemes_.pop()
    return "".join(graphemes_).rstrip() + ELLIPSIS


def draw(pen: "ImageDraw.ImageDraw", at: tuple[float, float], text: Sequence[Run], color: str) -> None:
    """Draw the runs from the left; their common baseline starts at ``at``."""
    left, baseline = at
    for run in text:
        pen.text((left, baseline), run.text, color, run.font, "ls")
        left += run.width


def _lettered(text: str, size: int) -> Iterator[tuple[str, str]]:
    """Yield the font and the text of each grapheme that can be drawn."""
    for grapheme in graphemes(text):
        fonts = [FONTS[2], *FONTS] if _EMOJI.search(grapheme) else FONTS
        needed = [one for one in grapheme if not _SHAPED.match(one)] or list(grapheme)
        font = next((font for font in fonts if all(_has(font, one, size) for one in needed)), None)
        if font is not None:
            yield font, grapheme


@functools.lru_cache(maxsize=8_192)
def _has(font: str, character: str, size: int) -> bool:
    """Return whether a font has a character, by comparison with the missing glyph."""
    if character.isspace():
        return font == FONTS[0]
    face = _face(font, size)
    shape, missing = face.getmask(character), face.getmask(MISSING)
    return (shape.size, bytes(shape)) != (missing.size, bytes(missing))


@functools.lru_cache(maxsize=64)
def _face(font: str, size: int) -> "ImageFont.FreeTypeFont":
    from PIL import ImageFont  # noqa: PLC0415 - a start would wait 50 ms for what few look at

    return ImageFont.truetype(str(FOLDER / font), size)
