"""The chart of ``/quota usage``: credits a day by outcome, and the members who spent most.

It has its own background, so that it reads the same on a dark and on a light Discord. It has numbers but
no words: those are around it, in the reader's language and script (``quota_cards.usage``).
"""

import functools
import io
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from bot.services.credits import Use
from bot.store.reports import DayOfUse

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

WIDTH, HEIGHT = 800, 400
LEFT, TOP, BOTTOM = 66, 28, 48
MEMBERS_LEFT: Final = 590
MARGIN: Final = 20
GAP: Final = 0.25
"""Space between two bars, as a share of a day's width."""
TICKS: Final = 5
LABEL_EVERY: Final = 5
"""Days between two dates under the bars."""

PAPER, INK, FAINT, LINE = "#1E2030", "#F2F3F5", "#B5BAC1", "#3A3D52"
OUTCOMES: Final = {"spent": "#2FC98D", "held": "#6FB7FF", "released": "#C9CCD6", "refunded": "#F2A93B"}
"""Outcomes of credits, from the bottom of a bar to its top; the colours suit the colour-blind."""

Box = tuple[float, float, float, float]


def usage(use: Use) -> bytes:
    """Draw the chart. Returns a PNG."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - a start would wait 50 ms for what few look at

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = _Pen(ImageDraw.Draw(image))
    _bars(pen, use.days)
    _members(pen, use)
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class _Pen:
    """Draws texts, boxes and lines."""

    def __init__(self, draw: "ImageDraw.ImageDraw") -> None:
        self._draw = draw

    def text(
        self, at: tuple[float, float], text: str, size: int, color: str = INK, anchor: str = "la"
    ) -> None:
        self._draw.text(at, text, color, _font(size), anchor)

    def box(self, box: Box, color: str) -> None:
        left, top, right, bottom = map(round, box)
        if right > left and bottom > top:
            self._draw.rectangle((left, top, right - 1, bottom - 1), fill=color)

    def line(self, y: float, left: float, right: float) -> None:
        self.box((left, y, right, y + 1), LINE)


@functools.cache
def _font(size: int) -> "ImageFont.FreeTypeFont | ImageFont.ImageFont":
    from PIL import ImageFont  # noqa: PLC0415 - as in usage

    return ImageFont.load_default(size)


def _bars(pen: _Pen, days: Sequence[DayOfUse]) -> None:
    right, floor = MEMBERS_LEFT - 36, HEIGHT - BOTTOM
    highest = max(sum(_parts(day)) for day in days)
    step = tick(highest)
    ticks = max(1, math.ceil(highest / step))
    top = step * ticks
    for number in range(ticks + 1):
        y = floor - (floor - TOP) * number / ticks
        pen.line(y, LEFT, right)
        pen.text((LEFT - 8, y), short(step * number), 17, FAINT, "rm")
    width = (right - LEFT) / len(days)
    for number, day in enumerate(days):
        left = LEFT + width * (number + GAP / 2)
        y = float(floor)
        for amount, color in zip(_parts(day), OUTCOMES.values(), strict=True):
            height = (floor - TOP) * amount / top
            pen.box((left, y - height, left + width * (1 - GAP), y), color)
            y -= height
        if (len(days) - 1 - number) % LABEL_EVERY == 0:
            middle = left + width * (1 - GAP) / 2
            pen.text((middle, floor + 12), f"{day.day:%m-%d}", 17, FAINT, "ma")


def _parts(day: DayOfUse) -> list[int]:
    return [getattr(day, outcome) for outcome in OUTCOMES]


def short(amount: int) -> str:
    """Return ``950``, ``20k`` or ``1.5M``, which fit next to the bars."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if amount >= 10 * size or (amount >= size and letter == "M"):
            return f"{amount / size:g}{letter}"
    return f"{amount:,}"


def tick(highest: int) -> int:
    """Return the step between two lines: 1, 2 or 5 times a power of ten.

    At most ``TICKS`` of them are needed to reach ``highest``.
    """
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step * TICKS >= highest:
                return step
        size *= 10


def _members(pen: _Pen, use: Use) -> None:
    highest = max((member.credits for member in use.top), default=1)
    left, room = MEMBERS_LEFT + 26, WIDTH - MARGIN - MEMBERS_LEFT - 26
    for number, member in enumerate(use.top):
        y = TOP + 20 + number * 62
        pen.text((MEMBERS_LEFT, y), str(number + 1), 20, FAINT, "lm")
        pen.box((left, y - 11, left + room * member.credits / highest, y + 11), OUTCOMES["spent"])
        pen.text((left, y + 15), f"{member.credits:,}", 17, FAINT, "la")
