"""What people reach through commands, buttons and forms."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

import discord

from bot.jobs.intake import Intake
from bot.jobs.library import Library
from bot.jobs.privacy import Privacy
from bot.jobs.purse import Purse


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything behind the user interface, in one hand."""

    intake: Intake
    purse: Purse
    library: Library
    privacy: Privacy


class HasServices(Protocol):
    """What buttons need of the client: discord.py hands a pressed button nothing else."""

    services: Services

    async def guarded(self, interaction: discord.Interaction, work: Awaitable[None]) -> None:
        """Do the work; an error becomes its sentence."""
        ...
