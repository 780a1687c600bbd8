"""How long the texts of a request may be, by model."""

from dataclasses import dataclass

from bot.errors import Field, TextMissing, TextTooLong, UnknownModel
from bot.model import SongRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """The most characters that a model takes."""

    prompt: int = 500
    title: int = 80
    style: int = 1_000
    lyrics: int = 5_000
    avoid: int = 200
    """Of our own choosing: the service tells none."""


# Source: kie.ai's description of its Suno models, read 2026-11-22. A model that is not in the table
# gets V5's limits: the service then says itself what it does not take.
_OF_MODEL = {
    "V3_5": Limits(style=200, lyrics=3_000),
    "V4": Limits(style=200, lyrics=3_000),
    "V4_5": Limits(),
    "V4_5ALL": Limits(),
    "V4_5PLUS": Limits(),
    "V5": Limits(),
}


def limits_of(model: str) -> Limits:
    """The limits that hold for ``model``."""
    return _OF_MODEL.get(model, Limits())


def check(request: SongRequest, models: tuple[str, ...]) -> None:
    """Ends if the request can be sent as it is; nothing is ever cut off.

    Raises:
        UnknownModel: the operator does not offer its model.
        TextMissing: a text is empty that its mode needs.
        TextTooLong: a text is longer than its model takes.
    """
    if request.model not in models:
        raise UnknownModel(models)
    limits = limits_of(request.model)
    needed: list[tuple[Field, str, int]] = [("prompt", request.prompt, limits.prompt)]
    if request.custom:
        needed = [("title", request.title, limits.title), ("style", request.style, limits.style)]
        if not request.instrumental:
            needed.append(("lyrics", request.lyrics, limits.lyrics))
    for field, text, _ in needed:
        if not text:
            raise TextMissing(field)
    for field, text, limit in (*needed, ("avoid", request.avoid, limits.avoid)):
        if len(text) > limit:
            raise TextTooLong(field, len(text), limit)
