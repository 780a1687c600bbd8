"""The life of a job, with a new process for every round, so that each test is also a restart test."""

import asyncio
from datetime import timedelta

import httpx
import pytest

from bot.database.sqlite import Tx
from bot.errors import Refusal, StoreBusy
from bot.model import ClosedCause, FailReason, GuildId, InteractionId, JobState, MessageId, Reuse, Source
from bot.pipeline.courier import MessageKind
from bot.refusals import (
    NotEnoughCredits,
    NotYourSong,
    ServiceClosed,
    ShuttingDown,
    TextTooLong,
    TooLateToCancel,
    TooManyOpenJobs,
    TooManyRequests,
    TriedAgain,
)
from bot.services import admission
from bot.services import intake as intake_module
from bot.services.intake import Intake
from tests import make
from tests.doubles.in_process import AUDIO, answers, raises
from tests.unit.pipeline.rig import Rig

DONE = JobState.DELIVERED
TOLD = JobState.EXPLAINED


async def test_a_song_goes_from_the_promise_to_the_channel(rig: Rig) -> None:
    job = await rig.ask()

    await rig.until(job, DONE)

    (post,) = rig.chat.posts
    assert (MessageKind.SONG, make.CHANNEL, 2) == (post.kind, post.channel_id, post.files)
    assert {"hold": 1, "settle": 1} == await rig.books()
    assert 1 == rig.music.posts


async def test_each_state_is_reached_in_order_by_fresh_processes(rig: Rig) -> None:
    job = await rig.ask()
    seen = []

    while (state := await rig.state(job)) is not DONE:
        if state not in seen:
            seen.append(state)
        rig.clock.forward(seconds=11)
        await rig.round()

    assert [JobState.QUEUED, JobState.RUNNING, JobState.READY, JobState.STORED] == seen


async def test_nothing_is_sent_before_the_member_has_been_answered(rig: Rig) -> None:
    taken = await rig.intake.accept(make.prompt(), make.origin())
    assert taken is not None

    await rig.round()
    assert 0 == rig.music.posts

    rig.clock.forward(seconds=4)
    await rig.round()
    assert 1 == rig.music.posts


async def test_a_request_that_arrives_twice_is_one_job(rig: Rig) -> None:
    origin = make.origin()

    first = await rig.intake.accept(make.prompt(), origin)
    second = await rig.intake.accept(make.prompt(), origin)

    assert first is not None
    assert second is None
    assert 10 == (await rig.balance()).held


async def test_an_interaction_that_was_refused_stays_refused(rig: Rig) -> None:
    await rig.credits.set_allowance(make.GUILD, 0, None, make.entry())
    origin = make.origin()
    with pytest.raises(NotEnoughCredits):
        await rig.intake.accept(make.prompt(), origin)
    await rig.credits.set_allowance(make.GUILD, 100, None, make.entry())
    restarted = Intake(rig.database, make.terms(), now=rig.clock, woken=lambda: None)

    again = [await intake.accept(make.prompt(), origin) for intake in (rig.intake, restarted)]

    assert [None, None] == again
    assert {"set": 2} == await rig.books()
    assert await restarted.accept(make.prompt(), make.origin()) is not None


@pytest.mark.parametrize("why", ["text", "shutdown", "before it came here"])
async def test_an_interaction_refused_for_any_reason_stays_refused(rig: Rig, why: str) -> None:
    origin, text = make.origin(), "x" * 501 if why == "text" else "x"
    if why == "before it came here":
        await rig.intake.refused(origin.interaction_id)
    else:
        if why == "shutdown":
            rig.intake.close()
        with pytest.raises(Refusal):
            await rig.intake.accept(make.prompt(text), origin)
    restarted = Intake(rig.database, make.terms(), now=rig.clock, woken=lambda: None)

    assert await restarted.accept(make.prompt(), origin) is None


async def test_a_busy_database_remains_the_answer_to_a_redelivery(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = make.origin()

    async def busy(_: object) -> None:
        raise StoreBusy("locked")

    with monkeypatch.context() as patch:
        patch.setattr(rig.database, "write", busy)
        with pytest.raises(StoreBusy):
            await rig.intake.accept(make.prompt(), origin)

    assert await rig.intake.accept(make.prompt(), origin) is None
    assert {} == await rig.books()


async def test_a_refusal_leaves_only_its_record(rig: Rig) -> None:
    await rig.credits.set_allowance(make.GUILD, 0, None, make.entry())
    with pytest.raises(NotEnoughCredits):
        await rig.intake.accept(make.prompt(), make.origin(member_id=make.OTHER))

    def rows(tx: Tx) -> list[int]:
        tables = ("refused_interaction", "job", "song", "text", "draft")
        return [tx.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0] for table in tables]  # noqa: S608

    assert [1, 0, 0, 0, 0] == await rig.database.read(rows)


async def test_the_number_of_refusals_in_memory_is_bounded(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake_module, "REFUSED_MAX", 3)
    for number in range(10):
        await rig.intake.refused(InteractionId(number))

    assert [7, 8, 9] == list(rig.intake._refused)
    assert await rig.intake.accept(make.prompt(), make.origin(interaction_id=1)) is None


async def test_two_requests_at_once_spend_the_last_credits_once(rig: Rig) -> None:
    await rig.credits.set_allowance(make.GUILD, 10, None, make.entry())

    results = await asyncio.gather(
        *(rig.intake.accept(make.prompt(), make.origin(member_id=1 + n)) for n in range(100)),
        return_exceptions=True,
    )

    refused = [result for result in results if isinstance(result, NotEnoughCredits)]
    assert (1, 99) == (len(results) - len(refused), len(refused))
    assert 0 == (await rig.balance()).available


async def test_a_member_and_a_server_have_a_limited_number_of_unfinished_songs(rig: Rig) -> None:
    intake = Intake(rig.database, make.terms(open_per_guild=3), now=rig.clock, woken=lambda: None)
    for _ in range(2):
        await intake.accept(make.prompt(), make.origin())

    with pytest.raises(TooManyOpenJobs) as member:
        await intake.accept(make.prompt(), make.origin())
    await intake.accept(make.prompt(), make.origin(member_id=make.OTHER))
    with pytest.raises(TooManyOpenJobs) as guild:
        await intake.accept(make.prompt(), make.origin(member_id=make.OTHER))

    assert [("member", 2), ("guild", 3)] == [(e.value.scope, e.value.limit) for e in (member, guild)]


async def test_free_requests_have_a_limit_within_an_hour(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "REQUESTS_MAX", 3)
    for _ in range(3):
        accepted = await rig.intake.accept(make.prompt(), make.origin())
        assert accepted is not None
        await rig.intake.withdraw(accepted.job)
        rig.clock.forward(minutes=10)

    with pytest.raises(TooManyRequests) as refused:
        await rig.intake.accept(make.prompt(), make.origin())
    await rig.intake.accept(make.prompt(), make.origin(member_id=make.OTHER))
    rig.clock.forward(minutes=31)

    assert refused.value.until < rig.clock()
    assert await rig.intake.accept(make.prompt(), make.origin()) is not None


async def test_a_text_that_is_too_long_holds_no_credits(rig: Rig) -> None:
    with pytest.raises(TextTooLong) as refused:
        await rig.intake.accept(make.prompt("x" * 501), make.origin())

    assert (501, 500) == (refused.value.length, refused.value.limit)
    assert {} == await rig.books()


async def test_a_closing_bot_accepts_no_requests(rig: Rig) -> None:
    rig.intake.close()

    with pytest.raises(ShuttingDown):
        await rig.intake.accept(make.prompt(), make.origin())

    assert {} == await rig.books()


async def test_a_withdrawn_request_returns_its_credits_and_is_never_sent(rig: Rig) -> None:
    taken = await rig.intake.accept(make.prompt(), make.origin())
    assert taken is not None

    assert await rig.intake.withdraw(taken.job)
    assert not await rig.intake.withdraw(taken.job)

    rig.clock.forward(minutes=1)
    await rig.round()
    assert 0 == rig.music.posts
    assert {"hold": 1, "release": 1} == await rig.books()


# -- submitting


@pytest.mark.parametrize(
    "answer",
    [
        raises(httpx.ReadTimeout("")),
        raises(httpx.ReadError("")),
        raises(httpx.RemoteProtocolError("")),
        raises(httpx.WriteError("")),
        answers(500, message="oops"),
        answers(502),
        answers(302),
        answers(200),
        answers(200, id=""),
        lambda _: httpx.Response(200, content=b"<html>"),
    ],
)
async def test_an_ambiguous_answer_is_never_sent_again(rig: Rig, answer: object) -> None:
    rig.music.on_post = [answer]  # type: ignore[list-item]
    job = await rig.ask()

    await rig.until(job, TOLD)

    assert FailReason.OUTCOME_UNKNOWN is (await rig.get(job)).reason
    assert 1 == rig.music.posts
    assert {"hold": 1, "release": 1} == await rig.books()
    assert [MessageKind.NOTICE] == [post.kind for post in rig.chat.posts]


@pytest.mark.parametrize("error", [httpx.ConnectError(""), httpx.ConnectTimeout(""), httpx.PoolTimeout("")])
async def test_a_request_that_was_never_sent_is_sent_again(rig: Rig, error: Exception) -> None:
    rig.music.on_post = [raises(error), raises(error)]
    job = await rig.ask()

    await rig.until(job, DONE)

    assert 3 == rig.music.posts
    assert 1 == len(rig.music.tasks)


async def test_a_service_unreachable_for_ten_minutes_fails_the_job(rig: Rig) -> None:
    rig.music.on_post = [raises(httpx.ConnectError("")) for _ in range(100)]
    job = await rig.ask()

    await rig.until(job, TOLD)

    assert FailReason.EXPIRED is (await rig.get(job)).reason
    assert timedelta(minutes=10) <= rig.clock.now - make.NOW < timedelta(minutes=12)
    assert 0 == (await rig.balance()).held


async def test_a_busy_service_is_asked_again_after_its_requested_wait(rig: Rig) -> None:
    rig.music.on_post = [lambda _: httpx.Response(429, headers={"Retry-After": "90"})]
    job = await rig.ask()
    await rig.round()

    rig.clock.forward(seconds=89)
    await rig.round()
    assert 1 == rig.music.posts

    rig.clock.forward(seconds=2)
    await rig.round()
    assert (2, JobState.RUNNING) == (rig.music.posts, await rig.state(job))


async def test_a_queued_request_expires_after_an_hour(rig: Rig) -> None:
    rig.music.on_post = [answers(429) for _ in range(200)]
    job = await rig.ask()

    await rig.until(job, TOLD, rounds=600)

    assert FailReason.EXPIRED is (await rig.get(job)).reason
    assert timedelta(minutes=60) <= rig.clock.now - make.NOW < timedelta(minutes=62)


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (answers(402, message="Insufficient credits"), ClosedCause.NO_CREDITS),
        (answers(401, message="no auth"), ClosedCause.BAD_KEY),
    ],
)
async def test_a_closed_service_fails_one_job_and_pauses_or_refuses_others(
    rig: Rig, answer: object, cause: ClosedCause
) -> None:
    rig.music.on_post = [answer]  # type: ignore[list-item]
    first = await rig.ask()
    await rig.round()
    with pytest.raises(ServiceClosed) as refused:
        await rig.ask()

    assert FailReason.CLOSED is (await rig.get(first)).reason
    assert cause is refused.value.cause
    assert 1 == len(rig.alerts)
    assert 1 == rig.music.posts


@pytest.mark.documented
async def test_an_unconfirmed_closure_needs_a_second_member(
    rig: Rig,
) -> None:
    rig.music.closed_for_all = False
    rig.music.on_post = [answers(404, message="Coming soon")] * 3
    first = await rig.ask()
    await rig.round()
    again = await rig.ask(make.prompt("the same member, other words"))
    await rig.round()
    other = await rig.ask(make.prompt("words of another"), make.origin(member_id=make.OTHER))
    await rig.round()
    with pytest.raises(ServiceClosed) as refused:
        await rig.ask()

    told = [await rig.get(job) for job in (first, again, other)]
    assert [(FailReason.REFUSED, None)] * 3 == [(job.reason, job.closed) for job in told]
    assert ClosedCause.NOT_OPEN is refused.value.cause
    assert (3, 1) == (rig.music.posts, len(rig.alerts))


async def test_one_members_failing_words_do_not_delay_another(rig: Rig) -> None:
    await rig.credits.set_allowance(make.GUILD, 1_000, None, make.entry())
    rig.music.on_post = [rig.music.lost_answer] * 10
    for _ in range(10):
        await rig.ask()
        await rig.round()
    rig.clock.forward(seconds=11)  # the server has used its share of the window for counting requests
    other = await rig.ask(make.prompt("words of another"), make.origin(member_id=make.OTHER))

    await rig.round()

    assert (11, JobState.RUNNING) == (rig.music.posts, await rig.state(other))


async def test_after_the_pause_one_job_probes_and_success_releases_all(rig: Rig) -> None:
    waiting = [await rig.ask() for _ in range(2)]
    rig.music.on_post = [answers(402)]
    async with rig.process() as runner:
        await runner.round()
        await runner.round()
    posts_when_shut = rig.music.posts

    rig.clock.forward(minutes=15, seconds=1)
    await rig.round()
    await rig.round()

    assert posts_when_shut <= 2
    assert 1 == len(rig.music.tasks)
    assert 1 == [(await rig.get(job)).reason for job in waiting].count(FailReason.CLOSED)
    assert JobState.QUEUED is (await rig.ask()).state


async def test_three_unknown_outcomes_open_the_breaker_until_a_probe_succeeds(rig: Rig) -> None:
    rig.music.on_post = [rig.music.lost_answer] * 3
    for member_id in (1, 2, 3):
        await rig.ask(make.prompt(f"by {member_id}"), make.origin(member_id=member_id))
        await rig.round()
    late = await rig.ask()

    await rig.round()
    assert (3, JobState.QUEUED) == (rig.music.posts, await rig.state(late))
    assert 1 == len(rig.alerts)

    rig.clock.forward(seconds=61)
    await rig.round()
    assert (4, JobState.RUNNING) == (rig.music.posts, await rig.state(late))


async def test_at_most_fifteen_requests_are_sent_in_ten_seconds(rig: Rig) -> None:
    for number in range(20):
        await rig.ask(origin=make.origin(guild_id=GuildId(7_000 + number % 4)))

    for _ in range(10):
        await rig.round()
    assert 15 == rig.music.posts

    rig.clock.forward(seconds=11)
    for _ in range(5):
        await rig.round()
    assert 20 == rig.music.posts


async def test_a_process_that_dies_during_the_post_leaves_an_unknown_outcome(rig: Rig) -> None:
    job = await rig.ask()

    async with rig.process() as runner:
        await rig.killed_at(runner, "POST")
    await rig.until(job, TOLD)

    assert FailReason.OUTCOME_UNKNOWN is (await rig.get(job)).reason
    assert 1 == rig.music.posts


# -- composing


async def test_a_slow_song_is_polled_and_arrives(rig: Rig) -> None:
    rig.music.done_at_once = False
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)
    while rig.clock.now - make.NOW < timedelta(hours=3):
        await rig.step()
    polls = rig.music.polls

    rig.finish()
    await rig.until(job, DONE)

    # 3 early ones, about 42 to 4 min, about 100 to 1 h, 24 to 3 h
    assert 150 < polls < 200


async def test_a_song_is_parked_after_a_day_and_keeps_its_credits(rig: Rig) -> None:
    rig.music.done_at_once = False
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)

    rig.clock.forward(hours=24)
    await rig.round()

    parked = await rig.get(job)
    assert (JobState.RUNNING, True, False) == (parked.state, parked.parked, parked.open)
    assert 10 == (await rig.balance()).held
    assert 1 == len(rig.alerts)


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("failed", FailReason.UPSTREAM_FAILED),
        pytest.param("canceled", FailReason.CANCELED, marks=pytest.mark.documented),
    ],
)
async def test_a_failed_task_is_reported_and_its_credits_are_back(
    rig: Rig, status: str, reason: FailReason
) -> None:
    job = await rig.ask()
    await rig.round()
    rig.task.status = status
    rig.task.error = "no inspiration"

    await rig.until(job, TOLD)

    told = await rig.get(job)
    assert (reason, "no inspiration") == (told.reason, told.detail)
    assert {"hold": 1, "release": 1} == await rig.books()


async def test_a_task_unknown_at_first_is_waited_for(rig: Rig) -> None:
    job = await rig.ask()
    rig.music.on_poll = [answers(404), answers(422, msg="recordInfo is null")]

    await rig.until(job, DONE)

    assert 3 == rig.music.polls


async def test_a_task_that_stays_unknown_is_lost_after_five_minutes(rig: Rig) -> None:
    job = await rig.ask()
    await rig.round()
    rig.music.tasks.clear()

    await rig.until(job, TOLD)

    assert FailReason.LOST is (await rig.get(job)).reason
    assert timedelta(minutes=7) <= rig.clock.now - make.NOW < timedelta(minutes=8)


async def test_hours_of_failing_status_queries_lose_nothing(rig: Rig) -> None:
    job = await rig.ask()
    await rig.round()
    rig.music.on_poll = [answers(500) for _ in range(100)]

    await rig.until(job, DONE, rounds=500)

    assert rig.clock.now - make.NOW > timedelta(hours=1)
    assert {"hold": 1, "settle": 1} == await rig.books()


async def test_a_key_refused_during_polling_fails_no_song(rig: Rig) -> None:
    job = await rig.ask()
    await rig.round()
    rig.music.on_poll = [answers(401) for _ in range(50)]

    await rig.until(job, DONE, rounds=500)

    assert rig.music.polls > 50


async def test_a_success_without_audio_is_queried_again_and_then_fails(rig: Rig) -> None:
    rig.music.takes = 0
    job = await rig.ask()

    await rig.until(job, TOLD)

    assert FailReason.UPSTREAM_FAILED is (await rig.get(job)).reason
    assert 7 == rig.music.polls
    assert timedelta(minutes=3) <= rig.clock.now - make.NOW < timedelta(minutes=4)


async def test_a_single_take_is_posted_after_one_more_look(rig: Rig) -> None:
    rig.music.takes = 1
    job = await rig.ask()

    await rig.until(job, DONE)

    assert [1] == [post.files for post in rig.chat.posts]
    assert 2 == rig.music.polls


async def test_a_task_of_another_job_is_an_unknown_outcome(rig: Rig) -> None:
    first = await rig.ask()
    await rig.round()
    rig.music.on_post = [answers(200, id=rig.task.id)]
    second = await rig.ask()

    await rig.until(second, TOLD)
    await rig.until(first, DONE)

    assert FailReason.OUTCOME_UNKNOWN is (await rig.get(second)).reason


# -- fetching


async def test_equal_bytes_are_one_track(rig: Rig) -> None:
    rig.music.audio = {f"/task-1-{n}.mp3": b"ID3" + bytes(9_000) for n in (1, 2)}
    job = await rig.ask()

    await rig.until(job, DONE)

    assert [1] == [post.files for post in rig.chat.posts]


async def test_fresh_addresses_are_requested_while_the_audio_is_unavailable(rig: Rig) -> None:
    job = await rig.ask()
    rig.music.audio = {"/task-1-1.mp3": 403, "/task-1-2.mp3": b""}
    await rig.until(job, JobState.READY)
    await rig.round()

    rig.task.urls = [f"{AUDIO}/fresh-1.mp3", f"{AUDIO}/fresh-2.mp3"]
    await rig.until(job, DONE)

    assert [2] == [post.files for post in rig.chat.posts]


async def test_one_take_is_posted_if_the_other_is_missing_for_ten_minutes(rig: Rig) -> None:
    rig.music.audio = {"/task-1-2.mp3": 404}
    job = await rig.ask()

    await rig.until(job, DONE)

    assert [1] == [post.files for post in rig.chat.posts]
    assert timedelta(minutes=10) <= rig.clock.now - make.NOW < timedelta(minutes=13)


async def test_audio_missing_for_six_hours_fails_the_job(rig: Rig) -> None:
    rig.music.audio = {"/task-1-1.mp3": 410, "/task-1-2.mp3": 410}
    job = await rig.ask()

    await rig.until(job, TOLD, rounds=1_000)

    assert FailReason.AUDIO_GONE is (await rig.get(job)).reason
    assert {"hold": 1, "release": 1} == await rig.books()


async def test_a_fifth_take_is_left_out(rig: Rig) -> None:
    rig.music.takes = 50
    job = await rig.ask()

    await rig.until(job, DONE)

    assert [4] == [post.files for post in rig.chat.posts]


# -- posting


@pytest.mark.parametrize("meets", ["lost", "down"])
async def test_a_send_whose_answer_is_lost_is_repeated_under_its_nonce(rig: Rig, meets: str) -> None:
    job = await rig.ask()
    rig.chat.on_send = [meets, meets]

    await rig.until(job, DONE)

    assert 3 == rig.chat.sends
    assert 1 == len(rig.chat.posts)
    assert 1 == len({post.nonce for post in rig.chat.posts})


async def test_after_a_minute_the_history_is_searched_before_a_resend(rig: Rig) -> None:
    job = await rig.ask()
    rig.chat.on_send = ["lost"]
    await rig.until(job, JobState.DELIVERING)
    rig.chat.nonces_kept = False
    rig.clock.forward(seconds=60)

    await rig.until(job, DONE)

    assert 1 == rig.chat.sends
    assert 1 == len(rig.chat.posts)


async def test_a_lost_message_is_resent_after_searching_the_history(rig: Rig) -> None:
    job = await rig.ask()
    rig.chat.on_send = ["down"]
    await rig.until(job, JobState.DELIVERING)
    began = rig.clock.now
    rig.clock.forward(seconds=60)

    await rig.until(job, DONE)

    assert 1 == len(rig.chat.posts)
    assert rig.clock.now - began >= timedelta(seconds=180)


async def test_without_a_readable_history_a_song_waits_for_a_person(rig: Rig) -> None:
    job = await rig.ask()
    rig.chat.on_send = ["lost"]
    rig.chat.no_history = True
    await rig.until(job, JobState.DELIVERING)
    rig.clock.forward(seconds=60)

    await rig.until(job, JobState.UNDELIVERED)

    assert 1 == rig.chat.sends


async def test_a_channel_closed_after_an_ambiguous_send_is_searched(rig: Rig) -> None:
    job = await rig.ask()
    rig.chat.on_send = ["lost", "closed"]

    await rig.until(job, DONE)

    assert [make.CHANNEL] == [post.channel_id for post in rig.chat.posts]
    assert 2 == rig.chat.sends


async def test_a_rate_limit_of_any_length_is_waited_out(rig: Rig) -> None:
    job = await rig.ask()
    rig.chat.on_send = ["limited"]
    await rig.until(job, JobState.DELIVERING)

    wait_s = await rig.wait_s(job)
    await rig.until(job, DONE)

    assert 600 == wait_s
    assert 1 == len(rig.chat.posts)


async def test_a_deleted_message_is_not_posted_again(rig: Rig) -> None:
    job = await rig.ask()
    rig.chat.on_send = ["deleted"]

    await rig.until(job, DONE)

    assert [] == rig.chat.posts


async def test_a_closed_channel_sends_the_song_to_the_member(rig: Rig) -> None:
    rig.chat.closed_channels = {make.CHANNEL}
    job = await rig.ask()

    await rig.until(job, DONE)

    assert [make.MEMBER + rig.chat.direct_offset] == [post.channel_id for post in rig.chat.posts]


async def test_an_undeliverable_song_is_kept(rig: Rig) -> None:
    rig.chat.closed_channels = {make.CHANNEL}
    rig.chat.closed_members = {make.MEMBER}
    job = await rig.ask()

    await rig.until(job, JobState.UNDELIVERED)

    kept = await rig.get(job)
    assert [True, True] == [rig.spool.path(track.file).exists() for track in kept.tracks]
    assert {"hold": 1, "settle": 1} == await rig.books()


async def test_a_kept_song_is_posted_on_request(rig: Rig) -> None:
    rig.chat.closed_channels = {make.CHANNEL}
    rig.chat.closed_members = {make.MEMBER}
    job = await rig.ask()
    await rig.until(job, JobState.UNDELIVERED)
    rig.chat.closed_channels = set()

    await rig.intake.post_again(job.id, job.origin.guild_id)
    await rig.until(job, DONE)
    again = await rig.intake.post_again(job.id, job.origin.guild_id)

    assert DONE is again.state
    assert [make.CHANNEL] == [post.channel_id for post in rig.chat.posts]
    assert {"hold": 1, "settle": 1} == await rig.books()


async def test_a_song_posted_unnoticed_is_found_on_request(rig: Rig) -> None:
    job = await rig.ask()
    rig.chat.on_send = ["lost"]
    rig.chat.no_history = True
    await rig.until(job, JobState.DELIVERING)
    rig.clock.forward(seconds=60)
    await rig.until(job, JobState.UNDELIVERED)
    rig.chat.no_history = rig.chat.nonces_kept = False

    await rig.intake.post_again(job.id, job.origin.guild_id)
    await rig.until(job, DONE)

    assert 1 == len(rig.chat.posts)


async def test_each_member_retries_a_failure_once(rig: Rig) -> None:
    rig.music.on_post = [answers(400, message="no")]
    job = await rig.ask()
    await rig.until(job, TOLD)
    again = Source(job_id=job.id, reuse=Reuse.RETRY)
    first = await rig.intake.accept(make.prompt(), make.origin(), again)

    with pytest.raises(TriedAgain):
        await rig.intake.accept(make.prompt(), make.origin(), again)
    other = await rig.intake.accept(make.prompt(), make.origin(member_id=make.OTHER), again)

    assert None not in (first, other)
    assert {"hold": 3, "release": 1} == await rig.books()


async def test_a_song_in_progress_cannot_be_canceled(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)

    with pytest.raises(TooLateToCancel):
        await rig.intake.cancel(job.id, job.origin.guild_id, make.MEMBER, as_manager=False)
    assert {"hold": 1} == await rig.books()


async def test_only_the_requester_or_a_manager_cancels_a_song(rig: Rig) -> None:
    job, other = await rig.ask(), await rig.ask()

    with pytest.raises(NotYourSong):
        await rig.intake.cancel(job.id, job.origin.guild_id, make.OTHER, as_manager=False)
    await rig.intake.cancel(job.id, job.origin.guild_id, make.OTHER, as_manager=True)
    await rig.intake.cancel(other.id, other.origin.guild_id, make.MEMBER, as_manager=False)

    assert {"hold": 2, "release": 2} == await rig.books()
    assert 0 == rig.music.posts


async def test_a_withdrawn_retry_does_not_count(rig: Rig) -> None:
    rig.music.on_post = [answers(400, message="no")]
    job = await rig.ask()
    await rig.until(job, TOLD)
    again = Source(job_id=job.id, reuse=Reuse.RETRY)
    first = await rig.intake.accept(make.prompt(), make.origin(), again)
    assert first is not None
    await rig.intake.withdraw(first.job)

    assert await rig.intake.accept(make.prompt(), make.origin(), again) is not None


async def test_a_grant_that_arrives_twice_counts_once(rig: Rig) -> None:
    entry = make.entry("for the party")

    first = await rig.credits.grant(make.GUILD, 50, entry)
    again = await rig.credits.grant(make.GUILD, 50, entry)

    assert ((0, 50), None) == (first, again)
    assert 50 == (await rig.balance()).bonus


async def test_a_failure_without_anybody_to_inform_is_finished(rig: Rig) -> None:
    rig.chat.closed_channels = {make.CHANNEL}
    rig.chat.closed_members = {make.MEMBER}
    rig.music.on_post = [answers(400, message="no")]
    job = await rig.ask()

    await rig.until(job, TOLD)

    told = await rig.get(job)
    assert (FailReason.REFUSED, None) == (told.reason, told.message_id)


async def test_the_card_is_edited_when_it_changes_at_most_every_five_seconds(
    rig: Rig,
) -> None:
    job = await rig.ask()

    await rig.until(job, DONE)
    for _ in range(10):
        rig.clock.forward(seconds=5)
        await rig.round()

    assert (job.id, DONE) == rig.chat.cards[-1]
    assert len(rig.chat.cards) == len(set(rig.chat.cards))


async def test_after_an_outage_songs_arrive_once_in_the_order_requested(rig: Rig) -> None:
    jobs = []
    for _ in range(5):
        jobs.append(await rig.ask())
        rig.clock.forward(seconds=1)
    rig.chat.down = True
    while rig.clock.now - make.NOW < timedelta(hours=6):
        await rig.step()

    rig.chat.down = False
    for job in jobs:
        await rig.until(job, DONE)

    assert [post.job_id for post in rig.chat.posts] == [job.id for job in jobs]


async def test_a_card_with_an_unknown_id_is_searched_for(rig: Rig) -> None:
    taken = await rig.intake.accept(make.prompt(), make.origin())
    assert taken is not None
    rig.chat.known_cards[taken.job.origin.interaction_id] = MessageId(4711)
    rig.clock.forward(seconds=4)

    await rig.until(taken.job, DONE)
    await rig.rest(rounds=5)

    assert 4711 == (await rig.get(taken.job)).card_message_id
    assert (taken.job.id, DONE) == rig.chat.cards[-1]


# -- bugs


@pytest.mark.parametrize(
    ("broken", "end"),
    [("POST", TOLD), ("GET https://music", JobState.RUNNING), ("-1.mp3", JobState.READY)],
)
async def test_a_bug_in_one_job_ends_it_as_its_state_allows(
    rig: Rig, broken: str, end: JobState, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    rig.music.broken = broken

    await rig.rest(rounds=30)

    ended = await rig.get(job)
    assert (end, False) == (ended.state, ended.open)
    assert "bug in a step" in [record.msg for record in caplog.records]


async def test_a_bug_in_one_job_leaves_the_others_alone(rig: Rig) -> None:
    job, other = await rig.ask(), await rig.ask()
    rig.chat.broken_job = job.id

    await rig.rest(rounds=30)

    assert (JobState.UNDELIVERED, DONE) == (await rig.state(job), await rig.state(other))
    assert {"hold": 2, "settle": 2} == await rig.books()


@pytest.mark.parametrize("days", [-1, 1])
async def test_a_clock_step_makes_no_job_wait_for_a_day(rig: Rig, days: int) -> None:
    rig.music.done_at_once = False
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)
    rig.finish()

    rig.clock.forward(days=days)
    for _ in range(6):
        await rig.round()

    assert await rig.state(job) in ({DONE} if days < 0 else {DONE, JobState.RUNNING})
