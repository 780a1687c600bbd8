"""The plumbing that all buttons share, so that they work across restarts.

discord.py finds the class of a pressed button by its pattern alone. Nothing is kept in memory for the
messages that have been sent.
"""

import re
from typing import Any, ClassVar, Self

import discord
from discord import ui

from bot.errors import NotYourServer
from bot.model import Job, JobId
from bot.ui import interaction_context
from bot.ui.dependencies import HasServices, Services

NEVER = re.compile(r"(?!)")
"""The pattern of a base class, which no custom_id matches."""


class PersistentButton(ui.DynamicItem[ui.Button[ui.View]], template=NEVER):
    """A button known by its custom_id; subclasses say how to read theirs, and what a press does."""

    def __init__(
        self,
        custom_id: str,
        label: str | None = None,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    ) -> None:
        # A button that was pressed is not sent again and needs no label.
        super().__init__(ui.Button(label=label, style=style, custom_id=custom_id))

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button whose custom_id matched."""
        raise NotImplementedError

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Do what the button says.

        Raises:
            Refusal: it can't be done; the member reads why.
        """
        raise NotImplementedError

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
    ) -> Self:
        """Return the pressed button."""
        return cls.from_match(match)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Do what the button says; errors in buttons never reach the command tree."""
        client: HasServices = interaction.client
        await client.guarded(interaction, self.press(interaction, client.services))


class JobButton(PersistentButton, template=NEVER):
    """A button about one job: ``name:job``."""

    action: ClassVar[str]
    """The first part of the custom_id."""

    def __init_subclass__(cls, *, action: str) -> None:
        super().__init_subclass__(template=rf"{action}:(?P<job>\d{{1,18}})")
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
        """Return the button for the job that it names."""
        return cls(JobId(int(match["job"])))


def persistent_view(*items: ui.Item[Any]) -> ui.View:
    """Return a view of these items that discord.py does not keep.

    Presses are found by pattern, so a view that was kept would only take memory.
    """
    view = ui.View(timeout=None)
    for item in items:
        view.add_item(item)
    view.stop()
    return view


def require_same_server(interaction: discord.Interaction, job: Job) -> None:
    """Check that a button was pressed in the server of its job.

    Raises:
        NotYourServer: it was pressed elsewhere.
    """
    if interaction_context.guild_of(interaction) != job.origin.guild_id:
        raise NotYourServer("outside")
