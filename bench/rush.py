"""Sixty simultaneous requests with credits for five songs: ``python -m bench.rush``.

The real bot runs as a process against a double of Discord on this machine. The baseline is the same bot
with one request. Discord waits 3 s for an answer; each of the sixty has to arrive within 2.5 s.
"""

import asyncio
import tempfile
from pathlib import Path

from tests.flows.process import World

MEMBERS, SONGS = 60, 5
ANSWER_MAX_S = 2.5
SETTINGS = {"GUILD_CREDITS": str(10 * SONGS), "OPEN_JOBS_PER_GUILD": "1000"}


async def measure() -> tuple[float, list[float], int]:
    """Return the seconds to a single answer and to each of sixty, and the number accepted."""
    with tempfile.TemporaryDirectory(prefix="tunesmith-bench-") as folder:
        async with World.open(Path(folder)) as world, world.bot(**SETTINGS):
            channel, first = world.room()
            for _ in range(3):
                alone = await world.discord.slash("music credits", user=first, channel=channel)
            people = [world.discord.add_person(f"member{number}") for number in range(MEMBERS)]
            answers = await asyncio.gather(
                *(
                    world.discord.slash("music create", prompt=person.name, user=person, channel=channel)
                    for person in people
                )
            )
    return alone.elapsed_s, [it.elapsed_s for it in answers], sum(not it.ephemeral for it in answers)


def main() -> None:
    """Measure, print, and fail if an answer is late or the credits are not spent exactly."""
    alone_s, times_s, accepted = asyncio.run(measure())
    print(f"one member: {alone_s * 1_000:.0f} ms (the baseline)")
    print(
        f"{MEMBERS} at once: {accepted} songs accepted, slowest answer after {max(times_s) * 1_000:.0f} ms "
        f"({max(times_s) / alone_s:.0f}x; at most {ANSWER_MAX_S * 1_000:.0f} ms)"
    )
    if accepted != SONGS or max(times_s) > ANSWER_MAX_S:
        raise SystemExit("the number of songs is not five, or an answer was too late")


if __name__ == "__main__":
    main()
