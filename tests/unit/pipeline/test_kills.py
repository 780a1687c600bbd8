"""The process dies after any await: nothing is lost, and nothing is paid or posted twice."""

import itertools
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random

import httpx
import pytest

from bot.database import sqlite_connections
from bot.model import FailReason, Job, JobState
from bot.pipeline.courier import MessageKind
from bot.store import jobs
from tests import make
from tests.doubles.in_process import AUDIO, answers, raises
from tests.unit.pipeline.kills import World

DONE, TOLD, KEPT = JobState.DELIVERED, JobState.EXPLAINED, JobState.UNDELIVERED
UNKNOWN, WITHDRAWN = FailReason.OUTCOME_UNKNOWN, FailReason.WITHDRAWN
NOT_TAKEN = {"HTTP 429", "ConnectError"}
"""Outcomes that prove that a paid request was not accepted."""
PRICE = 10


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Conditions for members and processes, and the outcome of each song under them."""

    name: str
    meets: Callable[[World], object] = lambda _: None
    ends: tuple[JobState, FailReason | None] = (DONE, None)
    may_end: tuple[JobState, FailReason | None] | None = None
    """Another acceptable outcome if a process was killed on the way."""
    takes: int = 2
    """Number of takes of a posted song."""
    told: bool = True
    """Whether a member can be notified of a failure."""
    members: int = 1
    apart_s: float = 0.0
    down_s: float = 0.0
    """Time until a dead process is replaced by a new one, in seconds."""


def one_address_is_stale(world: World) -> None:
    urls = [f"{AUDIO}/task-1-1.mp3", f"{AUDIO}/stale.mp3"]
    world.music.audio = {"/stale.mp3": 404}
    world.music.on_poll = [answers(200, data={"status": "success", "audioUrls": urls})]


def the_channel_is_closed(world: World) -> None:
    world.chat.closed_channels = {make.CHANNEL}


def nobody_can_be_reached(world: World) -> None:
    the_channel_is_closed(world)
    world.chat.closed_members = {make.MEMBER}


def nobody_can_be_told_of_a_refusal(world: World) -> None:
    nobody_can_be_reached(world)
    world.music.on_post = [answers(400, message="no")]


def the_history_is_hidden(world: World) -> None:
    world.chat.on_send = ["lost"]
    world.chat.no_history = True


SONG = Scenario(name="a song")
THREE = Scenario(name="three songs at once", members=3)
CLOSED_CHANNEL = Scenario(name="a closed channel", meets=the_channel_is_closed)
SCENARIOS = [
    SONG,
    Scenario(name="a song, and half an hour without a process", down_s=1_800),
    Scenario(
        name="a paid request without an answer",
        meets=lambda world: world.music.on_post.append(world.music.lost_answer),
        ends=(TOLD, UNKNOWN),
    ),
    Scenario(
        name="a busy service, and one that can't be reached",
        meets=lambda world: world.music.on_post.extend([answers(429), raises(httpx.ConnectError(""))]),
    ),
    Scenario(
        name="a task that fails",
        meets=lambda world: setattr(world.music, "becomes", "failed"),
        ends=(TOLD, FailReason.UPSTREAM_FAILED),
    ),
    Scenario(
        name="words that are refused",
        meets=lambda world: world.music.on_post.append(answers(400, message="violates our content policy")),
        ends=(TOLD, FailReason.MODERATED),
    ),
    Scenario(
        name="a closed service",
        meets=lambda world: world.music.on_post.append(answers(402, message="Insufficient credits")),
        ends=(TOLD, FailReason.CLOSED),
    ),
    Scenario(name="one take", meets=lambda world: setattr(world.music, "takes", 1), takes=1),
    Scenario(name="an address that leads nowhere at first", meets=one_address_is_stale),
    Scenario(
        name="a message whose answers are lost",
        meets=lambda world: world.chat.on_send.extend(["lost", "lost"]),
    ),
    Scenario(
        name="a message that does not arrive at first",
        meets=lambda world: world.chat.on_send.extend(["down", "down"]),
        down_s=70,
    ),
    Scenario(name="a hidden history", meets=the_history_is_hidden, may_end=(KEPT, None), down_s=70),
    CLOSED_CHANNEL,
    Scenario(name="nobody to post to", meets=nobody_can_be_reached, ends=(KEPT, None), told=False),
    Scenario(
        name="nobody to tell",
        meets=nobody_can_be_told_of_a_refusal,
        ends=(TOLD, FailReason.REFUSED),
        told=False,
    ),
    Scenario(
        name="an answer that comes too late",
        meets=lambda world: setattr(world.chat, "cards_arrive", False),
        ends=(TOLD, WITHDRAWN),
        may_end=(DONE, None),
    ),
    THREE,
    Scenario(name="two songs one after the other", members=2, apart_s=4.0),
]


# -- final guarantees, according to the books of both servers


def wrong(world: World, scenario: Scenario) -> list[str]:
    """Return every violation in a world where nothing is left to do."""
    return [
        *(f"not written down before: {call}" for call in world.music.unannounced + world.chat.unannounced),
        *world.findings,
        *_of_the_members(world),
        *_of_the_credits(world),
        *(said for job in world.jobs for said in _of_payments(world, job)),
        *(said for job in world.jobs for said in _of_messages(world, job, scenario)),
        *(said for job in world.jobs for said in _of_its_end(world, job, scenario)),
    ]


def _of_the_members(world: World) -> Iterator[str]:
    if [request.prompt for _, request, _ in world.asked] != [job.request.prompt for job in world.jobs]:
        yield f"{len(world.asked)} requests have become {len(world.jobs)} jobs"
    if lost := world.promised - {job.id for job in world.jobs}:
        yield f"promised and not there: {lost}"


def _of_the_credits(world: World) -> Iterator[str]:
    songs = sum(job.state in (DONE, KEPT) for job in world.jobs)
    assert world.balance is not None
    if (world.balance.used, world.balance.held) != (PRICE * songs, 0):
        yield f"{songs} songs, and the balance is {world.balance}"


def _of_payments(world: World, job: Job) -> Iterator[str]:
    paid = [task.id for task in world.music.tasks.values() if task.body["prompt"] == job.request.prompt]
    sent = world.music.sent[job.request.prompt]
    if len(paid) > 1:
        yield f"paid twice: {paid}"
    if not set(sent[:-1]) <= NOT_TAKEN:
        yield f"sent again after {sent}"
    if job.task_id not in (None, *paid):
        yield f"{job.task_id} is not the task that was paid"


def _of_messages(world: World, job: Job, scenario: Scenario) -> Iterator[str]:
    songs = world.chat.of(MessageKind.SONG, job.id)
    notices = world.chat.of(MessageKind.NOTICE, job.id)
    if job.state is DONE and [post.files for post in songs] != [scenario.takes]:
        yield f"delivered, and posted are {songs}"
    if len(songs) > (job.state in (DONE, KEPT)):
        yield f"{job.state}, and posted are {songs}"
    if len(notices) != (job.state is TOLD and job.reason is not WITHDRAWN and scenario.told):
        yield f"{job.state} ({job.reason}), reported by {notices}"


def _of_its_end(world: World, job: Job, scenario: Scenario) -> Iterator[str]:
    # Tasks known to be paid are finished; only a request in flight may have an unknown outcome.
    lost = job.id in world.in_flight and job.task_id is None
    good = [scenario.ends, scenario.may_end, (TOLD, UNKNOWN) if lost else None]
    if (job.state, job.reason) not in good or job.parked:
        yield f"it ended as {job.state} ({job.reason})"


# -- the kills


@pytest.fixture(scope="module")
def new_database(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("store") / "tunesmith.db"
    sqlite_connections.connect(path).close()
    return path.read_bytes()


@pytest.fixture
def begun(
    tmp_path: Path, new_database: bytes, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Scenario], World]:
    """Return a function that begins a world in which everything happens in a fixed order."""
    # Do not wait for the disk: no test here cuts the power.
    monkeypatch.setattr("os.fsync", lambda _: None)
    monkeypatch.setattr(
        sqlite_connections, "PRAGMAS", (*sqlite_connections.PRAGMAS, "PRAGMA synchronous = OFF")
    )
    monkeypatch.setattr(jobs, "new_id", itertools.count(1).__next__)

    def begin(scenario: Scenario) -> World:
        world = World(tmp_path, new_database, members=scenario.members, apart_s=scenario.apart_s)
        scenario.meets(world)
        return world

    return begin


@pytest.fixture(autouse=True)
def no_bug_is_met(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail on logged errors: a bug may vanish when the step is retried."""
    yield
    assert [] == [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR]


def gone_on(worlds: list[World], scenario: Scenario) -> dict[int, list[str]]:
    """Return the violations after new processes have continued these worlds, by the instant of the kill."""
    found = {}
    for world in worlds:
        world.clock.forward(seconds=scenario.down_s)
        world.live()
        found[world.killed_at] = wrong(world, scenario)
    return {killed_at: said for killed_at, said in found.items() if said}


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_kill_after_any_await_loses_and_repeats_nothing(
    scenario: Scenario, begun: Callable[[Scenario], World]
) -> None:
    world = begun(scenario)

    left_behind = world.kills()

    assert [scenario.ends] * scenario.members == [(job.state, job.reason) for job in world.jobs]
    assert [] == wrong(world, scenario)
    assert {} == gone_on(left_behind, scenario)


def test_the_kills_reach_every_state_and_both_sides_of_each_request(
    begun: Callable[[Scenario], World],
) -> None:
    found = [
        (job.state, len(world.music.tasks), len(world.chat.posts))
        for world in begun(SONG).kills()
        for job in world.jobs
    ]

    assert [
        (JobState.QUEUED, 0, 0),
        (JobState.SUBMITTING, 0, 0),
        (JobState.SUBMITTING, 1, 0),
        (JobState.RUNNING, 1, 0),
        (JobState.READY, 1, 0),
        (JobState.STORED, 1, 0),
        (JobState.DELIVERING, 1, 0),
        (JobState.DELIVERING, 1, 1),
        (DONE, 1, 1),
    ] == list(dict.fromkeys(found))


@pytest.mark.parametrize("scenario", [SONG, CLOSED_CHANNEL], ids=lambda scenario: scenario.name)
def test_a_second_kill_during_recovery_changes_nothing(
    scenario: Scenario, begun: Callable[[Scenario], World]
) -> None:
    random = Random(2_026)  # noqa: S311 - no secret
    for world in random.sample(begun(scenario).kills(), 8):
        twice = world.kills()

        some = random.sample(twice, min(4, len(twice)))
        assert {} == gone_on(some, scenario), f"after a kill at {world.killed_at}"


def test_a_stop_after_any_await_leaves_no_request_unknown(
    begun: Callable[[Scenario], World],
) -> None:
    found = {}
    for instant in [world.killed_at for world in begun(SONG).kills()]:
        world = begun(SONG)
        world.live(stop_at=instant)
        world.live()
        found[instant] = [*wrong(world, SONG), *(f"{job_id} was cut off" for job_id in world.in_flight)]

    assert {} == {instant: said for instant, said in found.items() if said}


def test_a_process_that_is_killed_while_it_stops_leaves_nothing_undone(
    begun: Callable[[Scenario], World],
) -> None:
    under_way = [
        world.killed_at
        for world in begun(THREE).kills()
        if {JobState.SUBMITTING, JobState.DELIVERING} & {job.state for job in world.jobs}
    ]
    for instant in under_way:
        left_behind = [world for world in begun(THREE).kills(stop_at=instant) if world.killed_at > instant]

        assert left_behind
        assert {} == gone_on(left_behind, THREE), f"asked to stop at {instant}"
