"""How much a scrub of a large database delays writes: ``python -m bench.rewrite``.

The database has 100,000 songs with lyrics. Members delete their data, then maintenance scrubs the file.
Ordinary writes, ten a second, are measured without a scrub, during one, and during the ``VACUUM`` that would
achieve the same.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from bench.intake import MEMBERS, fill
from bot.database import sqlite, sqlite_connections
from bot.database.facts import remember
from bot.database.sqlite import Database, Tx
from bot.model import DiscordUserId, MemberNumber
from bot.music.spool import Spool
from bot.pipeline.erasure import Erasure
from bot.store import erasure, members
from tests import make

SONGS = 100_000
BASELINE_S = 10.0
"""Duration of the measurement without a scrub, in seconds."""
WRITE_EVERY_S = 0.1
P99_MAX_S = 0.5


def add_texts(path: Path) -> None:
    """Give each song lyrics of 2,000 to 5,000 characters, in the order in which songs are requested."""
    rng = random.Random(1)  # noqa: S311 - no secret
    connection = sqlite_connections.connect(path)  # the first step of Database.open
    connection.execute("BEGIN")
    for job_id, member_id in connection.execute("SELECT id, member_id FROM job").fetchall():
        lyrics = f"{job_id} rain on the roof\n" * rng.randrange(90, 220)
        (text_id,) = connection.execute(
            "INSERT INTO text (author_id, value) VALUES (?, ?) RETURNING id", (member_id, lyrics)
        ).fetchone()
        connection.execute(
            """INSERT INTO song (job_id, model, custom, instrumental, asked_by, lyrics_id)
               VALUES (?, 'V5', 1, 0, 'Ann', ?)""",
            (job_id, text_id),
        )
    connection.execute("COMMIT")
    connection.close()


async def during(database: Database, work: Callable[[], Awaitable[object]]) -> tuple[list[float], float]:
    """Return the time of each ordinary write while ``work`` ran, and the duration of ``work``, in seconds."""
    times_s: list[float] = []

    async def write() -> None:
        began_s = time.perf_counter()
        await database.write(lambda tx: remember(tx, "bench", str(began_s)))
        times_s.append(time.perf_counter() - began_s)

    began_s = time.perf_counter()
    task = asyncio.ensure_future(work())
    writes = []
    while not task.done():
        writes.append(asyncio.create_task(write()))
        await asyncio.wait((task,), timeout=WRITE_EVERY_S)
    took_s = time.perf_counter() - began_s
    await asyncio.gather(*writes)
    await task
    return times_s, took_s


async def measure(songs: int, leaving: int) -> dict[str, tuple[list[float], float]]:
    """Return the write times and the duration of each kind of work."""
    with tempfile.TemporaryDirectory(prefix="tunesmith-bench-") as folder:
        path = Path(folder) / "tunesmith.db"
        await asyncio.to_thread(fill, path, songs * 2)
        await asyncio.to_thread(add_texts, path)
        async with Database.open(path) as database:
            cleaner = Erasure(database, Spool(Path(folder)), now=make.Clock())
            for number in range(leaving):
                await database.write(partial(delete, number=number))
            await database.empty_log()
            print(
                f"{path.stat().st_size / 1e6:,.0f} MB, {songs:,} songs; {leaving} of {MEMBERS} members left"
            )
            sqlite.GIVE_UP_AFTER_S = 600.0  # so that a write behind VACUUM is measured and not refused
            return {
                "neither": await during(database, lambda: asyncio.sleep(BASELINE_S)),
                "scrub": await during(database, cleaner.scrub),
                "VACUUM": await during(database, lambda: vacuum(database)),
            }


def delete(tx: Tx, number: int) -> None:
    """Delete the member's data."""
    member = members.member_number(tx, DiscordUserId(make.MEMBER + number))
    erasure.erase(tx, MemberNumber(member), make.NOW)


async def vacuum(database: Database) -> None:
    """Rewrite the whole file at once."""
    await database._writer.run(lambda tx: tx.execute("VACUUM"))  # noqa: SLF001 - for comparison only


def main() -> None:
    """Measure, print, and fail if writes wait for a scrub."""
    parser = argparse.ArgumentParser(prog="python -m bench.rewrite", description=__doc__.partition("\n")[0])
    parser.add_argument("--songs", type=int, default=SONGS)
    parser.add_argument("--leaving", type=int, default=MEMBERS // 10)
    options = parser.parse_args()
    results = asyncio.run(measure(options.songs, options.leaving))
    for name, (times_s, took_s) in results.items():
        p99_s = statistics.quantiles(times_s, n=100)[98] if len(times_s) > 1 else max(times_s)
        print(
            f"{name:>7}  {took_s:6.1f} s  {len(times_s):4} writes"
            f"  p50 {statistics.median(times_s) * 1e3:7.1f} ms"
            f"  p99 {p99_s * 1e3:8.1f} ms  max {max(times_s) * 1e3:8.1f} ms"
        )
    if statistics.quantiles(results["scrub"][0], n=100)[98] > P99_MAX_S:
        raise SystemExit("writes wait too long for a scrub")


if __name__ == "__main__":
    main()
