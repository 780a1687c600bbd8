import pytest

from bot.model import SongRequest
from bot.music import text_limits
from bot.music.backends import limits_of
from bot.refusals import TextMissing, TextTooLong, UnknownModel
from tests import make

V5_LIKE = {"prompt": 500, "title": 80, "style": 1_000, "lyrics": 5_000}
V4_LIKE = V5_LIKE | {"style": 200, "lyrics": 3_000}
OF_MODEL = [
    ("V5", V5_LIKE),
    ("V4_5", V5_LIKE),
    ("V4_5PLUS", V5_LIKE),
    ("V4_5ALL", V5_LIKE),
    ("V4", V4_LIKE),
    ("V3_5", V4_LIKE),
    ("V6", V5_LIKE),
]


def texts(model: str, field: str, text: str) -> SongRequest:
    if field == "prompt":
        return make.prompt(text, model=model)
    return make.custom(model=model, **{field: text})


@pytest.mark.parametrize(
    ("model", "field", "limit"), [(m, f, n) for m, of in OF_MODEL for f, n in of.items()]
)
def test_a_text_may_be_as_long_as_its_model_accepts(model: str, field: str, limit: int) -> None:
    for letter in ("x", "é", "\N{MUSICAL NOTE}"):
        text_limits.check(texts(model, field, letter * limit), (model,), limits_of(model))

    with pytest.raises(TextTooLong) as caught:
        text_limits.check(texts(model, field, "é" * (limit + 1)), (model,), limits_of(model))
    assert (field, limit + 1, limit) == (caught.value.field, caught.value.length, caught.value.limit)


@pytest.mark.parametrize("field", ["prompt", "title", "style", "lyrics"])
def test_a_missing_text_that_the_mode_needs_is_refused(field: str) -> None:
    with pytest.raises(TextMissing) as caught:
        text_limits.check(texts("V5", field, ""), ("V5",), limits_of("V5"))

    assert field == caught.value.field


@pytest.mark.parametrize(
    "request_",
    [
        make.custom(lyrics="", instrumental=True),
        make.custom(lyrics="x" * 5_001, instrumental=True),
        make.custom(prompt="x" * 501),
        make.prompt(title="x" * 81, style="x" * 1_001, lyrics="x" * 5_001),
        make.prompt(instrumental=True),
    ],
)
def test_a_text_that_is_not_sent_is_not_checked(request_: SongRequest) -> None:
    text_limits.check(request_, ("V5",), limits_of("V5"))


@pytest.mark.parametrize("model", ["V4", "v5", "", "V5 "])
def test_only_models_on_offer_are_accepted(model: str) -> None:
    with pytest.raises(UnknownModel) as caught:
        text_limits.check(make.prompt(model=model), ("V5", "V4_5"), limits_of(model))

    assert ("V5", "V4_5") == caught.value.offered
