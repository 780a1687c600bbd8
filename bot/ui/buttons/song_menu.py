"""The menu under a song, for less urgent actions, so that the buttons stay few."""

from collections.abc import Mapping
from typing import Any, Final

import discord
from discord import ui

from bot.lazy import lazy_pattern
from bot.model import JobId
from bot.ui.buttons.base import JobButton
from bot.ui.buttons.delete import DeleteButton
from bot.ui.buttons.lyrics import CopyLyricsButton, LyricsButton
from bot.ui.buttons.rating import DislikeButton, LikeButton
from bot.ui.buttons.send import SendButton
from bot.ui.custom_ids import NUMBER
from bot.ui.language import Language

CHOICES: Final[dict[str, type[JobButton]]] = {
    "words": CopyLyricsButton,
    "like": LikeButton,
    "dislike": DislikeButton,
    "send": SendButton,
    "delete": DeleteButton,
}
"""Choices by the value that Discord returns; each acts like a button of its class."""
_CUSTOM_ID: Final = lazy_pattern(f"(?:lyrics|also):(?P<job>{NUMBER})")


class SongMenu(ui.Select[ui.View]):
    """The menu of a song's own message, with the custom_id ``lyrics:job``."""

    action = LyricsButton.action

    def __init__(self, job_id: JobId, say: Language, labels: Mapping[str, str]) -> None:
        super().__init__(
            custom_id=f"{self.action}:{job_id}",
            placeholder=say("button-more"),
            options=[discord.SelectOption(label=label, value=value) for value, label in labels.items()],
        )


class CopySongMenu(SongMenu):
    """The same menu under a copy, which must not be mistaken for the song's own message."""

    action = "also"


def chosen(data: Mapping[str, Any]) -> JobButton | None:
    """Return the button that a menu choice stands for, if the choice is ours."""
    match = _CUSTOM_ID.fullmatch(str(data.get("custom_id", "")))
    values = data.get("values")
    if match is None or not isinstance(values, list) or len(values) != 1:
        return None
    kind = CHOICES.get(str(values[0]))
    return None if kind is None else kind(JobId(int(match["job"])))
