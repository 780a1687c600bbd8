"""Render the ledger for managers like a bank statement: one line per song or change."""

from typing import Final, assert_never

import discord
from discord.utils import format_dt
from msgspec.structs import replace

from bot.model import DiscordUserId
from bot.store.changes import Allowance, Channel, Credits, ManagerRoles, SongChannels, Status, Value
from bot.store.reports import LedgerPage, LedgerRow
from bot.store.times import UTC_NAME
from bot.ui import messages
from bot.ui.cards import COLOR_WORKING
from bot.ui.fitted_embed import FittedEmbed
from bot.ui.language import Language
from bot.ui.quota_cards import channel, channel_list, number, role_list
from bot.ui.text import line

MINUS: Final = "\N{MINUS SIGN}"
LEDGER_SONG_MAX: Final = 40
"""Maximum length of a song's name on a ledger line, in characters."""
LEDGER_REASON_MAX: Final = 80
"""Maximum length of a reason on a ledger line, in characters."""


def ledger(
    say: Language, page: LedgerPage, kind: str | None, member_id: DiscordUserId | None
) -> discord.Embed:
    """Return one page of the ledger, newest first."""
    filters = [say(f"choice-{kind}")] if kind else []
    filters += [say("ledger-of", member=f"<@{member_id}>")] if member_id else []
    embed = FittedEmbed(
        title=say("ledger-title"),
        description="\n".join(_entry(say, row) for row in page.rows) or say("ledger-none"),
        color=COLOR_WORKING,
    )
    if filters:
        embed.add_field(name=say("ledger-only"), value=" ".join(filters))
    return embed


def _entry(say: Language, row: LedgerRow) -> str:
    """Return a line: the time, amount, event, people and remaining credits."""
    kind = say(f"outcome-{row.outcome}") if row.outcome else say(f"choice-{_kind(row)}")
    song = [f"“{line(row.song, LEDGER_SONG_MAX)}”"] if row.song else []
    parts = [*song, kind] if row.outcome else [kind, *song]
    if row.bonus and row.allowance:
        parts.append(say("ledger-bonus", count=row.bonus))
    if row.member_id is not None:
        parts.append(f"<@{row.member_id}>")
    if row.role_id is not None:
        parts.append(f"<@&{row.role_id}>")
    if row.before is not None and row.after is not None:
        parts.append(_change(say, row.before, row.after))
    if row.by_operator:
        parts.append(say("ledger-by-operator"))
    elif row.actor_id is not None:
        parts.append(say("ledger-by", actor=f"<@{row.actor_id}>"))
    if row.reason:
        parts.append(f"({line(row.reason, LEDGER_REASON_MAX)})")
    when = f"{format_dt(row.at, 'd')} {format_dt(row.at, 't')}"
    amount = _signed(say, row)
    left = [] if row.balance is None else [say("ledger-left", credits=number(say, row.balance))]
    return " · ".join([f"{when}  **{amount}**" if amount else when, " ".join(parts), *left])


def _kind(row: LedgerRow) -> str:
    """Return an entry's kind, more specific for settings other than allowances."""
    if isinstance(row.after, ManagerRoles):
        return "managers"
    return "channels" if isinstance(row.after, SongChannels) else row.kind


def _signed(say: Language, row: LedgerRow) -> str:
    """Return an entry's signed effect on the spendable credits; empty for a rule."""
    total = row.allowance + row.bonus
    match row.outcome or row.kind:
        case "hold" | "settle":
            total = -total
        case "release" | "refund" if row.outcome:
            return "±0"
        case "grant" | "release" | "refund":
            pass
        case _:
            return ""
    return f"{'+' if total > 0 else MINUS if total < 0 else '±'}{number(say, abs(total))}"


def _change(say: Language, before: Value, after: Value) -> str:
    """Return a change of a setting, without the unchanged parts."""
    if before == after:
        return _value(say, after)
    if isinstance(before, SongChannels) and isinstance(after, SongChannels):
        was, now = _channel_parts(say, before), _channel_parts(say, after)
        return ", ".join(f"{part}: {was[part]} → {now[part]}" for part in was if was[part] != now[part])
    if isinstance(before, Allowance) and isinstance(after, Allowance):
        return _allowance_change(say, before, after)
    return f"{_value(say, before)} → {_value(say, after)}"


def _allowance_change(say: Language, before: Allowance, after: Allowance) -> str:
    zones = "" if before.zone == after.zone else f"{before.zone} → {after.zone}"
    before, after = replace(before, zone=UTC_NAME), replace(after, zone=UTC_NAME)
    if before == after:
        return zones
    was = number(say, before.credits) if before.period is after.period else _value(say, before)
    return ", ".join(filter(None, [f"{was} → {_value(say, after)}", zones]))


def _channel_parts(say: Language, channels: SongChannels) -> dict[str, str]:
    """Return the channels in which songs are requested, posted and announced."""
    results = say("channels-where-asked") if channels.results is None else channel(say, channels.results)
    return {
        say("channels-asked"): channel_list(channels.asked) or say("channels-everywhere"),
        say("channels-results"): results,
        say("channels-announced"): channel(say, channels.announced),
    }


def _value(say: Language, value: Value) -> str:
    """Return a setting's value before or after a change."""
    match value:
        case Status():
            return say(f"value-{value}")
        case Allowance(credits=amount, period=period, zone=zone):
            allowance = say("pool-allowance-value", credits=amount, period=messages.period(say, period))
            return allowance if zone == UTC_NAME else f"{allowance}, {zone}"
        case Credits(amount=limit):
            return say("none") if limit is None else number(say, limit)
        case ManagerRoles(ids=role_ids):
            return role_list(role_ids) or say("none")
        case SongChannels():
            return ", ".join(f"{part}: {where}" for part, where in _channel_parts(say, value).items())
        case Channel(id=channel_id):
            return say("none") if channel_id is None else f"<#{channel_id}>"
        case _:
            assert_never(value)
