"""Viewing, exporting and deleting a member's data, with a new process for every round."""

import json
import os
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from discord.utils import format_dt
from msgspec.structs import replace

from bot.database.sqlite import Database, Tx
from bot.errors import StoreBusy
from bot.model import DiscordUserId, Job, JobState, MessageId, Reuse, SongRequest, Source
from bot.pipeline.erasure import Erasure
from bot.refusals import Leaving, LimitReached, TextsGone
from bot.services.privacy import Deletion
from bot.store.reconcile import reconcile
from bot.ui import privacy_cards
from bot.ui.language import ENGLISH
from tests import make
from tests.make import GUILD, OTHER
from tests.unit.pipeline.rig import Rig
from tests.unit.store.deleted_bytes import left_in, server_url

DONE, TOLD = JobState.DELIVERED, JobState.EXPLAINED

LYRICS = "Neon over wet asphalt\nI left my heart on the evening train\nCome back, come back again"
EDITED = LYRICS.replace("I left my heart on the evening train", "A line of somebody else")
SONG = make.custom(title="Wet asphalt", style="synthwave, slow", lyrics=LYRICS)
WORDS = ("Wet asphalt", "synthwave, slow", "Neon over wet asphalt", "Come back, come back again")
PERSON = 1_234_567_890_123_456_789
"""A member id of the same length as Discord's."""


async def song(
    rig: Rig,
    request: SongRequest = SONG,
    member_id: int = PERSON,
    source: Job | None = None,
    reuse: Reuse = Reuse.REMIX,
) -> Job:
    """Return a posted song of a member's with an up-to-date card."""
    job = await asked(rig, request, member_id, source, reuse)
    await rig.until(job, DONE)
    rig.clock.forward(seconds=6)
    await rig.round()
    return await rig.get(job)


async def asked(
    rig: Rig,
    request: SongRequest = SONG,
    member_id: int = PERSON,
    source: Job | None = None,
    reuse: Reuse = Reuse.REMIX,
) -> Job:
    """Return a member's request after they have seen its card."""
    taken = None if source is None else Source(job_id=source.id, reuse=reuse)
    name = "Annabel Lee" if member_id == PERSON else "Bob"
    origin = make.origin(member_id=member_id, member_name=name)
    accepted = await rig.intake.accept(request, origin, taken)
    assert accepted is not None
    job, facts = accepted.job, accepted.facts
    await rig.intake.answered(job, facts, card_message_id=MessageId(PERSON + 1))
    return job


async def settle_down(rig: Rig) -> None:
    """Run rounds until the cards are up to date and nothing is due, then scrub."""
    for _ in range(3):
        rig.clock.forward(seconds=6)
        await rig.round()
    await rig.scrub()


def left_of(rig: Rig, texts: tuple[str, ...] = WORDS, *ids: int) -> set[tuple[str, str]]:
    """Return which of the words, the name and the ids remain in the database's files after a scrub."""
    return left_in(rig.database, [*texts, "Annabel"], [PERSON, *ids])


def files(rig: Rig) -> list[Path]:
    return list(rig.spool.folder.iterdir())


async def rows(rig: Rig, sql: str) -> list[tuple[object, ...]]:
    return await rig.database.read(lambda tx: [tuple(row) for row in tx.execute(sql)])


async def findings(rig: Rig) -> tuple[str, ...]:
    return (await rig.database.read(reconcile)).findings


DELETED = Deletion(own_songs=0, songs_of_others=0, clean=False)
NOTHING = replace(DELETED, clean=True)


def on_engine(rig: Rig, deletion: Deletion) -> Deletion:
    """Return the deletion as reported by the database's engine."""
    return replace(deletion, on_server=server_url(rig.database) is not None)


# -- deleting


async def test_texts_names_ids_and_files_are_gone_after_the_next_scrub(rig: Rig) -> None:
    job = await song(rig)
    rig.spool.path(f"{job.id}-2.part").write_bytes(b"x")
    other = await song(rig, make.prompt("of another"), OTHER)
    before = left_of(rig, WORDS, job.origin.interaction_id, PERSON + 1)
    books = await rows(rig, "SELECT * FROM ledger")

    deletion = await rig.privacy.delete(DiscordUserId(PERSON))
    await rig.round()
    await rig.scrub()

    assert on_engine(rig, DELETED) == deletion
    assert len({shown for _, shown in before}) == len(WORDS) + 4
    assert set() == left_of(rig, WORDS, job.origin.interaction_id)
    assert {f"{other.id}-1.mp3", f"{other.id}-2.mp3"} == {path.name for path in files(rig)}
    assert books == await rows(rig, "SELECT * FROM ledger")
    assert () == await findings(rig)


async def test_a_deletion_that_arrives_twice_deletes_nothing_more(rig: Rig) -> None:
    await song(rig)

    assert on_engine(rig, DELETED) == await rig.privacy.delete(DiscordUserId(PERSON))
    assert on_engine(rig, DELETED) == await rig.privacy.delete(DiscordUserId(PERSON))
    await rig.scrub()
    assert on_engine(rig, NOTHING) == await rig.privacy.delete(DiscordUserId(PERSON))
    assert 1 == len(await rows(rig, "SELECT * FROM member"))


async def test_an_unknown_member_stays_unknown_after_a_deletion(rig: Rig) -> None:
    assert on_engine(rig, NOTHING) == await rig.privacy.delete(DiscordUserId(PERSON))
    assert [] == await rows(rig, "SELECT * FROM member")


async def test_open_songs_finish_before_everything_is_deleted(rig: Rig) -> None:
    old = await song(rig, make.prompt("an old song of rain"))
    job = await asked(rig)

    deletion = await rig.privacy.delete(DiscordUserId(PERSON))
    words_of_old = (await rig.get(old)).request.prompt
    await rig.until(job, DONE)
    posts = len(rig.chat.posts)
    await settle_down(rig)

    assert (1, 0, False) == (deletion.own_songs, deletion.songs_of_others, deletion.clean)
    assert ("", 2) == (words_of_old, posts)
    assert (job.id, DONE) in rig.chat.cards
    assert set() == left_of(rig, (*WORDS, "an old song of rain"))
    assert [] == files(rig)
    assert () == await findings(rig)


async def test_a_failure_is_reported_before_its_member_is_forgotten(rig: Rig) -> None:
    rig.music.done_at_once = False
    job = await asked(rig)
    await rig.until(job, JobState.RUNNING)
    await rig.privacy.delete(DiscordUserId(PERSON))
    rig.task.status, rig.task.error = "failed", "Wet asphalt is not allowed"

    await rig.until(job, TOLD)
    await settle_down(rig)

    assert 1 == len(rig.chat.posts)
    assert set() == left_of(rig)
    assert 0 == (await rig.balance()).held


async def test_a_withdrawn_request_ends_the_wait(rig: Rig) -> None:
    job = await asked(rig)
    await rig.privacy.delete(DiscordUserId(PERSON))

    await rig.intake.cancel(job.id, job.origin.guild_id, DiscordUserId(PERSON), as_manager=False)
    await settle_down(rig)

    assert [(None, None)] == await rows(rig, "SELECT discord_id, leaving_since FROM member")
    assert set() == left_of(rig)


async def test_a_parked_job_does_not_delay_a_deletion(rig: Rig) -> None:
    rig.music.done_at_once = False
    job = await asked(rig)
    await rig.until(job, JobState.RUNNING)
    await rig.privacy.delete(DiscordUserId(PERSON))
    rig.clock.forward(hours=25)
    await rig.round()

    await settle_down(rig)

    assert TOLD == (await rig.get(job)).state
    assert 0 == (await rig.balance()).held
    assert set() == left_of(rig)
    assert [] == rig.chat.posts
    assert () == await findings(rig)


@pytest.mark.parametrize("open_songs", [0, 1])
async def test_an_undelivered_song_is_erased_and_no_longer_posted(rig: Rig, open_songs: int) -> None:
    rig.chat.closed_channels.add(make.CHANNEL)
    rig.chat.closed_members.add(PERSON)
    job = await asked(rig)
    await rig.until(job, JobState.UNDELIVERED)
    for _ in range(open_songs):
        await asked(rig)

    assert open_songs == (await rig.privacy.delete(DiscordUserId(PERSON))).waits_for
    with pytest.raises(TextsGone):
        await rig.intake.post_again(job.id, job.origin.guild_id)

    await rig.round()

    assert JobState.UNDELIVERED == await rig.state(job)
    assert [] == files(rig)


async def test_a_leaving_member_makes_no_new_songs_until_deleted(rig: Rig) -> None:
    job = await asked(rig)
    await rig.privacy.delete(DiscordUserId(PERSON))

    with pytest.raises(Leaving):
        await asked(rig)
    await rig.until(job, DONE)
    await settle_down(rig)
    await song(rig)

    assert {"hold": 2, "settle": 2} == await rig.books()
    assert [(None,), (PERSON,)] == await rows(rig, "SELECT discord_id FROM member ORDER BY id")


async def work_and_scrub(rig: Rig) -> None:
    await Erasure(rig.database, rig.spool, now=rig.clock).work()
    await rig.scrub()


@pytest.mark.parametrize("step", ["files", "pages", "log"])
async def test_a_crash_during_a_deletion_leaves_the_rest_to_the_next_process(
    rig: Rig, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await song(rig)
    await rig.privacy.delete(DiscordUserId(PERSON))

    async def dies(*_: object) -> bool:
        raise KeyboardInterrupt

    target = {
        "files": (Erasure, "_remove_files"),
        "pages": (type(rig.database), "scrub"),
        "log": (type(rig.database), "empty_log"),
    }
    with monkeypatch.context() as dying:
        dying.setattr(*target[step], dies)
        with pytest.raises(KeyboardInterrupt):
            await work_and_scrub(rig)

    await rig.round()
    await rig.scrub()

    assert set() == left_of(rig)
    assert [] == files(rig)
    assert [] == await rows(rig, "SELECT * FROM spool_removal")


@pytest.mark.sqlite
async def test_a_long_report_delays_the_scrub_and_not_the_answer(rig: Rig) -> None:
    await song(rig)
    with closing(sqlite3.connect(rig.database.path)) as report:
        report.execute("BEGIN")
        report.execute("SELECT * FROM job").fetchall()
        deletion = await rig.privacy.delete(DiscordUserId(PERSON))
        await song(rig, make.prompt("of another"), OTHER)

    await rig.scrub()

    assert (0, False) == (deletion.waits_for, deletion.clean)
    assert set() == left_of(rig)


async def test_ten_presses_scrub_nothing_and_mark_one_scrub(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await song(rig)
    parts: list[int] = []

    async def scrub_part(_: Database, first: int, *_more: object) -> None:
        parts.append(first)

    monkeypatch.setattr(type(rig.database), "scrub", scrub_part)
    for _ in range(10):
        await rig.intake.keep_draft(make.prompt("a draft"), DiscordUserId(PERSON))
        await rig.privacy.delete(DiscordUserId(PERSON))
    during = list(parts)

    assert [True, False, []] == [await rig.scrub(), await rig.scrub(), during]
    assert 1 == len(parts)


async def test_files_that_cannot_be_removed_are_retried_and_delay_nothing(rig: Rig) -> None:
    job = await song(rig)
    for path in files(rig):
        path.unlink()
        path.mkdir()  # cannot be unlinked

    deletion = await rig.privacy.delete(DiscordUserId(PERSON))
    await rig.round()
    kept = await rows(rig, "SELECT * FROM spool_removal")
    for path in files(rig):
        path.rmdir()
    await rig.round()
    await rig.scrub()

    assert ([(job.id,)], False) == (kept, deletion.clean)
    assert set() == left_of(rig)
    assert [] == await rows(rig, "SELECT * FROM spool_removal")


async def test_an_erasure_that_fails_is_not_restarted_at_once(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await song(rig)
    tries = 0

    async def full(_: Erasure) -> bool:
        nonlocal tries
        tries += 1
        raise StoreBusy("the disk is full", 5.0)

    monkeypatch.setattr(Erasure, "_remove_files", full)
    await rig.privacy.delete(DiscordUserId(PERSON))
    async with rig.process() as runner:
        for _ in range(60):
            await runner.round()
            rig.clock.forward(seconds=1)

    assert 4 == tries


@pytest.mark.sqlite
async def test_a_deletion_states_until_when_a_replaced_file_is_kept(rig: Rig) -> None:
    await song(rig)
    replaced = rig.database.path.with_name(f"{rig.database.path.name}.replaced-20260314-150926")
    replaced.touch()
    os.utime(replaced, (make.NOW.timestamp(), make.NOW.timestamp()))

    deletion = await rig.privacy.delete(DiscordUserId(PERSON))
    await rig.scrub()

    assert make.NOW + timedelta(days=7) == deletion.replaced_until
    assert replaced.exists()
    assert 1 == (await rig.privacy.view(DiscordUserId(PERSON))).snapshots
    text = privacy_cards.deleted(ENGLISH, deletion)
    assert text.endswith(f"deleted after {format_dt(deletion.replaced_until, 'D')}.")


# -- others' songs with the same words


async def test_a_deletion_reaches_others_repeats_and_remixes(rig: Rig) -> None:
    source = await song(rig)
    again = await song(rig, source.request, OTHER, source, Reuse.AGAIN)
    remix = await song(rig, replace(SONG, title="Fleas", style="polka", lyrics=EDITED), OTHER, source)

    await rig.privacy.delete(DiscordUserId(PERSON))
    await rig.scrub()

    assert (
        make.custom(title="", style="", lyrics=""),
        make.custom(title="Fleas", style="polka", lyrics=""),
    ) == (
        (await rig.get(again)).request,
        (await rig.get(remix)).request,
    )
    assert set() == left_in(rig.database, WORDS, [PERSON])
    for job in (again, remix):
        with pytest.raises(TextsGone):
            await rig.intake.with_texts(job.id, job.origin.guild_id)


async def test_another_members_song_is_made_before_the_texts_are_deleted(rig: Rig) -> None:
    source = await song(rig)
    theirs = await asked(rig, source.request, OTHER, source, Reuse.AGAIN)

    deletion = await rig.privacy.delete(DiscordUserId(PERSON))
    await rig.until(theirs, DONE)
    await settle_down(rig)

    assert (0, 1) == (deletion.own_songs, deletion.songs_of_others)
    assert LYRICS in json.dumps(rig.music.tasks["task-2"].body).replace("\\n", "\n")
    assert set() == left_in(rig.database, WORDS, [PERSON])


@pytest.mark.parametrize("reuse", Reuse)
async def test_a_leaving_members_texts_can_no_longer_be_reused(rig: Rig, reuse: Reuse) -> None:
    source = await song(rig)
    await asked(rig, make.prompt("the last one"))
    await rig.privacy.delete(DiscordUserId(PERSON))

    with pytest.raises(TextsGone):
        await asked(rig, source.request, OTHER, source, reuse)
    with pytest.raises(TextsGone):
        await rig.intake.with_texts(source.id, source.origin.guild_id)
    with pytest.raises(TextsGone):
        await rig.intake.keep_draft(source.request, OTHER, source.id)


# -- data that outlives a deletion


async def test_a_deletion_does_not_reset_usage(rig: Rig) -> None:
    await rig.credits.limit_member(GUILD, DiscordUserId(PERSON), 15, make.entry())
    await song(rig)
    await rig.privacy.delete(DiscordUserId(PERSON))
    explained = await rig.credits.explain(GUILD, DiscordUserId(PERSON), [])

    with pytest.raises(LimitReached):
        await asked(rig)

    assert (15, 10) == (explained.own, explained.standing.used)
    assert 10 == (await rig.balance()).used


# -- viewing and exporting data


@pytest.mark.sqlite
async def test_stored_data_can_be_viewed(rig: Rig) -> None:
    await song(rig)
    await song(rig, make.prompt("of another"), OTHER)
    await asked(rig, make.prompt("open"))
    await rig.intake.keep_draft(make.prompt("draft"), DiscordUserId(PERSON))
    await rig.credits.limit_member(GUILD, DiscordUserId(PERSON), 50, make.entry())
    rig.database.path.with_name(f"{rig.database.path.name}.before-schema-4").write_bytes(b"")

    kept = await rig.privacy.view(DiscordUserId(PERSON), GUILD)

    there = kept.records
    assert (2, 2, False) == (there.songs, there.songs_with_texts, there.more)
    assert (1, 1) == (there.servers, there.drafts)
    assert (make.NOW, 4) == (there.since, there.ledger_entries)
    assert (2, 50, 7, 90, 1) == (kept.files, kept.own_limit, kept.files_days, kept.texts_days, kept.snapshots)
    assert (None, False) == (there.leaving_since, there.deleted_before)


async def test_an_unknown_or_forgotten_member_sees_only_what_outlives_them(rig: Rig) -> None:
    unknown = await rig.privacy.view(DiscordUserId(PERSON), GUILD)
    await song(rig)
    await rig.credits.limit_member(GUILD, DiscordUserId(PERSON), 50, make.entry())
    await rig.privacy.delete(DiscordUserId(PERSON))
    forgotten = await rig.privacy.view(DiscordUserId(PERSON), GUILD)

    assert (0, None, False) == (unknown.records.songs, unknown.own_limit, unknown.records.deleted_before)
    assert (0, 0, 0) == (forgotten.records.songs, forgotten.files, forgotten.records.ledger_entries)
    assert (50, True) == (forgotten.own_limit, forgotten.records.deleted_before)


async def exported(rig: Rig, path: Path) -> dict[str, Any]:
    await rig.privacy.export(DiscordUserId(PERSON), path)
    return read(path)


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


async def test_an_export_has_all_of_a_members_data_and_no_one_elses(rig: Rig, tmp_path: Path) -> None:
    bob, manager = PERSON + 5, PERSON + 7
    theirs = await song(rig, make.prompt("words of somebody else"), bob)
    job = await song(rig)
    await song(rig, theirs.request, PERSON, theirs, Reuse.AGAIN)
    await rig.intake.keep_draft(replace(theirs.request, style="own"), DiscordUserId(PERSON), theirs.id)
    await rig.credits.limit_member(
        GUILD, DiscordUserId(PERSON), 50, make.entry("so that others get some", actor_id=manager)
    )
    await rig.credits.grant(GUILD, 5, make.entry("a party", actor_id=PERSON))

    found = await exported(rig, tmp_path / "export.json")

    first, second = found["songs"]
    assert (job.id, GUILD, make.CHANNEL, "delivered", 10) == tuple(
        first[name] for name in ("song", "server", "channel", "state", "price_in_credits")
    )
    assert SONG.lyrics == first["words"]["lyrics"]
    assert "Annabel Lee" == first["your_name_then"]
    assert (PERSON + 1, 2) == (first["card_message"], len(first["files"]))
    assert {"prompt": "words of another member"} == second["words"]["not_included"]
    assert {"prompt": "words of another member"} == found["drafts"][0]["not_included"]
    assert "own" == found["drafts"][0]["style"]
    assert [{"server": GUILD, "credits_in_a_period": 50}] == found["limits"]
    assert [20] == [day["of_the_allowance"] for day in found["credits_used_by_day"]]
    assert {"hold", "settle", "member", "grant"} == {entry["kind"] for entry in found["ledger"]}
    assert [("a manager", None), ("you", "a party")] == [
        (entry["by"], entry["reason"] if "you" == entry["by"] else None)
        for entry in found["ledger"]
        if entry["kind"] in ("member", "grant")
    ]
    text = (tmp_path / "export.json").read_text("utf-8")
    assert [] == [
        hidden for hidden in ("words of somebody else", "Bob", str(bob), str(manager)) if hidden in text
    ]


async def test_an_export_has_texts_kept_only_by_anothers_song(rig: Rig, tmp_path: Path) -> None:
    source = await song(rig)
    rig.clock.forward(days=80)
    await song(rig, source.request, OTHER, source, Reuse.AGAIN)

    def drop(tx: Tx) -> None:
        tx.execute("DELETE FROM song WHERE job_id = ?", (source.id,))

    await rig.database.write(drop)
    found = await exported(rig, tmp_path / "export.json")

    texts = found["texts_that_only_songs_of_others_are_made_of"]
    assert sorted([SONG.title, SONG.style, LYRICS]) == sorted(texts)


async def test_an_unknown_members_export_is_empty_and_creates_no_member(rig: Rig, tmp_path: Path) -> None:
    found = await exported(rig, tmp_path / "export.json")

    assert ([], [], []) == (found["songs"], found["drafts"], found["ledger"])
    assert [] == await rows(rig, "SELECT * FROM member")
