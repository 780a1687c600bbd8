"""Play a new operator: ``python -m tests.operator``, as root, with bubblewrap and debootstrap.

The system is a fresh Debian with git, Python and venv, and nothing else: no uv, no pip outside an
environment, no compiler. The commands are the README's own lines. Discord and the music service are doubles
outside.
"""

import argparse
import asyncio
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.doubles.music import MUSIC_KEY
from tests.flows.process import PATIENCE_S, ROOT, BotProcess, World
from tests.image.__main__ import only_child

CACHE = Path.home() / ".cache" / "tunesmith" / "operator-bookworm"
PACKAGES = ("ca-certificates", "git", "python3", "python3-venv")
ABSENT = ("uv", "uvx", "pip", "pip3", "pipx", "cc", "gcc", "make", "curl")
HOME = "/home/operator"
CLONE = f"{HOME}/tunesmith"
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
SHARED = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", CERTIFICATES)
"""Files that provide access to the network and the package registry."""
STEP_WITHIN_S = 900.0


def make_base(base: Path) -> None:
    """Install the system once; later runs reuse it."""
    if base.is_dir():
        return
    base.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix="operator-", dir=base.parent))
    command = [
        "debootstrap",
        "--variant=minbase",
        f"--include={','.join(PACKAGES)}",
        "bookworm",
        str(unfinished),
    ]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - words of our own
    for folder in (HOME, "/upstream"):
        (unfinished / folder.lstrip("/")).mkdir(parents=True)
    for file in SHARED:
        (unfinished / file.lstrip("/")).parent.mkdir(parents=True, exist_ok=True)
        (unfinished / file.lstrip("/")).touch()
    unfinished.chmod(0o755)
    unfinished.rename(base)


def readme_line(form: str) -> str:
    """Return the only line in the README's code blocks that matches."""
    (line,) = {
        line.strip() for line in (ROOT / "README.md").read_text("utf-8").splitlines() if re.search(form, line)
    }
    return line


class Operator:
    """Someone who types commands in that system."""

    def __init__(self, base: Path, home: Path, upstream: Path, environment: dict[str, str]) -> None:
        self._folders = [
            *("--ro-bind", str(base), "/", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"),  # noqa: S108
            *("--bind", str(home), HOME, "--ro-bind", str(upstream), "/upstream"),
            *(word for file in SHARED if Path(file).exists() for word in ("--ro-bind", file, file)),
            *("--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-ipc", "--die-with-parent"),
        ]
        self._environment = {
            "HOME": HOME,
            "PATH": "/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "SSL_CERT_FILE": CERTIFICATES,
            **environment,
        }

    def command(self, line: str, folder: str) -> list[str]:
        """Return the command that runs the line in the system's shell."""
        environment = (
            word for name, value in self._environment.items() for word in ("--setenv", name, value)
        )
        return [
            *("bwrap", *self._folders, "--clearenv", *environment, "--chdir", folder),
            *("sh", "-euc", line),
        ]

    def types(self, step: str, line: str, *, folder: str = CLONE, answers: str = "") -> str:
        """Run a line to its end and print its duration. Raise AssertionError if it fails."""
        began = time.monotonic()
        done = subprocess.run(  # noqa: S603 - words of our own
            self.command(line, folder),
            input=answers,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=STEP_WITHIN_S,
            check=False,
        )
        say(step, time.monotonic() - began)
        assert 0 == done.returncode, f"{line}\n{done.stdout}"
        return done.stdout


def say(step: str, took_s: float) -> None:
    """Print a step's wall time."""
    sys.stdout.write(f"{step:<42} {took_s:7.1f} s\n")
    sys.stdout.flush()


def size_mib(folder: Path) -> float:
    """Return the size of the files in a folder, each counted once."""
    sizes = {(one.lstat().st_dev, one.lstat().st_ino): one.lstat().st_size for one in folder.rglob("*")}
    return sum(sizes.values()) / 1024**2


async def play(base: Path, scratch: Path) -> None:
    """Go from the clone to the first song."""
    home, upstream = scratch / "home", scratch / "upstream"
    async with World.open(scratch / "world") as world:
        stand_ins = {
            "DISCORD_API_URL": world.discord.url,
            "MUSIC_API_URL": world.music_url,
            "HTTP_LISTEN": "127.0.0.1:0",
        }
        operator = Operator(base, home, upstream, stand_ins)
        began = time.monotonic()
        await asyncio.to_thread(install, operator, home)
        answers = f"{world.discord.token}\nsseedance\n{MUSIC_KEY}\nall\nno\n"
        said = await asyncio.to_thread(
            operator.types, "init, answers piped", readme_line("tunesmith init$"), answers=answers
        )
        assert "https://discord.com/oauth2/authorize?client_id=" in said, said
        assert 0o600 == (home / "tunesmith" / ".env").stat().st_mode & 0o777
        said = await asyncio.to_thread(operator.types, "doctor", readme_line("tunesmith doctor$"))
        assert "failure" not in said, said
        await first_song(operator, world)
        say("in all", time.monotonic() - began)


def install(operator: Operator, home: Path) -> None:
    """Clone, run the demo, and install without the playground."""
    absent = operator.types("an empty system", f"! command -v {' || command -v '.join(ABSENT)}", folder=HOME)
    assert "" == absent, absent
    refused = operator.command("python3 -m pip install uv", HOME)
    done = subprocess.run(refused, check=False, capture_output=True)  # noqa: S603 - words of our own
    assert 0 != done.returncode
    url = readme_line("^git clone ").split()[2]
    operator.types("git configured", f"git config --global url./upstream.insteadOf {url}", folder=HOME)
    operator.types("clone", readme_line("^git clone "), folder=HOME)
    said = operator.types("demo, installed and played", readme_line("tunesmith demo$"))
    assert list((home / "tunesmith" / "tunesmith-demo").glob("*.mp3")), said
    sys.stdout.write(f"  installed for the demo: {size_mib(home / 'tunesmith' / '.venv'):.0f} MiB\n")
    operator.types("installation for hosting", readme_line("uv sync --no-dev$"))
    sys.stdout.write(f"  installed for hosting: {size_mib(home / 'tunesmith' / '.venv'):.0f} MiB\n")


async def first_song(operator: Operator, world: World) -> None:
    """Start the bot, request a song, and stop the bot."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *operator.command(f"exec {readme_line('tunesmith run$')}", CLONE),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    bot = BotProcess(process)
    try:
        guild = world.discord.guild.id
        await world.discord.until(lambda: world.discord.gateway.listening(guild), PATIENCE_S, "a connection")
        say("run, until it is connected", time.monotonic() - began)
        began = time.monotonic()
        channel, ada = world.room()
        await world.discord.slash("music create", prompt="The first song", user=ada, channel=channel)
        song = await world.next_post(channel)
        say("first song", time.monotonic() - began)
        os.kill(only_child(process.pid), signal.SIGTERM)
        status = await bot.ended()
    finally:
        await bot.kill()
    assert (2, 0) == (len(song.attachments), status), bot.log
    assert "Traceback" not in bot.log, bot.log


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.operator", description=__doc__)
    parser.add_argument("--base", type=Path, default=CACHE, help="where the system is kept for the next run")
    base = parser.parse_args(arguments).base
    for program in ("bwrap", "debootstrap"):
        assert shutil.which(program), f"{program} is missing"
    began = time.monotonic()
    make_base(base)
    say("the system, kept for the next run", time.monotonic() - began)
    with tempfile.TemporaryDirectory(prefix="tunesmith-operator-", ignore_cleanup_errors=True) as scratch:
        Path(scratch, "home").mkdir()
        clone = [
            "git",
            "-c",
            "safe.directory=*",
            "clone",
            "--quiet",
            "--no-local",
            str(ROOT),
            str(Path(scratch, "upstream")),
        ]
        subprocess.run(clone, check=True)  # noqa: S603 - words of our own
        asyncio.run(play(base, Path(scratch)))


if __name__ == "__main__":
    main()
