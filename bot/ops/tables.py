"""Tables for the operator: as wide as the terminal, or one line per row where there is none."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, TextIO

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bot.model import GuildId
from bot.store.servers import OpenJob, Server

WIDTH_WITHOUT_TERMINAL: Final = 200
"""Line width at which no cell wraps, in characters."""

ACCESS: Final = {True: "allowed", False: "denied", None: "by settings"}


def show(file: TextIO, table: Table) -> None:
    """Print the table."""
    width = None if file.isatty() else WIDTH_WITHOUT_TERMINAL
    # The text of a cell is never interpreted as markup.
    Console(file=file, width=width, markup=False, highlight=False, emoji=False).print(table)


def of_servers(servers: Sequence[Server], server_names: Mapping[GuildId, str]) -> Table:
    """Return a table of each server's allowance, usage and holds, with its name if known."""
    names: tuple[str, ...] = (
        "server",
        "allowance",
        "used",
        "held",
        "bonus",
        "available",
        "songs",
        "open",
        "last request",
        "access",
    )
    if server_names:
        names = ("server", "name", *names[1:])
    table = empty(*names, left=("server", "name", "allowance", "last request", "access"))
    for server in servers:
        balance = server.balance
        table.add_row(
            str(server.id),
            *([server_names.get(server.id, "-")] if server_names else []),
            f"{balance.allowance:,} a {balance.period}",
            *(f"{number:,}" for number in (balance.used, balance.held, balance.bonus, balance.available)),
            *(f"{number:,}" for number in (server.songs, server.open_jobs)),
            f"{_moment(server.asked_at)}{' (paused)' if server.paused else ''}",
            ACCESS[server.allowed],
        )
    return table


def of_jobs(jobs: Sequence[OpenJob]) -> Table:
    """Return a table of unfinished jobs and what they are waiting for."""
    table = empty(
        "job", "server", "state", "credits", "requested", "waiting for", left=("state", "requested")
    )
    for job in jobs:
        table.add_row(
            str(job.id),
            str(job.guild_id),
            job.state,
            f"{job.price:,}",
            _moment(job.created_at),
            f"you: parked ({job.parked})" if job.parked is not None else _moment(job.due_at),
        )
    return table


def empty(*names: str, left: Sequence[str]) -> Table:
    """Return a table without rows; columns not in ``left`` are right-aligned."""
    table = Table(box=SIMPLE, pad_edge=False)
    for name in names:
        table.add_column(
            name,
            justify="left" if name in left else "right",
            no_wrap=name in ("job", "server"),
            overflow="fold",
        )
    return table


def _moment(at: datetime | None) -> str:
    """Format a time like ``2026-11-25 10:15 UTC``."""
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
