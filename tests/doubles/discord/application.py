"""The bot as Discord describes it: its application, its account, and the READY event.

Source: https://docs.discord.com/developers/reference (objects of API v10).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .wire import Json, Person, user_wire

if TYPE_CHECKING:
    from collections.abc import Iterable


def application_wire(application_id: int, owner: Person, *, guilds: int) -> Json:
    """Return the bot's application object."""
    return {
        "id": str(application_id),
        "name": "Tunesmith",
        "icon": None,
        "description": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "owner": user_wire(owner),
        "team": None,
        "summary": "",
        "flags": 0,
        "tags": [],
        "rpc_origins": [],
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "approximate_guild_count": guilds,
        "approximate_user_install_count": 0,
        "integration_types_config": {"0": {}},
    }


def account_wire(bot: Person) -> Json:
    """Return the bot's account, as it sees it itself."""
    return user_wire(bot) | {
        "verified": True,
        "mfa_enabled": True,
        "email": None,
        "flags": 0,
        "locale": "en-US",
    }


def ready_wire(
    bot: Person,
    guild_ids: Iterable[int],
    *,
    application_id: int,
    session_id: str,
    resume_url: str,
    shard: tuple[int, int],
) -> Json:
    """Return the data of a READY event."""
    return {
        "v": 10,
        "user": account_wire(bot),
        "guilds": [{"id": str(guild_id), "unavailable": True} for guild_id in guild_ids],
        "session_id": session_id,
        "session_type": "normal",
        "resume_gateway_url": resume_url,
        "shard": list(shard),
        "application": {"id": str(application_id), "flags": 0},
        "private_channels": [],
        "presences": [],
        "relationships": [],
        "user_settings": {},
        "geo_ordered_rtc_regions": [],
        "_trace": [],
    }
