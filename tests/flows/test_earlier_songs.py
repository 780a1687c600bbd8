"""``/music status``, ``history`` and ``get``, and songs sent by direct message, on the simulated Discord."""

import asyncio

import discord
import pytest
import simcord

from bot.pipeline import submitting
from bot.playground.world import World
from bot.services import songs
from bot.store import history
from tests.conftest import TINY_SONG
from tests.flows.seen import WAIT_S, buttons, choose, keep_service_busy, posted, said, sent_back


@pytest.fixture
async def mia(world: World) -> simcord.MemberActor:
    """Return a member whose song has been delivered."""
    member = world.add_member("Mia")
    await member.slash(world.channel, "music create", prompt="Warm synth pop")
    await posted(world)
    return member


async def done(world: World, count: int) -> None:
    """Wait until this many songs are finished."""
    async with asyncio.timeout(WAIT_S):
        while await delivered(world) < count:
            world.changed.clear()
            await world.changed.wait()


async def delivered(world: World) -> int:
    return await world.parts.database.read(
        lambda tx: tx.execute("SELECT COUNT(*) FROM job WHERE state = 'delivered'").fetchone()[0]
    )


def empty_spool(world: World) -> None:
    for path in world.settings.spool_dir.iterdir():
        path.unlink()


def others(world: World, first: discord.Message) -> list[discord.Message]:
    """Return the messages with audio, without the first one."""
    return [one for one in world.channel.history() if one.attachments and one.id != first.id]


async def test_status_shows_the_progress_of_unfinished_songs(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    keep_service_busy(world)
    card = await mia.slash(world.channel, "music create", prompt="anything")
    await sent_back(world)

    shown = await mia.slash(world.channel, "music status")
    nothing = await noah.slash(world.channel, "music status")

    assert shown.ephemeral
    assert card.response is not None
    assert "In the queue" in said(shown)
    assert str(card.response.id) in said(shown)
    assert "You have no songs in progress here." in said(nothing)


@pytest.mark.usefixtures("mia")
async def test_history_has_pages_whose_buttons_work_after_a_restart(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a single server, the twelfth song would wait ten seconds.
    monkeypatch.setattr(submitting, "SUBMITS_RESERVED", 0)
    noah = world.add_member("Noah", manager=True)
    await noah.slash(world.channel, "quota set", credits=1_000)
    for number in range(11):
        await noah.slash(world.channel, "music create", prompt=f"song {number}")
        await done(world, number + 2)

    first = await noah.slash(world.channel, "music history")
    newest = said(first)
    await world.restart()
    assert first.response is not None
    older = await noah.click(first.response.message, label="Older")

    assert first.ephemeral
    assert "**song 10**" in newest
    assert "**song 0**" not in newest
    assert "Warm synth pop" not in newest
    assert older.response is not None
    assert "**song 0**" in str(older.response.embeds[0].description)
    assert ["Newer"] == [one.label for one in buttons(older.response.message)]


async def test_history_is_searched_by_word(world: World, mia: simcord.MemberActor) -> None:
    found = await mia.slash(world.channel, "music history", search="SYNTH")
    missed = await mia.slash(world.channel, "music history", search="polka")

    assert "Warm synth pop" in said(found)
    assert "None of your songs here" in said(missed)


async def below_two_newer(world: World, member: simcord.MemberActor, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give the member two newer songs, and let a search read one song at a time."""
    for number in range(2):
        await member.slash(world.channel, "music create", prompt=f"polka {number}")
        await done(world, number + 2)
    monkeypatch.setattr(history, "FIRST_LOOK_MAX", 1)
    monkeypatch.setattr(history, "LOOK_MAX", 1)


async def test_a_search_continues_until_it_finds_an_old_song(
    world: World, mia: simcord.MemberActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await below_two_newer(world, mia, monkeypatch)

    answer = await mia.slash(world.channel, "music history", search="synth")

    assert answer.response is not None
    (shown,) = answer.response.message.embeds
    assert "Warm synth pop" in str(shown.description)
    assert "Searching" not in str(shown.description)


async def test_a_long_search_continues_by_button(
    world: World, mia: simcord.MemberActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await below_two_newer(world, mia, monkeypatch)
    monkeypatch.setattr(songs, "LOOKS_MAX", 2)

    answer = await mia.slash(world.channel, "music history", search="synth")
    assert answer.response is not None
    so_far = str(answer.response.message.embeds[0].description)
    further = await mia.click(answer.response.message, label="Older")

    assert "keeps searching" in so_far
    assert further.response is not None
    assert "Warm synth pop" in str(further.response.embeds[0].description)


async def test_songs_older_than_the_suggestions_can_be_found(
    world: World, mia: simcord.MemberActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first,) = await posted(world)
    await mia.slash(world.channel, "music create", prompt="polka")
    await done(world, 2)
    monkeypatch.setattr(history, "CHOICES_READ_MAX", 1)

    (choice,) = await mia.autocomplete(world.channel, "music get", "song", "synth")
    await mia.slash(world.channel, "music get", song=choice["value"])

    assert ("Search older songs for “synth”", "synth") == (choice["name"], choice["value"])
    assert "🎶 Warm synth pop" in [one.content for one in others(world, first)]


@pytest.mark.parametrize("where", ["spool", "message", "service"])
async def test_a_song_is_reposted_from_wherever_it_is_still_stored(
    world: World, mia: simcord.MemberActor, where: str
) -> None:
    (first,) = await posted(world)
    await done(world, 1)
    if where != "spool":
        empty_spool(world)
    if where == "service":
        await choose(mia, first, "Delete")
    else:
        world.sandbox.tasks.clear()
    await world.restart()
    (choice,) = await mia.autocomplete(world.channel, "music get", "song", "synth")

    answer = await mia.slash(world.channel, "music get", song=choice["value"])

    (again,) = others(world, first)
    assert TINY_SONG in await again.attachments[0].read()
    assert 2 == len(again.attachments)
    assert "🎶 Warm synth pop" == again.content
    assert f"/{again.id}" in said(answer)
    assert answer.ephemeral
    assert "90 credits" in said(await mia.slash(world.channel, "music credits"))


async def test_a_lost_song_is_reported_as_gone(world: World, mia: simcord.MemberActor) -> None:
    (first,) = await posted(world)
    await done(world, 1)
    empty_spool(world)
    await choose(mia, first, "Delete")
    world.sandbox.tasks.clear()

    answer = await mia.slash(world.channel, "music get", song="Warm synth pop")

    assert "That song is gone" in said(answer)


async def test_nobody_gets_the_songs_of_others(world: World, mia: simcord.MemberActor) -> None:
    noah = world.add_member("Noah")
    (first,) = await posted(world)
    (mias,) = await mia.autocomplete(world.channel, "music get", "song", "")

    refused = await noah.slash(world.channel, "music get", song=mias["value"])

    assert [] == await noah.autocomplete(world.channel, "music get", "song", "")
    assert said(refused).startswith("You have no such song in this server.")
    assert [] == others(world, first)


@pytest.mark.usefixtures("mia")
async def test_anybody_can_have_a_song_sent_to_them(world: World) -> None:
    noah = world.add_member("Noah")
    (first,) = await posted(world)
    await world.restart()

    pressed = await choose(noah, first, "Send to me")

    (direct,) = noah.user.dm_channel.history()
    assert ["Prompt"] == [one.label for one in buttons(direct)]
    assert 2 == len(direct.attachments)
    assert f"/{direct.id}" in said(pressed)
    assert pressed.ephemeral


@pytest.mark.usefixtures("mia")
async def test_a_member_with_closed_direct_messages_is_informed(world: World) -> None:
    noah = world.add_member("Noah")
    (first,) = await posted(world)
    world.env.inject_error("POST", "/users/@me/channels", status=403, code=50007)

    pressed = await choose(noah, first, "Send to me")

    assert "I can't send you direct messages." in said(pressed)


async def test_help_invites_with_commands_that_can_be_clicked(world: World) -> None:
    commands = {command.name: command.id for command in await world.parts.client.tree.fetch_commands()}
    mia = world.add_member("Mia")
    before = said(await mia.slash(world.channel, "music help"))
    await world.restart()

    shown = await mia.slash(world.channel, "music help")

    assert shown.ephemeral
    assert f"</music create:{commands['music']}>" in said(shown)
    assert f"</quota view:{commands['quota']}>" in said(shown)
    assert "`/" not in said(shown)
    assert before == said(shown)


async def test_a_members_first_song_has_an_extra_line(world: World) -> None:
    mia, noah = world.add_member("Mia"), world.add_member("Noah")
    for count, member in enumerate([mia, mia, noah], start=1):
        await member.slash(world.channel, "music create", prompt=f"song {count}")
        await posted(world, count)

    texts = [str(message.embeds[0].description) for message in await posted(world, 3)]

    assert [True, False, True] == ["Your first song!" in text for text in texts]
    assert "</music custom:" in texts[0]


async def test_a_label_sent_in_place_of_its_value_selects_its_song(
    world: World, mia: simcord.MemberActor
) -> None:
    await mia.slash(world.channel, "music create", prompt="Warm synth pop")
    await done(world, 2)
    choices = await mia.autocomplete(world.channel, "music get", "song", "synth")

    for choice in choices:
        await mia.slash(world.channel, "music get", song=choice["name"])

    copies = [message for message in world.channel.history() if "also:" in str(message.components)]
    assert 2 == len({choice["name"] for choice in choices})
    assert sorted(choice["value"] for choice in choices) == sorted(
        value["value"]
        for value in choices
        if any(f"also:{value['value']}" in str(one.components) for one in copies)
    )
