"""Replace Discord's mentions, custom emoji and links, which contain ids, with words.

A music service would sing the digits, and has no business knowing members' ids. Source:
https://docs.discord.com/developers/reference#message-formatting, read 2026-11-26.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from msgspec import Struct, field

from bot.lazy import lazy_pattern

MEMBER: Final = "@member"
"""Placeholder for a member whose name is unknown."""
ROLE: Final = "@role"
"""Placeholder for a role whose name is unknown."""
CHANNEL: Final = "#channel"
"""Placeholder for a channel whose name is unknown."""
GAP: Final = " "
"""Placeholder for anything nameless. Without it, the text around it could become a mention."""
ID_DIGITS_MAX: Final = 20
"""Maximum number of digits in a Discord id, which has 64 bits."""
TIMESTAMP_DIGITS_MAX: Final = 12
"""Maximum length of a timestamp in seconds, sign included; longer ones are beyond the calendar."""
_MENTION: Final = lazy_pattern(
    r"<@!?(?P<member>\d+)>"
    r"|<@&(?P<role>\d+)>"
    r"|<#(?P<channel>\d+)>"
    r"|<a?(?P<emoji>:[\w~]+:)\d+>"
    r"|<(?P<command>/[^<>:\n]+):\d+>"
    r"|<t:(?P<seconds>-?\d+)(?::(?P<style>[A-Za-z]))?>"
    r"|<id:(?P<page>[\w-]+)(?::\d+)?>"
    r"|(?P<sound><sound:\d+:\d+>)"
    r"|<?(?:https?://(?:\w+\.)?discord(?:app)?\.com|discord://-)/"
    r"(?:(?P<link>channels)/(?:@me|\d+)(?:/\d+)*|(?P<profile>users)/\d+)/?>?"
    r"|(?P<file>https?://(?:cdn|media|images-ext-\d)\.discordapp\.(?:com|net)/\S*)",
    re.ASCII,
)
_TIME: Final = {"t": "%H:%M", "T": "%H:%M:%S", "d": "%Y-%m-%d", "D": "%Y-%m-%d", "R": "%Y-%m-%d"}


class Names(Struct, frozen=True, kw_only=True):
    """Known names by Discord's ids."""

    members: Mapping[int, str] = field(default_factory=dict)
    roles: Mapping[int, str] = field(default_factory=dict)
    channels: Mapping[int, str] = field(default_factory=dict)
    servers: Mapping[int, str] = field(default_factory=dict)


def has_any(text: str) -> bool:
    """Return whether a text may need replacements: a cheap test before the search."""
    return "<" in text or "discord" in text


def member_ids(text: str) -> set[int]:
    """Return the ids of mentioned members, with 0 for an id that is too long."""
    return {_id(match["member"]) for match in _MENTION.finditer(text) if match["member"]}


def role_ids(text: str) -> set[int]:
    """Return the ids of mentioned roles, with 0 for an id that is too long."""
    return {_id(match["role"]) for match in _MENTION.finditer(text) if match["role"]}


def named(text: str, names: Names | None = None) -> str:
    """Return the text with ids replaced by names, or by a neutral word if unknown."""
    if not has_any(text):
        return text
    all_names = names or Names()
    return _MENTION.sub(lambda match: _word(match, all_names), text)


def _word(match: re.Match[str], names: Names) -> str:
    kind = match.lastgroup
    match kind:
        case "member":
            return _name("@", names.members, match[kind], MEMBER)
        case "role":
            return _name("@", names.roles, match[kind], ROLE)
        case "channel":
            return _name("#", names.channels, match[kind], CHANNEL)
        case "emoji" | "command":
            return match[kind]
        case "seconds" | "style":
            return _date(match["seconds"], match["style"] or "f")
        case "page":
            return f"#{match[kind]}"
        case "link":
            return CHANNEL
        case "profile":
            return MEMBER
        case _:  # a sound, or a file on Discord's servers, which no word can replace
            return GAP


def _id(digits: str) -> int:
    """Return the id, or 0, which nobody has, if it has too many digits."""
    return int(digits) if len(digits) <= ID_DIGITS_MAX else 0


def _name(sign: str, names: Mapping[int, str], digits: str, unknown: str) -> str:
    # A name may itself look like a mention, and that of @everyone already has its @.
    name = _MENTION.sub("", names.get(_id(digits), "")).removeprefix(sign).strip()
    return f"{sign}{name}" if name else unknown


def _date(seconds: str, style: str) -> str:
    if len(seconds) > TIMESTAMP_DIGITS_MAX:
        return GAP
    try:
        moment = datetime.fromtimestamp(int(seconds), UTC)
    except (OverflowError, OSError, ValueError):
        return GAP
    return moment.strftime(_TIME.get(style, "%Y-%m-%d %H:%M"))
