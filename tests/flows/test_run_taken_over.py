"""A bot whose database another process opens, takes over or replaces: it neither pays nor posts."""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from bot.database import snapshots
from tests.doubles.discord.acts import NoAnswerError
from tests.flows.process import PATIENCE_S, World

HOUR_S = 3_600.0


async def test_a_second_bot_on_one_database_is_refused_through_any_path(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world, world.bot() as first:
        path = tmp_path / "tunesmith.db"
        (tmp_path / "link.db").symlink_to(path)
        (tmp_path / "hard.db").hardlink_to(path)
        path.with_name("tunesmith.db.lock").unlink()
        refused = []
        for name in ("tunesmith.db", "link.db", "hard.db"):
            settings = {"DATABASE_URL": f"sqlite:///{tmp_path / name}"}
            async with world.unconnected_bot(**settings) as second:
                refused.append((await second.ended(), len(second.lines), second.lines[-1]))
        channel, ada = world.room()
        await world.discord.slash("music create", prompt="Undisturbed", user=ada, channel=channel)
        song = await world.next_post(channel)
        status = await first.terminate()

    assert [(1, 1)] * 3 == [(code, lines) for code, lines, _ in refused]
    assert [True] * 3 == ["another Tunesmith already runs" in sentence for *_, sentence in refused]
    assert {ada.id} == song.pings
    assert 0 == status


async def test_a_bot_whose_database_was_taken_over_exits_without_paying(tmp_path: Path) -> None:
    async with World.open(tmp_path, delay_s=HOUR_S) as world, world.bot() as bot:
        channel, ada = world.room()
        await world.discord.slash("music create", prompt="Before", user=ada, channel=channel)
        await world.discord.until(lambda: world.music.polls, PATIENCE_S, "a status query")
        with closing(sqlite3.connect(tmp_path / "tunesmith.db", isolation_level=None)) as other:
            other.execute("PRAGMA wal_autocheckpoint = 0")
            other.execute("UPDATE fact SET value = value + 1 WHERE name = 'epoch'")
        world.music.finish()
        with suppress(NoAnswerError):  # the bot's runner may notice first, and end the process
            refused = await world.discord.slash(
                "music create", prompt="After", user=ada, channel=channel, timeout_s=5.0
            )
            assert (True, True) == (refused.ephemeral, "Nothing was charged" in refused.content)
        status = await bot.ended()

    assert 1 == status
    assert "another Tunesmith has taken over" in bot.log
    assert "Traceback" not in bot.log
    assert ["Before"] == [body["prompt"] for body in world.music.requests]
    assert [] == world.posts(channel)


async def test_a_bot_whose_database_was_replaced_ends_and_leaves_it_alone(tmp_path: Path) -> None:
    async with World.open(tmp_path, delay_s=HOUR_S) as world, world.bot() as bot:
        path, earlier = tmp_path / "tunesmith.db", tmp_path / "earlier.db"
        channel, ada = world.room()
        await world.discord.slash("music create", prompt="Before", user=ada, channel=channel)
        await world.discord.until(lambda: world.music.polls, PATIENCE_S, "a status query")
        with closing(sqlite3.connect(path)) as connection:
            earlier.touch()
            snapshots.fill(connection, earlier)
        content = earlier.read_bytes()
        earlier.replace(path)
        world.music.finish()
        with suppress(NoAnswerError):
            await world.discord.slash(
                "music create", prompt="After", user=ada, channel=channel, timeout_s=5.0
            )
        status = await bot.ended()

    assert 1 == status
    assert "was replaced while the bot was running" in bot.log
    assert content == path.read_bytes()
    assert ["Before"] == [body["prompt"] for body in world.music.requests]
    assert [] == world.posts(channel)
