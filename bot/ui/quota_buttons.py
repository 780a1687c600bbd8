"""The buttons of server managers; each press is checked like a command, in the server it comes from."""

import re
from typing import Any, Literal, Self

import discord
from discord import ui

from bot.model import DiscordUserId
from bot.store.reports import Page
from bot.ui import interaction_context, quota_cards
from bot.ui.buttons import persistent_view
from bot.ui.dependencies import HasServices, Services
from bot.ui.language import Language

Whose = Literal["member", "role"]


class PageButton(
    ui.DynamicItem[ui.Button[ui.View]],
    template=r"ledger:(?P<way>newer|older):(?P<entry>\d{1,18}):(?P<kind>[a-z]{0,10}):(?P<member>\d{0,19})",
):
    """Turns a page of the ledger: to what is older or newer than an entry, with the same filter."""

    def __init__(
        self,
        way: str,
        entry_id: int,
        kind: str | None,
        member_id: DiscordUserId | None,
        label: str | None = None,
    ) -> None:
        custom_id = f"ledger:{way}:{entry_id}:{kind or ''}:{member_id or ''}"
        super().__init__(ui.Button(label=label or way, custom_id=custom_id))
        self.older = way == "older"
        self.entry_id = entry_id
        self.kind = kind
        self.member_id = member_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
    ) -> Self:
        """The button that somebody pressed."""
        kind = match["kind"] if match["kind"] in quota_cards.KINDS else None
        return cls(match["way"], int(match["entry"]), kind, int(match["member"] or 0) or None)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Show that page in place of this one."""
        client: HasServices = interaction.client
        await client.guarded(interaction, self._turn(interaction, client.services))

    async def _turn(self, interaction: discord.Interaction, services: Services) -> None:
        page = await services.credits.page(
            interaction_context.managed_guild(interaction),
            kind=self.kind,
            member_id=self.member_id,
            before_id=self.entry_id if self.older else None,
            after_id=None if self.older else self.entry_id,
        )
        say = interaction_context.private(interaction)
        embed = quota_cards.ledger(say, page, self.kind, self.member_id)
        await interaction.response.edit_message(embed=embed, view=turn(say, page, self.kind, self.member_id))


class ClearButton(
    ui.DynamicItem[ui.Button[ui.View]], template=r"unlimit:(?P<whose>member|role):(?P<id>\d{1,19})"
):
    """Takes a limit away: a member's roles decide again, or a role limits nobody."""

    def __init__(self, whose: Whose, discord_id: DiscordUserId, label: str | None = None) -> None:
        super().__init__(ui.Button(label=label or whose, custom_id=f"unlimit:{whose}:{discord_id}"))
        self.whose = whose
        self.discord_id = discord_id

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction,  # noqa: ARG003
        item: ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
    ) -> Self:
        """The button that somebody pressed."""
        return cls("member" if match["whose"] == "member" else "role", int(match["id"]))

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Clear the limit."""
        client: HasServices = interaction.client
        await client.guarded(interaction, self._clear(interaction, client.services))

    async def _clear(self, interaction: discord.Interaction, services: Services) -> None:
        credit_service = services.credits
        guild_id, entry = (
            interaction_context.managed_guild(interaction),
            interaction_context.changed_by(interaction),
        )
        say = interaction_context.private(interaction)
        if self.whose == "member":
            name = f"<@{self.discord_id}>"
            changed = await credit_service.limit_member(guild_id, self.discord_id, None, entry)
        else:
            name = quota_cards.role(say, self.discord_id, guild_id)
            changed = await credit_service.limit_role(guild_id, self.discord_id, None, entry)
        if changed is not None:
            await interaction.response.edit_message(
                content=quota_cards.limit_changed(say, changed, name), view=None
            )


def turn(say: Language, page: Page, kind: str | None, member_id: DiscordUserId | None) -> ui.View:
    """The buttons under a page, as far as there are others."""
    buttons: list[ui.Item[Any]] = []
    if page.rows and page.newer:
        buttons.append(PageButton("newer", page.rows[0].id, kind, member_id, say("button-newer")))
    if page.rows and page.older:
        buttons.append(PageButton("older", page.rows[-1].id, kind, member_id, say("button-older")))
    return persistent_view(*buttons)


def clear(say: Language, whose: Whose, discord_id: DiscordUserId) -> ui.View:
    """The button under a limit."""
    return persistent_view(ClearButton(whose, discord_id, say(f"button-clear-{whose}")))
