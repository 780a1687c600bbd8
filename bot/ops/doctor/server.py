"""The doctor's checks of a PostgreSQL server and of the database on it."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from bot.database.engine import Row, Tx
from bot.database.opening import open_any_schema, open_read_only
from bot.errors import StartRefused
from bot.model import Check
from bot.ops.doctor.runner import CheckSpec, failure, ok, on_a_thread, warning
from bot.store.reconcile import Reconciliation, reconcile

READ_WITHIN_S: Final = 60.0
"""Deadline in seconds for checks that read the whole database."""
SERVER_VERSION_MIN: Final = 15
NUMBERS_A_VERSION: Final = 10_000
"""Divisor of the server's number of its version: 150018 is 15.18."""
ADVICE: Final = "check the PostgreSQL server of DATABASE_URL"
MUST_BE_ON: Final = ("fsync", "full_page_writes")
"""Settings without which a crash of the server loses commits or damages the database."""


def check_specs(url: str) -> list[CheckSpec]:
    """Return the checks of the server and of the ledger on it."""
    checks: tuple[tuple[str, Callable[[str], Iterator[Check]]], ...] = (
        ("database", _check_server),
        ("ledger", _check_ledger),
    )
    return [
        CheckSpec(
            name=name,
            within_s=READ_WITHIN_S,
            run=partial(on_a_thread, partial(_answered, name, check, url)),
            advice=ADVICE,
        )
        for name, check in checks
    ]


def _answered(name: str, check: Callable[[str], Iterator[Check]], url: str) -> Sequence[Check]:
    try:
        return list(check(url))
    except StartRefused as refused:
        return [failure(name, str(refused))]


def _check_server(url: str) -> Iterator[Check]:
    name = "database"
    with open_any_schema(url) as (tx, version, known):
        row = tx.execute(
            """SELECT current_setting('server_version') AS version,
                      CAST(current_setting('server_version_num') AS INTEGER) AS number,
                      current_setting('server_encoding') AS encoding,
                      current_setting('fsync') AS fsync,
                      current_setting('full_page_writes') AS full_page_writes,
                      current_setting('synchronous_commit') AS synchronous_commit,
                      pg_is_in_recovery() AS recovering"""
        ).fetchone()
        problems = list(_problems(row))
        for problem in problems:
            yield failure(name, problem)
        if row["synchronous_commit"] == "off":
            yield warning(name, "synchronous_commit is off; the bot turns it on for its own session")
        if not problems:
            state = f"schema {version}" if version else "empty; the first `tunesmith run` fills it"
            upgrade = f", which the next start upgrades to {known}" if 0 < version < known else ""
            yield ok(name, f"PostgreSQL {row['version']}, {state}{upgrade}; {_processes(tx, version)}")


def _problems(row: Row) -> Iterator[str]:
    if row["number"] < SERVER_VERSION_MIN * NUMBERS_A_VERSION:
        yield f"PostgreSQL {row['version']} is too old; update it to {SERVER_VERSION_MIN} or newer"
    if row["encoding"] != "UTF8":
        yield f"the encoding is {row['encoding']}; create the database with UTF8"
    if row["recovering"]:
        yield "the server is a replica and takes no writes; set DATABASE_URL to the primary"
    for setting in MUST_BE_ON:
        if row[setting] != "on":
            yield f"{setting} is off, and a crash of the server loses paid songs; turn it on"


def _processes(tx: Tx, version: int) -> str:
    """Return who works on the database, and how many processes stand by."""
    if not version:
        return "no bot yet"
    row = tx.execute("SELECT holder FROM slot").fetchone()
    holder = "no bot" if row is None or not row["holder"] else f"the bot on {row['holder']}"
    sessions = tx.execute(
        """SELECT COUNT(*) FROM pg_stat_activity
           WHERE application_name = 'tunesmith' AND datname = current_database()"""
    ).fetchone()[0]
    standbys = max(0, sessions - (holder != "no bot"))
    return f"{holder} works on it, {standbys} standing by"


def _check_ledger(url: str) -> Iterator[Check]:
    with open_read_only(url) as tx:
        totals = reconcile(tx)
    for finding in totals.findings:
        yield failure("ledger", f"{finding}; keep the database and report it")
    if not totals.findings:
        yield ok("ledger", summary(totals))


def summary(totals: Reconciliation) -> str:
    """Return the totals of a reconciliation without findings as one line."""
    return (
        f"counters, ledger and jobs agree: {totals.entries} entries for {totals.jobs} jobs in "
        f"{totals.guilds} servers; {totals.held} credits held, {totals.settled} settled, "
        f"{totals.released} released"
    )
