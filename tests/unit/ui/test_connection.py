"""When the client counts as connected, with discord.py's own connection to a gateway on a socket."""

import asyncio
import gc
import threading
import warnings
from collections.abc import AsyncIterator, Callable

import discord
import pytest
from discord.gateway import DiscordWebSocket, KeepAliveHandler

from bot.ui import discord_client as ui
from tests.doubles.discord import FakeDiscord

SILENT_S = 0.5


async def nothing() -> None:
    """No commands are registered yet."""


async def forgets(_digest: str) -> None:
    """Nothing is remembered."""


class Told(ui.TunesmithClient):
    """The client; waiting tests look again after each of its events."""

    changed: Callable[[], None]

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Skip the five seconds that Discord requires between two identifications."""

    def dispatch(self, event: str, /, *args: object, **kwargs: object) -> None:
        super().dispatch(event, *args, **kwargs)
        # The handlers run first.
        self.loop.call_soon(self.changed)


@pytest.fixture(params=[1, 2])
async def stand_in(request: pytest.FixtureRequest) -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord(shards=request.param) as opened:
        opened.gateway.heartbeat_interval_ms = int(SILENT_S * 1000 / 5)
        yield opened


@pytest.fixture
async def client(stand_in: FakeDiscord, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Told]:
    monkeypatch.setattr(discord.http.Route, "BASE", stand_in.url)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", DiscordWebSocket.DEFAULT_GATEWAY)
    made = Told(registered=nothing, register=forgets, silent_s=SILENT_S)
    made.changed = stand_in.changed
    started = asyncio.create_task(made.start(stand_in.token))
    yield made
    await made.close()
    started.cancel()
    await asyncio.wait([started])
    for thread in threading.enumerate():
        if isinstance(thread, KeepAliveHandler):  # they use this loop, which is about to end
            thread.stop()
            await asyncio.to_thread(thread.join)
    # discord.py does not close a connection that it has replaced (2.7.1): collect it in this test.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


async def until(stand_in: FakeDiscord, client: ui.TunesmithClient, *, cut_off: bool) -> None:
    what = "a lost connection" if cut_off else "a connection"
    await stand_in.until(lambda: (client.cut_off() is not None) is cut_off, 20.0, what)


def sessions(stand_in: FakeDiscord) -> int:
    return len(stand_in.gateway.identifies)


async def test_a_client_is_connected_when_every_shard_has_its_session(
    client: Told, stand_in: FakeDiscord
) -> None:
    before = client.cut_off(), client.connected.is_set()
    await until(stand_in, client, cut_off=False)

    assert ("not connected to Discord", False) == before
    assert client.connected.is_set()
    assert sessions(stand_in) == client.shard_count


async def test_a_dropped_connection_is_noticed_and_restored(client: Told, stand_in: FakeDiscord) -> None:
    await until(stand_in, client, cut_off=False)
    stand_in.refuse_gateway()
    await stand_in.drop_gateway()
    await until(stand_in, client, cut_off=True)
    stand_in.refuse_gateway(refuse=False)
    await until(stand_in, client, cut_off=False)

    assert client.latencies_s().keys() <= set(range(client.shard_count or 0))


async def test_a_silent_gateway_is_noticed_and_reconnected(client: Told, stand_in: FakeDiscord) -> None:
    await until(stand_in, client, cut_off=False)
    stand_in.gateway.silent = True
    await until(stand_in, client, cut_off=True)
    during = client.latencies_s()
    stand_in.gateway.silent = False
    await until(stand_in, client, cut_off=False)

    assert len(during) < (client.shard_count or 0)


async def test_an_open_socket_without_a_session_is_not_a_connection(
    client: Told, stand_in: FakeDiscord
) -> None:
    await until(stand_in, client, cut_off=False)
    stand_in.gateway.silent = True
    await stand_in.drop_gateway()
    await stand_in.until(
        lambda: stand_in.gateway.connections > 2 * (client.shard_count or 0), 10.0, "sockets"
    )

    assert "not connected to Discord" == client.cut_off()


async def test_a_client_that_has_ended_is_not_connected(client: Told, stand_in: FakeDiscord) -> None:
    await until(stand_in, client, cut_off=False)
    await client.close()

    assert "not connected to Discord" == client.cut_off()
    assert {} == client.latencies_s()


async def test_the_real_limit_leaves_room_for_a_late_heartbeat_within_a_minute() -> None:
    assert 41.25 + 5 < ui.SILENT_S < 60 - 5
