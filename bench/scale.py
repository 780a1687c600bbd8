"""The limits of one process: songs in progress, finished songs, servers on one shard.

    python -m bench.scale --open 10000 --finished 1000000 --servers 2500

The bot runs as a process between the stand-in for Discord and a music service whose songs never finish. The
ages of open songs follow from the service's rate limit, and their due times from their ages. The lag of a
poll is the time from its due time in the database to the query's arrival at the music service. Waiting songs
can be queued as well. Finished songs: see ``bench.finished``.
"""

import argparse
import asyncio
import contextlib
import sqlite3
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

from aiohttp import web

from bench import finished
from bench.answer import UNLIMITED, Bot, percentile
from bench.stand_in import APPLICATION_ID, StandIn
from bot.database import sqlite_connections
from bot.model import DiscordUserId
from bot.store import members, times
from tests.doubles.music import MUSIC_KEY

WATCH_S = 30.0
"""How long open songs are watched, in seconds."""
LOOK_EVERY_S = 0.1
"""Interval between reads of the due polls, in seconds."""
AHEAD_MS = 1000
"""How far ahead each read looks, in milliseconds."""
SETTLE_S = 15.0
"""How long to let the bot reach a steady state, in seconds."""
SUBMITS_PER_S = 1.5
"""Rate at which the service accepts requests, which determines the ages of open songs."""
CREDITS_READ = 200
"""Number of commands timed on many servers."""
LAG_MAX_S = 1.0
CPU_MAX = 0.5
MEMBERS = 1_000
"""Number of members who share the songs."""
GUILDS = 4
OPEN = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :songs)
INSERT INTO job (id, interaction_id, guild_id, channel_id, member_id, may_reference, state, created_at,
                 state_since, due_at, price, day, allowance_part, bonus_part, task_id, submitted_at, backend)
  SELECT i, i, :guild + (i % 4 << 22), :guild + (i % 4 << 22) + 1, 1 + i % :members, 1, 'running', at, at,
         :now + (i * 7919 % 1000) * (CASE WHEN :now - at < 240000 THEN 5000
                                     WHEN :now - at < 3600000 THEN MIN(30000, (:now - at) / 20)
                                     ELSE 300000 END) / 1000,
         10, :today, 10, 0, 'task-' || i, at, 'sseedance'
  FROM (SELECT i, :now - 15000 - CAST(i * 1000 / :per_s AS INTEGER) AS at FROM n);
"""
WAITING = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :waiting)
INSERT INTO job (id, interaction_id, guild_id, channel_id, member_id, may_reference, state, created_at,
                 state_since, due_at, card_message_id, card_due_at, price, day, allowance_part, bonus_part)
  SELECT 1000000000 + i, 1000000000 + i, :guild + (i % 4 << 22), :guild + (i % 4 << 22) + 1, 1 + i % :members,
         1, 'queued', :now - i * 100, :now - i * 100, :now, i, :now + i % 15000, 10, :today, 10, 0
  FROM n;
"""
REST = """
INSERT INTO text (id, author_id, value) SELECT id, member_id, 'Song number ' || id FROM job;
INSERT INTO song (job_id, model, custom, instrumental, asked_by, prompt_id)
  SELECT id, 'V5', 0, 0, 'm', id FROM job;
INSERT INTO ledger (at, kind, guild_id, day, allowance, job_id, member_id)
  SELECT created_at, 'hold', guild_id, day, 10, id, member_id FROM job;
INSERT INTO ledger (at, kind, guild_id, day, allowance, job_id, member_id)
  SELECT state_since, 'settle', guild_id, day, 10, id, member_id FROM job WHERE state = 'delivered';
INSERT INTO usage (guild_id, member_id, day, allowance_used, allowance_held)
  SELECT guild_id, member_id, day, SUM(CASE state WHEN 'delivered' THEN 10 ELSE 0 END),
         SUM(CASE state WHEN 'delivered' THEN 0 ELSE 10 END) FROM job GROUP BY guild_id, member_id, day;
INSERT INTO usage (guild_id, member_id, day, allowance_used, allowance_held)
  SELECT guild_id, 0, day, SUM(allowance_used), SUM(allowance_held) FROM usage GROUP BY guild_id, day;
DELETE FROM song_total;
INSERT INTO song_total (writer, name, songs, credits)
  SELECT 0, state, COUNT(*), SUM(price) FROM job GROUP BY state
"""


def fill(path: Path, guild: int, songs: str, count: int, waiting: int = 0) -> None:
    """Create a database with that number of songs."""
    now = datetime.now(UTC)
    values = {
        "songs": count,
        "waiting": waiting,
        "guild": guild,
        "members": MEMBERS,
        "per_s": SUBMITS_PER_S,
        "now": times.milliseconds(now),
        "today": times.day_number(now),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite_connections.connect(path)) as connection:  # the first step of Database.open
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        for number in range(4):
            connection.execute("INSERT INTO guild (id) VALUES (?)", (guild + (number << 22),))
        for number in range(MEMBERS):
            members.member_number(connection, DiscordUserId(APPLICATION_ID + 1 + number))
        for statement in (songs * bool(count) + WAITING * bool(waiting) + REST).split(";"):
            named = {name: value for name, value in values.items() if f":{name}" in statement}
            connection.execute(statement, named)
        connection.execute("COMMIT")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


class EndlessMusic:
    """A music service whose tasks never finish. Get it from ``EndlessMusic.open``."""

    def __init__(self) -> None:
        self.url = ""
        self.due_ms: dict[str, int] = {}
        """When the next query for each task is due."""
        self.lags_ms: list[float] = []
        """How late each query arrived."""
        self.queries = 0

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Self]:
        """Listen on a free port of this machine."""
        music = cls()
        runner = web.ServerRunner(web.Server(music._answer))
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0, shutdown_timeout=0.1).start()
            music.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield music
        finally:
            await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method == "POST":
            await request.read()
            return web.json_response({"code": 200, "data": {"taskId": f"new-{time.monotonic_ns()}"}})
        task = request.path.rpartition("/")[2]
        self.queries += 1
        if (due_ms := self.due_ms.pop(task, None)) is not None:
            self.lags_ms.append(max(time.time() * 1000 - due_ms, 0.0))
        return web.json_response({"code": 200, "data": {"taskId": task, "status": "processing"}})


def soon_due(connection: sqlite3.Connection) -> dict[str, int]:
    """Return when each query that has not been claimed is due, by task."""
    return dict(
        connection.execute(
            """SELECT task_id, due_at FROM job WHERE due_at < ? AND state = 'running' AND claim_epoch IS NULL
                 AND task_id IS NOT NULL""",
            (time.time() * 1000 + AHEAD_MS,),
        ).fetchall()
    )


async def watch_open(songs: int, waiting: int, watch_s: float) -> None:
    """Print the processor time and the polling lag with that number of open songs."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
        discord = await stack.enter_async_context(StandIn.open())
        music = await stack.enter_async_context(EndlessMusic.open())
        path = folder / "tunesmith.db"
        await asyncio.to_thread(fill, path, discord.guilds[0].id, OPEN, songs, waiting)
        settings = {"MUSIC_API_KEY": MUSIC_KEY, "MUSIC_API_URL": music.url, **UNLIMITED}
        bot = await stack.enter_async_context(Bot.running(folder, ("bot", "run"), discord, settings))
        await discord.until_ready()
        await asyncio.sleep(SETTLE_S)
        connection = stack.enter_context(closing(sqlite3.connect(path, check_same_thread=False)))
        music.queries, edits = 0, discord.edits
        began_s, cpu_s, own_s = time.perf_counter(), bot.cpu_s(), time.process_time()
        while time.perf_counter() - began_s < watch_s:
            music.due_ms = await asyncio.to_thread(soon_due, connection)
            await asyncio.sleep(LOOK_EVERY_S)
        took_s = time.perf_counter() - began_s
        cores, own = (bot.cpu_s() - cpu_s) / took_s, (time.process_time() - own_s) / took_s
        now_ms = time.time() * 1000
        lags_ms = music.lags_ms + [now_ms - due_ms for due_ms in music.due_ms.values() if due_ms < now_ms]
        print(f"{songs:,} songs in progress, {waiting:,} waiting: {cores:.2f} of a core (at most {CPU_MAX}),")
        print(
            f"  {music.queries / took_s:.0f} queries a second, {percentile(lags_ms, 50):.0f} ms late (p50),"
        )
        print(f" {percentile(lags_ms, 99):.0f} ms (p99, at most {LAG_MAX_S * 1000:.0f}), ", end="")
        print(f"{(discord.edits - edits) / took_s:.1f} cards a second, {bot.memory_mb():.0f} MB;")
        print(
            f"  {1000 * cores * took_s / max(music.queries, 1):.2f} ms of processor time for each query; ",
            end="",
        )
        print(f"the stand-ins took {own:.2f} of a core", flush=True)


async def compare_finished(songs: int, rounds: int, files: int, kept: Path | None, only: str) -> bool:
    """Print the cost of each command with that many finished songs, compared with none and with few."""
    async with AsyncExitStack() as stack:
        music = await stack.enter_async_context(EndlessMusic.open())
        folder = kept or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
        return await finished.compare(songs, rounds, files, folder, music.url, only)


async def start_large(servers: int) -> None:
    """Print start-up time, memory and answer time with that many servers on one shard, compared with one."""
    settings = {"MUSIC_API_KEY": MUSIC_KEY, "MUSIC_API_URL": "http://127.0.0.1:9", **UNLIMITED}
    for count in (1, servers):
        async with AsyncExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
            for _ in range(2):  # the first start creates the database
                discord = await stack.enter_async_context(StandIn.open(count))
                async with Bot.running(folder, ("bot", "run"), discord, settings) as bot:
                    ready_s = await discord.until_ready() - bot.began_s
                    began_ms = bot.cpu_ms()
                    await finished.until_calm(bot)
                    after_ms = bot.cpu_ms() - began_ms
                    took = [await _credits(discord, number) for number in range(CREDITS_READ)]
                    beat_ms, memory_mb = await discord.beat(), bot.memory_mb()
            print(f"{count:,} servers: ready after {ready_s:.2f} s, {memory_mb:.0f} MB;")
            print(f"  {after_ms:.0f} ms of processor time from then until it is idle;")
            print(f"  an answer takes {percentile(took, 50):.1f} ms (p50), a heartbeat {beat_ms:.0f} ms")


async def _credits(discord: StandIn, number: int) -> float:
    """Return the milliseconds a command takes; each number is another server's."""
    took_s, _ = await discord.ask(discord.command("music credits", {}, discord.member(number)))
    return took_s * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.scale", description=__doc__.partition("\n")[0])
    parser.add_argument("--open", type=int, default=10_000, help="songs in progress")
    parser.add_argument("--waiting", type=int, default=0, help="songs in the queue as well")
    parser.add_argument("--watch", type=float, default=WATCH_S, help="seconds to watch them")
    parser.add_argument("--finished", type=int, default=1_000_000, help="songs in the database")
    parser.add_argument("--rounds", type=int, default=10, help="times that each command is used")
    parser.add_argument("--files", type=int, default=finished.FILES, help="the same for those with a file")
    parser.add_argument("--only", default="", help="measure only the commands whose title contains this")
    parser.add_argument("--keep", type=Path, help="folder for its databases, which are used again")
    parser.add_argument("--servers", type=int, default=2_500, help="servers on one shard")
    options = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt):
        if options.open or options.waiting:
            asyncio.run(watch_open(options.open, options.waiting, options.watch))
        if options.servers:
            asyncio.run(start_large(options.servers))
        if options.finished and not asyncio.run(
            compare_finished(options.finished, options.rounds, options.files, options.keep, options.only)
        ):
            raise SystemExit(1)


if __name__ == "__main__":
    main()
