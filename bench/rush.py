"""Sixty members at once where there are credits for five songs: ``python -m bench.rush``.

The real bot as a process, against a stand-in of Discord on this machine. The floor is the same bot asked by
one member. Discord waits 3 s for an answer; every one of the sixty has to be there in 2.5 s.
"""

import asyncio
import tempfile
from pathlib import Path

from tests.flows.process import World

MEMBERS, SONGS = 60, 5
WITHIN_S = 2.5
SETTINGS = {"GUILD_CREDITS": str(10 * SONGS), "OPEN_JOBS_PER_GUILD": "1000"}


async def measure() -> tuple[float, list[float], int]:
    """Seconds to the answer for one, for each of the sixty, and how many of them were promised a song."""
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
    """Measure, print, and fail where somebody waits too long or the credits are not spent exactly."""
    alone, took, promised = asyncio.run(measure())
    print(f"one member: {alone * 1_000:.0f} ms (the floor)")
    print(
        f"{MEMBERS} at once: {promised} songs promised, the slowest answer after {max(took) * 1_000:.0f} ms "
        f"({max(took) / alone:.0f}x; at most {WITHIN_S * 1_000:.0f} ms)"
    )
    if promised != SONGS or max(took) > WITHIN_S:
        raise SystemExit("not five songs, or an answer that came too late")


if __name__ == "__main__":
    main()
