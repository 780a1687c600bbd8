"""Render a server's credits for members and managers as embeds and sentences: pure functions."""

from typing import Final

import discord
from discord.utils import format_dt

from bot.balance import Balance, Standing
from bot.model import ChannelId, DiscordUserId, GuildId, RoleId, everyone_of
from bot.services.credit_views import Explanation, LimitChange, LimitList, Overview, Refund, Use
from bot.store.budget_alerts import BudgetAlert
from bot.store.quotas import SetLimit
from bot.store.reports import MemberUse, SettledSong
from bot.ui import messages
from bot.ui.cards import COLOR_WORKING, title_of
from bot.ui.fitted_embed import FittedEmbed
from bot.ui.language import Language
from bot.ui.text import cut, label, line, plain

PICTURE: Final = "usage.png"
ALL_PERCENT: Final = 100
GRANT_REASON_MAX: Final = 200
"""Maximum length of a displayed grant reason, in characters."""
NAME_MAX: Final = 32
"""Maximum length of a displayed member name, in characters."""
SONG_SHOWN_MAX: Final = 60
"""Maximum length of a displayed song name, in characters."""
ROLES_MAX: Final = 15
"""Maximum number of listed role limits; the others are only counted."""
KINDS: Final = (
    *("grant", "set", "hold", "settle", "release", "refund"),
    *("member", "role", "pause", "resume", "alerts"),
)
"""Kinds of ledger entries; each has a text ``choice-…``."""


def credits_left(say: Language, standing: Standing, price: int) -> discord.Embed:
    """Return a member's remaining credits, under the tightest rule."""
    left = messages.credits_(say, standing.left)
    enough = say("credits-left", credits=left)
    if price:
        enough = say("credits-left-for", credits=left, songs=standing.left // price)
    embed = FittedEmbed(
        title=say("credits-title"),
        description=f"{enough}\n{say('credits-price', price=messages.credits_(say, price))}",
        color=COLOR_WORKING,
    )
    if standing.limit is not None:
        used = messages.limit_used(say, standing.limit, standing)
        embed.add_field(name=say("credits-your-limit"), value=used, inline=False)
    add_balance(say, embed, standing.balance)
    return embed


def view(say: Language, overview: Overview, guild_id: GuildId) -> discord.Embed:
    """Return an overview of a server's credits."""
    balance = overview.balance
    price = messages.credits_(say, overview.price)
    lines = [say("quota-can-spend", credits=messages.credits_(say, balance.available), price=price)]
    if overview.paused is not None:
        lines.append(say("quota-paused", reason=line(overview.paused, messages.REASON_MAX)))
    embed = FittedEmbed(title=say("quota-title"), description="\n".join(lines), color=COLOR_WORKING)
    add_balance(say, embed, balance)
    if overview.ceiling is not None:
        embed.add_field(name=say("quota-ceiling"), value=number(say, overview.ceiling))
    embed.add_field(name=say("quota-limits"), value=_limits(say, overview, guild_id), inline=False)
    embed.add_field(name=say("quota-top"), value=_top(say, overview.top), inline=False)
    embed.add_field(name=say("quota-alerts"), value=channel(say, overview.alerts_channel_id))
    embed.add_field(name=say("quota-zone"), value=balance.zone)
    return embed


def add_balance(say: Language, embed: discord.Embed, balance: Balance) -> None:
    """Add the server's pool, field by field."""
    a_period = messages.period(say, balance.period)
    allowance = say("pool-allowance-value", credits=balance.allowance, period=a_period)
    embed.add_field(name=say("pool-allowance"), value=allowance)
    embed.add_field(name=say("pool-used-title"), value=number(say, balance.used))
    embed.add_field(name=say("pool-held"), value=number(say, balance.held))
    embed.add_field(name=say("pool-bonus"), value=say("pool-bonus-value", credits=balance.bonus))
    embed.add_field(name=say("pool-renews"), value=format_dt(balance.renews_at, "R"))


def number(say: Language, amount: int | None) -> str:
    """Return a number in the language's format, or its word for none."""
    return say("none") if amount is None else say("number", number=amount)


def _limits(say: Language, overview: Overview, guild_id: GuildId) -> str:
    everyone = everyone_of(guild_id)
    roles = sorted(overview.role_limits.items(), key=lambda limit: (limit[0] != everyone, -limit[1]))
    lines = [
        f"{role(say, role_id, guild_id)}: {number(say, credits_)}" for role_id, credits_ in roles[:ROLES_MAX]
    ]
    if len(roles) > ROLES_MAX:
        lines.append(say("limits-more", count=len(roles) - ROLES_MAX))
    own = overview.member_limits
    lines += [f"{_own(say, limit)}: {number(say, limit.credits)}" for limit in own.limits]
    if own.count > len(own.limits):
        lines.append(say("limits-members", count=own.count - len(own.limits)))
    return "\n".join(lines) or say("limits-none")


def _own(say: Language, limit: SetLimit) -> str:
    return _person(say, MemberUse(member_id=limit.member_id, credits=0, name=limit.name))


def role(say: Language, role_id: RoleId, guild_id: GuildId) -> str:
    """Return a role's mention; the message must prevent it from pinging."""
    return say("everyone") if role_id == everyone_of(guild_id) else f"<@&{role_id}>"


def limits(say: Language, limits_: LimitList, guild_id: GuildId) -> discord.Embed:
    """Return the limits of roles and members, and how to remove stale ones."""
    lines = [f"{_limited(say, limit, guild_id)}: {number(say, limit.credits)}" for limit in limits_.limits]
    if limits_.count > len(lines):
        lines.append(say("limits-others", count=limits_.count - len(lines)))
    embed = FittedEmbed(
        title=say("limits-title"),
        description="\n".join(lines) or say("limits-none"),
        color=COLOR_WORKING,
    )
    if lines:
        embed.set_footer(text=say("limits-hint"))
    return embed


def _limited(say: Language, limit: SetLimit, guild_id: GuildId) -> str:
    """Return whose limit it is; a role or member unknown to Discord appears as its id."""
    if limit.role_id is not None:
        mention = role(say, limit.role_id, guild_id)
        return mention if limit.role_id == everyone_of(guild_id) else f"{mention} ({limit.role_id})"
    use = MemberUse(member_id=limit.member_id, credits=0, name=limit.name)
    return _person(say, use) if limit.member_id is None else f"{_person(say, use)} ({limit.member_id})"


def limit_choice(say: Language, limit: SetLimit, guild_id: GuildId) -> str:
    """Return a limit's label in an autocompletion, which Discord shows as plain text."""
    if limit.role_id is not None:
        whose = say("everyone") if limit.role_id == everyone_of(guild_id) else f"@{limit.role_id}"
    elif limit.member_id is None:
        whose = f"{say('forgotten')} {limit.number}"
    else:
        name = cut(" ".join(plain(limit.name).split()), NAME_MAX)
        whose = f"{name} {limit.member_id}".strip()
    return f"{whose} · {messages.credits_(say, limit.credits)}"


def limit_cleared(say: Language, limit: SetLimit, change: LimitChange, guild_id: GuildId) -> str:
    """Return the confirmation that a limit was removed."""
    return limit_changed(say, change, _limited(say, limit, guild_id))


def _top(say: Language, top: list[MemberUse]) -> str:
    lines = [
        f"{place}. {_person(say, use)}: {number(say, use.credits)}" for place, use in enumerate(top, start=1)
    ]
    return "\n".join(lines) or say("top-none")


def _person(say: Language, use: MemberUse) -> str:
    if use.member_id is None:
        return say("forgotten")
    # A client that does not know the member shows the bare id.
    return f"<@{use.member_id}>" + (f" ({line(use.name, NAME_MAX)})" if use.name else "")


def explained(
    say: Language, explanation: Explanation, member_id: DiscordUserId, guild_id: GuildId
) -> discord.Embed:
    """Return the rules for a member, the decisive one, and what they have left."""
    standing = explanation.standing
    can_spend = messages.credits_(say, standing.left)
    embed = FittedEmbed(
        title=say("explain-title"),
        description=say("explain-can-spend", member=f"<@{member_id}>", credits=can_spend),
        color=COLOR_WORKING,
    )
    rules = [say("explain-own", credits=number(say, explanation.own))]
    by_role = sorted(explanation.by_role.items(), key=lambda limit: -limit[1])
    rules += [
        f"{role(say, role_id, guild_id)}: {number(say, credits_)}"
        for role_id, credits_ in by_role[:ROLES_MAX]
    ]
    if len(by_role) > ROLES_MAX:
        rules.append(say("limits-more", count=len(by_role) - ROLES_MAX))
    rules += [say("explain-pool", credits=standing.balance.available)]
    if explanation.paused is not None:
        rules.append(say("explain-paused", reason=line(explanation.paused, messages.REASON_MAX)))
    embed.add_field(name=say("explain-rules"), value="\n".join(rules), inline=False)
    embed.add_field(name=say("explain-decides"), value=_decides(say, explanation, member_id), inline=False)
    embed.add_field(name=say("explain-used"), value=number(say, standing.used))
    embed.add_field(name=say("explain-held"), value=number(say, standing.held))
    embed.add_field(name=say("explain-left"), value=number(say, standing.left))
    embed.add_field(name=say("explain-renews"), value=format_dt(standing.balance.renews_at, "R"))
    return embed


def _decides(say: Language, explanation: Explanation, member_id: DiscordUserId) -> str:
    if explanation.paused is not None:
        return say("decides-pause")
    standing = explanation.standing
    if standing.limit is None or not standing.limit_is_tightest:
        return say("decides-pool", used=messages.pool_used(say, standing.balance))
    return say(
        "decides-limit",
        whose=messages.whose(say, standing.limit, f"<@{member_id}>"),
        credits=standing.limit.credits,
        period=messages.period(say, standing.balance.period),
    )


def granted(say: Language, before: int, after: int, reason: str) -> str:
    """Return the confirmation of a grant."""
    sign = "+" if after > before else ""
    return say(
        "changed-bonus",
        before=before,
        after=messages.credits_(say, after),
        difference=f"{sign}{number(say, after - before)}",
        reason=line(reason, GRANT_REASON_MAX),
    )


def limit_changed(say: Language, change: LimitChange, of: str) -> str:
    """Return the confirmation of a new limit, and whom it affects as far as known."""
    before, after = number(say, change.before), number(say, change.after)
    sentences = [say("changed-limit", whose=of, before=before, after=after)]
    if change.before == change.after:
        sentences = [say("changed-nothing", what=of, value=after)]
    if change.beyond:
        sentences.append(say("changed-limit-beyond", count=change.beyond))
    if change.open_jobs:
        sentences.append(say("songs-go-on", count=change.open_jobs))
    return " ".join(sentences)


def member_limit(say: Language, explanation: Explanation, member_id: DiscordUserId) -> str:
    """Return a member's limit, for a manager."""
    member, limit = f"<@{member_id}>", explanation.standing.limit
    if explanation.own is not None:
        return say("member-limit-own", member=member, credits=messages.credits_(say, explanation.own))
    if limit is None:
        return say("member-limit-pool", member=member)
    return say("member-limit-role", member=member, whose=messages.whose(say, limit), credits=limit.credits)


def role_limit(say: Language, credits_: int | None, name: str) -> str:
    """Return a role's limit, for a manager."""
    if credits_ is None:
        return say("role-limit-none", role=name)
    return say("role-limit", role=name, credits=messages.credits_(say, credits_))


def refunded(say: Language, refund: Refund) -> str:
    """Return the confirmation of a refund.

    Credits of an earlier period expired with it.
    """
    job = refund.job
    return say(
        "refunded",
        credits=messages.credits_(say, job.price_credits),
        song=line(title_of(say, job.request), SONG_SHOWN_MAX),
        member=f"<@{job.origin.member_id}>",
        before=refund.before,
        after=refund.after,
    )


def channel(say: Language, channel_id: ChannelId | None) -> str:
    """Return a channel's mention, or the word for none."""
    return say("none") if channel_id is None else f"<#{channel_id}>"


def channel_list(channel_ids: tuple[ChannelId, ...]) -> str:
    """Return the mentions of channels."""
    return ", ".join(f"<#{channel_id}>" for channel_id in channel_ids)


def role_list(role_ids: tuple[RoleId, ...]) -> str:
    """Return the mentions of roles; the message must prevent them from pinging."""
    return ", ".join(f"<@&{role_id}>" for role_id in role_ids)


def budget_alert(say: Language, alert: BudgetAlert) -> str:
    """Return the alert that a server's allowance is nearly or fully used."""
    return say(
        "alert-all" if alert.percent == ALL_PERCENT else "alert-share",
        percent=alert.percent,
        used=alert.used,
        allowance=messages.credits_(say, alert.allowance),
        renews=format_dt(alert.renews_at, "R"),
    )


def usage(say: Language, use: Use) -> discord.Embed:
    """Return the text around the chart: totals, a colour key, and the bars' members."""
    spent = sum(day.spent for day in use.days)
    returned = sum(day.released + day.refunded for day in use.days)
    held = sum(day.held for day in use.days)
    lines = [say("usage-sums", spent=messages.credits_(say, spent), back=returned)]
    legend = say("usage-legend", zone=use.zone)
    lines.append(legend if spent or returned or held else say("usage-none"))
    embed = FittedEmbed(
        title=say("usage-title", days=len(use.days)), description="\n".join(lines), color=COLOR_WORKING
    )
    embed.add_field(name=say("usage-top"), value=_top(say, use.top))
    embed.set_image(url=f"attachment://{PICTURE}")
    return embed


def choice(say: Language, song: SettledSong) -> str:
    """Return a song's label in an autocompletion, which Discord shows as plain text."""
    name = label(song.song, SONG_SHOWN_MAX) or say("song-untitled")
    asked_by = label(song.asked_by, NAME_MAX)
    requester = [asked_by] if asked_by else []
    return " · ".join([name, *requester, f"{song.at:%Y-%m-%d}", messages.credits_(say, song.price)])
