"""``/quota``: what server managers use to keep the purse."""

from typing import Literal

import discord
from discord import app_commands

from bot.jobs.purse import REASON_MAX, Purse
from bot.model import Period
from bot.ui import asking, cards

CREDITS_MAX = 1_000_000


class Quota(
    app_commands.Group,
    name="quota",
    description="Keep the credits of this server",
    guild_only=True,
    default_permissions=discord.Permissions(manage_guild=True),
):
    """The commands of server managers; the permission is checked again in each of them."""

    def __init__(self, purse: Purse, price_credits: int) -> None:
        super().__init__(allowed_installs=app_commands.AppInstallationType(guild=True, user=False))
        self.purse = purse
        self.price_credits = price_credits

    @app_commands.command(description="The allowance, the bonus, and what is used and held")
    async def view(self, interaction: discord.Interaction) -> None:
        """The purse as it stands."""
        balance = await self.purse.balance(asking.managed_guild(interaction))
        embed = cards.quota(balance, self.price_credits)
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(description="Set how many credits the server may use in each period")
    @app_commands.describe(
        credits="Credits a period; a song costs 10 unless the operator has set another price",
        period="When the allowance renews (UTC)",
    )
    async def set(
        self,
        interaction: discord.Interaction,
        credits: app_commands.Range[int, 0, CREDITS_MAX],  # noqa: A002 - the option's name
        period: Literal["day", "week", "month"] | None = None,
    ) -> None:
        """Change the allowance."""
        guild_id = asking.managed_guild(interaction)
        renewing = None if period is None else Period(period)
        changed = await self.purse.set_allowance(guild_id, credits, renewing, asking.entry(interaction))
        if changed is not None:
            await interaction.response.send_message(cards.quota_set(*changed), ephemeral=True)

    @app_commands.command(description="Give the server bonus credits, which do not expire")
    @app_commands.describe(
        credits="How many; a negative number takes back what is neither used nor held", reason="Why; kept"
    )
    async def grant(
        self,
        interaction: discord.Interaction,
        credits: app_commands.Range[int, -CREDITS_MAX, CREDITS_MAX],  # noqa: A002 - the option's name
        reason: app_commands.Range[str, 1, REASON_MAX],
    ) -> None:
        """Add to the bonus."""
        guild_id = asking.managed_guild(interaction)
        changed = await self.purse.grant(guild_id, credits, asking.entry(interaction, reason))
        if changed is not None:
            await interaction.response.send_message(cards.quota_granted(*changed, reason), ephemeral=True)
