"""Budget alerts: each is posted once, whatever happens on the way."""

from datetime import timedelta

import pytest

from bot.model import ChannelId, JobState
from tests import make
from tests.unit.pipeline.rig import Rig

TOLD = ChannelId(make.CHANNEL + 7)
DONE = JobState.DELIVERED


async def song(rig: Rig) -> None:
    await rig.until(await rig.ask(), DONE)


@pytest.fixture
async def listening(rig: Rig) -> Rig:
    """A server with an allowance of two songs, whose budget alerts go to a channel."""
    await rig.credits.set_allowance(make.GUILD, 20, None, make.entry())
    await rig.credits.set_alerts(make.GUILD, TOLD, make.entry())
    return rig


async def test_both_marks_are_reported_once(listening: Rig) -> None:
    await song(listening)
    before = len(listening.chat.alerts)
    await song(listening)
    await listening.settle_down()

    told = listening.chat.alerts.values()
    assert 0 == before
    assert [(80, 20, 20, TOLD), (100, 20, 20, TOLD)] == [
        (alert.percent, alert.used, alert.allowance, alert.channel_id) for alert in told
    ]
    assert 2 == listening.chat.alert_sends


async def test_a_reported_mark_is_not_reported_again_with_the_next_song(listening: Rig) -> None:
    await listening.credits.grant(make.GUILD, 10, make.entry("one more"))
    for _ in range(3):
        await song(listening)
    await listening.settle_down()

    assert 2 == listening.chat.alert_sends


async def test_the_next_period_is_reported_again(listening: Rig) -> None:
    for _ in range(2):
        await song(listening)
    listening.clock.now = (await listening.balance()).renews_at
    for _ in range(2):
        await song(listening)
    await listening.settle_down()

    assert 4 == len(listening.chat.alerts)


async def test_an_alert_whose_answer_is_lost_is_repeated_under_its_nonce(
    listening: Rig,
) -> None:
    listening.chat.on_alert = ["lost"] * 100
    for _ in range(2):
        await song(listening)
    began = listening.clock.now
    await listening.settle_down()
    sends = listening.chat.alert_sends
    await listening.settle_down()

    assert 2 == len(listening.chat.alerts)
    assert sends == listening.chat.alert_sends
    assert listening.clock.now - began >= timedelta(minutes=2)


async def test_a_deleted_channel_is_not_tried_again(listening: Rig) -> None:
    listening.chat.on_alert = ["closed"] * 100
    for _ in range(2):
        await song(listening)
    await listening.settle_down()

    assert 2 == listening.chat.alert_sends


async def test_returned_credits_do_not_count_as_used_budget(listening: Rig) -> None:
    listening.music.done_at_once = False
    job = await listening.ask()
    await listening.until(job, JobState.RUNNING)
    listening.task.status = "failed"
    await listening.until(job, JobState.EXPLAINED)
    await listening.settle_down()

    assert {} == listening.chat.alerts


async def test_a_server_without_an_allowance_gets_no_budget_alerts(listening: Rig) -> None:
    await listening.credits.set_allowance(make.GUILD, 0, None, make.entry())
    await listening.credits.grant(make.GUILD, 10, make.entry("one song"))
    await song(listening)
    await listening.settle_down()

    assert {} == listening.chat.alerts
