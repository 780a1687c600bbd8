"""``tunesmith backup`` and ``restore``."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import errors_as_sentences, progress_bar
from bot.lazy import lazy

if TYPE_CHECKING:
    from bot import settings
    from bot.ops import backup as copying
else:
    settings, copying = lazy("bot.settings"), lazy("bot.ops.backup")


def backup(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="The backup file; an earlier backup there is replaced.")
    ],
) -> None:
    """Copy the database into one file. Safe while the bot runs; audio files are not included."""
    with errors_as_sentences(), progress_bar() as progress:
        saved = copying.backup(settings.load_for_database().database_path, file, progress)
        typer.echo(
            f"{saved.path}: {saved.size_bytes / 1024**2:.1f} MiB, schema {saved.schema}, "
            f"{saved.jobs:,} jobs, {saved.entries:,} ledger entries; verified."
        )


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A file written by `tunesmith backup`.")],
) -> None:
    """Replace the database with a backup while no bot runs. The replaced file is kept for a week."""
    with errors_as_sentences(), progress_bar() as progress:
        path = settings.load_for_database().database_path
        restored = copying.restore(path, file, datetime.now(UTC), progress)
        marked = ", ".join(f"{count} {state}" for state, count in sorted(restored.marked.items()))
        typer.echo(f"Restored {path} from {file}. Unfinished jobs: {marked or 'none'}.")
        if restored.kept is not None:
            typer.echo(f"The replaced database is kept as {restored.kept}; the bot removes it after 7 days.")
        if not restored.balanced:
            typer.echo("The restored ledger does not add up; run `tunesmith doctor --ledger`.", err=True)
