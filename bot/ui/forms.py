"""The forms in which members describe a song; submissions are parsed even after a restart."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import discord
from discord import ui
from msgspec import Struct
from msgspec.structs import replace

from bot.characters import head
from bot.discord_limits import TEXT_INPUT_MAX
from bot.lazy import lazy_pattern
from bot.model import DraftId, JobId, SongRequest
from bot.music.backends import limits_of
from bot.ui import messages
from bot.ui.custom_ids import NUMBER
from bot.ui.language import Language

INSTRUMENTAL: Final = "instrumental"
WITH_VOCALS: Final = "with_vocals"
MODEL_MAX: Final = 50
"""Maximum length of a model's name, in characters."""
_CUSTOM_ID = lazy_pattern(
    f"song:(?P<kind>prompt|custom):((?P<of>draft|remix)(?P<key>{NUMBER}))?:(?P<model>.{{1,{MODEL_MAX}}})",
    re.DOTALL,
)


class Submission(Struct, frozen=True, kw_only=True):
    """A submitted form."""

    request: SongRequest
    draft: DraftId | None
    """The number of the draft that prefilled it."""
    remix_of: JobId | None
    """The job whose texts prefilled it."""
    lyrics_file: discord.Attachment | None


def song_form(
    say: Language,
    request: SongRequest,
    *,
    draft: DraftId | None = None,
    remix_of: JobId | None = None,
    price_credits: int = 0,
) -> ui.Modal:
    """Return the form for this kind of request, prefilled from it.

    ``draft`` or ``remix_of`` names where its texts are stored: anything that does not fit into a field stays
    there. ``price_credits`` is the price of a remix.
    """
    kind = "custom" if request.custom else "prompt"
    stored_in = f"draft{draft}" if draft is not None else f"remix{remix_of}" if remix_of is not None else ""
    form = ui.Modal(
        title=say("form-song")
        if remix_of is None
        else say("form-remix", credits=messages.credits_(say, price_credits)),
        custom_id=f"song:{kind}:{stored_in}:{request.model}",
    )
    limits = limits_of(request.model)
    if request.custom:
        form.add_item(_field(say, "title", request.title, limits.title))
        form.add_item(_field(say, "style", request.style, limits.style, hint=say("hint-style"), long=True))
        form.add_item(_lyrics_field(say, request))
        form.add_item(
            ui.Label(
                text=say("field-lyrics-file"),
                description=say("hint-lyrics-file", most=limits.lyrics),
                component=ui.FileUpload(custom_id="lyrics_file", required=False, max_values=1),
            )
        )
    else:
        form.add_item(_field(say, "prompt", request.prompt, limits.prompt, long=True))
    form.add_item(_vocals_field(say, instrumental=request.instrumental))
    # Submissions are handled by custom_id in one place. A form kept by discord.py would be forgotten at a
    # restart, and a second member's form would replace the first one's.
    form.stop()
    return form


def _field(
    say: Language, name: str, value: str, length_max: int, hint: str | None = None, *, long: bool = False
) -> ui.Label[ui.Modal]:
    return ui.Label(
        text=say(f"field-{name}"),
        description=hint,
        component=ui.TextInput(
            custom_id=name,
            style=discord.TextStyle.paragraph if long else discord.TextStyle.short,
            default=head(value, TEXT_INPUT_MAX) or None,
            # An overlong text is returned whole, to be shortened.
            max_length=min(max(length_max, len(value)), TEXT_INPUT_MAX),
        ),
    )


def _lyrics_field(say: Language, request: SongRequest) -> ui.Label[ui.Modal]:
    stay_out, lyrics = lyrics_stay_out(request), request.lyrics
    return ui.Label(
        text=say("field-lyrics"),
        description=say("hint-lyrics-kept", length=len(lyrics)) if stay_out else say("hint-lyrics"),
        component=ui.TextInput(
            custom_id="lyrics",
            style=discord.TextStyle.paragraph,
            default=None if stay_out else lyrics or None,
            required=False,
            max_length=min(max(limits_of(request.model).lyrics, len(lyrics)), TEXT_INPUT_MAX),
        ),
    )


def lyrics_stay_out(request: SongRequest) -> bool:
    """Return whether the lyrics exceed their field.

    They stay stored unless new ones are typed.
    """
    return len(request.lyrics) > TEXT_INPUT_MAX


def _vocals_field(say: Language, *, instrumental: bool) -> ui.Label[ui.Modal]:
    with_vocals = discord.RadioGroupOption(
        label=say("field-with-vocals"), value=WITH_VOCALS, default=not instrumental
    )
    without = discord.RadioGroupOption(
        label=say("field-instrumental"), value=INSTRUMENTAL, default=instrumental
    )
    return ui.Label(
        text=say("field-vocals"),
        component=ui.RadioGroup(custom_id="vocals", options=[with_vocals, without]),
    )


def read_submission(interaction: discord.Interaction) -> Submission | None:
    """Return the member's submission, if this is one of our forms."""
    data: Mapping[str, Any] = interaction.data or {}
    opened = _CUSTOM_ID.fullmatch(str(data.get("custom_id", "")))
    if opened is None:
        return None
    key = None if opened["key"] is None else int(opened["key"])
    fields = _fields_of(data)
    return Submission(
        request=replace(
            typed(interaction), model=opened["model"], custom=opened["kind"] == "custom"
        ).cleaned(),
        draft=DraftId(key) if key is not None and opened["of"] == "draft" else None,
        remix_of=JobId(key) if key is not None and opened["of"] == "remix" else None,
        lyrics_file=_attachment(interaction, fields.get("lyrics_file", {}), data.get("resolved", {})),
    )


def typed(interaction: discord.Interaction) -> SongRequest:
    """Return everything typed into a form, whichever it is."""
    fields = _fields_of(interaction.data or {})

    def text(name: str) -> str:
        return str(fields.get(name, {}).get("value") or "")

    return SongRequest(
        model="",
        prompt=text("prompt"),
        title=text("title"),
        style=text("style"),
        lyrics=text("lyrics"),
        instrumental=text("vocals") == INSTRUMENTAL,
    )


def _fields_of(data: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {field["custom_id"]: field for field in _leaves(data.get("components", []))}


def _leaves(components: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield the fields of a submitted form, unwrapped from labels and rows."""
    for component in components:
        if "custom_id" in component:
            yield component
        if "component" in component:
            yield from _leaves([component["component"]])
        yield from _leaves(component.get("components", []))


def _attachment(
    interaction: discord.Interaction, field: Mapping[str, Any], resolved: Mapping[str, Any]
) -> discord.Attachment | None:
    payloads = [resolved.get("attachments", {}).get(key) for key in field.get("values") or []]
    if not payloads or payloads[0] is None:
        return None
    # The public API to an attachment needs the form object, and ours are not kept (2.7.1).
    return discord.Attachment(data=payloads[0], state=interaction._state)  # noqa: SLF001
