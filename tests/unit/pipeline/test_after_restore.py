"""A bot that runs on a backup made during work that continued afterwards."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.database.facts import COMMANDS_FACT, fact, remember
from bot.database.sqlite import Database, Tx
from bot.model import ChannelId, FailReason, Job, JobState
from bot.ops.backup import backup, restore
from bot.pipeline.courier import MessageKind
from bot.store import budget_alerts, jobs
from bot.store.reconcile import reconcile
from tests import make
from tests.unit.pipeline.rig import Rig

# Backups of a server and their restore are PostgreSQL's own: unit/ops/test_restored.py.
pytestmark = pytest.mark.sqlite

SONG, NOTICE = MessageKind.SONG, MessageKind.NOTICE
DIRECT = make.MEMBER + 500_000


async def queued(rig: Rig, job: Job) -> None:
    assert JobState.QUEUED is await rig.state(job)


async def submitting(rig: Rig, job: Job) -> None:
    async with rig.process() as runner:
        await rig.killed_at(runner, "POST")
    assert JobState.SUBMITTING is await rig.state(job)


async def running(rig: Rig, job: Job) -> None:
    rig.music.done_at_once = False
    await rig.until(job, JobState.RUNNING)


async def parked(rig: Rig, job: Job) -> None:
    await running(rig, job)
    rig.clock.forward(hours=25)
    await rig.round()
    assert (await rig.get(job)).parked


async def ready(rig: Rig, job: Job) -> None:
    rig.music.audio |= {f"/task-1-{take}.mp3": 404 for take in (1, 2)}
    await rig.until(job, JobState.READY)


async def stored(rig: Rig, job: Job) -> None:
    await rig.until(job, JobState.STORED)


async def delivering(rig: Rig, job: Job) -> None:
    rig.chat.down = True
    await rig.until(job, JobState.DELIVERING)


async def undelivered(rig: Rig, job: Job) -> None:
    rig.chat.closed_channels |= {make.CHANNEL, DIRECT}
    await rig.until(job, JobState.UNDELIVERED)


async def failed_and_begun(rig: Rig, job: Job) -> None:
    rig.music.takes = 0
    rig.chat.down = True
    await rig.until(job, JobState.FAILED)
    await rig.round()
    assert (await rig.get(job)).delivery is not None


async def failed(rig: Rig, job: Job) -> None:
    await failed_and_begun(rig, job)
    await rig.database.write(lambda tx: tx.execute("UPDATE job SET delivery_channel_id = NULL").rowcount)


Bring = Callable[[Rig, Job], Awaitable[None]]
SONGS: list[Bring] = [running, ready, stored, delivering, undelivered]
FAILURES: list[Bring] = [failed, failed_and_begun]


@pytest.fixture
def rig(database: Database, tmp_path: Path, clock: make.Clock) -> Rig:
    return Rig(database, tmp_path / "spool", clock)


@pytest.fixture
async def again(rig: Rig, tmp_path: Path) -> AsyncIterator[Callable[[], Awaitable[Rig]]]:
    """Restore the backup ``saved.db`` and restart on it, an hour later, in the same outside world."""
    async with AsyncExitStack() as stack:

        async def begin() -> Rig:
            rig.clock.forward(hours=1)
            path = tmp_path / "again" / "tunesmith.db"
            restore(path, tmp_path / "saved.db", rig.clock(), lambda *_: None)
            later = Rig(await stack.enter_async_context(Database.open(path)), rig.spool.folder, rig.clock)
            later.music, later.chat = rig.music, rig.chat
            # A nonce does not last that long, so sending twice posts twice.
            later.chat.nonces_kept = False
            later.chat.looked.clear()
            return later

        yield begin


async def saved(rig: Rig, bring: Bring, tmp_path: Path) -> Job:
    """Return a job that is in some state when the backup is made."""
    job = await rig.ask()
    await bring(rig, job)
    backup(rig.database.path, tmp_path / "saved.db", lambda *_: None)
    return job


async def went_on(rig: Rig, job: Job) -> None:
    """End all faults and let the bot finish the job."""
    rig.finish()
    rig.music.audio.clear()
    rig.chat.down = False
    rig.chat.closed_channels.clear()
    if await rig.state(job) is JobState.UNDELIVERED:
        await rig.intake.post_again(job.id, job.origin.guild_id)
    await rig.until(job, JobState.DELIVERED, JobState.EXPLAINED)


async def rested(rig: Rig) -> None:
    await rig.rest(rounds=100)
    assert () == (await rig.database.read(reconcile)).findings


@pytest.mark.parametrize("bring", SONGS)
async def test_a_song_posted_after_the_backup_is_not_posted_again(
    bring: Bring, rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, bring, tmp_path)
    await went_on(rig, job)

    later = await again()
    if await later.state(job) is JobState.UNDELIVERED:
        await later.intake.post_again(job.id, job.origin.guild_id)
    await rested(later)

    assert JobState.DELIVERED is await later.state(job)
    assert (await rig.get(job)).message_id == (await later.get(job)).message_id
    assert 1 == len(later.chat.of(SONG, job.id))
    assert 1 == later.music.posts
    assert (make.CHANNEL, True) in later.chat.looked


@pytest.mark.parametrize("bring", SONGS)
async def test_a_song_not_posted_yet_is_posted_once(
    bring: Bring, rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, bring, tmp_path)
    rig.finish()
    rig.music.audio.clear()
    rig.chat.down = False
    rig.chat.closed_channels.clear()

    later = await again()
    if await later.state(job) is JobState.UNDELIVERED:
        await later.intake.post_again(job.id, job.origin.guild_id)
    await rested(later)

    assert JobState.DELIVERED is await later.state(job)
    assert [make.CHANNEL] == [post.channel_id for post in later.chat.of(SONG, job.id)]
    assert [(make.CHANNEL, True), (DIRECT, True)] == later.chat.looked
    assert not (await later.get(job)).restored


@pytest.mark.parametrize("bring", SONGS)
async def test_a_song_with_an_unreadable_channel_waits_for_a_person(
    bring: Bring, rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, bring, tmp_path)
    await went_on(rig, job)
    rig.chat.no_history = True

    later = await again()
    if await later.state(job) is JobState.UNDELIVERED:
        await later.intake.post_again(job.id, job.origin.guild_id)
    await rested(later)

    assert JobState.UNDELIVERED is await later.state(job)
    assert 1 == len(later.chat.of(SONG, job.id))
    await later.intake.post_again(job.id, job.origin.guild_id)
    await rested(later)
    assert 2 == len(later.chat.of(SONG, job.id))


async def test_a_song_sent_directly_to_the_member_is_found_there(
    rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, stored, tmp_path)
    rig.chat.closed_channels.add(make.CHANNEL)
    await rig.until(job, JobState.DELIVERED)
    rig.chat.closed_channels.clear()

    later = await again()
    await rested(later)

    assert [DIRECT] == [post.channel_id for post in later.chat.of(SONG, job.id)]


async def test_a_song_whose_channel_is_gone_goes_to_the_member_once(
    rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, stored, tmp_path)
    rig.chat.closed_channels.add(make.CHANNEL)

    later = await again()
    await rested(later)

    assert [DIRECT] == [post.channel_id for post in later.chat.of(SONG, job.id)]
    assert JobState.DELIVERED is await later.state(job)


async def test_an_undeliverable_song_waits_for_a_person(
    rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, stored, tmp_path)
    rig.chat.closed_channels.add(make.CHANNEL)
    rig.chat.closed_members.add(make.MEMBER)

    later = await again()
    await rested(later)

    assert JobState.UNDELIVERED is await later.state(job)


async def test_a_temporarily_failing_search_is_repeated(
    rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, stored, tmp_path)
    await went_on(rig, job)
    rig.chat.down = True

    later = await again()
    for _ in range(3):
        await later.step()
    later.chat.down = False
    await rested(later)

    assert 1 == len(later.chat.of(SONG, job.id))


@pytest.mark.parametrize("bring", FAILURES)
async def test_a_failure_is_reported_once(
    bring: Bring, rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, bring, tmp_path)
    await went_on(rig, job)

    later = await again()
    await rested(later)

    assert JobState.EXPLAINED is await later.state(job)
    assert 1 == len(later.chat.of(NOTICE, job.id))


@pytest.mark.parametrize("bring", FAILURES)
async def test_a_failure_in_an_unreadable_channel_is_not_reported_there(
    bring: Bring, rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, bring, tmp_path)
    await went_on(rig, job)
    rig.chat.no_history = True

    later = await again()
    await rested(later)

    assert JobState.EXPLAINED is await later.state(job)
    assert 1 == len(later.chat.of(NOTICE, job.id))


@pytest.mark.parametrize(
    ("bring", "reason"), [(queued, FailReason.EXPIRED), (submitting, FailReason.OUTCOME_UNKNOWN)]
)
async def test_a_request_possibly_sent_since_the_backup_is_released(
    bring: Bring, reason: FailReason, rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, bring, tmp_path)
    posts = rig.music.posts

    later = await again()
    marked = await later.get(job)
    await rested(later)

    assert (JobState.FAILED, reason) == (marked.state, marked.reason)
    assert {"hold": 1, "release": 1} == await later.books()
    assert JobState.EXPLAINED is await later.state(job)
    assert 1 == len(later.chat.of(NOTICE, job.id))
    assert posts == later.music.posts


async def test_a_parked_job_stays_parked_and_searches_before_posting(
    rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, parked, tmp_path)

    later = await again()
    await rested(later)

    found = await later.get(job)
    assert (JobState.RUNNING, True, True) == (found.state, found.parked, found.restored)


async def test_marked_jobs_are_counted_by_their_state(rig: Rig, tmp_path: Path) -> None:
    await rig.until(await rig.ask(), JobState.DELIVERED)
    await saved(rig, stored, tmp_path)
    await rig.ask()
    backup(rig.database.path, tmp_path / "saved.db", lambda *_: None)

    made = restore(tmp_path / "again.db", tmp_path / "saved.db", rig.clock(), lambda *_: None)

    assert Counter({JobState.STORED: 1, JobState.QUEUED: 1}) == made.marked


async def test_a_possibly_sent_alert_is_not_sent_again(
    rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    await rig.credits.set_allowance(make.GUILD, 10, None, make.entry())
    await rig.credits.set_alerts(make.GUILD, ChannelId(8002), make.entry())
    job = await saved(rig, stored, tmp_path)
    assert await rig.database.read(lambda tx: budget_alerts.due(tx, rig.clock(), 10))
    await went_on(rig, job)
    sent = rig.chat.alert_sends

    later = await again()
    await rested(later)

    assert sent == later.chat.alert_sends


async def test_commands_are_compared_anew_after_a_restore(
    rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    await rig.database.write(lambda tx: remember(tx, COMMANDS_FACT, "of an earlier version"))
    await saved(rig, stored, tmp_path)

    later = await again()

    assert None is await later.database.read(lambda tx: fact(tx, COMMANDS_FACT))


async def test_a_member_forgotten_after_the_backup_is_forgotten_in_it(rig: Rig, tmp_path: Path) -> None:
    await rig.until(await rig.ask(), JobState.DELIVERED)
    other = await rig.ask(origin=make.origin(member_id=make.OTHER))
    await rig.until(other, JobState.DELIVERED)
    backup(rig.database.path, tmp_path / "saved.db", lambda *_: None)
    await rig.privacy.delete(make.MEMBER)
    backup(rig.database.path, tmp_path / "replaced.db", lambda *_: None)

    restore(tmp_path / "replaced.db", tmp_path / "saved.db", rig.clock(), lambda *_: None)

    async with Database.open(tmp_path / "replaced.db") as restored:
        assert [None, make.OTHER] == await restored.read(people)
        assert () == (await restored.read(reconcile)).findings


async def test_another_bots_database_makes_nobody_forgotten(rig: Rig, tmp_path: Path) -> None:
    await rig.until(await rig.ask(), JobState.DELIVERED)
    backup(rig.database.path, tmp_path / "saved.db", lambda *_: None)
    async with Database.open(tmp_path / "other.db") as other:
        await other.write(
            lambda tx: tx.execute("INSERT INTO member (discord_id) VALUES (NULL), (31)").rowcount
        )
    await rig.database.write(lambda tx: tx.execute("INSERT INTO member (discord_id) VALUES (32)").rowcount)
    backup(rig.database.path, tmp_path / "saved.db", lambda *_: None)

    restore(tmp_path / "other.db", tmp_path / "saved.db", rig.clock(), lambda *_: None)

    async with Database.open(tmp_path / "other.db") as restored:
        assert [make.MEMBER, 32] == await restored.read(people)


def people(tx: Tx) -> list[int | None]:
    return [row["discord_id"] for row in tx.execute("SELECT discord_id FROM member ORDER BY id")]


async def test_the_mark_causes_no_second_search(
    rig: Rig, again: Callable[[], Awaitable[Rig]], tmp_path: Path
) -> None:
    job = await saved(rig, stored, tmp_path)

    later = await again()
    later.chat.on_send = ["lost"]
    await rested(later)

    assert [(make.CHANNEL, True), (DIRECT, True)] == later.chat.looked[:2]
    assert [] == [look for look in later.chat.looked[2:] if look[1]]
    assert await later.database.read(lambda tx: jobs.get(tx, job.id)) is not None
