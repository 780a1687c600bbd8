"""The operator's access to the database from the command line, with or without a running bot."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime

from bot.database.sqlite import Database, open_read_only
from bot.errors import AlreadyRuns, StartRefused
from bot.services.operator import OperatorActions
from bot.settings import Settings
from bot.store import servers


@asynccontextmanager
async def operator_actions(settings: Settings) -> AsyncIterator[OperatorActions]:
    """Open the database for changes by the operator; a running bot is not disturbed.

    Raises:
        StartRefused: there is no database, or it can't be used.
    """
    path = settings.database_path
    if not path.is_file():
        raise StartRefused(f"DATABASE_URL: {path} does not exist yet; start the bot first.")
    async with AsyncExitStack() as stack:
        try:
            database = await stack.enter_async_context(Database.open(path))
        except AlreadyRuns:
            database = await stack.enter_async_context(Database.beside(path))
        yield OperatorActions(
            database,
            settings.credit_defaults,
            price=settings.song_credits,
            now=lambda: datetime.now(UTC),
        )


def list_servers(settings: Settings) -> list[servers.Server]:
    """Return what each server has used. Raises StartRefused if the database can't be read."""
    now = datetime.now(UTC)
    with open_read_only(settings.database_path) as tx:
        return servers.servers(tx, settings.credit_defaults, now)


def list_open_jobs(settings: Settings) -> list[servers.OpenJob]:
    """Return the unfinished jobs. Raises StartRefused if the database can't be read."""
    with open_read_only(settings.database_path) as tx:
        return servers.open_jobs(tx)
