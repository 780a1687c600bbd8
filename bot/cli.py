"""The command line: all of the operator's commands, with ``init`` and ``run`` defined here."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands import backups, installation, jobs, probes, relocation, servers, simulations
from bot.lazy import lazy

# The rest takes more than a second to import, and --help needs none of it.
if TYPE_CHECKING:
    from bot import setup, start
    from bot.ops import version
else:
    setup, start, version = lazy("bot.setup"), lazy("bot.start"), lazy("bot.ops.version")

EXIT_STATUSES = (
    "Exit status: 0 done or stopped; 1 refused or failed, for the reason in the last line; 2 wrong usage, "
    "or init without a terminal; 3 an unexpected answer to probe; 70 another process has taken over, on "
    "PostgreSQL; 130 Ctrl-C during init."
)


def _show_version(requested: bool) -> None:
    if requested:
        typer.echo(f"tunesmith {version.describe()}")
        raise typer.Exit


def make_files_private(
    show_version: Annotated[  # noqa: ARG001 - its callback acts on it
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit."),
    ] = False,
) -> None:
    """Make songs on Discord, and never lose a credit or a song."""
    # Regardless of the inherited umask, only the owner may read the database, its backups and the songs.
    os.umask(0o077)


def init(
    env_file: Annotated[Path, typer.Option(help="The settings file to write.")] = Path(".env"),
) -> None:
    """Ask for the settings, check each answer, and write .env. Nothing is written before the end."""
    setup.init(env_file)


def run() -> None:
    """Run the bot. Settings come from the environment or from .env; see .env.example."""
    if status := start.run():
        raise typer.Exit(status)


def _put_together() -> typer.Typer:
    """Return the command line with all commands, in the order of ``--help``."""
    whole = typer.Typer(
        name="tunesmith",
        help="A Discord bot that makes songs, and never loses a credit or a song.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        epilog=EXIT_STATUSES,
        rich_markup_mode=None,  # boxes around the help would double the time until it is shown
    )
    whole.callback()(make_files_private)
    whole.command()(init)
    whole.command()(run)
    whole.command()(installation.doctor)
    whole.command(name="config")(installation.show_config)
    whole.command()(backups.backup)
    whole.command()(backups.restore)
    whole.command()(relocation.restored)
    whole.command()(relocation.move)
    # A negative number looks like an option.
    whole.command(context_settings={"ignore_unknown_options": True})(servers.grant)
    whole.command()(simulations.demo)
    whole.command()(simulations.playground)
    whole.command()(simulations.sandbox)
    whole.command()(probes.probe)
    whole.add_typer(jobs.jobs, name="jobs")
    whole.add_typer(servers.servers, name="servers")
    return whole


cli = _put_together()


def main() -> None:
    """Run the ``tunesmith`` command line."""
    cli()
