"""Deletions: what they remove from rows and files, what they keep, and what they wait for."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from bot.database import sqlite_connections
from bot.database.engine import FIRST_PAGE
from bot.database.sqlite import Database, Tx
from bot.errors import StoreBusy
from bot.model import (
    OPEN_STATES,
    DiscordUserId,
    DraftId,
    Job,
    JobState,
    MemberNumber,
    MessageId,
    Reuse,
    SongRequest,
    Source,
    TakeDetails,
    Track,
)
from bot.refusals import TextsGone
from bot.store import erasure, job_cards, jobs, ledger, members, scrub, texts, times, tracks
from bot.store.erasure import Waits
from bot.store.reconcile import reconcile
from tests import make
from tests.make import GUILD, MEMBER, NOW, OTHER
from tests.unit.store.deleted_bytes import bytes_left
from tests.unit.store.rows import RICH, found, put, released, settled

THIRD = 9003
DONE = JobState.DELIVERED
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
NOTHING = Waits(own=0, of_others=0)
LYRICS = "City lights and midnight rain\nI left my heart on the train\nCome back, come back again"
EDITED = LYRICS.replace("I left my heart on the train", "A line of somebody else")


def number(tx: Tx, discord_id: int = MEMBER) -> int:
    return members.member_number(tx, DiscordUserId(discord_id))


def asked(
    tx: Tx,
    request: SongRequest | None = None,
    member_id: int = MEMBER,
    source: Job | None = None,
    reuse: Reuse = Reuse.REMIX,
    **changes: object,
) -> Job:
    """Return a member's queued job."""
    origin = make.origin(member_id=member_id, **changes)
    job = make.job(id=jobs.new_id(), request=request or make.custom(lyrics=LYRICS), origin=origin)
    member = MemberNumber(number(tx, member_id))
    held = ledger.hold(tx, job.id, GUILD, member, 10, RICH, NOW)
    taken = None if source is None else Source(job_id=source.id, reuse=reuse)
    jobs.add(tx, job, member, held, due_at=NOW, source=taken)
    return found(tx, job)


def done(tx: Tx, job: Job) -> Job:
    settled(tx, job)
    return put(tx, job, DONE, due=False)


def erase(tx: Tx, discord_id: int = MEMBER) -> Waits:
    return erasure.erase(tx, MemberNumber(number(tx, discord_id)), NOW)


def column(tx: Tx, sql: str) -> list[object]:
    return [row[0] for row in tx.execute(sql)]


# -- removed and kept data


def test_a_deletion_keeps_only_a_songs_data_needed_by_the_books(tx: Tx) -> None:
    job = done(tx, asked(tx, member_name="Ann"))
    tracks.add_track(
        tx, job, Track(take=1, file=f"{job.id}-1.mp3", size_bytes=9, sha256="ab", url="https://x")
    )
    kept = "id, guild_id, member_id, state, created_at, state_since, price, day, allowance_part, bonus_part"
    before = [tuple(row) for row in tx.execute(f"SELECT {kept} FROM job")]  # noqa: S608

    assert NOTHING == erase(tx)

    after = found(tx, job)
    assert after.erased
    assert "" == after.request.lyrics
    assert ((), None, None) == (after.tracks, after.message_id, after.card_message_id)
    assert before == [tuple(row) for row in tx.execute(f"SELECT {kept} FROM job")]  # noqa: S608
    for table in ("song", "text", "track", "draft", "rating"):
        assert [] == tx.execute(f"SELECT * FROM {table}").fetchall()  # noqa: S608


def test_the_services_details_of_takes_are_deleted_with_the_texts(tx: Tx) -> None:
    takes = (TakeDetails(url="https://x", upstream_id="a1", title="Glass", duration_s=59.5),)
    outlived, erased, other = (asked(tx), asked(tx, member_id=THIRD), asked(tx, member_id=OTHER))
    for job in (outlived, erased, other):
        put(tx, job, JobState.READY)
        jobs.move(tx, found(tx, job), JobState.READY, now=NOW, due_at=NOW, takes=takes)
        for state in (JobState.STORED, JobState.DELIVERING, DONE):
            put(tx, job, state, due=state is not DONE)
        settled(tx, job)
    assert [takes] * 3 == [found(tx, job).takes for job in (outlived, erased, other)]

    erasure.drop_outlived(tx, [outlived.id])
    erase(tx, THIRD)

    assert [(), (), takes] == [found(tx, job).takes for job in (outlived, erased, other)]


def test_the_ledger_keeps_every_row_and_adds_up(tx: Tx) -> None:
    for state in JobState:
        job = asked(tx)
        if state in (JobState.FAILED, JobState.EXPLAINED):
            released(tx, job)
        elif state not in (JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING, JobState.READY):
            settled(tx, job)
        put(tx, job, state, due=state not in (DONE, JobState.EXPLAINED, JobState.UNDELIVERED))
    ledger.grant(tx, GUILD, 5, make.entry("a party"), NOW)
    before = tx.execute("SELECT * FROM ledger").fetchall()

    erase(tx)

    assert [tuple(row) for row in before] == [tuple(row) for row in tx.execute("SELECT * FROM ledger")]
    assert () == reconcile(tx).findings
    assert [MEMBER] == column(tx, "SELECT discord_id FROM member")


def test_songs_of_others_are_kept(tx: Tx) -> None:
    done(tx, asked(tx))
    other = done(tx, asked(tx, member_id=OTHER, member_name="Bob"))
    texts.keep_draft(tx, DraftId(7), OTHER, make.prompt("theirs"), None, NOW)

    erase(tx)

    assert other == found(tx, other)
    assert ["Bob"] == column(tx, "SELECT asked_by FROM song")
    assert None is not texts.draft(tx, DraftId(7), OTHER, NOW)


def test_a_late_id_is_not_written_into_an_erased_job(tx: Tx) -> None:
    job = done(tx, asked(tx))
    erase(tx)
    blank = tuple(tx.execute("SELECT * FROM job").fetchone())

    job_cards.card_found(tx, job, MessageId(4242))
    job_cards.card_shown(tx, job, "delivered::", NOW, NOW + SECOND)
    job_cards.answered(tx, job.id, MessageId(4242), "queued", NOW)
    tracks.add_track(tx, job, Track(take=1, file="a.mp3", size_bytes=9, sha256="ab", url="https://x"))
    posted = jobs.post_again(tx, job.id, NOW)

    assert blank == tuple(tx.execute("SELECT * FROM job").fetchone())
    assert [] == column(tx, "SELECT file FROM track")
    assert not posted


def test_an_undelivered_song_is_not_posted_after_its_erasure(tx: Tx) -> None:
    job = asked(tx)
    settled(tx, job)
    put(tx, job, JobState.UNDELIVERED, due=False)
    erase(tx)

    assert not jobs.post_again(tx, job.id, NOW)


def test_a_deletion_requested_twice_is_done_once(tx: Tx) -> None:
    done(tx, asked(tx))
    member = number(tx)
    erasure.erase(tx, MemberNumber(member), NOW)

    assert members.NOBODY == members.known_member(tx, MEMBER)


@pytest.mark.parametrize("state", [JobState.RUNNING, JobState.READY])
def test_a_parked_job_is_failed_and_its_credits_are_released(tx: Tx, state: JobState) -> None:
    job = put(tx, asked(tx), state, due=False)
    tx.execute("UPDATE job SET parked = 'slow'")

    assert NOTHING == erase(tx)

    assert (JobState.EXPLAINED, False) == (found(tx, job).state, found(tx, job).parked)
    assert 0 == ledger.balance(tx, GUILD, RICH, NOW).held
    assert () == reconcile(tx).findings


STAYS = {
    "budget_alert": "*",  # a server's
    "guild": "*",
    "role_limit": "*",
    "refused_word": "*",  # a server's
    "manager_role": "*",  # a server's
    "song_channel": "*",  # a server's
    "ledger": "*",  # with numbers that identify nobody
    "usage": "*",
    "breaker": "*",  # the bot's own
    "server_rule": "*",  # the operator's own
    "day_total": "*",
    "song_total": "*",
    "spent_total": "*",  # as usage
    "suspicion": "*",  # with hashes too short to identify anybody
    "refused_interaction": "*",  # for an hour, and without a name
    "fact": "*",
    "sqlite_sequence": "*",
    "spool_removal": "*",
    "lyrics_call": "id member_id backend state asked_at upstream_credits refusal",  # what was paid
    "job_event": "job_id number at kind state attempt repeats last_at",
    "member": "id",
    "member_limit": "guild_id member_id credits",  # with a hash, as long as it is in force
    "forgotten": "member_id hash",
    "job": "backend upstream_credits "
    "id guild_id member_id may_reference state attempt claim_epoch tries created_at state_since "
    "due_at parked price day allowance_part bonus_part submitted_at missing_since misses reason closed "
    "retry_of limit_credits again_of restored_at",
}
GOES = {
    "member": "discord_id locale leaving_since",
    "job": "interaction_id channel_id parent_channel_id results_channel_id announce_channel_id "
    "task_id urls takes detail delivery_channel_id "
    "delivery_direct delivery_started_at message_id card_message_id card_shown card_due_at card_free_at",
    "job_event": "note",  # of the answers
    "song": "*",
    "text": "*",
    "coauthor": "*",
    "track": "*",
    "announcement": "*",
    "draft": "*",
    "rating": "*",
    "song_tally": "*",
    "lyrics_call": "interaction_id task_id about",
}
"""Columns of each table that a deletion keeps or clears; every new column needs a decision."""


@pytest.mark.sqlite
def test_a_deletions_effect_is_decided_for_every_column(tx: Tx) -> None:
    for table in column(
        tx, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_stat%'"
    ):
        decided = f"{STAYS.get(str(table), '')} {GOES.get(str(table), '')}".split()
        columns = column(tx, f"SELECT name FROM pragma_table_info('{table}')")  # noqa: S608

        assert "*" in decided or sorted(decided) == sorted(map(str, columns)), table


def test_a_deletion_empties_every_column_decided_for_a_job(tx: Tx) -> None:
    job = done(tx, asked(tx, member_locale="de"))
    values = ", ".join(
        f"{name} = 7" for name in GOES["job"].split() if name not in ("delivery_direct", "urls")
    )
    tx.execute(f"UPDATE job SET urls = '[7]', delivery_direct = 1, {values}")  # noqa: S608

    erase(tx)

    (row,) = tx.execute(f"SELECT {', '.join(GOES['job'].split())} FROM job").fetchall()  # noqa: S608
    assert {-job.id, 0, f"erased-{job.id}", "[]", "", None} == set(row)
    assert [(None, "", None)] == [
        tuple(found) for found in tx.execute("SELECT discord_id, locale, leaving_since FROM member")
    ]


# -- texts reused by others


def test_a_remix_with_one_changed_line_loses_that_text(tx: Tx) -> None:
    source = done(tx, asked(tx))
    remix = done(tx, asked(tx, replace(source.request, lyrics=EDITED, title="My own"), OTHER, source))

    erase(tx)

    there = found(tx, remix)
    assert ("My own", "", "") == (there.request.title, there.request.lyrics, there.request.style)
    assert not there.texts_whole


def test_a_remix_of_a_remix_is_reached_without_the_song_in_between(tx: Tx) -> None:
    source = done(tx, asked(tx))
    between = done(tx, asked(tx, replace(source.request, lyrics=EDITED), OTHER, source))
    last = done(tx, asked(tx, replace(between.request, lyrics=f"{EDITED}\nmore"), THIRD, between))
    erasure.drop_outlived(tx, [source.id, between.id])

    erase(tx)

    assert "" == found(tx, last).request.lyrics
    assert [] == column(tx, "SELECT value FROM text WHERE value LIKE '%midnight%'")


def test_a_remix_is_reached_after_the_authors_own_song_is_gone(tx: Tx) -> None:
    source = done(tx, asked(tx))
    done(tx, asked(tx, replace(source.request, lyrics=EDITED), OTHER, source))
    erasure.drop_outlived(tx, [source.id])

    erase(tx)

    assert [] == column(tx, "SELECT value FROM text")


def test_a_remix_with_its_own_words_is_kept(tx: Tx) -> None:
    source = done(tx, asked(tx))
    own = make.custom(title="Fleas", style="polka", lyrics="My dog has fleas\nAnd so have I")
    remix = done(tx, asked(tx, own, OTHER, source))

    erase(tx)

    assert own == found(tx, remix).request
    assert found(tx, remix).texts_whole


def test_drafts_with_the_words_are_deleted_and_others_kept(tx: Tx) -> None:
    source = done(tx, asked(tx))
    again = done(tx, asked(tx, source.request, OTHER, source, Reuse.AGAIN))
    remix = done(tx, asked(tx, make.custom(title="Fleas", style="polka", lyrics=EDITED), OTHER, source))
    unrelated = done(tx, asked(tx, make.prompt("fleas"), OTHER))
    drafts = {
        1: (MEMBER, None),
        2: (OTHER, source),
        3: (OTHER, again),
        4: (THIRD, remix),
        5: (THIRD, unrelated),
    }
    for key, (member_id, of) in drafts.items():
        texts.keep_draft(
            tx, DraftId(key), DiscordUserId(member_id), make.prompt("x"), None if of is None else of.id, NOW
        )
    texts.keep_draft(tx, DraftId(6), OTHER, make.prompt("x"), None, NOW)

    erase(tx)

    assert [5, 6] == column(tx, "SELECT id FROM draft ORDER BY id")


# -- waiting


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_an_open_job_finishes_first(tx: Tx, state: JobState) -> None:
    job = asked(tx)
    if state in (JobState.STORED, JobState.DELIVERING):
        settled(tx, job)
    elif state is JobState.FAILED:
        released(tx, job)
    put(tx, job, state)
    old = done(tx, asked(tx, make.prompt("old words")))

    waits = erase(tx)

    assert Waits(own=1, of_others=0) == waits
    assert job.request == found(tx, job).request
    assert MEMBER == found(tx, job).origin.member_id
    assert "" == found(tx, old).request.prompt
    assert [] == erasure.due(tx, NOW)


@pytest.mark.parametrize(
    ("state", "waits"),
    [(JobState.QUEUED, 1), (JobState.SUBMITTING, 1), (JobState.RUNNING, 0), (JobState.READY, 0), (DONE, 0)],
)
@pytest.mark.parametrize("lyrics", [LYRICS, EDITED])
def test_another_members_song_is_waited_for_until_its_submission(
    tx: Tx, state: JobState, waits: int, lyrics: str
) -> None:
    source = done(tx, asked(tx))
    request = make.custom(title="Fleas", style="polka", lyrics=lyrics)
    theirs = put(tx, asked(tx, request, OTHER, source), state, due=state is not DONE)

    assert Waits(own=0, of_others=waits) == erase(tx)

    assert (lyrics if waits else "") == found(tx, theirs).request.lyrics


def test_a_deletion_is_due_once_the_last_song_and_its_card_are_done(tx: Tx) -> None:
    job = asked(tx)
    erase(tx)

    before = erasure.due(tx, NOW)
    ended = done(tx, job)
    behind = erasure.due(tx, NOW + SECOND)
    job_cards.card_shown(tx, ended, "delivered", None, NOW)
    after = erasure.due(tx, NOW + SECOND)

    assert ([], [], [number(tx)]) == (before, behind, after)


def test_a_card_that_cannot_be_updated_is_waited_for_one_minute(tx: Tx) -> None:
    job = asked(tx)
    erase(tx)
    done(tx, job)

    assert [number(tx)] == erasure.due(tx, NOW + timedelta(minutes=1))


def test_words_of_a_leaving_member_can_no_longer_be_reused(tx: Tx) -> None:
    source = asked(tx)
    remix = done(tx, asked(tx, make.custom(title="Fleas", style="polka", lyrics=EDITED), OTHER, source))
    free = done(tx, asked(tx, make.custom(title="Fleas", style="polka", lyrics="My dog"), OTHER, source))
    before = [texts.may_be_taken_up(tx, job.id) for job in (source, remix, free)]

    erase(tx)

    assert [True, True, True] == before
    assert [False, False, True] == [texts.may_be_taken_up(tx, job.id) for job in (source, remix, free)]
    with pytest.raises(TextsGone):
        texts.keep_draft(tx, DraftId(1), OTHER, make.custom(lyrics=LYRICS), source.id, NOW)


# -- expired texts


def ended(tx: Tx, days_ago: int, state: JobState = DONE, **changes: object) -> Job:
    """Return a member's job that finished a given time ago."""
    at = NOW - days_ago * DAY
    job = asked(tx, make.prompt(f"{days_ago} days"), **changes)  # type: ignore[arg-type]
    (released if state is JobState.EXPLAINED else settled)(tx, job)
    put(tx, job, state, due=False)
    tx.execute(
        "UPDATE job SET created_at = :at, state_since = :at, urls = '[1]', detail = 'said' WHERE id = :id",
        {"at": times.milliseconds(at), "id": job.id},
    )
    return job


def drop(tx: Tx, days: int = 90) -> None:
    erasure.drop_outlived(tx, texts.outlived(tx, NOW - days * DAY, 100))


def test_texts_of_an_old_song_are_dropped_with_all_references(tx: Tx) -> None:
    old = [ended(tx, 91, state) for state in (DONE, JobState.EXPLAINED, JobState.UNDELIVERED)]
    young = ended(tx, 89)

    drop(tx)

    assert ["89 days"] == column(tx, "SELECT value FROM text")
    assert [young.id] == column(tx, "SELECT job_id FROM song")
    assert [("[]", "", None)] * 3 == [
        (row["urls"], row["detail"], row["asked_by"])
        for job in old
        for row in tx.execute(
            "SELECT urls, detail, asked_by FROM job LEFT JOIN song ON job_id = id WHERE id = ?", (job.id,)
        )
    ]


def test_a_text_is_kept_as_long_as_a_younger_song_uses_it(tx: Tx) -> None:
    old = ended(tx, 91)
    again = done(tx, asked(tx, make.prompt("91 days"), OTHER, old, Reuse.AGAIN))

    drop(tx)
    with_younger = column(tx, "SELECT value FROM text")
    erase(tx, OTHER)

    assert ["91 days"] == with_younger
    assert not found(tx, again).texts_whole
    assert [] == column(tx, "SELECT value FROM text")


def test_texts_of_an_unfinished_job_are_kept_however_old(tx: Tx) -> None:
    job = ended(tx, 91)
    tx.execute("UPDATE job SET state = 'running', due_at = 1")

    drop(tx)

    assert [job.id] == column(tx, "SELECT job_id FROM song")


def test_texts_of_a_job_parked_for_ever_are_dropped_too(tx: Tx) -> None:
    ended(tx, 91)
    tx.execute("UPDATE job SET state = 'running', parked = 'slow', due_at = NULL")

    drop(tx)

    assert [] == column(tx, "SELECT job_id FROM song")


# -- the files

ID = 1_234_567_890_123_456_789
"""First of the ids, ten for each song."""
PEOPLE, LEAVING = 200, 25
ORDER = [person for person in range(PEOPLE) for _ in range(3)]
"""The member who requests each song."""
random.Random(1).shuffle(ORDER)  # noqa: S311 - no secret


def person_id(person: int) -> int:
    return ID + 10**12 + person


def direct_channel(first: int) -> int:
    """Return an id of six bytes, like those of the oldest channels."""
    return first & 0x7FFF_FFFF_FFFF


def marked(mark: str, size: int) -> SongRequest:
    """Return a custom song with the mark in every line of each text."""
    lyrics = "\n".join(f"{mark} and the rain, line {line}" for line in range(size))
    return make.custom(
        title=f"{mark} title", style=f"{mark} style", lyrics=lyrics[:5_000], avoid=f"{mark} avoid"
    )


def song_of(tx: Tx, count: int, person: int) -> None:
    """Add a delivered song with a value in every optional column, and a draft."""
    mark, first = f"<{person:03}>", ID + count * 10
    request = marked(mark, random.Random(count).choice([1, 4, 20, 80, 200]))  # noqa: S311 - no secret
    job = asked(
        tx,
        request,
        person_id(person),
        interaction_id=first,
        channel_id=first + 1,
        member_name=f"{mark} name",
        member_locale=f"{mark} locale",
    )
    settled(tx, job)
    put(tx, job, DONE, due=False)
    tx.execute(
        """UPDATE job SET task_id = :mark || id, urls = json_array(:mark), detail = :mark, card_shown = :mark,
                          message_id = :id + 2, card_message_id = :id + 3, delivery_channel_id = :direct,
                          delivery_direct = 1, delivery_started_at = 1 WHERE id = :job""",
        {"mark": mark, "id": first, "job": job.id, "direct": direct_channel(first)},
    )
    track = Track(take=1, file=f"{job.id}-1.mp3", size_bytes=9, sha256=mark, url=mark)
    tracks.add_track(tx, job, track)
    texts.keep_draft(tx, DraftId(job.id), DiscordUserId(person_id(person)), request, job.id, NOW)


def left_of(path: Path, people: list[int]) -> set[tuple[str, str]]:
    """Return the data of these people that is still in the files."""
    firsts = [ID + count * 10 for count, person in enumerate(ORDER) if person in people]
    ids = [first + offset for first in firsts for offset in range(4)]
    ids += [direct_channel(first) for first in firsts] + [person_id(person) for person in people]
    return bytes_left(path, [f"<{person:03}>" for person in people], ids)


@pytest.fixture(scope="module")
def crowded_file(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with hundreds of songs in random order, written once."""

    async def write(path: Path) -> None:
        async with Database.open(path) as database:
            for count, person in enumerate(ORDER):
                await database.write(partial(song_of, count=count, person=person))
            await database.write(lambda tx: texts.drop_drafts(tx, NOW + 2 * DAY, 10_000))

    path = tmp_path_factory.mktemp("crowded") / "tunesmith.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            sqlite_connections, "PRAGMAS", (*sqlite_connections.PRAGMAS, "PRAGMA synchronous = OFF")
        )
        asyncio.run(write(path))
    return path.read_bytes()


@pytest.fixture
async def crowded(
    tmp_path: Path,
    crowded_file: bytes,
    nothing_is_flushed: None,  # noqa: ARG001
) -> AsyncIterator[Database]:
    path = tmp_path / "tunesmith.db"
    path.write_bytes(crowded_file)
    async with Database.open(path) as database:
        yield database


async def scrubbed(database: Database) -> None:
    """Scrub the whole file in parts."""
    page: int | None = FIRST_PAGE
    while page is not None:
        page = await database.scrub(page, partial(scrub.reach, page=page))


async def test_no_data_of_forgotten_members_is_left_in_the_files(crowded: Database) -> None:
    leaving = list(range(LEAVING))
    before = {shown for _, shown in left_of(crowded.path, leaving)}
    for person in leaving:
        await crowded.write(partial(erase, discord_id=person_id(person)))

    await scrubbed(crowded)
    emptied = await crowded.empty_log()

    assert emptied
    assert len(before) > 10 * LEAVING
    assert set() == left_of(crowded.path, leaving)
    assert left_of(crowded.path, [LEAVING])
    assert () == (await crowded.read(reconcile)).findings


async def test_no_dropped_text_is_left_in_the_files(crowded: Database) -> None:
    later = NOW + 91 * DAY

    def drop_all(tx: Tx) -> None:
        while found := texts.outlived(tx, later - 90 * DAY, 100):
            erasure.drop_outlived(tx, found)
        texts.drop_drafts(tx, later, 10_000)

    await crowded.write(drop_all)
    await scrubbed(crowded)
    await crowded.empty_log()

    words = [
        f"<{person:03}> {what}" for person in range(PEOPLE) for what in ("title", "style", "and", "name")
    ]
    assert set() == bytes_left(crowded.path, words, [])


@pytest.mark.sqlite
async def test_a_log_with_a_reader_is_scrubbed_once_the_read_ends(database: Database) -> None:
    await database.write(lambda tx: song_of(tx, 1, 1))
    with closing(sqlite3.connect(database.path)) as reading:
        reading.execute("BEGIN")
        reading.execute("SELECT * FROM job").fetchall()
        await database.write(partial(erase, discord_id=person_id(1)))
        with pytest.raises(StoreBusy):
            await scrubbed(database)

    await scrubbed(database)

    assert await database.empty_log()
    assert set() == bytes_left(database.path, ["<001>"], [person_id(1)])


@pytest.mark.sqlite
async def test_a_file_with_a_writer_is_not_scrubbed_and_stays_intact(database: Database) -> None:
    await database.write(lambda tx: song_of(tx, 1, 1))
    with closing(sqlite3.connect(database.path, isolation_level=None)) as writing:
        writing.execute("BEGIN IMMEDIATE")

        with pytest.raises(StoreBusy):
            await scrubbed(database)

    assert () == (await database.read(reconcile)).findings


async def test_requests_are_served_while_the_file_is_scrubbed(crowded: Database) -> None:
    numbers = [*range(len(ORDER), len(ORDER) + 20)]

    await asyncio.gather(
        scrubbed(crowded),
        *(crowded.write(partial(song_of, count=count, person=PEOPLE)) for count in numbers),
    )

    assert () == (await crowded.read(reconcile)).findings
    assert [20] == await crowded.read(
        lambda tx: column(tx, "SELECT COUNT(*) FROM text WHERE value LIKE '<200> t%'")
    )
