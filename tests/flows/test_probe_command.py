"""``tunesmith probe`` as run by an operator, against the sandbox of each service on a socket."""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner, Result

from bot import cli, settings
from bot.commands import probes
from bot.model import Backend
from bot.music.backends import OFFERS, contract
from bot.ops import contract_probe
from bot.sandbox import server
from bot.sandbox.contracts import SANDBOXES
from bot.sandbox.server import Sandbox, running

KEY = "probe-key-123456"
TOKEN = "t0ken-of-discord"
UNEXPECTED = 3
FILE = "tunesmith-probe.json"


@dataclass(frozen=True, slots=True)
class Service:
    """A sandbox, and the settings for using it."""

    backend: Backend
    sandbox: Sandbox
    env: dict[str, str]


@pytest.fixture(autouse=True)
def _operators_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper() in settings.names():
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(server, "song", lambda *_: b"ID3")
    monkeypatch.setattr(contract_probe, "POLL_S", 0.01)


@pytest.fixture(params=Backend)
async def service(request: pytest.FixtureRequest) -> AsyncIterator[Service]:
    sandbox = SANDBOXES[request.param](KEY, 0.0)
    async with running(sandbox) as url:
        its = contract(request.param, provider="", options={})
        named = {its.key_setting: KEY, its.url_setting: url, "MUSIC_BACKEND": request.param.value}
        yield Service(request.param, sandbox, {"DISCORD_TOKEN": TOKEN, **named})


async def typed(*words: str, env: dict[str, str], answer: str | None = None) -> Result:
    command = ["probe", *words]
    return await asyncio.to_thread(lambda: CliRunner().invoke(cli.cli, command, env=env, input=answer))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the command believe that it runs on a terminal."""
    stdin = SimpleNamespace(isatty=lambda: True)
    monkeypatch.setattr(probes, "sys", SimpleNamespace(stdin=stdin, stdout=sys.stdout))


@pytest.mark.parametrize("in_file", [True, False])
async def test_a_probe_is_free_wherever_its_settings_come_from(
    service: Service, tmp_path: Path, *, in_file: bool
) -> None:
    lines = "".join(f"{name}={value}\n" for name, value in service.env.items())
    (tmp_path / ".env").write_text(lines if in_file else "", "utf-8")

    said = await typed(env={} if in_file else service.env)

    assert 0 == said.exit_code, said.output
    assert [] == [line for line in said.output.splitlines() if line.startswith("unexpected")]
    assert 0 == service.sandbox.tasks_created
    assert f"The answers are saved in {FILE}" in said.output


async def test_a_saved_file_is_a_fixture_of_the_reader_and_has_no_secret(
    service: Service, tmp_path: Path
) -> None:
    said = await typed("--pay", "--yes", "--save", "mine.json", env=service.env)

    assert (0, 1) == (said.exit_code, service.sandbox.tasks_created), said.output
    text = (tmp_path / "mine.json").read_text("utf-8")
    pairs = contract_probe.replay(contract(service.backend, provider="", options={}), json.loads(text))
    assert [then for then, _ in pairs] == [now for _, now in pairs]
    assert {"notfound", "rejected: refused", "accepted", "done, 2 takes"} <= {now for _, now in pairs}
    secrets = (KEY, TOKEN, contract_probe.SONG_PROMPT, *service.sandbox.tasks)
    assert [] == [secret for secret in secrets if secret in text]


async def test_an_unexpected_answer_has_an_exit_status_of_its_own(service: Service, tmp_path: Path) -> None:
    wrong = {name: "another-key-654321" for name in service.env if name.endswith("API_KEY")}

    said = await typed("--pay", "--yes", env=service.env | wrong)

    assert (UNEXPECTED, 0) == (said.exit_code, service.sandbox.tasks_created), said.output
    assert "No song was bought, because a free check failed." in said.output
    assert "another-key-654321" not in (tmp_path / FILE).read_text("utf-8")


async def test_without_a_terminal_nothing_is_sent_and_nothing_bought(
    service: Service, tmp_path: Path
) -> None:
    said = await typed("--pay", env=service.env)

    assert (1, [], 0) == (said.exit_code, service.sandbox.requests, service.sandbox.tasks_created)
    assert not (tmp_path / FILE).exists()


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize(("answer", "bought"), [("y\n", 1), ("n\n", 0), ("\n", 0)])
async def test_the_question_names_the_price_and_its_answer_counts(
    service: Service, answer: str, bought: int
) -> None:
    said = await typed("--pay", env=service.env, answer=answer)

    assert (0, bought) == (said.exit_code, service.sandbox.tasks_created), said.output
    assert f"Buy one song at {service.backend} for {OFFERS[service.backend].song_price}?" in said.output


async def test_an_unreachable_address_is_unexpected(tmp_path: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as closed:
        port = closed.getsockname()[1]
    env = {"DISCORD_TOKEN": TOKEN, "MUSIC_BACKEND": "kie", "KIE_API_KEY": KEY}

    said = await typed(env=env | {"KIE_API_URL": f"http://127.0.0.1:{port}"})

    assert UNEXPECTED == said.exit_code
    assert [] == json.loads((tmp_path / FILE).read_text("utf-8"))["answers"]


async def test_a_missing_setting_is_named_in_one_sentence(tmp_path: Path) -> None:
    said = await typed(env={"DISCORD_TOKEN": TOKEN, "MUSIC_BACKEND": "kie"})

    assert (1, True) == (said.exit_code, said.output.startswith("KIE_API_KEY is missing"))
    assert not (tmp_path / FILE).exists()


async def test_a_question_on_a_real_terminal_is_answered_there(tmp_path: Path) -> None:
    sandbox = SANDBOXES[Backend.KIE](KEY, 0.0)
    ours, theirs = os.openpty()
    async with running(sandbox) as url:
        env = {"DISCORD_TOKEN": TOKEN, "MUSIC_BACKEND": "kie", "KIE_API_KEY": KEY, "KIE_API_URL": url}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bot", "probe", "--pay"),
            stdin=theirs,
            stdout=asyncio.subprocess.PIPE,
            cwd=tmp_path,
            env=os.environ | env | {"PYTHONPATH": str(Path(cli.__file__).parents[1])},
        )
        os.write(ours, b"n\n")
        output, _ = await process.communicate()
    os.close(theirs)
    os.close(ours)

    assert (0, 0) == (process.returncode, sandbox.tasks_created)
    assert b"for 12 credits of your account" in output
