"""The chart of a server's usage."""

import io
from collections import Counter
from datetime import date, timedelta

import pytest
from PIL import Image

from bot.model import DiscordUserId
from bot.services.credits import Use
from bot.store.reports import DayOfUse, MemberUse
from bot.ui import chart


def use(*amounts: tuple[int, int, int, int], top: tuple[int, ...] = ()) -> Use:
    """Days with these credits spent, held, released and refunded."""
    first = date(2026, 2, 13)
    return Use(
        days=[
            DayOfUse(day=first + timedelta(days=number), spent=s, held=h, released=r, refunded=f)
            for number, (s, h, r, f) in enumerate(amounts)
        ],
        top=[
            MemberUse(member_id=DiscordUserId(number), credits=credits_)
            for number, credits_ in enumerate(top, start=1)
        ],
    )


def colors(picture: bytes) -> dict[str, int]:
    """How many pixels each outcome has in the bars."""
    image = Image.open(io.BytesIO(picture)).crop(
        (chart.LEFT, chart.TOP, chart.MEMBERS_LEFT - 20, chart.HEIGHT - chart.BOTTOM)
    )
    found = Counter(zip(*[iter(image.tobytes())] * 3, strict=True))
    return {outcome: found[tuple(bytes.fromhex(color[1:]))] for outcome, color in chart.OUTCOMES.items()}


def test_each_outcome_has_its_share_of_the_bars() -> None:
    shown = colors(chart.usage(use(*[(40, 20, 10, 10)] * 30)))

    assert shown["spent"] == pytest.approx(2 * shown["held"], rel=0.1)
    assert shown["held"] == pytest.approx(2 * shown["released"], rel=0.1)
    assert shown["released"] == pytest.approx(shown["refunded"], rel=0.1)


@pytest.mark.parametrize("amounts", [[(0, 0, 0, 0)] * 30, [(10**9, 0, 0, 0)] * 30, [(1, 0, 0, 0)]])
def test_nothing_and_very_much_can_be_drawn(amounts: list[tuple[int, int, int, int]]) -> None:
    image = Image.open(io.BytesIO(chart.usage(use(*amounts, top=(10**9, 1)))))

    assert (chart.WIDTH, chart.HEIGHT) == image.size


def test_the_background_is_its_own() -> None:
    image = Image.open(io.BytesIO(chart.usage(use((10, 0, 0, 0)))))

    assert ("RGB", (30, 32, 48)) == (image.mode, image.getpixel((0, 0)))


@pytest.mark.parametrize(
    ("most", "step"),
    [(0, 1), (1, 1), (5, 1), (6, 2), (10, 2), (11, 5), (150, 50), (251, 100), (10**6, 200_000)],
)
def test_lines_stand_at_round_numbers(most: int, step: int) -> None:
    assert step == chart.tick(most)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "0"), (5_000, "5,000"), (20_000, "20k"), (1_500_000, "1.5M"), (10**9, "1000M")],
)
def test_a_number_next_to_the_bars_is_short(amount: int, shown: str) -> None:
    assert shown == chart.short(amount)
