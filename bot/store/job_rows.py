"""Read a job from its row, its texts and its tracks."""

import json
from collections.abc import Sequence

from bot.database.engine import Row, Tx
from bot.model import (
    SONG_STATES,
    Backend,
    ClosedCause,
    Delivery,
    DiscordUserId,
    FailReason,
    Job,
    JobId,
    JobState,
    Origin,
    TakeDetails,
    Track,
)
from bot.store import texts
from bot.store.times import moment

SONGS = ", ".join(f"'{state}'" for state in sorted(SONG_STATES))
SELECT = f"""SELECT job.*, member.discord_id AS member_discord_id, member.locale AS member_locale,
                     guild.locale AS guild_locale, words.torn,
                     NOT EXISTS (SELECT 1 FROM job AS earlier WHERE earlier.member_id = job.member_id
                                   AND earlier.id <> job.id AND earlier.state IN ({SONGS})) AS first_song,
                     {", ".join(f"words.{name}" for name in texts.FIELDS)}
              FROM job JOIN member ON member.id = job.member_id JOIN guild ON guild.id = job.guild_id
              LEFT JOIN words ON words.job_id = job.id"""


def read_all(tx: Tx, job_ids: Sequence[JobId]) -> list[Job]:
    """Return these jobs in the order given, skipping missing ones."""
    ids = {"ids": json.dumps(list(job_ids))}
    among = "IN (SELECT CAST(value AS BIGINT) FROM json_each(:ids))"
    tracks: dict[int, list[Row]] = {}
    for track in tx.execute(f"SELECT * FROM track WHERE job_id {among} ORDER BY job_id, take", ids):
        tracks.setdefault(track["job_id"], []).append(track)
    rows = tx.execute(f"{SELECT} WHERE job.id {among}", ids)
    by_id = {row["id"]: _job(row, tracks.get(row["id"], ())) for row in rows}
    return [by_id[job_id] for job_id in job_ids if job_id in by_id]


def read(tx: Tx, row: Row) -> Job:
    """Return the job of a row selected by ``SELECT``."""
    tracks = tx.execute("SELECT * FROM track WHERE job_id = ? ORDER BY take", (row["id"],)).fetchall()
    return _job(row, tracks)


def _job(row: Row, tracks: Sequence[Row]) -> Job:
    return Job(
        id=row["id"],
        request=texts.read(row),
        origin=Origin(
            interaction_id=row["interaction_id"],
            guild_id=row["guild_id"],
            channel_id=row["channel_id"],
            member_id=DiscordUserId(row["member_discord_id"] or 0),
            may_reference=bool(row["may_reference"]),
            guild_locale=row["guild_locale"],
            member_locale=row["member_locale"],
            parent_channel_id=row["parent_channel_id"],
            results_channel_id=row["results_channel_id"],
            announce_channel_id=row["announce_channel_id"],
        ),
        state=JobState(row["state"]),
        attempt=row["attempt"],
        tries=row["tries"],
        created_at=moment(row["created_at"]),
        state_since=moment(row["state_since"]),
        price_credits=row["price"],
        limit_credits=row["limit_credits"],
        backend=None if row["backend"] is None else Backend(row["backend"]),
        task_id=row["task_id"] and row["task_id"].removeprefix(f"{row['backend']}:"),
        upstream_credits=row["upstream_credits"],
        takes=tuple(TakeDetails(**take) for take in json.loads(row["takes"])),
        urls=tuple(json.loads(row["urls"])),
        tracks=tuple(
            Track(
                take=track["take"],
                file=track["file"],
                size_bytes=track["size_bytes"],
                sha256=track["sha256"],
                url=track["url"],
            )
            for track in tracks
        ),
        reason=None if row["reason"] is None else FailReason(row["reason"]),
        closed=None if row["closed"] is None else ClosedCause(row["closed"]),
        detail=row["detail"],
        delivery=None
        if row["delivery_channel_id"] is None
        else Delivery(
            channel_id=row["delivery_channel_id"],
            direct=bool(row["delivery_direct"]),
            started_at=moment(row["delivery_started_at"]),
        ),
        message_id=row["message_id"],
        card_message_id=row["card_message_id"],
        card_shown=row["card_shown"],
        card_due_at=None if row["card_due_at"] is None else moment(row["card_due_at"]),
        parked=row["parked"] is not None,
        missing_since=None if row["missing_since"] is None else moment(row["missing_since"]),
        misses=row["misses"],
        texts_whole=row["torn"] == 0,
        first_song=bool(row["first_song"]),
        restored=row["restored_at"] is not None,
    )
