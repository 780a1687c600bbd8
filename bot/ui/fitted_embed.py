"""Embeds that Discord accepts, however much content they have."""

from typing import Any, Final, cast

import discord
from discord.types.embed import Embed as EmbedData

from bot.discord_limits import (
    EMBED_DESCRIPTION_MAX,
    EMBED_FIELD_NAME_MAX,
    EMBED_FIELD_VALUE_MAX,
    EMBED_FIELDS_MAX,
    EMBED_FOOTER_MAX,
    EMBED_MAX,
    EMBED_TITLE_MAX,
)
from bot.ui.text import cut_lines

EMPTY: Final = "\u200b"
"""Placeholder for an empty field value, which Discord refuses."""


class FittedEmbed(discord.Embed):
    """An embed cut to Discord's limits when it is sent: whole lines first, then whole fields.

    Every embed of the bot is one; ``tests/rules/`` checks that.
    """

    __slots__ = ()

    def to_dict(self) -> EmbedData:
        """Return the embed as sent."""
        data = cast("dict[str, Any]", super().to_dict())
        left = EMBED_MAX
        if data.get("footer", {}).get("text"):
            data["footer"] = data["footer"] | {"text": cut_lines(data["footer"]["text"], EMBED_FOOTER_MAX)}
            left -= len(data["footer"]["text"])
        for name, length_max in (("title", EMBED_TITLE_MAX), ("description", EMBED_DESCRIPTION_MAX)):
            if data.get(name):
                data[name] = cut_lines(data[name], min(length_max, left))
                left -= len(data[name])
        if "fields" in data:
            data["fields"] = _fitting(data["fields"], left)
        return cast("EmbedData", data)


def _fitting(fields: list[dict[str, Any]], left: int) -> list[dict[str, Any]]:
    """Return as many of the first fields as fit into ``left`` characters."""
    whole: list[dict[str, Any]] = []
    for field in fields[:EMBED_FIELDS_MAX]:
        fitting = field | {
            "name": cut_lines(field["name"], EMBED_FIELD_NAME_MAX) or EMPTY,
            "value": cut_lines(field["value"], EMBED_FIELD_VALUE_MAX) or EMPTY,
        }
        left -= len(fitting["name"]) + len(fitting["value"])
        if left < 0:
            break
        whole.append(fitting)
    return whole
