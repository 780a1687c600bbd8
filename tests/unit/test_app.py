"""Supervision, monitoring and shutdown of the bot's parts."""

import asyncio
import logging
import time
from datetime import UTC, timedelta
from types import SimpleNamespace

import aiohttp
import discord
import pytest

from bot import lifecycle
from bot.database.sqlite import Database
from bot.errors import StartRefused, Transient
from bot.ops import clock, event_loop
from bot.ops.clock import steady_clock
from bot.ops.supervisor import supervise
from bot.store import servers
from bot.ui import discord_client, discord_connection
from tests import make


async def test_a_failed_part_is_restarted_and_the_operator_alerted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.pipeline.schedule.backoff_s", lambda *_: 0.0)
    alerts: list[str] = []
    starts = 0

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts < 3:
            raise RuntimeError("a bug")

    await supervise("job runner", work, alerts.append)

    assert 3 == starts
    assert ["Supervised part failed and will restart: job runner. See the log for the reason."] * 2 == alerts


async def test_an_unreachable_service_is_one_line_per_retry_and_one_alert(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("bot.pipeline.schedule.backoff_s", lambda *_: 0.0)
    alerts: list[str] = []
    starts = 0

    async def work() -> None:
        nonlocal starts
        starts += 1
        if starts <= 8:
            raise Transient("Discord can't be reached (ClientConnectorError)")

    await supervise("Discord connection", work, alerts.append)

    lines = [(line.getMessage(), line.exc_info, vars(line)["failures"]) for line in caplog.records]
    assert [("supervised part retrying", None, number) for number in range(1, 9)] == lines
    assert ["Discord can't be reached (ClientConnectorError); the bot keeps trying."] == alerts


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "refused"),
        TimeoutError(),
        aiohttp.ClientPayloadError(),
        RuntimeError("Session is closed"),
    ],
    ids=repr,
)
def test_a_lost_connection_of_discord_py_is_one_line(error: Exception) -> None:
    record = logging.LogRecord("discord.shard", logging.ERROR, "", 1, "Attempting a reconnect", None, None)
    record.exc_info = (type(error), error, None)

    assert discord_client.lose_traceback(record)
    assert {"exc_info": None, "error": type(error).__name__}.items() <= vars(record).items()


async def test_aiohttp_names_a_closed_session_as_expected() -> None:
    session = aiohttp.ClientSession()
    await session.close()

    with pytest.raises(RuntimeError) as raised:
        await session.get("http://127.0.0.1/")

    assert discord_client.SESSION_CLOSED == str(raised.value)


@pytest.mark.parametrize("error", [KeyError("d"), RuntimeError("no running event loop")], ids=repr)
def test_a_bug_in_discord_py_keeps_its_traceback(error: Exception) -> None:
    record = logging.LogRecord("discord.client", logging.ERROR, "", 1, "Ignoring", None, None)
    record.exc_info = (type(error), error, None)

    assert discord_client.lose_traceback(record)
    assert record.exc_info is not None


async def test_a_refused_start_is_not_retried() -> None:
    async def work() -> None:
        raise StartRefused("DISCORD_TOKEN is not accepted")

    with pytest.raises(StartRefused):
        await supervise("the connection", work, lambda _: None)


async def test_an_unanswered_disconnect_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = discord.Client(intents=discord.Intents.none())
    monkeypatch.setattr(client._connection, "close", asyncio.Event().wait)
    monkeypatch.setattr(discord_connection, "CLOSE_WITHIN_S", 0.01)

    await discord_connection.close(client)
    await discord_connection.close(client)

    assert 1 == caplog.text.count("disconnect not confirmed by Discord")


async def test_a_blocked_event_loop_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(event_loop, "WATCH_EVERY_S", 0.01)
    monkeypatch.setattr(event_loop, "STALLED_S", 0.05)
    lags: list[float] = []
    watching = asyncio.create_task(event_loop.watch(lags.append))
    await asyncio.sleep(0)

    time.sleep(0.1)  # noqa: ASYNC251 - this is the stall
    await asyncio.sleep(0.02)
    watching.cancel()

    (line,) = caplog.records
    assert "event loop blocked" == line.getMessage()
    assert 0 < vars(line)["lag_s"] < 1
    assert max(lags) >= 0.05


def test_the_clock_advances_with_the_time_elapsed(monkeypatch: pytest.MonkeyPatch) -> None:
    elapsed_s = iter([1_000.0, 1_000.0, 1_002.5])
    monkeypatch.setattr(time, "clock_gettime", lambda _: next(elapsed_s))
    now = steady_clock()

    first, second = now(), now()

    assert timedelta(seconds=2.5) == second - first
    assert UTC == first.tzinfo


def test_setting_the_machines_clock_does_not_step_the_bots(monkeypatch: pytest.MonkeyPatch) -> None:
    now = steady_clock()
    before = now()
    monkeypatch.setattr(clock, "datetime", SimpleNamespace(now=lambda _: before + timedelta(days=1)))

    assert timedelta(hours=1) > now() - before


@pytest.mark.parametrize(
    ("policy", "public", "warned"),
    [
        (servers.ServerPolicy(), True, True),
        (servers.ServerPolicy(), False, False),
        (servers.ServerPolicy(serves_new=False), True, False),
    ],
)
async def test_a_public_bot_that_serves_strangers_warns_at_the_start(
    policy: servers.ServerPolicy,
    public: bool,
    warned: bool,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    client = discord.Client(intents=discord.Intents.none())

    async def nothing(*_: object) -> None:
        pass

    monkeypatch.setattr(client, "login", nothing)
    monkeypatch.setattr(client, "connect", nothing)
    client._application = SimpleNamespace(bot_public=public)  # type: ignore[assignment]
    await discord_connection.connect(client, "token", asyncio.Event(), policy)  # type: ignore[arg-type]

    assert warned == ("strangers can spend credits" in caplog.text)


@pytest.mark.parametrize("error", [aiohttp.ClientConnectionError("closed"), RuntimeError("closed")])
async def test_a_connection_interrupted_by_a_stop_is_not_a_failure(
    error: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, stop = discord.Client(intents=discord.Intents.none()), asyncio.Event()

    async def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr(client, "login", fails)
    with pytest.raises(RuntimeError if isinstance(error, RuntimeError) else Transient):
        await discord_connection.connect(client, "token", stop)  # type: ignore[arg-type]
    stop.set()
    client.clear()

    await discord_connection.connect(client, "token", stop)  # type: ignore[arg-type]


async def test_the_start_logs_the_usage_of_all_servers(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    await lifecycle._log_total(database, 10_000, make.NOW)

    (line,) = [record for record in caplog.records if record.getMessage() == "credits this month"]
    assert (0, 10_000) == (vars(line)["used"], vars(line)["total_credits_max"])
