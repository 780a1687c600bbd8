"""The language of each text, on the simulated Discord."""

import asyncio
from typing import Any

import pytest

from bot.playground.world import World
from bot.ui.language import language_of
from tests.flows.seen import WAIT_S, buttons, card_says, posted, said, speak

GERMAN, JAPANESE = language_of("de"), language_of("ja")


async def test_public_texts_are_in_the_servers_language_private_in_the_members(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, locale="de", guild_locale="ja")
    mia = world.add_member("Mia")

    card = await mia.slash(world.channel, "music create", prompt="rain")
    (message,) = await posted(world)
    await card_says(world, JAPANESE("phase-done"))
    left = await mia.slash(world.channel, "music credits")

    assert JAPANESE("card-for", title="rain", member=mia.mention) in said(card)
    assert message.content == JAPANESE("song-ready", mention=mia.mention)
    price = JAPANESE("credits", count=10)
    assert JAPANESE("button-remix", credits=price) in [one.label for one in buttons(message)]
    assert GERMAN("credits-title") in said(left)


async def test_a_refusal_and_the_form_are_in_the_members_language(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, locale="de", guild_locale="ja")
    mia = world.add_member("Mia")
    form = await mia.slash(world.channel, "music custom")

    refused = await mia.submit_modal(
        form, {"title": "a", "style": "b", "lyrics": "", "vocals": "with_vocals"}
    )

    assert form.modal is not None
    assert GERMAN("form-song") == form.modal["title"]
    assert GERMAN("refused-no-lyrics", charged=" " + GERMAN("nothing-charged")) == said(refused)
    assert refused.response is not None
    assert [GERMAN("button-edit")] == [one.label for one in buttons(refused.response.message)]


async def test_direct_messages_are_in_the_members_language(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    speak(monkeypatch, locale="de", guild_locale="ja")
    mia = world.add_member("Mia")
    world.env.inject_error("POST", f"/channels/{world.channel.id}/messages", status=403, code=50013)

    await mia.slash(world.channel, "music create", prompt="rain")
    async with asyncio.timeout(WAIT_S):
        while not (direct := mia.user.dm_channel.history()):
            world.changed.clear()
            await world.changed.wait()

    assert direct[0].content == GERMAN("song-ready", mention=mia.mention)


async def test_discord_gets_every_description_in_three_languages(world: World) -> None:
    commands = await world.parts.client.tree.fetch_commands()
    puts = next(one.json or [] for one in world.env.http_requests if one.method == "PUT")

    def missing(node: dict[str, Any], path: str) -> list[str]:
        name = f"{path} {node['name']}"
        gaps = [] if {*(node.get("description_localizations") or {})} == {"de", "ja"} else [name]
        return gaps + [gap for one in node.get("options") or [] for gap in missing(one, name)]

    assert ["music", "quota", "privacy"] == [command.name for command in commands]
    assert [] == [gap for command in puts for gap in missing(command, "")]
    assert not any(command.get("name_localizations") for command in puts)
