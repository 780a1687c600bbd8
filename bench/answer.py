"""Compare the bot with a bare discord.py client that answers the same command and stores nothing.

    python -m bench.answer --history ratios.jsonl

Each runs as a process of its own and is measured from outside, through the same kind of stand-in for Discord.
They take turns; the one that is idle is suspended (SIGSTOP), so that neither takes the other's core. Songs
that the bot has already accepted are queued, polled and delivered in the meantime, at the ordinary pace.

The stand-in must not be the bottleneck, so its own share of the time is printed: if it stays well below a
whole core during the bare client's bursts, the client was the limit.
"""

import argparse
import asyncio
import itertools
import json
import os
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bench.stand_in import TOKEN, StandIn
from bot.sandbox.server import running
from tests.doubles.music import MUSIC_KEY, QuickSandbox

ROOT = Path(__file__).parents[1]
PLENTY = "1000000000"
UNLIMITED = {
    "GUILD_CREDITS": PLENTY,
    "TOTAL_CREDITS_MAX": PLENTY,
    "OPEN_JOBS_PER_MEMBER": PLENTY,
    "OPEN_JOBS_PER_GUILD": PLENTY,
}
MEMBERS = 20
"""Number of members who take turns sending commands, spread over four servers."""
BLOCK = 25
"""Number of consecutive commands per turn."""
BURST = 50
"""Number of commands sent at once."""
WARM_UP = 3
"""Number of unmeasured rounds, of a block and a burst each."""
BACKGROUND = 40
"""Number of songs in progress before the measurement."""
SONG_S = 20.0
"""Time the music service takes to make a song, in seconds."""
IDLE_SERVERS = 1_000
IDLE_S = 3.0
"""Delay before an idle bot's memory is read, in seconds."""
SETTLE_S = 0.1
"""Time for a resumed bot to catch up, in seconds."""
NAMES = ("bare client", "the bot")
GOALS = {
    "answer p50": 2.5,
    "burst p99": 2.0,
    "commands a second": 0.5,
    "start to ready": 1.5,
    "memory idle": 1.5,
    "memory, default intents": 1.0,
}
"""Upper bounds of the ratios; a lower bound for commands a second."""


@dataclass
class Measured:
    """Measurements of one bot."""

    answers_ms: list[float] = field(default_factory=list)
    bursts_ms: list[float] = field(default_factory=list)
    burst_s: float = 0.0
    stand_in_s: float = 0.0
    """Processor time of the stand-in during the bursts."""
    cpu_s: float = 0.0
    """Processor time of the bot during the bursts."""
    starts_s: list[float] = field(default_factory=list)
    memory_mb: list[float] = field(default_factory=list)

    @property
    def per_second(self) -> float:
        """Commands answered per second during the bursts."""
        return len(self.bursts_ms) / self.burst_s


class Bot:
    """A bot that runs as a process."""

    def __init__(self, process: asyncio.subprocess.Process, discord: StandIn) -> None:
        self._process = process
        self.discord = discord
        self.began_s = time.perf_counter()

    @classmethod
    @asynccontextmanager
    async def running(
        cls, folder: Path, command: tuple[str, ...], discord: StandIn, settings: dict[str, str]
    ) -> AsyncIterator["Bot"]:
        """Run ``python -m`` with the command until the block ends."""
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        env = {
            "PATH": os.environ.get("PATH", ""),
            "PYTHONPATH": str(ROOT),
            "DISCORD_TOKEN": TOKEN,
            "DISCORD_API_URL": discord.url,
            "DATABASE_URL": f"sqlite:///{folder / 'tunesmith.db'}",
            "SPOOL_DIR": str(folder / "spool"),
            "HTTP_LISTEN": "",
        }
        with (folder / "log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", *command), cwd=folder, env=env | settings, stdout=log, stderr=log
            )
        bot = cls(process, discord)
        try:
            yield bot
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Suspend the process until the block ends."""
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def cpu_s(self) -> float:
        """Return the processor time the process has used, in seconds."""
        fields = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def cpu_ms(self) -> float:
        """Return the same in milliseconds, at Linux's full precision, without threads that have ended."""
        threads = Path(f"/proc/{self.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text("ascii").split()[0]) for thread in threads) / 1e6

    def memory_mb(self) -> float:
        """Return the resident memory of the process, in megabytes."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        (kib,) = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
        return int(kib) * 1024 / 1e6


NUMBERS = itertools.count(1)


async def ask(bot: Bot, count: int) -> list[float]:
    """Send commands at once, and return the milliseconds to each answer."""
    payloads = []
    for number in itertools.islice(NUMBERS, count):
        prompt = {"prompt": f"Rain on neon, number {number}, sung slowly"}
        payloads.append(bot.discord.command("music create", prompt, bot.discord.member(number % MEMBERS)))
    answers = await asyncio.gather(*map(bot.discord.ask, payloads))
    for _, body in answers:
        if not body["data"].get("embeds"):
            raise SystemExit(f"refused: {body}")
    return [took_s * 1000 for took_s, _ in answers]


async def turns(bots: list[Bot], rounds: int) -> list[Measured]:
    """Measure consecutive commands and bursts, with the bots taking turns."""
    measured = [Measured() for _ in bots]
    for number in range(WARM_UP + rounds):
        for bot, other, result in zip(bots, reversed(bots), measured, strict=True):
            await asyncio.sleep(SETTLE_S)
            with other.stopped():
                answers = [(await ask(bot, 1))[0] for _ in range(BLOCK)]
                await asyncio.sleep(SETTLE_S)
                began_s, cpu_s, own_s = time.perf_counter(), bot.cpu_s(), time.process_time()
                burst = await ask(bot, BURST)
                took_s, used_s = time.perf_counter() - began_s, time.process_time() - own_s
            if number >= WARM_UP:
                result.answers_ms += answers
                result.bursts_ms += burst
                result.burst_s += took_s
                result.stand_in_s += used_s
                result.cpu_s += bot.cpu_s() - cpu_s
    return measured


async def started(folder: Path, command: tuple[str, ...], guilds: int, settings: dict[str, str]) -> Measured:
    """Start a bot on many servers, and measure its start and its idle memory."""
    measured = Measured()
    async with StandIn.open(guilds) as discord, Bot.running(folder, command, discord, settings) as bot:
        measured.starts_s.append(await discord.until_ready() - bot.began_s)
        await discord.beat()  # answered once it has read all that was sent before
        await asyncio.sleep(IDLE_S)
        measured.memory_mb.append(bot.memory_mb())
    return measured


async def measure(rounds: int, starts: int) -> list[Measured]:
    """Measure the bare client, the bot, and a bare client with default intents."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
        music = QuickSandbox(lambda: None, delay_s=SONG_S, tasks_max=100_000)
        music_url = await stack.enter_async_context(running(music))
        settings = {"MUSIC_API_KEY": MUSIC_KEY, "MUSIC_API_URL": music_url, **UNLIMITED}
        kinds: list[tuple[str, tuple[str, ...], dict[str, str]]] = [
            ("bare", ("bench.bare",), {}),
            ("whole", ("bot", "run"), settings),
            ("intents", ("bench.bare",), {"BARE_INTENTS": "default"}),
        ]
        idle = [Measured() for _ in kinds]
        for number in range(1 + starts):
            for (name, command, given), result in zip(kinds, idle, strict=True):
                one = await started(folder / f"idle-{name}", command, IDLE_SERVERS, given)
                if number:  # the first start of a folder creates the database and registers the commands
                    result.starts_s += one.starts_s
                    result.memory_mb += one.memory_mb
        bots = []
        for name, command, given in kinds[:2]:
            discord = await stack.enter_async_context(StandIn.open())
            bots.append(await stack.enter_async_context(Bot.running(folder / name, command, discord, given)))
            await discord.until_ready()
        await ask(bots[1], BACKGROUND)
        found = [*await turns(bots, rounds), Measured()]
        for result, one in zip(found, idle, strict=True):
            result.starts_s, result.memory_mb = one.starts_s, one.memory_mb
        return found


def percentile(times_ms: list[float], percent: int) -> float:
    """Return a percentile."""
    return statistics.quantiles(times_ms, n=100, method="inclusive")[percent - 1]


def rows(found: list[Measured]) -> dict[str, tuple[float, float, str]]:
    """Return the bare client's value, the bot's, and the unit, by name."""
    bare, bot, intents = found
    values = {
        "answer p50": [(percentile(one.answers_ms, 50), "ms") for one in (bare, bot)],
        "burst p99": [(percentile(one.bursts_ms, 99), "ms") for one in (bare, bot)],
        "commands a second": [(one.per_second, "") for one in (bare, bot)],
        "start to ready": [(statistics.median(one.starts_s), "s") for one in (bare, bot)],
        "memory idle": [(statistics.median(one.memory_mb), "MB") for one in (bare, bot)],
        "memory, default intents": [(statistics.median(one.memory_mb), "MB") for one in (intents, bot)],
    }
    return {name: (first[0], second[0], first[1]) for name, (first, second) in values.items()}


def show(found: list[Measured]) -> dict[str, float]:
    """Print the table and return the ratios."""
    ratios = {}
    print(f"{'':30}{NAMES[0]:>15}{NAMES[1]:>14}{'ratio':>9}{'goal':>9}")
    for name, (bare, bot, unit) in rows(found).items():
        ratios[name] = bot / bare
        sign = "≥" if name == "commands a second" else "≤"
        cells = f"{bare:12,.2f} {unit:2}{bot:11,.2f} {unit:2}{ratios[name]:8.2f}x {sign}{GOALS[name]:6.1f}x"
        print(f"{name:30}{cells}")
    for name, one in zip(NAMES, found, strict=False):
        shares = one.cpu_s / one.burst_s, one.stand_in_s / one.burst_s
        print(f"in bursts, {name}: {shares[0]:.0%} of a core, the stand-in {shares[1]:.0%}")
    return ratios


def main() -> None:
    """Measure and print, and append the ratios to a file."""
    parser = argparse.ArgumentParser(prog="python -m bench.answer", description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=20, help=f"blocks of {BLOCK} and bursts of {BURST}")
    parser.add_argument("--starts", type=int, default=5, help="starts to measure")
    parser.add_argument("--history", type=Path, help="file to which the ratios are appended, a line of JSON")
    options = parser.parse_args()
    ratios = show(asyncio.run(measure(options.rounds, options.starts)))
    if options.history is not None:
        line = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "rounds": options.rounds, **ratios}
        with options.history.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
