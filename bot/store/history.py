"""A member's own songs in a server: those in the making, those that are there, one of them by its title."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from bot.model import Job
from bot.store import jobs
from bot.store.database import Tx
from bot.store.ledger import known_member, moment
from bot.store.words import SEARCHED

ID_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class SongPage:
    """Some of a member's songs, newest first."""

    songs: tuple[Job, ...]
    newer: bool
    older: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnSong:
    """A song to choose from a list."""

    job_id: int
    song: str
    """Its title or its prompt; empty where the words are no longer kept."""
    at: datetime


# Their audio was made, whatever has become of it since.
_SONGS = """
  SELECT job.id, job.created_at, words.title, words.prompt, words.style, words.lyrics
  FROM job LEFT JOIN words ON words.job_id = job.id
  WHERE job.guild_id = :guild AND job.member_id = :member
    AND job.state IN ('stored', 'delivering', 'delivered', 'undelivered')"""
_NEWEST_FIRST = " ORDER BY job.created_at DESC, job.id DESC"


def in_the_making(tx: Tx, guild_id: int, member_id: int) -> list[Job]:
    """The member's songs that are not done, also those that wait for the operator; oldest first."""
    rows = tx.execute(
        f"""SELECT id FROM job WHERE guild_id = ? AND member_id = ?
              AND ({jobs.IN_THE_MAKING} OR parked IS NOT NULL) ORDER BY created_at, id""",
        (guild_id, known_member(tx, member_id)),
    ).fetchall()
    return _whole(tx, [row["id"] for row in rows])


def songs(
    tx: Tx,
    guild_id: int,
    member_id: int,
    *,
    size: int,
    word: str = "",
    before_id: int | None = None,
    after_id: int | None = None,
) -> SongPage:
    """``size`` songs, older than the song ``before_id`` or newer than ``after_id``; else the newest.

    With ``word`` only those that have each word of it in one of their texts, whatever its case.
    """
    given = {"guild": guild_id, "member": known_member(tx, member_id), "edge": before_id or after_id}
    edge = "(SELECT created_at, id FROM job WHERE id = :edge)"
    newer_first = after_id is None
    query = _SONGS
    if before_id is not None:
        query += f" AND (job.created_at, job.id) < {edge}"
    elif after_id is not None:
        query += f" AND (job.created_at, job.id) > {edge}"
    order = _NEWEST_FIRST if newer_first else " ORDER BY job.created_at, job.id"
    found: list[int] = []
    words = word.casefold().split()
    for row in tx.execute(query + order, given):
        texts = "\n".join(str(row[name] or "") for name in SEARCHED).casefold()
        if all(one in texts for one in words):
            found.append(row["id"])
        if len(found) > size:
            break
    page, more = found[:size], len(found) > size
    if newer_first:
        return SongPage(songs=tuple(_whole(tx, page)), newer=before_id is not None, older=more)
    return SongPage(songs=tuple(_whole(tx, page[::-1])), newer=more, older=True)


def choices(tx: Tx, guild_id: int, member_id: int, typed: str, limit: int) -> list[OwnSong]:
    """Songs whose title or prompt has what was typed, the newest first."""
    wanted = typed.casefold().split()
    found: list[OwnSong] = []
    for song in _own(tx, guild_id, member_id):
        if all(one in song.song.casefold() for one in wanted):
            found.append(song)
        if len(found) == limit:
            break
    return found


def find(tx: Tx, guild_id: int, member_id: int, typed: str) -> Job | None:
    """The song that was chosen from a list by its id; or else, what was typed: its title or a part of it."""
    typed = typed.strip()
    own = list(_own(tx, guild_id, member_id))
    if typed.isascii() and typed.isdecimal() and len(typed) <= ID_DIGITS_MAX:
        chosen = [song for song in own if song.job_id == int(typed)]
        if chosen:
            return jobs.get(tx, chosen[0].job_id)
    wanted = typed.casefold()
    named = [song for song in own if wanted and song.song.casefold() == wanted]
    named += [song for song in own if wanted and wanted in song.song.casefold()]
    return jobs.get(tx, named[0].job_id) if named else None


def _own(tx: Tx, guild_id: int, member_id: int) -> Iterator[OwnSong]:
    given = {"guild": guild_id, "member": known_member(tx, member_id)}
    for row in tx.execute(_SONGS + _NEWEST_FIRST, given):
        name = " ".join(str(row["title"] or row["prompt"] or "").split())
        yield OwnSong(job_id=row["id"], song=name, at=moment(row["created_at"]))


def _whole(tx: Tx, ids: list[int]) -> list[Job]:
    return [job for job in (jobs.get(tx, job_id) for job_id in ids) if job is not None]
