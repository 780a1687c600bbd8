"""The maximum length of each text of a request, by model."""

from msgspec import Struct

from bot.model import DURATION_MAX_S, DURATION_MIN_S, SongRequest
from bot.refusals import Field, OutOfRange, TextMissing, TextTooLong, UnknownModel


class TextLimits(Struct, frozen=True, kw_only=True):
    """The maximum number of characters that a model accepts, by text."""

    prompt: int = 500
    title: int = 80
    style: int = 1_000
    lyrics: int = 5_000
    avoid: int = 200
    """Our own choice: the service documents none."""


def check(request: SongRequest, models: tuple[str, ...], limits: TextLimits) -> None:
    """Check that texts and length can be sent as they are; no text is ever truncated.

    Raises:
        OutOfRange: the length is too short or too long.
        UnknownModel: the operator does not offer its model.
        TextMissing: a text that its mode needs is empty.
        TextTooLong: a text is longer than its model's ``limits``.
    """
    if request.model not in models:
        raise UnknownModel(models)
    if request.duration_s is not None and not DURATION_MIN_S <= request.duration_s <= DURATION_MAX_S:
        raise OutOfRange(DURATION_MIN_S, DURATION_MAX_S)
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
