"""The doctor's checks of a PostgreSQL server and its database."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Final

from bot.checks import Check
from bot.database import clocks
from bot.database.engine import Row, Tx
from bot.database.opening import open_any_schema, open_read_only, shares_sessions, was_restored
from bot.database.share import LOCKS
from bot.errors import StartRefused
from bot.ops.doctor.runner import CheckSpec, failure, ok, on_a_thread, warning
from bot.store.reconcile import Reconciliation, reconcile

READ_WITHIN_S: Final = 60.0
"""Deadline in seconds for checks that read the whole database."""
SERVER_VERSION_MIN: Final = 15
NUMBERS_A_VERSION: Final = 10_000
"""Divisor of ``server_version_num`` that yields the major version: 150018 is 15.18."""
ADVICE: Final = "check the PostgreSQL server of DATABASE_URL"
SESSIONS_FREE_MIN: Final = 8
"""Free sessions below which the check warns: a bot's writer, reader, reports, maintenance, and a command."""
MUST_BE_ON: Final = ("fsync", "full_page_writes")
"""Settings without which a crash of the server loses commits or damages the database."""


def check_specs(url: str) -> list[CheckSpec]:
    """Return the checks of the server and of the ledger on it."""
    checks: tuple[tuple[str, Callable[[str], Iterator[Check]]], ...] = (
        ("database", _check_server),
        ("sessions", _check_sessions),
        ("slots", _check_slots),
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
    with open_any_schema(url) as (tx, version, newest):
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
        off = clocks.apart(tx, clocks.wall_clock)
        if abs(off) > clocks.APART_MAX:
            problems.append(
                f"this machine's clock is {clocks.difference(off)} the server's; sync both with NTP"
            )
        for problem in problems:
            yield failure(name, problem)
        if row["synchronous_commit"] == "off":
            yield warning(name, "synchronous_commit is off; the bot turns it on for its own session")
        if not problems:
            state = f"schema {version}" if version else "empty; the first `tunesmith run` fills it"
            upgrade = f", which the next start upgrades to {newest}" if 0 < version < newest else ""
            yield from _restored(tx) or [ok(name, f"PostgreSQL {row['version']}, {state}{upgrade}")]


def _restored(tx: Tx) -> list[Check]:
    if not was_restored(tx):
        return []
    finding = "the database was restored or copied, or its server has failed over, and no bot starts on it"
    return [
        failure("database", f"{finding}; stop every bot on the earlier one, then run `tunesmith restored`")
    ]


def _problems(row: Row) -> Iterator[str]:
    if row["number"] < SERVER_VERSION_MIN * NUMBERS_A_VERSION:
        yield f"PostgreSQL {row['version']} is too old; update it to {SERVER_VERSION_MIN} or newer"
    if row["encoding"] != "UTF8":
        yield f"the encoding is {row['encoding']}; create the database with UTF8"
    if row["recovering"]:
        yield "the server is a read-only replica; set DATABASE_URL to the primary"
    for setting in MUST_BE_ON:
        if row[setting] != "on":
            yield f"{setting} is off, and a crash of the server loses paid songs; turn it on"


def _check_sessions(url: str) -> Iterator[Check]:
    """Check that no pooler breaks session locks, and that enough sessions are free."""
    name = "sessions"
    if shares_sessions(url):
        finding = "a pooler gives one session to several connections, so that two bots could run at once"
        advice = "set DATABASE_URL to the server itself, or the pooler to session mode"
        yield failure(name, f"{finding}; {advice}")
        return
    with open_any_schema(url) as (tx, _, _):
        row = tx.execute(
            """SELECT CAST(current_setting('max_connections') AS BIGINT)
                        - CAST(current_setting('superuser_reserved_connections') AS BIGINT) AS maximum,
                      (SELECT COUNT(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS used"""
        ).fetchone()
    free = row["maximum"] - row["used"]
    finding = f"each connection has its own; {free} of {row['maximum']} are free"
    if free < SESSIONS_FREE_MIN:
        yield warning(name, f"{finding}, and a bot needs up to {SESSIONS_FREE_MIN}; raise max_connections")
    else:
        yield ok(name, finding)


def _check_slots(url: str) -> Iterator[Check]:
    """Show which process holds each slot, and how many stand by."""
    name = "slots"
    with open_any_schema(url) as (tx, version, _):
        if not version:
            yield ok(name, "no bot has run yet")
            return
        slots = tx.execute(
            """SELECT slot.id, slot.holder, pg_locks.pid FROM slot
               LEFT JOIN pg_locks ON locktype = 'advisory' AND granted AND classid = CAST(? AS oid)
                 AND objid = CAST(slot.id AS oid)
                 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
               WHERE slot.id < slot.size ORDER BY slot.id""",
            (LOCKS,),
        ).fetchall()
        sessions = tx.execute(
            """SELECT COUNT(*) FROM pg_stat_activity
               WHERE application_name = 'tunesmith' AND datname = current_database()"""
        ).fetchone()[0]
    held = [slot for slot in slots if slot["pid"] is not None]
    standbys = f"{max(0, sessions - len(held))} standing by"
    if not held:
        yield ok(name, f"no bot runs, {standbys}")
        return
    holders = ", ".join(
        f"{slot['id']}: {slot['holder'] if slot['pid'] is not None else 'nobody'}" for slot in slots
    )
    if len(held) < len(slots):
        finding = f"{holders}; nobody serves a part of the servers"
        yield warning(name, f"{finding}, {standbys}; start as many processes as PROCESSES says")
    else:
        yield ok(name, f"{holders}; {standbys}")


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
