"""The picture of ``/quota usage``: daily credits by outcome, and the top spenders.

Discord shows it at half size, so its letters are drawn twice as large as they appear. Its own background
makes it equally readable in Discord's dark and light themes.
"""

import io
import math
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from bot.services.credit_views import Use
from bot.store.reports import DayOfUse, MemberUse
from bot.ui import text_drawing
from bot.ui.language import Language
from bot.ui.text import label

if TYPE_CHECKING:
    from PIL import ImageDraw

WIDTH, HEIGHT = 800, 600
SHOWN_WIDTH: Final = 400
"""Width at which Discord shows a picture in an embed; it may be 300 high.

Source: https://docs.discord.com/developers/resources/message#embed-object, and a client, read 2026-11-25.
"""
MARGIN: Final = 24
TITLE_SIZE: Final = 40
SIZE: Final = 34
"""Size of all other letters, which makes capitals 12 pixels high at ``SHOWN_WIDTH``."""
LINE: Final = 44
"""Line height of text."""
SWATCH: Final = 26
"""Side of a colour square in the legend."""
FLOOR: Final = HEIGHT - 60
"""Baseline of the bars; the dates are below it."""
MEMBERS_LEFT: Final = 440
MEMBER_HEIGHT: Final = 78
MEMBERS_MAX: Final = 5
BAR: Final = 14
"""Thickness of a member's bar."""
GAP: Final = 0.25
"""Gap between two bars, as a fraction of a day's width."""
TICKS: Final = 4
"""Maximum number of steps of the scale."""

PAPER, INK, FAINT, GRID = "#1E2030", "#F2F3F5", "#C4C9D0", "#3A3D52"
OUTCOMES: Final = {"spent": "#2FC98D", "held": "#6FB7FF", "released": "#C9CCD6", "refunded": "#F2A93B"}
"""Outcomes of credits, from the bottom of a bar to its top; the colours suit colour-blind readers."""

Box = tuple[float, float, float, float]


def usage(use: Use, say: Language) -> bytes:
    """Draw the picture and return it as a PNG."""
    from PIL import Image, ImageDraw  # noqa: PLC0415 - a start would wait 50 ms for what few look at

    image = Image.new("RGB", (WIDTH, HEIGHT), PAPER)
    pen = _Pen(ImageDraw.Draw(image))
    pen.text(
        (MARGIN, MARGIN + 30), say("usage-picture", days=len(use.days)), TITLE_SIZE, room=WIDTH - 2 * MARGIN
    )
    top = _legend(pen, say)
    _bars(pen, use.days, top)
    _members(pen, use, say, top)
    file = io.BytesIO()
    image.quantize(128).save(file, "PNG", optimize=True)
    return file.getvalue()


class _Pen:
    """Draws texts, boxes and lines."""

    def __init__(self, draw: "ImageDraw.ImageDraw") -> None:
        self._draw = draw

    def text(
        self,
        at: tuple[float, float],
        text: str,
        size: int = SIZE,
        color: str = INK,
        anchor: str = "l",
        room: float = WIDTH,
    ) -> float:
        """Draw text on a baseline, aligned left, right or centred, and return its width."""
        runs = text_drawing.runs(text_drawing.fitting(text, size, room), size)
        width = sum(run.width for run in runs)
        left = at[0] - {"l": 0.0, "m": width / 2, "r": width}[anchor]
        text_drawing.draw(self._draw, (left, at[1]), runs, color)
        return width

    def box(self, box: Box, color: str) -> None:
        left, top, right, bottom = map(round, box)
        if right > left and bottom > top:
            self._draw.rectangle((left, top, right - 1, bottom - 1), fill=color)


def _legend(pen: _Pen, say: Language) -> float:
    """Draw the legend, in as many lines as it needs, and return where it ends."""
    left, baseline = float(MARGIN), MARGIN + 30 + LINE + 6.0
    for outcome, color in OUTCOMES.items():
        word = say(f"usage-{outcome}")
        width = SWATCH + 10 + text_drawing.width(word, SIZE) + 24
        if left > MARGIN and left + width > WIDTH:
            left, baseline = float(MARGIN), baseline + LINE
        pen.box((left, baseline - SWATCH, left + SWATCH, baseline), color)
        pen.text((left + SWATCH + 10, baseline), word, room=WIDTH - MARGIN - left - SWATCH - 10)
        left += width
    return baseline + 20


def _bars(pen: _Pen, days: Sequence[DayOfUse], top: float) -> None:
    highest = max(sum(_parts(day)) for day in days)
    step = tick(highest)
    ticks = max(1, math.ceil(highest / step))
    scale = [short(step * number) for number in range(ticks + 1)]
    left = MARGIN + max(text_drawing.width(one, SIZE) for one in scale) + 10
    right, ceiling = MEMBERS_LEFT - 36, top + 16
    for number, text in enumerate(scale):
        y = FLOOR - (FLOOR - ceiling) * number / ticks
        pen.box((left, y, right, y + 2), GRID)
        pen.text((left - 10, y + 12), text, color=FAINT, anchor="r")
    width = (right - left) / len(days)
    for number, day in enumerate(days):
        bar = left + width * (number + GAP / 2)
        y = float(FLOOR)
        for amount, color in zip(_parts(day), OUTCOMES.values(), strict=True):
            height = (FLOOR - ceiling) * amount / (step * ticks)
            pen.box((bar, y - height, bar + width * (1 - GAP), y), color)
            y -= height
    pen.text((left, FLOOR + 42), f"{days[0].day:%m-%d}", color=FAINT)
    if len(days) > 1:
        pen.text((right, FLOOR + 42), f"{days[-1].day:%m-%d}", color=FAINT, anchor="r")


def _parts(day: DayOfUse) -> list[int]:
    return [getattr(day, outcome) for outcome in OUTCOMES]


def short(amount: int) -> str:
    """Return an amount as ``950``, ``20k`` or ``1.5M``, to fit next to the bars."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if amount >= 10 * size or (amount >= size and letter == "M"):
            return f"{round(amount / size, 1):g}{letter}"
    return f"{amount:,}"


def tick(highest: int) -> int:
    """Return the interval between two grid lines: 1, 2 or 5 times a power of ten.

    At most ``TICKS`` intervals are needed to reach ``highest``.
    """
    size = 1
    while True:
        for step in (size, 2 * size, 5 * size):
            if step * TICKS >= highest:
                return step
        size *= 10


def _members(pen: _Pen, use: Use, say: Language, top: float) -> None:
    """Draw the top spenders; a rank replaces a name that can't be drawn."""
    right = WIDTH - MARGIN
    highest = max((member.credits for member in use.top), default=1)
    for number, member in enumerate(islice(use.top, MEMBERS_MAX)):
        baseline = top + 28 + number * MEMBER_HEIGHT
        width = pen.text((right, baseline), short(member.credits), color=FAINT, anchor="r")
        name = _name(say, member)
        label_ = name if text_drawing.runs(name, SIZE) else f"{number + 1}"
        pen.text((MEMBERS_LEFT, baseline), label_, room=right - width - 14 - MEMBERS_LEFT)
        end = MEMBERS_LEFT + (right - MEMBERS_LEFT) * member.credits / highest
        pen.box(
            (MEMBERS_LEFT, baseline + 14, max(end, MEMBERS_LEFT + 2), baseline + 14 + BAR), OUTCOMES["spent"]
        )


def _name(say: Language, member: MemberUse) -> str:
    return say("forgotten") if member.member_id is None else label(member.name, text_drawing.TEXT_MAX)
