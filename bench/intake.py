"""How much a request costs as the ledger grows: 100 entries compared with a million.

    python -m bench.intake

Each database belongs to one busy server with 200 members and songs of the last 90 days. Requests alternate
between them and do not wait for the disk, which costs the same for both. The baseline is the small one.
"""

import argparse
import asyncio
import sqlite3
import statistics
import tempfile
import time
from contextlib import AsyncExitStack, closing
from datetime import timedelta
from pathlib import Path

from bot.balance import Period
from bot.database import sqlite_connections
from bot.database.sqlite import Database
from bot.model import DiscordUserId
from bot.services.intake import Intake
from bot.store import members, times
from bot.store.ledger import Defaults
from tests import make

SMALL = 100
"""Number of ledger entries in the baseline."""
MEMBERS, DAYS = 200, 90
RICH = Defaults(allowance=10**9, period=Period.MONTH)
RATIO_MAX = 1.5

FILL = """
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :songs)
INSERT INTO job (id, interaction_id, guild_id, channel_id, member_id, may_reference, state, created_at,
                 state_since, price, day, allowance_part, bonus_part, task_id, submitted_at)
  SELECT i, i, :guild, :channel, 1 + i % :members, 1, 'delivered', :now - i % :days * 86400000,
         :now - i % :days * 86400000 + 60000, 10, :today - i % :days, 10, 0, 'task-' || i,
         :now - i % :days * 86400000 FROM n;
INSERT INTO ledger (at, kind, guild_id, day, allowance, job_id, member_id)
  SELECT created_at, 'hold', guild_id, day, 10, id, member_id FROM job
  UNION ALL SELECT state_since, 'settle', guild_id, day, 10, id, member_id FROM job;
INSERT INTO usage (guild_id, member_id, day, allowance_used)
  SELECT guild_id, member_id, day, SUM(allowance) FROM ledger WHERE kind = 'settle' GROUP BY member_id, day
  UNION ALL SELECT guild_id, 0, day, SUM(allowance) FROM ledger WHERE kind = 'settle' GROUP BY day
"""


def fill(path: Path, entries: int) -> None:
    """Create a database with ``entries`` entries in its ledger, two for each song."""
    values = {
        "songs": entries // 2,
        "members": MEMBERS,
        "days": DAYS,
        "guild": make.GUILD,
        "channel": make.CHANNEL,
        "now": times.milliseconds(make.NOW),
        "today": times.day_number(make.NOW),
    }
    with closing(sqlite_connections.connect(path)) as connection:  # the first step of Database.open
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN")
        connection.execute("INSERT INTO guild (id) VALUES (:guild)", values)
        for number in range(MEMBERS):
            members.member_number(connection, DiscordUserId(make.MEMBER + number))
        for statement in FILL.split(";"):
            connection.execute(statement, values)
        connection.execute("COMMIT")


async def measure(entries: int, requests: int) -> tuple[list[float], list[float]]:
    """Return the seconds per request, for the small and the large database."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
        clock = make.Clock()
        intakes = []
        for count in (SMALL, entries):
            path = folder / f"{count}.db"
            await asyncio.to_thread(fill, path, count)
            database = await stack.enter_async_context(Database.open(path))
            await database.write(lambda _: None)
            terms = make.terms(open_per_member=requests, open_per_guild=requests, defaults=RICH)
            intakes.append(Intake(database, terms, now=clock, woken=lambda: None))
        times: list[list[float]] = [[], []]
        for number in range(requests):
            clock.now += timedelta(seconds=1)
            for intake, times_s in zip(intakes, times, strict=True):
                origin = make.origin(member_id=make.MEMBER + number % MEMBERS)
                began_s = time.perf_counter()
                accepted = await intake.accept(make.prompt(), origin)
                times_s.append(time.perf_counter() - began_s)
                assert accepted is not None
                await intake.withdraw(accepted.job)
    return times[0], times[1]


def main() -> None:
    """Measure, print, and fail if the size of the ledger matters."""
    parser = argparse.ArgumentParser(prog="python -m bench.intake", description=__doc__.partition("\n")[0])
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=400)
    options = parser.parse_args()
    sqlite_connections.PRAGMAS = tuple(
        pragma.replace("= FULL", "= OFF") for pragma in sqlite_connections.PRAGMAS
    )  # type: ignore[assignment]
    small, large = asyncio.run(measure(options.entries, options.requests))
    p50 = [statistics.median(times_s) * 1_000 for times_s in (small, large)]
    ratio = p50[1] / p50[0]
    print(f"SQLite {sqlite3.sqlite_version}, {options.requests} requests each, in turns")
    print(f"with {SMALL:>9,} entries  p50 {p50[0]:.2f} ms  (the baseline)")
    print(f"with {options.entries:>9,} entries  p50 {p50[1]:.2f} ms  ({ratio:.2f}x; at most {RATIO_MAX}x)")
    if ratio > RATIO_MAX:
        raise SystemExit("the cost of a request grows with the ledger")


if __name__ == "__main__":
    main()
