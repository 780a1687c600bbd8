"""``tunesmith doctor``: one line a check, with what to do; it changes nothing."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bot.store.proof import Proof, prove


class Verdict(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of the doctor."""

    verdict: Verdict
    name: str
    finding: str


def examine(database: Path) -> Iterator[Check]:
    """Every check, one after the other; also beside a running bot, whose writing it does not disturb."""
    if not database.is_file():
        yield Check(
            verdict=Verdict.WARNING, name="database", finding=f"{database} is not there yet: start the bot"
        )
        return
    try:
        with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA query_only = ON")
            yield _integrity(connection, database)
            connection.execute("BEGIN")
            yield from _ledger(prove(connection))
    except sqlite3.Error as error:
        finding = f"{database} can't be read ({error}); look at DATABASE_URL, or restore a backup"
        yield Check(verdict=Verdict.FAILURE, name="database", finding=finding)


def _integrity(connection: sqlite3.Connection, database: Path) -> Check:
    said = connection.execute("PRAGMA integrity_check(1)").fetchone()[0]
    if said != "ok":
        finding = f"{database} is damaged ({said}); restore a backup"
        return Check(verdict=Verdict.FAILURE, name="database", finding=finding)
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    return Check(verdict=Verdict.OK, name="database", finding=f"{database}, schema {version}, is whole")


def _ledger(proof: Proof) -> Iterator[Check]:
    for finding in proof.findings:
        yield Check(verdict=Verdict.FAILURE, name="ledger", finding=f"{finding}; keep the file and report it")
    if not proof.findings:
        yield Check(verdict=Verdict.OK, name="ledger", finding=summary(proof))


def summary(proof: Proof) -> str:
    """The figures of a proof that found nothing."""
    return (
        f"counters = ledger = jobs: {proof.entries} entries for {proof.jobs} jobs in {proof.guilds} servers; "
        f"{proof.held} credits held, {proof.settled} settled, {proof.released} released"
    )
