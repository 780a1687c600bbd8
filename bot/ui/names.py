"""The names behind ids, as far as Discord responds in time."""

import asyncio
import logging
from collections.abc import Collection, Mapping
from typing import Any, Final

import discord
from msgspec.structs import replace

from bot import mentions
from bot.characters import storable
from bot.mentions import Names
from bot.model import DiscordUserId, GuildId, SongRequest
from bot.ui import interaction_context
from bot.ui.discord_errors import NETWORK_ERRORS, readable_answers, reopen_for_all

log = logging.getLogger(__name__)

REQUEST_S: Final = 0.8
"""Timeout for name lookups during a request, in seconds: the database may take 2 of the 3 s for an answer."""
REPORT_S: Final = 10.0
"""Timeout for looking up names for a report, in seconds."""
LOOKED_UP_MAX: Final = 20
"""Maximum number of members per lookup; Discord returns them one by one."""


async def with_names(interaction: discord.Interaction, request: SongRequest) -> SongRequest:
    """Return the request with names in place of ids.

    A name that Discord does not return becomes a neutral word. Channels are never looked up: the bot may see
    some that the member can't.

    Raises:
        NotYourServer: used outside a server.
    """
    text = f"{request.prompt}\n{request.title}\n{request.style}\n{request.lyrics}\n{request.avoid}"
    if not mentions.has_any(text):
        return request
    names = _told(interaction)
    member_ids = {DiscordUserId(number) for number in mentions.member_ids(text) - names.members.keys()}
    needs_roles = bool(mentions.role_ids(text) - names.roles.keys())
    if member_ids or needs_roles:
        names = await look_up(interaction, names, member_ids, REQUEST_S, with_server=needs_roles)
    return request.with_texts(lambda typed: mentions.named(typed, names))


async def of_ledger(interaction: discord.Interaction, stored: Mapping[DiscordUserId, str]) -> Names:
    """Return the names of a server, its roles and the people in its ledger.

    ``stored`` maps these people to their stored names, which may be empty.

    Raises:
        NotYourServer: used outside a server.
    """
    contained = _told(interaction)
    members: dict[int, str] = {member_id: name for member_id, name in stored.items() if name}
    members |= contained.members
    names = replace(contained, members=members)
    return await look_up(interaction, names, set(stored) - members.keys(), REPORT_S, with_server=True)


async def look_up(
    interaction: discord.Interaction,
    names: Names,
    member_ids: Collection[DiscordUserId],
    within_s: float,
    *,
    with_server: bool,
) -> Names:
    """Add to ``names`` the names that Discord returns within ``within_s`` seconds."""
    guild_id = interaction_context.guild_of(interaction)
    members, roles, servers = dict(names.members), dict(names.roles), dict(names.servers)
    looks = [
        _look_up_member(interaction, guild_id, member_id, members)
        for member_id in sorted(member_ids)[:LOOKED_UP_MAX]
    ]
    if with_server:
        looks.append(_look_up_server(interaction, guild_id, roles, servers))
    try:
        async with asyncio.timeout(within_s):
            await asyncio.gather(*looks)
    except TimeoutError:
        log.info("name not looked up", extra={"error": "TimeoutError"})
        reopen_for_all(interaction.client)
    return replace(names, members=members, roles=roles, servers=servers)


async def of_roles(interaction: discord.Interaction) -> Mapping[int, str]:
    """Return the server's role names; empty if Discord does not respond in time.

    Raises:
        NotYourServer: used outside a server.
    """
    names = await look_up(interaction, _told(interaction), (), REQUEST_S, with_server=True)
    return names.roles if names.servers else {}


async def of_channels(interaction: discord.Interaction) -> dict[int, str]:
    """Return the names of channels the bot sees; empty if Discord is too slow.

    Raises:
        NotYourServer: used outside a server.
    """
    try:
        async with asyncio.timeout(REQUEST_S):
            with readable_answers():
                channels = await interaction.client.http.get_all_guild_channels(
                    interaction_context.guild_of(interaction)
                )
    except (*NETWORK_ERRORS, TimeoutError) as error:
        log.info("name not looked up", extra={"error": str(error) or type(error).__name__})
        reopen_for_all(interaction.client)
        return {}
    return {int(channel["id"]): storable(str(channel.get("name") or "")) for channel in channels}


def _told(interaction: discord.Interaction) -> Names:
    """Return the names contained in the interaction itself."""
    data: Mapping[str, Any] = interaction.data or {}
    resolved: Mapping[str, Any] = data.get("resolved") or {}
    members = resolved.get("members") or {}
    names = {
        int(key): _display_name({**(members.get(key) or {}), "user": user})
        for key, user in (resolved.get("users") or {}).items()
    }
    roles, channels = _names_of(resolved.get("roles")), _names_of(resolved.get("channels"))
    if interaction.channel_id is not None:
        channels[interaction.channel_id] = storable(str(getattr(interaction.channel, "name", None) or ""))
    if interaction.guild_id is not None:
        roles[interaction.guild_id] = "everyone"
    names[interaction.user.id] = storable(interaction.user.display_name)
    return Names(members=names, roles=roles, channels=channels)


def _names_of(payloads: Mapping[str, Any] | None) -> dict[int, str]:
    return {int(key): storable(str(each.get("name") or "")) for key, each in (payloads or {}).items()}


def _display_name(member: Mapping[str, Any]) -> str:
    user = member.get("user") or {}
    return storable(str(member.get("nick") or user.get("global_name") or user.get("username") or ""))


async def _look_up_member(
    interaction: discord.Interaction, guild_id: GuildId, member_id: DiscordUserId, members: dict[int, str]
) -> None:
    try:
        with readable_answers():
            members[member_id] = _display_name(await interaction.client.http.get_member(guild_id, member_id))
    except NETWORK_ERRORS as error:
        log.info("name not looked up", extra={"error": str(error) or type(error).__name__})


async def _look_up_server(
    interaction: discord.Interaction, guild_id: GuildId, roles: dict[int, str], servers: dict[int, str]
) -> None:
    """Add the names of the server and its roles, which arrive together."""
    try:
        with readable_answers():
            server: Mapping[str, Any] = await interaction.client.http.get_guild(guild_id, with_counts=False)
    except NETWORK_ERRORS as error:
        log.info("name not looked up", extra={"error": str(error) or type(error).__name__})
    else:
        servers[guild_id] = storable(str(server.get("name") or ""))
        roles.update(_names_of({str(role["id"]): role for role in server.get("roles") or []}))
