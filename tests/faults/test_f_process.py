"""Faults of the process: killed, stopped or buggy, it loses no song, and pays for and posts each once."""

import asyncio
import signal
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest
from aiohttp import web

from bot.checks import Verdict
from bot.model import FailReason, Job, JobState
from bot.ops.doctor.local import database_checks
from bot.ops.doctor.runner import run_checks
from bot.pipeline import runner
from bot.sandbox.server import running
from bot.services import pending_answers
from bot.store.reconcile import Reconciliation, reconcile
from bot.ui import discord_connection
from tests import bugs
from tests.doubles.discord import Channel, FakeDiscord, Fault, Person
from tests.doubles.in_process import answers
from tests.doubles.music import QuickSandbox
from tests.faults.promise import assert_told_plainly
from tests.flows.process import PATIENCE_S, World
from tests.unit.pipeline.rig import Rig

DONE, TOLD = JobState.DELIVERED, JobState.EXPLAINED
STOPS_WITHIN_S = 40.0


class Holding(QuickSandbox):
    """A music service that withholds its answers until the test releases them."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__(changed)
        self.answering = asyncio.Event()
        """Set to answer paid requests, which are accepted and charged in any case."""
        self.answering.set()
        self.held = 0

    async def _create(self, request: web.Request) -> web.StreamResponse:
        answer = await super()._create(request)
        self.held += 1
        self._changed()
        await self.answering.wait()
        self.held -= 1
        return answer


class Place(World):
    """A world whose music service can withhold its answers."""

    music: Holding

    @classmethod
    @asynccontextmanager
    async def of(cls, folder: Path) -> AsyncIterator["Place"]:
        async with FakeDiscord() as discord:
            music = Holding(discord.changed)
            async with running(music) as url:
                yield cls(folder, discord, music, url)
                music.answering.set()
            assert [] == discord.unknown_routes

    async def ask(self, prompt: str, where: tuple[Channel, Person]) -> None:
        channel, person = where
        answer = await self.discord.slash("music create", prompt=prompt, user=person, channel=channel)
        assert not answer.ephemeral, answer.content

    async def until_sending(self, kinds: dict[str, str]) -> list[Fault]:
        """Request songs with these prompts, each in its own place, where its message meets this fault."""
        faults = []
        for prompt, kind in kinds.items():
            channel, person = self.room()
            faults.append(self.discord.fault("POST", f"/channels/{channel.id}/messages", kind))
            await self.ask(prompt, (channel, person))
        await self.discord.until(lambda: all(fault.hits for fault in faults), PATIENCE_S, "the sends")
        return faults

    async def until_held(self, count: int) -> None:
        await self.discord.until(lambda: self.music.held == count, PATIENCE_S, f"{count} held paid requests")

    async def until_answered(self, count: int) -> None:
        """Wait until the bot has read the answers to this number of posts."""

        def answered() -> bool:
            sends = [one for one in self.discord.requests if one.path.endswith("/messages")]
            return count == sum((one.method, one.status) == ("POST", 200) for one in sends)

        await self.discord.until(answered, PATIENCE_S, f"{count} messages")

    def states(self) -> dict[str, str]:
        """Return each job's state by its prompt."""
        with closing(self._connected()) as db:
            return dict(db.execute("SELECT prompt, state FROM job JOIN words ON job_id = job.id").fetchall())

    def books(self) -> Reconciliation:
        with closing(self._connected()) as db:
            return reconcile(db)

    def _connected(self) -> sqlite3.Connection:
        db = sqlite3.connect(f"{(self.folder / 'tunesmith.db').resolve().as_uri()}?mode=ro", uri=True)
        db.row_factory = sqlite3.Row
        return db


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with Place.of(tmp_path) as opened:
        yield opened


# -- killed


async def test_a_bot_killed_during_any_work_forgets_and_repeats_nothing(
    place: Place,
) -> None:
    for life in (1, 2):
        async with place.bot() as bot:
            place.music.delay_s = 3_600.0
            await place.ask(f"{life} composing", place.room())
            await place.discord.until(
                partial(place.bodies, f"{life} composing"), PATIENCE_S, "a paid request"
            )
            place.music.delay_s = 0.0
            await place.until_sending({f"{life} posting": "hang", f"{life} not posted": "hang before"})
            place.music.answering.clear()
            await place.ask(f"{life} paying", place.room())
            await place.until_held(1)
            await bot.kill()
        place.music.answering.set()
    place.music.finish()
    async with place.bot() as bot:
        await place.until_answered(8)
        assert 0 == await bot.terminate()

    ends = {"paying": "explained"} | dict.fromkeys(("composing", "posting", "not posted"), "delivered")
    assert {f"{life} {name}": end for life in (1, 2) for name, end in ends.items()} == place.states()
    assert [1] * 8 == list(Counter(body["prompt"] for body in place.music.requests).values())
    assert [1] * 8 == list(Counter(message.channel.id for message in place.discord.posted()).values())
    assert 2 == sum("did not confirm" in message.text() for message in place.discord.posted())
    assert (0, 60, 20, ()) == summed(place.books())


def summed(reconciliation: Reconciliation) -> tuple[int, int, int, tuple[str, ...]]:
    return reconciliation.held, reconciliation.settled, reconciliation.released, reconciliation.findings


# -- stopped


async def test_a_stop_finishes_answered_work_and_a_start_the_rest(
    place: Place,
) -> None:
    async with place.bot() as bot:
        (send,) = await place.until_sending({"on the way": "hang"})
        place.music.answering.clear()
        for number in range(3):
            await place.ask(f"paying {number}", place.room())
        await place.until_held(3)
        ending = asyncio.create_task(bot.terminate())
        await bot.until_said("stopping")
        place.music.answering.set()
        send.stop()

        assert 0 == await ending
    first = bot.log
    before = place.states()
    async with place.bot() as bot:
        await place.until_answered(4)
        assert 0 == await bot.terminate()

    assert "delivered" == before["on the way"]
    assert {"running"} == {before[f"paying {number}"] for number in range(3)}
    assert [] == [words for words in ("outcome unknown", "cut off", "Traceback") if words in first + bot.log]
    assert {"delivered"} == set(place.states().values())
    assert [1] * 4 == list(Counter(message.channel.id for message in place.discord.posted()).values())
    assert (0, 40, 0, ()) == summed(place.books())


def test_a_stop_takes_under_forty_seconds_whichever_service_hangs() -> None:
    jobs_s = max(runner.FINISH_WITHIN_S, pending_answers.ANSWER_WITHIN.total_seconds())

    assert (30.0, True) == (
        runner.FINISH_WITHIN_S,
        jobs_s + discord_connection.CLOSE_WITHIN_S < STOPS_WITHIN_S,
    )


HASTY = """
from bot.cli import main
from bot.pipeline import runner

runner.FINISH_WITHIN_S = 0.3
main()
"""
"""The unmodified bot, except for less patience at the end."""


async def test_work_that_takes_too_long_is_cut_off_and_resumed(place: Place) -> None:
    (place.folder / "hasty.py").write_text(HASTY, "utf-8")
    place.command = ("hasty", "run")
    async with place.bot() as bot:
        await place.until_sending({"posted": "hang", "not posted": "hang before"})
        place.music.answering.clear()
        await place.ask("paying", place.room())
        await place.until_held(1)

        assert 0 == await bot.terminate()
    before = place.states()
    place.command = World.command
    place.music.answering.set()
    async with place.bot() as again:
        await place.until_answered(3)
        assert 0 == await again.terminate()

    assert 3 == bot.log.count("task cut off at shutdown")
    assert "Traceback" not in bot.log
    assert {"posted": "delivering", "not posted": "delivering", "paying": "submitting"} == before
    assert {"posted": "delivered", "not posted": "delivered", "paying": "explained"} == place.states()
    assert [1] * 3 == list(Counter(message.channel.id for message in place.discord.posted()).values())
    assert 1 == ["did not confirm" in message.text() for message in place.discord.posted()].count(True)
    assert 3 == len(place.music.requests)
    assert (0, 20, 10, ()) == summed(place.books())


async def test_repeated_interrupts_from_the_keyboard_cut_nothing_off(
    place: Place,
) -> None:
    async with place.bot() as bot:
        place.music.answering.clear()
        await place.ask("paying", place.room())
        await place.until_held(1)
        for sent in (signal.SIGINT, signal.SIGTERM, signal.SIGTERM, signal.SIGINT):
            bot._process.send_signal(sent)
            await bot.until_said("stopping")
        place.music.answering.set()

        assert 0 == await bot.ended()

    assert {"paying": "running"} == place.states()
    assert [] == [words for words in ("outcome unknown", "Traceback") if words in bot.log]
    assert (10, 0, 0, ()) == summed(place.books())


@pytest.mark.parametrize("path", [None, "/users/@me", "/gateway/bot"])
async def test_a_stop_during_the_start_ends_it_and_leaves_a_sound_database(
    path: str | None, place: Place
) -> None:
    async with place.unconnected_bot() as bot:
        if path is not None:
            fault = place.discord.fault("GET", path, "hang before", times=None)
            await place.discord.until(lambda: fault.hits, PATIENCE_S, "a request")
        status = await bot.terminate()

    # Until it has installed its handler, Python exits at once.
    assert 0 == status or (None, -signal.SIGTERM) == (path, status)
    assert "Traceback" not in bot.log
    checks = [check async for check in run_checks(database_checks(place.folder / "tunesmith.db"))]
    assert [] == [check for check in checks if check.verdict is Verdict.FAILURE]
    assert path is None or "ledger" == checks[-1].name


# -- a bug in one job

BUGS = {
    "submitting": (3, TOLD, FailReason.INTERNAL),
    # The request may have been sent and is never repeated, so there is only one try.
    "running": (1, TOLD, FailReason.OUTCOME_UNKNOWN),
    "ready": (3, JobState.RUNNING, None),
    "stored": (3, JobState.READY, None),
    "delivering": (3, JobState.UNDELIVERED, None),
    "delivered": (3, JobState.UNDELIVERED, None),
    "explained": (3, TOLD, FailReason.REFUSED),
}
"""States that cannot be recorded for one job: the number of tries, and the job's final state."""


async def break_move(rig: Rig, job: Job, state: str) -> None:
    """Fail unexpectedly whenever the job enters this state with the result of the previous step."""
    when = f"""NEW.id = {job.id} AND NEW.state = '{state}' AND OLD.state <> '{state}'
               AND (NEW.state <> 'explained' OR NEW.message_id IS NOT NULL)"""
    await rig.database.write(lambda tx: bugs.refuse(tx, "UPDATE ON job", when))


@pytest.mark.parametrize("state", BUGS)
async def test_a_bug_ends_its_job_after_three_tries_and_no_other_job(
    state: str, rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    tries, end, reason = BUGS[state]
    if state == "explained":
        rig.music.on_post = [answers(400, message="no")]
    job = await rig.ask()
    await break_move(rig, job, state)
    await rig.round()
    others = [await rig.ask() for _ in range(2)]

    await rig.rest(rounds=200)

    ended, reconciliation = await rig.get(job), await rig.database.read(reconcile)
    assert (end, reason, False) == (ended.state, ended.reason, ended.open)
    assert [DONE, DONE] == [await rig.state(other) for other in others]
    assert tries == caplog.text.count("bug in a step")
    assert 1 >= len([post for post in rig.chat.posts if post.job_id == job.id])
    assert (state != "submitting") + 2 == rig.music.posts
    assert 10 * (end in (JobState.RUNNING, JobState.READY)) == reconciliation.held
    assert (20 + 10 * (end is JobState.UNDELIVERED), ()) == (reconciliation.settled, reconciliation.findings)
    if end is TOLD:
        assert_told_plainly(ended)


async def test_a_bug_while_reporting_a_failure_is_logged_with_the_failure(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    rig.music.on_post = [answers(400, message="no")]
    job = await rig.ask()
    rig.chat.broken_job = job.id
    await rig.round()
    other = await rig.ask()

    await rig.rest(rounds=200)

    assert (TOLD, DONE) == (await rig.state(job), await rig.state(other))
    assert 3 == caplog.text.count("bug in a step")
    assert {"hold": 2, "release": 1, "settle": 1} == await rig.books()


async def test_a_bug_that_is_gone_before_the_third_try_costs_nothing(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)
    rig.music.broken = "GET"
    while caplog.text.count("bug in a step") < 2:
        await rig.step(job)

    rig.music.broken = None
    await rig.until(job, DONE)

    assert {"hold": 1, "settle": 1} == await rig.books()
    assert [2] == [post.files for post in rig.chat.posts]
