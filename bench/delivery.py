"""How much memory the delivery of many large songs costs: ``python -m bench.delivery``.

The unmodified bot runs as a process and delivers songs of 10 MiB between doubles on this machine. The
baseline is the same process, idle after one such song. The kernel does the measuring (``VmHWM``, the peak
of resident memory since its last reset), so this runs on Linux only.
"""

import argparse
import asyncio
import tempfile
from functools import partial
from pathlib import Path

from tests.doubles.music import mp3
from tests.flows.process import BotProcess, World

MIB = 1024 * 1024
TAKE_BYTES = 5 * MIB


def peak_mib(pid: int | str) -> float:
    """Return the peak of resident memory since the last reset."""
    for line in Path(f"/proc/{pid}/status").read_text("utf-8").splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024
    raise OSError("this system has no VmHWM")


def reset_peak(pid: int | str) -> None:
    """Reset the peak to the current resident memory. Source: proc(5), clear_refs."""
    Path(f"/proc/{pid}/clear_refs").write_text("5", "utf-8")


async def songs(world: World, count: int) -> None:
    """Request ``count`` songs at once, each on its own server, and wait until all are posted."""
    channels = []
    for number in range(count):
        channel, member = world.room()
        channels.append(channel)
        await world.discord.slash("music create", user=member, channel=channel, prompt=f"Large song {number}")
    for channel in channels:
        posted = partial(world.discord.posted, channel)
        message = (await world.discord.until(posted, 120.0, "a song"))[0]
        assert [attachment.size_bytes >= TAKE_BYTES for attachment in message.attachments] == [True, True]


async def measure(count: int) -> None:
    """Print how much memory the songs cost above idle."""
    with tempfile.TemporaryDirectory() as folder:
        async with World.open(Path(folder)) as world:
            world.music._song = large  # type: ignore[method-assign] # noqa: SLF001 - large takes
            async with world.bot() as bot:
                pid = pid_of(bot)
                await songs(world, 1)
                reset_peak(pid)
                idle = peak_mib(pid)
                await songs(world, count)
                peak = peak_mib(pid)
    print(f"idle {idle:.1f} MiB; peak with {count} songs of 10 MiB at once {peak:.1f} MiB")
    print(f"{(peak - idle) / count:.2f} MiB per song above idle ({peak / idle:.2f}x)")


async def large(task: object, take: int) -> bytes:
    """Return 5 MiB that start like an mp3, different for each take of each task."""
    frames = mp3(take) + str(id(task)).encode()
    return frames * (TAKE_BYTES // len(frames) + 1)


def pid_of(bot: BotProcess) -> int:
    """Return the id of the bot's process."""
    return bot._process.pid  # noqa: SLF001 - no other caller needs it


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--songs", type=int, default=20)
    asyncio.run(measure(parser.parse_args().songs))
