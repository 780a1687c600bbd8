"""``tunesmith move`` and ``restored``: continue on a database in another place."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import LEDGER_PROBLEM, errors_as_sentences, progress_bar
from bot.lazy import lazy

if TYPE_CHECKING:
    from bot import settings
    from bot.ops import move as moves
    from bot.ops import restored as restores
else:
    settings, moves, restores = lazy("bot.settings"), lazy("bot.ops.move"), lazy("bot.ops.restored")


def move(
    source: Annotated[str, typer.Argument(help="The file: sqlite:///data/tunesmith.db", metavar="SQLITE")],
    target: Annotated[
        str | None,
        typer.Argument(
            help="The empty database: postgresql://user:password@host/name. If omitted, that of "
            "DATABASE_URL, which keeps the password out of process lists.",
            metavar="[POSTGRESQL]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Move the database from SQLite to PostgreSQL. No bot may run; the file is closed for good."""
    with errors_as_sentences(), progress_bar() as progress:
        url = settings.load_for_database().database_url.get_secret_value() if target is None else target
        moved = moves.move(source, url, progress)
        path = source.removeprefix("sqlite:///")
        if moved.books is None:
            typer.echo(f"An earlier run had moved {path} to {moved.place}; the file is closed now.")
        else:
            books = moved.books
            typer.echo(
                f"Moved {moved.rows:,} rows from {path} to {moved.place}. Both reconciliations agree: "
                f"{books.entries:,} ledger entries, {books.jobs:,} jobs, {books.guilds:,} servers, "
                f"{books.held:,} credits held."
            )
            if books.findings:
                typer.echo(LEDGER_PROBLEM, err=True)
        typer.echo(
            f"{path} is closed for good. Set DATABASE_URL to the server, keep SPOOL_DIR, and start the bot."
        )


def restored(
    complete: Annotated[
        bool,
        typer.Option(
            "--complete",
            help="No commit was lost, as after a planned switchover: leave all jobs unchanged.",
        ),
    ] = False,
) -> None:
    """Accept a database restored by other means. Also after a failover of its server."""
    with errors_as_sentences():
        loaded = settings.load_for_database()
        accepted = restores.accept(loaded.database_place, datetime.now(UTC), complete=complete)
        marked = ", ".join(f"{count} {state}" for state, count in sorted(accepted.marked.items()))
        typer.echo(
            "The bot may use the database again, unchanged."
            if complete
            else f"The bot may use the database again. Unfinished jobs: {marked or 'none'}."
        )
        if not accepted.balanced:
            typer.echo(LEDGER_PROBLEM, err=True)
