"""Shared plumbing that keeps buttons working across restarts.

The class of a pressed button is found by its pattern alone. Sent messages leave nothing in memory.
"""

import re
from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.lazy import lazy_pattern
from bot.model import JobId
from bot.ui.custom_ids import NUMBER
from bot.ui.dependencies import Services

NEVER = "(?!)"
"""The pattern of base classes, which matches no custom_id."""


class PersistentButton(ui.Button[ui.View], ABC):
    """A button identified by its custom_id; subclasses parse theirs and handle the press."""

    pattern: ClassVar[re.Pattern[str]]
    """Pattern of its custom_id."""

    def __init_subclass__(cls, *, template: str = NEVER) -> None:
        super().__init_subclass__()
        cls.pattern = lazy_pattern(template, re.DOTALL)

    def __init__(
        self,
        custom_id: str,
        label: str | None = None,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    ) -> None:
        # Pressed buttons are not sent again and need no label.
        super().__init__(label=label, style=style, custom_id=custom_id)

    @classmethod
    @abstractmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button whose custom_id matched."""

    @abstractmethod
    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Perform the button's action.

        Raises:
            Refusal: it can't be done; the member reads why.
        """


class JobButton(PersistentButton):
    """A button about one job: ``name:job``."""

    action: ClassVar[str]
    """The first part of the custom_id."""

    def __init_subclass__(cls, *, action: str) -> None:
        super().__init_subclass__(template=f"{action}:(?P<job>{NUMBER})")
        cls.action = action

    def __init__(
        self,
        job_id: JobId,
        label: str | None = None,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    ) -> None:
        super().__init__(f"{self.action}:{job_id}", label, style)
        self.job_id = job_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button for the job in its custom_id."""
        return cls(JobId(int(match["job"])))


def persistent_view(*items: ui.Item[Any]) -> ui.View:
    """Return a view of these items that discord.py does not keep.

    Presses are matched by pattern, so keeping the view would only waste memory.
    """
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view
