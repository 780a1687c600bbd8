"""The operator's commands: run, doctor, backup, restore, grant, servers, jobs, demo and others."""

import errno
import json
import logging
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NoReturn

import typer

from bot.errors import Fault, NotDone, StartRefused, Transient
from bot.lazy import lazy
from bot.model import Backend, Check, GuildId, JobId, Verdict

# The rest takes more than a second to import, and --help needs none of it.
if TYPE_CHECKING:
    import asyncio

    import httpx
    from rich import progress as rich_progress

    from bot import app, operator_access, settings, setup, start
    from bot import doctor as doctor_checks
    from bot.music import backends
    from bot.music import client as music_client
    from bot.music import proxy as music_proxy
    from bot.ops import backup as backups
    from bot.ops import contract_probe, job_story, logs, tables, upstream_lines, version
    from bot.ops.doctor import local as local_checks
    from bot.ops.doctor import runner as check_runner
    from bot.services.operator import OperatorActions
    from bot.ui import discord_checks
else:
    asyncio, httpx, rich_progress = lazy("asyncio"), lazy("httpx"), lazy("rich.progress")
    app, operator_access, settings, setup, start, doctor_checks = (
        lazy(f"bot.{name}") for name in ("app", "operator_access", "settings", "setup", "start", "doctor")
    )
    backends, music_client, music_proxy = (
        lazy(f"bot.music.{name}") for name in ("backends", "client", "proxy")
    )
    backups, contract_probe, job_story, logs, tables, upstream_lines, version = (
        lazy(f"bot.ops.{name}")
        for name in ("backup", "contract_probe", "job_story", "logs", "tables", "upstream_lines", "version")
    )
    discord_checks = lazy("bot.ui.discord_checks")
    local_checks, check_runner = lazy("bot.ops.doctor.local"), lazy("bot.ops.doctor.runner")

EXIT_STATUSES = (
    "Exit status: 0 done or stopped; 1 refused or failed, for the reason in the last line; 2 called wrongly, "
    "or init without a terminal; 3 an unexpected answer to probe; 130 Ctrl-C during init."
)

cli = typer.Typer(
    name="tunesmith",
    help="A Discord bot that makes songs, and never loses a credit or a song.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    epilog=EXIT_STATUSES,
    rich_markup_mode=None,  # boxes around the help would double the time until it is shown
)
log = logging.getLogger(__name__)

PROBE_UNEXPECTED = 3
"""Exit status of `tunesmith probe` if the service gave an answer that was not expected."""

EXTRAS = {"demo": ("lameenc", "numpy", "simcord"), "playground": ("av", "lameenc", "numpy", "simcord")}
"""Modules of each extra, without which some commands can't run."""

JobArgument = Annotated[int, typer.Argument(metavar="ID", help="The job's id, as `tunesmith jobs` shows it.")]
ServerArgument = Annotated[int, typer.Argument(metavar="ID", help="The server's id on Discord.")]
ContractOption = Annotated[
    Backend, typer.Option("--contract", help="The music service whose API the sandbox speaks.")
]
RefundReason = Annotated[str, typer.Option("--reason", help="The reason, for the server's ledger.")]


def _add_group(name: str) -> typer.Typer:
    """Add a command that also has subcommands."""
    group = typer.Typer(invoke_without_command=True, rich_markup_mode=None)
    cli.add_typer(group, name=name)
    return group


jobs = _add_group("jobs")
servers = _add_group("servers")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tunesmith {version.describe()}")
        raise typer.Exit


@cli.callback()
def make_files_private(
    show_version: Annotated[  # noqa: ARG001 - its callback acts on it
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit."),
    ] = False,
) -> None:
    """Make songs on Discord, and never lose a credit or a song."""
    # Whatever the umask was: the database, its backups and the songs are for their owner only.
    os.umask(0o077)


@cli.command()
def init(
    env_file: Annotated[Path, typer.Option(help="The settings file to write.")] = Path(".env"),
) -> None:
    """Ask for the settings, check each answer, and write .env. Nothing is written before the end."""
    setup.init(env_file)


@cli.command()
def run() -> None:
    """Run the bot. Settings come from the environment or from .env; see .env.example."""
    if status := start.run():
        raise typer.Exit(status)


@cli.command()
def doctor(
    ledger: Annotated[bool, typer.Option("--ledger", help="Only reconcile the ledger.")] = False,
) -> None:
    """Check the installation and print one line per check. Safe while the bot runs; exits 1 on a failure."""
    # discord.py warns whenever a client has no guilds intent, which this bot does not need.
    logging.getLogger("discord").setLevel(logging.ERROR)
    found = settings.examine()
    try:
        loaded = found.usable()
    except StartRefused as refused:
        _exit_with(f"failure  settings: {refused}")
    if not ledger:
        for warning in found.warnings:
            _show(Check(verdict=Verdict.WARNING, name="settings", finding=warning))
        if not found.warnings:
            _show(Check(verdict=Verdict.OK, name="settings", finding="complete and valid"))
    if not asyncio.run(_run_checks(loaded, ledger=ledger)):
        raise typer.Exit(1)


@cli.command(name="config")
def show_config() -> None:
    """Show every setting, its value and where it comes from; secrets are hidden. Exits 1 on a problem."""
    found = settings.examine()
    name_width, origin_width = (
        max(len(text) for text in column)
        for column in zip(*((row.name, row.origin) for row in found.rows), strict=True)
    )
    for row in found.rows:
        problem = "" if row.problem is None else f"  {row.problem}"
        typer.echo(f"{row.name:<{name_width}}  {row.origin:<{origin_width}}  {row.value}{problem}")
    for warning in found.warnings:
        typer.echo(f"warning: {warning}", err=True)
    shown = {row.problem for row in found.rows}
    for problem in found.problems:
        if problem not in shown:
            typer.echo(f"problem: {problem}", err=True)
    if found.problems:
        raise typer.Exit(1)


async def _run_checks(loaded: "settings.Settings", *, ledger: bool) -> bool:
    """Print the result of every check. Return whether none of them failed."""
    specs = (
        local_checks.database_checks(loaded.database_place) if ledger else doctor_checks.check_specs(loaded)
    )
    passed = True
    async for check in check_runner.run_checks(specs):
        passed = passed and check.verdict is not Verdict.FAILURE
        if check.name == "ledger" or not ledger or check.verdict is not Verdict.OK:
            _show(check)
    return passed


def _show(check: Check) -> None:
    typer.echo(f"{check.verdict:<8} {check.name}: {check.finding}")


@cli.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The backup file; an earlier backup there is replaced.")],
) -> None:
    """Copy the database into one file. Safe while the bot runs; audio files are not included."""
    with _errors_as_sentences(), _progress() as progress:
        saved = backups.backup(settings.load_for_database().database_path, file, progress)
        typer.echo(
            f"{saved.path}: {saved.size_bytes / 1024**2:.1f} MiB, schema {saved.schema}, "
            f"{saved.jobs:,} jobs, {saved.entries:,} ledger entries; verified."
        )


@cli.command()
def restore(
    file: Annotated[Path, typer.Argument(help="A file that `tunesmith backup` has written.")],
) -> None:
    """Replace the database with a backup while no bot runs. The replaced file is kept for a week."""
    with _errors_as_sentences(), _progress() as progress:
        path = settings.load_for_database().database_path
        restored = backups.restore(path, file, datetime.now(UTC), progress)
        marked = ", ".join(f"{count} {state}" for state, count in sorted(restored.marked.items()))
        typer.echo(f"Restored {path} from {file}. Unfinished jobs: {marked or 'none'}.")
        if restored.kept is not None:
            typer.echo(f"The replaced database is kept as {restored.kept}; the bot removes it after 7 days.")
        if not restored.balanced:
            typer.echo("The restored ledger does not add up; run `tunesmith doctor --ledger`.", err=True)


@cli.command(context_settings={"ignore_unknown_options": True})  # a negative number looks like an option
def grant(
    guild: Annotated[int, typer.Argument(help="The server's id, as `tunesmith servers` shows it.")],
    amount: Annotated[
        int,
        typer.Argument(metavar="CREDITS", help="Bonus credits; a negative number takes some away."),
    ],
    reason: Annotated[str, typer.Option("--reason", help="The reason, for the server's ledger.")],
) -> None:
    """Grant a server bonus credits, which do not expire. Safe while the bot runs."""

    async def work(actions: "OperatorActions") -> str:
        before, after = await actions.grant(GuildId(guild), amount, reason)
        return f"Server {guild}: bonus {before:,} → {after:,} credits."

    _act(work)


@servers.callback()
def list_servers(context: typer.Context) -> None:
    """List what each server may use, has used and holds, or allow or deny a server."""
    if context.invoked_subcommand is not None:
        return
    with _errors_as_sentences():
        now = datetime.now(UTC)
        loaded = settings.load_for_database()
        found, balance = operator_access.list_servers(loaded, now)
        tables.show(sys.stdout, tables.of_servers(found, _server_names(loaded) if found else {}))
        for line in () if balance is None else upstream_lines.lines(balance, now):
            typer.echo(line)


def _server_names(loaded: "settings.Settings") -> dict[int, str]:
    """Return the names that Discord knows of the bot's servers; none if it can't be asked."""
    token = loaded.discord_token.get_secret_value()
    if token == settings.UNSET:
        return {}
    return asyncio.run(discord_checks.server_names(loaded.discord_api_url, token, loaded.proxy_to_discord))


@servers.command(name="allow")
def allow_server(guild: ServerArgument) -> None:
    """Serve a server, even if GUILDS and NEW_GUILDS do not include it."""
    with _errors_as_sentences():
        asyncio.run(operator_access.set_allowed(settings.load_for_database(), GuildId(guild), allowed=True))
        typer.echo(f"Server {guild} is served.")


@servers.command(name="deny")
def deny_server(guild: ServerArgument) -> None:
    """Make no more songs for a server; unfinished ones are still delivered."""
    with _errors_as_sentences():
        asyncio.run(operator_access.set_allowed(settings.load_for_database(), GuildId(guild), allowed=False))
        typer.echo(f"Server {guild} is no longer served; its unfinished songs are still delivered.")


@servers.command(name="forget")
def forget_server(
    guild: ServerArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without the question.")] = False,
) -> None:
    """Erase a server's songs, texts, settings and limits. The ledger and the usage stay."""
    if not yes and not sys.stdin.isatty():
        _exit_with("This asks a question, which needs a terminal; or add --yes. Nothing was changed.")

    async def work(actions: "OperatorActions") -> str:
        stored = await actions.stored_of(GuildId(guild))
        typer.echo(
            f"This erases of server {guild}: songs with their texts, files, addresses and message ids "
            f"({stored.songs:,}), limits ({stored.limits:,}), the settings, and members who are known from "
            f"there alone ({stored.members:,}). The ledger, the usage and the bonus stay, and so do the "
            "messages on Discord. It can't be undone."
        )
        if not yes and not typer.confirm("Erase them?"):
            raise NotDone("Nothing was changed.")
        unfinished = await actions.forget(GuildId(guild))
        if unfinished:
            return (
                f"Server {guild} is erased. Unfinished songs: {unfinished:,}; the bot erases them when done."
            )
        return f"Server {guild} is erased. The bot removes the files within a minute, or at its next start."

    _act(work)


@jobs.callback()
def list_jobs(
    context: typer.Context,
    release: Annotated[int | None, typer.Option("--release", hidden=True)] = None,
    retry: Annotated[int | None, typer.Option("--retry", hidden=True)] = None,
    refund: Annotated[int | None, typer.Option("--refund", hidden=True)] = None,
    reason: Annotated[str, typer.Option("--reason", hidden=True)] = "",
) -> None:
    """List the unfinished jobs, parked ones included, or act on one of them."""
    # The options are the spelling of earlier versions; scripts may still use them.
    flags = [
        (number, act)
        for number, act in ((release, release_job), (retry, retry_job), (refund, _refund_for(reason)))
        if number is not None
    ]
    if len(flags) + (context.invoked_subcommand is not None) > 1:
        _exit_with("Use only one of release, retry and refund at a time; nothing was changed.")
    for number, act in flags:
        act(number)
    if not flags and context.invoked_subcommand is None:
        with _errors_as_sentences():
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

    _act(work)


@jobs.command(name="show")
def show_job(
    job: JobArgument,
    words: Annotated[
        bool, typer.Option("--words", help="Also show what the member typed and what was answered.")
    ] = False,
) -> None:
    """Show everything that happened to a song, without what its member typed."""
    with _errors_as_sentences():
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

    _act(work)


@jobs.command(name="refund")
def refund_job(job: JobArgument, reason: RefundReason = "") -> None:
    """Return the credits of a finished song, once."""

    async def work(actions: "OperatorActions") -> str:
        refunded = await actions.refund(JobId(job), reason)
        return (
            f"Job {job} is refunded. Server {refunded.job.origin.guild_id}: "
            f"available {refunded.before:,} → {refunded.after:,} credits."
        )

    _act(work)


def _act(work: "Callable[[OperatorActions], Awaitable[str]]") -> None:
    """Perform an operator action and print its confirmation."""

    async def perform() -> str:
        async with operator_access.operator_actions(settings.load_for_database()) as actions:
            return await work(actions)

    with _errors_as_sentences():
        typer.echo(asyncio.run(perform()))


@contextmanager
def _errors_as_sentences() -> Iterator[None]:
    """Turn an expected error into one sentence and exit status 1."""
    try:
        yield
    except (Fault, Transient) as error:
        _exit_with(str(error))


@contextmanager
def _progress() -> "Iterator[backups.Progress]":
    """Show a progress bar on a terminal, and nothing elsewhere."""
    with rich_progress.Progress(transient=True, disable=not sys.stdout.isatty()) as bar:
        task = bar.add_task("", total=None)

        def show(what: str, done: int, whole: int) -> None:
            bar.update(task, description=what, completed=done, total=max(whole, done))

        yield show


@cli.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where to save the songs.")] = Path("tunesmith-demo"),
    contract: ContractOption = Backend.SSEEDANCE,
) -> None:
    """Play a whole evening in the terminal on a simulated Discord; no token or key needed."""
    _require_extra("demo", "demo")
    from bot.playground.demo import play  # noqa: PLC0415 - an extra

    logs.configure("ERROR")
    if not _finish(play(folder, typer.echo, contract)):
        raise typer.Exit(1)


@cli.command()
def playground(
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port of the web page; 0 picks a free one.")
    ] = 0,
    contract: ContractOption = Backend.SSEEDANCE,
    language: Annotated[
        Literal["en", "de", "ja"], typer.Option(help="The language of its members and its server.")
    ] = "en",
) -> None:
    """Try the bot in the browser on a simulated Discord until Ctrl-C; no token or key needed."""
    _require_extra("playground", "playground")
    from bot.playground.browser import serve  # noqa: PLC0415 - an extra

    logs.configure("WARNING")
    _finish(serve(port or None, typer.echo, contract, language=language), port)


@cli.command()
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="The port; 0 picks a free one.")] = 8090,
    key: Annotated[str, typer.Option(help="The key to require; without it any key is accepted.")] = "",
    delay_s: Annotated[float, typer.Option(min=0, max=3600, help="Seconds until a song is finished.")] = 6.0,
    contract: ContractOption = Backend.SSEEDANCE,
) -> None:
    """Serve a local music API that follows a documented one and makes real audio."""
    _require_extra("demo", "sandbox")
    from bot.sandbox import contracts, server  # noqa: PLC0415 - an extra

    logs.configure("INFO")

    async def serve() -> bool:
        service = contracts.SANDBOXES[contract](key, delay_s)
        async with server.running(service, port=port) as url:
            typer.echo(f"The sandbox is running: set {service.url_setting}={url}. Press Ctrl-C to stop it.")
            await asyncio.Event().wait()
        return True

    _finish(serve(), port)


@cli.command()
def probe(
    pay: Annotated[bool, typer.Option("--pay", help="Also buy one song, after a question.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Buy the song without the question.")] = False,
    save: Annotated[Path, typer.Option(help="Where to save the answers, without key, ids and words.")] = Path(
        "tunesmith-probe.json"
    ),
) -> None:
    """Check for free that the music service answers as expected; exits 3 if an answer is unexpected."""
    if pay and not yes and not sys.stdin.isatty():
        _exit_with("--pay asks a question, which needs a terminal; or add --yes. Nothing was sent.")
    with _errors_as_sentences():
        loaded = settings.load()
        passed, answers = asyncio.run(_probe(loaded, pay=pay, yes=yes))
        save.write_text(json.dumps(answers, indent=2) + "\n", encoding="utf-8")
        typer.echo(f"The answers are saved in {save}, without key, ids and words.")
        if not passed:
            raise typer.Exit(PROBE_UNEXPECTED)


async def _probe(loaded: "settings.Settings", *, pay: bool, yes: bool) -> tuple[bool, dict[str, object]]:
    """Print what was expected and what came. Return whether all was as expected, and what to save."""
    backend = loaded.music_backend
    recorder = contract_probe.Recorder(music_proxy.direct_or_through(loaded.proxy_to_music, httpx.Limits()))
    async with music_client.MusicClient.open(
        url=loaded.music_url(backend),
        key=loaded.music_keys[backend].get_secret_value(),
        contract=backends.contract(backend, provider=loaded.music_provider, options=loaded.music_options),
        now=lambda: datetime.now(UTC),
        transport=recorder,
    ) as client:
        findings = await contract_probe.check_for_free(client, recorder)
        _show_findings(findings)
        passed = all(finding.understood for finding in findings)
        price = backends.OFFERS[backend].song_price
        if pay and not passed:
            typer.echo("No song was bought, since a free answer is unexpected.")
        elif pay and (yes or typer.confirm(f"Buy one song at {backend} for {price}?")):
            paid = await contract_probe.buy_song(client, recorder)
            _show_findings(paid)
            passed = all(finding.understood for finding in paid)
        answers = contract_probe.document(
            client.contract, client.origin, recorder.answers, secrets=loaded.secrets
        )
    return passed, answers


def _show_findings(findings: "Sequence[contract_probe.Finding]") -> None:
    for finding in findings:
        verdict = "ok" if finding.understood else "unexpected"
        typer.echo(f"{verdict:<10} {finding.step}: expected {finding.expected}; came {finding.came}")


def _require_extra(extra: str, command: str) -> None:
    """Refuse a command whose packages are not installed, and say how they are."""
    if any(find_spec(module) is None for module in EXTRAS[extra]):
        _exit_with(
            f"`tunesmith {command}` needs the extra `{extra}`: install tunesmith[{extra}] with pip, pipx or "
            f"uv tool, or add `--extra {extra}` to `uv sync` or `uv run` in a clone."
        )


def _finish(work: Coroutine[Any, Any, bool], port: int = 0) -> bool:
    try:
        return asyncio.run(work)
    except KeyboardInterrupt:
        return True
    except (StartRefused, OSError) as error:
        if port and isinstance(error, OSError) and error.errno in (errno.EADDRINUSE, errno.EACCES):
            reason = os.strerror(error.errno).lower()
            _exit_with(f"Port {port} can't be listened on ({reason}); choose another with --port.")
        _exit_with(str(error))


def _exit_with(sentence: str) -> NoReturn:
    typer.echo(sentence, err=True)
    raise typer.Exit(1)


def main() -> None:
    """Run the ``tunesmith`` command line."""
    cli()
