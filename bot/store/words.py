"""What members typed: the words of songs, by reference to who wrote them, and drafts of refused requests."""

import sqlite3
from collections.abc import Mapping
from datetime import datetime, timedelta

from bot.model import SongRequest, Voice
from bot.store.database import Tx
from bot.store.ledger import member_number, milliseconds

TEXTS = ("prompt", "title", "style", "lyrics", "avoid")
"""The texts of a request; each is kept once, under its author."""
SEARCHED = ("title", "prompt", "style", "lyrics")
"""The texts in which a member looks for a word."""
FIELDS = ("model", "custom", "instrumental", "voice", *TEXTS)
"""All that a request says, by its name here and in the database."""
KEEP_DRAFTS = timedelta(days=1)


def keep(
    tx: Tx, job_id: int, request: SongRequest, author: int, author_name: str, source_id: int | None
) -> None:
    """Keep the words of a new job. What is the same in the job ``source_id`` is referred to, not copied.

    ``author`` is the internal number of the member who asks.
    """
    source = _texts_of(tx, source_id)
    values: dict[str, object] = {
        "job_id": job_id,
        "model": request.model,
        "custom": request.custom,
        "instrumental": request.instrumental,
        "voice": request.voice,
        "asked_by": author_name,
    }
    for name in TEXTS:
        value: str = getattr(request, name)
        there = source.get(name)
        if there is not None and there[1] == value:
            values[f"{name}_id"] = there[0]
        elif value:
            values[f"{name}_id"] = _add_text(tx, author, value)
    _insert(tx, "song", values)


def _texts_of(tx: Tx, job_id: int | None) -> dict[str, tuple[int, str]]:
    """The number and the text of each kind that the job has."""
    row = tx.execute("SELECT * FROM song WHERE job_id = ?", (job_id,)).fetchone()
    if row is None:
        return {}
    found = {
        name: tx.execute("SELECT id, value FROM text WHERE id = ?", (row[f"{name}_id"],)).fetchone()
        for name in TEXTS
    }
    return {name: (text["id"], text["value"]) for name, text in found.items() if text is not None}


def _add_text(tx: Tx, author: int, value: str) -> int:
    row = tx.execute(
        "INSERT INTO text (author_id, value) VALUES (?, ?) RETURNING id", (author, value)
    ).fetchone()
    return int(row["id"])


def read(row: sqlite3.Row | Mapping[str, object]) -> SongRequest:
    """The request in a row that has ``FIELDS``; an empty one where the words are no longer kept."""
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
    )


def keep_draft(
    tx: Tx, key: int, member_id: int, request: SongRequest, remix_of: int | None, now: datetime
) -> None:
    """Keep the words of a refused request under the number ``key``, for a day."""
    drop_drafts(tx, now)
    values: dict[str, object] = {name: getattr(request, name) for name in FIELDS}
    values |= {"id": key, "member_id": member_number(tx, member_id), "remix_of": remix_of}
    _insert(tx, "draft", values | {"created_at": milliseconds(now)})


def draft(tx: Tx, key: int, member_id: int, now: datetime) -> tuple[SongRequest, int | None] | None:
    """The words of the member's own draft and the job whose words they are a change of; None: gone."""
    row = tx.execute(
        """SELECT draft.* FROM draft JOIN member ON member.id = draft.member_id
           WHERE draft.id = ? AND member.discord_id = ? AND draft.created_at >= ?""",
        (key, member_id, milliseconds(now - KEEP_DRAFTS)),
    ).fetchone()
    return None if row is None else (read(row), row["remix_of"])


def drop_drafts(tx: Tx, now: datetime) -> None:
    """Drop drafts that are older than a day."""
    tx.execute("DELETE FROM draft WHERE created_at < ?", (milliseconds(now - KEEP_DRAFTS),))


def _insert(tx: Tx, table: str, values: Mapping[str, object]) -> None:
    tx.execute(
        f"INSERT INTO {table} ({', '.join(values)}) VALUES ({', '.join(f':{name}' for name in values)})",
        dict(values),
    )
