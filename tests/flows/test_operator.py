"""An operator's evening: doctor, backup of a running bot, grant and restore, with nothing done twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.doubles.discord import Answer, Channel
from tests.doubles.discord.wire import READ_MESSAGE_HISTORY
from tests.doubles.music import MUSIC_KEY
from tests.flows.process import PATIENCE_S, BotProcess, World


async def command(world: World, *words: str, **settings: str) -> tuple[int, str]:
    """Run a command in this world to its end. Return its exit status and output."""
    given = {
        "DISCORD_TOKEN": world.discord.token,
        "DISCORD_API_URL": world.discord.url,
        "MUSIC_API_KEY": MUSIC_KEY,
        "MUSIC_API_URL": world.music_url,
    }
    async with BotProcess.running(world.folder, ("bot", *words), given | settings) as process:
        return await process.ended(), process.log


async def test_the_doctor_passes_a_running_bot_and_names_a_wrong_setting(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world:
        (world.folder / ".env").touch()
        (world.folder / ".env").chmod(0o644)
        with BotProcess.started_anew():
            before = await command(world, "doctor")
        (world.folder / ".env").chmod(0o600)
        async with world.bot():
            during = await command(world, "doctor")
            wrong = await command(world, "doctor", DISCORD_TOKEN="hunter2", MUSIC_API_KEY="hunter3-too")
        puts = world.discord.command_puts

    assert (0, 0, 1) == (before[0], during[0], wrong[0])
    assert "warning  commands: not registered" in before[1]
    assert "warning  database: " in before[1]
    assert "warning  settings: .env is readable by others; run `chmod 600 .env`." in before[1]
    names = [line.split()[1].rstrip(":") for line in during[1].splitlines()]
    assert [
        *("settings", "token", "application", "commands", "servers", "music", "sqlite", "database"),
        *("ledger", "credits", "disk", "spool", "clock"),
    ] == names
    assert "failure" not in during[1]
    assert "ok       commands: registered and up to date" in during[1]
    assert "failure  token: DISCORD_TOKEN" in wrong[1]
    assert "failure  music API: MUSIC_API_KEY" in wrong[1]
    assert "hunter" not in wrong[1]
    assert (1, 0) == (puts, len(world.music.requests))


async def test_the_doctor_finishes_even_if_services_hang(tmp_path: Path) -> None:
    async with silent() as url, World.open(tmp_path) as world:
        async with asyncio.timeout(35.0):
            status, said = await command(world, "doctor", DISCORD_API_URL=url, MUSIC_API_URL=url)

    assert 1 == status
    assert "failure  token: " in said
    assert "failure  music API: no answer within" in said
    assert "Traceback" not in said


@asynccontextmanager
async def silent() -> AsyncIterator[str]:
    """Yield the URL of a server that accepts every connection and never responds."""
    ends = asyncio.Event()

    async def keep(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ends.wait()
        writer.close()

    server = await asyncio.start_server(keep, "127.0.0.1")
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        ends.set()
        server.close()
        await server.wait_closed()


async def song_in_progress(world: World) -> tuple[Channel, Answer]:
    """Request a song that the music service goes on composing."""
    channel, ada = world.room()
    world.music.delay_s = 1_000.0
    card = await world.discord.slash("music create", prompt="Rain", user=ada, channel=channel)
    await world.discord.until(lambda: world.music.polls > 0, PATIENCE_S, "a question about the task")
    return channel, card


async def test_a_song_posted_after_a_backup_is_not_reposted_after_restore(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world:
        async with world.bot() as bot:
            channel, _ = await song_in_progress(world)
            assert channel.guild is not None
            backup = await command(world, "backup", "saved.db")
            granted = await command(world, "grant", str(channel.guild.id), "5", "--reason", "hello")
            refused = await command(world, "restore", "saved.db")
            world.music.finish()
            await world.next_post(channel)
            assert 0 == await bot.terminate()
        restored = await command(world, "restore", "saved.db")
        async with world.bot() as bot:
            await bot.until_said("restored message found")
            assert 0 == await bot.terminate()
        ledger = await command(world, "doctor", "--ledger")

    assert (0, 0, 1, 0, 0) == (backup[0], granted[0], refused[0], restored[0], ledger[0])
    assert "bonus 0 → 5 credits" in granted[1]
    assert "another Tunesmith already runs" in refused[1]
    assert "1 running" in restored[1]
    assert 1 == len(world.posts(channel))
    assert 1 == len(world.bodies("Rain"))


async def test_a_restored_song_in_an_unreadable_channel_waits_for_its_member(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world:
        async with world.bot():
            channel, card = await song_in_progress(world)
            await command(world, "backup", "saved.db")
            world.music.finish()
            await world.next_post(channel)
        await command(world, "restore", "saved.db")
        channel.bot_permissions &= ~READ_MESSAGE_HISTORY
        async with world.bot() as bot:
            await bot.until_said("undelivered")
            await world.discord.until(lambda: "Post again" in str(card.components), PATIENCE_S, "the button")

    assert 1 == len(world.posts(channel))
