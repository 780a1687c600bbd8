"""Shared by several commands: operator actions, expected errors as sentences, and progress."""

import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

from bot.errors import Fault, Transient
from bot.lazy import lazy

# Slow imports are deferred to their first use; --help needs none of them.
if TYPE_CHECKING:
    import asyncio

    from rich import progress as rich_progress

    from bot import operator_access, settings
    from bot.services.operator import OperatorActions
else:
    asyncio, rich_progress = lazy("asyncio"), lazy("rich.progress")
    operator_access, settings = lazy("bot.operator_access"), lazy("bot.settings")


LEDGER_PROBLEM = "The ledger does not add up; run `tunesmith doctor --ledger`."
REASON_HELP = "The reason, for the server's ledger."


def act(work: "Callable[[OperatorActions], Awaitable[str]]") -> None:
    """Perform an operator action and print its confirmation."""

    async def perform() -> str:
        async with operator_access.operator_actions(settings.load_for_database()) as actions:
            return await work(actions)

    with errors_as_sentences():
        typer.echo(asyncio.run(perform()))


@contextmanager
def errors_as_sentences() -> Iterator[None]:
    """Turn an expected error into one sentence and exit status 1."""
    try:
        yield
    except (Fault, Transient) as error:
        exit_with(str(error))


@contextmanager
def progress_bar() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar on a terminal, and nothing elsewhere."""
    with rich_progress.Progress(transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=None)

        def show(what: str, done: int, whole: int) -> None:
            bar.update(task, description=what, completed=done, total=max(whole, done))

        yield show


def exit_with(sentence: str) -> NoReturn:
    """Print the reason as a sentence and exit with status 1."""
    typer.echo(sentence, err=True)
    raise typer.Exit(1)
