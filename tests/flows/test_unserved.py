"""Servers that are not served: one private sentence, before a form opens or anything is stored."""

from typing import Any

import discord
import pytest

from bot.model import GuildId
from bot.playground.world import World
from bot.store import servers
from bot.ui.language import ENGLISH
from tests.flows.forger import Forger, is_private_sentence, rows
from tests.flows.seen import posted, said

SENTENCE = ENGLISH("refused-not-served", charged="")
NOT_CHARGED = f" {ENGLISH('nothing-charged')}"
OPEN_TO_ALL = {"music help", "privacy view", "privacy export", "privacy delete"}
VALUES: dict[int, object] = {3: "rain", 4: 5, 5: True}
SUB_COMMAND = 1


@pytest.fixture
def forger(world: World) -> Forger:
    return Forger(world)


async def deny(world: World) -> None:
    guild_id, now = GuildId(world.guild.id), world.clock()
    await world.parts.database.write(lambda tx: servers.set_allowed(tx, guild_id, now, allowed=False))


def commands(world: World) -> list[tuple[str, dict[str, Any]]]:
    """Return each command with its group."""
    tree = world.parts.client.tree
    return [
        (group.name, command) for group in tree.get_commands() for command in group.to_dict(tree)["options"]
    ]


async def test_every_command_but_help_and_privacy_is_one_private_sentence(
    world: World, forger: Forger
) -> None:
    mia = world.add_member("Mia", manager=True)
    await mia.slash(world.channel, "music help")
    event = forger.event(discord.InteractionType.application_command)
    event["data"]["resolved"] = {
        "users": {str(mia.id): event["member"]["user"]},
        "members": {str(mia.id): event["member"]},
        "roles": {str(world.guild.id): {"id": str(world.guild.id), "name": "everyone", "permissions": "0"}},
    }
    ids = {6: str(mia.id), 8: str(world.guild.id)}
    await deny(world)
    before = await rows(world)

    said_by = {}
    for group, command in commands(world):
        name = f"{group} {command['name']}"
        options = [
            {"name": one["name"], "type": one["type"], "value": VALUES.get(one["type"], ids.get(one["type"]))}
            for one in command.get("options", [])
            if one.get("required")
        ]
        if name not in OPEN_TO_ALL:
            given = [{"name": command["name"], "type": SUB_COMMAND, "options": options}]
            answer = await forger.send(event, name=group, options=given)
            said_by[name] = (answer["data"].get("content"), is_private_sentence(answer))

    charging = {"music create": (f"{SENTENCE}{NOT_CHARGED}", True)}
    assert dict.fromkeys(said_by, (SENTENCE, True)) | charging == said_by
    assert before == await rows(world)
    for name in sorted(OPEN_TO_ALL):
        answer_to = await mia.slash(world.channel, name)
        assert SENTENCE not in said(answer_to)


async def test_buttons_forms_and_choices_stop_with_the_permission(world: World, forger: Forger) -> None:
    mia = world.add_member("Mia", manager=True)
    form = await mia.slash(world.channel, "music custom")
    await mia.slash(world.channel, "music create", prompt="slow rain")
    (song,) = await posted(world)
    await deny(world)
    before = await rows(world)

    pressed = [await mia.click(song, label=label) for label in ("Remix (10 credits)", "Again (10 credits)")]
    texts = {"title": "T", "style": "polka", "lyrics": "la", "vocals": "with_vocals"}
    submitted = await mia.submit_modal(form, texts)
    event = forger.event(discord.InteractionType.application_command)
    event |= {"type": discord.InteractionType.autocomplete.value}
    typed = {"name": "song", "type": 3, "value": "rain", "focused": True}
    offered = await forger.send(event, name="music", options=[{"name": "get", "type": 1, "options": [typed]}])

    assert [SENTENCE, f"{SENTENCE}{NOT_CHARGED}"] == [said(one) for one in pressed]
    assert f"{SENTENCE}{NOT_CHARGED}" == said(submitted)
    assert [] == offered["data"]["choices"]
    assert before == await rows(world)


async def test_a_member_can_delete_their_data_where_the_bot_is_not_served(world: World) -> None:
    mia = world.add_member("Mia")
    await deny(world)

    asked = await mia.slash(world.channel, "privacy delete")
    assert asked.response is not None
    await mia.click(asked.response.message, label="Delete everything about me")

    assert SENTENCE not in str(world.env.http_requests[-1].json)
