"""The picture of a server's usage."""

import io
from collections import Counter
from datetime import date, timedelta

import pytest
from PIL import Image, ImageDraw

from bot.model import DiscordUserId
from bot.services.credit_views import Use
from bot.store.reports import DayOfUse, MemberUse
from bot.ui import chart, text_drawing
from bot.ui.language import CODES, ENGLISH, language_of


def use(*amounts: tuple[int, int, int, int], top: tuple[int, ...] = (), name: str = "Mia") -> Use:
    """Return days with these credits spent, held, released and refunded."""
    first = date(2026, 2, 13)
    return Use(
        days=[
            DayOfUse(day=first + timedelta(days=number), spent=s, held=h, released=r, refunded=f)
            for number, (s, h, r, f) in enumerate(amounts)
        ],
        top=[
            MemberUse(member_id=DiscordUserId(number), credits=credits_, name=name)
            for number, credits_ in enumerate(top, start=1)
        ],
    )


def colors(picture: bytes) -> dict[str, int]:
    """Return the number of pixels in the bars for each outcome."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image = image.crop((0, chart.FLOOR - 370, chart.MEMBERS_LEFT - 20, chart.FLOOR))
    found = Counter(zip(*[iter(image.tobytes())] * 3, strict=True))
    return {outcome: found[tuple(bytes.fromhex(color[1:]))] for outcome, color in chart.OUTCOMES.items()}


def test_each_outcome_has_its_share_of_the_bars() -> None:
    shown = colors(chart.usage(use(*[(40, 20, 10, 10)] * 30), ENGLISH))

    assert shown["spent"] == pytest.approx(2 * shown["held"], rel=0.1)
    assert shown["held"] == pytest.approx(2 * shown["released"], rel=0.1)
    assert shown["released"] == pytest.approx(shown["refunded"], rel=0.1)


@pytest.mark.parametrize("amounts", [[(0, 0, 0, 0)] * 30, [(10**9, 0, 0, 0)] * 30, [(1, 0, 0, 0)]])
def test_zero_and_very_large_amounts_can_be_drawn(amounts: list[tuple[int, int, int, int]]) -> None:
    image = Image.open(io.BytesIO(chart.usage(use(*amounts, top=(10**9, 1)), ENGLISH)))

    assert (chart.WIDTH, chart.HEIGHT) == image.size


def test_the_background_has_its_own_colour() -> None:
    image = Image.open(io.BytesIO(chart.usage(use((10, 0, 0, 0)), ENGLISH)))

    assert (30, 32, 48) == image.convert("RGB").getpixel((0, 0))


@pytest.mark.parametrize(
    ("most", "step"),
    [(0, 1), (1, 1), (4, 1), (6, 2), (10, 5), (11, 5), (150, 50), (251, 100), (10**6, 500_000)],
)
def test_grid_lines_are_at_round_numbers(most: int, step: int) -> None:
    assert step == chart.tick(most)


@pytest.mark.parametrize(
    ("amount", "shown"),
    [(0, "0"), (5_000, "5,000"), (20_000, "20k"), (12_345, "12.3k"), (1_500_000, "1.5M"), (10**9, "1000M")],
)
def test_a_number_next_to_the_bars_is_short(amount: int, shown: str) -> None:
    assert shown == chart.short(amount)


LETTERS_MIN_PX = 12
"""Minimum height of a capital or a digit at the width at which Discord shows the picture, in pixels."""
SCALE = chart.SHOWN_WIDTH / chart.WIDTH


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[float, float], list[text_drawing.Run]]]:
    """The texts in the pictures drawn, with their positions."""
    texts: list[tuple[tuple[float, float], list[text_drawing.Run]]] = []
    draw = text_drawing.draw

    def recorded(
        pen: ImageDraw.ImageDraw, at: tuple[float, float], text: list[text_drawing.Run], color: str
    ) -> None:
        texts.append((at, text))
        draw(pen, at, text, color)

    monkeypatch.setattr(text_drawing, "draw", recorded)
    return texts


Texts = list[tuple[tuple[float, float], list[text_drawing.Run]]]


@pytest.mark.parametrize("code", CODES)
def test_letters_are_legible_at_the_width_that_discord_shows(code: str, drawn: Texts) -> None:
    chart.usage(use(*[(10**9, 1, 1, 1)] * 30, top=(10**9,) * 5, name="Mia 田中"), language_of(code))

    for _, runs in drawn:
        for run in runs:
            left, top, right, bottom = run.font.getbbox(
                "H" if str(run.font.path).endswith("noto-sans.ttf") else "田"
            )
            assert LETTERS_MIN_PX <= (bottom - top) * SCALE, run.text
            assert right > left


def test_the_digits_of_the_scaled_picture_have_the_minimum_height() -> None:
    image = Image.open(io.BytesIO(chart.usage(use(*[(0, 0, 0, 0)] * 30), ENGLISH))).convert("L")
    image = image.resize((chart.SHOWN_WIDTH, round(chart.HEIGHT * SCALE)), Image.Resampling.LANCZOS)
    zero = image.crop(
        (
            round(chart.MARGIN * SCALE),
            round((chart.FLOOR - 30) * SCALE),
            20,
            round((chart.FLOOR + 30) * SCALE),
        )
    )

    _, top, _, bottom = zero.point(lambda light: 255 * (light > 90)).getbbox() or (0, 0, 0, 0)
    assert LETTERS_MIN_PX <= bottom - top


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("name", ["Mia", "W" * 40, "田中" * 20, "👨‍👩‍👧" * 12, "مریم" * 9, "न" * 40])
def test_no_text_leaves_the_picture_or_meets_another(code: str, name: str, drawn: Texts) -> None:
    chart.usage(use(*[(999_999, 1, 1, 1)] * 30, top=(999_999,) * 5, name=name), language_of(code))

    boxes = [(left, y, left + sum(run.width for run in runs)) for (left, y), runs in drawn]
    assert [] == [box for box in boxes if not 0 <= box[0] <= box[2] <= chart.WIDTH]
    for index, (left, y, right) in enumerate(boxes):
        assert [] == [
            (left, y, right, *other)
            for other in boxes[:index]
            if abs(y - other[1]) < chart.SIZE * 0.8 and left < other[2] and other[0] < right
        ]


@pytest.mark.parametrize("code", CODES)
def test_the_picture_has_its_title_and_legend_in_the_readers_language(code: str, drawn: Texts) -> None:
    say = language_of(code)

    chart.usage(use(*[(1, 1, 1, 1)] * 30, top=(5,)), say)

    texts = {"".join(run.text for run in runs) for _, runs in drawn}
    assert {say("usage-picture", days=30), *(say(f"usage-{one}") for one in chart.OUTCOMES), "Mia"} <= texts


def shown(text: str, width: float = 10_000) -> str:
    return "".join(
        run.text for run in text_drawing.runs(text_drawing.fitting(text, chart.SIZE, width), chart.SIZE)
    )


@pytest.mark.parametrize(
    "name",
    ["Øyvind", "Nguyễn Thị Ánh", "Ελένη", "Юлия", "田中 花子", "ユキ", "김민수", "שרה", "देवी", "ปลา", "তানিয়া",
     "தமிழ்", "ნინო", "Արամ", "🎸", "👨‍👩‍👧", "🇩🇪", "👍🏽", "１２３"],
)  # fmt: skip
def test_names_in_many_scripts_are_drawn(name: str) -> None:
    assert name == shown(name)


def test_a_right_to_left_name_begins_at_the_right() -> None:
    assert [" Mia", "مریم"] == [run.text for run in text_drawing.runs("مریم Mia", chart.SIZE)]


def test_characters_without_a_font_are_replaced_by_a_placeholder(drawn: Texts) -> None:
    chart.usage(use((1, 0, 0, 0), top=(5,), name="𒀀𒀁"), ENGLISH)

    assert "Mia" == shown("Mia𒀀")
    assert "1" in {"".join(run.text for run in runs) for _, runs in drawn}


@pytest.mark.parametrize("family", ["👨‍👩‍👧", "👍🏽", "é", "देवी"])
def test_a_long_name_is_cut_between_graphemes(family: str) -> None:
    whole = text_drawing.width(family, chart.SIZE)

    cut = shown(family * 5, whole * 2.9)

    assert "" == cut.removesuffix("…").replace(family, "")
    assert text_drawing.width(cut, chart.SIZE) <= whole * 2.9
