"""The promise after every fault: balanced books, nothing charged or posted twice, every member informed."""

import logging
import re

import pytest

from bot.model import Job, JobState
from bot.pipeline.courier import MessageKind
from bot.store.reconcile import reconcile
from bot.ui import cards, messages
from bot.ui.language import ENGLISH
from tests.unit.pipeline.rig import Rig

HELD = frozenset({JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING, JobState.READY})
POSTED = {JobState.DELIVERED: [MessageKind.SONG], JobState.EXPLAINED: [MessageKind.NOTICE]}
"""Messages of a finished job in the chat; any other job has none yet."""


ORDINARY = {*vars(logging.makeLogRecord({})), "message", "asctime", "bound"}
"""Attributes of a log record without fields of its own."""


async def assert_survived(
    rig: Rig,
    caplog: pytest.LogCaptureFixture,
    *jobs: Job,
    says: str,
    posts: int | None = None,
    secrets: tuple[str, ...] = (),
) -> None:
    """Assert the general promise for ``jobs``, which must be all jobs in the database.

    ``says`` is a pattern that must match a log line about each job. ``posts`` is the number of paid
    requests that the music service has received, by default one per job.
    """
    found = [await rig.get(job) for job in jobs]
    reconciliation = await rig.database.read(reconcile)
    assert () == reconciliation.findings
    assert sum(job.price_credits for job in found if job.state in HELD) == reconciliation.held
    assert len(found) == reconciliation.jobs
    assert (len(found) if posts is None else posts) == rig.music.posts
    assert len(rig.music.tasks) <= len(found)
    assert [] == [record.getMessage() for record in caplog.records if is_a_bug(record)]
    log = "\n".join(map(line, caplog.records))
    shown = [caplog.text, log, *rig.alerts]
    for job in found:
        assert POSTED.get(job.state, []) == [post.kind for post in rig.chat.posts if post.job_id == job.id]
        assert re.search(rf"\bjob {job.id}\b.*{says}", log, re.IGNORECASE)
        if job.state in (JobState.FAILED, JobState.EXPLAINED):
            shown.append(assert_told_plainly(job))
        elif job.state is JobState.DELIVERED:
            shown.append(str(cards.song(ENGLISH, job).to_dict()))
    for secret in (rig.key, *secrets):
        assert [] == [text for text in shown if secret in text]


def line(record: logging.LogRecord) -> str:
    """Return the event with its job and its fields, as ``job 42 job failed (closed) no more``."""
    bound = getattr(record, "bound", {})
    fields = {name: value for name, value in vars(record).items() if name not in ORDINARY}
    job_id = fields.pop("job_id", bound.get("job_id"))
    first, *rest = [str(value) for value in fields.values()] or [""]
    return f"job {job_id} {record.getMessage()} ({first}) {' '.join(rest)}"


def is_a_bug(record: logging.LogRecord) -> bool:
    """Return whether the line reports an unexpected error."""
    return record.levelno >= logging.CRITICAL or "bug in" in record.getMessage() or record.name == "asyncio"


def assert_told_plainly(job: Job) -> str:
    """Assert that a member reads about a failure plainly: a sentence or two, and that the credits are back.

    Return the whole text shown.
    """
    sentence = cards.notice(ENGLISH, job).description or ""
    assert sentence == messages.failure(ENGLISH, job)
    own_words = re.sub(r" It said: “.*”", "", sentence, flags=re.DOTALL)
    assert re.fullmatch(r"[A-Z][^.]+\.( [A-Z][^.]+\.)? Your [\d,]+ credits? are back\.", own_words)
    assert not re.search(r"[_/{}<>\\\n]|\d{3}|HTTP|Error|Exception|Timeout|Traceback|None", own_words)
    asked = job.origin
    internal = [job.id, job.task_id, asked.interaction_id, asked.guild_id, asked.channel_id, asked.member_id]
    assert [] == [known for known in internal if known is not None and str(known) in own_words]
    return str(cards.notice(ENGLISH, job).to_dict())
