"""How long a backup of a large database takes, and how much it delays writes: ``python -m bench.backup``.

The bot's intake writes one request after another, first alone, then while the command runs in a process
of its own. The baselines come from the same run: writes without a backup, and a plain copy of the file,
flushed to the disk.
"""

import argparse
import asyncio
import os
import shutil
import sys
import tempfile
import time
from datetime import timedelta
from itertools import cycle
from pathlib import Path

from bench.intake import RICH, fill
from bot.database.sqlite import Database
from bot.files import flush
from bot.services.intake import Intake
from tests import make

P99_MAX_S = 0.2
BASELINE_WRITES = 400
MEMBERS = 100
"""Number of members who request songs; the hourly requests of each are limited."""
BACKUP_MAX_S = 30.0
"""Maximum duration for a database of 100 MB, on a slow and busy disk."""


class Writer:
    """Members who take turns requesting songs and withdrawing the requests."""

    def __init__(self, database: Database) -> None:
        self._clock = make.Clock()
        terms = make.terms(open_per_member=10, open_per_guild=10, defaults=RICH)
        self._intake = Intake(database, terms, now=self._clock, woken=lambda: None)
        self._members = cycle(range(make.MEMBER, make.MEMBER + MEMBERS))

    async def write(self) -> float:
        """Write one request. Return the seconds until it is on the disk."""
        self._clock.now += timedelta(seconds=1)
        began_s = time.perf_counter()
        accepted = await self._intake.accept(make.prompt(), make.origin(member_id=next(self._members)))
        took_s = time.perf_counter() - began_s
        assert accepted is not None
        await self._intake.withdraw(accepted.job)
        return took_s


async def back_up(path: Path, target: Path) -> float:
    """Run ``tunesmith backup`` and return its duration in seconds."""
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
    """Copy the file and flush it to the disk. Return the duration in seconds."""
    began_s = time.perf_counter()
    shutil.copyfile(path, target)
    flush(target)
    return time.perf_counter() - began_s


async def measure(folder: Path, entries: int) -> tuple[float, float, list[float], list[float], int]:
    """Return the durations of the copy, the backup, writes alone, writes during it, and its size in bytes."""
    path, target = folder / "tunesmith.db", folder / "backup.db"
    await asyncio.to_thread(fill, path, entries)
    baseline_s = await asyncio.to_thread(copy_plainly, path, folder / "plain.db")
    async with Database.open(path) as database:
        writer = Writer(database)
        alone = [await writer.write() for _ in range(BASELINE_WRITES)]
        backup = asyncio.create_task(back_up(path, target))
        during: list[float] = []
        while not backup.done():
            during.append(await writer.write())
        took_s = await backup
    return baseline_s, took_s, alone, during, target.stat().st_size


def p99(times: list[float]) -> float:
    """Return the 99th percentile."""
    return sorted(times)[int(len(times) * 0.99)]


def main() -> None:
    """Measure, print, and fail if the backup is slow or delays writes."""
    parser = argparse.ArgumentParser(prog="python -m bench.backup", description=__doc__.partition("\n")[0])
    parser.add_argument("--entries", type=int, default=600_000)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tunesmith-bench-") as folder:
        baseline_s, took_s, alone, during, size_bytes = asyncio.run(measure(Path(folder), options.entries))
    print(f"a plain copy, flushed: {baseline_s:.2f} s (the baseline)")
    print(
        f"a backup of {size_bytes / 1e6:.0f} MB, checked, during {len(during)} writes: {took_s:.2f} s "
        f"({took_s / baseline_s:.1f}x; at most {BACKUP_MAX_S:.0f} s)"
    )
    print(f"writes alone       p99 {p99(alone) * 1_000:.1f} ms (the baseline)")
    print(
        f"writes during it   p99 {p99(during) * 1_000:.1f} ms ({p99(during) / p99(alone):.1f}x; "
        f"at most {P99_MAX_S * 1_000:.0f} ms), slowest {max(during) * 1_000:.0f} ms"
    )
    if took_s > BACKUP_MAX_S or p99(during) > P99_MAX_S:
        raise SystemExit("the backup takes too long or delays writes")


if __name__ == "__main__":
    main()
