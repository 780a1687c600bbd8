"""Several processes that share the work on one PostgreSQL database."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.model import GuildId
from tests.doubles.discord import Channel, Person
from tests.flows.process import PATIENCE_S, BotProcess, World
from tests.flows.test_failover import PROMPT, STANDS_BY, TAKEN, Site
from tests.postgresql import Server

SLOTS = 2


@pytest.fixture
async def site(tmp_path: Path, postgresql_server: Server) -> AsyncIterator[Site]:
    settings = {
        "DATABASE_URL": postgresql_server.create(template="template0"),
        "TAKEOVER_S": "5",
        "PROCESSES": str(SLOTS),
    }
    async with World.open(tmp_path) as world:
        world.discord.max_concurrency = 16
        yield Site(world, postgresql_server, settings)


async def started(site: Site, stack: AsyncExitStack, number: int) -> BotProcess:
    """Start a process with its own spool, and wait until it holds a slot or is a standby."""
    spool = site.world.folder / f"spool-{number}"
    bot = await stack.enter_async_context(
        site.world.unconnected_bot(**site.settings | {"SPOOL_DIR": str(spool)})
    )
    async with asyncio.timeout(PATIENCE_S):
        while TAKEN not in bot.log and STANDS_BY not in bot.log:  # noqa: ASYNC110 - either will do
            await asyncio.sleep(0.05)
    return bot


def room(site: Site, slot: int) -> tuple[Channel, Person]:
    """Return a channel in a server of this slot, and a member there."""
    discord = site.world.discord
    guild = discord.add_guild()
    while (guild.id >> 22) % SLOTS != slot:
        guild = discord.add_guild()
    return discord.add_channel("songs", guild=guild), discord.add_person("ada")


async def listening(site: Site, guild_id: int) -> None:
    gateway = site.world.discord.gateway
    await site.world.discord.until(lambda: bool(gateway.listening(guild_id)), PATIENCE_S, "a shard")


async def song(site: Site, slot: int) -> GuildId:
    """Request a song in a server of this slot, and wait until it has been posted."""
    channel, ada = room(site, slot)
    assert channel.guild is not None
    await listening(site, channel.guild.id)
    await site.world.discord.slash("music create", prompt=PROMPT, user=ada, channel=channel)
    await site.world.next_post(channel)
    return GuildId(channel.guild.id)


async def test_two_processes_share_the_servers_and_one_pays(site: Site) -> None:
    async with AsyncExitStack() as stack:
        first, second = [await started(site, stack, number) for number in range(2)]
        for slot in range(SLOTS):
            await song(site, slot)

        assert 0 == await second.terminate(), second.log
        assert 0 == await first.terminate(), first.log
    assert "slot=0" in first.log
    assert "slot=1" in second.log
    assert "commands registered" in first.log
    assert "commands registered" not in second.log
    assert 2 == len(site.world.music.requests)
    assert [1, 1] == [bot.log.count("delivering_s=") for bot in (first, second)]
    site.assert_books_balance()


async def test_a_standby_takes_the_slot_that_becomes_free(site: Site) -> None:
    async with AsyncExitStack() as stack:
        first, second, third = [await started(site, stack, number) for number in range(3)]
        assert STANDS_BY in third.log
        await song(site, 1)

        await second.kill()
        await third.until_said(TAKEN)
        await song(site, 1)
        await song(site, 0)

        assert 0 == await third.terminate(), third.log
        assert 0 == await first.terminate(), first.log
    assert "slot=1" in third.log
    site.assert_books_balance()


async def test_a_process_for_another_fleet_size_is_refused(site: Site) -> None:
    async with AsyncExitStack() as stack:
        await started(site, stack, 0)
        other = await stack.enter_async_context(
            site.world.unconnected_bot(**site.settings | {"PROCESSES": "3"})
        )

        assert 0 != await other.ended(PATIENCE_S)
    assert "PROCESSES: this process was started for 3, and others are running for 2" in other.log
    assert "Traceback" not in other.log
