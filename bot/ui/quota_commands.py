"""``/quota``: server managers control their server's credits."""

import functools
import io
from typing import Final

import discord
from discord import app_commands

from bot.balance import Period
from bot.characters import storable
from bot.discord_limits import CHOICES_MAX
from bot.model import ChannelId, DiscordUserId, GuildId, JobId, RoleId
from bot.refusals import NotRefundable
from bot.services.credits import REASON_MAX
from bot.store.ledger import CREDITS_MAX
from bot.store.zones import ZONE_MAX
from bot.ui import (
    autocompletion,
    cards,
    chart,
    interaction_context,
    ledger_cards,
    managers,
    names,
    quota_cards,
    settings_cards,
    uploads,
)
from bot.ui.autocompletion import SongOffer
from bot.ui.buttons.clear_limit import clear_limit_view
from bot.ui.buttons.ledger_pages import ledger_pages_view
from bot.ui.channel_options import PostableChannel
from bot.ui.dependencies import Services
from bot.ui.language import Language, described
from bot.ui.server_rules_commands import ServerRulesCommands

KINDS: Final = [
    app_commands.Choice(name=described(f"choice-{kind}"), value=kind) for kind in quota_cards.KINDS
]
PERIODS: Final = [
    app_commands.Choice(name=described(f"choice-{period}"), value=period.value) for period in Period
]

LIMITS_SHOWN: Final = 25
"""Maximum number of limits in one list; the others are counted, and found by typing part of them."""


Credits = app_commands.Range[int, 0, CREDITS_MAX]
Reason = app_commands.Range[str, 1, REASON_MAX]
ZoneName = app_commands.Range[str, 1, ZONE_MAX]


class Quota(
    app_commands.Group,
    name="quota",
    description=described("command-quota"),
    guild_only=True,
    default_permissions=discord.Permissions(manage_guild=True),
):
    """The commands of server managers; each of them checks the permission again."""

    def __init__(self, services: Services) -> None:
        super().__init__(allowed_installs=app_commands.AppInstallationType(guild=True, user=False))
        self.credit_service = services.credits
        self.attachments = services.attachments
        self.exports = services.exports
        self._rules = services.rules
        for command in ServerRulesCommands(services).commands():
            self.add_command(command)

    async def _manager(self, interaction: discord.Interaction) -> tuple[GuildId, Language]:
        """Return the server that the member may manage, and their language."""
        guild_id = await managers.managed_guild(interaction, self._rules)
        return guild_id, interaction_context.private(interaction)

    # -- reading

    @app_commands.command(description=described("command-quota-view"))
    async def view(self, interaction: discord.Interaction) -> None:
        """Show the server's credits and limits."""
        guild_id, say = await self._manager(interaction)
        embed = quota_cards.view(say, await self.credit_service.overview(guild_id), guild_id)
        await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)

    @app_commands.command(description=described("command-quota-explain"))
    @app_commands.describe(user=described("option-explain-user"))
    async def explain(self, interaction: discord.Interaction, user: discord.User) -> None:
        """Show a member's spendable credits, and every rule behind them."""
        guild_id, say = await self._manager(interaction)
        member_id, role_ids = DiscordUserId(user.id), interaction_context.role_ids(user, guild_id)
        explanation = await self.credit_service.explain(guild_id, member_id, role_ids)
        embed = quota_cards.explained(say, explanation, member_id, guild_id)
        await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)

    @app_commands.command(description=described("command-quota-ledger"))
    @app_commands.describe(user=described("option-ledger-user"), kind=described("option-ledger-kind"))
    @app_commands.choices(kind=KINDS)
    async def ledger(
        self, interaction: discord.Interaction, user: discord.User | None = None, kind: str | None = None
    ) -> None:
        """Show the newest page; buttons lead to the others."""
        guild_id, say = await self._manager(interaction)
        member_id = None if user is None else DiscordUserId(user.id)
        page = await self.credit_service.page(guild_id, kind=kind, member_id=member_id)
        embed = ledger_cards.ledger(say, page, kind, member_id)
        view = ledger_pages_view(say, page, kind, member_id)
        await interaction.response.send_message(cards.summary(embed), embed=embed, view=view, ephemeral=True)

    @app_commands.command(description=described("command-quota-export"))
    async def export(self, interaction: discord.Interaction) -> None:
        """Send a file; defer, since writing it may exceed Discord's deadline."""
        guild_id, say = await self._manager(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        async with uploads.folder(self.exports, interaction) as folder:
            people = await self.credit_service.people(guild_id)
            server_names = await names.of_ledger(interaction, people)
            export = await self.credit_service.export(guild_id, folder / "ledger.csv", server_names)
            await uploads.send(interaction, say, export, say("exported", count=export.count))

    @app_commands.command(description=described("command-quota-usage"))
    async def usage(self, interaction: discord.Interaction) -> None:
        """Show the chart and the members behind its bars."""
        guild_id, say = await self._manager(interaction)
        use = await self.credit_service.use(guild_id)
        picture = await self.attachments.run(chart.usage, use, say)
        embed = quota_cards.usage(say, use)
        await interaction.response.send_message(
            cards.summary(embed),
            embed=embed,
            file=discord.File(io.BytesIO(picture), quota_cards.PICTURE),
            ephemeral=True,
        )

    # -- changing

    @app_commands.command(name="set", description=described("command-quota-set"))
    @app_commands.choices(period=PERIODS)
    @app_commands.describe(
        credits=described("option-set-credits"),
        period=described("option-set-period"),
        timezone=described("option-set-timezone"),
    )
    async def set_rules(
        self,
        interaction: discord.Interaction,
        credits: Credits | None = None,  # noqa: A002 - the option's name
        period: str | None = None,
        timezone: ZoneName | None = None,
    ) -> None:
        """Change the allowance, its renewal period and its time zone."""
        guild_id, say = await self._manager(interaction)
        new_period = None if period is None else Period(period)
        by = interaction_context.changed_by(interaction)
        changed = await self.credit_service.set_allowance(guild_id, credits, new_period, by, zone=timezone)
        if changed is not None:
            await _confirm(interaction, settings_cards.allowance_changed(say, *changed, credits))

    @set_rules.autocomplete("timezone")
    async def _zones(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await autocompletion.answer(interaction, autocompletion.zones(typed, interaction.created_at))

    @app_commands.command(description=described("command-quota-grant"))
    @app_commands.describe(credits=described("option-grant-credits"), reason=described("option-reason"))
    async def grant(
        self,
        interaction: discord.Interaction,
        credits: app_commands.Range[int, -CREDITS_MAX, CREDITS_MAX],  # noqa: A002 - the option's name
        reason: Reason,
    ) -> None:
        """Add to the bonus, or deduct from it."""
        guild_id, say = await self._manager(interaction)
        changed = await self.credit_service.grant(
            guild_id, credits, interaction_context.changed_by(interaction, reason)
        )
        if changed is not None:
            await _confirm(interaction, quota_cards.granted(say, *changed, reason))

    @app_commands.command(description=described("command-quota-member"))
    @app_commands.describe(user=described("option-limited-user"), credits=described("option-member-credits"))
    async def member(
        self,
        interaction: discord.Interaction,
        user: discord.User,
        credits: Credits | None = None,  # noqa: A002 - the option's name
    ) -> None:
        """Show or change a member's own limit."""
        guild_id, say = await self._manager(interaction)
        member_id = DiscordUserId(user.id)
        if credits is None:
            role_ids = interaction_context.role_ids(user, guild_id)
            explanation = await self.credit_service.explain(guild_id, member_id, role_ids)
            has_limit = explanation.own is not None
            clear = clear_limit_view(say, "member", user.id) if has_limit else discord.utils.MISSING
            await _confirm(interaction, quota_cards.member_limit(say, explanation, member_id), clear)
            return
        change = await self.credit_service.limit_member(
            guild_id, member_id, credits, interaction_context.changed_by(interaction)
        )
        if change is not None:
            text = quota_cards.limit_changed(say, change, user.mention)
            await _confirm(interaction, text, clear_limit_view(say, "member", user.id))

    @app_commands.command(description=described("command-quota-role"))
    @app_commands.describe(
        role=described("option-role"),
        credits=described("option-role-credits"),
    )
    async def role(
        self,
        interaction: discord.Interaction,
        role: discord.Role,
        credits: Credits | None = None,  # noqa: A002 - the option's name
    ) -> None:
        """Show or change a role's limit."""
        guild_id, say = await self._manager(interaction)
        role_id = RoleId(role.id)
        name = quota_cards.role(say, role_id, guild_id)
        if credits is None:
            limit = (await self.credit_service.overview(guild_id)).role_limits.get(role_id)
            clear = clear_limit_view(say, "role", role_id) if limit is not None else discord.utils.MISSING
            await _confirm(interaction, quota_cards.role_limit(say, limit, name), clear)
            return
        change = await self.credit_service.limit_role(
            guild_id, role_id, credits, interaction_context.changed_by(interaction)
        )
        if change is not None:
            text = quota_cards.limit_changed(say, change, name)
            await _confirm(interaction, text, clear_limit_view(say, "role", role_id))

    @app_commands.command(description=described("command-quota-limits"))
    @app_commands.describe(clear=described("option-limits-clear"))
    async def limits(self, interaction: discord.Interaction, clear: str | None = None) -> None:
        """Show all limits or clear one, even of roles and members no longer on Discord."""
        guild_id, say = await self._manager(interaction)
        if clear is None:
            limits = await self.credit_service.limits(guild_id, size=LIMITS_SHOWN)
            embed = quota_cards.limits(say, limits, guild_id)
            await interaction.response.send_message(cards.summary(embed), embed=embed, ephemeral=True)
            return
        by = interaction_context.changed_by(interaction)
        cleared = await self.credit_service.clear_limit(guild_id, clear, by)
        if cleared is not None:
            await _confirm(interaction, quota_cards.limit_cleared(say, *cleared, guild_id))

    @limits.autocomplete("clear")
    async def _limits(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        return await autocompletion.answer(interaction, self._limit_choices(interaction, typed))

    async def _limit_choices(
        self, interaction: discord.Interaction, typed: str
    ) -> list[app_commands.Choice[str]]:
        guild_id, say = await self._manager(interaction)
        limits = await self.credit_service.limits(guild_id, typed, size=CHOICES_MAX)
        return [
            app_commands.Choice(name=quota_cards.limit_choice(say, limit, guild_id), value=limit.key)
            for limit in limits.limits
        ]

    @app_commands.command(description=described("command-quota-refund"))
    @app_commands.describe(job=described("option-refund-job"), reason=described("option-reason"))
    async def refund(self, interaction: discord.Interaction, job: str, reason: Reason) -> None:
        """Refund a song's credits, once per song."""
        guild_id, say = await self._manager(interaction)
        job_id = await self._chosen(interaction, storable(job))
        if job_id is None:
            raise NotRefundable("unknown")
        refunded = await self.credit_service.refund(
            guild_id, job_id, interaction_context.changed_by(interaction, reason)
        )
        if refunded is not None:
            await _confirm(interaction, quota_cards.refunded(say, refunded))

    @refund.autocomplete("job")
    async def _songs(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        offers = self._offers(interaction, storable(typed), CHOICES_MAX)
        return await autocompletion.answer(interaction, autocompletion.songs(offers))

    async def _offers(self, interaction: discord.Interaction, typed: str, limit: int) -> list[SongOffer]:
        guild_id, say = await self._manager(interaction)
        songs = await self.credit_service.refundable(guild_id, typed, limit)
        return [SongOffer(job_id=song.job_id, label=quota_cards.choice(say, song)) for song in songs]

    async def _chosen(self, interaction: discord.Interaction, typed: str) -> JobId | None:
        """Return the song chosen, or whose label was typed, or the only one so named."""
        if not typed:
            return None
        offers = await self._offers(interaction, typed, CHOICES_MAX)
        job_id = autocompletion.job_id_of(typed)
        if job_id is not None:
            # A title may consist of digits. If none matches, keep the id: its refusal explains why.
            titled = [offer for offer in offers if autocompletion.name_of(offer) == typed]
            return titled[0].job_id if len(titled) == 1 else job_id
        chosen = await autocompletion.chosen(typed, functools.partial(self._offers, interaction))
        return offers[0].job_id if chosen is None and len(offers) == 1 else chosen

    @app_commands.command(description=described("command-quota-alerts"))
    @app_commands.describe(channel=described("option-alerts-channel"))
    async def alerts(self, interaction: discord.Interaction, channel: PostableChannel | None = None) -> None:
        """Choose the channel for budget alerts, or turn them off."""
        guild_id, say = await self._manager(interaction)
        if channel is not None:
            interaction_context.may_post_in(interaction, channel)
        changed = await self.credit_service.set_alerts(
            guild_id,
            None if channel is None else ChannelId(channel.id),
            interaction_context.changed_by(interaction),
        )
        if changed is not None:
            await _confirm(interaction, settings_cards.alerts_set(say, *changed))

    @app_commands.command(description=described("command-quota-pause"))
    @app_commands.describe(reason=described("option-pause-reason"))
    async def pause(self, interaction: discord.Interaction, reason: Reason) -> None:
        """Accept no new songs until ``/quota resume``."""
        guild_id, say = await self._manager(interaction)
        open_jobs = await self.credit_service.pause(
            guild_id, interaction_context.changed_by(interaction, reason)
        )
        if open_jobs is not None:
            await _confirm(interaction, settings_cards.paused(say, reason, open_jobs))

    @app_commands.command(description=described("command-quota-resume"))
    async def resume(self, interaction: discord.Interaction) -> None:
        """End a pause."""
        guild_id, say = await self._manager(interaction)
        ended = await self.credit_service.resume(guild_id, interaction_context.changed_by(interaction))
        if ended is not None:
            await _confirm(interaction, settings_cards.resumed(say, ended=ended))


async def _confirm(
    interaction: discord.Interaction, text: str, view: discord.ui.View = discord.utils.MISSING
) -> None:
    await interaction.response.send_message(text, view=view, ephemeral=True)
