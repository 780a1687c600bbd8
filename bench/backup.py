"""A backup of a large database while the bot writes: ``python -m bench.backup``.

Requests are written down, one after the other, as the bot does it; first alone, then while the command
runs as a process of its own. The floors, from the same run: the same writes without a backup, and a plain
copy of the file, flushed to the disk.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

from bench.intake import RICH, fill
from bot.database import snapshots
from bot.database.sqlite import Database
from bot.services.intake import Intake
from tests import make

P99_MOST_S = 0.2
FLOOR_WRITES = 400
SECONDS_MOST = 30.0
"""For a database of 100 MB, on a slow disk with other work."""


class Writer:
    """Asks for songs and takes the requests back, without a pause."""

    def __init__(self, database: Database) -> None:
        self._clock = make.Clock()
        terms = make.terms(open_per_member=10, open_per_guild=10, defaults=RICH)
        self._intake = Intake(database, terms, now=self._clock, woken=lambda: None)

    async def write(self) -> float:
        """Write one request down. Returns the seconds that it took until it was on the disk."""
        self._clock.now += timedelta(seconds=1)
        began_s = time.perf_counter()
        taken = await self._intake.accept(make.prompt(), make.origin())
        took_s = time.perf_counter() - began_s
        assert taken is not None
        await self._intake.withdraw(taken.job)
        return took_s


async def back_up(path: Path, target: Path) -> float:
    """Seconds that ``tunesmith backup`` took."""
    env = os.environ | {
        "DISCORD_TOKEN": "a-token",
        "MUSIC_API_KEY": "a-key",
        "DATABASE_URL": f"sqlite:///{path}",
    }
    began_s = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "backup", str(target)), env=env, stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0
    return time.perf_counter() - began_s


def copy_plainly(path: Path, target: Path) -> float:
    """Seconds for a copy of the file that is on the disk at the end."""
    began_s = time.perf_counter()
    shutil.copyfile(path, target)
    snapshots.flush(target)
    return time.perf_counter() - began_s


async def measure(folder: Path, entries: int) -> tuple[float, float, list[float], list[float], int]:
    """Seconds of the plain copy and of the backup; of the writes alone and during the backup; bytes of the backup."""
    path, target = folder / "tunesmith.db", folder / "backup.db"
    await asyncio.to_thread(fill, path, entries)
    floor_s = await asyncio.to_thread(copy_plainly, path, folder / "plain.db")
    async with Database.open(path) as database:
        writer = Writer(database)
        alone = [await writer.write() for _ in range(FLOOR_WRITES)]
        backup = asyncio.create_task(back_up(path, target))
        beside: list[float] = []
        while not backup.done():
            during.append(await writer.write())
        took_s = await backup
    return floor_s, took_s, alone, during, target.stat().st_size


def p99(times: list[float]) -> float:
    """The time that 99 of 100 stay below."""
    return sorted(times)[int(len(times) * 0.99)]


def main() -> None:
    """Measure, print, and fail where the backup holds writers up."""
    parser = argparse.ArgumentParser(prog="python -m bench.backup", description=__doc__.partition("\n")[0])
    parser.add_argument("--entries", type=int, default=600_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tunesmith-bench-") as folder:
        floor_s, took_s, alone, during, size_bytes = asyncio.run(measure(Path(folder), options.entries))
    print(f"a plain copy, flushed: {floor_s:.2f} s (the floor)")
    print(
        f"a backup of {size_bytes / 1e6:.0f} MB, checked, during {len(during)} writes: {took_s:.2f} s "
        f"({took_s / floor_s:.1f}x; at most {SECONDS_MOST:.0f} s)"
    )
    print(f"writes alone       p99 {p99(alone) * 1_000:.1f} ms (the floor)")
    print(
        f"writes during it   p99 {p99(during) * 1_000:.1f} ms ({p99(during) / p99(alone):.1f}x; "
        f"at most {P99_MOST_S * 1_000:.0f} ms), the slowest {max(during) * 1_000:.0f} ms"
    )
    if took_s > SECONDS_MOST or p99(during) > P99_MOST_S:
        raise SystemExit("a backup takes too long, or holds writers up")


if __name__ == "__main__":
    main()
