"""``tunesmith jobs``: list songs, and act on one."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import REASON_HELP, act, errors_as_sentences, exit_with
from bot.lazy import lazy
from bot.model import JobId

if TYPE_CHECKING:
    from bot import operator_access, settings
    from bot.ops import job_story, tables
    from bot.services.operator import OperatorActions
else:
    operator_access, settings = lazy("bot.operator_access"), lazy("bot.settings")
    job_story, tables = lazy("bot.ops.job_story"), lazy("bot.ops.tables")

JobArgument = Annotated[int, typer.Argument(metavar="ID", help="The job's id, as `tunesmith jobs` shows it.")]
RefundReason = Annotated[str, typer.Option("--reason", help=REASON_HELP)]

jobs = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


@jobs.callback()
def list_jobs(
    context: typer.Context,
    release: Annotated[int | None, typer.Option("--release", hidden=True)] = None,
    retry: Annotated[int | None, typer.Option("--retry", hidden=True)] = None,
    refund: Annotated[int | None, typer.Option("--refund", hidden=True)] = None,
    reason: Annotated[str, typer.Option("--reason", hidden=True)] = "",
) -> None:
    """List unfinished jobs, or act on a job. The list includes parked ones."""
    # Earlier versions had these options; scripts may still use them.
    flags = [
        (number, perform)
        for number, perform in ((release, release_job), (retry, retry_job), (refund, _refund_for(reason)))
        if number is not None
    ]
    if len(flags) + (context.invoked_subcommand is not None) > 1:
        exit_with("Use only one of release, retry and refund at a time; nothing was changed.")
    for number, perform in flags:
        perform(number)
    if not flags and context.invoked_subcommand is None:
        with errors_as_sentences():
            tables.show(
                sys.stdout, tables.of_jobs(operator_access.list_open_jobs(settings.load_for_database()))
            )


def _refund_for(reason: str) -> Callable[[int], None]:
    return lambda job: refund_job(job, reason)


@jobs.command(name="retry")
def retry_job(job: JobArgument) -> None:
    """Fetch a parked job's song again. This costs nothing."""

    async def work(actions: "OperatorActions") -> str:
        state = (await actions.retry(JobId(job))).state
        return f"Job {job} is {state}; the bot retries it within half a minute."

    act(work)


@jobs.command(name="show")
def show_job(
    job: JobArgument,
    words: Annotated[
        bool,
        typer.Option(
            "--words", help="Also show the member's texts, managers' reasons and the service's answers."
        ),
    ] = False,
) -> None:
    """Show a song's full history, without what its member typed."""
    with errors_as_sentences():
        story = operator_access.job_story(settings.load_for_database(), JobId(job))
        for line in [*job_story.head(story), *(job_story.words(story) if words else ())]:
            typer.echo(line)
        tables.show(sys.stdout, job_story.timeline(story, with_words=words))


@jobs.command(name="release")
def release_job(job: JobArgument) -> None:
    """Fail a parked job: return its credits and tell the member."""

    async def work(actions: "OperatorActions") -> str:
        released = await actions.release(JobId(job))
        return (
            f"Job {job} has failed, and the bot tells the member. "
            f"Server {released.job.origin.guild_id}: "
            f"available {released.before:,} → {released.after:,} credits."
        )

    act(work)


@jobs.command(name="refund")
def refund_job(job: JobArgument, reason: RefundReason = "") -> None:
    """Return the credits of a finished song, once."""

    async def work(actions: "OperatorActions") -> str:
        refunded = await actions.refund(JobId(job), reason)
        return (
            f"Job {job} is refunded. Server {refunded.job.origin.guild_id}: "
            f"available {refunded.before:,} → {refunded.after:,} credits."
        )

    act(work)
