"""Channels for songs, on the simulated Discord: where members request, receive and announce them."""

import discord
import pytest
import simcord
from simcord.builders import ChannelHandle

from bot.playground.world import World
from bot.store import song_channels
from tests.flows.seen import posted, said, until

pytestmark = pytest.mark.usefixtures("world")


def shown_in(result: simcord.InteractionResult) -> discord.Message:
    """Return the message that answers a form."""
    assert result.response is not None
    return result.response.message


def thread_in(world: World, channel: simcord.ChannelHandle) -> simcord.ChannelHandle:
    """Return a public thread of a channel."""
    thread = world.env.backend.create_thread(channel.id, "thread", world.guild.owner.id)
    return ChannelHandle(world.env, world.guild, thread)


async def songs_in(world: World, channel: simcord.ChannelHandle, count: int = 1) -> list[discord.Message]:
    """Return the songs in a channel, once there are this many."""

    def found() -> list[discord.Message]:
        there = [message for message in channel.history() if message.attachments]
        return there if len(there) >= count else []

    return await until(world, found)


async def test_a_request_outside_the_channels_names_the_right_one(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    songs = world.guild.create_text_channel("songs")
    changed = await ada.slash(world.channel, "quota channels", add=songs)
    refused = await mia.slash(world.channel, "music create", prompt="slow rain")
    form = await mia.slash(world.channel, "music custom")
    await world.restart()
    accepted = await mia.slash(songs, "music create", prompt="slow rain")
    credits_ = await mia.slash(world.channel, "music credits")

    assert f"<#{songs.id}>" in said(changed)
    assert refused.ephemeral
    assert f"songs are made in <#{songs.id}>. Ask for yours there. Nothing was charged." in said(refused)
    assert f"<#{songs.id}>" in said(form)
    assert not accepted.ephemeral
    assert "**90 credits** left" in said(credits_)


async def test_text_typed_in_the_wrong_channel_is_kept_in_the_form(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    songs = world.guild.create_text_channel("songs")
    form = await mia.slash(world.channel, "music custom")
    await ada.slash(world.channel, "quota channels", add=songs)
    typed = {"title": "Rain", "style": "polka", "lyrics": "la la la", "vocals": "with_vocals"}

    refused = await mia.submit_modal(form, typed)
    again = await mia.click(shown_in(refused), label="Edit and try again")

    assert f"<#{songs.id}>" in said(refused)
    assert "la la la" in str(again.modal)
    assert "Rain" in str(again.modal)


async def test_threads_of_a_channel_count_as_the_channel(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    songs = world.guild.create_text_channel("songs")
    await ada.slash(world.channel, "quota channels", add=songs)
    inside, outside = thread_in(world, songs), thread_in(world, world.channel)

    taken = await mia.slash(inside, "music create", prompt="slow rain")
    refused = await mia.slash(outside, "music create", prompt="slow rain")

    assert not taken.ephemeral
    assert f"<#{songs.id}>" in said(refused)


async def test_results_are_posted_in_their_channel_and_linked_by_the_card(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    stage = world.guild.create_text_channel("stage")
    await ada.slash(world.channel, "quota channels", results=stage)
    card = await mia.slash(world.channel, "music create", prompt="slow rain")

    (song,) = await songs_in(world, stage)

    link = f"/{stage.id}/{song.id}"
    assert song.content.startswith(f"<@{mia.id}>")
    assert await until(world, lambda: link in world.channel.history()[-1].content or link in said(card))
    assert [] == [message for message in world.channel.history() if message.attachments]


async def test_a_song_is_announced_once_with_a_link(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    news = world.guild.create_text_channel("news")
    await ada.slash(world.channel, "quota channels", announce=news)
    await mia.slash(world.channel, "music create", prompt="slow rain")
    (song,) = await posted(world)

    (line,) = await until(world, lambda: list(news.history()))
    await world.restart()

    assert f"/{world.channel.id}/{song.id}" in line.content
    assert "slow rain" in line.content
    assert 1 == len(news.history())


async def test_a_deleted_channel_can_be_removed_by_its_id(
    world: World, ada: simcord.MemberActor, mia: simcord.MemberActor
) -> None:
    songs = world.guild.create_text_channel("songs")
    await ada.slash(world.channel, "quota channels", add=songs)
    world.env.backend.delete_channel(songs.id)
    refused = await mia.slash(world.channel, "music create", prompt="slow rain")
    (choice,) = await ada.autocomplete(world.channel, "quota channels", "remove", "")
    removed = await ada.slash(world.channel, "quota channels", remove=choice["name"])
    accepted = await mia.slash(world.channel, "music create", prompt="slow rain")

    assert refused.ephemeral
    assert choice["name"].endswith(f"({songs.id})")
    assert "every channel" in said(removed)
    assert not accepted.ephemeral


async def test_a_channel_without_permissions_is_refused_when_it_is_chosen(
    world: World, ada: simcord.MemberActor
) -> None:
    everyone = world.guild.default_role
    stage = world.guild.create_text_channel(
        "stage", overwrites={everyone: discord.PermissionOverwrite(attach_files=False)}
    )

    refused = await ada.slash(world.channel, "quota channels", results=stage)
    taken = await ada.slash(world.channel, "quota channels", announce=stage)
    shown = await ada.slash(world.channel, "quota channels")

    assert "**Attach Files**" in said(refused)
    assert f"<#{stage.id}>" in said(taken)
    assert "where they were requested" in said(shown)


async def test_only_actual_changes_are_in_the_ledger(
    world: World, ada: simcord.MemberActor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.services.server_rules.CHANNELS_MAX", 1)
    first, second = (world.guild.create_text_channel(name) for name in ("one", "two"))
    await ada.slash(world.channel, "quota channels", add=first)
    await ada.slash(world.channel, "quota channels", add=first)
    many = await ada.slash(world.channel, "quota channels", add=second)
    await ada.slash(world.channel, "quota channels", off="asked")
    entries = said(await ada.slash(world.channel, "quota ledger", kind="set"))

    assert "up to 1 channels" in said(many)
    # Two entries, in the embed and in the text, which may be cut.
    assert 3 <= entries.count("Requested in") <= 4
    assert "Posted in" not in entries
    assert 10 == song_channels.CHANNELS_MAX


async def test_members_cannot_choose_channels(world: World, mia: simcord.MemberActor) -> None:
    commands = await world.parts.client.tree.fetch_commands()
    quota = next(command for command in commands if command.name == "quota")
    world.guild.set_command_permissions(quota, {mia: True})

    refused = await mia.slash(world.channel, "quota channels", add=world.channel)

    assert "Manage Server" in said(refused)
