"""Tables for the one who hosts the bot: on a terminal as wide as that is, elsewhere one line a row."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, TextIO

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bot.store.servers import OpenJob, Server

WIDE: Final = 200
"""Characters of a line that nobody looks at on a screen: no cell is broken over two lines."""


def show(file: TextIO, table: Table) -> None:
    """Print the table."""
    width = None if file.isatty() else WIDE
    # What stands in a cell is never read as markup.
    Console(file=file, width=width, markup=False, highlight=False, emoji=False).print(table)


def of_servers(servers: Sequence[Server]) -> Table:
    """What each server may use, has used and holds."""
    names = ("server", "allowance", "used", "held", "bonus", "available", "songs", "open", "last request")
    table = _empty(*names, left=("server", "allowance", "last request"))
    for one in servers:
        balance = one.balance
        table.add_row(
            str(one.id),
            f"{balance.allowance:,} a {balance.period}",
            *(f"{number:,}" for number in (balance.used, balance.held, balance.bonus, balance.available)),
            *(f"{number:,}" for number in (one.songs, one.open_jobs)),
            f"{_moment(one.asked_at)}{' (paused)' if one.paused else ''}",
        )
    return table


def of_jobs(jobs: Sequence[OpenJob]) -> Table:
    """Jobs that are not at their end, and what they wait for."""
    table = _empty("job", "server", "state", "credits", "asked for", "waits for", left=("state", "asked for"))
    for one in jobs:
        table.add_row(
            str(one.id),
            str(one.guild_id),
            one.state,
            f"{one.price:,}",
            _moment(one.created_at),
            f"you: parked ({one.parked})" if one.parked is not None else _moment(one.due_at),
        )
    return table


def _empty(*names: str, left: Sequence[str]) -> Table:
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
    """``2026-11-25 10:15 UTC``."""
    return "-" if at is None else f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
