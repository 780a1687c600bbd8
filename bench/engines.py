"""Compare SQLite and PostgreSQL: requests a second, and the cost of one song.

    python -m bench.engines            # on a server of its own, which flushes its commits

Both are measured in turns, in one process on one machine. A request is accepted and withdrawn by intake.
A song is requested, made in a minute and posted by the real pipeline, between doubles of Discord and of the
music service. The requirements of more servers are extrapolated from its cost.
"""

import argparse
import asyncio
import itertools
import random
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, cast

from bench.answer import percentile
from bot.balance import Period
from bot.database import engine, postgresql, sqlite
from bot.errors import StoreBusy
from bot.model import DiscordUserId, GuildId, JobState
from bot.music.sseedance import Sseedance
from bot.pipeline.runner import Runner
from bot.services.intake import Intake
from bot.store import claims
from bot.store.ledger import Defaults
from tests import make
from tests.postgresql import Server, serving
from tests.unit.pipeline.rig import Rig

CALLERS: Final = (1, 16)
GUILDS: Final = 200
MEMBERS: Final = 5
RICH: Final = Defaults(allowance=10**9, period=Period.MONTH)
SONG_TAKES: Final = timedelta(seconds=60)
"""Time the music service takes to make a song."""
SONGS_OF_SERVER: Final = 8
"""Number of songs for which a server has credits."""
IDLE_COMMITS_PER_S: Final = 1.0
"""Rate of a slot's heartbeats, whose commits are not flushed."""

SERVERS: Final = (1_000, 10_000, 30_000, 100_000)
SONGS_PER_SERVER_AND_DAY: Final = 0.2
PEAK: Final = 5
"""Ratio of the busiest hour to the mean."""
SERVERS_PER_SHARD: Final = 1_000
"""Source: https://docs.discord.com/developers/events/gateway#sharding, read 2026-11-26."""
PAID_PER_S: Final = Sseedance.submits_max / Sseedance.submits_window.total_seconds()
"""Songs a second that one account may request, regardless of the number of processes."""
DAY_S: Final = 86_400


@dataclass(slots=True)
class Engine:
    """One of the two databases, and its measurements."""

    name: str
    database: engine.Database
    times_s: dict[int, list[float]] = field(default_factory=lambda: {callers: [] for callers in CALLERS})
    ran_s: dict[int, float] = field(default_factory=lambda: dict.fromkeys(CALLERS, 0.0))
    busy: dict[int, int] = field(default_factory=lambda: dict.fromkeys(CALLERS, 0))
    commits: int = 0
    flushes: int = 0
    log: Path | None = None
    """SQLite's log, which grows with every commit that writes."""
    _log_at: tuple[int, int] = (0, 0)

    def rate(self, callers: int) -> float:
        """Return the number of requests accepted per second; as many are withdrawn."""
        return len(self.times_s[callers]) / self.ran_s[callers]

    def wrote(self, _: float) -> None:
        """Count a transaction."""
        self.commits += 1
        if self.log is not None:
            status = self.log.stat()
            self.flushes += (status.st_size, status.st_mtime_ns) != self._log_at
            self._log_at = (status.st_size, status.st_mtime_ns)


@asynccontextmanager
async def both(server: Server, folder: Path) -> AsyncIterator[list[Engine]]:
    """Open both engines."""
    async with AsyncExitStack() as stack:
        engines = [
            Engine("SQLite", cast("engine.Database", None)),
            Engine("PostgreSQL", cast("engine.Database", None)),
        ]
        engines[0].database = await stack.enter_async_context(
            sqlite.Database.open(folder / "tunesmith.db", wrote=engines[0].wrote)
        )
        engines[0].log = folder / "tunesmith.db-wal"
        engines[1].database = await stack.enter_async_context(
            postgresql.Database.open(server.create(), wrote=engines[1].wrote)
        )
        yield engines


async def request(measured: Engine, callers: int, seconds: float, ids: Callable[[], int]) -> None:
    """Accept and withdraw requests for this long, with a number of concurrent callers."""
    terms = make.terms(open_per_member=10**6, open_per_guild=10**6, defaults=RICH)
    intake = Intake(measured.database, terms, now=lambda: datetime.now(UTC), woken=lambda: None)
    began_s = time.perf_counter()

    async def call(number: int) -> None:
        choose = random.Random(number)  # noqa: S311 - which server it is is no secret
        while time.perf_counter() - began_s < seconds:
            guild = choose.randrange(GUILDS)
            origin = make.origin(
                interaction_id=ids(),
                guild_id=GuildId((10**6 + guild) << 22),
                member_id=DiscordUserId(10**17 + guild * 100 + choose.randrange(MEMBERS)),
            )
            asked_s = time.perf_counter()
            try:
                accepted = await intake.accept(make.prompt(), origin)
                measured.times_s[callers].append(time.perf_counter() - asked_s)
                assert accepted is not None
                await intake.withdraw(accepted.job)
            except StoreBusy:  # what a member reads after two seconds
                measured.busy[callers] += 1

    await asyncio.gather(*(call(number) for number in range(callers)))
    measured.ran_s[callers] += time.perf_counter() - began_s


@dataclass(frozen=True, slots=True, kw_only=True)
class SongCost:
    """Average cost of one song."""

    commits: float
    polls: float
    messages: float
    cpu_ms: float
    syncs: float = 0.0
    log_kb: float = 0.0
    rows_kb: float = 0.0


async def song(rig: Rig, runner: Runner, number: int) -> None:
    """Request a song and run it to delivery, advancing the clock to whatever is due next."""
    rig.music.done_at_once = False
    origin = make.origin(
        interaction_id=10**17 + number,
        guild_id=GuildId(make.GUILD + (number // SONGS_OF_SERVER << 22)),
        member_id=DiscordUserId(make.MEMBER + number % SONGS_OF_SERVER),
    )
    job = await rig.ask(origin=origin)
    done_at = rig.clock.now + SONG_TAKES
    while True:
        if rig.clock.now >= done_at:
            for task in rig.music.tasks.values():
                task.status = "success"
        if await runner.round():
            continue
        due_at = await rig.database.read(lambda tx: claims.next_due(tx, 1 << 40))
        if due_at is None:
            break
        rig.clock.now = max(rig.clock.now, due_at)
    assert await rig.state(job) is JobState.DELIVERED


async def cost(measured: Engine, folder: Path, songs: int, server: Server | None) -> SongCost:
    """Return the average cost of a song, including that in a server's log and files."""
    rig = Rig(cast("sqlite.Database", measured.database), folder / f"spool of {measured.name}", make.Clock())
    async with rig.process() as runner:
        await song(rig, runner, 0)  # the first rows of a new server and of its members are not a song's
        before = _server_counts(server, measured) if server is not None else (0.0, 0.0, 0.0)
        measured.commits, measured.flushes = 0, 0
        polls, sends = len(rig.music.polled), rig.chat.sends
        cards, cpu_s = len(rig.chat.cards), time.process_time()
        for number in range(1, songs + 1):
            await song(rig, runner, number)
        cpu_s = time.process_time() - cpu_s
        after = _server_counts(server, measured) if server is not None else (0.0, 0.0, 0.0)
    syncs, log, rows = ((new - old) / songs for new, old in zip(after, before, strict=True))
    return SongCost(
        commits=measured.commits / songs,
        polls=(len(rig.music.polled) - polls) / songs,
        messages=(rig.chat.sends - sends + len(rig.chat.cards) - cards) / songs,
        cpu_ms=cpu_s * 1_000 / songs,
        syncs=syncs if server is not None else measured.flushes / songs,
        log_kb=log / 1024,
        rows_kb=rows / 1024,
    )


def _server_counts(server: Server, measured: Engine) -> tuple[float, float, float]:
    """Return flushes and bytes of the server's log, and the size of the database in bytes."""
    time.sleep(1.1)  # a session reports its counts once a second
    name = cast("postgresql.Database", measured.database)._url.partition("@/")[2].partition("?")[0]  # noqa: SLF001 - to ask as another
    rows = server.execute(
        """SELECT (SELECT wal_sync FROM pg_stat_wal), pg_current_wal_insert_lsn() - '0/0'::pg_lsn,
                  (SELECT sum(pg_total_relation_size(oid)) FROM pg_class
                   WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace)""",
        name,
    )
    return tuple(float(str(value)) for value in rows[0])  # type: ignore[return-value] # three columns


def show_requests(engines: list[Engine]) -> None:
    """Print how fast requests are accepted."""
    print("| requests | accepted a second | p50 | p99 | refused as busy |\n|---|---:|---:|---:|---:|")
    for callers, measured in itertools.product(CALLERS, engines):
        times_ms = [1_000 * taken for taken in measured.times_s[callers]]
        print(
            f"| {measured.name}, {callers} at once | {measured.rate(callers):.0f} "
            f"| {statistics.median(times_ms):.1f} ms | {percentile(times_ms, 99):.0f} ms "
            f"| {measured.busy[callers]} |"
        )


def show_songs(costs: dict[str, SongCost]) -> None:
    """Print the cost of a song."""
    print("\n| one song of a minute | transactions | flushed | log | rows | polls | to Discord | CPU |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, each in costs.items():
        log, rows = (f"{size:.0f} kB" if size else "" for size in (each.log_kb, each.rows_kb))
        print(
            f"| {name} | {each.commits:.0f} | {each.syncs:.0f} | {log} | {rows} | {each.polls:.0f} "
            f"| {each.messages:.0f} | {each.cpu_ms:.0f} ms |"
        )


def show_servers(each: SongCost, accepted_per_s: float) -> None:
    """Print the requirements of more servers, computed from a song's cost on PostgreSQL."""
    print(
        "\n| servers | shards | songs a second, mean / peak | of one account | of one process's requests "
        "| transactions · flushes a second, peak | polls a second, peak | log a day | rows a year |"
    )
    print("|---:|---:|---|---:|---:|---|---:|---:|---:|")
    for servers in SERVERS:
        mean = servers * SONGS_PER_SERVER_AND_DAY / DAY_S
        peak = mean * PEAK
        print(
            f"| {servers:,} | {-(-servers // SERVERS_PER_SHARD)} | {mean:.3f} / {peak:.2f} "
            f"| {peak / PAID_PER_S:.0%} | {peak / accepted_per_s:.1%} "
            f"| {peak * each.commits + IDLE_COMMITS_PER_S:.0f} · {peak * each.syncs:.0f} "
            f"| {peak * each.polls:.1f} | {mean * DAY_S * each.log_kb / 1024:,.0f} MB "
            f"| {mean * DAY_S * 365 * each.rows_kb / 1024**2:,.1f} GB |"
        )


async def main(rounds: int, seconds: float, songs: int) -> None:
    """Measure both, in turns, and print."""
    number = itertools.count(10**18)
    with serving(flushes=True) as server, tempfile.TemporaryDirectory(prefix="tunesmith-bench-") as name:
        folder = Path(name)
        async with both(server, folder) as engines:
            for measured in engines:  # warm up compilation and caches
                await request(measured, 1, min(seconds, 1.0), lambda: next(number))
                measured.times_s[1].clear()
                measured.ran_s[1] = 0.0
            for _, callers, measured in itertools.product(range(rounds), CALLERS, engines):
                await request(measured, callers, seconds, lambda: next(number))
            show_requests(engines)
            accepted_per_s = engines[1].rate(max(CALLERS))
        (folder / "songs").mkdir()
        async with both(server, folder / "songs") as engines:
            costs = {
                measured.name: await cost(measured, folder, songs, None if place == 0 else server)
                for place, measured in enumerate(engines)
            }
        show_songs(costs)
        show_servers(costs["PostgreSQL"], accepted_per_s)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.engines", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--songs", type=int, default=20)
    options = parser.parse_args()
    asyncio.run(main(options.rounds, options.seconds, options.songs))
