"""A job's history is recorded by the database itself, within bounds, and without anybody's words."""

from datetime import timedelta

from bot.database.sqlite import Tx
from bot.model import ChannelId, Delivery, FailReason, Job, JobState, MessageId
from bot.store import erasure, job_cards, job_events, jobs, ledger
from bot.store.job_events import ANSWER_MAX, EVENTS_MAX
from tests import make
from tests.make import NOW
from tests.unit.store.rows import added, claimed, found, put, settled

SECOND = timedelta(seconds=1)


def told(tx: Tx, job: Job) -> list[tuple[str, str, str]]:
    return [(event.kind, event.state, event.note) for event in job_events.events(tx, job.id)]


def test_every_change_of_state_is_recorded_whatever_makes_it(tx: Tx) -> None:
    job = added(tx)
    for state in (JobState.SUBMITTING, JobState.RUNNING, JobState.READY, JobState.STORED):
        put(tx, job, state, now=NOW + SECOND)
    tx.execute("UPDATE job SET state = 'undelivered' WHERE id = ?", (job.id,))

    assert [
        ("state", "queued", ""),
        ("state", "submitting", "sseedance"),
        *(("state", state, "") for state in ("running", "ready", "stored", "undelivered")),
    ] == told(tx, job)
    assert [NOW, NOW + SECOND] == [event.at for event in job_events.events(tx, job.id)][:2]


def test_a_failure_names_its_reason_and_a_send_its_kind_of_place(tx: Tx) -> None:
    failed, sent = added(tx), added(tx)
    put(tx, failed, JobState.FAILED)
    put(tx, sent, JobState.STORED)
    tx.execute("UPDATE job SET results_channel_id = 66 WHERE id = ?", (sent.id,))
    for channel, direct in ((66, False), (make.CHANNEL, False), (77, False), (88, True)):
        to = Delivery(channel_id=ChannelId(channel), direct=direct, started_at=NOW + channel * SECOND)
        jobs.move(tx, found(tx, sent), JobState.DELIVERING, now=NOW, due_at=NOW, delivery=to)

    assert ("state", "failed", str(FailReason.UPSTREAM_FAILED)) == told(tx, failed)[-1]
    assert ["results channel", "channel", "parent channel", "direct message"] == [
        note for kind, state, note in told(tx, sent) if kind == "sending" or state == "delivering"
    ]


def test_parking_resuming_and_a_deleted_message_are_recorded(tx: Tx) -> None:
    job = put(tx, added(tx), JobState.RUNNING)
    jobs.move(tx, job, JobState.RUNNING, now=NOW, due_at=None, parked="slow")
    jobs.move(tx, found(tx, job), JobState.RUNNING, now=NOW, due_at=NOW, parked=None)
    for state in (JobState.STORED, JobState.DELIVERED):
        put(tx, job, state)
    tx.execute("UPDATE job SET message_id = 5 WHERE id = ?", (job.id,))
    job_cards.message_gone(tx, job.id, MessageId(5), NOW)

    kinds = [kind for kind, _, _ in told(tx, job) if kind != "state"]
    assert ["parked", "resumed", "deleted"] == kinds


def test_the_same_answer_again_is_counted_and_another_is_a_new_event(tx: Tx) -> None:
    job = added(tx)
    for number, answer in enumerate(["HTTP 502", "HTTP 502", "HTTP 502", "HTTP 503"]):
        (current,) = claimed(tx)
        at = NOW + number * SECOND
        jobs.move(tx, current, JobState.QUEUED, now=at, due_at=NOW, answer=answer)

    _, first, second = job_events.events(tx, job.id)
    assert ("HTTP 502", 2, NOW, NOW + 2 * SECOND) == (first.note, first.repeats, first.at, first.last_at)
    assert ("HTTP 503", 0, 4) == (second.note, second.repeats, second.attempt)


def test_an_answer_to_an_overtaken_claim_is_not_recorded(tx: Tx) -> None:
    added(tx)
    (job,) = claimed(tx)
    claimed(tx, epoch=6)

    assert not jobs.move(tx, job, JobState.QUEUED, now=NOW, due_at=NOW, answer="late")
    assert [("state", "queued", "")] == told(tx, job)


def test_events_and_answers_are_bounded_and_the_last_is_kept(tx: Tx) -> None:
    job = put(tx, added(tx), JobState.STORED)
    for number in range(EVENTS_MAX):
        put(tx, job, JobState.UNDELIVERED if number % 2 else JobState.DELIVERING)
    jobs.move(tx, found(tx, job), JobState.STORED, now=NOW, due_at=NOW, answer="x" * 10_000)
    story = told(tx, job)
    job_events.record_answer(tx, found(tx, job), "y" * 10_000, NOW)

    assert EVENTS_MAX == len(story) == len(told(tx, job))
    assert ("state", "stored", "") == story[-1]
    assert ("answer", "stored", "y" * ANSWER_MAX) == told(tx, job)[-1]


def test_answers_lose_their_wording_by_deletion_and_with_time(tx: Tx) -> None:
    erased, outlived = added(tx), added(tx, member_id=make.OTHER)
    for job in (erased, outlived):
        job_events.record_answer(tx, job, "the words 'Ann' are not allowed", NOW)
        settled(tx, job)
        put(tx, job, JobState.DELIVERED, due=False)

    erasure.blank(tx, [erased.id])
    erasure.drop_outlived(tx, [outlived.id])

    assert [("answer", "queued", "")] * 2 == [told(tx, job)[1] for job in (erased, outlived)]


def test_a_jobs_credit_entries_are_read_in_order(tx: Tx) -> None:
    job = added(tx)
    settled(tx, job)
    ledger.refund(tx, job.id, make.entry("sorry"), NOW + SECOND)

    entries = job_events.entries(tx, job.id)

    assert ["hold", "settle", "refund"] == [entry.kind for entry in entries]
    assert {10} == {entry.allowance + entry.bonus for entry in entries}
    assert "sorry" == entries[-1].reason


def test_answers_to_others_songs_lose_the_members_words(tx: Tx) -> None:
    job = added(tx, member_id=make.OTHER)
    job_events.record_answer(tx, job, "quoted", NOW)
    text = tx.execute("SELECT prompt_id FROM song WHERE job_id = ?", (job.id,)).fetchone()[0]
    added(tx)
    number = tx.execute("SELECT id FROM member WHERE discord_id = ?", (make.MEMBER,)).fetchone()[0]
    tx.execute("INSERT INTO coauthor (text_id, author_id) VALUES (?, ?)", (text, number))

    erasure.erase(tx, number, NOW)

    assert "" == told(tx, job)[1][2]
