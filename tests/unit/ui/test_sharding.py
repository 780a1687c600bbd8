"""The shards started by a process of a fleet, and their turns."""

import asyncio
from collections.abc import AsyncIterator

import discord
import pytest
from discord.gateway import DiscordWebSocket

from bot.database.share import Share
from bot.ui import discord_client as ui
from bot.ui.sharding import Sharding
from tests.doubles.discord import FakeDiscord


@pytest.fixture
async def stand_in(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(shards=3) as opened:
        opened.max_concurrency = 2
        monkeypatch.setattr(discord.http.Route, "BASE", opened.url)
        monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
        yield opened


async def known() -> str:
    """Return a digest: another version has registered its commands."""
    return "another digest"


async def never(_digest: str) -> None:
    raise AssertionError


@pytest.mark.parametrize(
    ("recommended", "count", "expected"),
    [(1, None, (2, [1])), (3, None, (4, [1, 3])), (4, None, (4, [1, 3])), (1, 6, (6, [1, 3, 5]))],
)
def test_the_number_of_shards_is_a_multiple_of_the_slots(
    recommended: int, count: int | None, expected: tuple[int, list[int]]
) -> None:
    sharding = Sharding(share=Share(slot=1, slots=2), count=count)

    assert expected == sharding.shards(recommended)


async def test_a_slot_starts_its_own_shards_in_turn_and_registers_nothing(
    stand_in: FakeDiscord, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = []

    async def turn(bucket: int) -> None:
        turns.append((bucket, len(stand_in.gateway.identifies)))

    async def no_wait(*_: object, **__: object) -> None:
        """Skip discord.py's own five seconds."""

    dispatch = ui.TunesmithClient.dispatch

    def told(client: ui.TunesmithClient, event: str, /, *args: object, **options: object) -> None:
        dispatch(client, event, *args, **options)
        client.loop.call_soon(stand_in.changed)  # after the event's handlers

    monkeypatch.setattr(ui.TunesmithClient, "dispatch", told)
    monkeypatch.setattr(discord.Client, "before_identify_hook", no_wait)
    sharding = Sharding(share=Share(slot=1, slots=2), turn=turn)
    client = ui.TunesmithClient(registered=known, register=never, sharding=sharding)
    started = asyncio.create_task(client.start(stand_in.token))
    await stand_in.until(lambda: client.is_ready() and client.cut_off() is None, 20.0, "both shards")
    registered = [call for call in stand_in.requests if call.method == "PUT"]
    await client.close()
    started.cancel()
    await asyncio.wait([started])

    assert [[1, 4], [3, 4]] == [list(one["shard"]) for one in stand_in.gateway.identifies]
    assert [(1, 0), (1, 1)] == turns
    assert [] == registered
