"""Members' texts: those of songs, stored once under their author, and drafts of refused requests."""

import json
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta

from msgspec import Struct

from bot.database.engine import Row, Tx
from bot.model import DiscordUserId, DraftId, JobId, MemberNumber, SongRequest, Voice
from bot.refusals import TextsGone
from bot.store.members import member_number
from bot.store.scrub import Deleted, mark
from bot.store.text_overlap import has_words_of
from bot.store.times import milliseconds

TEXTS = ("prompt", "title", "style", "lyrics", "avoid")
"""Texts of a request. Each is stored once, under its author."""
DRAFTS_MAX = 5
"""Maximum number of drafts per member; a further one replaces the oldest."""
FIELDS = ("model", "custom", "instrumental", "voice", "duration_s", *TEXTS)
"""Fields of a request: names of both its attributes and its columns."""
KEEP_DRAFTS = timedelta(days=1)


class _Text(Struct, frozen=True, kw_only=True):
    """A text of an earlier song."""

    id: int
    value: str


def keep(
    tx: Tx,
    job_id: JobId,
    request: SongRequest,
    author: MemberNumber,
    author_name: str,
    source_id: JobId | None,
) -> None:
    """Store the texts of a new job. Texts equal to those of job ``source_id`` are referenced, not copied.

    An edited text belongs to its new author and to everybody whose words it still contains.
    """
    source = _texts_of(tx, source_id)
    values: dict[str, object] = {
        "job_id": job_id,
        "model": request.model,
        "custom": request.custom,
        "instrumental": request.instrumental,
        "voice": request.voice,
        "duration_s": request.duration_s,
        "asked_by": author_name,
    }
    for name in TEXTS:
        value: str = getattr(request, name)
        earlier = source.get(name)
        if earlier is not None and earlier.value == value:
            values[f"{name}_id"] = earlier.id
        elif value:
            values[f"{name}_id"] = _add_text(tx, author, value, source.values())
    _insert(tx, "song", values)


def joined(*names: str) -> str:
    """Return joins that add a job's song and these texts, each under its name, to a SELECT from ``job``.

    The view ``words`` has them all, but reading hundreds of songs takes a third longer with it.
    """
    joins = [f"LEFT JOIN text AS {name} ON {name}.id = song.{name}_id" for name in names]
    return " ".join(["LEFT JOIN song ON song.job_id = job.id", *joins])


def change_model(tx: Tx, job_id: JobId, model: str) -> None:
    """Record that a job's song is made by a different model from the requested one."""
    tx.execute("UPDATE song SET model = ? WHERE job_id = ?", (model, job_id))


def _texts_of(tx: Tx, job_id: JobId | None) -> dict[str, _Text]:
    """Return the texts of the job, by kind."""
    if job_id is None:
        return {}
    row = tx.execute("SELECT * FROM song WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        return {}
    texts = {
        name: tx.execute("SELECT id, value FROM text WHERE id = ?", (row[f"{name}_id"],)).fetchone()
        for name in TEXTS
    }
    return {name: _Text(id=text["id"], value=text["value"]) for name, text in texts.items() if text}


def _add_text(tx: Tx, author: int, value: str, source: Iterable[_Text]) -> int:
    (text_id,) = tx.execute(
        "INSERT INTO text (author_id, value) VALUES (?, ?) RETURNING id", (author, value)
    ).fetchone()
    held = [text.id for text in source if has_words_of(value, text.value)]
    if not held:
        return int(text_id)
    tx.execute(
        """INSERT INTO coauthor (text_id, author_id)
             SELECT :text, author_id FROM (
               SELECT author_id FROM text WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:held))
               UNION SELECT author_id FROM coauthor
                 WHERE text_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:held))) AS holder
             WHERE author_id <> :author""",
        {"text": text_id, "held": json.dumps(held), "author": author},
    )
    return int(text_id)


def may_be_taken_up(tx: Tx, job_id: JobId) -> bool:
    """Return whether the job's texts may be reused: all are stored, and no author awaits erasure."""
    row = tx.execute("SELECT torn FROM words WHERE job_id = ?", (job_id,)).fetchone()
    if row is None or row["torn"]:
        return False
    leaving = tx.execute(
        """SELECT 1 FROM song
           JOIN text ON text.id IN (prompt_id, title_id, style_id, lyrics_id, avoid_id)
           WHERE job_id = ? AND EXISTS (
             SELECT 1 FROM member WHERE leaving_since IS NOT NULL AND (member.id = text.author_id
               OR member.id IN (SELECT author_id FROM coauthor WHERE text_id = text.id)))""",
        (job_id,),
    )
    return leaving.fetchone() is None


def drop_songs(tx: Tx, job_ids: Collection[JobId]) -> int:
    """Delete the texts of these jobs that no other song uses. Returns how many jobs had texts."""
    ids = json.dumps(list(job_ids))
    rows = tx.execute(
        """DELETE FROM song WHERE job_id IN (SELECT CAST(value AS BIGINT) FROM json_each(?))
           RETURNING prompt_id, title_id, style_id, lyrics_id, avoid_id""",
        (ids,),
    ).fetchall()
    texts = json.dumps(sorted({text_id for row in rows for text_id in row if text_id is not None}))
    used = " UNION ALL ".join(
        f"SELECT {name}_id FROM song WHERE {name}_id IN (SELECT CAST(value AS BIGINT) FROM json_each(:texts))"
        for name in TEXTS
    )
    tx.execute(
        f"""DELETE FROM text
            WHERE id IN (SELECT CAST(value AS BIGINT) FROM json_each(:texts)) AND id NOT IN ({used})""",
        {"texts": texts},
    )
    return len(rows)


def outlived(tx: Tx, before: datetime, limit: int) -> list[JobId]:
    """Return up to ``limit`` jobs that finished before that time and still have texts."""
    rows = tx.execute(
        """SELECT song.job_id FROM song JOIN job ON job.id = song.job_id
           WHERE (job.state IN ('delivered', 'explained', 'undelivered') OR job.parked IS NOT NULL)
             AND job.due_at IS NULL AND job.state_since < :before AND job.created_at < :before
           LIMIT :limit""",
        {"before": milliseconds(before), "limit": limit},
    )
    return [row["job_id"] for row in rows]


def read(row: Row | Mapping[str, object]) -> SongRequest:
    """Read the request from a row with ``FIELDS``; it is empty once the texts have been deleted."""
    return SongRequest(
        model=str(row["model"] or ""),
        prompt=str(row["prompt"] or ""),
        custom=bool(row["custom"]),
        title=str(row["title"] or ""),
        style=str(row["style"] or ""),
        lyrics=str(row["lyrics"] or ""),
        instrumental=bool(row["instrumental"]),
        avoid=str(row["avoid"] or ""),
        voice=None if row["voice"] is None else Voice(str(row["voice"])),
        duration_s=None if row["duration_s"] is None else int(str(row["duration_s"])),
    )


def keep_draft(
    tx: Tx,
    key: DraftId,
    member_id: DiscordUserId,
    request: SongRequest,
    remix_of: JobId | None,
    now: datetime,
) -> None:
    """Store the texts of a refused request under the number ``key``, for a day.

    Raises:
        TextsGone: the request changes the texts of ``remix_of``, which may no longer be reused.
    """
    if remix_of is not None and not may_be_taken_up(tx, JobId(remix_of)):
        raise TextsGone
    member = member_number(tx, member_id)
    replaced = tx.execute(
        """DELETE FROM draft WHERE member_id = :member AND id NOT IN (
             SELECT id FROM draft WHERE member_id = :member
             ORDER BY created_at DESC, id DESC LIMIT :others)""",
        {"member": member, "others": DRAFTS_MAX - 1},
    ).rowcount
    if replaced:
        mark(tx, Deleted.DROPPED)
    values: dict[str, object] = {name: getattr(request, name) for name in FIELDS}
    values |= {"id": key, "member_id": member, "remix_of": remix_of}
    _insert(tx, "draft", values | {"created_at": milliseconds(now)})


def draft(
    tx: Tx, key: DraftId, member_id: DiscordUserId, now: datetime
) -> tuple[SongRequest, JobId | None] | None:
    """Return the member's own draft and the job it remixes; None if the draft is gone."""
    row = tx.execute(
        """SELECT draft.* FROM draft JOIN member ON member.id = draft.member_id
           WHERE draft.id = ? AND member.discord_id = ? AND draft.created_at >= ?""",
        (key, member_id, milliseconds(now - KEEP_DRAFTS)),
    ).fetchone()
    return None if row is None else (read(row), row["remix_of"])


def drop_drafts(tx: Tx, now: datetime, limit: int) -> int:
    """Delete up to ``limit`` drafts older than a day. Returns their number."""
    dropped = tx.execute(
        """DELETE FROM draft WHERE id IN (
             SELECT id FROM draft WHERE created_at < ? ORDER BY created_at LIMIT ?)""",
        (milliseconds(now - KEEP_DRAFTS), limit),
    ).rowcount
    if dropped:
        mark(tx, Deleted.DROPPED)
    return dropped


def _insert(tx: Tx, table: str, values: Mapping[str, object]) -> None:
    tx.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)})",
        dict(values),
    )
