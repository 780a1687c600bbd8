"""The tracks of jobs, which map each take to its audio file in the spool."""

import json
from collections.abc import Iterable
from datetime import datetime

from bot.database.engine import Tx
from bot.model import Job, JobId, Track
from bot.store.jobs import NOT_ERASED
from bot.store.times import milliseconds


def add_track(tx: Tx, job: Job, track: Track) -> bool:
    """Record a track in the spool for the claimed ``job``.

    Returns False, and changes nothing, if another claim has overtaken this one or the job has been erased.
    """
    cursor = tx.execute(
        f"""INSERT INTO track (job_id, take, file, size_bytes, sha256, url)
           SELECT id, :take, :file, :size, :sha256, :url FROM job
           WHERE id = :job AND state = :state AND attempt = :attempt AND {NOT_ERASED}
           ON CONFLICT (job_id, take) DO UPDATE SET file = excluded.file, size_bytes = excluded.size_bytes,
                                     sha256 = excluded.sha256, url = excluded.url""",
        {"state": job.state, "attempt": job.attempt, **_columns(job.id, track)},
    )
    return cursor.rowcount == 1


def found_again(tx: Tx, job_id: JobId, track: Track) -> bool:
    """Replace a track's file. Returns False if the track has been deleted in the meantime."""
    cursor = tx.execute(
        """UPDATE track SET file = :file, size_bytes = :size, sha256 = :sha256, url = :url
           WHERE job_id = :job AND take = :take""",
        _columns(job_id, track),
    )
    return cursor.rowcount == 1


def _columns(job_id: JobId, track: Track) -> dict[str, object]:
    return {
        "job": job_id,
        "take": track.take,
        "file": track.file,
        "size": track.size_bytes,
        "sha256": track.sha256,
        "url": track.url,
    }


def files(tx: Tx, names: Iterable[str], since: datetime) -> tuple[frozenset[str], frozenset[str]]:
    """Return which of the spool files ``names`` belong to a job, and which of those may be removed.

    A file may be removed if its job finished before ``since``.
    """
    rows = tx.execute(
        """SELECT file, job.state IN ('delivered', 'undelivered', 'explained') AND job.state_since < ? AS over
           FROM track JOIN job ON job.id = track.job_id WHERE file IN (SELECT value FROM json_each(?))""",
        (milliseconds(since), json.dumps(list(names))),
    ).fetchall()
    return frozenset(row["file"] for row in rows), frozenset(row["file"] for row in rows if row["over"])


def drop_equal_tracks(tx: Tx, job_id: JobId) -> None:
    """Delete the tracks whose bytes equal those of an earlier take."""
    tx.execute(
        """DELETE FROM track WHERE job_id = :job AND EXISTS (
             SELECT 1 FROM track AS earlier
             WHERE earlier.job_id = :job AND earlier.sha256 = track.sha256 AND earlier.take < track.take)""",
        {"job": job_id},
    )
