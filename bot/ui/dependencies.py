"""What commands, buttons and forms depend on."""

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
    """All services that the user interface calls."""

    intake: Intake
    credits: CreditService
    song_archive: SongArchive
    privacy: Privacy


class HasServices(Protocol):
    """What buttons need of the client, which is all that discord.py hands them."""

    services: Services

    async def guarded(self, interaction: discord.Interaction, work: Awaitable[None]) -> None:
        """Await the work; an error becomes one private sentence."""
        ...
