"""The operator's balance at a music service, as reported by the running bot."""

import asyncio
from pathlib import Path

import pytest

from bot.model import Backend
from bot.pipeline import upstream_balance
from bot.playground.world import World
from bot.sandbox.kie import KieSandbox
from bot.sandbox.server import running
from bot.store import upstream
from tests.doubles.music import MUSIC_KEY
from tests.flows import process
from tests.flows.process import PATIENCE_S
from tests.flows.test_run_watched import ANYWHERE, watched


@pytest.mark.usefixtures("tiny_songs")
async def test_a_song_updates_the_known_balance(
    tmp_path: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upstream_balance, "AFTER_SONG_S", 0.001)
    async with World.open(
        tmp_path, delay_s=0.0, pace=0.005, contract=Backend.KIE, database_url=database_url
    ) as world:
        watch = asyncio.create_task(world.parts.upstream_balance.run())
        before = await until_other(world, None)
        await world.add_member("Mia").slash(world.channel, "music create", prompt="Warm synth pop")
        after = await until_other(world, before)
        watch.cancel()

    assert (1_000.6, 988.6) == (before, after)


async def until_other(world: World, before: float | None) -> float | None:
    """Return the balance once it has changed."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            reading = await world.parts.database.read(lambda tx: upstream.last_reading(tx, Backend.KIE))
            if reading is not None and reading.credits != before:
                return reading.credits


async def test_a_running_bot_reads_the_balance_and_shows_it(tmp_path: Path) -> None:
    async with running(KieSandbox(key=MUSIC_KEY)) as url, process.World.open(tmp_path) as world:
        kie = {"MUSIC_BACKEND": "kie", "KIE_API_KEY": MUSIC_KEY, "KIE_API_URL": url}
        async with world.bot(HTTP_LISTEN=ANYWHERE, **kie) as bot, watched(bot) as client:
            async with asyncio.timeout(PATIENCE_S):
                page = ""
                while "tunesmith_upstream_balance 1000.6\n" not in page:
                    async with client.get("/metrics") as answer:
                        page = await answer.text()

    assert "tunesmith_upstream_songs 83.0\n" in page
    assert 'tunesmith_upstream_warning{cause="oversold"} 0.0\n' in page
