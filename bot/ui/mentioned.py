"""The names of whom and what a request mentions, as far as Discord tells them in time."""

import asyncio
import logging
from collections.abc import Mapping
from typing import Any, Final

import discord

from bot import mentions
from bot.mentions import Names
from bot.model import SongRequest, storable
from bot.ui import interaction_context
from bot.ui.discord_errors import NETWORK_ERRORS, readable_answers, reopen_for_all

log = logging.getLogger(__name__)

LOOK_UP_S: Final = 0.8
"""Seconds to ask Discord for names; an answer is due within 3 s, of which the database may take 2."""
LOOKED_UP_MAX: Final = 5
"""Members of one request whose names are asked for."""


async def with_names(interaction: discord.Interaction, request: SongRequest) -> SongRequest:
    """Return the request with names in place of ids.

    What Discord does not tell gets a neutral word. Channels are never asked for: the bot may see some that
    the member may not.

    Raises:
        NotYourServer: asked outside a server.
    """
    text = f"{request.prompt}\n{request.title}\n{request.style}\n{request.lyrics}\n{request.avoid}"
    member_ids, role_ids = mentions.member_ids(text), mentions.role_ids(text)
    names = _told(interaction)
    members, roles = dict(names.members), dict(names.roles)
    unknown = sorted(member_ids - members.keys())[:LOOKED_UP_MAX]
    guild_id = interaction_context.guild_of(interaction)
    looks = [_look_up_member(interaction, guild_id, member_id, members) for member_id in unknown]
    if role_ids - roles.keys():
        looks.append(_look_up_roles(interaction, guild_id, roles))
    try:
        async with asyncio.timeout(LOOK_UP_S):
            await asyncio.gather(*looks)
    except TimeoutError:
        log.info("name not looked up", extra={"error": "TimeoutError"})
        reopen_for_all(interaction.client)
    names = Names(members=members, roles=roles, channels=names.channels)
    return request.with_texts(lambda typed: mentions.named(typed, names))


def _told(interaction: discord.Interaction) -> Names:
    """Return the names that the interaction itself carries."""
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
    interaction: discord.Interaction, guild_id: int, member_id: int, names: dict[int, str]
) -> None:
    try:
        with readable_answers():
            names[member_id] = _display_name(await interaction.client.http.get_member(guild_id, member_id))
    except NETWORK_ERRORS as error:
        log.info("name not looked up", extra={"error": str(error) or type(error).__name__})


async def _look_up_roles(interaction: discord.Interaction, guild_id: int, names: dict[int, str]) -> None:
    try:
        with readable_answers():
            roles = await interaction.client.http.get_roles(guild_id)
    except NETWORK_ERRORS as error:
        log.info("name not looked up", extra={"error": str(error) or type(error).__name__})
    else:
        names.update(_names_of({str(role["id"]): role for role in roles}))
