"""The log of a song: one line with its times and outcome, and at DEBUG its requests, without its texts."""

import logging
from contextlib import suppress
from datetime import timedelta

import httpx
import pytest

from bot.model import JobState
from bot.pipeline.quote_filter import QUOTES, unquoted
from bot.refusals import ServiceClosed
from tests import make
from tests.doubles.music import answers
from tests.unit.pipeline.rig import Rig


def told(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[dict[str, object]]:
    return [vars(line) for line in caplog.records if line.levelno >= level and line.name.startswith("bot.")]


async def test_a_song_is_one_line_with_its_times_and_outcome(
    rig: Rig, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, logger="bot")
    job = await rig.ask()
    await rig.until(job, JobState.RUNNING)
    rig.clock.forward(seconds=40)
    await rig.until(job, JobState.DELIVERED)

    (line,) = told(caplog)
    assert ("song ended", job.id, job.origin.guild_id, "delivered") == (
        *(line["message"], line["job_id"], line["guild_id"]),
        line["outcome"],
    )
    stages = ["queued_s", "submitting_s", "running_s", "ready_s", "stored_s", "delivering_s"]
    assert stages == [name for name in line if name in stages]
    assert float(str(line["running_s"])) >= timedelta(seconds=40).total_seconds()
    assert float(str(line["total_s"])) == pytest.approx(sum(float(str(line[name])) for name in stages))


async def test_a_failure_is_one_line_with_its_reason(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger="bot")
    job = await rig.ask(request=make.prompt("a sad song about rain in May"))
    refusal = {"error": "a sad song about rain in May: no"}
    rig.music.on_post.append(lambda _: httpx.Response(400, json=refusal))
    await rig.until(job, JobState.EXPLAINED)

    assert [("song ended", "refused")] == [(line["message"], line["outcome"]) for line in told(caplog)]
    assert "sad song" not in caplog.text


@pytest.mark.parametrize(
    ("status", "confirmed"), [(402, True), pytest.param(404, False, marks=pytest.mark.documented)]
)
async def test_an_alert_does_not_quote_the_request(rig: Rig, status: int, confirmed: bool) -> None:
    rig.music.closed_for_all = confirmed
    for member_id, words in ((make.MEMBER, "a sad song about rain in May"), (make.OTHER, "a glad song")):
        rig.music.on_post.append(answers(status, message=f"Coming soon: {words}"))
        with suppress(ServiceClosed):
            await rig.ask(make.prompt(words), make.origin(member_id=member_id))
        await rig.round()

    (alert,) = rig.alerts
    assert QUOTES in alert
    assert "song about rain" not in alert
    assert "glad song" not in alert


def test_text_quoted_from_the_request_is_not_logged() -> None:
    job = make.job(request=make.custom(title="Neon rain in the harbour"))

    assert QUOTES == unquoted(job, "HTTP 400: 'neon rain in the harbour' is not allowed")
    assert "HTTP 400: not allowed" == unquoted(job, "HTTP 400: not allowed")
