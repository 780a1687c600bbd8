"""The start and end of a run: exit codes, final output, and work that is never interrupted."""

import asyncio
from pathlib import Path

from bot.sandbox.faults import FaultKind, InjectedFault
from tests.flows.process import PATIENCE_S, World


async def test_a_wrong_token_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.unconnected_bot(DISCORD_TOKEN="not.the.token") as bot:
        status = await bot.ended()

    assert 1 == status
    assert "DISCORD_TOKEN is not accepted by Discord; copy the bot's token again." == bot.lines[-1]
    assert "Traceback" not in bot.log
    assert "not.the.token" not in bot.log


async def test_a_token_that_is_revoked_ends_the_run_with_one_sentence(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.bot() as bot:
        await world.discord.revoke_token()
        status = await bot.ended()

    assert 1 == status
    assert "DISCORD_TOKEN is no longer accepted by Discord; copy the bot's token again." == bot.lines[-1]
    assert "Traceback" not in bot.log
    assert world.discord.token not in bot.log


async def test_a_closed_service_is_named_and_the_next_request_refused(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.bot() as bot:
        world.music.faults.append(InjectedFault(FaultKind.CLOSED))
        channel, ada = world.room()
        await world.discord.slash("music create", prompt="Too early", user=ada, channel=channel)
        notice = await world.next_post(channel)
        refused = await world.discord.slash("music create", prompt="Again", user=ada, channel=channel)
        credits_left = await world.discord.slash("music credits", user=ada, channel=channel)
        status = await bot.terminate()

    assert "The music service is not open yet." in notice.text()
    assert "Your 10 credits are back." in notice.text()
    assert refused.ephemeral
    assert refused.content.startswith("The music service is not open yet. Nothing was charged.")
    assert "**100 credits** left" in credits_left.text()
    assert ["Too early"] == [body["prompt"] for body in world.music.requests]
    assert 0 == status


async def test_sigterm_finishes_sends_refuses_requests_and_exits_with_0(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.bot() as bot:
        channel, ada = world.room()
        held_up = world.discord.fault("POST", f"/channels/{channel.id}/messages", "hang")
        await world.discord.slash("music create", prompt="On the way", user=ada, channel=channel)
        await world.discord.until(lambda: held_up.hits, PATIENCE_S, "a send")
        ending = asyncio.create_task(bot.terminate())
        await bot.until_said("stopping")
        refused = await world.discord.slash("music create", prompt="Too late", user=ada, channel=channel)
        held_up.stop()
        status = await ending

    assert refused.ephemeral
    assert refused.content.startswith("I'm about to restart. Nothing was charged")
    assert 0 == status
    assert 1 == len(world.discord.posted(channel))
    assert 1 == len(world.posts(channel))
    assert "Traceback" not in bot.log
