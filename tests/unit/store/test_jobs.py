from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from bot.database.sqlite import Tx
from bot.model import (
    OPEN_STATES,
    Backend,
    ChannelId,
    ClosedCause,
    Delivery,
    FailReason,
    GuildId,
    InteractionId,
    JobId,
    JobState,
    MemberNumber,
    MessageId,
    TaskId,
)
from bot.store import claims, job_cards, jobs, ledger, members, queue_order, times, tracks
from tests import make
from tests.make import CHANNEL, GUILD, MEMBER, NOW, OTHER
from tests.unit.store.rows import (
    ALL,
    EPOCH,
    HORIZON,
    VIOLATED,
    added,
    claim_due,
    claimed,
    found,
    put,
    track,
    without_roles,
)

SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=s) for s in (1, 60, 3_600, 86_400))


# -- add and get


@pytest.mark.parametrize(
    "request_", [make.prompt(), make.custom(), make.custom(lyrics="", instrumental=True)]
)
def test_a_job_is_read_as_it_was_added(tx: Tx, request_: object) -> None:
    asked = make.origin(may_reference=False, role_ids=frozenset({1, 2}))
    job = make.job(id=jobs.new_id(), request=request_, origin=asked, price_credits=30)
    member = members.member_number(tx, MEMBER)
    held = ledger.hold(tx, job.id, GUILD, member, 30, make.DEFAULTS, NOW)

    jobs.add(tx, job, member, held, due_at=NOW)

    assert without_roles(job) == jobs.get(tx, job.id)
    assert (GUILD, member, held) == jobs.held(tx, job.id)


def test_values_learned_later_are_read_too(tx: Tx) -> None:
    job = added(tx)
    [claim] = claimed(tx)

    jobs.move(
        tx,
        claim,
        JobState.FAILED,
        now=NOW + SECOND,
        due_at=NOW,
        task_id=TaskId("a-1"),
        urls=("https://files.example/1.mp3",),
        reason=FailReason.CLOSED,
        closed=ClosedCause.NO_CREDITS,
        detail="no more",
        misses=2,
        missing_since=NOW,
        delivery=Delivery(channel_id=ChannelId(7), direct=True, started_at=NOW + MINUTE),
        message_id=MessageId(8),
    )
    tracks.add_track(tx, found(tx, job), track(2))
    tracks.add_track(tx, found(tx, job), track(1))

    assert replace(
        without_roles(job),
        state=JobState.FAILED,
        attempt=1,
        state_since=NOW + SECOND,
        task_id="a-1",
        urls=("https://files.example/1.mp3",),
        tracks=(track(1), track(2)),
        reason=FailReason.CLOSED,
        closed=ClosedCause.NO_CREDITS,
        detail="no more",
        misses=2,
        missing_since=NOW,
        delivery=Delivery(channel_id=ChannelId(7), direct=True, started_at=NOW + MINUTE),
        message_id=8,
    ) == found(tx, job)


def test_a_missing_job_is_none(tx: Tx) -> None:
    assert None is jobs.get(tx, JobId(42))


def test_an_interaction_becomes_one_job(tx: Tx) -> None:
    job = added(tx, interaction_id=77)

    assert jobs.taken(tx, InteractionId(77))
    assert not jobs.taken(tx, InteractionId(78))
    _, member, held = jobs.held(tx, job.id)
    with pytest.raises(VIOLATED):
        jobs.add(tx, replace(job, id=jobs.new_id()), member, held, due_at=NOW)


def test_the_largest_discord_ids_are_stored(tx: Tx) -> None:
    most = 2**63 - 1

    job = added(tx, interaction_id=most, guild_id=most, channel_id=most, member_id=most)

    assert job.origin == found(tx, job).origin


def test_a_job_outlives_its_texts(tx: Tx) -> None:
    job = added(tx)
    tx.execute("DELETE FROM song")
    tx.execute("UPDATE member SET discord_id = NULL")

    left = found(tx, job)

    assert "" == left.request.model
    assert 0 == left.origin.member_id


def test_ids_are_unique_and_fit_into_a_double() -> None:
    ids = {jobs.new_id() for _ in range(1_000)}

    assert 1_000 == len(ids)
    assert all(0 <= number < 2**53 for number in ids)


def test_each_start_has_a_larger_epoch(tx: Tx) -> None:
    epochs = [claims.next_epoch(tx) for _ in range(12)]

    assert list(range(epochs[0], epochs[0] + 12)) == epochs


# -- claims


def test_a_job_is_claimed_once_in_an_epoch(tx: Tx) -> None:
    job = added(tx)

    first, again = claimed(tx), claimed(tx)

    assert [(job.id, 1)] == [(claim.id, claim.attempt) for claim in first]
    assert [] == again


def test_a_claim_of_an_earlier_epoch_is_invalid_at_once(tx: Tx) -> None:
    added(tx)
    [old] = claimed(tx, epoch=EPOCH)

    [new] = claimed(tx, epoch=EPOCH + 1)

    assert (1, 2) == (old.attempt, new.attempt)
    assert [] == claimed(tx, epoch=EPOCH)


def test_an_overtaken_claim_changes_nothing(tx: Tx) -> None:
    job = added(tx)
    [old] = claimed(tx, epoch=EPOCH)
    [new] = claimed(tx, epoch=EPOCH + 1)
    before = found(tx, job)

    moved = jobs.move(
        tx, old, JobState.SUBMITTING, backend=Backend.SSEEDANCE, now=NOW + HOUR, due_at=None, detail="old"
    )

    assert not moved
    assert before == found(tx, job)
    assert jobs.move(tx, new, JobState.SUBMITTING, backend=Backend.SSEEDANCE, now=NOW, due_at=NOW)


def test_a_claim_on_a_past_state_changes_nothing(tx: Tx) -> None:
    job = added(tx)
    [claim] = claimed(tx)
    jobs.move(tx, claim, JobState.SUBMITTING, backend=Backend.SSEEDANCE, now=NOW, due_at=NOW, keep_claim=True)

    again = jobs.move(tx, claim, JobState.FAILED, now=NOW, due_at=NOW, reason=FailReason.INTERNAL)

    assert not again
    assert JobState.SUBMITTING is found(tx, job).state


@pytest.mark.parametrize("id_", [41, -1])
def test_a_transition_of_a_missing_job_changes_nothing(tx: Tx, id_: int) -> None:
    added(tx)

    assert not jobs.move(tx, make.job(id=id_), JobState.SUBMITTING, now=NOW, due_at=NOW)


def test_a_transition_releases_the_claim_unless_it_is_kept(tx: Tx) -> None:
    job = added(tx)
    [claim] = claimed(tx)

    jobs.move(tx, claim, JobState.SUBMITTING, backend=Backend.SSEEDANCE, now=NOW, due_at=NOW, keep_claim=True)
    kept = claimed(tx)
    jobs.move(
        tx,
        replace(claim, state=JobState.SUBMITTING),
        JobState.RUNNING,
        now=NOW,
        due_at=NOW,
        task_id=TaskId("a-1"),
    )
    [let_go] = claimed(tx)

    assert [] == kept
    assert (job.id, 2) == (let_go.id, let_go.attempt)


def test_a_transition_resets_counts_and_makes_the_card_due(tx: Tx) -> None:
    job = added(tx)
    [claim] = claimed(tx)
    jobs.move(tx, claim, JobState.QUEUED, now=NOW + SECOND, due_at=NOW, tries=3, misses=2, missing_since=NOW)
    same = found(tx, job)
    cards_before = job_cards.cards_due(tx, NOW + DAY, 10)

    jobs.move(tx, same, JobState.SUBMITTING, backend=Backend.SSEEDANCE, now=NOW + MINUTE, due_at=NOW)

    assert (3, 2, NOW) == (same.tries, same.misses, same.state_since)
    other = found(tx, job)
    assert (0, 0, None, NOW + MINUTE) == (other.tries, other.misses, other.missing_since, other.state_since)
    assert [] == cards_before
    assert [job.id] == [there.id for there in job_cards.cards_due(tx, NOW + MINUTE, 10)]


def test_a_transition_keeps_the_counts_passed_to_it(tx: Tx) -> None:
    job = put(tx, added(tx), JobState.SUBMITTING)

    jobs.move(tx, job, JobState.QUEUED, now=NOW, due_at=NOW, tries=4, missing_since=NOW)

    assert (4, NOW) == (found(tx, job).tries, found(tx, job).missing_since)


@pytest.mark.parametrize(
    ("to", "columns"),
    [
        (JobState.RUNNING, {}),
        (JobState.READY, {}),
        (JobState.DELIVERED, {}),
        (JobState.UNDELIVERED, {}),
        (JobState.FAILED, {}),
        (JobState.EXPLAINED, {}),
        (JobState.DELIVERING, {"task_id": "a-1"}),
    ],
)
def test_the_schema_rejects_a_state_without_its_required_columns(
    tx: Tx, to: JobState, columns: jobs.JobChange
) -> None:
    added(tx)
    [claim] = claimed(tx)

    with pytest.raises(VIOLATED):
        jobs.move(tx, claim, to, now=NOW, due_at=NOW, **columns)


def test_the_schema_rejects_a_send_without_its_start(tx: Tx) -> None:
    added(tx)
    [claim] = claimed(tx)

    with pytest.raises(VIOLATED):
        tx.execute(
            """UPDATE job SET state = 'delivering', task_id = 'a-1', delivery_channel_id = 7
               WHERE id = ?""",
            (claim.id,),
        )


def test_a_task_belongs_to_one_job(tx: Tx) -> None:
    first, second = put(tx, added(tx), JobState.RUNNING), put(tx, added(tx), JobState.SUBMITTING)
    assert first.task_id is not None

    assert jobs.task_taken(tx, Backend.SSEEDANCE, first.task_id)
    assert not jobs.task_taken(tx, Backend.SSEEDANCE, TaskId("another"))
    with pytest.raises(VIOLATED):
        jobs.move(tx, second, JobState.RUNNING, now=NOW, due_at=NOW, task_id=first.task_id)


# -- due times


@pytest.mark.parametrize(
    ("due_in", "is_due"),
    [
        (-DAY, True),
        (timedelta(milliseconds=-1), True),
        (timedelta(), True),
        (timedelta(milliseconds=1), False),
        (HORIZON, False),
        # Only after a clock was set back is a time further away.
        (HORIZON + timedelta(milliseconds=1), True),
        (DAY, True),
        (365 * DAY, True),
    ],
)
def test_a_job_is_due_at_its_time_or_if_that_is_implausibly_late(
    tx: Tx, due_in: timedelta, is_due: bool
) -> None:
    added(tx, due_at=NOW + due_in)

    assert is_due is bool(claimed(tx))


def test_the_longest_waiting_jobs_come_first_up_to_the_limit(tx: Tx) -> None:
    late, early, middle, tie = (
        put(tx, added(tx, at=NOW - age, due_at=NOW), JobState.RUNNING, now=NOW - n * SECOND)
        for n, age in ((1, 0 * DAY), (3, 0 * DAY), (2, 0 * DAY), (3, DAY))
    )

    first, rest = claimed(tx, limit=3), claimed(tx, limit=3)

    assert [tie.id, early.id, middle.id] == [job.id for job in first]
    assert [late.id] == [job.id for job in rest]


def test_only_jobs_in_the_requested_states_are_claimed(tx: Tx) -> None:
    made = {state: put(tx, added(tx, channel_id=n), state) for n, state in enumerate(JobState) if n < 9}

    for state, job in made.items():
        assert [job.id] == [claim.id for claim in claim_due(tx, frozenset({state}), EPOCH, NOW, HORIZON, 10)]


def test_a_job_without_a_due_time_waits_for_a_person(tx: Tx) -> None:
    put(tx, added(tx), JobState.RUNNING, due=False)

    assert [] == claimed(tx, now=NOW + 365 * DAY)
    tx.execute("UPDATE job SET card_due_at = NULL")
    assert None is claims.next_due(tx, EPOCH)


def test_a_song_waits_for_an_older_one_in_its_channel(tx: Tx) -> None:
    younger = put(tx, added(tx, at=NOW - SECOND), JobState.STORED)
    older = put(tx, added(tx, at=NOW - MINUTE), JobState.STORED, now=NOW + MINUTE)
    elsewhere = put(tx, added(tx, channel_id=CHANNEL + 1), JobState.STORED)

    at_first = claimed(tx)
    next_at = claims.next_due(tx, EPOCH)
    [posting] = claimed(tx, now=NOW + MINUTE)
    jobs.move(tx, posting, JobState.DELIVERED, now=NOW, due_at=None)
    afterwards = claimed(tx)

    assert [elsewhere.id] == [job.id for job in at_first]
    assert NOW <= (next_at or NOW)
    assert older.id == posting.id
    assert [younger.id] == [job.id for job in afterwards]


@pytest.mark.parametrize("state", [JobState.READY, JobState.UNDELIVERED, JobState.FAILED])
def test_a_song_only_waits_for_songs_being_posted(tx: Tx, state: JobState) -> None:
    put(tx, added(tx, at=NOW - MINUTE), state)
    song = put(tx, added(tx), JobState.STORED)

    assert song.id in [job.id for job in claimed(tx)]


def test_the_next_due_time_is_that_of_the_first_unclaimed_job(tx: Tx) -> None:
    for n in (2, 1, 3):
        added(tx, due_at=NOW + n * MINUTE)

    assert NOW + MINUTE == claims.next_due(tx, EPOCH)
    claimed(tx, now=NOW + MINUTE)
    assert NOW + 2 * MINUTE == claims.next_due(tx, EPOCH)
    assert NOW + MINUTE == claims.next_due(tx, EPOCH + 1)


def test_a_card_may_be_due_next(tx: Tx) -> None:
    job = added(tx, due_at=NOW + HOUR)
    job_cards.answered(tx, job.id, MessageId(1), "queued", NOW)
    claimed(tx, now=NOW)
    job_cards.card_shown(tx, found(tx, job), "queued", NOW + MINUTE, NOW + 5 * SECOND)

    assert NOW + MINUTE == claims.next_due(tx, EPOCH)
    job_cards.card_shown(tx, found(tx, job), "queued", NOW, NOW + 5 * SECOND)
    assert NOW + 5 * SECOND == claims.next_due(tx, EPOCH)


def test_without_work_nothing_is_due_next(tx: Tx) -> None:
    assert None is claims.next_due(tx, EPOCH)


# -- the answer to the member


def test_an_answered_job_is_due_at_once(tx: Tx) -> None:
    job = added(tx, due_at=NOW + 4 * SECOND)
    before = claimed(tx)

    job_cards.answered(tx, job.id, MessageId(555), "queued", NOW)

    assert [] == before
    [claim] = claimed(tx)
    assert (555, "queued") == (claim.card_message_id, claim.card_shown)


def test_an_answer_does_not_advance_a_job_that_has_begun_to_wait(tx: Tx) -> None:
    job = added(tx)
    [claim] = claimed(tx)
    jobs.move(tx, claim, JobState.QUEUED, now=NOW, due_at=NOW + MINUTE)

    job_cards.answered(tx, job.id, MessageId(555), "queued", NOW + SECOND)

    assert [] == claimed(tx, now=NOW + SECOND)
    assert 555 == found(tx, job).card_message_id


def test_an_answer_does_not_delay_a_due_job(tx: Tx) -> None:
    job = added(tx, due_at=NOW)

    job_cards.answered(tx, job.id, None, "queued", NOW + MINUTE)

    assert [job.id] == [claim.id for claim in claimed(tx)]


def test_a_known_card_is_not_forgotten(tx: Tx) -> None:
    job = added(tx)
    job_cards.card_found(tx, job, MessageId(555))

    job_cards.answered(tx, job.id, None, "queued", NOW)
    job_cards.answered(tx, job.id, MessageId(556), "queued", NOW)

    assert 555 == found(tx, job).card_message_id


@pytest.mark.parametrize("answered", [True, False])
def test_an_unclaimed_request_can_be_withdrawn(tx: Tx, answered: bool) -> None:
    job = added(tx)
    if answered:
        job_cards.answered(tx, job.id, MessageId(1), "queued", NOW)

    assert jobs.withdraw(tx, job.id, NOW + SECOND)

    gone = found(tx, job)
    assert (JobState.EXPLAINED, FailReason.WITHDRAWN) == (gone.state, gone.reason)
    assert NOW + SECOND == gone.state_since
    assert [] == claimed(tx, now=NOW + DAY)
    assert not jobs.withdraw(tx, job.id, NOW + MINUTE)


def test_a_queued_request_is_withdrawn_despite_its_claim(tx: Tx) -> None:
    job = added(tx)
    [claim] = claimed(tx)

    withdrawn = jobs.withdraw(tx, job.id, NOW)
    moved = jobs.move(tx, claim, JobState.SUBMITTING, backend=Backend.SSEEDANCE, now=NOW, due_at=NOW)

    assert [True, False] == [withdrawn, moved]
    assert FailReason.WITHDRAWN is found(tx, job).reason
    assert claim.attempt < found(tx, job).attempt


def test_a_submitted_request_cannot_be_withdrawn(tx: Tx) -> None:
    job = added(tx)
    [claim] = claimed(tx)
    jobs.move(tx, claim, JobState.SUBMITTING, backend=Backend.SSEEDANCE, now=NOW, due_at=NOW)

    assert not jobs.withdraw(tx, job.id, NOW)
    assert JobState.SUBMITTING is found(tx, job).state
    assert not jobs.withdraw(tx, JobId(42), NOW)


# -- cards


def test_a_card_is_due_at_its_time_once_it_may_be_edited_again(tx: Tx) -> None:
    job = added(tx)
    job_cards.answered(tx, job.id, MessageId(1), "queued", NOW)
    job_cards.card_shown(tx, found(tx, job), "queued", NOW + 3 * SECOND, NOW + 5 * SECOND)

    def due(after_s: float) -> bool:
        return bool(job_cards.cards_due(tx, NOW + after_s * SECOND, 10))

    assert [False, False, False, True, True] == [due(after_s) for after_s in (0, 3, 4.999, 5, 60)]


def test_a_card_that_does_not_change_over_time_is_not_due(tx: Tx) -> None:
    job = added(tx)
    job_cards.answered(tx, job.id, MessageId(1), "queued", NOW)

    job_cards.card_shown(tx, found(tx, job), "ready", None, NOW)

    assert [] == job_cards.cards_due(tx, NOW + DAY, 10)
    assert "ready" == found(tx, job).card_shown


def test_a_card_edited_during_a_transition_of_its_job_is_due_again(tx: Tx) -> None:
    job = added(tx)
    job_cards.answered(tx, job.id, MessageId(1), "queued", NOW)
    seen = found(tx, job)
    put(tx, job, JobState.SUBMITTING, now=NOW + SECOND)

    job_cards.card_shown(tx, seen, "queued", None, NOW + 5 * SECOND)

    assert [] == job_cards.cards_due(tx, NOW + 4 * SECOND, 10)
    assert [job.id] == [there.id for there in job_cards.cards_due(tx, NOW + 5 * SECOND, 10)]


@pytest.mark.parametrize("state", [JobState.DELIVERED, JobState.EXPLAINED, JobState.UNDELIVERED])
def test_a_lagging_card_is_due_even_if_the_job_is_final(tx: Tx, state: JobState) -> None:
    job = added(tx)
    job_cards.answered(tx, job.id, MessageId(1), "queued", NOW)

    put(tx, job, state, due=False)

    assert [job.id] == [there.id for there in job_cards.cards_due(tx, NOW, 10)]
    assert [] == claimed(tx)


def test_the_longest_waiting_cards_come_first(tx: Tx) -> None:
    first, second, third = (added(tx) for _ in range(3))
    for seconds, job in enumerate((second, third, first)):
        job_cards.answered(tx, job.id, MessageId(1), "queued", NOW + seconds * SECOND)

    due = [job.id for job in job_cards.cards_due(tx, NOW + MINUTE, 2)]

    assert [second.id, third.id] == due


@pytest.mark.parametrize("back", [2 * HOUR, 365 * DAY])
def test_a_card_does_not_wait_because_the_clock_was_set_back(tx: Tx, back: timedelta) -> None:
    job = added(tx)
    job_cards.answered(tx, job.id, MessageId(1), "queued", NOW)
    job_cards.card_shown(tx, found(tx, job), "queued", NOW + MINUTE, NOW + 5 * SECOND)

    assert [job.id] == [there.id for there in job_cards.cards_due(tx, NOW - back, 10)]


@pytest.mark.parametrize("busy", [timedelta(), 5 * SECOND])
def test_a_card_that_changes_far_in_the_future_is_not_due_repeatedly(tx: Tx, busy: timedelta) -> None:
    job = added(tx)
    job_cards.answered(tx, job.id, MessageId(1), "queued", NOW)

    job_cards.card_shown(tx, found(tx, job), "queued", NOW + DAY, NOW + busy)

    assert [[]] * 60 == [job_cards.cards_due(tx, NOW + n * SECOND, 10) for n in range(60)]
    assert [job.id] == [there.id for there in job_cards.cards_due(tx, NOW + HOUR + busy, 10)]


# -- counts


def test_unfinished_songs_are_counted_by_member_and_by_server(tx: Tx) -> None:
    member, other = members.member_number(tx, MEMBER), members.member_number(tx, OTHER)
    for state in JobState:
        put(tx, added(tx, channel_id=len(state)), state, due=state in OPEN_STATES)
    added(tx, member_id=OTHER)
    added(tx, guild_id=GUILD + 1)
    put(tx, added(tx), JobState.RUNNING, due=False)  # parked

    assert jobs.Counts(member=MemberNumber(len(OPEN_STATES)), guild=len(OPEN_STATES) + 1) == jobs.count_open(
        tx, GUILD, member
    )
    assert jobs.Counts(member=MemberNumber(1), guild=len(OPEN_STATES) + 1) == jobs.count_open(
        tx, GUILD, other
    )
    assert jobs.Counts(member=MemberNumber(0), guild=0) == jobs.count_open(tx, GuildId(GUILD + 2), member)


def test_a_claimed_song_is_unfinished(tx: Tx) -> None:
    added(tx)
    claimed(tx)

    assert 1 == jobs.count_open(tx, GUILD, members.member_number(tx, MEMBER)).member


def submitted(tx: Tx, *at: datetime) -> None:
    for moment in at:
        job = found(tx, added(tx))
        jobs.move(
            tx,
            job,
            JobState.SUBMITTING,
            backend=Backend.SSEEDANCE,
            now=moment,
            due_at=moment,
            submitted_at=moment,
        )


def test_requests_in_a_window_are_counted_with_the_time_of_the_first(tx: Tx) -> None:
    assert (0, None) == claims.submitted_since(tx, Backend.SSEEDANCE, NOW)
    submitted(tx, *(NOW + n * SECOND for n in range(-5, 5)))

    assert (5, NOW) == claims.submitted_since(tx, Backend.SSEEDANCE, NOW)
    assert (10, NOW - 5 * SECOND) == claims.submitted_since(tx, Backend.SSEEDANCE, NOW - 10 * SECOND)
    assert (0, None) == claims.submitted_since(
        tx, Backend.SSEEDANCE, NOW + 4 * SECOND + timedelta(milliseconds=1)
    )


def test_requests_dated_before_a_clock_step_are_not_waited_for(tx: Tx) -> None:
    submitted(tx, *(NOW + DAY + n * MINUTE for n in range(20)))

    assert (0, None) == claims.submitted_since(tx, Backend.SSEEDANCE, NOW - 10 * SECOND)


def test_the_place_in_the_queue_counts_earlier_requests(tx: Tx) -> None:
    made = [added(tx, at=NOW + n * SECOND) for n in range(4)]
    put(tx, made[0], JobState.SUBMITTING)
    jobs.withdraw(tx, made[1].id, NOW)

    assert [0, 1] == [queue_order.queue_position(tx, job) for job in made[2:]]


def test_the_last_songs_are_the_last_ones_delivered(tx: Tx) -> None:
    for n in (1, 3, 2):
        job = added(tx, at=NOW)
        put(tx, job, JobState.DELIVERED, now=NOW + n * MINUTE, due=False)
    put(tx, added(tx), JobState.EXPLAINED, due=False)

    assert [180_000, 120_000] == job_cards.recent_durations_ms(tx, 2)


# -- tracks


@pytest.mark.sqlite
def test_looking_for_due_jobs_changes_nothing(tx: Tx) -> None:
    for number, state in enumerate(JobState):
        put(tx, added(tx, channel_id=number), state)
    tx.execute("PRAGMA query_only = ON")
    claimant = claims.Claimant(epoch=EPOCH, now=NOW, horizon=HORIZON)

    ripe = claims.ripe(tx, ALL, claimant, 100)
    tx.execute("PRAGMA query_only = OFF")

    assert {job.id for job in claims.claim(tx, ripe, claimant)} == set(ripe)


def test_a_job_no_longer_due_is_not_claimed(tx: Tx) -> None:
    job, withdrawn = added(tx), added(tx)
    claimant = claims.Claimant(epoch=EPOCH, now=NOW, horizon=HORIZON)
    ripe = claims.ripe(tx, ALL, claimant, 100)
    jobs.withdraw(tx, withdrawn.id, NOW)

    assert [job.id] == [claim.id for claim in claims.claim(tx, ripe, claimant)]
    assert [] == claims.claim(tx, ripe, claimant)


def test_a_card_edited_while_its_songs_message_vanishes_is_due_again(tx: Tx) -> None:
    job = added(tx)
    tx.execute("UPDATE job SET state = 'delivered', task_id = 't', message_id = 7, card_due_at = 1")
    seen = found(tx, job)

    job_cards.message_gone(tx, job.id, MessageId(7), NOW)
    job_cards.card_shown(tx, seen, "delivered:there", None, NOW)

    assert NOW == found(tx, job).card_due_at


# -- time


@pytest.mark.sqlite
def test_the_queries_of_a_request_do_not_read_all_jobs(tx: Tx) -> None:
    job = added(tx)
    asked: list[str] = []
    tx.set_trace_callback(asked.append)
    job_cards.recent_durations_ms(tx, 20)
    jobs.count_open(tx, GUILD, MemberNumber(1))
    queue_order.queue_position(tx, job)
    claims.next_due(tx, EPOCH)
    job_cards.cards_due(tx, NOW, 10)
    claims.submitted_since(tx, Backend.SSEEDANCE, NOW)
    jobs.task_taken(tx, Backend.SSEEDANCE, TaskId("a-1"))
    jobs.taken(tx, InteractionId(77))
    claimed(tx)
    tx.set_trace_callback(None)

    plans = {
        sql: [row["detail"] for row in tx.execute(f"EXPLAIN QUERY PLAN {sql}")]
        for sql in asked
        if sql.startswith(("SELECT", "UPDATE"))
    }
    assert len(plans) > 9
    assert [] == [
        (sql, step)
        for sql, plan in plans.items()
        for step in plan
        if step.startswith("SCAN") and "INDEX" not in step
        if step not in {"SCAN waiting", "SCAN part"}  # subqueries
    ]


OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


@given(st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=OFFSETS))  # noqa: DTZ001
def test_a_time_is_stored_to_the_millisecond(at: datetime) -> None:
    kept = times.moment(times.milliseconds(at))

    assert abs(kept - at) <= timedelta(microseconds=500)
    assert kept == times.moment(times.milliseconds(kept))


def test_every_state_is_known_to_the_schema(tx: Tx) -> None:
    assert ALL == {put(tx, added(tx), state).state for state in ALL}
