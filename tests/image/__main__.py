"""Run what the image would run, in the same way: as its user, with only /data and /tmp writable.

    python -m tests.image VENV
    python -m tests.image --root FOLDER --config FILE

VENV has the contents of the image's /opt/tunesmith. FOLDER is the root of an image that was actually built,
and FILE the configuration in it; `.ci/image` makes both. bubblewrap sets up the folders, setpriv changes the
user; both need root. The bot makes a song with a local Discord and music service, is queried by the image's
own health check, and ends at the image's stop signal.
"""

import argparse
import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from tests.doubles.music import MUSIC_KEY
from tests.flows.process import ROOT, BotProcess, World
from tests.image.dockerfile import Stage, last_stage, of_config

INSTALLED: Final = Path("/opt/tunesmith")
WITHIN_S: Final = 60.0
LOOK: Final = """
import os
places = [folder for folder, _, _ in os.walk("/")
          if not folder.startswith(("/proc", "/sys", "/dev")) and os.access(folder, os.W_OK)]
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
print(places, os.getresuid(), os.getresgid(), os.getgroups(),
      *(status[name].strip() for name in ("CapEff", "CapBnd", "NoNewPrivs")))
"""


class Container:
    """Runs the image's commands."""

    def __init__(self, stage: Stage, folders: Iterable[str], data: Path, settings: dict[str, str]) -> None:
        self._stage = stage
        self._env = {**stage.env, **settings, "PATH": stage.env["PATH"].replace("$PATH", "/usr/bin:/bin")}
        self._folders = [*folders, *("--bind", str(data), stage.volume), "--remount-ro", "/"]

    def command(self, *inside: str) -> tuple[str, ...]:
        """Return the whole command line for a command inside."""
        user = (f"--reuid={self._stage.uid}", f"--regid={self._stage.gid}", "--clear-groups")
        return (
            *("bwrap", *self._folders, "--chdir", self._stage.folder, "--clearenv", "--die-with-parent"),
            *(word for name, value in self._env.items() for word in ("--setenv", name, value)),
            *(word for name in ("SETUID", "SETGID", "SETPCAP") for word in ("--cap-add", f"CAP_{name}")),
            *("--", "/usr/bin/setpriv", *user, "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"),
            *inside,
        )

    async def said(self, *inside: str) -> tuple[int, str]:
        """Run a command that ends by itself. Return its exit status and output."""
        process = await asyncio.create_subprocess_exec(
            *self.command(*inside), stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        output, _ = await process.communicate()
        return process.returncode or 0, output.decode().strip()


def _folders(venv: Path) -> Iterator[str]:
    """Yield arguments for an empty, read-only root with the system's libraries, Python and the bot."""
    yield from ("--ro-bind", "/usr", "/usr")
    for folder in map(Path, ("/bin", "/lib", "/lib64", "/sbin")):
        if folder.is_symlink():
            yield from ("--symlink", str(folder.readlink()), str(folder))
        elif folder.exists():
            yield from ("--ro-bind", str(folder), str(folder))
    yield from ("--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--chmod", "1777", "/tmp")  # noqa: S108
    python = Path(os.path.realpath(venv / "bin" / "python")).parents[1]
    for folder in {venv: None, INSTALLED: None, python: None}:
        source = venv if folder == INSTALLED else folder
        if not folder.is_relative_to("/usr"):
            for parent in [*reversed(folder.parents)][1:]:  # otherwise only root could enter them
                yield from ("--perms", "0755", "--dir", str(parent))
            yield from ("--ro-bind", str(source), str(folder))
    yield from ("--unshare-ipc", "--unshare-uts")


def _built(root: Path) -> Iterator[str]:
    """Yield arguments for the root of a built image, read-only."""
    yield from ("--ro-bind", str(root), "/", "--proc", "/proc", "--dev", "/dev")
    yield from ("--tmpfs", "/tmp", "--chmod", "1777", "/tmp", "--unshare-ipc", "--unshare-uts")  # noqa: S108


async def healthy(container: Container, stage: Stage, bot: BotProcess) -> str:
    """Return the health check's output as soon as it succeeds."""
    said = ""
    try:
        async with asyncio.timeout(WITHIN_S):
            while True:
                status, said = await container.said(*stage.health)
                if status == 0:
                    return said
    except TimeoutError:
        raise AssertionError(f"{said}\n{bot.log}") from None


async def run(stage: Stage, folders: Sequence[str]) -> None:
    """Run all checks; any failure raises."""
    with tempfile.TemporaryDirectory(prefix="tunesmith-image-") as scratch, socket.socket() as free:
        data = Path(scratch) / "data"
        data.mkdir(mode=0o700)
        os.chown(data, stage.uid, stage.gid)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        async with World.open(Path(scratch) / "world") as world:
            settings = {
                "DISCORD_TOKEN": world.discord.token,
                "DISCORD_API_URL": world.discord.url,
                "MUSIC_API_KEY": MUSIC_KEY,
                "MUSIC_API_URL": world.music_url,
                "HTTP_LISTEN": f"127.0.0.1:{port}",
                "POLL_PACE": "0.1",
            }
            container = Container(stage, folders, data, settings)
            await sealed(container, stage)
            status, said = await container.said(*stage.health)
            assert 1 == status, said
            await lives(world, container, stage)
        kept = {path.name: path.stat().st_uid for path in data.iterdir()}
        assert kept["tunesmith.db"] == kept["spool"] == stage.uid, kept
    sys.stdout.write(
        f"as {stage.uid}, a song was made, the health check was content, and the signal ended it with 0\n"
    )


async def sealed(container: Container, stage: Stage) -> None:
    """Check that the user inside is nobody, and can only write to the volume and to /tmp."""
    status, said = await container.said("python", "-P", "-c", LOOK)
    sys.stdout.write(f"{said}\n")
    places = re.findall("'([^']+)'", said.partition("]")[0])
    assert 0 == status, said
    assert sorted(places) == sorted([stage.volume, "/tmp"]), said  # noqa: S108
    ids = ((stage.uid,) * 3, (stage.gid,) * 3)
    assert f"{ids[0]} {ids[1]} [] {0:016x} {0:016x} 1" in said, said


async def lives(world: World, container: Container, stage: Stage) -> None:
    """Check that the bot starts, makes a song and ends at its signal."""
    process = await asyncio.create_subprocess_exec(
        *container.command(*stage.command), stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    bot = BotProcess(process)
    try:
        said = await healthy(container, stage, bot)
        channel, ada = world.room()
        await world.discord.slash("music create", prompt="From the image", user=ada, channel=channel)
        song = (await world.discord.until(lambda: world.discord.posted(channel), WITHIN_S, "a song"))[0]
        os.kill(only_child(process.pid), signal.Signals[stage.stop_signal])
        status = await bot.ended()
    finally:
        await bot.kill()
    assert ("ok", 2, 0) == (said, len(song.attachments), status), bot.log
    assert "stopping" in bot.log, bot.log
    assert "Traceback" not in bot.log, bot.log


def only_child(pid: int) -> int:
    """Return the bot's process; bubblewrap waits for it outside, and exits as it does."""
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text("utf-8").split()
    return int(child)


def main(arguments: Sequence[str]) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.image")
    parser.add_argument(
        "venv", type=Path, nargs="?", help="a virtual environment with the bot and its locked packages"
    )
    parser.add_argument("--root", type=Path, help="the root of an image that was built")
    parser.add_argument("--config", type=Path, help="its configuration, as buildah shows it")
    given = parser.parse_args(arguments)
    written = last_stage(ROOT / "Dockerfile")
    if given.root is None:
        asyncio.run(run(written, list(_folders(given.venv.resolve()))))
        return
    stage = of_config(json.loads(given.config.read_text("utf-8"))["Docker"]["config"], python=written.python)
    path = {"PATH": stage.env["PATH"]}
    assert replace(stage, env=path) == replace(written, env=path), stage
    assert written.env.items() - {("PATH", written.env["PATH"])} <= stage.env.items(), stage.env
    asyncio.run(run(stage, list(_built(given.root))))


if __name__ == "__main__":
    main(sys.argv[1:])
