"""Edge cases of the state machine: atomic writes, concurrency limits, and timing."""

import asyncio
import itertools
import sqlite3
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bot.database.engine import ConstraintViolated
from bot.model import Delivery, FailReason, GuildId, Job, JobState, MessageId, Track
from bot.music.client import MusicClient
from bot.pipeline.courier import CardFacts
from bot.pipeline.runner import Runner
from bot.store.reconcile import reconcile
from tests import bugs, make
from tests.doubles.in_process import Chat, answers
from tests.unit.pipeline.rig import Rig

DONE, TOLD = JobState.DELIVERED, JobState.EXPLAINED


# -- atomic writes


async def refuse_entries(rig: Rig, kind: str) -> None:
    """Make the ledger refuse entries of this kind from now on."""
    await rig.database.write(
        lambda tx: bugs.refuse(tx, "INSERT ON ledger", f"NEW.kind = '{kind}'", words="no entry")
    )


async def states_and_findings(rig: Rig) -> tuple[list[str], tuple[str, ...]]:
    """Return the states of all jobs, and the errors in the books."""
    rows = await rig.database.read(lambda tx: tx.execute("SELECT state FROM job").fetchall())
    return [row["state"] for row in rows], (await rig.database.read(reconcile)).findings


async def test_a_job_whose_credits_cannot_be_held_is_not_stored(rig: Rig) -> None:
    await rig.ask()
    await refuse_entries(rig, "hold")

    with pytest.raises(ConstraintViolated, match="no entry"):
        await rig.ask()

    assert (["queued"], ()) == await states_and_findings(rig)


async def test_a_song_whose_credits_cannot_be_settled_is_not_recorded(rig: Rig) -> None:
    await refuse_entries(rig, "settle")
    await rig.ask()

    await rig.rest(rounds=20)

    assert (["ready"], ()) == await states_and_findings(rig)


async def test_a_job_whose_credits_cannot_be_released_has_not_failed(rig: Rig) -> None:
    await refuse_entries(rig, "release")
    rig.music.on_post = [answers(400, message="no")]
    await rig.ask()

    await rig.rest(rounds=20)

    assert (["submitting"], ()) == await states_and_findings(rig)


async def test_a_request_whose_credits_cannot_be_released_is_not_withdrawn(rig: Rig) -> None:
    await refuse_entries(rig, "release")
    taken = await rig.intake.accept(make.prompt(), make.origin())
    assert taken is not None

    with pytest.raises(ConstraintViolated, match="no entry"):
        await rig.intake.withdraw(taken.job)

    assert (["queued"], ()) == await states_and_findings(rig)


@pytest.mark.sqlite  # on either engine in tests/faults/test_e_database.py
async def test_a_task_id_that_cannot_be_stored_at_once_is_not_lost(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.database.sqlite.GIVE_UP_AFTER_S", 0.5)
    await rig.database.write(lambda tx: tx.execute("PRAGMA busy_timeout = 100"))
    other = sqlite3.connect(rig.database.path, isolation_level=None)
    waits: list[float] = []

    def answered_while_locked(request: httpx.Request) -> httpx.Response:
        other.execute("BEGIN IMMEDIATE")
        return rig.music.accepted(request)

    async def unlocked_after_three(wait_s: float) -> None:
        waits.append(wait_s)
        if len(waits) == 3:
            other.close()

    rig.music.on_post = [answered_while_locked]
    rig.sleep = unlocked_after_three
    job = await rig.ask()
    await rig.round()

    assert [0.5, 1.0, 2.0] == waits
    assert (JobState.RUNNING, "task-1") == ((await rig.get(job)).state, (await rig.get(job)).task_id)


async def test_another_jobs_task_is_not_a_bug(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    await rig.ask()
    await rig.round()
    rig.music.on_post = [answers(200, id=rig.task.id)]
    job = await rig.ask()

    await rig.round()

    assert FailReason.OUTCOME_UNKNOWN is (await rig.get(job)).reason
    assert "bug in" not in caplog.text


async def test_outcomes_received_by_no_process_do_not_delay_requests(rig: Rig) -> None:
    for member_id in (1, 2, 3):
        await rig.ask(make.prompt(f"by {member_id}"), make.origin(member_id=member_id))
        async with rig.process() as runner:
            await rig.killed_at(runner, "POST")
        await rig.round()
    job = await rig.ask()

    await rig.round()

    assert (JobState.RUNNING, 4) == (await rig.state(job), rig.music.posts)


async def test_three_tasks_of_another_job_in_a_row_open_the_breaker(rig: Rig) -> None:
    await rig.ask()
    await rig.round()
    rig.music.on_post = [answers(200, id=rig.task.id)] * 3
    for member_id in (1, 2, 3, 4):
        await rig.ask(make.prompt(f"by {member_id}"), make.origin(member_id=member_id))
        await rig.round()

    assert 4 == rig.music.posts
    assert 1 == len(rig.alerts)


# -- concurrency limits and timing


class HeldUp:
    """Work that ends only when released."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.let_go = asyncio.Event()

    async def wait(self) -> None:
        self.reached.set()
        await self.let_go.wait()


@pytest.fixture
def post(rig: Rig) -> HeldUp:
    """Withhold the answers to paid requests."""
    held_up = HeldUp()

    async def answer(request: httpx.Request) -> httpx.Response:
        rig.music.posts += 1
        await held_up.wait()
        return rig.music.accepted(request)

    rig.music.hangs = answer
    return held_up


async def test_at_most_four_requests_are_in_flight(rig: Rig, post: HeldUp) -> None:
    for _ in range(6):
        await rig.ask()

    async with rig.process() as runner:
        await runner._look_around()
        await runner._look_around()
        under_way = runner.claimed
        post.let_go.set()
        await runner.round()
        await runner.round()

    assert (4, 6) == (under_way, runner.claimed)


async def test_the_sixteenth_request_waits_until_ten_seconds_after_the_first(rig: Rig) -> None:
    for number in range(16):
        await rig.ask(origin=make.origin(guild_id=GuildId(7_000 + number % 4)))

    for _ in range(5):
        await rig.round()
    rig.clock.forward(seconds=9.999)
    await rig.round()
    assert 15 == rig.music.posts

    rig.clock.forward(seconds=0.002)
    await rig.round()
    assert 16 == rig.music.posts


async def test_one_server_leaves_places_in_each_window_to_the_others(rig: Rig) -> None:
    await rig.credits.set_allowance(make.GUILD, 1_000, None, make.entry())
    for _ in range(30):
        await rig.ask()
    for _ in range(10):
        await rig.round()
    alone = rig.music.posts

    for number in range(6):
        await rig.ask(origin=make.origin(guild_id=GuildId(8_000 + number)))
    for _ in range(5):
        await rig.round()
    others = rig.music.posts - alone
    rig.clock.forward(seconds=10.001)
    for _ in range(10):
        await rig.round()

    assert (10, 5, 15 + 10) == (alone, others, rig.music.posts)


class Watching(Chat):
    """A chat that records what its cards show, and may be late with its answer to a song."""

    def __init__(self, now: Callable[[], datetime], song: HeldUp | None = None) -> None:
        super().__init__()
        self.edits: list[tuple[datetime, bool]] = []
        """When each card was edited, and whether it called the song slow."""
        self._now = now
        self._song = song

    async def update_card(self, job: Job, facts: CardFacts) -> None:
        await super().update_card(job, facts)
        self.edits.append((self._now(), facts.slow))

    async def post_song(
        self, job: Job, files: Sequence[tuple[Track, Path]], where: Delivery, nonce: str
    ) -> MessageId:
        message_id = await super().post_song(job, files, where, nonce)
        if self._song is not None:
            await self._song.wait()
        return message_id


async def test_a_card_is_edited_at_most_every_five_seconds(rig: Rig) -> None:
    rig.chat = chat = Watching(rig.clock)
    rig.pace = 0.1  # so that the job moves on every second
    await rig.ask()

    for _ in range(20):
        rig.clock.forward(seconds=1)
        await rig.round()

    gaps = [later - earlier for (earlier, _), (later, _) in itertools.pairwise(chat.edits)]
    assert gaps
    assert min(gaps) >= timedelta(seconds=5)


async def test_a_song_is_called_slow_twenty_minutes_after_its_request(rig: Rig) -> None:
    rig.chat = chat = Watching(rig.clock)
    rig.music.done_at_once = False
    await rig.ask()

    while rig.clock() < make.NOW + timedelta(minutes=21):
        await rig.step()

    slow_from = min(at for at, slow in chat.edits if slow)
    assert timedelta(minutes=20) <= slow_from - make.NOW < timedelta(minutes=20, seconds=31)


async def test_what_sends_a_request_is_loaded_before_it_is_recorded(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    states: list[JobState] = []
    job, prepare = await rig.ask(), MusicClient.prepare

    async def watched(client: MusicClient) -> None:
        states.append(await rig.state(job))
        await prepare(client)

    monkeypatch.setattr(MusicClient, "prepare", watched)
    await rig.round()

    assert [JobState.QUEUED] == states
    assert 1 == rig.music.posts


# -- what is more urgent


async def test_a_round_gives_way_to_more_urgent_work(rig: Rig, post: HeldUp) -> None:
    rounds: list[datetime | None] = []
    await rig.ask()

    async def give_way() -> None:
        rounds.append(runner.looked_at)

    async with rig.process(give_way) as runner:
        running = asyncio.create_task(runner.run())
        await post.reached.wait()
        runner.stop()
        post.let_go.set()
        await running

    assert [None] == rounds[:1]


# -- a shutdown


async def stop_in_the_middle(runner: Runner, held_up: HeldUp) -> None:
    """Stop the runner in the middle of delayed work, which then ends."""
    around = asyncio.create_task(runner.round())
    await held_up.reached.wait()
    runner.stop()
    ending = asyncio.create_task(runner.run())
    await asyncio.sleep(0)  # with nothing to do but stop, it now interrupts whatever it may interrupt
    held_up.let_go.set()
    await asyncio.gather(around, ending)


async def test_a_stopping_runner_finishes_a_paid_request(rig: Rig, post: HeldUp) -> None:
    job = await rig.ask()

    async with rig.process() as runner:
        await stop_in_the_middle(runner, post)

    assert (JobState.RUNNING, 1) == (await rig.state(job), rig.music.posts)


async def test_a_stopping_runner_finishes_a_send(rig: Rig) -> None:
    song = HeldUp()
    rig.chat = Watching(rig.clock, song)
    job = await rig.ask()
    await rig.until(job, JobState.STORED)

    async with rig.process() as runner:
        await stop_in_the_middle(runner, song)

    assert (DONE, 1) == (await rig.state(job), rig.chat.sends)


async def test_a_stopped_runner_begins_nothing(rig: Rig) -> None:
    await rig.ask()

    async with rig.process() as runner:
        runner.stop()
        claimed = await runner.round()

    assert (0, 0) == (claimed, rig.music.posts)


# -- a single message, and the end of a bug


async def test_a_song_is_searched_for_after_a_crash_during_its_send(
    rig: Rig,
) -> None:
    song = HeldUp()
    rig.chat = Watching(rig.clock, song)
    job = await rig.ask()
    await rig.until(job, JobState.STORED)
    async with rig.process() as runner:
        around = asyncio.create_task(runner.round())
        await song.reached.wait()
        dying = [*runner._busy, around]
        for task in dying:
            task.cancel()
        await asyncio.wait(dying)
    song.let_go.set()
    rig.chat.nonces_kept = False
    rig.clock.forward(seconds=60)

    await rig.until(job, DONE)

    assert (1, 1) == (rig.chat.sends, len(rig.chat.posts))


async def test_a_song_possibly_in_a_closed_channel_goes_nowhere_else(rig: Rig) -> None:
    rig.chat.on_send = ["lost"]
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERING)
    rig.chat.closed_channels = {make.CHANNEL}
    rig.chat.no_history = True

    await rig.until(job, JobState.UNDELIVERED)

    assert [make.CHANNEL] == [post.channel_id for post in rig.chat.posts]


async def test_a_direct_message_with_a_lost_answer_is_searched_for_first(rig: Rig) -> None:
    rig.chat.closed_channels = {make.CHANNEL}
    rig.chat.on_send = ["", "lost"]
    rig.chat.nonces_kept = False
    job = await rig.ask()
    while rig.chat.sends < 2:
        await rig.step()
    rig.clock.forward(seconds=60)

    await rig.until(job, DONE)

    assert (2, 1) == (rig.chat.sends, len(rig.chat.posts))


@pytest.mark.parametrize("broken", ["POST", "GET https://music", "-1.mp3"])
async def test_a_buggy_step_is_tried_three_times(
    broken: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    await rig.ask()
    rig.music.broken = broken

    await rig.rest(rounds=30)

    # A request that may have been sent is never sent again, bug or not: its job is found in `submitting`.
    assert (1 if broken == "POST" else 3) == caplog.text.count("bug in a step")


async def test_a_bug_during_the_paid_request_leaves_an_unknown_outcome(rig: Rig) -> None:
    job = await rig.ask()
    rig.music.broken = "POST"

    await rig.until(job, TOLD)

    assert FailReason.OUTCOME_UNKNOWN is (await rig.get(job)).reason
    assert {"hold": 1, "release": 1} == await rig.books()
