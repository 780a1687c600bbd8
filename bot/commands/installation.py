"""``tunesmith doctor`` and ``config``: check the installation and its settings."""

import logging
from typing import TYPE_CHECKING, Annotated

import typer

from bot.checks import Check, Verdict
from bot.commands.common import exit_with
from bot.errors import StartRefused
from bot.lazy import lazy

if TYPE_CHECKING:
    import asyncio

    from bot import doctor as doctor_checks
    from bot import settings
    from bot.ops.doctor import local as local_checks
    from bot.ops.doctor import runner as check_runner
else:
    asyncio, settings, doctor_checks = lazy("asyncio"), lazy("bot.settings"), lazy("bot.doctor")
    local_checks, check_runner = lazy("bot.ops.doctor.local"), lazy("bot.ops.doctor.runner")


def doctor(
    ledger: Annotated[bool, typer.Option("--ledger", help="Only reconcile the ledger.")] = False,
) -> None:
    """Check the installation and print one line per check. Safe while the bot runs; exits 1 on a failure."""
    # discord.py warns whenever a client has no guilds intent, which this bot does not need.
    logging.getLogger("discord").setLevel(logging.ERROR)
    effective = settings.examine()
    try:
        loaded = effective.usable()
    except StartRefused as refused:
        exit_with(f"failure  settings: {refused}")
    if not ledger:
        for warning in effective.warnings:
            _show(Check(verdict=Verdict.WARNING, name="settings", finding=warning))
        if not effective.warnings:
            _show(Check(verdict=Verdict.OK, name="settings", finding="complete and valid"))
    if not asyncio.run(_run_checks(loaded, ledger=ledger)):
        raise typer.Exit(1)


def show_config() -> None:
    """Show every setting, its value and its origin. Secrets are hidden; exits 1 on a problem."""
    effective = settings.examine()
    name_width, origin_width = (
        max(len(text) for text in column)
        for column in zip(*((row.name, row.origin) for row in effective.rows), strict=True)
    )
    for row in effective.rows:
        problem = "" if row.problem is None else f"  {row.problem}"
        typer.echo(f"{row.name:<{name_width}}  {row.origin:<{origin_width}}  {row.value}{problem}")
    for warning in effective.warnings:
        typer.echo(f"warning: {warning}", err=True)
    problems_in_rows = {row.problem for row in effective.rows}
    for problem in effective.problems:
        if problem not in problems_in_rows:
            typer.echo(f"problem: {problem}", err=True)
    if effective.problems:
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
