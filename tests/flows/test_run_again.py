"""A bot killed during a song and restarted: nothing is forgotten, repeated or posted twice."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.doubles.discord import Answer, Channel, Person
from tests.doubles.music import mp3
from tests.flows.process import PATIENCE_S, BotProcess, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

HOUR_S = 3_600.0


@dataclass(frozen=True)
class Story:
    """The work in progress when the first bot was killed, and the bot that followed."""

    world: World
    bot: BotProcess
    channel: Channel
    ada: Person
    card: Answer
    form: Answer


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def story(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Story]:
    async with World.open(tmp_path_factory.mktemp("again"), delay_s=HOUR_S) as world:
        channel, ada = world.room()
        async with world.bot() as first:
            form = await world.discord.slash("music custom", user=ada, channel=channel)
            card = await world.discord.slash("music create", prompt="Before", user=ada, channel=channel)
            await world.discord.until(lambda: world.music.polls, PATIENCE_S, "a status query")
            await first.kill()
        async with world.bot() as second:
            world.music.finish()
            world.music.delay_s = 0.0
            yield Story(world, second, channel, ada, card, form)
            assert 0 == await second.terminate(), second.log


async def test_a_song_in_progress_arrives_and_is_paid_for_once(story: Story) -> None:
    song = await story.world.next_post(story.channel)

    assert {story.ada.id} == song.pings
    assert [True, True] == [one.data.endswith(mp3(take)) for take, one in enumerate(song.attachments, 1)]
    assert 1 == len(story.world.bodies("Before"))


async def test_a_form_opened_before_the_kill_works_afterwards(story: Story) -> None:
    words = {"title": "Kept Open", "style": "waltz", "lyrics": "Still here"}
    answer = await story.world.discord.submit(story.form, words)

    assert answer.message is not None
    assert "Kept Open" in answer.text()


async def test_the_commands_are_registered_only_once(story: Story) -> None:
    assert 1 == story.world.discord.command_puts


async def test_a_lost_connection_is_resumed(story: Story) -> None:
    discord = story.world.discord
    await discord.drop_gateway()
    await discord.until(lambda: discord.gateway.resumes, PATIENCE_S, "a RESUME")
    answer = await discord.slash("music credits", user=story.ada, channel=story.channel)

    assert answer.ephemeral


async def test_a_lost_session_is_renewed_at_the_stand_in(story: Story) -> None:
    """The fence around the process would end it if it dialled the real Discord."""
    discord = story.world.discord
    before = len(discord.gateway.identifies)
    await discord.invalidate_session()
    await discord.until(lambda: len(discord.gateway.identifies) > before, PATIENCE_S, "an IDENTIFY")
    answer = await discord.slash("music credits", user=story.ada, channel=story.channel)

    assert answer.ephemeral


async def test_the_card_of_the_first_bot_is_kept_up_to_date_by_the_second(story: Story) -> None:
    await story.world.discord.until(lambda: "Done" in story.card.text(), PATIENCE_S, "a card that says so")
    songs = [one for one in story.world.discord.posted(story.channel) if "Before" in one.text()]

    assert [True] == [f"/{story.channel.id}/{song.id})" in story.card.text() for song in songs]


async def test_a_broken_connection_is_restored_and_no_song_is_lost_meanwhile(story: Story) -> None:
    """discord.py closes its connection on an unreadable event, and its HTTP session as well."""
    world, discord = story.world, story.world.discord
    world.music.delay_s = HOUR_S
    channel, ada = world.room()
    await discord.slash("music create", prompt="Meanwhile", user=ada, channel=channel)
    await discord.until(lambda: world.bodies("Meanwhile"), PATIENCE_S, "the paid request")
    before = len(discord.gateway.identifies)
    await discord.gateway.send("INTERACTION_CREATE", {"id": "1"}, discord.guild.id)
    world.music.finish()
    await discord.until(lambda: len(discord.gateway.identifies) > before, PATIENCE_S, "an IDENTIFY")
    song = await world.next_post(channel)
    answer = await discord.slash("music credits", user=ada, channel=channel)

    assert {ada.id} == song.pings
    assert answer.ephemeral
    assert "bug in a step" not in story.bot.log
