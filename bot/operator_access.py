"""The operator's access to the database from the command line, with or without a running bot."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from bot.database import sqlite
from bot.database.engine import Database
from bot.database.opening import attach_to_server, open_read_only
from bot.database.sqlite_errors import no_database
from bot.errors import AlreadyRuns, NotDone
from bot.model import GuildId, JobId
from bot.ops.job_story import JobStory
from bot.services.operator import OperatorActions
from bot.settings import Settings
from bot.store import job_events, jobs, servers, upstream

ID_END: Final = 1 << 63
"""The smallest number that is too large for an id in the database."""


@asynccontextmanager
async def operator_actions(settings: Settings) -> AsyncIterator[OperatorActions]:
    """Open the database for the operator's changes without disturbing a running bot.

    Raises:
        StartRefused: there is no database, or it can't be used.
    """
    async with _open_for_changes(settings) as database:
        yield OperatorActions(
            database,
            settings.credit_defaults,
            price=settings.song_credits,
            now=lambda: datetime.now(UTC),
        )


@asynccontextmanager
async def _open_for_changes(settings: Settings) -> AsyncIterator[Database]:
    if settings.on_postgresql:
        async with attach_to_server(settings.database_url.get_secret_value()) as attached:
            yield attached
        return
    path = settings.database_path
    if not path.is_file():
        raise no_database(path)
    async with AsyncExitStack() as stack:
        try:
            database = await stack.enter_async_context(sqlite.Database.open(path))
        except AlreadyRuns:
            database = await stack.enter_async_context(sqlite.Database.attach(path))
        yield database


async def set_allowed(settings: Settings, guild_id: GuildId, *, allowed: bool) -> None:
    """Allow or deny a server, whatever GUILDS and NEW_GUILDS say, without a restart.

    Raises:
        NotDone: ``guild_id`` can't be an id.
        StartRefused: there is no database, or it can't be used.
    """
    if not 0 < guild_id < ID_END:
        raise NotDone(f"{guild_id} is not a server's id; nothing was changed.")
    async with _open_for_changes(settings) as database:
        await database.write(lambda tx: servers.set_allowed(tx, guild_id, datetime.now(UTC), allowed=allowed))


def list_servers(settings: Settings, now: datetime) -> tuple[list[servers.Server], upstream.Upstream | None]:
    """Return each server's use, and the balance if the music service reports one.

    Raises:
        StartRefused: the database can't be read.
    """
    terms = settings.upstream_terms
    with open_read_only(settings.database_url.get_secret_value()) as tx:
        known_servers = servers.servers(tx, settings.credit_defaults, now)
        return known_servers, None if terms is None else upstream.compare_and_average(tx, terms, now)


def list_open_jobs(settings: Settings) -> list[servers.OpenJob]:
    """Return the unfinished jobs. Raises StartRefused if the database can't be read."""
    with open_read_only(settings.database_url.get_secret_value()) as tx:
        return servers.open_jobs(tx)


def job_story(settings: Settings, job_id: JobId) -> JobStory:
    """Return everything known about a job.

    Raises:
        NotDone: there is no such job.
        StartRefused: the database can't be read.
    """
    with open_read_only(settings.database_url.get_secret_value()) as tx:
        job = jobs.get(tx, job_id) if 0 < job_id < ID_END else None
        if job is None:
            raise NotDone(f"Job {job_id} does not exist.")
        return JobStory(
            job=job,
            parked=servers.parked(tx, job_id),
            events=tuple(job_events.events(tx, job_id)),
            entries=tuple(job_events.entries(tx, job_id)),
        )
