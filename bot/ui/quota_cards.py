"""What server managers see of the purse: pure functions from what is known to embeds and sentences."""

from typing import Final

import discord
from discord.utils import format_dt

from bot.jobs.purse import Explanation, LimitChange, Overview, Refund, Use
from bot.model import Balance, Standing
from bot.store.budget import BudgetAlert
from bot.store.reports import LedgerRow, MemberUse, Page, SettledSong
from bot.ui import words
from bot.ui.cards import COLOR_WORKING, title_of
from bot.ui.text import cut, line

PICTURE: Final = "usage.png"
SONG_MAX: Final = 60
NAME_MAX: Final = 32
ROLES_SHOWN: Final = 15
CHOICE_MAX: Final = 100
"""Source: https://docs.discord.com/developers/interactions/application-commands, read 2026-11-23."""
KINDS: Final = {
    "grant": "Grant",
    "set": "Allowance",
    "hold": "Hold",
    "settle": "Settle",
    "release": "Release",
    "refund": "Refund",
    "member": "Member limit",
    "role": "Role limit",
    "pause": "Pause",
    "resume": "Resume",
    "alerts": "Alerts",
}
"""Each kind of entry as it is shown, by its name in the ledger."""


def credits_left(standing: Standing, price: int) -> discord.Embed:
    """The answer to a member who asks what is left: by the tightest rule, and which one that is."""
    count = standing.left // price if price else None
    enough = "" if count is None else f", enough for **{count:,}** song{'' if count == 1 else 's'}"
    embed = discord.Embed(
        title="Credits left to you",
        description=f"**{words.credits_(standing.left)}** left{enough}.\n"
        f"A song costs {words.credits_(price)}.",
        color=COLOR_WORKING,
    )
    if standing.limit is not None:
        used = words.limit_used(standing.limit, standing)
        embed.add_field(name="Your limit", value=used, inline=False)
    add_balance(embed, standing.balance)
    return embed


def view(overview: Overview, guild_id: int) -> discord.Embed:
    """The whole purse."""
    balance = overview.balance
    embed = discord.Embed(
        title="Quota of this server",
        description=f"**{words.credits_(balance.available)}** can be spent now; "
        f"a song costs {words.credits_(overview.price)}."
        + ("" if overview.paused is None else f"\n⏸️ **Paused**: {line(overview.paused, words.REASON_MAX)}"),
        color=COLOR_WORKING,
    )
    add_balance(embed, balance)
    if overview.ceiling is not None:
        embed.add_field(name="Operator's ceiling", value=f"{overview.ceiling:,}")
    embed.add_field(name="Limits", value=_limits(overview, guild_id), inline=False)
    embed.add_field(name="Most spent in this period", value=_top(overview.top), inline=False)
    alerts = overview.alerts_channel_id
    embed.add_field(name="Budget alerts", value="none" if alerts is None else f"<#{alerts}>")
    return embed


def add_balance(embed: discord.Embed, balance: Balance) -> None:
    """The pool, field by field."""
    period = words.PERIODS[balance.period]
    embed.add_field(name="Allowance", value=f"{balance.allowance:,} a {period}")
    embed.add_field(name="Used", value=f"{balance.used:,}")
    embed.add_field(name="Held for songs in the making", value=f"{balance.held:,}")
    embed.add_field(name="Bonus", value=f"{balance.bonus:,} (does not expire)")
    embed.add_field(name="Allowance renews", value=format_dt(balance.renews_at, "R"))


def _limits(overview: Overview, guild_id: int) -> str:
    shown = sorted(overview.role_limits.items(), key=lambda limit: (limit[0] != guild_id, -limit[1]))
    lines = [f"{role(role_id, guild_id)}: {credits_:,}" for role_id, credits_ in shown[:ROLES_SHOWN]]
    if len(shown) > ROLES_SHOWN:
        lines.append(f"and {len(shown) - ROLES_SHOWN} more roles")
    if overview.member_limits:
        lines.append(f"members with a limit of their own: {overview.member_limits:,}")
    return "\n".join(lines) or "none but the pool"


def role(role_id: int, guild_id: int) -> str:
    """A role's name as Discord shows it; nobody is pinged by it."""
    return "everyone" if role_id == guild_id else f"<@&{role_id}>"


def _top(top: list[MemberUse]) -> str:
    return (
        "\n".join(f"{number}. {_person(one)}: {one.credits:,}" for number, one in enumerate(top, start=1))
        or "nobody yet"
    )


def _person(one: MemberUse) -> str:
    if one.member_id is None:
        return "somebody who was forgotten"
    # Not every client knows everybody's name by the id.
    return f"<@{one.member_id}>" + (f" ({line(one.name, NAME_MAX)})" if one.name else "")


def explained(found: Explanation, member_id: int, guild_id: int) -> discord.Embed:
    """Each rule that applies to a member, the one that wins, and where that leaves them."""
    standing = found.standing
    embed = discord.Embed(
        title="What holds for this member",
        description=f"<@{member_id}> can spend **{words.credits_(standing.left)}** now.",
        color=COLOR_WORKING,
    )
    rules = [f"Own limit: {_or_none(found.own)}"]
    rules += [f"{role(role_id, guild_id)}: {credits_:,}" for role_id, credits_ in found.by_role.items()]
    rules += [f"The server's pool: {standing.balance.available:,} left"]
    if found.paused is not None:
        rules.append(f"Paused: {line(found.paused, words.REASON_MAX)}")
    embed.add_field(name="Rules", value="\n".join(rules), inline=False)
    embed.add_field(name="Decides", value=_decides(found), inline=False)
    embed.add_field(name="Used", value=f"{standing.used:,}")
    embed.add_field(name="Held", value=f"{standing.held:,}")
    embed.add_field(name="Left", value=f"{standing.left:,}")
    embed.add_field(name="Renews", value=format_dt(standing.balance.renews_at, "R"))
    return embed


def _decides(found: Explanation) -> str:
    if found.paused is not None:
        return "the pause: no new songs"
    standing = found.standing
    if standing.limit is None or not standing.limit_is_tightest:
        return f"the server's pool: {words.pool_used(standing.balance)}"
    period = words.PERIODS[standing.balance.period]
    return f"{words.whose(standing.limit)}: {standing.limit.credits:,} a {period}"


def _or_none(credits_: int | None) -> str:
    return "none" if credits_ is None else f"{credits_:,}"


def allowance_changed(before: Balance, after: Balance, asked: int) -> str:
    """A confirmed change of the allowance, from what to what."""
    said = (
        f"Allowance: {before.allowance:,} a {words.PERIODS[before.period]} → "
        f"**{after.allowance:,} a {words.PERIODS[after.period]}**. "
        f"{words.credits_(after.available)} can be spent now; songs in the making keep theirs."
    )
    if after.allowance < asked:
        said += f" The bot's operator allows no more than {after.allowance:,}."
    return said


def granted(before: int, after: int, reason: str) -> str:
    """A confirmed grant, from what to what."""
    return (
        f"Bonus: {before:,} → **{words.credits_(after)}** ({after - before:+,}). Reason: {line(reason, 200)}"
    )


def limit_changed(change: LimitChange, of: str) -> str:
    """A confirmed change of a limit, from what to what, and whom it touches as far as that is known."""
    said = f"Limit of {of}: {_or_none(change.before)} → **{_or_none(change.after)}**."
    if change.beyond:
        count = "1 member has" if change.beyond == 1 else f"{change.beyond:,} members have"
        said += f" {count} used more already and can ask for nothing until it renews."
    if change.open_jobs:
        said += _go_on(change.open_jobs)
    return said


def member_limit(found: Explanation, member_id: int) -> str:
    """What a member's limit is, for a manager who asks."""
    if found.own is not None:
        return f"<@{member_id}> has a limit of their own: **{words.credits_(found.own)}** a period."
    limit = found.standing.limit
    rest = "the server's pool alone" if limit is None else f"{words.whose(limit)}, {limit.credits:,}"
    return f"<@{member_id}> has no limit of their own; what decides is {rest}."


def role_limit(credits_: int | None, name: str) -> str:
    """What a role's limit is, for a manager who asks."""
    if credits_ is None:
        return f"There is no limit for {name}."
    return f"{name}: **{words.credits_(credits_)}** a period for each member, unless another rule gives more."


def refunded(refund: Refund) -> str:
    """A confirmed refund, and what that makes of the credits; those of an earlier period are gone with it."""
    job = refund.job
    return (
        f"Refunded **{words.credits_(job.price_credits)}** for “{line(title_of(job), SONG_MAX)}” of "
        f"<@{job.reply_to.member_id}>. Can be spent: {refund.before:,} → **{refund.after:,}**."
    )


def paused(reason: str, open_jobs: int) -> str:
    """A confirmed pause."""
    return f"Open → **paused**: {line(reason, words.REASON_MAX)}.{_go_on(open_jobs)} `/quota resume` ends it."


def _go_on(open_jobs: int) -> str:
    if not open_jobs:
        return ""
    return f" {words.songs(open_jobs)} in the making go{'es' if open_jobs == 1 else ''} on."


def resumed(*, ended: bool) -> str:
    """A confirmed end of a pause, or that there was none."""
    return "Paused → **open**: new songs are taken again." if ended else "It was not paused."


def alerts_set(before: int | None, after: int | None) -> str:
    """A confirmed channel for budget alerts, from which to which."""
    there = "" if after is None else " I have to be able to see it and to post there."
    return f"Budget alerts: {_channel(before)} → **{_channel(after)}**.{there}"


def _channel(channel_id: int | None) -> str:
    return "none" if channel_id is None else f"<#{channel_id}>"


def budget_alert(alert: BudgetAlert) -> str:
    """What a server's channel is told when its allowance is nearly or wholly used."""
    all_gone = alert.percent == 100  # noqa: PLR2004
    gone = "This server's allowance is used up" if all_gone else f"{alert.percent} % of the allowance is used"
    return (
        f"⚠️ {gone}: {alert.used:,} of {words.credits_(alert.allowance)}. "
        f"It renews {format_dt(alert.renews_at, 'R')}; "
        "a server manager can add credits with `/quota grant`, or set another allowance with `/quota set`."
    )


def ledger(page: Page, kind: str | None, member_id: int | None) -> discord.Embed:
    """One page of the ledger, newest first."""
    only = [KINDS.get(kind, kind)] if kind else []
    only += [f"of <@{member_id}>"] if member_id else []
    embed = discord.Embed(
        title="Ledger",
        description="\n".join(map(_entry, page.rows)) or "Nothing yet.",
        color=COLOR_WORKING,
    )
    if only:
        embed.add_field(name="Only", value=" ".join(only))
    return embed


def _entry(row: LedgerRow) -> str:
    parts = [f"{format_dt(row.at, 'd')} {format_dt(row.at, 't')} **{KINDS[row.kind]}**"]
    if row.allowance or row.bonus:
        bonus = f" ({row.bonus:,} of the bonus)" if row.bonus and row.allowance else ""
        parts.append(f"{row.allowance + row.bonus:,}{bonus}")
    if row.song:
        parts.append(f"“{line(row.song, 40)}”")
    if row.member_id is not None:
        parts.append(f"<@{row.member_id}>")
    if row.role_id is not None:
        parts.append(f"<@&{row.role_id}>")
    if row.before is not None and row.after is not None:
        parts.append(f"{row.before} → {row.after}")
    if row.actor_id is not None:
        parts.append(f"by <@{row.actor_id}>")
    if row.reason:
        parts.append(f"({line(row.reason, 80)})")
    return " ".join(parts)


def usage(use: Use) -> discord.Embed:
    """What stands around the picture: the sums, and whose the numbered bars are."""
    spent = sum(day.spent for day in use.days)
    back = sum(day.released + day.refunded for day in use.days)
    embed = discord.Embed(
        title=f"The last {len(use.days)} days",
        description=f"**{words.credits_(spent)}** spent, {back:,} given back or refunded.",
        color=COLOR_WORKING,
    )
    embed.add_field(name="Most spent by", value=_top(use.top))
    embed.set_image(url=f"attachment://{PICTURE}")
    return embed


def choice(song: SettledSong) -> str:
    """A song in a list to choose from: plain text, as Discord shows it there."""
    name = cut(" ".join(song.song.split()) or "Song", SONG_MAX)
    asked_by = f" · {song.asked_by}" if song.asked_by else ""
    return cut(f"{name}{asked_by} · {song.at:%d %b} · {song.price:,} credits", CHOICE_MAX)
