"""What people reach through commands, buttons and forms."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

import discord

from bot.services.credits import CreditService
from bot.services.intake import Intake
from bot.services.privacy import Privacy
from bot.services.songs import SongArchive


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """Everything behind the user interface, in one hand."""

    intake: Intake
    credits: CreditService
    song_archive: SongArchive
    privacy: Privacy


class HasServices(Protocol):
    """What buttons need of the client: discord.py hands a pressed button nothing else."""

    services: Services

    async def guarded(self, interaction: discord.Interaction, work: Awaitable[None]) -> None:
        """Do the work; an error becomes its sentence."""
        ...
