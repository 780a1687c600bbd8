"""``tunesmith servers`` and ``grant``: list servers, and act on one."""

import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from bot.commands.common import REASON_HELP, act, errors_as_sentences, exit_with
from bot.errors import NotDone
from bot.lazy import lazy
from bot.model import GuildId

if TYPE_CHECKING:
    import asyncio

    from bot import operator_access, settings
    from bot.configuration import loading
    from bot.ops import tables, upstream_lines
    from bot.services.operator import OperatorActions
    from bot.ui import discord_checks
else:
    asyncio, operator_access, settings = lazy("asyncio"), lazy("bot.operator_access"), lazy("bot.settings")
    loading, discord_checks = lazy("bot.configuration.loading"), lazy("bot.ui.discord_checks")
    tables, upstream_lines = lazy("bot.ops.tables"), lazy("bot.ops.upstream_lines")

ServerArgument = Annotated[int, typer.Argument(metavar="ID", help="The server's id on Discord.")]

servers = typer.Typer(invoke_without_command=True, rich_markup_mode=None)


def grant(
    guild: Annotated[
        int, typer.Argument(metavar="SERVER", help="The server's id, as `tunesmith servers` shows it.")
    ],
    amount: Annotated[
        int,
        typer.Argument(metavar="CREDITS", help="Bonus credits; a negative number takes some away."),
    ],
    reason: Annotated[str, typer.Option("--reason", help=REASON_HELP)],
) -> None:
    """Grant a server bonus credits, which do not expire. Safe while the bot runs."""

    async def work(actions: "OperatorActions") -> str:
        before, after = await actions.grant(GuildId(guild), amount, reason)
        return f"Server {guild}: bonus {before:,} → {after:,} credits."

    act(work)


@servers.callback()
def list_servers(context: typer.Context) -> None:
    """List servers and their credits, or act on a server."""
    if context.invoked_subcommand is not None:
        return
    with errors_as_sentences():
        now = datetime.now(UTC)
        loaded = settings.load_for_database()
        entries, balance = operator_access.list_servers(loaded, now)
        tables.show(sys.stdout, tables.of_servers(entries, _server_names(loaded) if entries else {}))
        for line in () if balance is None else upstream_lines.lines(balance, now):
            typer.echo(line)


def _server_names(loaded: "settings.Settings") -> dict[GuildId, str]:
    """Return the names of the bot's servers on Discord, or none if they can't be queried."""
    token = loaded.discord_token.get_secret_value()
    if token == loading.UNSET:
        return {}
    return asyncio.run(discord_checks.server_names(loaded.discord_api_url, token, loaded.proxy_to_discord))


@servers.command(name="allow")
def allow_server(guild: ServerArgument) -> None:
    """Serve a server, even if GUILDS and NEW_GUILDS do not include it."""
    with errors_as_sentences():
        asyncio.run(operator_access.set_allowed(settings.load_for_database(), GuildId(guild), allowed=True))
        typer.echo(f"Server {guild} is served.")


@servers.command(name="deny")
def deny_server(guild: ServerArgument) -> None:
    """Make no more songs for a server. Unfinished ones are still delivered."""
    with errors_as_sentences():
        asyncio.run(operator_access.set_allowed(settings.load_for_database(), GuildId(guild), allowed=False))
        typer.echo(f"Server {guild} is no longer served; its unfinished songs are still delivered.")


@servers.command(name="forget")
def forget_server(
    guild: ServerArgument,
    yes: Annotated[bool, typer.Option("--yes", help="Erase without asking.")] = False,
) -> None:
    """Erase a server's songs, texts and settings. Its limits go too; the ledger and the usage stay."""
    if not yes and not sys.stdin.isatty():
        exit_with("This asks for confirmation, which needs a terminal; or add --yes. Nothing was changed.")

    async def work(actions: "OperatorActions") -> str:
        stored = await actions.stored_of(GuildId(guild))
        typer.echo(
            f"This erases from server {guild}: songs with their texts, files, addresses and message ids "
            f"({stored.songs:,}), limits ({stored.limits:,}), the settings, and members known only from "
            f"there ({stored.members:,}). The ledger, the usage and the bonus stay, and so do the messages "
            "on Discord. This can't be undone."
        )
        if not yes and not typer.confirm("Erase them?"):
            raise NotDone("Nothing was changed.")
        unfinished = await actions.forget(GuildId(guild))
        if unfinished:
            return (
                f"Server {guild} is erased. Unfinished songs: {unfinished:,}; the bot erases them when done."
            )
        return f"Server {guild} is erased. The bot removes the files within a minute, or at its next start."

    act(work)
