"""The buttons that turn the pages of ``/quota ledger``; each press is checked like the command."""

import re
from typing import Any, Self

import discord
from discord import ui

from bot.model import DiscordUserId, EntryId
from bot.store.reports import LedgerPage
from bot.ui import cards, interaction_context, ledger_cards, managers, quota_cards
from bot.ui.buttons.base import PersistentButton, persistent_view
from bot.ui.custom_ids import NUMBER, SNOWFLAKE
from bot.ui.dependencies import Services
from bot.ui.language import Language


class LedgerPageButton(
    PersistentButton,
    template=f"ledger:(?P<way>newer|older):(?P<entry>{NUMBER}):(?P<kind>[a-z]{{0,10}}):(?P<member>{SNOWFLAKE}|)",
):
    """Turns to the entries newer or older than a given one, under the same filter."""

    def __init__(
        self,
        way: str,
        entry_id: EntryId,
        kind: str | None,
        member_id: DiscordUserId | None,
        label: str | None = None,
    ) -> None:
        super().__init__(f"ledger:{way}:{entry_id}:{kind or ''}:{member_id or ''}", label)
        self.older = way == "older"
        self.entry_id = entry_id
        self.kind = kind
        self.member_id = member_id

    @classmethod
    def from_match(cls, match: re.Match[str]) -> Self:
        """Return the button for the page in its custom_id; a kind that no longer exists filters nothing."""
        kind = match["kind"] if match["kind"] in quota_cards.KINDS else None
        member_id = DiscordUserId(int(match["member"])) if match["member"] else None
        return cls(match["way"], EntryId(int(match["entry"])), kind, member_id)

    async def press(self, interaction: discord.Interaction, services: Services) -> None:
        """Replace this page with the button's."""
        page = await services.credits.page(
            await managers.managed_guild(interaction, services.rules),
            kind=self.kind,
            member_id=self.member_id,
            before_id=self.entry_id if self.older else None,
            after_id=None if self.older else self.entry_id,
        )
        say = interaction_context.private(interaction)
        embed = ledger_cards.ledger(say, page, self.kind, self.member_id)
        view = ledger_pages_view(say, page, self.kind, self.member_id)
        await interaction.response.edit_message(content=cards.summary(embed), embed=embed, view=view)


def ledger_pages_view(
    say: Language, page: LedgerPage, kind: str | None, member_id: DiscordUserId | None
) -> ui.View:
    """Return the buttons that lead to the previous and next pages."""
    buttons: list[ui.Item[Any]] = []
    if page.rows and page.newer:
        buttons.append(LedgerPageButton("newer", page.rows[0].id, kind, member_id, say("button-newer")))
    if page.rows and page.older:
        buttons.append(LedgerPageButton("older", page.rows[-1].id, kind, member_id, say("button-older")))
    return persistent_view(*buttons)
