"""Ask for the settings that a new bot needs, check each answer, and write ``.env``.

Nothing is written before the last answer, so that Ctrl-C leaves everything as it was.
"""

import asyncio
import io
import os
import sys
import tempfile
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Final, NoReturn

import typer
from dotenv import dotenv_values

from bot import settings
from bot.about import HOMEPAGE
from bot.app import open_music
from bot.checks import Check, Verdict
from bot.configuration.service_fields import KEY_FIELDS
from bot.configuration.sources import FILE_SUFFIX
from bot.errors import StartRefused
from bot.model import Backend
from bot.music.backends import OFFERS
from bot.ops.doctor.music_api import check_music_api
from bot.ops.doctor.runner import CheckSpec, run_checks
from bot.ops.doctor.wiring import SERVICE_WITHIN_S
from bot.settings import Settings
from bot.ui import discord_checks

INTERRUPTED: Final = 130
"""Exit status after Ctrl-C, as for a program ended by SIGINT."""
NO_ANSWERS: Final = 2
"""Exit status if questions can't be answered for lack of a terminal."""
SERVICES: Final = dict(sorted(OFFERS.items(), key=lambda entry: not entry[1].is_open))
"""The music services, starting with those that make songs today."""
UNCHECKED: Final = "unchecked"
"""Placeholder for a secret that has not been entered yet; it is sent nowhere."""
PROGRAM: Final = "/opt/tunesmith/bin/tunesmith"
"""Path of the program in the systemd unit's template."""
ENV_FILE: Final = "/etc/tunesmith.env"
"""Path of the settings file in the systemd unit's template."""
HOMES: Final = (Path("/home"), Path("/root"), Path("/run/user"))
"""Folders that ProtectHome= hides from a unit.
Source: https://www.freedesktop.org/software/systemd/man/latest/systemd.exec.html#ProtectHome=."""

Answers = Mapping[str, str]


def init(env_file: Path) -> None:
    """Ask for the settings, check each answer, and finally write ``env_file``."""
    try:
        _check_environment()
        _set_up(env_file)
    except StartRefused as refused:
        _end(str(refused), 1)
    except OSError as error:
        _end(f"{error.filename or env_file} can't be written ({error.strerror}).", 1)
    except (typer.Abort, KeyboardInterrupt):
        if sys.stdin.isatty():
            _end("\nNothing was written.", INTERRUPTED)
        _end(
            "\nThe questions need a terminal, and nothing was written. Without one, set in the environment "
            f"or in {env_file}: DISCORD_TOKEN; MUSIC_BACKEND=kie with KIE_API_KEY, or "
            "MUSIC_BACKEND=sseedance with MUSIC_API_KEY; and GUILDS with the ids of your servers, or "
            "NEW_GUILDS=none.",
            NO_ANSWERS,
        )


def _check_environment() -> None:
    """Refuse other invalid settings in the environment before asking anything."""
    settings.with_answers({"discord_token": UNCHECKED, "music_backend": "kie", "kie_api_key": UNCHECKED})


def _set_up(env_file: Path) -> None:
    if os.path.lexists(env_file) and not typer.confirm(
        f"{env_file} exists. Replace it, with all its settings?", default=False
    ):
        raise StartRefused(f"{env_file} was left unchanged.")
    typer.echo("The bot's token: https://discord.com/developers/applications, under Bot, Reset Token.")
    placeholder = {"music_backend": "kie", "kie_api_key": UNCHECKED}
    answers: dict[str, str] = {
        "discord_token": _ask_secret("DISCORD_TOKEN", "discord_token", placeholder, _check_discord)
    }
    for backend, offer in SERVICES.items():
        typer.echo(f"  {backend}: {offer.name}, {offer.standing}")
    backend = Backend(_choose("Music service", [service.value for service in SERVICES]))
    answers["music_backend"] = backend.value
    key = KEY_FIELDS[backend]
    typer.echo(f"Your key: {SERVICES[backend].key_page}")
    answers[key] = _ask_secret(key.upper(), key, answers, _check_music)
    answers |= _ask_servers(answers)
    text = _text(answers)
    choice = _choose("Also write a service file?", ["no", "systemd", "compose"])
    service = _service_file(choice, env_file)
    _write_privately(env_file, text)
    typer.echo(f"{env_file} was written; only you can read it.")
    for name, value in answers.items():
        if os.environ.get(name.upper(), value) != value:
            typer.echo(f"warning: {name.upper()} in the environment takes precedence over {env_file}.")
        if os.environ.get(name.upper() + FILE_SUFFIX):
            typer.echo(
                f"warning: {name.upper()}{FILE_SUFFIX} in the environment names a file as well; unset it."
            )
    if service is not None:
        path, content, advice = service
        path.write_text(content, encoding="utf-8")
        typer.echo(f"{path} was written. {advice}")
    typer.echo("Next: tunesmith doctor, then tunesmith run.")


def _choose(question: str, choices: Sequence[str]) -> str:
    """Ask until the answer is one of the choices; the first is the default."""
    while True:
        answer = str(typer.prompt(f"{question} ({', '.join(choices)})", default=choices[0])).strip().lower()
        if answer in choices:
            return answer
        typer.echo(f"Answer with one of {', '.join(choices)}.")


def _ask_secret(prompt: str, field: str, others: Answers, check: Callable[[Settings], list[Check]]) -> str:
    """Ask until the answer is valid and accepted, or until the operator insists."""
    while True:
        value = str(typer.prompt(prompt, hide_input=sys.stdin.isatty())).strip()
        try:
            checks = check(settings.with_answers({**others, field: value}))
        except StartRefused as refused:
            typer.echo(str(refused))
            continue
        for result in checks:
            typer.echo(f"{result.verdict:<8} {result.name}: {result.finding}")
        if all(result.verdict is not Verdict.FAILURE for result in checks):
            return value
        if typer.confirm("Use it anyway?", default=False):
            return value


def _ask_servers(others: Answers) -> dict[str, str]:
    """Ask which servers may use the bot."""
    while True:
        answer = typer.prompt(
            "Servers that may use the bot: their ids separated by commas, "
            "none (until `tunesmith servers allow ID`), or all",
            default="none",
        ).strip()
        if answer.lower() in ("none", "all"):
            return {"new_guilds": answer.lower()}
        try:
            settings.with_answers({**others, "guilds": answer})
        except StartRefused as refused:
            typer.echo(str(refused))
            continue
        return {"guilds": answer}


def _check_discord(draft: Settings) -> list[Check]:
    """Check the token; the application's line contains the bot's invitation link."""

    async def run() -> list[Check]:
        token = draft.discord_token.get_secret_value()
        checks = (await discord_checks.ask(draft.discord_api_url, token, (), draft.proxy_to_discord)).checks
        # The first start registers the commands.
        return [check for check in checks if check.name != "commands"]

    return _run("token", run)


def _check_music(draft: Settings) -> list[Check]:
    """Check the key with a free request."""
    backend = draft.music_backend

    async def run() -> list[Check]:
        async with open_music(draft, backend, now=lambda: datetime.now(UTC)) as music:
            return [(await check_music_api(music, draft.music_url(backend)))[0]]

    return _run("music API", run)


def _run(name: str, run: Callable[[], Awaitable[list[Check]]]) -> list[Check]:
    spec = CheckSpec(name=name, within_s=SERVICE_WITHIN_S, run=run, advice="check the network")

    async def collect() -> list[Check]:
        return [check async for check in run_checks([spec])]

    return asyncio.run(collect())


def _text(answers: Answers) -> str:
    """Return the settings file's content, unquoted: `--env-file` would keep quotes."""
    values = {name.upper(): value for name, value in answers.items()}
    lines = "".join(f"{name}={value}\n" for name, value in values.items())
    if dotenv_values(stream=io.StringIO(lines)) != values:
        raise StartRefused("An answer contains characters that .env can't hold; nothing was written.")
    return f"# Written by `tunesmith init`. All settings: {HOMEPAGE}/blob/main/docs/configuration.md\n{lines}"


def _write_privately(path: Path, text: str) -> None:
    """Write a file that only its owner can read, completely or not at all."""
    # mkstemp creates the file with mode 0600 regardless of the umask.
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".env-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except BaseException:  # re-raised; half a file with secrets must not stay
        Path(temporary).unlink(missing_ok=True)
        raise


def _service_file(choice: str, env_file: Path) -> tuple[Path, str, str] | None:
    """Return the path and content of a service file, and instructions for using it."""
    if choice == "no":
        return None
    name = {"systemd": "tunesmith.service", "compose": "compose.yaml"}[choice]
    path = env_file.parent / name
    if choice == "systemd":
        program = Path(sys.prefix, "bin", "tunesmith")
        if any(program.is_relative_to(home) for home in (*HOMES, Path.home())):
            typer.echo(f"No unit was written: systemd's user can't read {program}. Install into /opt first.")
            return None
    if os.path.lexists(path) and not typer.confirm(f"{path} exists. Replace it?", default=False):
        return None
    template = files("bot").joinpath("templates", name).read_text("utf-8")
    if choice == "compose":
        return (
            path,
            template.replace("build: .", f"build: {HOMEPAGE}.git"),
            "Start: docker compose up --detach",
        )
    # The comment at the top is about installing from a clone.
    unit = template[template.index("[Unit]") :].replace(PROGRAM, str(program))
    unit = unit.replace(ENV_FILE, str(env_file.absolute()))
    return (
        path,
        unit,
        f"As root: install -m 644 {path} /etc/systemd/system/; systemctl enable --now tunesmith",
    )


def _end(sentence: str, status: int) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(status)
