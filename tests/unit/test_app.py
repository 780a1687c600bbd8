"""What is done for the parts that run beside each other."""

import asyncio
import time

import discord
import pytest

from bot import app
from bot.errors import StartRefused


async def test_a_part_that_breaks_is_begun_again_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.pipeline.schedule.backoff_s", lambda *_: 0.0)
    alerts: list[str] = []
    begun = 0

    async def work() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise RuntimeError("a bug")

    await app._supervised("the runner", work, alerts.append)

    assert begun == 3
    assert alerts == ["The runner broke down and is begun again; the log has the reason."] * 2


async def test_a_refused_start_is_not_begun_again() -> None:
    async def work() -> None:
        raise StartRefused("DISCORD_TOKEN is not accepted")

    with pytest.raises(StartRefused):
        await app._supervised("the connection", work, lambda _: None)


async def test_a_goodbye_that_is_not_answered_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    client = discord.Client(intents=discord.Intents.none())
    monkeypatch.setattr(client._connection, "close", asyncio.Event().wait)
    monkeypatch.setattr(app, "CLOSE_WITHIN_S", 0.01)

    await app._close(client)
    await app._close(client)

    assert caplog.text.count("Discord did not confirm the end of the connection") == 1


async def test_a_loop_that_stands_still_leaves_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(app, "WATCH_EVERY_S", 0.01)
    monkeypatch.setattr(app, "STALLED_S", 0.05)
    lags: list[float] = []
    watching = asyncio.create_task(app._watch_loop(lags.append))
    await asyncio.sleep(0)

    time.sleep(0.1)  # noqa: ASYNC251 - this is the stall
    await asyncio.sleep(0.02)
    watching.cancel()

    assert "the event loop stood still for 0." in caplog.text
    assert max(lags) >= 0.05


def test_the_clock_goes_on_and_can_not_be_set() -> None:
    now = app.steady_clock()

    first, second = now(), now()

    assert first <= second
    assert first.tzinfo is not None
