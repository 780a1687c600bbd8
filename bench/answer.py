"""How long /music create takes to answer: the bot compared with a bare discord.py client.

    python -m bench.answer --commands 300

Both run as processes against doubles of Discord on this machine and get commands in turns, one at a
time. Meanwhile, the bot works on the songs requested so far. Each time is measured at the double, from
sending the interaction to receiving the answer.
"""

import argparse
import asyncio
import itertools
import statistics
import tempfile
from contextlib import AsyncExitStack
from pathlib import Path

from tests.doubles.discord import Channel, Person
from tests.flows.process import World

PLENTY = "1000000000"
UNLIMITED = {
    "GUILD_CREDITS": PLENTY,
    "OPEN_JOBS_PER_MEMBER": PLENTY,
    "OPEN_JOBS_PER_GUILD": PLENTY,
}
SERVERS, MEMBERS = 4, 5
"""Number of servers, and of members in each, who send commands in turns."""
WARM_UP = 20
"""Number of commands before the measurement."""


async def measure(commands: int) -> tuple[list[float], list[float]]:
    """Return the seconds to each answer, of the bot and of the bare client."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tunesmith-bench-")))
        worlds = [
            await stack.enter_async_context(World.open(folder / "whole")),
            await stack.enter_async_context(World.open(folder / "bare")),
        ]
        worlds[1].command = ("bench.bare",)
        for world in worlds:
            await stack.enter_async_context(world.bot(**UNLIMITED))
        people = [list(itertools.chain(*(_server(world) for _ in range(SERVERS)))) for world in worlds]
        times: list[list[float]] = [[], []]
        for number in range(WARM_UP + commands):
            for world, members, times_s in zip(worlds, people, times, strict=True):
                channel, member = members[number % len(members)]
                answer = await world.discord.slash(
                    "music create", prompt=f"Rain on neon, number {number}", user=member, channel=channel
                )
                if answer.ephemeral:
                    raise SystemExit(f"refused: {answer.content}")
                times_s.append(answer.elapsed_s)
    return times[0][WARM_UP:], times[1][WARM_UP:]


def _server(world: World) -> list[tuple[Channel, Person]]:
    channel, first = world.room()
    others = [world.discord.add_person(f"member{number}") for number in range(1, MEMBERS)]
    return [(channel, member) for member in (first, *others)]


def percentile(times_s: list[float], percent: int) -> float:
    """Return a percentile in milliseconds."""
    return statistics.quantiles(times_s, n=100, method="inclusive")[percent - 1] * 1000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="How long /music create takes to answer")
    parser.add_argument("--commands", type=int, default=300, help="number of commands to measure")
    whole, bare = asyncio.run(measure(parser.parse_args().commands))
    print(f"{'':12}{'p50':>10}{'p99':>10}{'slowest':>10}")
    for name, times_s in (("the bot", whole), ("bare client", bare)):
        cells = [percentile(times_s, 50), percentile(times_s, 99), max(times_s) * 1000]
        print(f"{name:12}" + "".join(f"{cell:7.2f} ms" for cell in cells))
    ratios = [percentile(whole, percent) / percentile(bare, percent) for percent in (50, 99)]
    print(f"{'ratio':12}{ratios[0]:9.2f}x {ratios[1]:8.2f}x")


if __name__ == "__main__":
    main()
