"""The operator's actions, with and without a running bot."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.balance import Period
from bot.database import postgresql
from bot.database.sqlite import Database
from bot.errors import AlreadyRuns, NotDone, StartRefused
from bot.model import FailReason, GuildId, Job, JobId, JobState
from bot.pipeline.courier import MessageKind
from bot.refusals import OperatorsOnly
from bot.services.credits import CreditService
from bot.services.operator import OperatorActions
from bot.store import reports
from bot.store.ledger import Defaults
from bot.store.reconcile import reconcile
from bot.store.reports import LedgerRow
from tests import make
from tests.unit.pipeline.rig import Rig
from tests.unit.store.deleted_bytes import server_url

CAPPED = Defaults(allowance=100, period=Period.MONTH, ceiling=50)


@pytest.fixture
def rig(database: Database, tmp_path: Path, clock: make.Clock) -> Rig:
    return Rig(database, tmp_path / "spool", clock)


@pytest.fixture
async def operator(rig: Rig) -> AsyncIterator[OperatorActions]:
    """The actions of a second process, while the bot has the database."""
    url = server_url(rig.database)
    if url is not None:
        async with postgresql.Database.attach(url) as session:
            yield OperatorActions(session, CAPPED, price=10, now=rig.clock)
        return
    with pytest.raises(AlreadyRuns):
        async with Database.open(rig.database.path):
            raise AssertionError("two bots on one file")
    async with Database.attach(rig.database.path) as attached:
        yield OperatorActions(attached, CAPPED, price=10, now=rig.clock)


async def parked(rig: Rig) -> Job:
    job = await rig.ask()
    rig.music.done_at_once = False
    await rig.until(job, JobState.RUNNING)
    rig.clock.forward(hours=25)
    await rig.round()
    assert (await rig.get(job)).parked
    return job


async def last_entry(rig: Rig) -> LedgerRow:
    page = await rig.database.read(lambda tx: reports.page(tx, make.GUILD, size=1))
    return page.rows[0]


async def assert_balanced(rig: Rig) -> None:
    assert () == (await rig.database.read(reconcile)).findings


# -- credits


async def test_the_operator_can_grant_under_a_ceiling(rig: Rig, operator: OperatorActions) -> None:
    await rig.ask()

    changed = await operator.grant(make.GUILD, 40, "a good evening")

    with pytest.raises(OperatorsOnly):
        await CreditService(rig.database, CAPPED, price=10, now=rig.clock).grant(
            make.GUILD, 40, make.entry("mine")
        )
    entry = await last_entry(rig)
    assert (0, 40) == changed
    assert 40 == (await rig.balance()).bonus
    assert ("grant", 40, "a good evening", True, None) == (
        *(entry.kind, entry.bonus, entry.reason, entry.by_operator),
        entry.actor_id,
    )
    await assert_balanced(rig)


@pytest.mark.parametrize(
    ("guild", "amount", "reason", "why"),
    [
        (5, 10, "why not", "Server 5 is not known"),
        (1 << 70, 10, "why not", "is not known"),
        (-1, 10, "why not", "is not known"),
        (make.GUILD, 0, "why not", "can get"),
        (make.GUILD, -1, "why not", "can get 0 to 1,000,000 credits"),
        (make.GUILD, 10**9, "why not", "can get"),
        (make.GUILD, 10, " ", "needs a reason"),
    ],
)
async def test_an_impossible_grant_is_a_sentence_and_changes_nothing(
    guild: int, amount: int, reason: str, why: str, rig: Rig, operator: OperatorActions
) -> None:
    await rig.ask()
    before = await rig.books()

    with pytest.raises(NotDone, match=why):
        await operator.grant(GuildId(guild), amount, reason)

    assert before == await rig.books()


async def test_a_song_is_refunded_once(rig: Rig, operator: OperatorActions) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)

    refund = await operator.refund(job.id, "")

    assert (40, 50) == (refund.before, refund.after)
    assert "by the operator" == (await last_entry(rig)).reason
    with pytest.raises(NotDone, match="has already been refunded"):
        await operator.refund(job.id, "once more")
    await assert_balanced(rig)


async def test_only_spent_credits_are_refunded(rig: Rig, operator: OperatorActions) -> None:
    waiting = await rig.ask()
    with pytest.raises(NotDone, match="still in progress"):
        await operator.refund(waiting.id, "")
    rig.music.takes = 0
    await rig.until(waiting, JobState.EXPLAINED)

    with pytest.raises(NotDone, match="its credits have already been returned"):
        await operator.refund(waiting.id, "")
    for nobodys in (waiting.id + 1, 1 << 70, -3):
        with pytest.raises(NotDone, match=f"Job {nobodys} does not exist"):
            await operator.refund(JobId(nobodys), "")


# -- parked jobs


async def test_a_released_parked_job_is_reported_with_its_credits_back(
    rig: Rig, operator: OperatorActions
) -> None:
    job = await parked(rig)

    done = await operator.release(job.id)
    await rig.until(job, JobState.EXPLAINED)

    assert 10 == done.after - done.before
    assert FailReason.UPSTREAM_FAILED is (await rig.get(job)).reason
    assert 1 == len(rig.chat.of(MessageKind.NOTICE, job.id))
    assert (False, {"hold": 1, "release": 1}) == ((await rig.get(job)).parked, await rig.books())
    await assert_balanced(rig)


async def test_a_job_parked_by_a_bug_is_reported_as_our_fault(rig: Rig, operator: OperatorActions) -> None:
    job = await parked(rig)
    await rig.database.write(lambda tx: tx.execute("UPDATE job SET parked = 'bug'").rowcount)

    await operator.release(job.id)

    assert FailReason.INTERNAL is (await rig.get(job)).reason


async def test_a_parked_job_is_queried_once_more_and_never_sent_again(
    rig: Rig, operator: OperatorActions
) -> None:
    job = await parked(rig)
    rig.finish()

    await operator.retry(job.id)
    await rig.until(job, JobState.DELIVERED)

    assert 1 == rig.music.posts
    await assert_balanced(rig)


async def test_a_parked_job_that_is_still_unfinished_is_parked_again(
    rig: Rig, operator: OperatorActions
) -> None:
    job = await parked(rig)
    polls = rig.music.polls

    await operator.retry(job.id)
    await rig.round()

    assert (polls + 1, True) == (rig.music.polls, (await rig.get(job)).parked)


@pytest.mark.parametrize("action", ["release", "retry"])
async def test_only_parked_jobs_are_released_or_retried(
    action: str, rig: Rig, operator: OperatorActions
) -> None:
    job = await rig.ask()
    before = await rig.get(job)

    with pytest.raises(NotDone, match=f"Job {job.id} is queued and not parked"):
        await getattr(operator, action)(job.id)
    for nobodys in (job.id + 1, 1 << 70):
        with pytest.raises(NotDone, match=f"Job {nobodys} does not exist"):
            await getattr(operator, action)(nobodys)

    assert before == await rig.get(job)


# -- while a bot runs


def files(path: Path) -> tuple[bytes, int]:
    return path.read_bytes(), Path(f"{path}-wal").stat().st_size


@pytest.mark.sqlite
async def test_the_log_is_left_to_the_running_bot(rig: Rig) -> None:
    await rig.ask()
    content, size = files(rig.database.path)

    async with Database.attach(rig.database.path) as attached:
        for number in range(1_500):  # more than the pages after which SQLite runs a checkpoint
            await attached.write(
                lambda tx, number=number: tx.execute("INSERT INTO fact VALUES (?, 'x')", (f"{number}",))  # type: ignore[misc]
            )

    assert content == files(rig.database.path)[0]
    assert files(rig.database.path)[1] > size


@pytest.mark.sqlite
async def test_the_log_stays_even_if_the_bot_ends_meanwhile(tmp_path: Path, blank_file: bytes) -> None:
    path = tmp_path / "tunesmith.db"
    path.write_bytes(blank_file)
    async with Database.attach(path) as attached:
        await attached.write(lambda tx: tx.execute("INSERT INTO fact VALUES ('a', 'b')").rowcount)
        content, _ = files(path)

    assert content == files(path)[0]
    async with Database.open(path) as opened:
        assert 1 == await opened.read(lambda tx: tx.execute("SELECT COUNT(*) FROM fact").fetchone()[0])


@pytest.mark.sqlite
@pytest.mark.parametrize(("version", "why"), [(1, "start this version of the bot first"), (99, "newer")])
async def test_a_file_of_another_schema_is_left_alone(
    version: int, why: str, tmp_path: Path, blank_file: bytes
) -> None:
    path = tmp_path / "tunesmith.db"
    path.write_bytes(blank_file)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(f"PRAGMA user_version = {version}")

    with pytest.raises(StartRefused, match=why):
        async with Database.attach(path):
            raise AssertionError("it was opened")
