"""How far one process goes: songs that are open, songs that are finished, servers on one shard.

    python -m bench.scale --open 10000 --finished 1000000 --servers 2500

The bot runs as a process between the stand-in for Discord and a music service whose songs never end. Open
songs are as old as the service's window for requests makes them; the lag of their polls is read from outside,
in the database. Finished songs: each command is timed on a database with and on one without them, in turns.
"""

import argparse
import asyncio
import contextlib
import sqlite3
import statistics
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web

from bench.answer import UNLIMITED, Bot, percentile
from bench.stand_in import APPLICATION_ID, StandIn
from bot.database import sqlite
from bot.model import DiscordUserId
from bot.store import members, times
from tests.doubles.music import MUSIC_KEY

WATCH_S = 30.0
"""How long open songs are watched, in seconds."""
LOOK_EVERY_S = 0.05
"""Pause between two looks at the lag, in seconds."""
SUBMITS_PER_S = 1.5
"""Requests that the service's window lets through, which makes the ages of open songs."""
RATIO_MAX = 1.5
LAG_MAX_S = 1.0
CPU_MAX = 0.5
MEMBERS = 20
OPEN = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :songs)
INSERT INTO job (id, interaction_id, guild_id, channel_id, member_id, may_reference, state, created_at,
                 state_since, due_at, price, day, allowance_part, bonus_part, task_id, submitted_at, backend)
  SELECT i, i, :guild + (i % 4 << 22), :guild + (i % 4 << 22) + 1, 1 + i % :members, 1, 'running', at, at,
         :now + i * 7919 % 30000, 10, :today, 10, 0, 'task-' || i, at, 'sseedance'
  FROM (SELECT i, :now - 15000 - CAST(i * 1000 / :per_s AS INTEGER) AS at FROM n)
"""
FINISHED = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :songs)
INSERT INTO job (id, interaction_id, guild_id, channel_id, member_id, may_reference, state, created_at,
                 state_since, price, day, allowance_part, bonus_part, task_id, submitted_at, backend)
  SELECT i, i, :guild + (i % 4 << 22), :guild + (i % 4 << 22) + 1, 1 + i % :members, 1, 'delivered',
         :now - i % 80 * 86400000 - i, :now - i % 80 * 86400000 - i + 60000, 10, :today - i % 80, 10, 0,
         'task-' || i, :now - i % 80 * 86400000 - i, 'sseedance' FROM n
"""
REST = """
INSERT INTO text (id, author_id, value) SELECT id, member_id, 'Song number ' || id FROM job;
INSERT INTO song (job_id, model, custom, instrumental, asked_by, prompt_id)
  SELECT id, 'V5', 0, 0, 'm', id FROM job;
INSERT INTO ledger (at, kind, guild_id, day, allowance, job_id, member_id)
  SELECT created_at, 'hold', guild_id, day, 10, id, member_id FROM job;
INSERT INTO ledger (at, kind, guild_id, day, allowance, job_id, member_id)
  SELECT state_since, 'settle', guild_id, day, 10, id, member_id FROM job WHERE state = 'delivered'
"""
COMMANDS: dict[str, dict[str, Any]] = {
    "music create": {"prompt": "Rain on neon"},
    "music status": {},
    "music credits": {},
    "music history": {},
    "music history, searched": {"search": "number 77"},
    "music get, completed": {"song": "number 7"},
    "privacy view": {},
    "privacy export": {},
    "quota status": {},
    "quota usage": {},
    "quota ledger": {},
}


def fill(path: Path, guild: int, songs: str, count: int) -> None:
    """Create a database with so many songs."""
    now = datetime.now(UTC)
    values = {
        "songs": count,
        "guild": guild,
        "members": MEMBERS,
        "per_s": SUBMITS_PER_S,
        "now": times.milliseconds(now),
        "today": times.day_number(now),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite._connect(path)) as connection:  # noqa: SLF001 - the first step of Database.open
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for number in range(4):
            connection.execute("INSERT INTO guild (id) VALUES (?)", (guild + (number << 22),))
        for number in range(MEMBERS):
            members.member_number(connection, DiscordUserId(APPLICATION_ID + 1 + number))
        for statement in (songs, *REST.split(";")) if count else ():
            named = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(statement, named)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


@asynccontextmanager
async def endless_music() -> AsyncIterator[str]:
    """Serve the music API: every task is processed, for ever."""

    async def answer(request: web.BaseRequest) -> web.Response:
        if request.method == "POST":
            await request.read()
            return web.json_response({"code": 200, "data": {"taskId": f"new-{time.monotonic_ns()}"}})
        task = request.path.rpartition("/")[2]
        return web.json_response({"code": 200, "data": {"taskId": task, "status": "processing"}})

    runner = web.ServerRunner(web.Server(answer))
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=0.1).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def watch_open(songs: int, watch_s: float) -> None:
    """Print the processor time and the lag of the polls with so many open songs."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
        discord = await stack.enter_async_context(StandIn.open())
        music_url = await stack.enter_async_context(endless_music())
        await asyncio.to_thread(fill, folder / "tunesmith.db", discord.guilds[0].id, OPEN, songs)
        settings = {"MUSIC_API_KEY": MUSIC_KEY, "MUSIC_API_URL": music_url, **UNLIMITED}
        bot = await stack.enter_async_context(Bot.running(folder, ("bot", "run"), discord, settings))
        await discord.until_ready()
        await asyncio.sleep(5)
        connection = stack.enter_context(closing(sqlite3.connect(folder / "tunesmith.db")))
        lags_ms = []
        began_s, cpu_s = time.perf_counter(), bot.cpu_s()
        while time.perf_counter() - began_s < watch_s:
            (due_ms,) = connection.execute(
                "SELECT MIN(due_at) FROM job WHERE due_at IS NOT NULL AND claim_epoch IS NULL"
            ).fetchone()
            lags_ms.append(max(time.time() * 1000 - due_ms, 0.0) if due_ms else 0.0)
            await asyncio.sleep(LOOK_EVERY_S)
        cores = (bot.cpu_s() - cpu_s) / (time.perf_counter() - began_s)
        print(f"{songs:,} open songs: {cores:.2f} of a core (at most {CPU_MAX}), the oldest poll is")
        print(
            f"  {percentile(lags_ms, 50):.0f} ms late (p50), {percentile(lags_ms, 99):.0f} ms (p99)", end=""
        )
        print(f", at most {LAG_MAX_S * 1000:.0f}; {bot.memory_mb():.0f} MB")


async def compare_finished(songs: int, rounds: int) -> None:
    """Print how long each command takes with so many finished songs, next to none."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
        music_url = await stack.enter_async_context(endless_music())
        settings = {"MUSIC_API_KEY": MUSIC_KEY, "MUSIC_API_URL": music_url, **UNLIMITED}
        bots = []
        for count in (0, songs):
            discord = await stack.enter_async_context(StandIn.open())
            at = folder / str(count)
            await asyncio.to_thread(fill, at / "tunesmith.db", discord.guilds[0].id, FINISHED, count)
            bots.append(await stack.enter_async_context(Bot.running(at, ("bot", "run"), discord, settings)))
            await discord.until_ready()
        for title, options in COMMANDS.items():
            took_ms: list[list[float]] = [[], []]
            for number in range(rounds + 2):
                for bot, times_ms in zip(bots, took_ms, strict=True):
                    took = await _timed(bot.discord, title, options, number)
                    if number >= 2:  # noqa: PLR2004 - the first ones fill caches
                        times_ms.append(took)
            small, large = (statistics.median(times_ms) for times_ms in took_ms)
            worse = "  MORE THAN ALLOWED" if large > RATIO_MAX * small else ""
            print(f"{title:26}{small:9.2f} ms{large:9.2f} ms{large / small:8.2f}x{worse}", flush=True)


async def _timed(discord: StandIn, title: str, options: dict[str, Any], number: int) -> float:
    name, _, how = title.partition(", ")
    payload = discord.command(name, options, discord.member(number % 4), completes=how == "completed")
    took_s, _ = await discord.ask(payload)
    return took_s * 1000


async def start_large(servers: int) -> None:
    """Print the start and the memory on so many servers of one shard."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
        discord = await stack.enter_async_context(StandIn.open(servers))
        settings = {"MUSIC_API_KEY": MUSIC_KEY, "MUSIC_API_URL": "http://127.0.0.1:9", **UNLIMITED}
        bot = await stack.enter_async_context(Bot.running(folder, ("bot", "run"), discord, settings))
        ready_s = await discord.until_ready() - bot.began_s
        took = [
            await _timed(discord, "music create", {"prompt": "Rain"}, number)
            for number in range(servers)[:200]
        ]
        print(f"{servers:,} servers: ready after {ready_s:.2f} s, {bot.memory_mb():.0f} MB; ", end="")
        print(f"an answer takes {percentile(took, 50):.1f} ms (p50)")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__.partition("\n")[0])
    parser.add_argument("--open", type=int, default=10_000, help="songs in progress")
    parser.add_argument("--watch", type=float, default=WATCH_S, help="seconds to watch them")
    parser.add_argument("--finished", type=int, default=1_000_000, help="songs in the database")
    parser.add_argument("--rounds", type=int, default=20, help="times that each command is used")
    parser.add_argument("--servers", type=int, default=2_500, help="servers on one shard")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(watch_open(options.open, options.watch))
        asyncio.run(start_large(options.servers))
        asyncio.run(compare_finished(options.finished, options.rounds))


if __name__ == "__main__":
    main()
