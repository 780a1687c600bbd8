"""The history of a job: its states, sends and answers in order, and its credits.

Database triggers record every change of a job's row. The answers that kept it in its state are recorded here.
"""

import itertools
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

from bot.characters import head
from bot.database.engine import Tx
from bot.model import Job, JobId
from bot.store.times import milliseconds, moment

EVENTS_MAX: Final = 200
"""Maximum number of events per job, repeated in the triggers. Each further one replaces the last."""
ANSWER_MAX: Final = 200
"""Maximum length of a stored answer, in characters."""


class JobEvent(Struct, frozen=True, kw_only=True):
    """One event in the history of a job."""

    at: datetime
    kind: str
    """state, sending, parked, resumed, deleted (the job's message) or answer."""
    state: str
    """The job's state from then on."""
    attempt: int
    """Number of times the job had been claimed."""
    note: str
    """The service, the reason, the destination, or the answer."""
    repeats: int
    """Number of times the same answer was repeated."""
    last_at: datetime


class JobEntry(Struct, frozen=True, kw_only=True):
    """A ledger entry for a job."""

    at: datetime
    kind: str
    allowance: int
    bonus: int
    reason: str


class StageTimes(Struct, frozen=True, kw_only=True):
    """Time that a job spent in each state it has left, and their sum."""

    by_state: dict[str, timedelta]
    total: timedelta


def record_request(tx: Tx, job_id: JobId, now: datetime) -> None:
    """Record that the job has been queued.

    There is no trigger for this: it would make every insert look for children.
    """
    tx.execute(
        """INSERT INTO job_event (job_id, number, at, kind, state, attempt, last_at)
           VALUES (:job, 1, :at, 'state', 'queued', 0, :at)""",
        {"job": job_id, "at": milliseconds(now)},
    )


def record_answer(tx: Tx, job: Job, answer: str, now: datetime) -> None:
    """Record an answer that kept the job in its state; count it if it repeats the last one."""
    note, at = head(answer, ANSWER_MAX), milliseconds(now)
    last = tx.execute(
        "SELECT number, kind, state, note FROM job_event WHERE job_id = ? ORDER BY number DESC LIMIT 1",
        (job.id,),
    ).fetchone()
    if last is not None and (last["kind"], last["state"], last["note"]) == ("answer", job.state, note):
        tx.execute(
            "UPDATE job_event SET repeats = repeats + 1, last_at = ? WHERE job_id = ? AND number = ?",
            (at, job.id, last["number"]),
        )
        return
    tx.execute(
        """INSERT INTO job_event (job_id, number, at, kind, state, attempt, note, last_at)
           VALUES (:job, :number, :at, 'answer', :state, :attempt, :note, :at)
           ON CONFLICT (job_id, number) DO UPDATE SET
             at = excluded.at, kind = excluded.kind, state = excluded.state, attempt = excluded.attempt,
             note = excluded.note, repeats = 0, last_at = excluded.last_at""",
        {
            "job": job.id,
            "number": min(EVENTS_MAX, 1 + (0 if last is None else last["number"])),
            "at": at,
            "state": job.state,
            "attempt": job.attempt,
            "note": note,
        },
    )


def events(tx: Tx, job_id: JobId) -> list[JobEvent]:
    """Return the job's events, in order."""
    rows = tx.execute("SELECT * FROM job_event WHERE job_id = ? ORDER BY number", (job_id,))
    return [
        JobEvent(
            at=moment(row["at"]),
            kind=row["kind"],
            state=row["state"],
            attempt=row["attempt"],
            note=row["note"],
            repeats=row["repeats"],
            last_at=moment(row["last_at"]),
        )
        for row in rows
    ]


def entries(tx: Tx, job_id: JobId) -> list[JobEntry]:
    """Return the job's ledger entries, in order."""
    rows = tx.execute(
        """SELECT * FROM ledger WHERE job_id = :job AND kind = 'hold'
           UNION ALL SELECT * FROM ledger WHERE job_id = :job AND kind IN ('settle', 'release')
           UNION ALL SELECT * FROM ledger WHERE job_id = :job AND kind = 'refund' ORDER BY id""",
        {"job": job_id},
    )
    return [
        JobEntry(
            at=moment(row["at"]),
            kind=row["kind"],
            allowance=row["allowance"],
            bonus=row["bonus"],
            reason=row["reason"],
        )
        for row in rows
    ]


def drop_answers(tx: Tx, job_ids: str) -> None:
    """Delete the wording of these jobs' answers: a service may have quoted a member.

    ``job_ids`` is a JSON list.
    """
    tx.execute(
        """UPDATE job_event SET note = ''
           WHERE kind = 'answer' AND job_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))""",
        (job_ids,),
    )


def stage_times(tx: Tx, job_id: JobId) -> StageTimes:
    """Return how long the job was in each of its earlier states, in order."""
    rows = tx.execute(
        "SELECT at, state FROM job_event WHERE job_id = ? AND kind = 'state' ORDER BY number", (job_id,)
    ).fetchall()
    by_state: dict[str, timedelta] = {}
    for row, following in itertools.pairwise(rows):
        time = timedelta(milliseconds=following["at"] - row["at"])
        by_state[row["state"]] = by_state.get(row["state"], timedelta()) + time
    return StageTimes(by_state=by_state, total=sum(by_state.values(), timedelta()))
