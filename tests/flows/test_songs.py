"""Reposting songs, on the simulated Discord."""

from pathlib import Path
from unittest.mock import AsyncMock

import discord
import pytest
import simcord
from msgspec.structs import replace

from bot.model import ChannelId, DiscordUserId, GuildId, InteractionId, Job, JobState
from bot.playground.world import World
from bot.refusals import NoDirectMessages, NoPlaceToPost, SongGone
from bot.store import jobs
from bot.store.reconcile import reconcile
from tests.flows.seen import buttons, posted, said

HTML = b"<!DOCTYPE html><title>Not found</title>" * 200
INTERACTION = InteractionId(4_711)


async def delivered(world: World, mia: simcord.MemberActor, **asked: object) -> tuple[Job, discord.Message]:
    """Return a song of Mia's and the message in which it was delivered."""
    await mia.slash(world.channel, "music create", **{"prompt": "Warm synth pop"} | asked)
    (message,) = await posted(world)
    song = await listed_first(world, mia)
    while song.state is not JobState.DELIVERED:
        world.changed.clear()
        await world.changed.wait()
        song = await listed_first(world, mia)
    return song, message


async def listed_first(world: World, mia: simcord.MemberActor) -> Job:
    page = await world.parts.song_archive.songs(GuildId(world.guild.id), DiscordUserId(mia.id), size=1)
    song = await world.parts.database.read(lambda tx: jobs.get(tx, page.songs[0].id))
    assert song is not None
    return song


def still(song: Job) -> Job:
    """Return the job without its card, which lags."""
    return replace(song, card_shown="")


def empty_spool(world: World) -> None:
    for path in _spooled(world):
        path.unlink()


def _spooled(world: World) -> list[Path]:
    return sorted(world.settings.spool_dir.iterdir())


async def delete(world: World, message: discord.Message) -> None:
    """Delete a message of the bot's, as a moderator."""
    role = world.guild.create_role("Moderator", permissions=discord.Permissions(manage_messages=True))
    moderator = world.guild.add_member(world.env.create_user("moderator"), roles=[role])
    await moderator.delete(message)


def contents(world: World, message: discord.Message) -> list[bytes | None]:
    return [world.env.backend.cdn.get(one.url) for one in message.attachments]


def newest(world: World) -> discord.Message:
    return max(world.channel.history(), key=lambda message: message.id)


async def test_a_reposted_song_differs_only_in_the_mention(world: World, mia: simcord.MemberActor) -> None:
    song, first = await delivered(world, mia)

    copy = await world.parts.song_archive.post(song, ChannelId(world.channel.id), INTERACTION)

    message = newest(world)
    assert (copy.message_id, 0) == (message.id, copy.missing)
    assert ("🎶 Warm synth pop", [], None) == (message.content, message.raw_mentions, message.reference)
    (embed,), (copied,) = first.embeds, message.embeds
    embed.description = str(embed.description).partition("\n\n")[0]  # without the line of a first song
    assert embed.to_dict() == copied.to_dict()
    assert contents(world, first) == contents(world, message)
    assert [one.filename for one in first.attachments] == [one.filename for one in message.attachments]
    assert 1 == len(world.sandbox.requests)
    assert "Warm synth pop" in said(await mia.click(message, label=buttons(message)[0].label))


async def test_after_a_restart_a_song_is_copied_from_its_message(
    world: World, mia: simcord.MemberActor
) -> None:
    song, first = await delivered(world, mia)
    files = {path.name: path.read_bytes() for path in _spooled(world)}
    empty_spool(world)
    await world.restart()
    world.sandbox.tasks.clear()

    await world.parts.song_archive.post(song, ChannelId(world.channel.id), INTERACTION)

    assert contents(world, first) == contents(world, newest(world))
    assert files == {path.name: path.read_bytes() for path in _spooled(world)}
    found = await world.parts.song_archive.find(
        GuildId(world.guild.id), DiscordUserId(mia.id), str(song.id), AsyncMock()
    )
    assert still(song) == still(found)
    assert () == (await world.parts.database.read(reconcile)).findings


@pytest.mark.parametrize("loss", ["deleted", "html", "no history", "files gone"])
async def test_a_song_without_a_usable_message_is_fetched_from_the_service(
    world: World, mia: simcord.MemberActor, loss: str
) -> None:
    song, first = await delivered(world, mia)
    there = contents(world, first)
    empty_spool(world)
    match loss:
        case "deleted":
            await delete(world, first)
        case "html":
            world.env.backend.cdn._blobs.update({one.url: HTML for one in first.attachments})
        case "no history":
            path = f"/channels/{world.channel.id}/messages/{first.id}"
            world.env.inject_error("GET", path, status=403, code=50013, times=None)
        case "files gone":
            world.env.backend.cdn._blobs.clear()

    await world.parts.song_archive.post(song, ChannelId(world.channel.id), INTERACTION)

    assert there == contents(world, newest(world))


async def test_a_song_stored_nowhere_is_reported_as_gone(world: World, mia: simcord.MemberActor) -> None:
    song, message = await delivered(world, mia)
    empty_spool(world)
    await delete(world, message)
    world.sandbox.tasks.clear()
    before = len(world.channel.history())

    with pytest.raises(SongGone):
        await world.parts.song_archive.post(song, ChannelId(world.channel.id), INTERACTION)

    assert before == len(world.channel.history())
    found = await world.parts.database.read(lambda tx: jobs.get(tx, song.id))
    assert found is not None
    assert still(song) == still(found)


async def test_files_that_are_too_large_here_become_links(world: World, mia: simcord.MemberActor) -> None:
    song, _ = await delivered(world, mia)
    world.env.inject_error("POST", "/channels/*/messages", status=413, code=40005, times=2)

    await world.parts.song_archive.post(song, ChannelId(world.channel.id), INTERACTION)

    message = newest(world)
    assert [] == message.attachments
    assert [track.url for track in song.tracks] == [item.url for item in buttons(message) if item.url]


async def test_anybody_in_the_server_can_have_a_song_sent_to_them(
    world: World, mia: simcord.MemberActor
) -> None:
    noah = world.add_member("Noah")
    song, first = await delivered(world, mia)
    empty_spool(world)

    copy = await world.parts.song_archive.send_to(song, DiscordUserId(noah.id))

    (message,) = noah.user.dm_channel.history()
    assert (copy.channel_id, copy.message_id) == (noah.user.dm_channel.id, message.id)
    assert contents(world, first) == contents(world, message)
    assert ("🎶 Warm synth pop", [], None) == (message.content, message.raw_mentions, message.reference)
    assert ["Prompt"] == [item.label for item in buttons(message)]


async def test_closed_direct_messages_are_reported_to_their_member(
    world: World, mia: simcord.MemberActor
) -> None:
    song, _ = await delivered(world, mia)
    path = f"/channels/{mia.user.dm_channel.id}/messages"
    world.env.inject_error("POST", path, status=403, code=50007)

    with pytest.raises(NoDirectMessages):
        await world.parts.song_archive.send_to(song, DiscordUserId(mia.id))


async def test_a_channel_where_the_bot_may_not_post_is_reported(
    world: World, mia: simcord.MemberActor
) -> None:
    song, _ = await delivered(world, mia)
    world.env.inject_error("POST", "/channels/*/messages", status=403, code=50013)

    with pytest.raises(NoPlaceToPost):
        await world.parts.song_archive.post(song, ChannelId(world.channel.id), INTERACTION)
