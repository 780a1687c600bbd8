"""A bot that started while the machine's clock was wrong."""

import math
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from tests.flows.process import PATIENCE_S, World


def is_connected_again(world: World) -> bool:
    """Return whether the bot has identified after its second login.

    Its first session, if it came that far, may still look open to Discord.
    """
    _, *later = [call.at_s for call in world.discord.requests if call.path == "/users/@me"] or [0.0]
    return any(at_s > min(later, default=math.inf) for _, at_s in world.discord.gateway.identified_at_s)


async def test_a_clock_corrected_after_the_start_needs_no_restart(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world:
        world.command = ("tests.flows.late_clock",)
        async with world.unconnected_bot() as bot:
            await bot.until_said("restarting")
            await world.discord.until(lambda: is_connected_again(world), PATIENCE_S, "a connection")
            await bot.until_said("ledger reconciled")
            channel, ada = world.room()
            await world.discord.slash("music create", prompt="In time", user=ada, channel=channel)
            song = await world.next_post(channel)
            status = await bot.terminate()

    with closing(sqlite3.connect(tmp_path / "tunesmith.db")) as database:
        rows = database.execute("SELECT created_at FROM job").fetchall()
    assert {ada.id} == song.pings
    assert 0 == status
    assert "Traceback" not in bot.log
    assert [True] == [abs(created_ms / 1000 - time.time()) < 600 for (created_ms,) in rows]
