"""State before and after a change, as JSON in a ledger entry."""

import json
from enum import StrEnum
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from bot.balance import Period
from bot.lazy import lazy_pattern
from bot.model import ChannelId, RoleId
from bot.store.times import UTC_NAME

_OLD_ALLOWANCE: Final = lazy_pattern(r"(?P<credits>\d+) a (?P<period>day|week|month)")
_OLD_NONE: Final = "none"


class Status(StrEnum):
    """State of a server or a song before or after a change."""

    OPEN = "open"
    PAUSED = "paused"
    SETTLED = "settled"
    REFUNDED = "refunded"


class Allowance(Struct, frozen=True):
    """A server's allowance per period."""

    credits: int
    period: Period
    zone: str = UTC_NAME
    """IANA name of the zone whose midnight begins a period."""


class Credits(Struct, frozen=True):
    """A limit or a bonus, in credits; None for no limit."""

    amount: int | None


class Channel(Struct, frozen=True):
    """A channel, by its Discord id; None for no channel."""

    id: ChannelId | None


class SongChannels(Struct, frozen=True):
    """Channels for songs, by their Discord ids."""

    asked: tuple[ChannelId, ...] = ()
    """Where songs may be requested, in order; empty for everywhere."""
    results: ChannelId | None = None
    """Where songs are posted; None for the channel of the request."""
    announced: ChannelId | None = None
    """Where songs are announced; None for nowhere."""


class ManagerRoles(Struct, frozen=True):
    """Roles whose members may manage the bot, by their Discord ids, in order."""

    ids: tuple[RoleId, ...] = ()


Value: TypeAlias = Status | Allowance | Credits | Channel | SongChannels | ManagerRoles


def write(value: Value) -> str:
    """Encode a value for the ledger."""
    match value:
        case Status():
            fields: dict[str, object] = {"status": value.value}
        case Allowance(credits=amount, period=period, zone=zone):
            fields = {"credits": amount, "period": period.value}
            if zone != UTC_NAME:
                fields["zone"] = zone
        case Credits(amount=limit):
            fields = {"credits": limit}
        case Channel(id=channel_id):
            fields = {"channel": channel_id}
        case ManagerRoles(ids=ids):
            fields = {"managers": ids}
        case SongChannels(asked=sources, results=results, announced=announced):
            fields = {"asked": sources, "results": results, "announced": announced}
        case _:
            assert_never(value)
    return json.dumps(fields)


def read(kind: str, text: str | None) -> Value | None:
    """Decode a value. Earlier versions stored a phrase, parsed according to the entry's kind."""
    if text is None:
        return None
    if not text.startswith("{"):
        return _read_old(kind, text)
    fields = json.loads(text)
    if "status" in fields:
        return Status(fields["status"])
    if "channel" in fields:
        return Channel(fields["channel"])
    if "managers" in fields:
        return ManagerRoles(tuple(fields["managers"]))
    if "asked" in fields:
        return SongChannels(tuple(fields["asked"]), fields["results"], fields["announced"])
    if "period" in fields:
        return Allowance(fields["credits"], Period(fields["period"]), fields.get("zone", UTC_NAME))
    return Credits(fields["credits"])


def _read_old(kind: str, text: str) -> Value:
    allowance = _OLD_ALLOWANCE.fullmatch(text)
    if allowance is not None:
        return Allowance(int(allowance["credits"]), Period(allowance["period"]))
    if text in set(Status):
        return Status(text)
    number = None if text == _OLD_NONE else int(text)
    return Credits(number) if kind != "alerts" else Channel(None if number is None else ChannelId(number))


def plain(value: Value | None) -> str:
    """Format a value for a spreadsheet."""
    match value:
        case None:
            return ""
        case Status():
            return value.value
        case Allowance(credits=amount, period=period, zone=zone):
            return f"{amount} a {period}" if zone == UTC_NAME else f"{amount} a {period}, {zone}"
        case ManagerRoles(ids=ids):
            return f"managed by {' '.join(map(str, ids)) or _OLD_NONE}"
        case SongChannels(asked=sources, results=results, announced=announced):
            names = {"asked in": " ".join(map(str, sources)), "posted in": results, "announced in": announced}
            return "; ".join(f"{name} {ids or _OLD_NONE}" for name, ids in names.items())
        case Credits(amount=number) | Channel(id=number):
            return _OLD_NONE if number is None else str(number)
        case _:
            assert_never(value)
