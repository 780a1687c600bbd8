"""Data read from an interaction."""

from pathlib import Path
from unittest.mock import Mock

import discord
import pytest

from bot.model import Origin
from bot.playground.world import World
from bot.ui import interaction_context


@pytest.mark.parametrize("named", [0, 2])
async def test_role_ids_are_read_from_the_payload_with_the_servers_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: int
) -> None:
    async with World.open(tmp_path, delay_s=0.0, pace=0.01) as world:
        roles = [world.guild.create_role(f"Role {number}") for number in range(named)]
        mia = world.guild.add_member(world.env.create_user("mia"), roles=roles)
        seen = list[Origin]()

        def see(interaction: discord.Interaction) -> None:
            seen.append(interaction_context.origin(interaction))

        monkeypatch.setattr(interaction_context, "require_can_post", see)
        await mia.slash(world.channel, "music custom")

        assert [{world.guild.id, *(role.id for role in roles)}] == [asked.role_ids for asked in seen]
        assert [(world.guild.id, world.channel.id, mia.id)] == [
            (asked.guild_id, asked.channel_id, asked.member_id) for asked in seen
        ]


@pytest.mark.parametrize(
    ("type_", "is_private"),
    [(discord.ChannelType.private_thread, True), (discord.ChannelType.public_thread, False)],
)
def test_only_private_threads_are_private(type_: discord.ChannelType, is_private: bool) -> None:
    thread = Mock(spec=discord.Thread, type=type_)
    interaction = Mock(spec=discord.Interaction, channel=thread)

    assert is_private is interaction_context.is_in_private_thread(interaction)
