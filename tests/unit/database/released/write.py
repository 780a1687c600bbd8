"""Write a database of an earlier version with that version's code, as a fixture: ``schema-N.db.gz``.

Run with that version's source first in the path, from an empty folder:

    git archive COMMIT | tar x -C /tmp/then
    PYTHONPATH=/tmp/then python tests/unit/database/released/write.py schema-N.db.gz

The files here were made by da8241a^ (1), 0838f45^ (2), 04b9566 (3), 1373254 (4), 14b56d4 (5) and 201d9c3 (6),
the last commits of each schema. They have jobs in every state, ledger entries of every kind known then, texts
and a draft.
"""

import asyncio
import gzip
import inspect
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from bot.balance import Period
from bot.database.sqlite import Database
from bot.model import Job, JobState
from tests import make
from tests.unit.pipeline.rig import Rig


async def give(rig: Any) -> None:  # noqa: ANN401 - of whatever version
    """Grant an allowance and a bonus through the credits of that version."""
    if "actor_id" in inspect.signature(rig.credits.grant).parameters:
        await rig.credits.set_allowance(make.GUILD, 150, Period.WEEK, make.MEMBER)
        await rig.credits.grant(make.GUILD, 60, "a good evening", make.MEMBER)
        return
    await rig.credits.set_allowance(make.GUILD, 150, Period.WEEK, make.entry())
    await rig.credits.grant(make.GUILD, 60, make.entry("a good evening"))
    if hasattr(rig.credits, "limit_member"):
        await rig.credits.limit_member(make.GUILD, make.MEMBER, 1_000, make.entry())
        await rig.credits.limit_role(make.GUILD, 7777, 500, make.entry())
        await rig.credits.set_alerts(make.GUILD, 8002, make.entry())
        await rig.credits.pause(make.GUILD, make.entry("a rest"))
        await rig.credits.resume(make.GUILD, make.entry())


async def left_in_submitting(rig: Rig) -> Job:
    """Return a job whose process died during the paid request."""
    job = await rig.ask(make.prompt("died over it"))
    reached = asyncio.Event()

    async def never(_: httpx.Request) -> httpx.Response:
        reached.set()
        return await asyncio.Future()

    rig.music.hangs = never
    async with rig.process() as runner:
        around = asyncio.create_task(runner.round())
        await reached.wait()
        for task in [*runner._busy, around]:
            task.cancel()
        await asyncio.wait([*runner._busy, around])
    rig.music.hangs = None
    return job


async def fill(rig: Rig) -> None:
    """Fill the database with an evening of all kinds of events."""
    await give(rig)
    parked = await rig.ask(make.prompt("parked"))
    rig.music.done_at_once = False
    await rig.until(parked, JobState.RUNNING)
    rig.clock.forward(hours=25)
    await rig.round()
    rig.music.done_at_once = True
    await rig.until(await rig.ask(), JobState.DELIVERED)
    refunded = await rig.ask(make.custom(title="Neon Rain «ночь» 🌧"), make.origin(member_id=make.OTHER))
    await rig.until(refunded, JobState.DELIVERED)
    if hasattr(rig.credits, "refund"):
        await rig.credits.refund(make.GUILD, refunded.id, make.entry("too loud"))
    rig.music.takes = 0
    await rig.until(await rig.ask(make.prompt("told")), JobState.EXPLAINED)
    rig.chat.down = True
    await rig.until(await rig.ask(make.prompt("not told yet")), JobState.FAILED)
    rig.music.takes = 2
    rig.chat.down = False
    rig.chat.closed_channels |= {make.CHANNEL, make.MEMBER + rig.chat.direct_offset}
    await rig.until(await rig.ask(make.prompt("nowhere to post")), JobState.UNDELIVERED)
    rig.chat.closed_channels.clear()
    await held_up(rig, "no audio yet", lambda: rig.music.audio.update(every_audio(rig, 404)), JobState.READY)
    rig.music.done_at_once = False
    await rig.until(await rig.ask(make.prompt("composing")), JobState.RUNNING)
    rig.music.done_at_once, rig.chat.down = True, True
    await rig.until(await rig.ask(make.prompt("on its way")), JobState.DELIVERING)
    await left_in_submitting(rig)
    await rig.ask(make.prompt("waits"), make.origin(member_id=make.OTHER))
    await rig.intake.keep_draft(make.prompt("a draft"), make.MEMBER)


async def held_up(rig: Rig, words: str, how: Callable[[], object], state: JobState) -> None:
    job = await rig.ask(make.prompt(words))
    how()
    await rig.until(job, state)
    await rig.round()


def every_audio(rig: Rig, status: int) -> dict[str, bytes | int]:
    number = len(rig.music.tasks) + 1
    return {f"/task-{number}-{take}.mp3": status for take in (1, 2)}


async def write(path: Path) -> None:
    """Create and fill a database."""
    async with Database.open(path) as database:
        await fill(Rig(database, path.parent / "spool", make.Clock()))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "tunesmith.db"
        asyncio.run(write(made))
        Path(sys.argv[1]).write_bytes(gzip.compress(made.read_bytes(), mtime=0))
