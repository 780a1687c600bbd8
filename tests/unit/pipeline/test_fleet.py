"""Each process of a fleet works for its servers; one of them pays and does maintenance for all."""

from contextlib import suppress
from datetime import timedelta

import pytest

from bot.database.share import Share
from bot.model import Job, JobState
from bot.pipeline.erasure import Erasure
from bot.pipeline.maintenance import Maintenance
from bot.pipeline.runner import FLEET_WAIT_MAX_S
from tests import make
from tests.unit.pipeline.rig import Rig

OWN = (make.GUILD >> 22) % 2
"""The slot responsible for the server, out of two."""


class Fleet:
    """One of two processes at a time, each in turn."""

    def __init__(self, rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
        self.rig = rig
        self._monkeypatch = monkeypatch

    def be(self, slot: int) -> None:
        """Let the next process have this slot."""
        self._monkeypatch.setattr(type(self.rig.database), "share", Share(slot=slot, slots=2))

    async def steps(self, job: Job, slot: int, count: int = 3) -> JobState:
        """Let a process with this slot work for a while. Return the job's state."""
        self.be(slot)
        for _ in range(count):
            with suppress(AssertionError):  # nothing is due for this slot
                await self.rig.step(job)
        return await self.rig.state(job)


@pytest.fixture
def fleet(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> Fleet:
    return Fleet(rig, monkeypatch)


async def ask_in_slot_1(rig: Rig) -> Job:
    guild = make.GUILD + ((1 - OWN) << 22)
    return await rig.ask(origin=make.origin(guild_id=guild))


async def test_slot_0_pays_and_the_servers_own_slot_does_the_rest(fleet: Fleet) -> None:
    job = await ask_in_slot_1(fleet.rig)

    states = [await fleet.steps(job, slot) for slot in (1, 0, 0)]
    posts = len(fleet.rig.chat.posts)
    fleet.rig.finish()
    last = await fleet.steps(job, 1, count=6)

    assert [JobState.QUEUED, JobState.RUNNING, JobState.RUNNING] == states
    assert (0, JobState.DELIVERED) == (posts, last)
    assert 1 == fleet.rig.music.posts


async def test_a_process_of_a_fleet_often_checks_for_due_work_by_others(fleet: Fleet) -> None:
    fleet.be(1)
    async with fleet.rig.process() as runner:
        assert FLEET_WAIT_MAX_S == await runner._look_around()


async def test_only_slot_0_does_maintenance_and_each_slot_its_files(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    rig, rounds = fleet.rig, []
    maintenance = Maintenance(
        database=rig.database,
        spool=rig.spool,
        erasure=Erasure(rig.database, rig.spool, now=rig.clock),
        spool_days=7,
        texts_days=90,
        now=rig.clock,
        alert=rig.alerts.append,
    )
    for name in ("_reconcile", "_drop_files", "_drop_texts", "_drop_refusals"):

        async def note(*_: object, name: str = name) -> None:
            rounds.append(name)

        monkeypatch.setattr(maintenance, name, note)
    fleet.be(1)
    await maintenance.round()
    in_slot_1 = [*rounds]
    fleet.be(0)
    await maintenance.round()

    assert ["_drop_files"] == in_slot_1
    assert {"_drop_files", "_reconcile", "_drop_texts", "_drop_refusals"} == set(rounds)


async def test_files_of_an_erased_song_are_removed_by_its_own_slot(fleet: Fleet) -> None:
    rig = fleet.rig
    job = await ask_in_slot_1(rig)
    await rig.until(job, JobState.DELIVERED)
    await rig.privacy.delete(job.origin.member_id)

    fleet.be(0)
    await Erasure(rig.database, rig.spool, now=rig.clock).work()
    kept = rig.spool.of_jobs([job.id])
    rig.clock.now += timedelta(minutes=1)
    fleet.be(1)
    await Erasure(rig.database, rig.spool, now=rig.clock).work()

    assert kept
    assert [] == rig.spool.of_jobs([job.id])
