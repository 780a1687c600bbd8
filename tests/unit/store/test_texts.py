"""Texts are stored once, under their author; drafts are kept for a day."""

from datetime import timedelta

import pytest
from msgspec.structs import replace

from bot.database.sqlite import Tx
from bot.model import DiscordUserId, DraftId, Job, Reuse, SongRequest, Source, Voice
from bot.store import jobs, ledger, members, texts
from tests import make
from tests.make import GUILD, MEMBER, NOW, OTHER
from tests.unit.store.rows import added, found

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
KEY = DraftId(77)


def asked(tx: Tx, request: SongRequest) -> Job:
    """Return a member's job with their own texts."""
    job = make.job(id=jobs.new_id(), request=request, origin=make.origin())
    member = members.member_number(tx, MEMBER)
    held = ledger.hold(tx, job.id, GUILD, member, 10, make.DEFAULTS, NOW)
    jobs.add(tx, job, member, held, due_at=NOW)
    return found(tx, job)


def taken_up(tx: Tx, source: Job, reuse: Reuse, request: SongRequest) -> Job:
    """Return another member's job with the texts of ``source``."""
    asked = make.origin(member_id=OTHER)
    job = make.job(id=jobs.new_id(), request=request, origin=asked)
    member = members.member_number(tx, OTHER)
    held = ledger.hold(tx, job.id, GUILD, member, 10, make.DEFAULTS, NOW)
    jobs.add(tx, job, member, held, due_at=NOW, source=Source(job_id=source.id, reuse=reuse))
    return found(tx, job)


def texts_of(tx: Tx, member_id: int) -> set[str]:
    rows = tx.execute(
        "SELECT value FROM text WHERE author_id = ?", (members.member_number(tx, DiscordUserId(member_id)),)
    )
    return {row["value"] for row in rows}


def test_the_same_song_again_copies_nothing(tx: Tx) -> None:
    source = asked(tx, make.custom(avoid="drums"))

    again = taken_up(tx, source, Reuse.AGAIN, source.request)

    assert source.request == again.request
    assert set() == texts_of(tx, OTHER)


def test_a_remix_stores_only_changed_texts(tx: Tx) -> None:
    source = asked(tx, make.custom())

    remix = taken_up(tx, source, Reuse.REMIX, replace(source.request, style="polka", title="", custom=True))

    assert ("", "polka", source.request.lyrics) == (
        remix.request.title,
        remix.request.style,
        remix.request.lyrics,
    )
    assert {"polka"} == texts_of(tx, OTHER)


def test_a_text_deleted_by_its_author_leaves_every_song_using_it(tx: Tx) -> None:
    source = asked(tx, make.custom())
    remix = taken_up(tx, source, Reuse.REMIX, replace(source.request, style="polka"))
    again = taken_up(tx, remix, Reuse.AGAIN, remix.request)
    assert remix.texts_whole

    tx.execute("DELETE FROM text WHERE author_id = ?", (members.member_number(tx, MEMBER),))

    for job in (found(tx, remix), found(tx, again)):
        assert ("", "polka", "") == (job.request.title, job.request.style, job.request.lyrics)
        assert not job.texts_whole


def test_the_number_of_a_deleted_text_is_not_reused(tx: Tx) -> None:
    source = asked(tx, make.prompt("old words"))
    again = taken_up(tx, source, Reuse.AGAIN, source.request)
    tx.execute("DELETE FROM text")

    asked(tx, make.prompt("new words"))

    assert "" == found(tx, again).request.prompt


# -- drafts


@pytest.mark.parametrize(
    "request_",
    [
        make.prompt("x" * 9_000, avoid="drums"),
        make.custom(voice=Voice.FEMALE),
        make.custom(duration_s=120),
        make.custom(lyrics="", instrumental=True),
    ],
)
def test_a_refused_form_is_returned_with_its_texts(tx: Tx, request_: SongRequest) -> None:
    job = added(tx)

    texts.keep_draft(tx, KEY, MEMBER, request_, job.id, NOW)

    assert (request_, job.id) == texts.draft(tx, KEY, MEMBER, NOW + DAY)


def test_a_draft_is_for_its_own_member(tx: Tx) -> None:
    texts.keep_draft(tx, KEY, MEMBER, make.prompt(), None, NOW)

    assert None is texts.draft(tx, KEY, OTHER, NOW)
    assert None is texts.draft(tx, DraftId(KEY + 1), MEMBER, NOW)


def test_a_draft_lives_a_day(tx: Tx) -> None:
    texts.keep_draft(tx, KEY, MEMBER, make.prompt("old"), None, NOW)

    after = texts.draft(tx, KEY, MEMBER, NOW + DAY + SECOND)
    texts.keep_draft(tx, DraftId(KEY + 1), OTHER, make.prompt("new"), None, NOW + DAY + SECOND)
    texts.drop_drafts(tx, NOW + DAY + SECOND, 10)

    assert None is after
    assert [KEY + 1] == [row["id"] for row in tx.execute("SELECT id FROM draft")]
