"""What a member can cause reads by index: no statement scans a table that grows."""

import re
from collections.abc import Callable

import pytest

from bot.database.sqlite import Tx
from bot.model import JobState, MemberNumber
from bot.store import erasure, jobs, members, personal_data, quotas, texts
from tests import make
from tests.make import GUILD, MEMBER, NOW, OTHER
from tests.unit.store.rows import RICH, added, put

GROWING = ("job", "song", "text", "coauthor", "ledger", "usage", "track", "draft", "member")
SCAN = re.compile(rf"SCAN ({'|'.join(GROWING)})\b(?! USING)")
SONGS = 20


@pytest.fixture
def busy(tx: Tx) -> Tx:
    """A database with songs in every state, of two members."""
    for number in range(SONGS):
        for member_id in (MEMBER, OTHER):
            job = added(tx, member_id=member_id)
            put(tx, job, list(JobState)[number % len(JobState)])
    return tx


def scans(tx: Tx, work: Callable[[Tx], object]) -> list[str]:
    """Return the scans of growing tables in the plans of all statements that ``work`` executes."""
    statements: list[str] = []
    tx.set_trace_callback(statements.append)
    try:
        work(tx)
    finally:
        tx.set_trace_callback(None)
    found = []
    for statement in statements:
        if re.match(r"\s*(SELECT|UPDATE|DELETE|INSERT|WITH)\b", statement):
            plan = tx.execute(f"EXPLAIN QUERY PLAN {statement}").fetchall()
            found += [f"{row['detail']}: {statement}" for row in plan if SCAN.search(row["detail"])]
    return found


def number(tx: Tx) -> MemberNumber:
    return members.known_member(tx, MEMBER)


WORK: dict[str, Callable[[Tx], object]] = {
    "a deletion": lambda tx: erasure.erase(tx, number(tx), NOW),
    "a deletion's progress": lambda tx: erasure.waits_for(tx, number(tx)),
    "a refused form": lambda tx: texts.keep_draft(tx, 7, MEMBER, make.prompt(), None, NOW),
    "old drafts": lambda tx: texts.drop_drafts(tx, NOW, 10),
    "a request": lambda tx: quotas.hold(tx, jobs.new_id(), GUILD, number(tx), [], 10, RICH, NOW),
    "open songs": lambda tx: jobs.count_open(tx, GUILD, number(tx)),
    "a summary of personal data": lambda tx: personal_data.summary(tx, MEMBER),
}


@pytest.mark.parametrize("name", WORK)
def test_a_statement_that_a_member_causes_scans_no_growing_table(name: str, busy: Tx) -> None:
    assert [] == scans(busy, WORK[name])


def test_a_scan_would_be_found(busy: Tx) -> None:
    assert 1 == len(scans(busy, lambda tx: tx.execute("SELECT * FROM job WHERE detail = 'x'")))


def test_a_member_has_at_most_five_drafts(tx: Tx) -> None:
    for key in range(1, 8):
        texts.keep_draft(tx, key, MEMBER, make.prompt(f"words {key}"), None, NOW)

    kept = [row["id"] for row in tx.execute("SELECT id FROM draft ORDER BY id")]
    assert [3, 4, 5, 6, 7] == kept


def test_old_drafts_go_in_batches(tx: Tx) -> None:
    for key in range(1, 5):
        texts.keep_draft(tx, key, MEMBER, make.prompt(f"words {key}"), None, NOW)

    assert [3, 1, 0] == [texts.drop_drafts(tx, NOW + 2 * texts.KEEP_DRAFTS, 3) for _ in range(3)]
