"""The button that removes a limit; each press is checked like the command."""

import re
from typing import Literal, Self

import discord
from discord import ui

from bot.model import DiscordUserId, RoleId
from bot.ui import interaction_context, managers, quota_cards
from bot.ui.buttons.base import PersistentButton, persistent_view
from bot.ui.custom_ids import SNOWFLAKE
from bot.ui.dependencies import Services
from bot.ui.language import Language

Whose = Literal["member", "role"]


class ClearLimitButton(PersistentButton, template=f"unlimit:(?P<whose>member|role):(?P<id>{SNOWFLAKE})"):
    """Removes a limit: a member falls back to their roles, and a role limits nobody."""

    def __init__(self, whose: Whose, discord_id: int, label: str | None = None) -> None:
        super().__init__(f"unlimit:{whose}:{discord_id}", label)
        self.whose = whose
        self.discord_id = discord_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button for the member or role in its custom_id."""
        return cls("member" if match["whose"] == "member" else "role", int(match["id"]))

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Remove the limit and replace the question with a confirmation."""
        guild_id = await managers.managed_guild(interaction, services.rules)
        by, say = interaction_context.changed_by(interaction), interaction_context.private(interaction)
        if self.whose == "member":
            name = f"<@{self.discord_id}>"
            member_id = DiscordUserId(self.discord_id)
            change = await services.credits.limit_member(guild_id, member_id, None, by)
        else:
            role_id = RoleId(self.discord_id)
            name = quota_cards.role(say, role_id, guild_id)
            change = await services.credits.limit_role(guild_id, role_id, None, by)
        if change is not None:
            text = quota_cards.limit_changed(say, change, name)
            await interaction.response.edit_message(content=text, view=None)


def clear_limit_view(say: Language, whose: Whose, discord_id: int) -> ui.View:
    """Return the button that removes a limit."""
    return persistent_view(ClearLimitButton(whose, discord_id, say(f"button-clear-{whose}")))
