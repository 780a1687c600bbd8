"""The registered commands, and the channels that they offer."""

from typing import Any

import discord
import pytest
from discord import app_commands

from bot.refusals import MissingPermissions, NoPlaceToPost, NotYourServer
from bot.ui import interaction_context
from bot.ui.admission import with_known_channel
from bot.ui.channel_options import PostableChannelOption
from bot.ui.quota_commands import Quota

GUILD = 100
HERE = 200


def picked(type_: int, **more: Any) -> app_commands.AppCommandChannel:  # noqa: ANN401 - Discord's JSON
    """Return a channel as received from an option."""
    data: Any = {"id": HERE, "type": type_, "name": "songs", "permissions": "0"} | more
    return app_commands.AppCommandChannel(state=None, data=data, guild_id=GUILD)  # type: ignore[arg-type]


class Asked:
    """The part of an interaction that is read."""

    guild_id = GUILD
    channel_id = HERE + 1
    app_permissions = discord.Permissions.none()


def asked() -> Any:  # noqa: ANN401 - in place of discord.py's interaction
    return Asked()


def test_alerts_offer_only_channels_in_which_a_message_can_be_posted() -> None:
    command: Any = Quota.__dict__["alerts"]
    option = command._params["channel"].to_dict()

    assert [0, 2, 5, 10, 11, 12, 13] == sorted(option["channel_types"])
    assert 7 == option["type"]


@pytest.mark.parametrize("type_", [4, 15, 16])
def test_a_category_a_forum_and_a_media_channel_are_refused_for_alerts(type_: int) -> None:
    with pytest.raises(NoPlaceToPost):
        interaction_context.may_post_in(asked(), picked(type_))


@pytest.mark.parametrize("type_", [0, 2, 5, 10, 11, 12, 13, 99])
def test_alerts_accept_a_channel_of_any_other_or_unknown_type(type_: int) -> None:
    interaction_context.may_post_in(asked(), picked(type_))


def test_the_channel_of_the_command_must_let_the_bot_write() -> None:
    interaction = asked()
    interaction.channel_id = HERE

    with pytest.raises(MissingPermissions):
        interaction_context.may_post_in(interaction, picked(0))


def test_another_servers_channel_is_refused_for_alerts() -> None:
    interaction = asked()
    interaction.guild_id = GUILD + 1

    with pytest.raises(NotYourServer):
        interaction_context.may_post_in(interaction, picked(0))


async def test_a_picked_channel_needs_no_cache() -> None:
    channel = picked(0)

    assert channel is await PostableChannelOption().transform(asked(), channel)


@pytest.mark.parametrize("type_", [99, None, "text"])
def test_a_channel_of_an_unknown_type_is_treated_as_one_with_messages(type_: object) -> None:
    data = {"id": "1", "channel": {"id": "5", "type": type_}}

    assert {"id": "1", "channel": {"id": "5", "type": 0}} == with_known_channel(data)


@pytest.mark.parametrize("data", [{}, {"channel": None}, {"channel": {"id": "5", "type": 11}}])
def test_an_interaction_from_a_known_place_or_none_is_unchanged(data: dict[str, Any]) -> None:
    assert data is with_known_channel(data)
