"""The hourly maintenance."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest

from bot.database import snapshots
from bot.database.sqlite import Database
from bot.model import GuildId, JobState
from bot.pipeline import maintenance as module
from bot.pipeline.erasure import Erasure
from bot.pipeline.maintenance import Maintenance, unknown
from bot.store import scrub as scrubbing
from bot.store import server_erasure
from bot.store.scrub import Deleted
from tests import make
from tests.unit.pipeline.rig import Rig, no_sleep
from tests.unit.store.deleted_bytes import left_in


async def once(_: float) -> None:
    raise asyncio.CancelledError


def maintenance(
    rig: Rig,
    sleep: Callable[[float], Awaitable[None]] = once,
    present_servers: Callable[[], Awaitable[frozenset[GuildId] | None]] = unknown,
) -> Maintenance:
    return Maintenance(
        database=rig.database,
        spool=rig.spool,
        erasure=Erasure(rig.database, rig.spool, now=rig.clock, sleep=no_sleep),
        spool_days=7,
        texts_days=90,
        now=rig.clock,
        alert=rig.alerts.append,
        sleep=sleep,
        present_servers=present_servers,
    )


async def test_files_are_kept_for_the_days_set_by_the_operator(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)

    rig.clock.forward(days=6)
    await maintenance(rig).round()
    assert 2 == len(list(rig.spool.folder.iterdir()))

    rig.clock.forward(days=2)
    await maintenance(rig).round()
    assert [] == list(rig.spool.folder.iterdir())


async def test_files_of_a_song_not_posted_yet_are_kept(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.STORED)

    rig.clock.forward(days=60)
    await maintenance(rig).round()

    assert 2 == len(list(rig.spool.folder.iterdir()))


async def test_a_stray_file_is_removed_when_it_is_old(rig: Rig) -> None:
    rig.spool.folder.mkdir()
    old, new = rig.spool.path("old.part"), rig.spool.path("new.part")
    for path, age in ((old, timedelta(days=2)), (new, timedelta(hours=2))):
        path.write_bytes(b"x")
        at = (rig.clock.now - age).timestamp()
        os.utime(path, (at, at))

    await maintenance(rig).round()

    assert (False, True) == (old.exists(), new.exists())


async def test_unbalanced_books_alert_the_operator_once_a_day(rig: Rig) -> None:
    await rig.ask()
    await rig.database.write(lambda tx: tx.execute("UPDATE usage SET allowance_held = 3").rowcount)
    keeper = maintenance(rig)

    await keeper.round()
    await keeper.round()
    rig.clock.forward(days=1)
    await keeper.round()

    assert 2 == len(rig.alerts)
    assert "tunesmith doctor --ledger" in rig.alerts[0]


# -- recently requested files


async def test_a_refetched_file_is_kept_for_an_hour_however_old_its_song(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)
    rig.clock.forward(days=60)
    fresh, old = (rig.spool.path(f"{job.id}-{take}.mp3") for take in (1, 2))
    for path, age in ((fresh, timedelta(minutes=59)), (old, timedelta(minutes=61))):
        at = (rig.clock.now - age).timestamp()
        os.utime(path, (at, at))

    await maintenance(rig).round()

    assert (True, False) == (fresh.exists(), old.exists())


# -- expired texts


def left_of(rig: Rig, *texts: str) -> set[str]:
    return {shown for _, shown in left_in(rig.database, texts, [])}


async def test_words_of_old_songs_are_erased_and_those_of_new_ones_kept(rig: Rig) -> None:
    old = await rig.ask(make.prompt("rain on the roof"), make.origin(member_name="Annabel"))
    await rig.until(old, JobState.DELIVERED)
    rig.clock.forward(days=30)
    young = await rig.ask(make.prompt("snow on the roof"))
    await rig.until(young, JobState.DELIVERED)
    rig.clock.forward(days=61)

    await maintenance(rig).round()
    await maintenance(rig).scrub()

    assert {"snow on the roof"} == left_of(rig, "rain on the roof", "snow on the roof", "Annabel")
    assert (False, True) == ((await rig.get(old)).texts_whole, (await rig.get(young)).texts_whole)
    assert {"hold": 2, "settle": 2} == await rig.books()


async def test_more_old_words_than_fit_one_transaction_go_in_one_round(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "TEXTS_BATCH_MAX", 2)
    for number in range(5):
        job = await rig.ask(make.prompt(f"rain {number}"))
        await rig.until(job, JobState.DELIVERED)
    rig.clock.forward(days=91)

    await maintenance(rig).round()
    await maintenance(rig).scrub()

    assert set() == left_of(rig, *(f"rain {number}" for number in range(5)))


async def test_a_draft_is_erased_from_the_files_after_its_day(rig: Rig) -> None:
    await rig.intake.keep_draft(make.prompt("rain on the roof"), make.MEMBER)
    rig.clock.forward(hours=25)

    await maintenance(rig).round()
    await maintenance(rig).scrub()

    assert set() == left_of(rig, "rain on the roof")


async def scrubs(rig: Rig, monkeypatch: pytest.MonkeyPatch, keeper: Maintenance, turns: int) -> list[int]:
    """Return the quarter-hourly turns of a keeper at which it scrubs the file."""
    scrubbed: list[int] = []
    turn = 0

    async def scrub(_: Database, *_part: object) -> None:
        scrubbed.append(turn)

    monkeypatch.setattr(Database, "scrub", scrub)
    for turn in range(turns):  # noqa: B007 - read by ``scrub``
        await keeper.scrub()
        rig.clock.forward(minutes=15)
        await rig.database.write(lambda tx: scrubbing.mark(tx, Deleted.DROPPED))
    return scrubbed


@pytest.mark.sqlite
async def test_the_file_is_scrubbed_once_a_day_for_expired_data(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [1, 97] == await scrubs(rig, monkeypatch, maintenance(rig), 100)


@pytest.mark.sqlite
async def test_the_file_is_scrubbed_at_the_next_turn_after_a_deletion(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    keeper = maintenance(rig)
    before = await scrubs(rig, monkeypatch, keeper, 3)
    await rig.intake.keep_draft(make.prompt(), make.MEMBER)
    await rig.privacy.delete(make.MEMBER)

    assert ([1], [0]) == (before, await scrubs(rig, monkeypatch, keeper, 3))


async def test_a_scrub_waits_for_a_quiet_moment_but_not_for_ever(rig: Rig) -> None:
    await rig.ask()
    await rig.database.write(lambda tx: scrubbing.mark(tx, Deleted.ERASED))
    waits: list[float] = []

    async def waited(wait_s: float) -> None:
        waits.append(wait_s)

    await maintenance(rig, waited).scrub()

    assert module.QUIET_WAITS_MAX == waits.count(module.QUIET_WAIT_S)
    assert {} == await rig.database.read(scrubbing.pending)


async def test_a_forgotten_members_hash_is_dropped_once_unneeded(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)
    await rig.privacy.delete(make.MEMBER)
    keeper = maintenance(rig)

    await keeper.round()
    kept = await hashes(rig)
    rig.clock.forward(days=31)
    await keeper.round()

    assert (1, 0) == (kept, await hashes(rig))


async def hashes(rig: Rig) -> int:
    (count,) = await rig.database.read(lambda tx: tx.execute("SELECT COUNT(*) FROM forgotten").fetchone())
    return int(count)


# -- copies from before a migration


@pytest.mark.sqlite
async def test_copies_from_before_an_upgrade_or_restore_are_kept_for_a_week(rig: Rig) -> None:
    copy = snapshots.before_schema(rig.database.path, 5)
    other = rig.database.path.with_name(f"{rig.database.path.name}.replaced-20260314-150926")
    for path in (copy, other):
        path.touch()
        os.utime(path, (rig.clock().timestamp(), rig.clock().timestamp()))

    rig.clock.forward(days=6)
    await maintenance(rig).round()
    assert (True, True) == (copy.exists(), other.exists())

    rig.clock.forward(days=2)
    await maintenance(rig).round()
    assert (False, False) == (copy.exists(), other.exists())


@pytest.mark.sqlite
async def test_the_first_deletion_removes_a_copy_from_before_a_migration(rig: Rig) -> None:
    await rig.until(await rig.ask(), JobState.DELIVERED)
    copy = snapshots.before_schema(rig.database.path, 5)
    copy.touch()

    await rig.privacy.delete(make.MEMBER)
    await maintenance(rig).round()
    await maintenance(rig).scrub()

    assert not copy.exists()


async def test_data_of_a_server_left_a_week_ago_is_erased(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)
    answers: list[frozenset[GuildId] | None] = [None, frozenset(), frozenset(), None, frozenset()]

    async def present() -> frozenset[GuildId] | None:
        return answers.pop(0)

    rounds = maintenance(rig, present_servers=present)
    leaving = []
    for hours in (0, 1, 160, 24, 1):
        rig.clock.forward(hours=hours)
        await rounds.round()
        leaving.append(await rig.database.read(lambda tx: server_erasure.is_leaving(tx, job.origin.guild_id)))

    assert [False, False, False, False, True] == leaving
    assert "Servers that the bot left a week ago: 1." in rig.alerts[-1]


async def test_the_bots_servers_are_checked_once_a_day(rig: Rig) -> None:
    looks = []

    async def present() -> frozenset[GuildId]:
        looks.append(rig.clock.now)
        return frozenset()

    rounds = maintenance(rig, present_servers=present)
    for _ in range(49):
        await rounds.round()
        rig.clock.forward(hours=1)

    assert 3 == len(looks)
