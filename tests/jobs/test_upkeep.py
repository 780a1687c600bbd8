"""What is looked after from time to time."""

import asyncio
import os
from datetime import timedelta

from bot.jobs.erasure import Erasure
from bot.jobs.upkeep import Upkeep
from bot.model import JobState
from tests.jobs.rig import Rig


def upkeep(rig: Rig) -> Upkeep:
    async def once(_: float) -> None:
        raise asyncio.CancelledError

    return Upkeep(
        database=rig.database,
        spool=rig.spool,
        erasure=Erasure(rig.database, rig.spool, now=rig.clock),
        spool_days=7,
        words_days=90,
        now=rig.clock,
        alert=rig.alerts.append,
        sleep=once,
    )


async def test_files_stay_for_the_days_that_the_operator_gives_them(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.DELIVERED)

    rig.clock.forward(days=6)
    await upkeep(rig).round()
    assert len(list(rig.spool.folder.iterdir())) == 2

    rig.clock.forward(days=2)
    await upkeep(rig).round()
    assert list(rig.spool.folder.iterdir()) == []


async def test_files_of_a_song_that_is_not_posted_yet_stay(rig: Rig) -> None:
    job = await rig.ask()
    await rig.until(job, JobState.STORED)

    rig.clock.forward(days=60)
    await upkeep(rig).round()

    assert len(list(rig.spool.folder.iterdir())) == 2


async def test_a_stray_file_is_removed_when_it_is_old(rig: Rig) -> None:
    rig.spool.folder.mkdir()
    old, new = rig.spool.path("old.part"), rig.spool.path("new.part")
    for path, age in ((old, timedelta(days=2)), (new, timedelta(hours=2))):
        path.write_bytes(b"x")
        at = (rig.clock.now - age).timestamp()
        os.utime(path, (at, at))

    await upkeep(rig).round()

    assert (old.exists(), new.exists()) == (False, True)


async def test_books_that_do_not_add_up_alert_the_operator_once_a_day(rig: Rig) -> None:
    await rig.ask()
    await rig.database.write(lambda tx: tx.execute("UPDATE usage SET allowance_held = 3").rowcount)
    keeper = upkeep(rig)

    await keeper.round()
    await keeper.round()
    rig.clock.forward(days=1)
    await keeper.round()

    assert len(rig.alerts) == 2
    assert "tunesmith doctor --ledger" in rig.alerts[0]
