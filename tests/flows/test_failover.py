"""Several processes on one PostgreSQL database: one works, the others are standbys."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.database.postgresql_reader import open_read_only
from bot.store.reconcile import reconcile
from tests.flows.process import PATIENCE_S, World
from tests.postgresql import Server

PROMPT = "a rowing song for two"
TAKEN, STANDS_BY = "slot taken", "standing by"


@dataclass(frozen=True)
class Site:
    """Discord, a music service, and a database on a PostgreSQL server."""

    world: World
    server: Server
    settings: dict[str, str]

    def value(self, statement: str) -> object:
        with open_read_only(self.settings["DATABASE_URL"]) as tx:
            return tx.execute(statement).fetchone()[0]

    def assert_books_balance(self) -> None:
        with open_read_only(self.settings["DATABASE_URL"]) as tx:
            assert () == reconcile(tx).findings


@pytest.fixture
async def site(tmp_path: Path, postgresql_server: Server) -> AsyncIterator[Site]:
    settings = {"DATABASE_URL": postgresql_server.create(template="template0"), "TAKEOVER_S": "5"}
    async with World.open(tmp_path) as world:
        yield Site(world, postgresql_server, settings)


async def song(site: Site) -> str:
    """Request a song and wait until it has been posted."""
    channel, ada = site.world.room()
    await site.world.discord.slash("music create", prompt=PROMPT, user=ada, channel=channel)
    return (await site.world.next_post(channel)).content


async def test_a_song_is_made_on_a_server_and_its_books_balance(site: Site) -> None:
    async with site.world.bot(**site.settings) as bot:
        await song(site)

        assert 0 == await bot.terminate(), bot.log
    assert "Traceback" not in bot.log
    site.assert_books_balance()
    assert "delivered" == site.value("SELECT state FROM job")
    assert "" == site.value("SELECT holder FROM slot")


async def test_a_standby_takes_over_from_a_process_that_was_killed(site: Site) -> None:
    async with site.world.bot(**site.settings) as bot, site.world.unconnected_bot(**site.settings) as other:
        await other.until_said(STANDS_BY)
        await song(site)
        assert TAKEN not in other.log

        await bot.kill()
        await other.until_said(TAKEN)
        await song(site)

        assert 0 == await other.terminate(), other.log
    site.assert_books_balance()
    assert 2 == site.value("SELECT COUNT(*) FROM job WHERE state = 'delivered'")


async def test_a_standby_takes_over_a_released_slot_at_once(site: Site) -> None:
    async with site.world.bot(**site.settings) as bot, site.world.unconnected_bot(**site.settings) as other:
        await other.until_said(STANDS_BY)

        assert 0 == await bot.terminate()
        await other.until_said(TAKEN)

        assert 2 == site.value("SELECT epoch FROM slot")


async def test_a_stalled_process_exits_with_70_after_a_takeover(site: Site) -> None:
    async with site.world.bot(**site.settings) as bot, site.world.unconnected_bot(**site.settings) as other:
        await other.until_said(STANDS_BY)

        bot.stand_still()
        await other.until_said(TAKEN)
        bot.go_on()

        assert 70 == await bot.ended(PATIENCE_S), bot.log
        assert "slot lost" in bot.log
        await song(site)
    site.assert_books_balance()


async def test_a_short_pause_costs_no_slot(site: Site) -> None:
    async with site.world.bot(**site.settings) as bot, site.world.unconnected_bot(**site.settings) as other:
        await other.until_said(STANDS_BY)
        beat = site.value("SELECT beat FROM slot")

        bot.stand_still()
        await asyncio.sleep(0.2)
        bot.go_on()
        await until(lambda: site.value("SELECT beat FROM slot") != beat)

        await song(site)
        assert TAKEN not in other.log
        assert 1 == site.value("SELECT epoch FROM slot")


async def test_a_restart_of_the_server_costs_neither_slot_nor_connection(site: Site) -> None:
    async with site.world.bot(**site.settings) as bot, site.world.unconnected_bot(**site.settings) as other:
        await other.until_said(STANDS_BY)
        connections = site.world.discord.gateway.connections

        site.server.stop("fast")
        site.server.start()
        beat = site.value("SELECT beat FROM slot")
        await until(lambda: site.value("SELECT beat FROM slot") != beat)
        await song(site)

        assert connections == site.world.discord.gateway.connections
        assert TAKEN not in other.log
        assert 0 == await bot.terminate(), bot.log
    assert "outcome_unknown" not in bot.log
    assert 1 == site.value("SELECT COUNT(*) FROM job WHERE state = 'delivered'")


async def test_ended_sessions_cost_neither_slot_nor_song(site: Site) -> None:
    async with site.world.bot(**site.settings) as bot, site.world.unconnected_bot(**site.settings) as other:
        await other.until_said(STANDS_BY)
        waiting = asyncio.create_task(song(site))
        for _ in range(3):
            site.server.execute(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                   WHERE application_name LIKE 'tunesmith%' AND pid <> pg_backend_pid()"""
            )
            await asyncio.sleep(0.1)
        await waiting

        assert TAKEN not in other.log
        assert 0 == await bot.terminate(), bot.log
    site.assert_books_balance()


async def test_a_standby_ends_with_sigterm(site: Site) -> None:
    async with site.world.bot(**site.settings), site.world.unconnected_bot(**site.settings) as other:
        await other.until_said(STANDS_BY)

        assert 0 == await other.terminate(), other.log


async def test_no_log_contains_the_password(site: Site) -> None:
    url = site.settings["DATABASE_URL"].replace("tunesmith@", "tunesmith:hunter2hunter2@")
    async with site.world.bot(**site.settings | {"DATABASE_URL": url}) as bot:
        await song(site)
        await bot.terminate()

    assert "hunter2" not in bot.log


async def test_a_missing_database_is_reported_by_its_setting(site: Site) -> None:
    url = site.server.url("nowhere")
    async with site.world.unconnected_bot(**site.settings | {"DATABASE_URL": url}) as bot:
        assert 0 != await bot.ended(PATIENCE_S)

    assert "DATABASE_URL: the PostgreSQL database can't be used" in bot.log
    assert "Traceback" not in bot.log


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition that is only visible in the database."""
    async with asyncio.timeout(PATIENCE_S):
        while not holds():  # noqa: ASYNC110 - a server tells nobody
            await asyncio.sleep(0.05)
