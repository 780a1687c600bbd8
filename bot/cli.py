"""The commands of an operator: run and doctor, backup and restore, grant, servers and jobs, demo and more."""

import asyncio
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.progress import Progress

from bot import app, settings
from bot.errors import Fault, StartRefused, Transient
from bot.model import Check, Verdict
from bot.ops import backup as backups
from bot.ops import logs, tables
from bot.ops.doctor.local import of_database
from bot.ops.doctor.runner import examined
from bot.services.operator import OperatorActions

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
    # It warns of every start without the guilds intent, which this bot does without.
    logging.getLogger("discord").setLevel(logging.ERROR)
    try:
        loaded = settings.load()
    except StartRefused as refused:
        _refuse(f"failure  settings: {refused}")
    if not asyncio.run(_examine(loaded, ledger=ledger)):
        raise typer.Exit(1)


async def _examine(loaded: settings.Settings, *, ledger: bool) -> bool:
    """Show what every check finds. Returns whether there was no failure."""
    chosen = of_database(loaded.database_path) if ledger else app.check_specs(loaded)
    if not ledger:
        _show(Check(verdict=Verdict.OK, name="settings", finding="complete and possible"))
    well = True
    async for check in examined(chosen):
        well = well and check.verdict is not Verdict.FAILURE
        if check.name == "ledger" or not ledger or check.verdict is not Verdict.OK:
            _show(check)
    return well


def _show(check: Check) -> None:
    typer.echo(f"{check.verdict:<8} {check.name}: {check.finding}")


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(help="Where the copy goes; an earlier backup there is replaced.")],
) -> None:
    """Copy the whole database into one file, also beside a running bot. The songs' files are not in it."""
    with _sentences(), _progress() as progress:
        made = backups.backup(settings.load().database_path, file, progress)
        typer.echo(
            f"{made.path}: {made.size_bytes / 1024**2:.1f} MiB, schema {made.schema}, {made.jobs:,} jobs, "
            f"{made.entries:,} entries in the ledger; whole."
        )


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `tunesmith backup` has written.")],
) -> None:
    """Put a backup in the place of the database, while no bot runs. The replaced file is kept beside it."""
    with _sentences(), _progress() as progress:
        path = settings.load().database_path
        made = backups.restore(path, file, datetime.now(UTC), progress)
        marked = ", ".join(f"{count} {state}" for state, count in sorted(made.marked.items()))
        typer.echo(f"{file} is now {path}. Jobs that were not at their end: {marked or 'none'}.")
        if made.kept is not None:
            typer.echo(f"What was there is kept as {made.kept}.")
        if not made.balanced:
            typer.echo("The books in it do not add up: run `tunesmith doctor --ledger`.", err=True)


@cli.command(context_settings={"ignore_unknown_options": True})  # a negative number looks like one
def grant(
    guild: Annotated[int, typer.Argument(help="The server's id, as `tunesmith servers` shows it.")],
    amount: Annotated[
        int,
        typer.Argument(metavar="CREDITS", help="Bonus credits; a negative number takes some back."),
    ],
    reason: Annotated[str, typer.Option("--reason", help="For the server's ledger.")],
) -> None:
    """Give a server bonus credits, which do not expire; also beside a running bot."""

    async def work(desk: OperatorActions) -> str:
        before, after = await desk.grant(guild, amount, reason)
        return f"Server {guild}: bonus {before:,} → {after:,} credits."

    _at_desk(work)


@cli.command(name="servers")
def list_servers() -> None:
    """What each server may use, has used and holds, in a table."""
    with _sentences():
        tables.show(sys.stdout, tables.of_servers(app.servers_of(settings.load())))


@cli.command(name="jobs")
def list_jobs(
    release: Annotated[
        int | None,
        typer.Option("--release", metavar="ID", help="Fail a parked job: credits back, member told."),
    ] = None,
    retry: Annotated[
        int | None,
        typer.Option("--retry", metavar="ID", help="Ask for a parked job's song once more; costs nothing."),
    ] = None,
    refund: Annotated[
        int | None,
        typer.Option("--refund", metavar="ID", help="Give the credits of a finished song back, once."),
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Of a refund, for the server's ledger.")] = "",
) -> None:
    """Jobs that are not at their end, parked ones too; or do something about one of them."""
    chosen = [number for number in (release, retry, refund) if number is not None]
    if not chosen:
        with _sentences():
            tables.show(sys.stdout, tables.of_jobs(app.open_jobs_of(settings.load())))
        return
    if len(chosen) > 1:
        _refuse("Only one of --release, --retry and --refund at a time; nothing was changed.")

    async def work(desk: OperatorActions) -> str:
        if release is not None:
            done = await desk.release(release)
            return (
                f"Job {release} is given up, and the bot tells the member. "
                f"Server {done.job.origin.guild_id}: available {done.before:,} → {done.after:,} credits."
            )
        if retry is not None:
            job = await desk.retry(retry)
            return f"Job {retry} is {job.state}, and the bot looks at it again within half a minute."
        refunded = await desk.refund(chosen[0], reason)
        return (
            f"Job {chosen[0]} is refunded. Server {refunded.job.origin.guild_id}: "
            f"available {refunded.before:,} → {refunded.after:,} credits."
        )

    _at_desk(work)


def _at_desk(work: Callable[[OperatorActions], Awaitable[str]]) -> None:
    """Do it, and tell what came of it."""

    async def done() -> str:
        async with app.operator_actions(settings.load()) as desk:
            return await work(desk)

    with _sentences():
        typer.echo(asyncio.run(done()))


@contextmanager
def _sentences() -> Iterator[None]:
    """What stands against a command is one sentence, and the exit status 1."""
    try:
        yield
    except (Fault, Transient) as error:
        _refuse(str(error))


@contextmanager
def _progress() -> Iterator[backups.Progress]:
    """How far something is, on a terminal; elsewhere nothing of it is shown."""
    with Progress(transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=None)

        def show(what: str, done: int, whole: int) -> None:
            bar.update(task, description=what, completed=done, total=max(whole, done))

        yield show


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
