"""The bot's process as monitoring sees it: health, metrics and log."""

import asyncio
import json
import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bot.ops import version
from tests.doubles.music import MUSIC_KEY
from tests.flows.process import PATIENCE_S, BotProcess, World

ANYWHERE = "127.0.0.1:0"
WITHIN_S = PATIENCE_S
"""A lost gateway must show within a minute."""
ASKED_EVERY_S = 0.05
"""Interval between requests to the health server, long enough for progress in between."""


@asynccontextmanager
async def watched(bot: BotProcess) -> AsyncIterator[aiohttp.ClientSession]:
    """Return a client of the bot's health server, wherever it listens."""
    await bot.until_said("health server listening")
    (port,) = re.findall(r"address\W+127\.0\.0\.1:(\d+)", bot.log)
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        yield client


async def asked(client: aiohttp.ClientSession) -> tuple[int, str]:
    async with client.get("/healthz") as answer:
        return answer.status, await answer.text()


async def until(client: aiohttp.ClientSession, status: int) -> str:
    """Return the response as soon as it has this status."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            found, text = await asked(client)
            if found == status:
                return text
            await asyncio.sleep(ASKED_EVERY_S)


async def test_a_lost_gateway_shows_within_a_minute_and_so_does_its_return(tmp_path: Path) -> None:
    async with (
        World.open(tmp_path) as world,
        world.bot(HTTP_LISTEN=ANYWHERE) as bot,
        watched(bot) as client,
    ):
        before = await until(client, 200)
        world.discord.refuse_gateway()
        await world.discord.drop_gateway()
        during = await until(client, 503)
        async with client.get("/metrics") as answer:
            totals = await answer.text()
        world.discord.refuse_gateway(refuse=False)
        after = await until(client, 200)

    assert ("ok\n", "not connected to Discord\n", "ok\n") == (before, during, after)
    assert "tunesmith_gateway_connected 0.0\n" in totals


async def test_a_bot_not_yet_connected_to_discord_is_unhealthy(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world:
        world.discord.refuse_gateway()
        async with world.unconnected_bot(HTTP_LISTEN=ANYWHERE) as bot, watched(bot) as client:
            early = await until(client, 503)
            world.discord.refuse_gateway(refuse=False)
            late = await until(client, 200)

    assert "not connected to Discord" in early
    assert "ok\n" == late


async def test_a_stopping_bot_reports_it_and_answers_until_it_exits(tmp_path: Path) -> None:
    async with (
        World.open(tmp_path) as world,
        world.bot(HTTP_LISTEN=ANYWHERE) as bot,
        watched(bot) as client,
    ):
        channel, ada = world.room()
        held_up = world.discord.fault("POST", f"/channels/{channel.id}/messages", "hang")
        await world.discord.slash("music create", prompt="On the way", user=ada, channel=channel)
        await world.discord.until(lambda: held_up.hits, PATIENCE_S, "a send")
        ending = asyncio.create_task(bot.terminate())
        await bot.until_said("stopping")
        during = await asked(client)
        held_up.stop()
        status = await ending

    assert (503, "stopping\n") == during
    assert 0 == status
    assert "Traceback" not in bot.log


async def test_totals_match_the_songs_and_outlive_the_process(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world:
        channel, ada = world.room()
        async with world.bot(HTTP_LISTEN=ANYWHERE) as bot, watched(bot) as client:
            await world.discord.slash("music create", prompt="Counted", user=ada, channel=channel)
            await world.next_post(channel)
            await bot.until_said("delivered")
            async with client.get("/metrics") as answer:
                first = await answer.text()
            await bot.kill()
        async with (
            world.bot(HTTP_LISTEN=ANYWHERE) as bot,
            watched(bot) as client,
            client.get("/metrics") as answer,
        ):
            second = await answer.text()

    for shown in (first, second):
        assert 'tunesmith_jobs{state="delivered"} 1.0\n' in shown
        assert "tunesmith_credits_settled_total 10.0\n" in shown
        assert "tunesmith_credits_held 0.0\n" in shown
        assert str(ada.id) not in shown
        assert "Counted" not in shown
    assert 'tunesmith_submission_seconds_count{answer="accepted"} 1.0\n' in first
    assert 'tunesmith_poll_seconds_count{answer="done"} ' in first
    assert "tunesmith_delivery_delay_seconds_count 1.0\n" in first
    assert 0 < float(re.findall(r"tunesmith_database_write_seconds_count (.*)\n", first)[0])


async def test_a_port_that_is_taken_stops_the_start_with_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with (
            World.open(tmp_path) as world,
            world.unconnected_bot(HTTP_LISTEN=f"127.0.0.1:{port}") as bot,
        ):
            status = await bot.ended()

    assert 1 == status
    assert (
        f"HTTP_LISTEN: can't listen on 127.0.0.1:{port} (Address already in use); choose another port, "
        "or leave it empty for no server."
    ) == bot.log
    assert [] == world.discord.requests


async def test_without_an_address_nothing_is_served(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.bot(HTTP_LISTEN="") as bot:
        assert 0 == await bot.terminate()

    assert "served" not in bot.log


# -- the log


def objects(bot: BotProcess) -> list[dict[str, Any]]:
    """Return all lines of its log, each of which is an object."""
    return [json.loads(line) for line in bot.lines]


async def test_every_json_line_is_one_object_with_its_job_and_server(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.bot(LOG_FORMAT="json", LOG_LEVEL="DEBUG") as bot:
        channel, ada = world.room()
        world.discord.refuse_gateway()
        await world.discord.drop_gateway()
        await bot.until_said("Attempting a reconnect")
        world.discord.refuse_gateway(refuse=False)
        await world.discord.until_connected(30.0)
        await world.discord.slash("music create", prompt="In JSON", user=ada, channel=channel)
        await world.next_post(channel)
        await bot.until_said("delivered")
        assert 0 == await bot.terminate()
    found = objects(bot)
    of_the_job = [one for one in found if "state" in one]
    theirs = [one for one in found if one["event"].startswith("Attempting a reconnect")]

    assert {"timestamp", "level", "logger", "event"} <= set.intersection(*map(set, found))
    assert ["queued", "running", "ready", "stored", "delivering", "delivered"] == [
        one["state"] for one in of_the_job
    ]
    assert channel.guild is not None
    assert {channel.guild.id} == {one["guild"] for one in of_the_job}
    assert 1 == len({one["job"] for one in of_the_job})
    assert theirs[0]["logger"].startswith("discord.")
    assert {"error"} == theirs[0].keys() & {"error", "exception"}
    tokens = [one.token for one in world.discord.interactions.values()]
    assert [] == [secret for secret in (world.discord.token, MUSIC_KEY, *tokens) if secret in bot.log]


async def test_a_song_is_one_line_and_debug_shows_each_request_without_words(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.bot(LOG_FORMAT="json", LOG_LEVEL="DEBUG") as bot:
        channel, ada = world.room()
        prompt = "Nobody else may read this line"
        await world.discord.slash("music create", prompt=prompt, user=ada, channel=channel)
        await world.next_post(channel)
        await bot.until_said("song ended")
        assert 0 == await bot.terminate()
    found = objects(bot)
    asked = [(one["method"], one["host"], one["path"], one["status"]) for one in found if "method" in one]
    of_the_song = [one for one in found if "job" in one and one["level"] == "info"]
    music = world.music_url.partition("://")[2]

    assert ["song ended"] == [one["event"] for one in of_the_song]
    assert ("delivered", channel.guild and channel.guild.id) == (
        *(of_the_song[0]["outcome"], of_the_song[0]["guild"]),
    )
    assert ("POST", music, "/v1/music", 200) in [(one[0], one[1], one[2][:9], one[3]) for one in asked]
    assert ("GET", 200) in [(method, status) for method, host, path, status in asked if path == "/….mp3"]
    posts = [path for method, _, path, _ in asked if method == "POST" and "/channels/" in path]
    assert [True] == [path.endswith(f"/channels/{channel.id}/messages") for path in posts]
    assert [] == [one for one in found if "took_s" in one and not 0 <= one["took_s"] < PATIENCE_S]
    assert "Nobody else" not in bot.log
    tokens = [one.token for one in world.discord.interactions.values()]
    assert [] == [secret for secret in (world.discord.token, MUSIC_KEY, *tokens) if secret in bot.log]


async def test_an_unreachable_discord_is_one_line_per_retry_after_the_banner(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world:
        with socket.socket() as closed:
            closed.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{closed.getsockname()[1]}"
            async with world.unconnected_bot(DISCORD_API_URL=nobody) as bot:
                await bot.until_said("failures=2")
                assert 0 == await bot.terminate()
    retries = [line for line in bot.lines if "supervised part retrying" in line]

    assert "starting" in bot.lines[0]
    assert f"version={version.describe().split()[0]}" in bot.lines[0].replace("'", "")
    assert all("Discord can't be reached (ClientConnectorError)" in line for line in retries)
    assert "Traceback" not in bot.log
    assert len(bot.lines) <= len(retries) + 10


async def test_a_refused_start_is_reported_in_the_form_of_the_log(tmp_path: Path) -> None:
    async with (
        World.open(tmp_path) as world,
        world.unconnected_bot(LOG_FORMAT="json", DISCORD_TOKEN="not.the.token") as bot,
    ):
        status = await bot.ended()

    assert 1 == status
    last = objects(bot)[-1]
    assert ("critical", "start refused") == (last["level"], last["event"])
    assert "DISCORD_TOKEN is not accepted by Discord; copy the bot's token again." == last["error"]


async def test_log_text_has_no_colour_without_a_terminal(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.bot() as bot:
        assert 0 == await bot.terminate()

    assert "stopping" in bot.log
    assert "\x1b" not in bot.log


async def test_sigint_ends_the_bot_like_sigterm(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.bot(HTTP_LISTEN=ANYWHERE) as bot:
        bot._process.send_signal(signal.SIGINT)
        status = await bot.ended()

    assert 0 == status


async def test_idle_connections_leave_files_for_commands_and_songs(tmp_path: Path) -> None:
    files_max = 256
    async with (
        World.open(tmp_path) as world,
        world.bot(HTTP_LISTEN=ANYWHERE) as bot,
        AsyncExitStack() as stack,
    ):
        await bot.until_said("health server listening")
        (port,) = re.findall(r"address\W+127\.0\.0\.1:(\d+)", bot.log)
        bot.limit_files(files_max)
        for _ in range(2 * files_max):
            _, writer = await asyncio.open_connection("127.0.0.1", int(port))
            stack.callback(writer.close)
        channel, ada = world.room()
        await world.discord.slash("music create", prompt="Undisturbed", user=ada, channel=channel)
        song = await world.next_post(channel)
        answer = await world.discord.slash("music credits", user=ada, channel=channel)
        status = await bot.terminate()

    assert {ada.id} == song.pings
    assert answer.ephemeral
    assert 0 == status
    assert "Too many open files" not in bot.log


async def test_no_song_is_promised_while_the_spool_is_lost(tmp_path: Path) -> None:
    async with (
        World.open(tmp_path) as world,
        world.bot(HTTP_LISTEN=ANYWHERE) as bot,
        watched(bot) as client,
    ):
        spool, channel, ada = tmp_path / "spool", *world.room()
        await until(client, 200)
        spool.rmdir()
        spool.write_text("a file in its place")
        during = await until(client, 503)
        refused = await world.discord.slash("music create", prompt="Too early", user=ada, channel=channel)
        spool.unlink()
        after = await until(client, 200)
        await world.discord.slash("music create", prompt="In time", user=ada, channel=channel)
        song = await world.next_post(channel)

    assert f"SPOOL_DIR: {spool} can't be written to" in during
    assert "ok\n" == after
    said = "I can't store songs at the moment. Nothing was charged. The operator has been notified."
    assert (True, said) == (refused.ephemeral, refused.content)
    assert ["In time"] == [body["prompt"] for body in world.music.requests]
    assert "In time" in song.text()
