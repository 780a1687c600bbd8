"""What Discord sends to a client with the guilds intent: every server whole, with all that is in it.

Source: https://docs.discord.com/developers/events/gateway-events#guild-create, read 2026-11-26.
"""

from dataclasses import replace
from typing import Any, Final

from tests.doubles.discord import Person
from tests.doubles.discord.wire import Guild, member_wire

GUILDS_INTENT: Final = 1 << 0
CATEGORIES: Final = 4
TEXT_CHANNELS: Final = 12
VOICE_CHANNELS: Final = 4
ROLES: Final = 10
"""Roles of a server besides @everyone and the bot's own."""
EMOJIS: Final = 10
TEXT, VOICE, CATEGORY = 0, 2, 4
"""Discord's number for the type of a channel."""
EVERYBODY_MAY: Final = "1071698660929"
JOINED: Final = "2026-01-01T00:00:00.000000+00:00"
IMAGE: Final = "a_0123456789abcdef0123456789abcdef"
"""A hash that names a picture."""


def guild_create(guild: Guild, bot: Person) -> dict[str, Any]:
    """Return a server of ordinary size, for which discord.py keeps about 25 KiB.

    Without the intents for members and presences, the only member in it is the bot itself.
    """
    own_role = guild.id + 2
    roles = [_role(guild.id, "@everyone", 0)]
    roles += [_role(guild.id + 100 + place, f"Role {place}", place) for place in range(1, ROLES + 1)]
    roles.append(_role(own_role, bot.name, ROLES + 1) | {"managed": True, "tags": {"bot_id": str(bot.id)}})
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": IMAGE,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "features": ["COMMUNITY", "NEWS"],
        "owner_id": str(guild.id + 3),
        "region": "deprecated",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "verification_level": 1,
        "default_message_notifications": 1,
        "explicit_content_filter": 2,
        "mfa_level": 0,
        "application_id": None,
        "system_channel_id": str(guild.id + 1),
        "system_channel_flags": 0,
        "rules_channel_id": str(guild.id + 1),
        "public_updates_channel_id": str(guild.id + 1),
        "safety_alerts_channel_id": None,
        "max_presences": None,
        "max_members": 500_000,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
        "vanity_url_code": None,
        "premium_tier": 0,
        "premium_subscription_count": 2,
        "premium_progress_bar_enabled": False,
        "preferred_locale": guild.locale,
        "nsfw": False,
        "nsfw_level": 0,
        "roles": roles,
        "emojis": [_emoji(guild.id + 200 + number, number) for number in range(EMOJIS)],
        "stickers": [],
        "joined_at": JOINED,
        "large": False,
        "unavailable": False,
        "member_count": 120,
        "members": [member_wire(replace(bot, roles=(own_role,)), with_permissions=False)],
        "channels": _channels(guild.id),
        "threads": [],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
        "embedded_activities": [],
        "lazy": True,
    }


def _role(role_id: int, name: str, place: int) -> dict[str, Any]:
    return {
        "id": str(role_id),
        "name": name,
        "description": None,
        "color": 0x5865F2 if place else 0,
        "colors": {
            "primary_color": 0x5865F2 if place else 0,
            "secondary_color": None,
            "tertiary_color": None,
        },
        "hoist": bool(place % 2),
        "icon": None,
        "unicode_emoji": None,
        "position": place,
        "permissions": EVERYBODY_MAY,
        "managed": False,
        "mentionable": False,
        "flags": 0,
    }


def _emoji(emoji_id: int, number: int) -> dict[str, Any]:
    return {
        "id": str(emoji_id),
        "name": f"emoji_{number}",
        "roles": [],
        "require_colons": True,
        "managed": False,
        "animated": False,
        "available": True,
    }


def _channels(guild_id: int) -> list[dict[str, Any]]:
    categories = [_channel(guild_id, 10 + number, CATEGORY, number, None) for number in range(CATEGORIES)]
    texts = [
        _channel(guild_id, 1 if number == 0 else 20 + number, TEXT, number, 10 + number % CATEGORIES)
        for number in range(TEXT_CHANNELS)
    ]
    voices = [
        _channel(guild_id, 50 + number, VOICE, number, 10 + number % CATEGORIES)
        for number in range(VOICE_CHANNELS)
    ]
    return [*categories, *texts, *voices]


def _channel(guild_id: int, number: int, type_: int, place: int, parent: int | None) -> dict[str, Any]:
    channel: dict[str, Any] = {
        "id": str(guild_id + number),
        "type": type_,
        "name": f"channel-{number}",
        "position": place,
        "flags": 0,
        "parent_id": None if parent is None else str(guild_id + parent),
        "permission_overwrites": [
            {"id": str(role_id), "type": 0, "allow": "1024", "deny": "2048"}
            for role_id in ((guild_id, guild_id + 101) if place % 2 else ())
        ],
    }
    if type_ == TEXT:
        channel |= {
            "topic": "What this channel is for, in a sentence that everybody reads",
            "nsfw": False,
            "last_message_id": str(guild_id + 300),
            "rate_limit_per_user": 0,
        }
    if type_ == VOICE:
        channel |= {
            "bitrate": 64_000,
            "user_limit": 0,
            "rtc_region": None,
            "nsfw": False,
            "last_message_id": None,
            "rate_limit_per_user": 0,
        }
    return channel
