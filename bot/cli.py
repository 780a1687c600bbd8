"""The commands of an operator: run, doctor, demo, playground, sandbox."""

import asyncio
import logging
from collections.abc import Coroutine
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from bot import app, settings
from bot.errors import StartRefused
from bot.ops import logs
from bot.ops.doctor import Verdict, examine

cli = typer.Typer(
    name="tunesmith",
    help="A Discord bot that makes songs, and never loses a credit or a song.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

log = logging.getLogger(__name__)


@cli.command()
def run() -> None:
    """Run the bot. Settings come from the environment or from .env; see .env.example."""
    try:
        loaded = settings.load()
    except StartRefused as refused:
        _refuse(str(refused))
    logs.configure(loaded.log_level, form=loaded.log_format, secrets=loaded.secrets)
    logs.log_what_nobody_catches()
    try:
        asyncio.run(app.run(loaded))
    except StartRefused as refused:
        if loaded.log_format == "console":
            _refuse(str(refused))
        log.critical("%s", refused)
        raise typer.Exit(1) from None


@cli.command()
def doctor(
    ledger: Annotated[bool, typer.Option("--ledger", help="Only the proof of the books.")] = False,
) -> None:
    """Check the installation, one line a check; also beside a running bot. Exits with 1 on a failure."""
    try:
        loaded = settings.load()
    except StartRefused as refused:
        _refuse(f"failure  settings: {refused}")
    checks = list(examine(loaded.database_path))
    for check in checks:
        if check.name == "ledger" or not ledger or check.verdict is not Verdict.OK:
            typer.echo(f"{check.verdict:<8} {check.name}: {check.finding}")
    if any(check.verdict is Verdict.FAILURE for check in checks):
        raise typer.Exit(1)


@cli.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the songs are saved.")] = Path("tunesmith-demo"),
) -> None:
    """Show a whole evening in the terminal, on a simulated Discord, without a token or a key."""
    from bot.playground.demo import play  # noqa: PLC0415 - an extra

    logs.configure("ERROR")
    if not _finished(play(folder, typer.echo)):
        raise typer.Exit(1)


@cli.command()
def playground(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The page's port; 0 takes a free one.")] = 0,
) -> None:
    """Try the bot in the browser, on a simulated Discord, without a token or a key, until Ctrl-C."""
    from bot.playground.browser import serve  # noqa: PLC0415 - an extra

    logs.configure("WARNING")
    _finished(serve(port or None, typer.echo))


@cli.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8090,
    key: Annotated[str, typer.Option(help="The key to ask for; any is taken without one.")] = "",
    delay_s: Annotated[float, typer.Option(min=0, max=3600, help="Seconds until a song is done.")] = 6.0,
) -> None:
    """Serve a music API on this machine that speaks the documented one and makes real audio."""
    from bot.sandbox import server  # noqa: PLC0415 - an extra

    logs.configure("INFO")

    async def serve() -> bool:
        async with server.running(server.Sandbox(key, delay_s), port=port) as url:
            typer.echo(f"The sandbox listens: set MUSIC_API_URL={url}. Ctrl-C ends it.")
            await asyncio.Event().wait()
        return True

    _finished(serve())


def _finished(work: Coroutine[Any, Any, bool]) -> bool:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return True
    except (StartRefused, OSError) as error:
        _refuse(str(error))


def _refuse(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def main() -> None:
    """The entry point of ``tunesmith``."""
    cli()
