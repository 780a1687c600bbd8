"""A new operator's first command: questions, checked answers, and a private settings file."""

import asyncio
import os
import pty
import signal
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from bot import settings
from bot.cli import cli
from bot.sandbox.kie import KieSandbox
from bot.sandbox.server import running
from tests.doubles.discord import FakeDiscord
from tests.doubles.music import MUSIC_KEY
from tests.flows.process import PATIENCE_S, ROOT, World


def environment(discord: FakeDiscord, music_url: str) -> dict[str, str]:
    return {
        "DISCORD_API_URL": discord.url,
        "MUSIC_API_URL": music_url,
        "KIE_API_URL": music_url,
    }


def files(folder: Path) -> list[Path]:
    return list(folder.iterdir())


async def init(folder: Path, env: Mapping[str, str], *answers: str) -> Result:
    """Run ``tunesmith init`` with these answers."""
    command = ["init", "--env-file", str(folder / ".env")]
    text = "".join(f"{answer}\n" for answer in answers)
    return await asyncio.to_thread(lambda: CliRunner().invoke(cli, command, input=text, env=env))


async def test_init_writes_checked_answers_for_the_owner_alone(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world:
        env = environment(world.discord, world.music_url)
        answers = (world.discord.token, "sseedance", MUSIC_KEY, "none", "no")
        result = await init(tmp_path, env, *answers)

    assert 0 == result.exit_code, result.output
    assert 0o600 == stat.S_IMODE((tmp_path / ".env").stat().st_mode)
    loaded = settings.load(tmp_path / ".env")
    assert (world.discord.token, "none") == (loaded.discord_token.get_secret_value(), loaded.new_guilds)
    assert "https://discord.com/oauth2/authorize?client_id=" in result.output
    assert "ok       music API: " in result.output
    assert [] == world.music.requests


async def test_init_asks_again_after_each_wrong_answer(tmp_path: Path) -> None:
    async with World.open(tmp_path) as world:
        env = environment(world.discord, world.music_url)
        token = ("hunter 2", "hunter2", "n", world.discord.token)
        service = ("suno", "sseedance", "wrong-key", "n", MUSIC_KEY)
        servers = ("my server", "4711, 4712")
        result = await init(tmp_path, env, *token, *service, *servers, "no")

    assert 0 == result.exit_code, result.output
    assert "DISCORD_TOKEN contains characters that no token has" in result.output
    assert "failure  token: DISCORD_TOKEN is not accepted" in result.output
    assert "failure  music API: MUSIC_API_KEY is not accepted" in result.output
    assert "GUILDS must be server ids" in result.output
    assert frozenset({4711, 4712}) == settings.load(tmp_path / ".env").guilds


async def test_init_offers_the_service_that_is_open_today(tmp_path: Path) -> None:
    async with FakeDiscord() as discord, running(KieSandbox(MUSIC_KEY, 0.0)) as url:
        result = await init(tmp_path, environment(discord, url), discord.token, "", MUSIC_KEY, "", "")

    assert 0 == result.exit_code, result.output
    assert "sseedance.com, announced but not open yet" in result.output
    assert "ok       music API: " in result.output
    assert f"MUSIC_BACKEND=kie\nKIE_API_KEY={MUSIC_KEY}\nNEW_GUILDS=none\n" in (tmp_path / ".env").read_text()


@pytest.mark.parametrize("count", range(5))
async def test_init_writes_nothing_if_the_answers_end(tmp_path: Path, count: int) -> None:
    async with World.open(tmp_path) as world:
        env = environment(world.discord, world.music_url)
        answers = (world.discord.token, "sseedance", MUSIC_KEY, "none")[:count]
        result = await init(tmp_path, env, *answers)

    assert 2 == result.exit_code
    assert "DISCORD_TOKEN; MUSIC_BACKEND=kie with KIE_API_KEY" in result.output
    assert [] == files(tmp_path)


@pytest.mark.parametrize("answer", ["n", ""])
async def test_init_replaces_no_settings_unless_asked(tmp_path: Path, answer: str) -> None:
    (tmp_path / ".env").write_text("LOG_LEVEL=DEBUG\n")

    result = await init(tmp_path, {}, answer)

    assert 1 == result.exit_code
    assert "was left unchanged" in result.output
    assert "LOG_LEVEL=DEBUG\n" == (tmp_path / ".env").read_text()


async def test_init_names_a_wrong_environment_before_asking(tmp_path: Path) -> None:
    result = await init(tmp_path, {"LOG_LEVEL": "loud"})

    assert (1, "LOG_LEVEL must be one of") == (result.exit_code, result.output[:24])


@pytest.mark.parametrize(
    ("choice", "name", "words"),
    [
        ("compose", "compose.yaml", "build: https://github.com/tunesmith-bot/tunesmith.git"),
        ("systemd", "tunesmith.service", "ExecStart=/srv/tunesmith/bin/tunesmith run"),
    ],
)
async def test_init_writes_a_service_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, choice: str, name: str, words: str
) -> None:
    monkeypatch.setattr(sys, "prefix", "/srv/tunesmith")
    async with World.open(tmp_path) as world:
        env = environment(world.discord, world.music_url)
        result = await init(tmp_path, env, world.discord.token, "sseedance", MUSIC_KEY, "all", choice)

    assert 0 == result.exit_code, result.output
    assert words in (tmp_path / name).read_text()
    assert "/opt/" not in (tmp_path / name).read_text()


@pytest.mark.parametrize(
    ("original", "name"),
    [("deploy/tunesmith.service", "tunesmith.service"), ("compose.yaml", "compose.yaml")],
)
def test_the_packaged_service_files_are_those_of_the_repository(original: str, name: str) -> None:
    assert (ROOT / original).read_text() == (ROOT / "bot" / "templates" / name).read_text()


async def test_ctrl_c_at_a_question_writes_nothing(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "init"),
        cwd=tmp_path,
        env={"PATH": os.environ.get("PATH", ""), "PYTHONPATH": str(ROOT)},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    said = b""
    async with asyncio.timeout(PATIENCE_S):
        while b"DISCORD_TOKEN:" not in said:
            said += await asyncio.to_thread(os.read, ours, 4096)
        process.send_signal(signal.SIGINT)
        status = await process.wait()
    os.close(ours)
    os.close(theirs)

    assert 130 == status
    assert [] == files(tmp_path)
