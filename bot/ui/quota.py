"""``/quota``: what server managers use to keep the purse."""

import asyncio
import gzip
import io
import shutil
import tempfile
from pathlib import Path
from typing import Final, Literal

import discord
from discord import app_commands

from bot.errors import NotRefundable
from bot.jobs.purse import REASON_MAX, Purse
from bot.model import Period
from bot.ui import asking, chart, quota_buttons, quota_cards

CREDITS_MAX = 1_000_000
CHOICES_MAX: Final = 25
PLAIN_MAX_BYTES: Final = 8 * 1024 * 1024
"""A larger export is compressed; Discord takes 10 MiB."""
KINDS: Final = [app_commands.Choice(name=name, value=kind) for kind, name in quota_cards.KINDS.items()]

Credits = app_commands.Range[int, 0, CREDITS_MAX]
Reason = app_commands.Range[str, 1, REASON_MAX]


class Quota(
    app_commands.Group,
    name="quota",
    description="Keep the credits of this server",
    guild_only=True,
    default_permissions=discord.Permissions(manage_guild=True),
):
    """The commands of server managers; the permission is checked again in each of them."""

    def __init__(self, purse: Purse) -> None:
        super().__init__(allowed_installs=app_commands.AppInstallationType(guild=True, user=False))
        self.purse = purse

    # -- reading

    @app_commands.command(description="The pool, the limits, the pause, and who has spent most")
    async def view(self, interaction: discord.Interaction) -> None:
        """The purse as it stands."""
        guild_id = asking.managed_guild(interaction)
        embed = quota_cards.view(await self.purse.overview(guild_id), guild_id)
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(description="Which rules hold for a member, which one decides, and what is left")
    @app_commands.describe(user="Whose rules")
    async def explain(self, interaction: discord.Interaction, user: discord.User) -> None:
        """The computed answer, with everything that went into it."""
        guild_id = asking.managed_guild(interaction)
        found = await self.purse.explain(guild_id, user.id, asking.role_ids(user, guild_id))
        embed = quota_cards.explained(found, user.id, guild_id)
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @app_commands.command(description="Every movement of credits and every change, newest first")
    @app_commands.describe(user="Only what concerns this member", kind="Only entries of this kind")
    @app_commands.choices(kind=KINDS)
    async def ledger(
        self, interaction: discord.Interaction, user: discord.User | None = None, kind: str | None = None
    ) -> None:
        """The newest page; buttons turn to the others."""
        guild_id = asking.managed_guild(interaction)
        member_id = None if user is None else user.id
        page = await self.purse.page(guild_id, kind=kind, member_id=member_id)
        embed, view = quota_cards.ledger(page, kind, member_id), quota_buttons.turn(page, kind, member_id)
        await interaction.response.send_message(embed=embed, view=view, ephemeral=True)

    @app_commands.command(description="The whole ledger as a CSV file, for you alone")
    async def export(self, interaction: discord.Interaction) -> None:
        """May take longer than an answer may: it is promised first."""
        guild_id = asking.managed_guild(interaction)
        await interaction.response.defer(ephemeral=True, thinking=True)
        with tempfile.TemporaryDirectory(prefix="tunesmith-") as folder:
            path = Path(folder) / "ledger.csv"
            count = await self.purse.export(guild_id, path)
            path = await asyncio.to_thread(_handy, path)
            file = discord.File(path)
            try:
                await interaction.followup.send(f"{count:,} entries.", file=file, ephemeral=True)
            finally:
                file.close()

    @app_commands.command(
        description="A picture of the last 30 days: credits by outcome, and the top members"
    )
    async def usage(self, interaction: discord.Interaction) -> None:
        """The picture, and whose the bars are."""
        use = await self.purse.use(asking.managed_guild(interaction))
        picture = await asyncio.to_thread(chart.usage, use)
        await interaction.response.send_message(
            embed=quota_cards.usage(use),
            file=discord.File(io.BytesIO(picture), quota_cards.PICTURE),
            ephemeral=True,
        )

    # -- changing

    @app_commands.command(description="Set how many credits the server may use in each period")
    @app_commands.describe(
        credits="Credits a period; a song costs 10 unless the operator has set another price",
        period="When the allowance renews (UTC)",
    )
    async def set(
        self,
        interaction: discord.Interaction,
        credits: Credits,  # noqa: A002 - the option's name
        period: Literal["day", "week", "month"] | None = None,
    ) -> None:
        """Change the allowance."""
        guild_id = asking.managed_guild(interaction)
        renewing = None if period is None else Period(period)
        changed = await self.purse.set_allowance(guild_id, credits, renewing, asking.entry(interaction))
        if changed is not None:
            await _confirm(interaction, quota_cards.allowance_changed(*changed, credits))

    @app_commands.command(description="Give the server bonus credits, which do not expire")
    @app_commands.describe(
        credits="How many; a negative number takes back what is neither used nor held", reason="Why; kept"
    )
    async def grant(
        self,
        interaction: discord.Interaction,
        credits: app_commands.Range[int, -CREDITS_MAX, CREDITS_MAX],  # noqa: A002 - the option's name
        reason: Reason,
    ) -> None:
        """Add to the bonus."""
        guild_id = asking.managed_guild(interaction)
        changed = await self.purse.grant(guild_id, credits, asking.entry(interaction, reason))
        if changed is not None:
            await _confirm(interaction, quota_cards.granted(*changed, reason))

    @app_commands.command(description="A member's own limit: see it, set it, or clear it back to the roles")
    @app_commands.describe(
        user="Whose limit", credits="Credits a period, over what their roles give; leave it out to see it"
    )
    async def member(
        self,
        interaction: discord.Interaction,
        user: discord.User,
        credits: Credits | None = None,  # noqa: A002 - the option's name
    ) -> None:
        """Show or change a member's own limit."""
        guild_id = asking.managed_guild(interaction)
        if credits is None:
            found = await self.purse.explain(guild_id, user.id, asking.role_ids(user, guild_id))
            clear = quota_buttons.clear("member", user.id) if found.own is not None else discord.utils.MISSING
            await _confirm(interaction, quota_cards.member_limit(found, user.id), clear)
            return
        changed = await self.purse.limit_member(guild_id, user.id, credits, asking.entry(interaction))
        if changed is not None:
            said = quota_cards.limit_changed(changed, user.mention)
            await _confirm(interaction, said, quota_buttons.clear("member", user.id))

    @app_commands.command(
        description="The limit of everybody with a role; the highest of a member's roles holds"
    )
    @app_commands.describe(
        role="Whose limit; @everyone is the server's default",
        credits="Credits a period for each of them; leave it out to see it",
    )
    async def role(
        self,
        interaction: discord.Interaction,
        role: discord.Role,
        credits: Credits | None = None,  # noqa: A002 - the option's name
    ) -> None:
        """Show or change a role's limit."""
        guild_id = asking.managed_guild(interaction)
        name = quota_cards.role(role.id, guild_id)
        if credits is None:
            there = (await self.purse.overview(guild_id)).role_limits.get(role.id)
            clear = quota_buttons.clear("role", role.id) if there is not None else discord.utils.MISSING
            await _confirm(interaction, quota_cards.role_limit(there, name), clear)
            return
        changed = await self.purse.limit_role(guild_id, role.id, credits, asking.entry(interaction))
        if changed is not None:
            said = quota_cards.limit_changed(changed, name)
            await _confirm(interaction, said, quota_buttons.clear("role", role.id))

    @app_commands.command(description="Give back the credits of a song that is done")
    @app_commands.describe(job="The song: type its title or the member's name", reason="Why; kept")
    async def refund(self, interaction: discord.Interaction, job: str, reason: Reason) -> None:
        """Once for each song."""
        guild_id = asking.managed_guild(interaction)
        if not job.isascii() or not job.isdecimal() or len(job) > 18:  # noqa: PLR2004 - an id's digits
            raise NotRefundable("unknown")
        refunded = await self.purse.refund(guild_id, int(job), asking.entry(interaction, reason))
        if refunded is not None:
            await _confirm(interaction, quota_cards.refunded(refunded))

    @refund.autocomplete("job")
    async def _songs(self, interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[str]]:
        if not asking.may_manage(interaction):
            return []
        found = await self.purse.refundable(asking.guild_of(interaction), typed, CHOICES_MAX)
        return [app_commands.Choice(name=quota_cards.choice(song), value=str(song.job_id)) for song in found]

    @app_commands.command(description="Where to tell that 80 % and 100 % of the allowance are used")
    @app_commands.describe(channel="The channel; leave it out to tell nobody")
    async def alerts(
        self, interaction: discord.Interaction, channel: app_commands.AppCommandChannel | None = None
    ) -> None:
        """Choose the channel."""
        guild_id = asking.managed_guild(interaction)
        if channel is not None:
            asking.may_post_in(interaction, channel)
        changed = await self.purse.set_alerts(
            guild_id, None if channel is None else channel.id, asking.entry(interaction)
        )
        if changed is not None:
            await _confirm(interaction, quota_cards.alerts_set(*changed))

    @app_commands.command(description="Take no new songs for a while; songs in the making go on")
    @app_commands.describe(reason="Why; members read it")
    async def pause(self, interaction: discord.Interaction, reason: Reason) -> None:
        """Until ``/quota resume``."""
        guild_id = asking.managed_guild(interaction)
        open_jobs = await self.purse.pause(guild_id, asking.entry(interaction, reason))
        if open_jobs is not None:
            await _confirm(interaction, quota_cards.paused(reason, open_jobs))

    @app_commands.command(description="Take new songs again")
    async def resume(self, interaction: discord.Interaction) -> None:
        """Ends a pause."""
        guild_id = asking.managed_guild(interaction)
        ended = await self.purse.resume(guild_id, asking.entry(interaction))
        if ended is not None:
            await _confirm(interaction, quota_cards.resumed(ended=ended))


async def _confirm(
    interaction: discord.Interaction, said: str, view: discord.ui.View = discord.utils.MISSING
) -> None:
    await interaction.response.send_message(said, view=view, ephemeral=True)


def _handy(path: Path) -> Path:
    """The file, or a compressed one in its place where it is too large for Discord."""
    if path.stat().st_size <= PLAIN_MAX_BYTES:
        return path
    packed = path.with_name(path.name + ".gz")
    with path.open("rb") as plain, gzip.open(packed, "wb") as file:
        shutil.copyfileobj(plain, file)
    return packed
