"""One send at a time per channel, and no channel delays another."""

import asyncio
import itertools
from typing import Any

import pytest

from bot.model import ChannelId, FailReason, GuildId, Job, JobState
from bot.pipeline.transitions import fail
from bot.pipeline.turns import GUILD_SENDS_MAX, SENDS_MAX, SendTurns
from tests import make
from tests.unit.pipeline.rig import Rig

BUSY, QUIET = ChannelId(make.CHANNEL), ChannelId(make.CHANNEL + 1)
OTHER_GUILD = GuildId(make.GUILD + 1)


async def test_sends_to_one_channel_are_made_one_at_a_time_in_order() -> None:
    turns, log = SendTurns(), list[str]()

    async def send(number: int) -> None:
        async with turns.take(BUSY, make.GUILD):
            log.append(f"begin {number}")
            await asyncio.sleep(0)
            log.append(f"end {number}")

    await asyncio.gather(*(send(number) for number in range(3)))

    assert [f"{word} {number}" for number in range(3) for word in ("begin", "end")] == log


async def test_waiting_for_a_channel_occupies_no_slot() -> None:
    turns, free = SendTurns(sends_max=2), asyncio.Event()

    async def send() -> None:
        async with turns.take(BUSY, make.GUILD):
            await free.wait()

    tasks = [asyncio.create_task(send()) for _ in range(100)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5), turns.take(QUIET, OTHER_GUILD):
        pass

    free.set()
    await asyncio.gather(*tasks)


async def test_concurrent_sends_are_bounded() -> None:
    turns, under_way, most, free = SendTurns(sends_max=3), 0, 0, asyncio.Event()

    async def send(channel_id: int) -> None:
        nonlocal under_way, most
        async with turns.take(ChannelId(channel_id), GuildId(channel_id)):
            under_way += 1
            most = max(most, under_way)
            await free.wait()
            under_way -= 1

    tasks = [asyncio.create_task(send(number)) for number in range(10)]
    for _ in range(5):
        await asyncio.sleep(0)
    free.set()
    await asyncio.gather(*tasks)

    assert 3 == most


async def test_an_interrupted_send_gives_its_turn_back() -> None:
    turns = SendTurns(sends_max=1)

    async def send() -> None:
        async with turns.take(BUSY, make.GUILD):
            await asyncio.Future()

    for _ in range(3):
        task = asyncio.create_task(send())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])

    async with asyncio.timeout(5), turns.take(BUSY, make.GUILD):
        pass
    assert not turns._channels


async def test_notices_that_hang_in_one_channel_do_not_delay_a_song_in_another(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    await rig.credits.set_allowance(make.GUILD, 10_000, None, make.entry())
    song = await rig.ask(make.prompt(), make.origin(channel_id=QUIET))
    await rig.until(song, JobState.STORED)
    failing = [await failed(rig, number) for number in range(30)]
    free, posted, posting = asyncio.Event(), asyncio.Event(), 0
    numbers, post_song = itertools.count(9_000), rig.chat.post_song

    async def hangs(*_: object) -> int:
        nonlocal posting
        posting += 1
        await free.wait()
        return next(numbers)

    async def posts(*arguments: Any) -> int:  # noqa: ANN401 - those of the chat
        message_id = await post_song(*arguments)
        posted.set()
        return message_id

    monkeypatch.setattr(rig.chat, "post_notice", hangs)
    monkeypatch.setattr(rig.chat, "post_song", posts)
    async with rig.process() as runner:
        around = asyncio.create_task(runner.round())
        async with asyncio.timeout(20):
            await posted.wait()
        at_once = posting
        free.set()
        await around

    assert at_once <= 1
    assert 30 == posting
    assert {JobState.EXPLAINED} == {await rig.state(job) for job in failing}
    assert JobState.DELIVERED is await rig.state(song)


async def failed(rig: Rig, number: int) -> Job:
    """Return a failed job in the busy channel whose member has yet to be notified."""
    job = await rig.ask(make.prompt(f"text {number}"), make.origin(channel_id=BUSY))
    await rig.database.write(lambda tx: fail(tx, job, FailReason.REFUSED, "", now=rig.clock()))
    return job


async def test_one_server_with_many_channels_leaves_places_for_the_others() -> None:
    turns, free, under_way = SendTurns(), asyncio.Event(), 0

    async def send(channel_id: int) -> None:
        nonlocal under_way
        async with turns.take(ChannelId(channel_id), make.GUILD):
            under_way += 1
            await free.wait()

    tasks = [asyncio.create_task(send(number)) for number in range(2 * SENDS_MAX)]
    await asyncio.sleep(0)
    async with asyncio.timeout(5), turns.take(QUIET, OTHER_GUILD):
        at_once = under_way

    free.set()
    await asyncio.gather(*tasks)
    assert GUILD_SENDS_MAX == at_once
