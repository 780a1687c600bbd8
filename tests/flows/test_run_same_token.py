"""Two processes with one token but separate databases: one song per request, and an operator alert."""

import sqlite3
from contextlib import closing
from functools import partial
from pathlib import Path

from tests.doubles.discord import Answer, Channel
from tests.flows.process import PATIENCE_S, World

PROMPTS = ("One", "Two", "Three")
KINDS = "SELECT COUNT(*) FILTER (WHERE kind = 'hold') - COUNT(*) FILTER (WHERE kind = 'release') FROM ledger"


def charged(database: Path) -> int:
    """Return the number of songs for which this process holds or charged credits."""
    with closing(sqlite3.connect(database)) as connection:
        return int(connection.execute(KINDS).fetchone()[0])


def _are_posted(world: World, channel: Channel, count: int) -> bool:
    return len(world.discord.posted(channel)) >= count


def _is_done(card: Answer) -> bool:
    return "Done" in card.text()


async def test_a_request_that_reaches_two_processes_is_charged_and_made_once(tmp_path: Path) -> None:
    async with World.open(tmp_path / "one") as world:
        channel, ada = world.room()
        other = tmp_path / "other.db"
        elsewhere = {"DATABASE_URL": f"sqlite:///{other}", "SPOOL_DIR": str(tmp_path / "other-spool")}
        async with world.bot() as first, world.bot(**elsewhere) as second:
            cards = []
            for number, prompt in enumerate(PROMPTS, start=1):
                card = await world.discord.slash("music create", prompt=prompt, user=ada, channel=channel)
                cards.append(card)
                await world.discord.until(partial(_are_posted, world, channel, number), PATIENCE_S, "a song")
            for card in cards:
                await world.discord.until(partial(_is_done, card), PATIENCE_S, "a finished card")
            logs = first.log + second.log
            assert 0 == await first.terminate(), first.log
            assert 0 == await second.terminate(), second.log

    assert [1] * len(PROMPTS) == [len(world.bodies(prompt)) for prompt in PROMPTS]
    assert len(PROMPTS) == charged(tmp_path / "one" / "tunesmith.db") + charged(other)
    assert len(PROMPTS) == len(world.discord.posted(channel))
    assert "Another process is using this bot's DISCORD_TOKEN" in logs
    assert "Traceback" not in logs
